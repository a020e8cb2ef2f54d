/* SPDX-License-Identifier: MIT */
#include "data/csv_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* --- bytes */

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
    if (code == Z_MEM_ERROR)
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
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
    if (room > CSV_CHUNK)
        room = CSV_CHUNK;
    ssize_t got = s->file          ? inflate_bytes(csv, to, room, err)
                  : s->source.read ? s->source.read(s->source.ctx, to, room)
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

/* --- rows */

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
