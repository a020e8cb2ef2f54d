/* SPDX-License-Identifier: MIT */
#include "data/csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/number.h"
#include "util/clocale.h"
#include "util/file.h"

#define CHUNK (1 << 18)

/* The bytes of the file that are in memory: [begin, end) of bytes[CSV_LINE_MAX + CSV_BEHIND]. */
struct csv_stream {
    gzFile file;       /* NULL: a part's, which reads plain text by pread() */
    int fd;            /* owned by `file`, a part's by that of the whole */
    struct stat state; /* when it was opened */
    int64_t size;      /* of the file on disk; 0: not known */
    int fresh, ended;
    char *bytes;
    size_t begin, end;
    size_t whole;         /* the last line's end that fill() saw; lines before it are complete */
    uint64_t base, limit; /* of bytes[0] in the file's text; lines from `limit` on are another's */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int blank(char c)
{
    return c == ' ' || c == '\t';
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

static int fail(const struct csv *csv, struct error *err, const char *cause)
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
        return fail(csv, err, "the gzip data is cut off");
    if (code == Z_ERRNO)
        return fail(csv, err, strerror(saved));
    if (got < 0 || code != Z_OK) {
        char shown[CSV_SHOWN];
        const char *cause = strstr(text, ": "); /* behind zlib's name for the file */
        return error_set(err, STATUS_INPUT, "%s:%llu: the gzip data is broken (%s)", csv->path,
                         (unsigned long long)csv->line, csv_show(cause ? cause + 2 : text, shown));
    }
    size_t name = strlen(csv->path);
    if (s->fresh && got && name > 3 && !strcmp(csv->path + name - 3, ".gz") && gzdirect(s->file))
        return fail(csv, err, "not gzip data, although the name ends in .gz");
    s->fresh = 0;
    return got;
}

/* Reads more bytes behind those that are there; STATUS_INPUT if they cannot be had. */
static int fill(struct csv *csv, struct error *err)
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
        return s->file ? -1 : fail(csv, err, strerror(errno));
    char *last = memrchr(to, '\n', (size_t)got);
    s->whole = last ? (size_t)(last + 1 - s->bytes) : 0;
    s->ended = got == 0;
    s->end += (size_t)got;
    memset(s->bytes + s->end, 0, CSV_BEHIND);
    return 0;
}

/* Cuts the next line out of the stream, without its end: 1; 0 at the end of the file; -1. */
static int next_line(struct csv *csv, char **line, char **line_end, struct error *err)
{
    struct csv_stream *s = csv->stream;
    size_t seen = 0; /* bytes of the line that hold no end of line */
    char *end = NULL;

    csv->line++;
    if (s->base + s->begin >= s->limit)
        return 0;
    while (!end) {
        size_t have = s->end - s->begin;
        end = have > seen ? memchr(s->bytes + s->begin + seen, '\n', have - seen) : NULL;
        if (end)
            break;
        seen = have;
        if (s->ended) {
            if (!have)
                return 0;
            end = s->bytes + s->end;
        } else if (have == CSV_LINE_MAX) {
            return fail(csv, err, "the line is longer than 1 MiB");
        } else if (fill(csv, err)) {
            return -1;
        }
    }
    *line = s->bytes + s->begin;
    s->begin = (size_t)(end - s->bytes);
    if (s->begin < s->end)
        s->begin++;
    if (memchr(*line, 0, (size_t)(end - *line)))
        return fail(csv, err, "a NUL byte: this is not a text file");
    if (end > *line && end[-1] == '\r')
        end--;
    *end = 0;
    *line_end = end;
    return 1;
}

/* Takes quotes off in place; *at is behind the opening one and ends up behind the closing one. */
static int unquote(char **at, char *end, struct csv_field *field)
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
    while (p < end && blank(*p))
        p++;
    if (p < end && *p != ',')
        return -1;
    *out = 0;
    *at = p;
    return 0;
}

/* Cuts one field off the line: 1 if another follows, 0 if it was the last, -1 on a stray quote. */
static int next_field(char **at, char *end, struct csv_field *field)
{
    char *p = *at;
    while (p < end && blank(*p))
        p++;
    if (p < end && *p == '"') {
        *at = p + 1;
        if (unquote(at, end, field))
            return -1;
        int more = *at < end;
        *at += more;
        return more;
    }
    char *comma = memchr(p, ',', (size_t)(end - p));
    char *stop = comma ? comma : end;
    *at = comma ? comma + 1 : end;
    while (stop > p && blank(stop[-1]))
        stop--;
    *stop = 0;
    field->text = p;
    field->length = (size_t)(stop - p);
    return comma != NULL;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_duplicates(const struct csv *csv, struct error *err)
{
    char **sorted = malloc(csv->columns * sizeof *sorted);
    if (!sorted)
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    memcpy(sorted, csv->name, csv->columns * sizeof *sorted);
    qsort(sorted, csv->columns, sizeof *sorted, compare_names);
    int result = 0;
    for (size_t i = 1; i < csv->columns && !result; i++) {
        char shown[CSV_SHOWN];
        if (*sorted[i] && !strcmp(sorted[i - 1], sorted[i]))
            result = error_set(err, STATUS_INPUT, "%s:1: column '%s' appears twice", csv->path,
                               csv_show(sorted[i], shown));
    }
    free(sorted);
    return result;
}

static int read_header(struct csv *csv, struct error *err)
{
    char *p, *end;
    int found = next_line(csv, &p, &end, err);
    if (found < 0)
        return -1;
    if (found && end - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
        p += 3;
    if (!found)
        return fail(csv, err, "the file is empty");
    if (p == end)
        return fail(csv, err, "no header line");
    size_t most = 1;
    for (char *c = p; (c = memchr(c, ',', (size_t)(end - c))); c++)
        most++;
    csv->name = calloc(most, sizeof *csv->name);
    csv->field = calloc(most, sizeof *csv->field);
    if (!csv->name || !csv->field)
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    for (int more = 1; more;) {
        struct csv_field field;
        more = next_field(&p, end, &field);
        if (more < 0)
            return fail(csv, err, "a quoted field is not closed on its line");
        if (!(csv->name[csv->columns] = strdup(field.text)))
            return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
        csv->columns++;
    }
    return check_duplicates(csv, err);
}

static int open_stream(struct csv *csv, struct error *err)
{
    struct csv_stream *s = csv->stream;
    s->fd = file_open(csv->path, &s->state, err);
    if (s->fd < 0)
        return -1;
    if (S_ISREG(s->state.st_mode))
        s->size = s->state.st_size;
    if (!(s->file = gzdopen(s->fd, "rb"))) {
        close(s->fd);
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    }
    gzbuffer(s->file, CHUNK);
    s->fresh = 1;
    s->limit = UINT64_MAX;
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

struct csv *csv_open(const char *path, struct error *err)
{
    struct csv *csv = new_reader(path, err);
    if (csv && !open_stream(csv, err) && !read_header(csv, err))
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
    return gzdirect(s->file) && *begin < *end;
}

int csv_count(const struct csv *csv, uint64_t from, uint64_t to, size_t *lines)
{
    char *bytes = malloc(CHUNK);
    ssize_t got = 1;
    *lines = 0;
    for (uint64_t at = from - 1, end = to - 1; bytes && at < end && got > 0; at += (uint64_t)got) {
        size_t most = end - at < CHUNK ? (size_t)(end - at) : CHUNK;
        got = pread(csv->stream->fd, bytes, most, (off_t)at);
        for (char *p = bytes, *stop = bytes + (got > 0 ? got : 0);
             p < stop && (p = memchr(p, '\n', (size_t)(stop - p))); p++)
            ++*lines;
    }
    int failed = !bytes || got <= 0;
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
    part->name = calloc(csv->columns, sizeof *part->name);
    part->field = calloc(csv->columns, sizeof *part->field);
    int failed = !part->name || !part->field;
    for (; part->columns < csv->columns && !failed; part->columns++)
        failed = !(part->name[part->columns] = strdup(csv->name[part->columns]));
    if (failed)
        error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    /* The byte before `from` decides whether a line begins there: the line that it is of goes. */
    else if (next_line(part, &line, &end, err) >= 0) {
        part->line = 1;
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
    free(csv->stream);
    free(csv->path);
    free(csv);
}

/* Blank lines may only be followed by the end of the file. */
static int only_blank_lines_follow(struct csv *csv, struct error *err)
{
    uint64_t first = csv->line;
    char *p, *end;
    int found;
    while ((found = next_line(csv, &p, &end, err)) > 0) {
        if (p < end) {
            csv->line = first;
            return fail(csv, err, "a blank line");
        }
    }
    return found;
}

int csv_next(struct csv *csv, struct error *err)
{
    char *p, *end;
    int found = next_line(csv, &p, &end, err);
    if (found <= 0)
        return found;
    if (p == end)
        return only_blank_lines_follow(csv, err);
    size_t fields = 0;
    for (int more = 1; more; fields++) {
        struct csv_field extra, *field = fields < csv->columns ? &csv->field[fields] : &extra;
        more = next_field(&p, end, field);
        if (more < 0)
            return fail(csv, err, "a quoted field is not closed on its line");
    }
    if (fields != csv->columns)
        return error_set(err, STATUS_INPUT, "%s:%llu: %zu field%s, but the header has %zu",
                         csv->path, (unsigned long long)csv->line, fields, fields > 1 ? "s" : "",
                         csv->columns);
    return 1;
}

void csv_lines(const struct csv *csv, const char **begin, const char **end)
{
    const struct csv_stream *s = csv->stream;
    size_t stop = s->whole;
    if (s->limit <= s->base)
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

static int missing(const struct csv *csv, const char *name, struct error *err)
{
    char shown[CSV_SHOWN];
    error_set(err, STATUS_INPUT, "%s:1: no column '%s'; the columns are ", csv->path,
              csv_show(name, shown));
    size_t used = strlen(err->text);
    for (size_t i = 0; i < csv->columns; i++) {
        if (used + sizeof shown + 8 > sizeof err->text) {
            memcpy(err->text + used, ", ...", 6);
            break;
        }
        int n = snprintf(err->text + used, sizeof err->text - used, "%s%s", i ? ", " : "",
                         csv_show(csv->name[i], shown));
        used += n > 0 ? (size_t)n : 0;
    }
    return -1;
}

int csv_find(const struct csv *csv, const char *name, size_t *column, struct error *err)
{
    size_t found = 0, alike = csv->columns;
    for (size_t i = 0; i < csv->columns; i++) {
        if (*name && !strcmp(csv->name[i], name)) {
            *column = i;
            return 0;
        }
        if (*name && csv_same_name(csv->name[i], name)) {
            alike = i;
            found++;
        }
    }
    char shown[CSV_SHOWN];
    if (found > 1)
        return error_set(err, STATUS_INPUT,
                         "%s:1: several columns are called '%s' in upper and lower case; write it "
                         "as the header does",
                         csv->path, csv_show(name, shown));
    if (!found)
        return missing(csv, name, err);
    *column = alike;
    return 0;
}

int csv_number(const struct csv *csv, size_t column, double *x, struct error *err)
{
    const struct csv_field *field = &csv->field[column];
    enum csv_parsed parsed = csv_parse_number(field->text, field->length, x);
    if (parsed == CSV_NUMBER)
        return 0;
    char name[CSV_SHOWN], text[CSV_SHOWN];
    const char *p = field->text + (*field->text == '-' || *field->text == '+');
    int special =
        csv_same_name(p, "nan") || csv_same_name(p, "inf") || csv_same_name(p, "infinity");
    const char *cause = special                      ? " is not a finite number"
                        : parsed == CSV_OUT_OF_RANGE ? " is beyond the range of a number"
                                                     : " is not a number";
    csv_show(csv->name[column], name);
    csv_show(field->text, text);
    if (!field->length)
        return error_set(err, STATUS_INPUT, "%s:%llu: column '%s': the field is empty", csv->path,
                         (unsigned long long)csv->line, name);
    return error_set(err, STATUS_INPUT, "%s:%llu: column '%s': '%s'%s", csv->path,
                     (unsigned long long)csv->line, name, text, cause);
}

void csv_progress(const struct csv *csv, uint64_t *done, uint64_t *total)
{
    const struct csv_stream *s = csv->stream;
    z_off_t at = s->file ? gzoffset(s->file) : (z_off_t)(s->base + s->end);
    *done = at > 0 ? (uint64_t)at : 0;
    *total = (uint64_t)s->size;
}
