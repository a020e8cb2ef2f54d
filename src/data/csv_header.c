/* SPDX-License-Identifier: MIT */
/* What stands above the rows of a file: the separator, the header, and its names. */
#include <stdlib.h>

#include "data/complex.h"
#include "data/csv_stream.h"
#include "data/number.h"

#define SNIFFED (1 << 16) /* bytes that tell how a file is written */
#define LOOKED_AT 24      /* records that tell how a file is written */

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
    struct csv_quotes q = CSV_QUOTES_FIRST;
    const char *end = p + length;
    if (separator == ' ')
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
    for (; p < end; p++) {
        if (csv_quotes_take(&q, *p))
            continue;
        int here = *p == separator || (separator == ' ' && *p == '\t');
        while (here && separator == ' ' && p + 1 < end && (p[1] == ' ' || p[1] == '\t'))
            p++;
        fields += here && (separator != ' ' || p + 1 < end);
        csv_quotes_pass(&q, here, csv_is_white(csv, *p));
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
        } while (stop && csv_quote_is_open(csv, p, stop) && ++stop < end);
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
        double x, y;
        more = csv_next_field(csv, &at, end, &field);
        int number = more >= 0 && (csv_parse_number(field.text, field.length, &x) == CSV_NUMBER ||
                                   complex_parse(field.text, field.length, &x, &y) > 0);
        numbers += (size_t)number;
        if (!fields && more >= 0)
            row = number || like_a_time(&field);
    }
    free(copy);
    return row && more >= 0 && numbers;
}

/* The fields that a separator makes of the header, if it makes as many of all records; else 0. */
static size_t cuts(const struct csv *csv, const struct preview *v, size_t header, char separator)
{
    size_t fields = count_fields(csv, v->at[header], v->length[header], separator);
    for (size_t i = header + 1; i < v->count && fields > 1; i++)
        if (!is_blank(v, i) && count_fields(csv, v->at[i], v->length[i], separator) != fields)
            return 0;
    return fields > 1 ? fields : 0;
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
        size_t fields = cuts(csv, v, header, others[k]);
        if (!fields)
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
    static const struct {
        char separator;
        const char *name;
    } names[] = {{';', "semicolons"}, {'\t', "tabs"}, {'|', "bars (|)"}, {' ', "blanks"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].separator == separator)
            return names[i].name;
    return "commas";
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
        return csv_fail(csv, err,
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

/* A name of several lines is one of a single line: breaks become blanks. */
static void flatten(char *name)
{
    char *to = name;
    int broken = 0;
    for (const char *from = name; *from; from++) {
        int control = (unsigned char)*from < ' ' || *from == 0x7f;
        if (!control && !(broken && *from == ' '))
            *to++ = *from;
        else if (control && to > name && to[-1] != ' ')
            *to++ = ' ';
        broken = control || (broken && *from == ' ');
    }
    while (to > name && to[-1] == ' ')
        to--;
    *to = 0;
}

/* The record with the names, which csv_next_line() gives now. */
static int read_names(struct csv *csv, const struct preview *v, size_t header, struct error *err)
{
    char *p, *end, name[CSV_SHOWN];
    int found = csv_next_line(csv, &p, &end, err);
    if (found < 0)
        return -1;
    if (!found)
        return csv_fail(csv, err, "the file is empty");
    if (p == end)
        return csv_fail(csv, err, "no header line");
    size_t most = count_fields(csv, p, (size_t)(end - p), csv->separator);
    if (allocate_names(csv, most, err))
        return -1;
    size_t more_rows = 0;
    for (int more = 1; more;) {
        struct csv_field field;
        more = csv_next_field(csv, &p, end, &field);
        if (more < 0 || csv->columns == most)
            return csv_fail(csv, err, "a quoted field is not closed");
        flatten(field.text);
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
        if (csv_next_line(csv, &p, &end, err) < 0)
            return -1;
    return 0;
}

/* Fills the buffer, as far as one call does, so that the start of the file can be looked at. */
static int read_start(struct csv *csv, struct error *err)
{
    struct csv_stream *s = csv->stream;
    while (!s->ended && s->end < (s->source.read ? 3 : SNIFFED))
        if (csv_fill(csv, err))
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
                return csv_fail(csv, err, "data.skip_lines leaves nothing of the file");
            if (csv_fill(csv, err))
                return -1;
            lines++;
            continue;
        }
        s->begin = (size_t)(end + 1 - s->bytes);
        csv->line++;
    }
    return 0;
}

/* The record with the names among those at the start of the stream. */
static size_t look_for_header(struct csv *csv, const struct csv_how *how, struct preview *v)
{
    look_ahead(csv, (size_t)how->skip_footer, v);
    return !how->has_skip && v->count > 1 ? find_header(csv, v) : 0;
}

/* Of bytes that come, takes as many as tell where the rows begin: the record behind the header, two
 * where there may be three rows of one. */
static int wait_for_header(struct csv *csv, const struct csv_how *how, struct preview *v,
                           size_t *header, struct error *err)
{
    const char separator = csv->separator;
    for (;;) {
        csv->separator = separator;
        *header = look_for_header(csv, how, v);
        const int is_price = *header < v->count && begins_with(v, *header, "Price,");
        const size_t needs = how->columns ? 1 : is_price ? 3 : 2;
        if (!csv->stream->source.read || csv->stream->ended || v->count == LOOKED_AT ||
            v->count >= *header + needs)
            return 0;
        if (csv->stream->end - csv->stream->begin >= SNIFFED)
            return csv_fail(csv, err, "no header in the first lines");
        if (csv_fill(csv, err))
            return -1;
    }
}

/* The separator, unless it is given: the one of training if it fits, else what is found out. One
 * that is not that of training is an error. */
static int settle_separator(struct csv *csv, const struct csv_how *how, const struct preview *v,
                            size_t header, struct error *err)
{
    if (!csv->separator && !v->count)
        csv->separator = ',';
    else if (!csv->separator && how->kept && cuts(csv, v, header, how->kept))
        csv->separator = how->kept;
    else if (!csv->separator)
        csv->separator = find_separator(csv, v, header);
    if (!csv->separator)
        return error_set(err, STATUS_INPUT,
                         "%s:%llu: two separators cut the lines into as many fields; "
                         "data.separator = comma, semicolon, tab, pipe or space says which",
                         csv->path, (unsigned long long)csv->line + 1);
    if (!how->kept || how->separator || csv->separator == how->kept ||
        !cuts(csv, v, header, csv->separator))
        return 0;
    return error_set(err, STATUS_INPUT,
                     "%s:%llu: fields are separated by %s here, and were by %s in the files that "
                     "the model was trained on; -s data.separator=auto reads this file as it is",
                     csv->path, (unsigned long long)csv->line + 1, separator_name(csv->separator),
                     separator_name(how->kept));
}

int csv_read_header(struct csv *csv, const struct csv_how *how, struct error *err)
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
    if (wait_for_header(csv, how, &v, &header, err))
        return -1;
    if (!how->has_skip && v.count > 1) {
        size_t lines = v.lines[header];
        if (lines)
            fprintf(csv->stream->told, "%zu line%s above the header passed over\n", lines,
                    lines > 1 ? "s" : "");
        if (skip(csv, lines, err))
            return -1;
    }
    if (settle_separator(csv, how, &v, header, err))
        return -1;
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
