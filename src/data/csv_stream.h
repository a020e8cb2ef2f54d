/* SPDX-License-Identifier: MIT */
/*
 * csv_stream: the bytes of a file of columns, cut into records and fields; internal to csv.
 *
 *   csv.c         opens and closes a file and parts of it
 *   csv_header.c  reads what stands above the rows
 *   csv_names.c   finds columns by their names
 *   csv_stream.c  bytes, records, fields, rows
 *   csv_text.c    names and numbers in a field
 *
 * A struct csv owns its stream.
 */
#ifndef DATA_CSV_STREAM_H
#define DATA_CSV_STREAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data/csv.h"
#include "error.h"

#define CSV_CHUNK (1 << 18) /* bytes that are read at once */

/* The bytes of the file that are in memory: [begin, end) of bytes[CSV_LINE_MAX + CSV_BEHIND]. */
struct csv_stream {
    gzFile file;              /* NULL: a part's, which reads plain text by pread(), or a source's */
    int fd;                   /* owned by `file`, a part's by that of the whole */
    struct csv_source source; /* of bytes that come; read is NULL: of a file */
    struct stat state;        /* when it was opened */
    int64_t size;             /* of the file on disk; 0: not known */
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

/* While the separator is not known, all that are found out are taken for one. */
static inline int csv_separates(const struct csv *csv, char c)
{
    return csv->separator ? c == csv->separator : c && strchr(",;\t|", c);
}

/* White space that belongs to no field. */
static inline int csv_is_white(const struct csv *csv, char c)
{
    return c == ' ' || (c == '\t' && csv->separator != '\t');
}

/* Where a scan of a record stands: at the beginning of a field, in one that began with a quote, and
 * inside its quotes. A quote elsewhere is text. */
struct csv_quotes {
    int begins, quoted, open;
};
#define CSV_QUOTES_FIRST ((struct csv_quotes){.begins = 1})

/* Takes a character that is quoted or a quote: 1. Any other is the caller's: 0. */
static inline int csv_quotes_take(struct csv_quotes *q, char c)
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
static inline void csv_quotes_pass(struct csv_quotes *q, int separates, int blank)
{
    q->begins = separates || (q->begins && blank);
    q->quoted &= !separates;
}

/* "path:line: cause"; -1. */
int csv_fail(const struct csv *csv, struct error *err, const char *cause);

/* Reads more bytes behind those that are there; STATUS_INPUT if they cannot be had. */
int csv_fill(struct csv *csv, struct error *err);

/* Whether a quoted field is open where the text ends. */
int csv_quote_is_open(const struct csv *csv, const char *p, const char *end);

/* Cuts the next record out of the stream, without its line's end: 1; 0 at the end of the file; -1.
 */
int csv_next_line(struct csv *csv, char **line, char **line_end, struct error *err);

/* Cuts one field off the line: 1 if another follows, 0 if it was the last, -1 on a stray quote. */
int csv_next_field(const struct csv *csv, char **at, char *end, struct csv_field *field);

/* Reads what stands above the rows, and the names: csv_header.c. */
int csv_read_header(struct csv *csv, const struct csv_how *how, struct error *err);

#endif
