/* SPDX-License-Identifier: MIT */
#include "data/document.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#include "data/text.h"
#include "util/block.h"
#include "util/file.h"
#include "util/jsonmem.h"

enum document_kind { DOCUMENT_TEXT, DOCUMENT_LINES, DOCUMENT_COLUMNS, DOCUMENT_OTHER };

static const struct {
    const char *end;
    enum document_kind kind;
} endings[] = {{".txt", DOCUMENT_TEXT},    {".text", DOCUMENT_TEXT},    {".md", DOCUMENT_TEXT},
               {".jsonl", DOCUMENT_LINES}, {".ndjson", DOCUMENT_LINES}, {".csv", DOCUMENT_COLUMNS}};

static const char *const packed[] = {"",     ".gz",
#ifdef HAVE_LIBARCHIVE
                                     ".zip", ".xz", ".bz2",
                                     ".zst"
#endif
};

static int ends_in(const char *name, size_t length, const char *end)
{
    const size_t n = strlen(end);
    return length > n && !strncasecmp(name + length - n, end, n);
}

/* What the ending of a name says, with that of a compression behind it or without. */
static enum document_kind kind_of(const char *name)
{
    for (size_t p = 0; p < sizeof packed / sizeof *packed; p++) {
        const size_t length = strlen(name), more = strlen(packed[p]);
        for (size_t i = 0; ends_in(name, length, packed[p]) && i < sizeof endings / sizeof *endings;
             i++)
            if (ends_in(name, length - more, endings[i].end))
                return endings[i].kind;
    }
    return DOCUMENT_OTHER;
}

int document_is_lines(const char *name)
{
    return kind_of(name) == DOCUMENT_LINES;
}

int document_is_named(const char *name, enum document_of of)
{
    const enum document_kind kind = kind_of(name);
    return kind == DOCUMENT_COLUMNS || (kind == DOCUMENT_LINES && of != DOCUMENTS_OF_SERIES) ||
           (kind == DOCUMENT_TEXT && of == DOCUMENTS_OF_TEXTS);
}

/* --- a whole file */

struct whole {
    char *text; /* a block */
    size_t size, room;
};

static int grow(struct whole *to, const char *path, struct error *err)
{
    const size_t room = to->room ? 2 * to->room : (size_t)1 << 20;
    char *more = room > to->room ? block_resize(to->text, room) : NULL;
    if (!more)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    to->text = more;
    to->room = room;
    return 0;
}

/* What zlib says of the bytes that were read last; saved: errno then. */
static int check_read(gzFile file, const char *path, int saved, struct error *err)
{
    int code = Z_OK;
    const char *why = gzerror(file, &code), *cause = strstr(why, ": ");
    if (code == Z_OK || code == Z_STREAM_END)
        return 0;
    if (code == Z_BUF_ERROR)
        return error_set(err, STATUS_INPUT, "%s: the gzip data is cut off", path);
    if (code == Z_ERRNO)
        return error_set(err, STATUS_INPUT, "%s: %s", path, strerror(saved));
    return error_set(err, STATUS_INPUT, "%s: the gzip data is broken (%s)", path,
                     cause ? cause + 2 : why); /* behind zlib's name for the file */
}

static int read_all(gzFile file, const char *path, struct whole *to, struct error *err)
{
    for (;;) {
        if (to->size == to->room && grow(to, path, err))
            return -1;
        const size_t left = to->room - to->size, most = (size_t)1 << 24;
        const int n = gzread(file, to->text + to->size, (unsigned)(left < most ? left : most));
        if (check_read(file, path, errno, err))
            return -1;
        if (n <= 0)
            return 0;
        to->size += (size_t)n;
    }
}

static int read_whole(const char *path, const char *encoding, FILE *told, struct whole *to,
                      struct error *err)
{
    struct stat state;
    const int fd = text_open(path, TEXT_OF_WORDS, encoding ? encoding : "auto", told, &state, err);
    gzFile file = fd < 0 ? NULL : gzdopen(fd, "rb");
    if (fd >= 0 && !file) {
        close(fd);
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    }
    int failed = !file || read_all(file, path, to, err) || file_unchanged(fd, &state, path, err);
    if (file)
        gzclose_r(file);
    return failed ? -1 : 0;
}

/* --- lines */

int document_lines(const struct document *d, document_taker *take, void *ctx, struct error *err)
{
    char *name = malloc(strlen(d->name) + 32);
    int failed = name ? 0 : error_set(err, STATUS_FAILED, "%s: out of memory", d->name);
    for (size_t at = 0, number = 1; !failed && at < d->size; number++) {
        const char *line = d->text + at, *end = memchr(line, '\n', d->size - at);
        const size_t size = end ? (size_t)(end - line) : d->size - at;
        sprintf(name, "%s:%zu", d->name, number);
        failed = take(ctx, &(struct document){line, size, name, number}, err);
        at += size + 1;
    }
    free(name);
    return failed ? -1 : 0;
}

/* Whoever takes the text in a field of each line. */
struct field_taker {
    const char *field;
    document_taker *take;
    void *ctx;
};

static int is_blank(const char *line, size_t size)
{
    while (size && strchr(" \t\r", line[size - 1]) && line[size - 1])
        size--;
    return !size;
}

/* The JSON of a line, which the caller lets go; NULL with an error. */
static json_t *line_json(const struct document *line, struct error *err)
{
    json_error_t why;
    json_t *json =
        json_loadb(line->text, line->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!json && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", line->name);
    else if (!json) {
        char *near = strstr(why.text, " near '"); /* what stands there is quoted, whatever it is */
        if (near)
            *near = 0;
        error_set(err, STATUS_INPUT, "%s: this line is no JSON: %s", line->name, why.text);
    }
    return json;
}

/* The text of a line of JSON. */
static int take_field(void *ctx, const struct document *line, struct error *err)
{
    const struct field_taker *t = ctx;
    if (is_blank(line->text, line->size))
        return 0;
    json_t *json = line_json(line, err);
    const json_t *text = json_object_get(json, t->field);
    const struct document d = {json_string_value(text), json_string_length(text), line->name, 0};
    int failed = json ? 0 : -1;
    if (json && !d.text)
        failed = error_set(err, STATUS_INPUT,
                           "%s: this line is no object with a text '%s': data.text_field names "
                           "another field",
                           d.name, t->field);
    else if (d.size)
        failed = t->take(t->ctx, &d, err);
    json_decref(json);
    return failed ? -1 : 0;
}

/* Whoever takes the object of each line. */
struct object_taker {
    document_object_taker *take;
    void *ctx;
};

static int take_object(void *ctx, const struct document *line, struct error *err)
{
    const struct object_taker *t = ctx;
    if (is_blank(line->text, line->size))
        return 0;
    json_t *json = line_json(line, err);
    int failed = json ? 0 : -1;
    if (json && !json_is_object(json))
        failed = error_set(err, STATUS_INPUT, "%s: this line is no object", line->name);
    else if (json)
        failed = t->take(t->ctx, json, line, err);
    json_decref(json);
    return failed ? -1 : 0;
}

/* --- columns */

static int take_rows(const char *path, const struct document_how *how, FILE *told,
                     document_taker *take, void *ctx, struct error *err)
{
    struct csv *csv = csv_open(path, &how->csv, err);
    size_t at = 0;
    int more = csv && !csv_find(csv, how->column, &at, err) ? 1 : -1;
    char *name = csv ? malloc(strlen(path) + 32) : NULL;
    if (csv && !name)
        more = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    if (more > 0)
        fputs(csv->told, told);
    while (more > 0 && (more = csv_next(csv, err)) > 0) {
        const struct csv_field *field = &csv->field[at];
        sprintf(name, "%s:%llu", path, (unsigned long long)csv->line);
        if (field->length &&
            take(ctx, &(struct document){field->text, field->length, name, 0}, err))
            more = -1;
    }
    if (!more)
        more = csv_unchanged(csv, err);
    free(name);
    csv_close(csv);
    return more;
}

/* A whole file, and its text without the mark in front. */
static int read_document(const char *path, const char *encoding, FILE *told, struct whole *file,
                         struct document *to, struct error *err)
{
    const int failed = read_whole(path, encoding, told, file, err);
    const size_t mark = file->size >= 3 && !memcmp(file->text, "\xef\xbb\xbf", 3) ? 3 : 0;
    *to = (struct document){file->text ? file->text + mark : "", file->size - mark, path, 0};
    return failed;
}

int document_objects(const char *path, const struct csv_how *how, FILE *told,
                     document_object_taker *take, void *ctx, struct error *err)
{
    struct whole file = {0};
    struct document d;
    int failed = read_document(path, how->encoding, told, &file, &d, err);
    if (!failed)
        failed = document_lines(&d, take_object, &(struct object_taker){take, ctx}, err);
    block_free(file.text);
    return failed ? -1 : 0;
}

int documents_read(const char *path, const struct document_how *how, FILE *told,
                   document_taker *take, void *ctx, struct error *err)
{
    const enum document_kind kind = kind_of(path);
    struct whole file = {0};
    struct document d;
    if (kind == DOCUMENT_COLUMNS && *how->column)
        return take_rows(path, how, told, take, ctx, err);
    int failed = read_document(path, how->csv.encoding, told, &file, &d, err);
    if (!failed && kind == DOCUMENT_LINES)
        failed = document_lines(&d, take_field, &(struct field_taker){how->field, take, ctx}, err);
    else if (!failed && d.size)
        failed = take(ctx, &d, err);
    block_free(file.text);
    return failed ? -1 : 0;
}
