/* SPDX-License-Identifier: MIT */
#include "quant/stored.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/jsonmem.h"
#include "util/shown.h"

#define STATE ".quant_state.bitsandbytes__nf4"
#define STATE_MOST ((size_t)4096) /* bytes of its text */
#define MAX_NAME 320
#define MAX_PARTS 5

/* A tensor of a matrix: bytes of it from `at` on, or always the same. */
struct part {
    const char *suffix; /* see part_name() */
    enum dtype dtype;
    size_t rank;
    uint64_t shape[2];
    size_t at;
    const void *constant;
};

struct matrix {
    const char *name;
    enum dtype dtype;
    size_t rows, columns;
    struct packed_form form;
    struct part part[MAX_PARTS];
    size_t parts;
};

static const uint8_t int8_format = 0; /* by rows */

static struct matrix matrix_of(const char *name, enum dtype dtype, size_t rows, size_t columns)
{
    struct matrix m = {name, dtype, rows, columns, packed_form(dtype, rows, columns), {{0}}, 0};
    const struct packed_form *f = &m.form;
    if (dtype == DTYPE_INT8) {
        m.part[m.parts++] = (struct part){"", DTYPE_I8, 2, {rows, columns}, 0, NULL};
        m.part[m.parts++] = (struct part){"SCB", DTYPE_F32, 1, {rows}, f->scales, NULL};
        m.part[m.parts++] = (struct part){"_format", DTYPE_U8, 0, {0}, 0, &int8_format};
        return m;
    }
    const int nested = dtype == DTYPE_NF4_NESTED;
    m.part[m.parts++] = (struct part){"", DTYPE_U8, 2, {(rows * columns + 1) / 2, 1}, 0, NULL};
    m.part[m.parts++] =
        (struct part){".absmax", nested ? DTYPE_U8 : DTYPE_F32, 1, {f->blocks}, f->scales, NULL};
    m.part[m.parts++] = (struct part){".quant_map", DTYPE_F32, 1, {16}, 0, packed_nf4};
    if (!nested)
        return m;
    m.part[m.parts++] =
        (struct part){".nested_absmax", DTYPE_F32, 1, {f->groups}, f->nested + sizeof(float), NULL};
    m.part[m.parts++] = (struct part){".nested_quant_map", DTYPE_F32, 1, {256}, 0, packed_dynamic};
    return m;
}

/* A suffix with a letter in front takes the place of "weight". */
static void part_name(char to[MAX_NAME], const char *weight, const char *suffix)
{
    const size_t n = strlen(weight), own = strlen("weight");
    if (!*suffix || strchr("._", *suffix))
        snprintf(to, MAX_NAME, "%s%s", weight, suffix);
    else if (n >= own && !strcmp(weight + n - own, "weight"))
        snprintf(to, MAX_NAME, "%.*s%s", (int)(n - own), weight, suffix);
    else
        snprintf(to, MAX_NAME, "%s.%s", weight, suffix);
}

/* --- writing */

/* The text that belongs to NF4; NULL without memory. The caller frees. */
static char *state_text(const struct matrix *m, float offset)
{
    json_t *json =
        json_pack("{s:s, s:i, s:s, s:[I, I]}", "quant_type", "nf4", "blocksize", (int)PACKED_BLOCK,
                  "dtype", "float32", "shape", (json_int_t)m->rows, (json_int_t)m->columns);
    if (json && m->dtype == DTYPE_NF4_NESTED) {
        json_object_set_new(json, "nested_blocksize", json_integer((json_int_t)PACKED_GROUP));
        json_object_set_new(json, "nested_dtype", json_string("float32"));
        json_object_set_new(json, "nested_offset", json_real((double)offset));
    }
    char *text = json ? jsonmem_dumps(json, JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    return text;
}

static int add_state(struct safetensors *st, const struct matrix *m, float offset,
                     struct error *err)
{
    char name[MAX_NAME], *text = state_text(m, offset);
    if (!text)
        return error_set(err, STATUS_FAILED, "%s: out of memory", m->name);
    const uint64_t bytes = strlen(text);
    part_name(name, m->name, STATE);
    int result = safetensors_add(st, name, DTYPE_U8, 1, &bytes, text, err);
    free(text);
    return result;
}

int stored_add(struct safetensors *st, const char *name, enum dtype dtype, size_t rows,
               size_t columns, safetensors_fetch *fetch, void *from, size_t at, struct error *err)
{
    const struct matrix m = matrix_of(name, dtype, rows, columns);
    float offset = 0;
    for (size_t i = 0; i < m.parts; i++) {
        const struct part *p = &m.part[i];
        char full[MAX_NAME];
        part_name(full, name, p->suffix);
        if (p->constant ? safetensors_add(st, full, p->dtype, p->rank, p->shape, p->constant, err)
                        : safetensors_add_far(st, full, p->dtype, p->rank, p->shape, fetch, from,
                                              at + p->at, err))
            return -1;
    }
    if (dtype == DTYPE_NF4_NESTED && fetch(from, at + m.form.nested, sizeof offset, &offset, err))
        return -1;
    return dtype == DTYPE_INT8 ? 0 : add_state(st, &m, offset, err);
}

/* --- reading */

static const struct safetensor *file_find(const void *in, const char *name)
{
    return safetensors_find(in, name);
}

static int file_copy(const void *in, const struct safetensor *tensor, void *to, struct error *err)
{
    return safetensors_copy(in, tensor, to, err);
}

struct stored_source stored_file(const struct safetensors *st, const char *path)
{
    return (struct stored_source){path, st, file_find, file_copy};
}

/* The tensor of a weight with this suffix; NULL: there is none. */
static const struct safetensor *part_find(const struct stored_source *source, const char *weight,
                                          const char *suffix)
{
    char name[MAX_NAME];
    part_name(name, weight, suffix);
    return source->find(source->in, name);
}

int stored_finds(const struct stored_source *source, const char *name, enum dtype *dtype)
{
    const struct safetensor *codes = source->find(source->in, name);
    if (codes && codes->dtype == DTYPE_U8 && part_find(source, name, ".absmax")) {
        *dtype = part_find(source, name, ".nested_absmax") ? DTYPE_NF4_NESTED : DTYPE_NF4;
        return 1;
    }
    *dtype = DTYPE_INT8;
    return codes && codes->dtype == DTYPE_I8 && part_find(source, name, "SCB");
}

static int broken(const struct stored_source *source, const struct matrix *m, const char *why,
                  struct error *err)
{
    return error_set(err, STATUS_INPUT, "%s: %s, a quantised matrix, %s", source->path,
                     show_name(m->name).text, why);
}

static int is_whole(const json_t *json, const char *key, size_t value)
{
    const json_t *member = json_object_get(json, key);
    return json_is_integer(member) && json_integer_value(member) == (json_int_t)value;
}

static int is_shape(const json_t *json, const struct matrix *m)
{
    const json_t *shape = json_object_get(json, "shape");
    return json_array_size(shape) == 2 &&
           json_integer_value(json_array_get(shape, 0)) == (json_int_t)m->rows &&
           json_integer_value(json_array_get(shape, 1)) == (json_int_t)m->columns;
}

/* Holds the text of NF4 to the matrix; *offset is what it says of nested scales. */
static int judge_state(const struct stored_source *source, const struct matrix *m,
                       const json_t *json, float *offset, struct error *err)
{
    const char *type = json_string_value(json_object_get(json, "quant_type"));
    const json_t *number = json_object_get(json, "nested_offset");
    if (!type || strcmp(type, "nf4") || !is_whole(json, "blocksize", PACKED_BLOCK))
        return broken(source, m, "is not NF4 in blocks of 64", err);
    if (!is_shape(json, m))
        return broken(source, m, "has not the shape of this model's: another configuration?", err);
    if (m->dtype != DTYPE_NF4_NESTED)
        return 0;
    *offset = (float)json_number_value(number);
    if (!is_whole(json, "nested_blocksize", PACKED_GROUP) || !json_is_number(number) ||
        !isfinite(*offset))
        return broken(source, m, "has a broken text on its nested scales", err);
    return 0;
}

/* The text of NF4; NULL with an error. */
static json_t *state_of(const struct stored_source *source, const struct matrix *m,
                        struct error *err)
{
    const struct safetensor *t = part_find(source, m->name, STATE);
    char text[STATE_MOST];
    json_error_t why;
    json_t *json = NULL;
    if (!t || t->dtype != DTYPE_U8 || t->bytes > sizeof text)
        broken(source, m, "has no " STATE, err);
    else if (source->copy(source->in, t, text, err))
        ; /* told */
    else if (!(json = json_loadb(text, t->bytes, 0, &why)) && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", source->path);
    else if (!json)
        broken(source, m, "has a broken " STATE, err);
    return json;
}

static int read_state(const struct stored_source *source, const struct matrix *m, float *offset,
                      struct error *err)
{
    json_t *json = state_of(source, m, err);
    int result = json ? judge_state(source, m, json, offset, err) : -1;
    json_decref(json);
    return result;
}

int stored_shape(const struct stored_source *source, const char *name, enum dtype dtype,
                 size_t *rows, size_t *columns, struct error *err)
{
    const struct safetensor *codes = source->find(source->in, name);
    const struct matrix m = {.name = name, .dtype = dtype};
    json_int_t dim[2];
    if (dtype == DTYPE_INT8 && codes->rank == 2) {
        *rows = codes->shape[0];
        *columns = codes->shape[1];
        return 0;
    }
    json_t *json = dtype == DTYPE_INT8 ? NULL : state_of(source, &m, err);
    if (dtype != DTYPE_INT8 && !json)
        return -1;
    const json_t *shape = json_object_get(json, "shape");
    for (size_t r = 0; r < 2; r++)
        dim[r] = json_integer_value(json_array_get(shape, r));
    const size_t rank = json_array_size(shape);
    json_decref(json);
    /* NF4: two numbers a byte, so that no product overflows */
    if (rank != 2 || dim[0] < 1 || dim[1] < 1 ||
        (uint64_t)dim[0] > (2 * (uint64_t)codes->bytes + 1) / (uint64_t)dim[1])
        return broken(source, &m, "tells no shape that its codes have", err);
    *rows = (size_t)dim[0];
    *columns = (size_t)dim[1];
    return 0;
}

static int has_shape(const struct safetensor *t, const struct part *p)
{
    int same = t->dtype == p->dtype && t->rank == p->rank;
    for (size_t r = 0; same && r < p->rank; r++)
        same = t->shape[r] == p->shape[r];
    return same;
}

/* A part into its place, or held to what it always is. */
static int read_part(const struct stored_source *source, const struct matrix *m,
                     const struct part *p, char *to, struct error *err)
{
    char constant[sizeof packed_dynamic], why[128];
    const struct safetensor *t = part_find(source, m->name, p->suffix);
    if (!t || !has_shape(t, p)) {
        snprintf(why, sizeof why, "%s %s%s", t ? "has not the shape of this model's in" : "has no",
                 p->suffix, *p->suffix ? "" : "its codes");
        return broken(source, m, why, err);
    }
    if (source->copy(source->in, t, p->constant ? constant : to + p->at, err))
        return -1;
    if (!p->constant || !memcmp(constant, p->constant, t->bytes))
        return 0;
    snprintf(why, sizeof why, "has another %s than NF4 and bitsandbytes' maps", p->suffix);
    return broken(source, m, why, err);
}

int stored_read(const struct stored_source *source, const char *name, enum dtype dtype, size_t rows,
                size_t columns, void *to, struct error *err)
{
    const struct matrix m = matrix_of(name, dtype, rows, columns);
    float offset = 0;
    memset(to, 0, m.form.bytes);
    if (dtype != DTYPE_INT8 && read_state(source, &m, &offset, err))
        return -1;
    for (size_t i = 0; i < m.parts; i++)
        if (read_part(source, &m, &m.part[i], to, err))
            return -1;
    if (dtype == DTYPE_NF4_NESTED)
        memcpy((char *)to + m.form.nested, &offset, sizeof offset);
    return 0;
}

int stored_is_part(const char *tensor, char *weight, size_t size)
{
    static const struct {
        const char *end, *instead;
    } ends[] = {{".nested_absmax", ""}, {".absmax", ""},    {".nested_quant_map", ""},
                {".quant_map", ""},     {STATE, ""},        {"_format", ""},
                {".SCB", ".weight"},    {"_SCB", "_weight"}};
    const size_t n = strlen(tensor);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const size_t end = strlen(ends[i].end);
        if (n <= end || strcmp(tensor + n - end, ends[i].end))
            continue;
        snprintf(weight, size, "%.*s%s", (int)(n - end), tensor, ends[i].instead);
        return 1;
    }
    return 0;
}
