/* SPDX-License-Identifier: MIT */
#include "data/csv.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>
#include <zlib.h>

#include "data/number.h"
#include "data/text.h"
#include "util/clocale.h"
#include "util/file.h"

#define CHUNK (1 << 18)
#define SNIFFED (1 << 16) /* bytes that tell how a file is written */

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
    uint64_t rows_at;     /* where the first row begins, in the file's text */
    uint64_t inside;      /* lines of the record behind its first */
    uint64_t last_line;   /* lines behind it are left out */
    int bare;             /* the header looks like a row */
    FILE *told;           /* while the file is opened */
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* While the separator is not known, all that are found out are taken for one. */
static int separates(const struct csv *csv, char c)
{
    return csv->separator ? c == csv->separator : c && strchr(",;\t|", c);
}

/* White space that belongs to no field. */
static int blank(const struct csv *csv, char c)
{
    return c == ' ' || (c == '\t' && csv->separator != '\t');
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
    int own = s->state.st_nlink > 0; /* else it is what text_open() wrote to a temporary file */
    if (s->fresh && got && own && name > 3 && !strcmp(csv->path + name - 3, ".gz") &&
        gzdirect(s->file))
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

/* Where a scan of a record stands: at the beginning of a field, in one that began with a quote, and
 * inside its quotes. A quote elsewhere is text. */
struct quotes {
    int begins, quoted, open;
};
#define QUOTES_FIRST ((struct quotes){.begins = 1})

/* Takes a character that is quoted or a quote: 1. Any other is the caller's: 0. */
static int quotes_take(struct quotes *q, char c)
{
    if (q->open) {
        q->open = c != '"';
        return 1;
    }
    if (c != '"')
        return 0;
    q->quoted |= q->begins;
    q->open = q->quoted; /* again, of two: they stand for one */
    q->begins = 0;
    return 1;
}

/* A character outside of quotes. */
static void quotes_pass(struct quotes *q, int separates, int blank)
{
    q->begins = separates || (q->begins && blank);
    q->quoted &= !separates;
}

/* Whether a quoted field is open where the text ends. */
static int quote_is_open(const struct csv *csv, const char *p, const char *end)
{
    struct quotes q = QUOTES_FIRST;
    if (!memchr(p, '"', (size_t)(end - p)))
        return 0;
    for (; p < end; p++)
        if (!quotes_take(&q, *p))
            quotes_pass(&q, separates(csv, *p), blank(csv, *p));
    return q.open;
}

/* Cuts the next record out of the stream, without its line's end: 1; 0 at the end of the file; -1.
 */
static int next_line(struct csv *csv, char **line, char **line_end, struct error *err)
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
        if (end && quote_is_open(csv, s->bytes + s->begin, end)) {
            if (memchr(s->bytes + s->begin, 0, (size_t)(end - s->bytes) - s->begin))
                return fail(csv, err, "a NUL byte: this is not a text file");
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
            return fail(csv, err,
                        s->inside ? "a quoted field is not closed within 1 MiB"
                                  : "the line is longer than 1 MiB");
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
    while (p < end && blank(csv, *p))
        p++;
    if (p < end && *p != csv->separator && csv->separator != ' ')
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
    while (p < end && !blank(csv, *p))
        p++;
    char *next = p;
    while (next < end && blank(csv, *next))
        next++;
    return next < end ? p : NULL;
}

/* Cuts one field off the line: 1 if another follows, 0 if it was the last, -1 on a stray quote. */
static int next_field(const struct csv *csv, char **at, char *end, struct csv_field *field)
{
    char *p = *at;
    while (p < end && blank(csv, *p))
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
    while (stop > p && blank(csv, stop[-1]))
        stop--;
    *stop = 0;
    field->text = p;
    field->length = (size_t)(stop - p);
    return next != NULL;
}

/* --- what stands above the rows */

#define LOOKED_AT 24     /* records that tell how a file is written */
#define KLINE_COLUMNS 12 /* of Binance's archive of candles */

static const char klines[] = "open_time, open, high, low, close, volume, close_time, quote_volume, "
                             "count, taker_buy_volume, taker_buy_quote_volume, ignore";

/* The records at the start of the stream, which stays where it is; those of the footer are not
 * among them. */
struct preview {
    const char *at[LOOKED_AT];
    size_t length[LOOKED_AT], lines[LOOKED_AT]; /* physical lines before each record */
    size_t count;
};

/* Fields of a record, by a separator. */
static size_t count_fields(const struct csv *csv, const char *p, size_t length, char separator)
{
    size_t fields = 1;
    struct quotes q = QUOTES_FIRST;
    const char *end = p + length;
    if (separator == ' ')
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
    for (; p < end; p++) {
        if (quotes_take(&q, *p))
            continue;
        int here = *p == separator || (separator == ' ' && *p == '\t');
        while (here && separator == ' ' && p + 1 < end && (p[1] == ' ' || p[1] == '\t'))
            p++;
        fields += here && (separator != ' ' || p + 1 < end);
        quotes_pass(&q, here, blank(csv, *p));
    }
    return fields;
}

static int is_blank(const struct preview *v, size_t i)
{
    size_t n = 0;
    while (n < v->length[i] && (v->at[i][n] == ' ' || v->at[i][n] == '\t'))
        n++;
    return n == v->length[i];
}

static void look_ahead(const struct csv *csv, size_t footer, struct preview *v)
{
    const struct csv_stream *s = csv->stream;
    const char *p = s->bytes + s->begin, *end = s->bytes + s->end;
    size_t lines = 0;
    v->count = 0;
    while (p < end && v->count < LOOKED_AT) {
        const char *stop = p;
        size_t inside = 0;
        do {
            stop = memchr(stop, '\n', (size_t)(end - stop));
            inside++;
        } while (stop && quote_is_open(csv, p, stop) && ++stop < end);
        if (!stop && !s->ended) /* the rest of it is not in memory */
            break;
        stop = stop ? stop : end;
        v->at[v->count] = p;
        v->length[v->count] = (size_t)(stop - p) - (stop > p && stop[-1] == '\r');
        v->lines[v->count++] = lines;
        lines += inside;
        p = stop < end ? stop + 1 : end;
    }
    for (; p == end && s->ended && footer && v->count > 1; v->count--)
        footer -= !is_blank(v, v->count - 1);
}

static int begins_with(const struct preview *v, size_t i, const char *word)
{
    return v->length[i] >= strlen(word) && !memcmp(v->at[i], word, strlen(word));
}

/* Digits with the signs of a date or a time of day between them. */
static int like_a_time(const struct csv_field *field)
{
    return field->length >= 8 && number_is_digit(*field->text) &&
           strspn(field->text, "0123456789-/.: TZ+") == field->length;
}

/* Whether a record is a row: its first field a number or a time, another one a number. */
static int is_row(const struct csv *csv, const char *record, size_t length)
{
    char *copy = strndup(record, length), *at = copy, *end = copy ? copy + strlen(copy) : NULL;
    int row = copy != NULL, more = 1;
    size_t numbers = 0, fields = 0;
    for (; row && more > 0; fields++) {
        struct csv_field field;
        double x;
        more = next_field(csv, &at, end, &field);
        int number = more >= 0 && csv_parse_number(field.text, field.length, &x) == CSV_NUMBER;
        numbers += (size_t)number;
        if (!fields && more >= 0)
            row = number || like_a_time(&field);
    }
    free(copy);
    return row && more >= 0 && numbers;
}

/*
 * The separator: the comma if it cuts all records into as many fields as the header has, more than
 * one; else the one of the others that does and makes most of them. 0 if two make as many.
 */
static char find_separator(const struct csv *csv, const struct preview *v, size_t header)
{
    static const char others[] = {',', ';', '\t', '|', ' '};
    size_t best = 1;
    char separator = ',';
    for (size_t k = 0; k < sizeof others; k++) {
        size_t fields = count_fields(csv, v->at[header], v->length[header], others[k]), i;
        for (i = header + 1; i < v->count && fields > 1; i++)
            if (!is_blank(v, i) && count_fields(csv, v->at[i], v->length[i], others[k]) != fields)
                break;
        if (fields < 2 || i < v->count)
            continue;
        if (others[k] == ',')
            return ',';
        if (fields == best && others[k] != ' ')
            separator = 0;
        if (fields > best && !(others[k] == ' ' && best > 1)) {
            best = fields;
            separator = others[k];
        }
    }
    return separator;
}

/* A comment holds the names only if a row with as many fields follows. */
static int is_comment(struct csv *csv, const struct preview *v, size_t i)
{
    if (i + 1 >= v->count || begins_with(v, i + 1, "#"))
        return 1;
    char before = csv->separator;
    if (!before)
        csv->separator = find_separator(csv, v, i);
    size_t fields = csv->separator ? count_fields(csv, v->at[i], v->length[i], csv->separator) : 1;
    int names = fields > 1 && is_row(csv, v->at[i + 1], v->length[i + 1]) &&
                fields == count_fields(csv, v->at[i + 1], v->length[i + 1], csv->separator);
    csv->separator = before;
    return !names;
}

/* The record with the names, where the lines above it are found out. */
static size_t find_header(struct csv *csv, const struct preview *v)
{
    size_t i = 0;
    for (; i + 1 < v->count; i++) {
        if (begins_with(v, i, "sep=") && v->length[i] == 5) { /* as Excel writes it */
            csv->separator = csv->separator ? csv->separator : v->at[i][4];
            continue;
        }
        if (!is_blank(v, i) && !begins_with(v, i, "http://") && !begins_with(v, i, "https://") &&
            !(begins_with(v, i, "#") && is_comment(csv, v, i)))
            break;
    }
    return i;
}

static const char *separator_name(char separator)
{
    return separator == ';'    ? "semicolons"
           : separator == '\t' ? "tabs"
           : separator == '|'  ? "bars (|)"
           : separator == ' '  ? "blanks"
                               : "commas";
}

static int add_name(struct csv *csv, const char *name, struct error *err)
{
    if (!(csv->name[csv->columns] = strdup(name)))
        return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
    csv->columns++;
    return 0;
}

static int allocate_names(struct csv *csv, size_t most, struct error *err)
{
    csv->name = calloc(most + 1, sizeof *csv->name);
    csv->field = calloc(most + 1, sizeof *csv->field);
    return csv->name && csv->field ? 0
                                   : error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
}

/* Names from data.columns, for a file whose first record is a row already. */
static int take_names(struct csv *csv, const struct csv_how *how, const struct preview *v,
                      size_t header, struct error *err)
{
    size_t fields = count_fields(csv, v->at[header], v->length[header], csv->separator);
    if (!is_row(csv, v->at[header], v->length[header]))
        return fail(csv, err,
                    "data.columns names the columns of a file without a header, but this line "
                    "looks like one; data.skip_lines leaves it out");
    if (fields != how->columns)
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: data.columns has %zu names, but the line has "
                         "%zu field%s",
                         csv->path, (unsigned long long)csv->line, how->columns, fields,
                         fields > 1 ? "s" : "");
    if (allocate_names(csv, fields, err))
        return -1;
    for (size_t i = 0; i < how->columns; i++)
        if (add_name(csv, how->column[i], err))
            return -1;
    csv->line--;
    return 0;
}

/* yfinance writes three rows: "Price,Close,...", "Ticker,ABC,...", "Date,,...". The last one names
 * the first column. Returns how many rows more there are, and that name in `name`. */
static size_t further_rows(const struct csv *csv, const struct preview *v, size_t header,
                           char name[CSV_SHOWN])
{
    if (header + 2 >= v->count || strcmp(csv->name[0], "Price") ||
        !begins_with(v, header + 1, "Ticker") || csv->separator != ',')
        return 0;
    const char *p = v->at[header + 2], *end = p + v->length[header + 2];
    size_t n = 0;
    while (p + n < end && p[n] != ',' && n < CSV_SHOWN - 1)
        n++;
    if (!n || (size_t)(end - (p + n)) + 1 != csv->columns)
        return 0;
    for (const char *rest = p + n; rest < end; rest++)
        if (*rest != ',')
            return 0;
    memcpy(name, p, n);
    name[n] = 0;
    return 2;
}

/* The record with the names, which next_line() gives now. */
static int read_names(struct csv *csv, const struct preview *v, size_t header, struct error *err)
{
    char *p, *end, name[CSV_SHOWN];
    int found = next_line(csv, &p, &end, err);
    if (found < 0)
        return -1;
    if (!found)
        return fail(csv, err, "the file is empty");
    if (p == end)
        return fail(csv, err, "no header line");
    if (allocate_names(csv, count_fields(csv, p, (size_t)(end - p), csv->separator), err))
        return -1;
    size_t more_rows = 0;
    for (int more = 1; more;) {
        struct csv_field field;
        more = next_field(csv, &p, end, &field);
        if (more < 0)
            return fail(csv, err, "a quoted field is not closed");
        if (add_name(csv, field.text, err))
            return -1;
    }
    csv->stream->bare = header < v->count && is_row(csv, v->at[header], v->length[header]);
    more_rows = further_rows(csv, v, header, name);
    if (more_rows) {
        free(csv->name[0]);
        if (!(csv->name[0] = strdup(name)))
            return error_set(err, STATUS_FAILED, "%s: out of memory", csv->path);
        fprintf(csv->stream->told, "header of three rows, as yfinance writes it\n");
    }
    for (; more_rows; more_rows--)
        if (next_line(csv, &p, &end, err) < 0)
            return -1;
    return 0;
}

/* Fills the buffer, as far as one call does, so that the start of the file can be looked at. */
static int read_start(struct csv *csv, struct error *err)
{
    struct csv_stream *s = csv->stream;
    while (!s->ended && s->end < SNIFFED)
        if (fill(csv, err))
            return -1;
    if (s->end >= 3 && !memcmp(s->bytes, "\xef\xbb\xbf", 3))
        s->begin = 3;
    return 0;
}

static int skip(struct csv *csv, size_t lines, struct error *err)
{
    struct csv_stream *s = csv->stream;
    for (; lines; lines--) {
        char *end = memchr(s->bytes + s->begin, '\n', s->end - s->begin);
        if (!end) {
            s->begin = s->end;
            if (s->ended)
                return fail(csv, err, "data.skip_lines leaves nothing of the file");
            if (fill(csv, err))
                return -1;
            lines++;
            continue;
        }
        s->begin = (size_t)(end + 1 - s->bytes);
        csv->line++;
    }
    return 0;
}

static int read_header(struct csv *csv, const struct csv_how *how, struct error *err)
{
    struct preview v;
    size_t header = 0;
    csv->separator = how->separator;
    csv->line = 1; /* for messages */
    if (read_start(csv, err))
        return -1;
    csv->line = 0;
    if (how->has_skip && skip(csv, (size_t)how->skip_lines, err))
        return -1;
    look_ahead(csv, (size_t)how->skip_footer, &v);
    if (!how->has_skip && v.count > 1) {
        header = find_header(csv, &v);
        size_t lines = v.lines[header];
        if (lines)
            fprintf(csv->stream->told, "%zu line%s above the header passed over\n", lines,
                    lines > 1 ? "s" : "");
        if (skip(csv, lines, err))
            return -1;
    }
    if (!csv->separator && v.count)
        csv->separator = find_separator(csv, &v, header);
    else if (!csv->separator)
        csv->separator = ',';
    if (!csv->separator)
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: two separators cut the lines into as many fields; "
                         "data.separator = comma, semicolon, tab, pipe or space says which",
                         csv->path, (unsigned long long)csv->line + 1);
    if (csv->separator != ',')
        fprintf(csv->stream->told, "separated by %s\n", separator_name(csv->separator));
    csv->line++; /* for messages */
    int result = 0;
    if (how->columns && v.count)
        result = take_names(csv, how, &v, header, err);
    else {
        csv->line--;
        result = read_names(csv, &v, header, err);
    }
    csv->first_line = csv->line + csv->stream->inside + 1;
    csv->stream->rows_at = csv->stream->base + csv->stream->begin;
    return result;
}

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
                           read_header(csv, how, err);
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
    while (line && (found = next_line(csv, &p, &end, err)) > 0)
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
    else if (next_line(part, &line, &end, err) >= 0) {
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
    while ((found = next_line(csv, p, end, err)) > 0 && *p == *end) {
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
    return fail(csv, err, "a blank line");
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
        more = next_field(csv, &p, end, field);
        if (more < 0)
            return fail(csv, err, "a quoted field is not closed");
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

static int missing(const struct csv *csv, const char *name, struct error *err)
{
    char shown[CSV_SHOWN];
    unsigned long long line = (unsigned long long)csv->first_line - 1;
    if (csv->stream->bare)
        return error_set(
            err, STATUS_INPUT,
            "%s:%llu: no column '%s': this line is a row already, so the file has no header; "
            "data.columns names its columns%s%s%s",
            csv->path, line, csv_show(name, shown),
            csv->columns == KLINE_COLUMNS ? " (Binance's klines: data.columns = " : "",
            csv->columns == KLINE_COLUMNS ? klines : "", csv->columns == KLINE_COLUMNS ? ")" : "");
    for (size_t i = 0; i < csv->columns; i++)
        if (!text_is_utf8(csv->name[i], strlen(csv->name[i])))
            return error_set(err, STATUS_INPUT,
                             "%s:%llu: no column '%s', and the names in the file are not UTF-8; "
                             "data.encoding names its encoding (as cp949 or latin1)",
                             csv->path, line, csv_show(name, shown));
    if (csv->columns == 1 && strpbrk(csv->name[0], ";\t|"))
        return error_set(
            err, STATUS_INPUT,
            "%s:%llu: no column '%s': no separator cuts all lines into as many fields; "
            "data.separator names it, data.skip_footer leaves lines at the end out",
            csv->path, line, csv_show(name, shown));
    error_set(err, STATUS_INPUT, "%s:%llu: no column '%s'; the columns are ", csv->path, line,
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

static int is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 128)
        text++;
    return !*text;
}

/* The same text, composed or decomposed (Unicode's NFC and NFD). */
static int same_text(const char *a, const char *b)
{
    if (!strcmp(a, b))
        return 1;
    if (is_ascii(a) || is_ascii(b))
        return 0;
    utf8proc_uint8_t *x = utf8proc_NFC((const utf8proc_uint8_t *)a);
    utf8proc_uint8_t *y = utf8proc_NFC((const utf8proc_uint8_t *)b);
    int same = x && y && !strcmp((const char *)x, (const char *)y);
    free(x);
    free(y);
    return same;
}

int csv_find(const struct csv *csv, const char *name, size_t *column, struct error *err)
{
    size_t exact = 0, alike = 0, like = 0;
    for (size_t i = 0; i < csv->columns && *name; i++) {
        if (same_text(csv->name[i], name)) {
            *column = exact ? *column : i;
            exact++;
        } else if (csv_same_name(csv->name[i], name)) {
            like = i;
            alike++;
        }
    }
    char shown[CSV_SHOWN];
    unsigned long long line = (unsigned long long)csv->first_line - 1;
    if (exact == 1)
        return 0;
    if (exact && !csv->stream->bare)
        return error_set(err, STATUS_INPUT, "%s:%llu: column '%s' appears twice", csv->path, line,
                         csv_show(name, shown));
    if (alike > 1)
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: several columns are called '%s' in upper and lower case; write "
                         "it as the header does",
                         csv->path, line, csv_show(name, shown));
    if (!alike)
        return missing(csv, name, err);
    *column = like;
    return 0;
}

void csv_progress(const struct csv *csv, uint64_t *done, uint64_t *total)
{
    const struct csv_stream *s = csv->stream;
    z_off_t at = s->file ? gzoffset(s->file) : (z_off_t)(s->base + s->end);
    *done = at > 0 ? (uint64_t)at : 0;
    *total = (uint64_t)s->size;
}
