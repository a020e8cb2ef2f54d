/* SPDX-License-Identifier: MIT */
#include "data/caption_table.h"

#include <stdlib.h>
#include <string.h>

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

/* A row of the file; `text` NULL: it has no captions. */
static int take_row(struct caption_table *c, const struct csv *csv, const struct csv_field *file,
                    const struct csv_field *text, size_t source, struct error *err)
{
    static char none[1];
    static const struct csv_field nothing = {none, 0};
    const int lacks = !text;
    text = lacks ? &nothing : text;
    struct caption item = {.size = text->length, .source = source, .line = csv->line};
    const unsigned long long line = csv->line;
    if (!file->length)
        return error_set(err, STATUS_INPUT, "%s:%llu: this row names no file", csv->path, line);
    if (strlen(file->text) != file->length || strlen(text->text) != text->length)
        return error_set(err, STATUS_INPUT, "%s:%llu: a NUL byte stands in this row", csv->path,
                         line);
    if (!text->length && !lacks) {
        c->passed_over++;
        return 0;
    }
    if (utf8_whole(text->text, text->length) < text->length)
        return error_set(err, STATUS_INPUT, "%s:%llu: the caption is no UTF-8", csv->path, line);
    char *path = path_of(csv->path, file->text);
    if (!path || find_clip(c, path, source, &item.clip) || !(item.text = strdup(text->text)) ||
        add(c, item)) {
        free(item.text);
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    return 0;
}

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

int caption_table_read(struct caption_table *to, const struct caption_file *f, FILE *told,
                       struct error *err)
{
    struct csv *csv = csv_open(f->path, &f->how, err);
    const struct csv_field *file, *text;
    int more = csv && !find_columns(csv, f, &file, &text, err) ? 1 : -1;
    if (more > 0)
        fputs(csv->told, told);
    while (more > 0 && (more = csv_next(csv, err)) > 0)
        if (take_row(to, csv, file, text, f->source, err))
            more = -1;
    if (!more)
        more = csv_unchanged(csv, err);
    csv_close(csv);
    return more;
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
