/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/csv_stream.h"
#include "data/text.h"
#include "util/file.h"

static int open_stream(struct csv *csv, const char *encoding, struct error *err)
{
    struct csv_stream *s = csv->stream;
    s->fd = text_open(csv->path, TEXT_OF_COLUMNS, encoding, s->told, &s->state, err);
    if (s->fd < 0)
        return -1;
    s->size = s->state.st_size;
    if (!(s->file = gzdopen(s->fd, "rb"))) {
        close(s->fd);
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    gzbuffer(s->file, CSV_CHUNK);
    s->fresh = 1;
    s->limit = s->last_line = UINT64_MAX;
    return 0;
}

static struct csv *new_reader(const char *path, struct error *err)
{
    struct csv *csv = calloc(1, sizeof *csv);
    if (csv) {
        csv->path = strdup(path);
        csv->stream = calloc(1, sizeof *csv->stream);
        if (csv->stream)
            csv->stream->bytes = malloc(CSV_LINE_MAX + CSV_BEHIND);
    }
    if (csv && csv->path && csv->stream && csv->stream->bytes)
        return csv;
    error_set(err, STATUS_FAILED, "%s: out of memory", path);
    csv_close(csv);
    return NULL;
}

static int open_bytes(struct csv *csv, const struct csv_how *how, const struct csv_source *source,
                      struct error *err)
{
    struct csv_stream *s = csv->stream;
    if (!source)
        return open_stream(csv, how->encoding ? how->encoding : "auto", err);
    s->source = *source;
    s->limit = s->last_line = UINT64_MAX;
    return 0;
}

static struct csv *open_file(const char *path, const struct csv_how *how,
                             const struct csv_source *source, struct error *err)
{
    size_t size = 0;
    struct csv *csv = new_reader(path, err);
    if (!csv)
        return NULL;
    csv->stream->told = open_memstream(&csv->told, &size);
    int failed = !csv->stream->told
                     ? error_set(err, STATUS_FAILED, "%s: out of memory", path)
                     : open_bytes(csv, how, source, err) || csv_read_header(csv, how, err);
    if (csv->stream->told && fclose(csv->stream->told) && !failed)
        failed = error_set(err, STATUS_FAILED, "%s: out of memory", path);
    csv->stream->told = NULL;
    if (!failed)
        return csv;
    csv_close(csv);
    return NULL;
}

int csv_rewind(struct csv *csv, struct error *err)
{
    struct csv_stream *s = csv->stream;
    gzclearerr(s->file);
    if (gzseek(s->file, (z_off_t)s->rows_at, SEEK_SET) != (z_off_t)s->rows_at)
        return error_set(err, STATUS_INPUT, "%s: it cannot be read once more", csv->path);
    s->base = s->rows_at;
    s->begin = s->end = s->whole = 0;
    s->ended = 0;
    s->inside = 0;
    csv->line = csv->first_line - 1;
    csv->blank_lines = 0;
    return 0;
}

/* Sets the last line before so many that are not blank at the end of the file. */
static int find_footer(struct csv *csv, size_t count, struct error *err)
{
    size_t seen = 0;
    uint64_t *line = malloc((count + 1) * sizeof *line); /* a ring of the last ones */
    char *p, *end;
    int found = -1;
    while (line && (found = csv_next_line(csv, &p, &end, err)) > 0)
        if (p < end)
            line[seen++ % (count + 1)] = csv->line;
    if (!line)
        error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    else if (!found && seen <= count)
        found = error_set(err, STATUS_INPUT, "%s: data.skip_footer leaves no row", csv->path);
    if (!found && !(found = csv_rewind(csv, err)))
        csv->stream->last_line = line[seen % (count + 1)];
    free(line);
    return found;
}

struct csv *csv_open(const char *path, const struct csv_how *how, struct error *err)
{
    static const struct csv_how plain;
    how = how ? how : &plain;
    struct csv *csv = open_file(path, how, NULL, err);
    if (!csv || !how->skip_footer || !find_footer(csv, (size_t)how->skip_footer, err))
        return csv;
    csv_close(csv);
    return NULL;
}

struct csv *csv_open_source(const char *name, const struct csv_how *how,
                            const struct csv_source *source, struct error *err)
{
    return open_file(name, how, source, err);
}

int csv_unchanged(const struct csv *csv, struct error *err)
{
    return file_unchanged(csv->stream->fd, &csv->stream->state, csv->path, err);
}

int csv_extent(const struct csv *csv, uint64_t *begin, uint64_t *end)
{
    const struct csv_stream *s = csv->stream;
    *begin = s->base + s->begin;
    *end = (uint64_t)s->size;
    return gzdirect(s->file) && *begin < *end && s->last_line == UINT64_MAX;
}

int csv_count(const struct csv *csv, uint64_t from, uint64_t to, size_t *lines)
{
    char *bytes = malloc(CSV_CHUNK);
    ssize_t got = 1;
    size_t quotes = 0;
    *lines = 0;
    for (uint64_t at = from - 1, end = to - 1; bytes && at < end && got > 0; at += (uint64_t)got) {
        size_t most = end - at < CSV_CHUNK ? (size_t)(end - at) : CSV_CHUNK;
        got = pread(csv->stream->fd, bytes, most, (off_t)at);
        for (char *p = bytes, *stop = bytes + (got > 0 ? got : 0);
             p < stop && (p = memchr(p, '\n', (size_t)(stop - p))); p++)
            ++*lines;
        for (char *p = bytes, *stop = bytes + (got > 0 ? got : 0);
             p < stop && (p = memchr(p, '"', (size_t)(stop - p))); p++)
            quotes++;
    }
    int failed = !bytes || got <= 0 || quotes % 2; /* a line's end may lie between quotes */
    free(bytes);
    return failed ? -1 : 0;
}

struct csv *csv_open_part(const struct csv *csv, uint64_t from, uint64_t to, struct error *err)
{
    struct csv *part = new_reader(csv->path, err);
    char *line, *end;
    if (!part)
        return NULL;
    part->stream->fd = csv->stream->fd;
    part->stream->size = csv->stream->size;
    part->stream->base = from - 1;
    part->stream->limit = to;
    part->stream->last_line = UINT64_MAX;
    part->separator = csv->separator;
    part->name = calloc(csv->columns, sizeof *part->name);
    part->field = calloc(csv->columns, sizeof *part->field);
    int failed = !part->name || !part->field;
    for (; part->columns < csv->columns && !failed; part->columns++)
        failed = !(part->name[part->columns] = strdup(csv->name[part->columns]));
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    /* The byte before `from` decides whether a line begins there: the line that it is of goes. */
    else if (csv_next_line(part, &line, &end, err) >= 0) {
        part->line = 1;
        part->stream->inside = 0;
        return part;
    }
    csv_close(part);
    return NULL;
}

void csv_close(struct csv *csv)
{
    if (!csv)
        return;
    if (csv->stream) {
        if (csv->stream->file)
            gzclose_r(csv->stream->file);
        free(csv->stream->bytes);
    }
    for (size_t i = 0; i < csv->columns; i++)
        free(csv->name[i]);
    free(csv->name);
    free(csv->field);
    free(csv->told);
    free(csv->stream);
    free(csv->path);
    free(csv);
}

void csv_progress(const struct csv *csv, uint64_t *done, uint64_t *total)
{
    const struct csv_stream *s = csv->stream;
    z_off_t at = s->file ? gzoffset(s->file) : (z_off_t)(s->base + s->end);
    *done = at > 0 ? (uint64_t)at : 0;
    *total = (uint64_t)s->size;
}
