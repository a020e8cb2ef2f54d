/* SPDX-License-Identifier: MIT */
/*
 * csv: a streaming reader of text files with columns (see text.h for what these are on disk).
 *
 * The header names the columns; every other record is a row with as many fields. Fields may be
 * quoted
 * ("a ""b"" c"), with line ends inside (RFC 4180); lines end in LF or CRLF; blank lines are passed
 * over where there is more than one column, as are the lines above the header: a URL, comments,
 * blank ones, and the further header rows of yfinance. The reader holds one record of the file at a
 * time (at most CSV_LINE_MAX bytes) and owns all it points to; fields live until the next
 * csv_next(). Whatever is wrong with a file ends in STATUS_INPUT and "path:line: cause".
 */
#ifndef DATA_CSV_H
#define DATA_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CSV_LINE_MAX ((size_t)1 << 20)
#define CSV_BEHIND 16 /* bytes behind the text in memory that may be read, whatever they are */

struct csv_field {
    char *text; /* without quotes and the blanks around it, NUL-terminated */
    size_t length;
};

struct csv {
    char *path;
    uint64_t line;           /* number of the current record's first line, from 1 */
    uint64_t first_line;     /* of the first row */
    size_t columns;          /* at least 1 */
    char **name;             /* [columns], "" where the header leaves one out */
    struct csv_field *field; /* [columns], the current row */
    char separator;          /* ',' ';' TAB '|', or ' ' for any run of blanks */
    size_t blank_lines;      /* between rows, passed over so far */
    char *told;              /* what was found out, a line each; "" */
    struct csv_stream *stream;
};

/* Bytes that come as they are written, as those of a pipe: how many, up to `room`; 0 at their end;
 * -1 with errno. Waits for one at least. */
struct csv_source {
    long (*read)(void *ctx, char *to, size_t room);
    void *ctx;
};

/* How a file is to be read; zero is the default of everything. */
struct csv_how {
    const char *encoding; /* NULL: "auto" */
    char separator;       /* 0: found out */
    char kept;            /* that of the files of training, where it was found out; 0: not known */
    int has_skip;         /* skip_lines is given; else found out */
    long skip_lines;      /* lines above the header */
    long skip_footer;     /* lines below the data */
    char *const *column;  /* [columns] names, for a file without a header */
    size_t columns;
};

/* Opens `path` and reads its header. `how` may be NULL. */
struct csv *csv_open(const char *path, const struct csv_how *how, struct error *err);
void csv_close(struct csv *csv);

/*
 * The same of bytes that come; `name` is what messages call them. They are UTF-8, and
 * how->separator or how->kept is known. It takes as few of them as it can: the header, and one line
 * behind it unless how->columns names the columns. csv_rewind() and csv_extent() are not for it.
 */
struct csv *csv_open_source(const char *name, const struct csv_how *how,
                            const struct csv_source *source, struct error *err);

/* Back to before the first row. */
int csv_rewind(struct csv *csv, struct error *err);

/* Fails if the file changed since it was opened: to be asked at its end. */
int csv_unchanged(const struct csv *csv, struct error *err);

/* Whether a field stands for a missing value: it is empty, or one of words[count]. */
int csv_is_missing(const struct csv_field *field, char *const *words, size_t count);

/* Goes to the next row: 1; 0 at the end of the file; -1 with an error. */
int csv_next(struct csv *csv, struct error *err);

/*
 * For reading a file side by side: where the rows begin and the file ends, in bytes; 0 if it is
 * compressed, or lines at its end are left out.
 */
int csv_extent(const struct csv *csv, uint64_t *begin, uint64_t *end);

/* How many lines begin in [from, to), 0 < from < to <= the file's end; -1 if that cannot be read,
 * the file has become shorter, or quotes are open at the end of the part. */
int csv_count(const struct csv *csv, uint64_t from, uint64_t to, size_t *lines);

/* Another reader of the file, of the rows whose lines begin in [from, to), from > 0; its `line`
 * counts as if the first of them were line 2. It must be closed before `csv`. */
struct csv *csv_open_part(const struct csv *csv, uint64_t from, uint64_t to, struct error *err);

/*
 * For rows that need no fields: the text of the rows to come that is in memory, from the beginning
 * of a line on. Each line that begins before `end` is there as a whole, with its '\n'; there may be
 * none. csv_pass() goes on to the line that begins at `begin`, passing over so many.
 */
void csv_lines(const struct csv *csv, const char **begin, const char **end);
void csv_pass(struct csv *csv, const char *begin, size_t lines);

/* Column called `name`, or else the only one that differs from it in case alone. An error lists the
 * columns that there are. */
int csv_find(const struct csv *csv, const char *name, size_t *column, struct error *err);

/* Whether the file has no header: what stands where its names should be looks like a row. */
int csv_is_bare(const struct csv *csv);

/* The names of the columns where their number is that of a format without a header, "a, b, c":
 * Binance's candles; NULL: of none. */
const char *csv_known_names(const struct csv *csv);

/* Whether a name fits a glob: * stands for any characters, ? for one. The case of ASCII letters
 * does not count. -1: memory. */
int csv_fits(const char *name, const char *glob);

/* Bytes of the file read so far and in all (0: not known), for a progress bar. */
void csv_progress(const struct csv *csv, uint64_t *done, uint64_t *total);

enum csv_parsed { CSV_NUMBER, CSV_NOT_A_NUMBER, CSV_OUT_OF_RANGE };

/*
 * Decimal number with an optional exponent in text[length], where text[length] is NUL: the double
 * that strtod() gives in the C locale, whatever the user's locale is. No hexadecimal, no infinity.
 */
enum csv_parsed csv_parse_number(const char *text, size_t length, double *x);

/* Whether two names are the same but for the case of ASCII letters. */
int csv_same_name(const char *a, const char *b);

/* Text from outside made fit for a message: no control characters, cut to the size. */
#define CSV_SHOWN 64
const char *csv_show(const char *text, char out[CSV_SHOWN]);

#endif
