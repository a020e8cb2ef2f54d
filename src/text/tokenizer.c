/* SPDX-License-Identifier: MIT */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "text/field.h"
#include "text/textbuf.h"
#include "text/tokenizer_file.h"
#include "text/utf8.h"
#include "util/file.h"
#include "util/lines.h"

#define FILE_MOST ((size_t)1 << 28) /* bytes of a tokenizer.json */

enum tokenizer_kind { TOKENIZER_CHARACTERS, TOKENIZER_BYTES, TOKENIZER_FILE };

static const char *const kinds[] = {"characters", "bytes", "tokenizer.json"};

struct piece {
    char bytes[UTF8_MOST];
    unsigned char size;
};

struct tokenizer {
    enum tokenizer_kind kind;
    struct piece *piece; /* [count] */
    uint32_t *point;     /* [count] ascending code points; NULL: bytes */
    size_t count;
    struct tokenizer_file *file; /* NULL: it is of another kind, and the above is what it has */
};

static struct tokenizer *tokenizer_new(enum tokenizer_kind kind, size_t count, struct error *err)
{
    struct tokenizer *t = calloc(1, sizeof *t);
    if (t) {
        *t = (struct tokenizer){.kind = kind,
                                .piece = calloc(count + 1, sizeof *t->piece),
                                .point = calloc(count + 1, sizeof *t->point),
                                .count = count};
        if (t->piece && t->point)
            return t;
    }
    tokenizer_free(t);
    error_set(err, STATUS_FAILED, "out of memory");
    return NULL;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    free(t->piece);
    free(t->point);
    tokenizer_file_free(t->file);
    free(t);
}

struct tokenizer *tokenizer_bytes(struct error *err)
{
    struct tokenizer *t = tokenizer_new(TOKENIZER_BYTES, 256, err);
    for (uint32_t i = 0; t && i < 256; i++)
        t->piece[i] = (struct piece){{(char)i}, 1};
    return t;
}

static int no_utf8(const char *text, size_t at, const char *name, struct error *err)
{
    return error_set(err, STATUS_INPUT,
                     "%s:%zu: this line is no UTF-8 text: data.encoding names another encoding, "
                     "data.tokenizer = bytes takes any",
                     name, lines_number(text, at));
}

struct tokenizer *tokenizer_of_points(const unsigned char *seen, struct error *err)
{
    size_t count = 0, n = 0;
    for (uint32_t point = 0; point < UTF8_POINTS; point++)
        count += seen[point];
    struct tokenizer *t = tokenizer_new(TOKENIZER_CHARACTERS, count, err);
    for (uint32_t point = 0; t && point < UTF8_POINTS; point++)
        if (seen[point]) {
            t->point[n] = point;
            t->piece[n].size = (unsigned char)utf8_write(point, t->piece[n].bytes);
            n++;
        }
    return t;
}

int tokenizer_see(unsigned char *seen, const char *text, size_t size, const char *name,
                  struct error *err)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t point = 0;
        if (!(n = utf8_read(text + i, size - i, &point)))
            return no_utf8(text, i, name, err);
        seen[point] = 1;
    }
    return 0;
}

struct tokenizer *tokenizer_characters(const char *text, size_t size, const char *name,
                                       struct error *err)
{
    unsigned char *seen = calloc(1, UTF8_POINTS);
    struct tokenizer *t = NULL;
    if (!seen)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!tokenizer_see(seen, text, size, name, err))
        t = tokenizer_of_points(seen, err);
    free(seen);
    return t;
}

static struct tokenizer *of_document(json_t *document, const char *name, struct error *err)
{
    struct tokenizer *t = tokenizer_new(TOKENIZER_FILE, 0, err);
    if (!t)
        return NULL;
    t->file = tokenizer_file_of(document, name, err);
    if (t->file)
        return t;
    tokenizer_free(t);
    if (err->status == STATUS_INPUT)
        error_cause(err, CAUSE_UNFIT);
    return NULL;
}

static int json_fault(const char *path, json_error_t *why, struct error *err)
{
    const enum json_error_code code = json_error_code(why);
    char shown[FIELD_SHOWN], *near = strstr(why->text, " near '");
    if (code == json_error_out_of_memory || !*why->text)
        return text_short(err);
    if (code == json_error_null_character) /* as where a checkpoint is read */
        return error_damaged(err, "%s:%d: a text in it holds a NUL", path, why->line);
    if (near) /* what stands there is quoted */
        *near = 0;
    return error_damaged(err, "%s:%d: this is no JSON: %s", path, why->line,
                         field_shown(why->text, shown));
}

/* NULL with an error; the caller lets it go. */
static json_t *read_document(const char *path, struct error *err)
{
    size_t size;
    json_error_t why;
    char *bytes = file_read(path, FILE_MOST, &size, err);
    json_t *json = bytes ? json_loadb(bytes, size, 0, &why) : NULL;
    if (bytes && !json && json_fault(path, &why, err) && err->status == STATUS_INPUT)
        error_cause(err, CAUSE_UNFIT);
    free(bytes);
    return json;
}

struct tokenizer *tokenizer_load(const char *path, struct error *err)
{
    json_t *json = read_document(path, err);
    struct tokenizer *t = json ? of_document(json, path, err) : NULL;
    json_decref(json);
    return t;
}

/* Puts Lowercase in front of a document's normalizer. */
static int put_lowercase(json_t *json, struct error *err)
{
    json_t *was = json_object_get(json, "normalizer");
    json_t *list = json_pack("[{s:s}]", "type", "Lowercase");
    int failed = was && !json_is_null(was) && json_array_append(list, was);
    json_t *all = json_pack("{s:s,s:o}", "type", "Sequence", "normalizers", list);
    failed = !all || json_object_set_new(json, "normalizer", all) || failed;
    return failed ? text_short(err) : 0;
}

struct tokenizer *tokenizer_load_lower(const char *path, struct error *err)
{
    json_t *json = read_document(path, err);
    struct tokenizer *t = NULL;
    if (json && (!json_is_object(json) || !put_lowercase(json, err)))
        t = of_document(json, path, err);
    json_decref(json);
    return t;
}

struct tokenizer *tokenizer_named(const char *name, struct error *err)
{
    return strcmp(name, kinds[TOKENIZER_BYTES]) ? tokenizer_load(name, err) : tokenizer_bytes(err);
}

json_t *tokenizer_json(const struct tokenizer *t)
{
    if (t->file)
        return json_pack("{s:s,s:O}", "kind", kinds[t->kind], "document",
                         tokenizer_file_document(t->file));
    json_t *json = json_pack("{s:s}", "kind", kinds[t->kind]);
    if (t->kind == TOKENIZER_BYTES)
        return json;
    json_t *points = json_array();
    for (size_t i = 0; i < t->count; i++)
        if (json_array_append_new(points, json_integer(t->point[i])))
            break;
    if (json_array_size(points) == t->count && !json_object_set_new(json, "points", points))
        return json;
    json_decref(json);
    return NULL;
}

/* Ascending code points. */
static struct tokenizer *of_json_points(const json_t *points, const char *name, struct error *err)
{
    unsigned char *seen = calloc(1, UTF8_POINTS);
    struct tokenizer *t = NULL;
    json_int_t before = -1;
    int failed = seen ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        const json_int_t is = json_is_integer(point) ? json_integer_value(point) : -1;
        if (is <= before || is >= UTF8_POINTS || (is >= 0xd800 && is < 0xe000))
            failed = error_set(err, STATUS_INPUT, "%s: the code points of its tokenizer are broken",
                               name);
        else
            seen[before = is] = 1;
    }
    if (!failed)
        t = tokenizer_of_points(seen, err);
    free(seen);
    return t;
}

struct tokenizer *tokenizer_of_json(const json_t *json, const char *name, struct error *err)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const json_t *points = json_object_get(json, "points");
    if (kind && !strcmp(kind, kinds[TOKENIZER_BYTES]))
        return tokenizer_bytes(err);
    if (kind && !strcmp(kind, kinds[TOKENIZER_CHARACTERS]) && json_array_size(points))
        return of_json_points(points, name, err);
    if (kind && !strcmp(kind, kinds[TOKENIZER_FILE]))
        return of_document(json_object_get(json, "document"), name, err);
    error_set(err, STATUS_INPUT, "%s: its tokenizer is of no kind that is known here", name);
    return NULL;
}

size_t tokenizer_count(const struct tokenizer *t)
{
    return t->file ? tokenizer_file_count(t->file) : t->count;
}

/* The token of a code point; `count` where it has none. */
static size_t token_of(const struct tokenizer *t, uint32_t point)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (t->point[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->count && t->point[low] == point ? low : t->count;
}

static int encode_characters(const struct tokenizer *t, const char *text, size_t size,
                             const char *name, struct tokens *to, struct error *err)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t point = 0;
        if (!(n = utf8_read(text + i, size - i, &point)))
            return no_utf8(text, i, name, err);
        const size_t token = token_of(t, point);
        if (token == t->count)
            return error_set(err, STATUS_INPUT,
                             "%s:%zu: the model has no token for the character U+%04X, which its "
                             "training text does not hold",
                             name, lines_number(text, i), (unsigned)point);
        to->number[to->count++] = (uint32_t)token;
    }
    return 0;
}

static const struct tokenizer_frame plain = {0, 0, SIZE_MAX}, whole = {1, 1, SIZE_MAX},
                                    beginning = {1, 0, SIZE_MAX};

/* The first line of a text that fails by itself too; 0: none does. */
static size_t line_at_fault(const struct tokenizer *t, const char *text, size_t size)
{
    const char *end = text + size;
    struct tokens tokens = {0};
    struct error err = {0};
    size_t line = 0;
    int failed = 0;
    while (!failed && text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        const size_t length = (size_t)((stop ? stop + 1 : end) - text);
        tokens.count = 0;
        failed = tokenizer_file_encode(t->file, text, length, &plain, &tokens, &err);
        text += length;
        line++;
    }
    free(tokens.number);
    return failed ? line : 0;
}

static int encode_by_file(const struct tokenizer *t, const char *text, size_t size,
                          const char *name, const struct tokenizer_frame *frame, struct tokens *to,
                          struct error *err)
{
    const size_t good = utf8_whole(text, size);
    if (good < size)
        return no_utf8(text, good, name, err);
    if (!tokenizer_file_encode(t->file, text, size, frame, to, err))
        return 0;
    const size_t line = err->status == STATUS_INPUT ? line_at_fault(t, text, size) : 0;
    return line ? error_prefix(err, "%s:%zu", name, line) : error_prefix(err, "%s", name);
}

int tokenizer_encode_whole(const struct tokenizer *t, const char *text, size_t size,
                           const char *name, struct tokens *to, struct error *err)
{
    return t->file ? encode_by_file(t, text, size, name, &whole, to, err)
                   : tokenizer_encode(t, text, size, name, to, err);
}

int tokenizer_encode_beginning(const struct tokenizer *t, const char *text, size_t size,
                               const char *name, struct tokens *to, struct error *err)
{
    return t->file ? encode_by_file(t, text, size, name, &beginning, to, err)
                   : tokenizer_encode(t, text, size, name, to, err);
}

int tokenizer_encode_within(const struct tokenizer *t, const char *text, size_t size,
                            const char *name, size_t most, struct tokens *to, struct error *err)
{
    const size_t before = to->count;
    if (t->file)
        return encode_by_file(t, text, size, name, &(struct tokenizer_frame){1, 1, most}, to, err);
    if (tokenizer_encode(t, text, size, name, to, err))
        return -1;
    if (to->count - before > most)
        to->count = before + most;
    return 0;
}

int tokenizer_encode(const struct tokenizer *t, const char *text, size_t size, const char *name,
                     struct tokens *to, struct error *err)
{
    if (t->file)
        return encode_by_file(t, text, size, name, &plain, to, err);
    uint32_t *more = size < SIZE_MAX / sizeof *more - to->count
                         ? realloc(to->number, (to->count + size + 1) * sizeof *more)
                         : NULL;
    if (!more)
        return error_set(err, STATUS_FAILED, "%s: out of memory", name);
    to->number = more;
    if (t->kind == TOKENIZER_CHARACTERS)
        return encode_characters(t, text, size, name, to, err);
    for (size_t i = 0; i < size; i++)
        to->number[to->count++] = (unsigned char)text[i];
    return 0;
}

int tokenizer_has(const struct tokenizer *t, uint32_t number)
{
    return t->file ? tokenizer_file_has(t->file, number) : number < t->count;
}

const char *tokenizer_piece(const struct tokenizer *t, uint32_t number, size_t *size)
{
    if (t->file)
        return tokenizer_file_piece(t->file, number, size);
    *size = number < t->count ? t->piece[number].size : 0;
    return number < t->count ? t->piece[number].bytes : "";
}

char *tokenizer_decode(const struct tokenizer *t, const uint32_t *number, size_t count, int special,
                       size_t *size, struct error *err)
{
    struct textbuf text = {0};
    int failed = 0;
    if (t->file)
        return tokenizer_file_decode(t->file, number, count, special, size, err);
    for (size_t i = 0; !failed && i < count; i++)
        failed = number[i] < t->count
                     ? textbuf_add(&text, t->piece[number[i]].bytes, t->piece[number[i]].size, err)
                     : error_set(err, STATUS_INPUT, "no token has the number %u", number[i]);
    failed = failed || textbuf_add(&text, "", 1, err);
    *size = failed ? 0 : text.size - 1;
    if (failed)
        textbuf_fini(&text);
    return text.at;
}

int64_t tokenizer_number(const struct tokenizer *t, const char *text)
{
    if (t->file)
        return tokenizer_file_number(t->file, text);
    const size_t size = strlen(text);
    for (size_t i = 0; i < t->count; i++)
        if (t->piece[i].size == size && !memcmp(t->piece[i].bytes, text, size))
            return (int64_t)i;
    return -1;
}

int tokenizer_is_special(const struct tokenizer *t, uint32_t number)
{
    return t->file && tokenizer_file_is_special(t->file, number);
}
