/* SPDX-License-Identifier: MIT */
#include "data/caption_table.h"

#include <stdlib.h>
#include <string.h>

#include "data/document.h"
#include "text/hash.h"
#include "text/utf8.h"

/* --- clips */

/* The slot of a path: its clip's, or a free one. */
static size_t *slot_of(const struct caption_table *c, const char *path, size_t hash)
{
    size_t at = hash & (c->slots - 1);
    while (c->slot[at]) {
        const struct clip_named *clip = &c->clip[c->slot[at] - 1];
        if (clip->hash == hash && !strcmp(clip->path, path))
            break;
        at = (at + 1) & (c->slots - 1);
    }
    return &c->slot[at];
}

/* Room for one more clip, in half as many slots at most. */
static int make_room(struct caption_table *c)
{
    if (c->clips < c->clip_room)
        return 0;
    const size_t room = c->clip_room ? 2 * c->clip_room : 64;
    struct clip_named *more = realloc(c->clip, room * sizeof *more);
    if (more)
        c->clip = more;
    size_t *slot = more ? calloc(2 * room, sizeof *slot) : NULL;
    if (!slot)
        return -1;
    free(c->slot);
    c->slot = slot;
    c->slots = 2 * room;
    c->clip_room = room;
    for (size_t i = 0; i < c->clips; i++)
        *slot_of(c, c->clip[i].path, c->clip[i].hash) = i + 1;
    return 0;
}

/* Takes `path` over. */
static int find_clip(struct caption_table *c, char *path, size_t source, size_t *number)
{
    const size_t hash = (size_t)hash_bytes(path, strlen(path));
    if (make_room(c)) {
        free(path);
        return -1;
    }
    size_t *slot = slot_of(c, path, hash);
    if (*slot) {
        free(path);
    } else {
        c->clip[c->clips] = (struct clip_named){path, source, hash};
        *slot = ++c->clips;
    }
    *number = *slot - 1;
    return 0;
}

/* The path of a clip that a file in `folder` names; NULL without memory. */
static char *path_of(const char *table, const char *name)
{
    const char *end = strrchr(table, '/');
    const size_t folder = *name == '/' || !end ? 0 : (size_t)(end - table) + 1;
    char *path = malloc(folder + strlen(name) + 1);
    if (path) {
        memcpy(path, table, folder);
        strcpy(path + folder, name);
    }
    return path;
}

/* --- captions */

static int add(struct caption_table *c, struct caption item)
{
    if (c->count == c->room) {
        const size_t room = c->room ? 2 * c->room : 64;
        struct caption *more = realloc(c->item, room * sizeof *more);
        if (!more)
            return -1;
        c->item = more;
        c->room = room;
    }
    c->item[c->count++] = item;
    return 0;
}

int caption_table_add(struct caption_table *c, const char *path, size_t source)
{
    struct caption item = {.text = strdup(""), .source = source};
    char *copy = strdup(path);
    if (item.text && copy && !find_clip(c, copy, source, &item.clip) && !add(c, item))
        return 0;
    free(item.text);
    return -1;
}

/* What a row or a line of the file says. */
struct said {
    const char *file, *text; /* text NULL: nothing of a caption */
    size_t file_size, text_size;
    uint64_t line;
};

static int row_fault(const struct caption_file *f, const struct said *said, const char *cause,
                     struct error *err)
{
    return error_set(err, STATUS_INPUT, "%s:%llu: %s", f->path, (unsigned long long)said->line,
                     cause);
}

/* Names are told, in messages of one line, and tables come from anywhere. */
static int is_one_line(const char *name)
{
    while (*name && (unsigned char)*name >= 0x20 && *name != 0x7f)
        name++;
    return !*name;
}

static int take_row(struct caption_table *c, const struct caption_file *f, const struct said *said,
                    struct error *err)
{
    const char *text = said->text ? said->text : "";
    struct caption item = {.size = said->text_size, .source = f->source, .line = said->line};
    if (!said->file_size)
        return row_fault(f, said, "this row names no file", err);
    if (strlen(said->file) != said->file_size || strlen(text) != said->text_size)
        return row_fault(f, said, "a NUL byte stands in this row", err);
    if (!is_one_line(said->file))
        return row_fault(f, said, "a control character stands in the name of a file", err);
    if (said->text && !said->text_size) {
        c->passed_over++;
        return 0;
    }
    if (utf8_whole(text, said->text_size) < said->text_size)
        return row_fault(f, said, "the caption is no UTF-8", err);
    char *path = path_of(f->path, said->file);
    if (!path || find_clip(c, path, f->source, &item.clip) || !(item.text = strdup(text)) ||
        add(c, item)) {
        free(item.text);
        return error_set(err, STATUS_FAILED, "%s: out of memory", f->path);
    }
    return 0;
}

/* --- files of columns */

/* The columns of a file; *text NULL: it lacks that of captions, and may. */
static int find_columns(const struct csv *csv, const struct caption_file *f,
                        const struct csv_field **file, const struct csv_field **text,
                        struct error *err)
{
    size_t at;
    struct error none;
    *text = NULL;
    if (csv_find(csv, f->file_column, &at, err))
        return -1;
    *file = &csv->field[at];
    if (!csv_find(csv, f->column, &at, &none))
        *text = &csv->field[at];
    return *text || f->may_lack ? 0 : csv_find(csv, f->column, &at, err);
}

static int read_columns(struct caption_table *to, const struct caption_file *f, FILE *told,
                        struct error *err)
{
    struct csv *csv = csv_open(f->path, &f->how, err);
    const struct csv_field *file, *text;
    int more = csv && !find_columns(csv, f, &file, &text, err) ? 1 : -1;
    if (more > 0)
        fputs(csv->told, told);
    while (more > 0 && (more = csv_next(csv, err)) > 0) {
        const struct said said = {file->text, text ? text->text : NULL, file->length,
                                  text ? text->length : 0, csv->line};
        if (take_row(to, f, &said, err))
            more = -1;
    }
    if (!more)
        more = csv_unchanged(csv, err);
    csv_close(csv);
    return more;
}

/* --- files of JSON lines */

struct lines_taker {
    struct caption_table *to;
    const struct caption_file *file;
};

static int take_line(void *ctx, const json_t *object, const struct document *line,
                     struct error *err)
{
    const struct lines_taker *t = ctx;
    const struct caption_file *f = t->file;
    const json_t *file = json_object_get(object, f->file_column);
    const json_t *text = json_object_get(object, f->column);
    const int is_none = json_is_null(text); /* as an empty one */
    const struct said said = {json_string_value(file), is_none ? "" : json_string_value(text),
                              json_string_length(file), json_string_length(text), line->line};
    if (!said.file)
        return error_set(err, STATUS_INPUT,
                         "%s: this line has no text '%s', which names a file: data.file_column = "
                         "another name",
                         line->name, f->file_column);
    if (!said.text && (text || !f->may_lack))
        return error_set(err, STATUS_INPUT,
                         "%s: this line has no text '%s', which is the caption: data.column = "
                         "another name",
                         line->name, f->column);
    return take_row(t->to, f, &said, err);
}

int caption_table_read(struct caption_table *to, const struct caption_file *f, FILE *told,
                       struct error *err)
{
    struct lines_taker taker = {to, f};
    return document_is_lines(f->path)
               ? document_objects(f->path, &f->how, told, take_line, &taker, err)
               : read_columns(to, f, told, err);
}

void caption_table_fini(struct caption_table *c)
{
    for (size_t i = 0; i < c->clips; i++)
        free(c->clip[i].path);
    for (size_t i = 0; i < c->count; i++)
        free(c->item[i].text);
    free(c->clip);
    free(c->item);
    free(c->slot);
    *c = (struct caption_table){0};
}
