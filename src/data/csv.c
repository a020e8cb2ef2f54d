/* SPDX-License-Identifier: MIT */
#include "data/csv_stream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/number.h"
#include "data/text.h"
#include "util/clocale.h"
#include "util/file.h"

#define CHUNK (1 << 18)

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int csv_same_name(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

const char *csv_show(const char *text, char out[CSV_SHOWN])
{
    size_t n = 0;
    for (; text[n] && n < CSV_SHOWN - 1; n++)
        out[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f ? '?' : text[n];
    if (text[n]) { /* cut before a character of UTF-8, not inside it */
        n -= 3;
        while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--;
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n] = 0;
    return out;
}

/* strtod() as the C locale has it. */
static double slow_number(const char *text)
{
    locale_t before = clocale_enter();
    double x = strtod(text, NULL);
    clocale_leave(before);
    return x;
}

enum csv_parsed csv_parse_number(const char *text, size_t length, double *x)
{
    int exact;
    if (number_scan(text, text + length + 1, x, &exact) != text + length)
        return CSV_NOT_A_NUMBER;
    if (!exact)
        *x = slow_number(text);
    return isfinite(*x) ? CSV_NUMBER : CSV_OUT_OF_RANGE;
}

int csv_fail(const struct csv *csv, struct error *err, const char *cause)
{
    return error_set(err, STATUS_INPUT, "%s:%llu: %s", csv->path, (unsigned long long)csv->line,
                     cause);
}

/* Bytes of gzip data, or of plain text by way of zlib: how many, -1 with an error. */
static int inflate_bytes(struct csv *csv, char *to, size_t room, struct error *err)
{
    struct csv_stream *s = csv->stream;
    int got = gzread(s->file, to, (unsigned)room), code = Z_OK;
    int saved = errno;
    const char *text = gzerror(s->file, &code);
    if (code == Z_BUF_ERROR)
        return csv_fail(csv, err, "the gzip data is cut off");
    if (code == Z_ERRNO)
        return csv_fail(csv, err, strerror(saved));
    if (got < 0 || code != Z_OK) {
        char shown[CSV_SHOWN];
        const char *cause = strstr(text, ": "); /* behind zlib's name for the file */
        return error_set(err, STATUS_INPUT, "%s:%llu: the gzip data is broken (%s)", csv->path,
                         (unsigned long long)csv->line, csv_show(cause ? cause + 2 : text, shown));
    }
    size_t name = strlen(csv->path);
    int own = s->state.st_nlink > 0; /* else it is what text_open() wrote to a temporary file */
    if (s->fresh && got && own && name > 3 && !strcmp(csv->path + name - 3, ".gz") &&
        gzdirect(s->file))
        return csv_fail(csv, err, "not gzip data, although the name ends in .gz");
    s->fresh = 0;
    return got;
}

/* Reads more bytes behind those that are there; STATUS_INPUT if they cannot be had. */
int csv_fill(struct csv *csv, struct error *err)
{
    struct csv_stream *s = csv->stream;
    if (s->begin) {
        memmove(s->bytes, s->bytes + s->begin, s->end - s->begin);
        s->base += s->begin;
        s->end -= s->begin;
        s->begin = 0;
    }
    char *to = s->bytes + s->end;
    size_t room = CSV_LINE_MAX - s->end;
    if (room > CHUNK)
        room = CHUNK;
    ssize_t got = s->file ? inflate_bytes(csv, to, room, err)
                          : pread(s->fd, to, room, (off_t)(s->base + s->end));
    if (got < 0)
        return s->file ? -1 : csv_fail(csv, err, strerror(errno));
    char *last = memrchr(to, '\n', (size_t)got);
    s->whole = last ? (size_t)(last + 1 - s->bytes) : 0;
    s->ended = got == 0;
    s->end += (size_t)got;
    memset(s->bytes + s->end, 0, CSV_BEHIND);
    return 0;
}

/* Whether a quoted field is open where the text ends. */
int csv_quote_is_open(const struct csv *csv, const char *p, const char *end)
{
    struct csv_quotes q = CSV_QUOTES_FIRST;
    if (!memchr(p, '"', (size_t)(end - p)))
        return 0;
    for (; p < end; p++)
        if (!csv_quotes_take(&q, *p))
            csv_quotes_pass(&q, csv_separates(csv, *p), csv_is_white(csv, *p));
    return q.open;
}

/* Cuts the next record out of the stream, without its line's end: 1; 0 at the end of the file; -1.
 */
int csv_next_line(struct csv *csv, char **line, char **line_end, struct error *err)
{
    struct csv_stream *s = csv->stream;
    size_t seen = 0; /* bytes of the record that hold no end of it */
    char *end = NULL;

    csv->line += 1 + s->inside;
    s->inside = 0;
    if (s->base + s->begin >= s->limit || csv->line > s->last_line)
        return 0;
    while (!end) {
        size_t have = s->end - s->begin;
        end = have > seen ? memchr(s->bytes + s->begin + seen, '\n', have - seen) : NULL;
        if (end && csv_quote_is_open(csv, s->bytes + s->begin, end)) {
            if (memchr(s->bytes + s->begin, 0, (size_t)(end - s->bytes) - s->begin))
                return csv_fail(csv, err, "a NUL byte: this is not a text file");
            seen = (size_t)(end + 1 - s->bytes) - s->begin;
            s->inside++;
            end = NULL;
            continue;
        }
        if (end)
            break;
        seen = s->inside ? seen : have;
        if (s->ended) {
            if (!have)
                return 0;
            end = s->bytes + s->end;
        } else if (have == CSV_LINE_MAX) {
            return csv_fail(csv, err,
                            s->inside ? "a quoted field is not closed within 1 MiB"
                                      : "the line is longer than 1 MiB");
        } else if (csv_fill(csv, err)) {
            return -1;
        }
    }
    *line = s->bytes + s->begin;
    s->begin = (size_t)(end - s->bytes);
    if (s->begin < s->end)
        s->begin++;
    if (memchr(*line, 0, (size_t)(end - *line)))
        return csv_fail(csv, err, "a NUL byte: this is not a text file");
    if (end > *line && end[-1] == '\r')
        end--;
    *end = 0;
    *line_end = end;
    return 1;
}

/* Takes quotes off in place; *at is behind the opening one and ends up behind the closing one. */
static int unquote(const struct csv *csv, char **at, char *end, struct csv_field *field)
{
    char *p = *at, *out = p;
    field->text = p;
    for (;;) {
        char *quote = memchr(p, '"', (size_t)(end - p));
        if (!quote)
            return -1;
        memmove(out, p, (size_t)(quote - p));
        out += quote - p;
        p = quote + 1;
        if (*p != '"') /* the line is NUL-terminated */
            break;
        *out++ = '"';
        p++;
    }
    field->length = (size_t)(out - field->text);
    char *closed = p;
    while (p < end && csv_is_white(csv, *p))
        p++;
    if (p < end && (csv->separator == ' ' ? p == closed : *p != csv->separator))
        return -1;
    *out = 0;
    *at = p;
    return 0;
}

/* Where the field that begins at p ends. */
static char *field_end(const struct csv *csv, char *p, char *end)
{
    if (csv->separator != ' ')
        return memchr(p, csv->separator, (size_t)(end - p));
    while (p < end && !csv_is_white(csv, *p))
        p++;
    char *next = p;
    while (next < end && csv_is_white(csv, *next))
        next++;
    return next < end ? p : NULL;
}

/* Cuts one field off the line: 1 if another follows, 0 if it was the last, -1 on a stray quote. */
int csv_next_field(const struct csv *csv, char **at, char *end, struct csv_field *field)
{
    char *p = *at;
    while (p < end && csv_is_white(csv, *p))
        p++;
    if (p < end && *p == '"') {
        *at = p + 1;
        if (unquote(csv, at, end, field))
            return -1;
        int more = *at < end;
        *at += more && csv->separator != ' ';
        return more;
    }
    char *next = field_end(csv, p, end);
    char *stop = next ? next : end;
    *at = next ? next + 1 : end;
    while (stop > p && csv_is_white(csv, stop[-1]))
        stop--;
    *stop = 0;
    field->text = p;
    field->length = (size_t)(stop - p);
    return next != NULL;
}

/* --- opening and closing */

static int open_stream(struct csv *csv, const char *encoding, struct error *err)
{
    struct csv_stream *s = csv->stream;
    s->fd = text_open(csv->path, encoding, s->told, &s->state, err);
    if (s->fd < 0)
        return -1;
    s->size = s->state.st_size;
    if (!(s->file = gzdopen(s->fd, "rb"))) {
        close(s->fd);
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    gzbuffer(s->file, CHUNK);
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

static struct csv *open_file(const char *path, const struct csv_how *how, struct error *err)
{
    size_t size = 0;
    struct csv *csv = new_reader(path, err);
    if (!csv)
        return NULL;
    csv->stream->told = open_memstream(&csv->told, &size);
    int failed = !csv->stream->told
                     ? error_set(err, STATUS_FAILED, "%s: out of memory", path)
                     : open_stream(csv, how->encoding ? how->encoding : "auto", err) ||
                           csv_read_header(csv, how, err);
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
    struct csv *csv = open_file(path, how, err);
    if (!csv || !how->skip_footer || !find_footer(csv, (size_t)how->skip_footer, err))
        return csv;
    csv_close(csv);
    return NULL;
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
    char *bytes = malloc(CHUNK);
    ssize_t got = 1;
    size_t quotes = 0;
    *lines = 0;
    for (uint64_t at = from - 1, end = to - 1; bytes && at < end && got > 0; at += (uint64_t)got) {
        size_t most = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
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

/* What the number of fields hints at. */
static const char *hint(const struct csv *csv, size_t fields, const struct csv_field *last)
{
    if (fields == csv->columns + 1 && !last->length)
        return " (an empty field at the end of each row?)";
    if (fields < csv->columns && *csv->field[0].text == '#')
        return " (a comment between rows, which has to be taken out?)";
    if (fields > csv->columns && csv->separator == ',')
        return " (a decimal comma? then fields need quotes, or another separator)";
    return fields < csv->columns ? " (text below the data? data.skip_footer leaves lines out)" : "";
}

/* Passes blank lines over; with one column these may be missing values. */
static int next_row(struct csv *csv, char **p, char **end, struct error *err)
{
    uint64_t first = 0;
    size_t blank_lines = 0;
    int found;
    while ((found = csv_next_line(csv, p, end, err)) > 0 && *p == *end) {
        first = first ? first : csv->line;
        blank_lines++;
    }
    if (found <= 0 || !blank_lines)
        return found;
    if (csv->columns > 1) {
        csv->blank_lines += blank_lines;
        return 1;
    }
    csv->line = first;
    return csv_fail(csv, err, "a blank line");
}

int csv_next(struct csv *csv, struct error *err)
{
    char *p, *end;
    int found = next_row(csv, &p, &end, err);
    if (found <= 0)
        return found;
    size_t fields = 0;
    struct csv_field extra = {0};
    for (int more = 1; more; fields++) {
        struct csv_field *field = fields < csv->columns ? &csv->field[fields] : &extra;
        more = csv_next_field(csv, &p, end, field);
        if (more < 0)
            return csv_fail(csv, err, "a quoted field is not closed");
    }
    if (fields == csv->columns)
        return 1;
    return error_set(err, STATUS_INPUT, "%s:%llu: %zu field%s, but the header has %zu%s", csv->path,
                     (unsigned long long)csv->line, fields, fields > 1 ? "s" : "", csv->columns,
                     hint(csv, fields, &extra));
}

void csv_lines(const struct csv *csv, const char **begin, const char **end)
{
    const struct csv_stream *s = csv->stream;
    size_t stop = s->whole;
    if (csv->separator != ',' || s->last_line != UINT64_MAX)
        stop = 0;
    else if (s->limit <= s->base)
        stop = 0;
    else if (s->limit - s->base < stop)
        stop = (size_t)(s->limit - s->base);
    *begin = s->bytes + s->begin;
    *end = stop > s->begin ? s->bytes + stop : *begin;
}

void csv_pass(struct csv *csv, const char *begin, size_t lines)
{
    csv->stream->begin = (size_t)(begin - csv->stream->bytes);
    csv->line += lines;
}

void csv_progress(const struct csv *csv, uint64_t *done, uint64_t *total)
{
    const struct csv_stream *s = csv->stream;
    z_off_t at = s->file ? gzoffset(s->file) : (z_off_t)(s->base + s->end);
    *done = at > 0 ? (uint64_t)at : 0;
    *total = (uint64_t)s->size;
}
