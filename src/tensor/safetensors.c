/* SPDX-License-Identifier: MIT */
#include "tensor/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/crc32c.h"
#include "util/file.h"
#include "util/jsonmem.h"
#include "util/shown.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors holds little-endian numbers; this host needs a swap in fill() and write_data()"
#endif

/* Longest header that is read or written: room for 100,000 tensors, no room for a bomb. */
#define HEADER_MAX ((uint64_t)64 << 20) /* of a large tokenizer, above all */

/* Names in the metadata: of the header's sum and, with the name of a tensor behind it, of its sum.
 */
#define SUM "crc32c"
#define SUM_OF SUM "."
#define SUM_DIGITS 8
#define NO_SUM "00000000"

/* Data that lie elsewhere pass through so many bytes on the stack. */
#define PIECE ((size_t)1 << 18)

struct safetensors *safetensors_new(void)
{
    return calloc(1, sizeof(struct safetensors));
}

void safetensors_free(struct safetensors *st)
{
    if (!st)
        return;
    for (size_t i = 0; i < st->count; i++) {
        free(st->tensor[i].name);
        free(st->tensor[i].data);
    }
    for (size_t i = 0; i < st->metas; i++) {
        free(st->meta[i].key);
        free(st->meta[i].value);
    }
    if (st->path)
        close(st->file);
    free(st->path);
    free(st->tensor);
    free(st->meta);
    free(st);
}

const struct safetensor *safetensors_find(const struct safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->count; i++)
        if (!strcmp(st->tensor[i].name, name))
            return &st->tensor[i];
    return NULL;
}

const char *safetensors_get(const struct safetensors *st, const char *key)
{
    for (size_t i = 0; i < st->metas; i++)
        if (!strcmp(st->meta[i].key, key))
            return st->meta[i].value;
    return NULL;
}

/* bytes = product of the shape times the size of the type; -1 if that overflows. */
static int count_bytes(enum dtype dtype, size_t rank, const uint64_t *shape, size_t *bytes)
{
    *bytes = dtype_bytes(dtype, 1);
    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*bytes, shape[i], bytes))
            return -1;
    return 0;
}

/* An array with room for one more; grows when `count` is 0 or a power of two. */
static void *grow(void *array, size_t count, size_t size)
{
    if (count & (count - 1))
        return array;
    return reallocarray(array, count ? 2 * count : 1, size);
}

/* Appends a tensor whose bytes are not there yet; NULL without memory. */
static struct safetensor *append(struct safetensors *st, const char *name)
{
    struct safetensor *more = grow(st->tensor, st->count, sizeof *more);
    if (!more)
        return NULL;
    st->tensor = more;
    struct safetensor *tensor = &more[st->count];
    memset(tensor, 0, sizeof *tensor);
    if (!(tensor->name = strdup(name)))
        return NULL;
    st->count++;
    return tensor;
}

/* Appends a copy of a key and its value; -1 without memory. */
static int append_meta(struct safetensors *st, const char *key, const char *value)
{
    void *more = grow(st->meta, st->metas, sizeof *st->meta);
    if (!more)
        return -1;
    st->meta = more;
    char *k = strdup(key), *v = strdup(value);
    if (!k || !v) {
        free(k);
        free(v);
        return -1;
    }
    st->meta[st->metas].key = k;
    st->meta[st->metas++].value = v;
    return 0;
}

/* Appends a tensor of this shape, without data; NULL with an error. */
static struct safetensor *add(struct safetensors *st, const char *name, enum dtype dtype,
                              size_t rank, const uint64_t *shape, struct error *err)
{
    size_t bytes;
    struct safetensor *tensor = NULL;
    if (!strcmp(name, "__metadata__"))
        error_set(err, STATUS_FAILED, "tensor '%s': the name is reserved", name);
    else if (safetensors_find(st, name))
        error_set(err, STATUS_FAILED, "tensor '%s' is there already", name);
    else if (rank > SAFETENSORS_MAX_RANK)
        error_set(err, STATUS_FAILED, "tensor '%s': more than %d dimensions", name,
                  SAFETENSORS_MAX_RANK);
    else if (count_bytes(dtype, rank, shape, &bytes))
        error_set(err, STATUS_FAILED, "tensor '%s': its size overflows", name);
    else if (!(tensor = append(st, name)))
        error_set(err, STATUS_FAILED, "tensor '%s': out of memory", name);
    if (!tensor)
        return NULL;
    tensor->dtype = dtype;
    tensor->rank = rank;
    for (size_t i = 0; i < rank; i++)
        tensor->shape[i] = shape[i];
    tensor->bytes = bytes;
    return tensor;
}

/* A copy of a tensor's data; -1 without memory. */
static int keep(struct safetensor *tensor, const void *data)
{
    if (!(tensor->data = malloc(tensor->bytes ? tensor->bytes : 1)))
        return -1;
    if (tensor->bytes)
        memcpy(tensor->data, data, tensor->bytes);
    return 0;
}

int safetensors_add(struct safetensors *st, const char *name, enum dtype dtype, size_t rank,
                    const uint64_t *shape, const void *data, struct error *err)
{
    struct safetensor *tensor = add(st, name, dtype, rank, shape, err);
    if (!tensor)
        return -1;
    if (keep(tensor, data)) {
        free(tensor->name);
        st->count--;
        return error_set(err, STATUS_FAILED, "tensor '%s': out of memory", name);
    }
    return 0;
}

int safetensors_add_far(struct safetensors *st, const char *name, enum dtype dtype, size_t rank,
                        const uint64_t *shape, safetensors_fetch *fetch, void *from, size_t at,
                        struct error *err)
{
    struct safetensor *tensor = add(st, name, dtype, rank, shape, err);
    if (!tensor)
        return -1;
    tensor->fetch = fetch;
    tensor->from = from;
    tensor->at = at;
    return 0;
}

int safetensors_set(struct safetensors *st, const char *key, const char *value, struct error *err)
{
    for (size_t i = 0; i < st->metas; i++) {
        if (strcmp(st->meta[i].key, key))
            continue;
        char *copy = strdup(value);
        if (!copy)
            return error_set(err, STATUS_FAILED, "metadata '%s': out of memory", key);
        free(st->meta[i].value);
        st->meta[i].value = copy;
        return 0;
    }
    if (append_meta(st, key, value))
        return error_set(err, STATUS_FAILED, "metadata '%s': out of memory", key);
    return 0;
}

/* --- reading */

/* Where a tensor says its bytes lie, and its place in the header. */
struct extent {
    uint64_t begin, end;
    size_t index;
};

static int by_extent(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* A whole number of at least 0; -1 for anything else. jansson refuses what exceeds 2^63 - 1. */
static int whole(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return -1;
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static const char out_of_memory[] = "out of memory";

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}; the cause of a fault, or NULL. */
static const char *parse_tensor(const json_t *entry, struct safetensor *tensor,
                                struct extent *extent)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (!dtype || !json_is_array(shape) || json_array_size(offsets) != 2)
        return "needs a dtype, a shape and two data_offsets";

    tensor->dtype = dtype_of(dtype);
    if (tensor->dtype >= DTYPE_NF4) /* the format has no blocks */
        return "its dtype is not one of F32, F64, BF16, F16, I8, U8, I32, U32, I64, U64";

    tensor->rank = json_array_size(shape);
    if (tensor->rank > SAFETENSORS_MAX_RANK)
        return "has more than 8 dimensions";
    for (size_t i = 0; i < tensor->rank; i++)
        if (whole(json_array_get(shape, i), &tensor->shape[i]))
            return "its shape is not made of whole numbers";
    if (count_bytes(tensor->dtype, tensor->rank, tensor->shape, &tensor->bytes))
        return "its size overflows";

    if (whole(json_array_get(offsets, 0), &extent->begin) ||
        whole(json_array_get(offsets, 1), &extent->end) || extent->end < extent->begin)
        return "its data_offsets are not two ascending whole numbers";
    if (extent->end - extent->begin != tensor->bytes)
        return "its shape and its data_offsets disagree";
    return NULL;
}

static int is_sum(const char *key)
{
    return !strcmp(key, SUM) || !strncmp(key, SUM_OF, strlen(SUM_OF));
}

/* "__metadata__": {"key": "value", ...} but for sums; the cause of a fault, or NULL. */
static const char *parse_metadata(json_t *entry, struct safetensors *st)
{
    const char *key;
    json_t *value;
    if (!json_is_object(entry))
        return "is not an object";
    json_object_foreach(entry, key, value)
    {
        if (!json_is_string(value))
            return "has a value that is no string";
        if (!is_sum(key) && append_meta(st, key, json_string_value(value)))
            return out_of_memory;
    }
    return NULL;
}

/* Checks that the tensors' data, in the order of `extents`, fill `data_size` bytes. */
static int check_extents(const struct safetensors *st, const struct extent *extents,
                         uint64_t data_size, const char *path, struct error *err)
{
    uint64_t end = 0;
    for (size_t i = 0; i < st->count; i++) {
        if (extents[i].begin != end)
            return error_damaged(err, "%s: tensor '%s': its data %s", path,
                                 show_name(st->tensor[extents[i].index].name).text,
                                 extents[i].begin < end ? "overlaps another tensor"
                                                        : "follows a hole");
        end = extents[i].end;
    }
    if (end == data_size)
        return 0;
    return error_damaged(err, "%s: %s: the header tells of %llu bytes of data, not %llu", path,
                         end > data_size ? "truncated" : "too long", (unsigned long long)end,
                         (unsigned long long)data_size);
}

/* Puts the tensors into the order of their data, which have to follow each other without holes. */
static int order_tensors(struct safetensors *st, struct extent *extents, uint64_t data_size,
                         const char *path, struct error *err)
{
    if (st->count)
        qsort(extents, st->count, sizeof *extents, by_extent);
    if (check_extents(st, extents, data_size, path, err))
        return -1;
    struct safetensor *sorted = calloc(st->count + 1, sizeof *sorted);
    if (!sorted)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; i < st->count; i++)
        sorted[i] = st->tensor[extents[i].index];
    for (size_t i = 0; i < st->count; i++) /* back into the array that append() grows */
        st->tensor[i] = sorted[i];
    free(sorted);
    return 0;
}

/* Metadata and tensors, the latter without their data. */
static int parse_entries(json_t *header, struct safetensors *st, uint64_t data_size,
                         const char *path, struct error *err)
{
    int failed = 0;
    const char *name;
    json_t *entry;
    struct extent *extents = calloc(json_object_size(header) + 1, sizeof *extents);
    if (!extents)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);

    json_object_foreach(header, name, entry)
    {
        const char *fault;
        int meta = !strcmp(name, "__metadata__");
        if (meta) {
            fault = parse_metadata(entry, st);
        } else {
            struct extent *extent = &extents[st->count];
            extent->index = st->count;
            struct safetensor *tensor = append(st, name);
            fault = tensor ? parse_tensor(entry, tensor, extent) : out_of_memory;
        }
        if (fault) {
            failed = error_damaged(err, "%s: %s'%s': %s", path, meta ? "" : "tensor ",
                                   show_name(name).text, fault);
            if (fault == out_of_memory)
                failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
            break;
        }
    }
    if (!failed)
        failed = order_tensors(st, extents, data_size, path, err);
    free(extents);
    return failed;
}

/* --- sums */

/* Eight hexadecimal digits as they are written; -1 for anything else. */
static int parse_sum(const char *text, uint32_t *sum)
{
    if (!text || strlen(text) != SUM_DIGITS || strspn(text, "0123456789abcdef") != SUM_DIGITS)
        return -1;
    *sum = (uint32_t)strtoul(text, NULL, 16);
    return 0;
}

/* "crc32c.NAME", which the caller frees; NULL without memory. */
static char *sum_key(const char *name)
{
    size_t size = sizeof SUM_OF + strlen(name);
    char *key = malloc(size);
    if (key)
        snprintf(key, size, SUM_OF "%s", name);
    return key;
}

/* Where the digits of its own sum stand in a header; NULL if they do not. A key within a string
 * would have a backslash before its quotes. */
static char *sum_digits(const char *header, size_t size)
{
    static const char before[] = "\"" SUM "\":\"";
    char *at = memmem(header, size, before, sizeof before - 1);
    at = at ? at + sizeof before - 1 : NULL;
    return at && (size_t)(at - header) + SUM_DIGITS <= size ? at : NULL;
}

/* The sum of the header's length and of the header, its digits taken as zeros. */
static uint32_t header_sum(const void *length, const char *header, size_t size, const char *digits)
{
    const char *rest = digits + SUM_DIGITS;
    uint32_t sum = crc32c(0, length, 8);
    sum = crc32c(sum, header, (size_t)(digits - header));
    sum = crc32c(sum, NO_SUM, SUM_DIGITS);
    return crc32c(sum, rest, (size_t)(header + size - rest));
}

/* The sums of the tensors. -1 with an error where one is missing or, `own` being NULL, where there
 * is any: then it is the name of the header's sum that is damaged. */
static int read_sums(struct safetensors *st, json_t *meta, const char *own, const char *path,
                     struct error *err)
{
    const char *key;
    json_t *value;
    int good = 1;
    json_object_foreach(meta, key, value) good &= own || !is_sum(key);
    for (size_t i = 0; own && good && i < st->count; i++) {
        char *name = sum_key(st->tensor[i].name);
        if (!name)
            return error_set(err, STATUS_FAILED, "%s: out of memory", path);
        good = !parse_sum(json_string_value(json_object_get(meta, name)), &st->tensor[i].sum);
        free(name);
    }
    st->summed = own != NULL;
    return good ? 0 : error_damaged(err, "%s: damaged: its checksums are incomplete", path);
}

/* Holds the header against its sum, if it has one. */
static int check_header(struct safetensors *st, json_t *meta, const char *prefix,
                        const char *header, size_t size, const char *path, struct error *err)
{
    uint32_t want, got;
    const char *own = json_string_value(json_object_get(meta, SUM));
    const char *digits = sum_digits(header, size);
    if (own && (parse_sum(own, &want) || !digits))
        return error_damaged(err, "%s: damaged: the checksum of its header is none", path);
    if (own && (got = header_sum(prefix, header, size, digits)) != want)
        return error_damaged(err, "%s: damaged: the CRC32C of its header is %08x, not %08x", path,
                             got, want);
    return read_sums(st, meta, own, path, err);
}

/* Holds a tensor against its sum, if it has one. */
static int check_tensor(const struct safetensors *st, const struct safetensor *tensor, uint32_t sum,
                        const char *path, struct error *err)
{
    if (!st->summed || sum == tensor->sum)
        return 0;
    return error_damaged(err, "%s: damaged: the CRC32C of tensor '%s' is %08x, not %08x", path,
                         show_name(tensor->name).text, sum, tensor->sum);
}

/* The JSON header of `size` bytes, behind the 8 of its length, in a file with `data_size` bytes
 * behind it. */
static struct safetensors *parse_header(const char *prefix, const char *bytes, size_t size,
                                        uint64_t data_size, const char *path, struct error *err)
{
    json_error_t why;
    json_t *header = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &why);
    if (!header && jsonmem_short()) {
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
        return NULL;
    }
    if (!json_is_object(header)) {
        error_damaged(err, "%s: header: %s", path,
                      header ? "is not an object" : show_name(why.text).text);
        json_decref(header);
        return NULL;
    }
    struct safetensors *st = safetensors_new();
    if (!st) {
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    } else if (parse_entries(header, st, data_size, path, err) ||
               check_header(st, json_object_get(header, "__metadata__"), prefix, bytes, size, path,
                            err)) {
        safetensors_free(st);
        st = NULL;
    }
    json_decref(header);
    return st;
}

/* The header's length from the first 8 bytes of a file of `size` bytes. */
static int header_length(const char *prefix, uint64_t size, uint64_t *length, const char *path,
                         struct error *err)
{
    memcpy(length, prefix, 8);
    if (*length > HEADER_MAX)
        return error_damaged(err, "%s: not a safetensors file: a header of %llu bytes", path,
                             (unsigned long long)*length);
    if (*length > size - 8)
        return error_damaged(err, "%s: truncated in its header", path);
    return 0;
}

struct safetensors *safetensors_parse(const void *bytes, size_t size, const char *name,
                                      struct error *err)
{
    uint64_t length;
    const char *at = bytes;
    if (size < 8) {
        error_damaged(err, "%s: not a safetensors file: shorter than 8 bytes", name);
        return NULL;
    }
    if (header_length(at, size, &length, name, err))
        return NULL;
    struct safetensors *st = parse_header(at, at + 8, (size_t)length, size - 8 - length, name, err);
    at += 8 + length;
    for (size_t i = 0; st && i < st->count; at += st->tensor[i++].bytes) {
        struct safetensor *tensor = &st->tensor[i];
        int failed = keep(tensor, at)
                         ? error_set(err, STATUS_FAILED, "%s: out of memory", name)
                         : check_tensor(st, tensor, crc32c(0, at, tensor->bytes), name, err);
        if (failed) {
            safetensors_free(st);
            return NULL;
        }
    }
    return st;
}

/* A file that ends too early is damaged, one that cannot be read need not be. */
static int read_fault(const char *path, int number, const char *damage, struct error *err)
{
    errno = number;
    return number ? error_errno(err, STATUS_INPUT, path)
                  : error_damaged(err, "%s: %s", path, damage);
}

static int read_data(void *from, size_t offset, size_t bytes, void *to, struct error *err)
{
    const struct safetensors *st = from;
    if (file_read_at(st->file, offset, bytes, to))
        return read_fault(st->path, errno, "its data cannot be read to their end", err);
    return 0;
}

/* Gives data that lie elsewhere to `take` in pieces, and their sum. */
static int fetch_all(const struct safetensor *tensor, safetensors_take *take, void *to,
                     uint32_t *sum, struct error *err)
{
    char piece[PIECE];
    *sum = 0;
    for (size_t done = 0, count; done < tensor->bytes; done += count) {
        count = tensor->bytes - done < sizeof piece ? tensor->bytes - done : sizeof piece;
        if (tensor->fetch(tensor->from, tensor->at + done, count, piece, err))
            return -1;
        *sum = crc32c(*sum, piece, count);
        if (take(to, done, count, piece, err))
            return -1;
    }
    return 0;
}

int safetensors_each(const struct safetensors *st, const struct safetensor *tensor,
                     safetensors_take *take, void *to, struct error *err)
{
    uint32_t sum;
    if (!tensor->fetch) /* was held against its sum when it was read */
        return take(to, 0, tensor->bytes, tensor->data, err);
    return fetch_all(tensor, take, to, &sum, err) || check_tensor(st, tensor, sum, st->path, err)
               ? -1
               : 0;
}

static int take_copy(void *to, size_t offset, size_t bytes, const void *piece, struct error *err)
{
    (void)err;
    if (bytes)
        memcpy((char *)to + offset, piece, bytes);
    return 0;
}

int safetensors_copy(const struct safetensors *st, const struct safetensor *tensor, void *to,
                     struct error *err)
{
    return safetensors_each(st, tensor, take_copy, to, err);
}

/* The header of an open file of `size` bytes, which then tells where the data are. */
static struct safetensors *read_header(int file, uint64_t size, const char *path, struct error *err)
{
    uint64_t length;
    char prefix[8];
    if (size < 8 || file_read_at(file, 0, 8, prefix)) {
        read_fault(path, size < 8 ? 0 : errno, "not a safetensors file: shorter than 8 bytes", err);
        return NULL;
    }
    if (header_length(prefix, size, &length, path, err))
        return NULL;
    char *header = malloc((size_t)length + 1);
    struct safetensors *st = NULL;
    if (!header)
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (file_read_at(file, 8, (size_t)length, header))
        read_fault(path, errno, "truncated in its header", err);
    else
        st = parse_header(prefix, header, (size_t)length, size - 8 - length, path, err);
    free(header);
    size_t at = 8 + (size_t)length;
    for (size_t i = 0; st && i < st->count; at += st->tensor[i++].bytes) {
        st->tensor[i].fetch = read_data;
        st->tensor[i].from = st;
        st->tensor[i].at = at;
    }
    return st;
}

struct safetensors *safetensors_open(const char *path, struct error *err)
{
    struct stat status;
    struct safetensors *st = NULL;
    char *name = strdup(path);
    int file = name ? file_open_regular(path, &status, err)
                    : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (file >= 0)
        st = read_header(file, (uint64_t)status.st_size, path, err);
    if (st) {
        st->path = name;
        st->file = file;
        return st;
    }
    if (file >= 0)
        close(file);
    free(name);
    return NULL;
}

/* Room for a tensor's data, which are then copied to it. */
static int bring(const struct safetensors *st, struct safetensor *tensor, const char *path,
                 struct error *err)
{
    void *data = malloc(tensor->bytes ? tensor->bytes : 1);
    if (!data)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    int failed = safetensors_copy(st, tensor, data, err);
    tensor->fetch = NULL;
    tensor->data = data;
    return failed;
}

struct safetensors *safetensors_read(const char *path, struct error *err)
{
    struct safetensors *st = safetensors_open(path, err);
    for (size_t i = 0; st && i < st->count; i++)
        if (bring(st, &st->tensor[i], path, err)) {
            safetensors_free(st);
            return NULL;
        }
    return st;
}

/* --- writing */

/*
 * Tensors of wide types come first, so that each lies in the file at a multiple of its type's size:
 * calls `each` for every tensor in that order.
 */
static int in_order(const struct safetensors *st,
                    int (*each)(const struct safetensor *tensor, void *ctx), void *ctx)
{
    for (size_t size = 8; size; size /= 2)
        for (size_t i = 0; i < st->count; i++)
            if (dtype_bytes(st->tensor[i].dtype, 1) == size && each(&st->tensor[i], ctx))
                return -1;
    return 0;
}

struct layout {
    json_t *header;
    uint64_t end; /* of the data so far */
};

/* Adds a tensor's entry to the header. */
static int describe(const struct safetensor *tensor, void *ctx)
{
    struct layout *layout = ctx;
    json_t *shape = json_array();
    for (size_t i = 0; i < tensor->rank; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]))) {
            json_decref(shape);
            return -1;
        }
    uint64_t begin = layout->end;
    layout->end += tensor->bytes;
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(tensor->dtype), "shape",
                              shape, "data_offsets", (json_int_t)begin, (json_int_t)layout->end);
    return json_object_set_new(layout->header, tensor->name, entry);
}

/* The metadata, with zeros for all sums, that of the header first; NULL as below. */
static json_t *make_meta(const struct safetensors *st)
{
    json_t *meta = json_object();
    int failed = 0;
    for (size_t i = 0; i < st->metas; i++)
        failed |= json_object_set_new(meta, st->meta[i].key, json_string(st->meta[i].value));
    failed |= json_object_set_new(meta, SUM, json_string(NO_SUM));
    for (size_t i = 0; i < st->count; i++) {
        char *key = sum_key(st->tensor[i].name);
        failed |= !key || json_object_set_new(meta, key, json_string(NO_SUM));
        free(key);
    }
    if (!failed)
        return meta;
    json_decref(meta);
    return NULL;
}

/* The JSON text of the header, or NULL (no memory, or a string that is not UTF-8). */
static char *header_text(const struct safetensors *st)
{
    struct layout layout = {json_object(), 0};
    char *text = NULL;
    if (!json_object_set_new(layout.header, "__metadata__", make_meta(st)) &&
        !in_order(st, describe, &layout))
        text = jsonmem_dumps(layout.header, JSON_COMPACT);
    json_decref(layout.header);
    return text;
}

/* All that is in front of the data: the header's length and the header, padded, with zeros for
 * sums. The caller frees; NULL with an error. */
static char *make_header(const struct safetensors *st, size_t *size, const char *path,
                         struct error *err)
{
    errno = 0;
    char *text = header_text(st), *block;
    const size_t used = text ? strlen(text) : 0;
    const uint64_t length = (used + 7) / 8 * 8;
    if (!text && (errno == ENOMEM || jsonmem_short()))
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (!text)
        error_set(err, STATUS_FAILED, "%s: a name in its header is not UTF-8 text", path);
    else if (length > HEADER_MAX)
        error_set(err, STATUS_FAILED, "%s: its header exceeds 64 MiB", path);
    else if (!(block = realloc(text, 8 + (size_t)length)))
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else {
        *size = 8 + (size_t)length;
        memmove(block + 8, block, used);
        memset(block + 8 + used, ' ', (size_t)length - used);
        memcpy(block, &length, 8);
        return block;
    }
    free(text);
    return NULL;
}

static void put_digits(char *at, uint32_t sum)
{
    char digits[SUM_DIGITS + 1];
    snprintf(digits, sizeof digits, "%08x", sum);
    memcpy(at, digits, SUM_DIGITS);
}

/* Puts the sums into a header: those of the tensors stand behind its own, in their order. */
static void put_sums(const struct safetensors *st, const uint32_t *sum, char *block, size_t size)
{
    static const char none[] = "\":\"" NO_SUM "\"";
    char *own = sum_digits(block + 8, size - 8), *at = own + SUM_DIGITS;
    for (size_t i = 0; i < st->count; i++, at += SUM_DIGITS) {
        at = (char *)memmem(at, (size_t)(block + size - at), none, sizeof none - 1) + 3;
        put_digits(at, sum[i]);
    }
    put_digits(own, header_sum(block, block + 8, size - 8, own));
}

struct sink {
    const struct safetensors *st;
    uint32_t *sum; /* of each tensor */
    FILE *stream;
    struct error *err;
    int failed; /* an error is set */
};

static int take_write(void *to, size_t offset, size_t bytes, const void *piece, struct error *err)
{
    (void)offset;
    (void)err;
    return fwrite(piece, 1, bytes, to) == bytes ? 0 : -1;
}

static int write_data(const struct safetensor *tensor, void *ctx)
{
    struct sink *sink = ctx;
    uint32_t *sum = &sink->sum[tensor - sink->st->tensor];
    if (!tensor->fetch) {
        *sum = crc32c(0, tensor->data, tensor->bytes);
        return take_write(sink->stream, 0, tensor->bytes, tensor->data, sink->err);
    }
    if (!fetch_all(tensor, take_write, sink->stream, sum, sink->err))
        return 0;
    sink->failed = !ferror(sink->stream);
    return sink->failed ? error_prefix(sink->err, "%s", tensor->name) : -1;
}

/* The header, with sums of 0, the data, and the header again with the sums that were found. A
 * failed write is for file_commit() to see. */
static void write_all(struct sink *sink, char *header, size_t size, const char *path)
{
    if (fwrite(header, 1, size, sink->stream) != size || in_order(sink->st, write_data, sink))
        return;
    if (fseeko(sink->stream, 0, SEEK_SET)) { /* no mark is left on the stream */
        sink->failed = 1;
        error_errno(sink->err, STATUS_FAILED, path);
        return;
    }
    put_sums(sink->st, sink->sum, header, size);
    fwrite(header, 1, size, sink->stream);
}

int safetensors_write_keeping(const struct safetensors *st, const char *path, const char *former,
                              struct error *err)
{
    size_t size;
    char *header = make_header(st, &size, path, err);
    if (!header)
        return -1;
    struct sink sink = {.st = st, .err = err, .sum = calloc(st->count + 1, sizeof *sink.sum)};
    struct file_draft *draft = NULL;
    if (!sink.sum) {
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    } else if ((draft = file_begin(path, err))) {
        sink.stream = draft->stream;
        write_all(&sink, header, size, path);
    }
    free(sink.sum);
    free(header);
    if (!draft)
        return -1;
    if (!sink.failed)
        return file_commit_keeping(draft, former, err);
    file_abort(draft);
    return -1;
}

int safetensors_write(const struct safetensors *st, const char *path, struct error *err)
{
    return safetensors_write_keeping(st, path, NULL, err);
}
