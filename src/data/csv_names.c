/* SPDX-License-Identifier: MIT */
/* Columns by their names. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "data/csv_stream.h"
#include "data/text.h"

#define KLINE_COLUMNS 12 /* of Binance's archive of candles */

static const char klines[] = "open_time, open, high, low, close, volume, close_time, quote_volume, "
                             "count, taker_buy_volume, taker_buy_quote_volume, ignore";

/* The comma was found out, but names hold what separates the fields of other files. */
static const char *hidden_separator(const struct csv *csv)
{
    for (size_t i = 0; i < csv->columns && csv->separator == ','; i++) {
        const char *at = strpbrk(csv->name[i], ";\t|");
        if (at)
            return *at == ';'    ? " (data.separator = semicolon?)"
                   : *at == '\t' ? " (data.separator = tab?)"
                                 : " (data.separator = pipe?)";
    }
    return "";
}

int csv_is_bare(const struct csv *csv)
{
    return csv->stream->bare;
}

const char *csv_known_names(const struct csv *csv)
{
    return csv->columns == KLINE_COLUMNS ? klines : NULL;
}

static int missing(const struct csv *csv, const char *name, struct error *err)
{
    const char *known = csv_known_names(csv);
    char shown[CSV_SHOWN];
    unsigned long long line = (unsigned long long)csv->first_line - 1;
    if (csv->stream->bare)
        return error_set(
            err, STATUS_INPUT,
            "%s:%llu: no column '%s': this line is a row already, so the file has no header; "
            "data.columns names its columns%s%s%s",
            csv->path, line, csv_show(name, shown),
            known ? " (Binance's klines: data.columns = " : "", known ? known : "",
            known ? ")" : "");
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
    error_set(err, STATUS_INPUT, "%s:%llu: no column '%s'%s; the columns are ", csv->path, line,
              csv_show(name, shown), hidden_separator(csv));
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

/* Bytes of the character of UTF-8 that text begins with. */
static size_t character(const char *text)
{
    size_t n = *text != 0;
    while (((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static int fits(const char *name, const char *glob)
{
    const char *star = NULL, *from = NULL; /* the last *, and where what it stands for ends */
    while (*name) {
        char one[] = {*name, 0}, other[] = {*glob, 0};
        if (*glob == '*') {
            star = glob++;
            from = name;
        } else if (*glob == '?') {
            glob++;
            name += character(name);
        } else if (csv_same_name(one, other)) {
            glob++;
            name++;
        } else if (star) {
            glob = star + 1;
            name = from += character(from);
        } else {
            return 0;
        }
    }
    return !glob[strspn(glob, "*")];
}

int csv_fits(const char *name, const char *glob)
{
    if (is_ascii(name) || is_ascii(glob))
        return fits(name, glob);
    utf8proc_uint8_t *x = utf8proc_NFC((const utf8proc_uint8_t *)name);
    utf8proc_uint8_t *y = utf8proc_NFC((const utf8proc_uint8_t *)glob);
    int result = x && y ? fits((const char *)x, (const char *)y) : -1;
    free(x);
    free(y);
    return result;
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
