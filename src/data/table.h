/* SPDX-License-Identifier: MIT */
/*
 * table: the columns of a file that are needed, and the time of each row.
 *
 * Time strictly rises from row to row. A run is a stretch of rows without a hole; windows and
 * feature functions never reach from one run into another. A table owns all it points to.
 */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "data/csv.h"
#include "error.h"
#include "log/log.h"

struct zone;

/* How times are written; see time_form.h. */
enum time_format {
    TIME_NONE,
    TIME_MILLISECONDS, /* since 1970; from 1e14 on microseconds, as Binance's files change to */
    TIME_SECONDS,
    TIME_ISO8601, /* its usual forms, see instant_scan() */
    TIME_MICROSECONDS,
    TIME_NANOSECONDS,
    TIME_EXCEL,  /* days since 1899-12-30, with a fraction */
    TIME_DIGITS, /* YYYYMM[DD[hh[mm[ss]]]] */
    TIME_YMD,    /* words and numbers; the order of year, month and day */
    TIME_DMY,
    TIME_MDY,
    TIME_PATTERN, /* data.time_format */
    TIME_FORMATS,
};

/* Rows of a joined table that come from one file. */
struct table_part {
    char *path;
    size_t begin;
};

struct table {
    char *path;
    size_t rows, columns;
    char **name;     /* [columns], as the header has them */
    double **column; /* [columns][rows], finite, but for columns that only targets need */
    int64_t *time;   /* [rows], ms since 1970 UTC; NULL without a time column. Of a series all of
                        whose rows were left out time[0] is that of the first. */
    enum time_format format;
    char separator;       /* of the file's fields */
    unsigned char *comma; /* [columns]: whether it has decimal commas; NULL: none has */
    int64_t candle;       /* length of a resampled row in ms; 0: a row is a line of the file */

    uint64_t first_line; /* of the file, that row 0 is */

    /* Of files that were read by way of judging their columns; else NULL and 0. */
    uint64_t *line;   /* [rows] lines of the file; NULL: first_line + row */
    uint64_t *origin; /* [rows] rows of the file; NULL: the same */
    size_t read;      /* rows of the file, before some were left out */
    double *
        *unfilled; /* [columns][rows] with NaN where a value was carried forward; NULL: as column */
    size_t *cut;   /* [cuts] ascending: rows that do not go on from the row before */
    size_t cuts;
    int left_before, left_behind; /* rows before the first, and behind the last, were left out */
    int gaps;                     /* some value is missing: NaN */
    char *told;                   /* what was found, a line each; NULL: nothing */

    /* With data.series a file has a table for each series. */
    char *series;       /* which one this is; NULL: the file is one series */
    char *told_of_file; /* of the first: what was found about the file as a whole */
    struct table *next; /* the next one, which table_free() frees as well */

    struct table_part *part; /* [parts] of a joined table, which has `line`; else NULL */
    size_t parts;
};

/* How a file is to be read; zero is the default of everything. All it points to is the caller's. */
struct table_how {
    struct csv_how csv;
    const char *time[2];          /* columns; NULL or "": none. Of two, date and time of day */
    const char *series;           /* column that tells series apart; NULL or "": none */
    enum time_format time_format; /* TIME_NONE: found out */
    const char *time_pattern;     /* of TIME_PATTERN */
    const struct zone *zone;      /* of local times; NULL: UTC */
    int decimal, order, duplicates, missing; /* DECIMAL_... ORDER_... of config.h, and so on */
    long missing_limit;                      /* rows that `previous` fills in a row */
    char *const *missing_value;              /* [missing_values] beside the empty field */
    size_t missing_values;
    const unsigned char *only_target; /* [columns]: no feature needs it; NULL: all are needed */

    /* What can be read only once is kept in the cache for the run in this folder (NULL: for none),
     * and `again`, for a run that goes on, is taken from there. */
    const char *run;
    int again;

    /* How the files of training were written, as it was found out; a file that is written otherwise
     * is refused, unless the keys above say how it is. (csv.kept is the separator.) */
    enum time_format kept_time; /* TIME_NONE: not known */
    const int *kept_decimal;    /* [columns] DECIMAL_..., AUTO where not known; NULL: nowhere */
};

struct run {
    size_t begin, end; /* rows [begin, end), never empty */
};

/* How far a recording goes on in time before the first run's first row and behind the last run's
 * last one; INT64_MAX and INT64_MIN: not at all. */
struct candle_edges {
    int64_t begins, ends;
};

/* What table_resample() did. */
struct resampling {
    size_t rows;    /* before */
    size_t cut;     /* candles left out, for a run begins or ends inside them */
    size_t partial; /* candles kept although rows are missing inside them */
};

/*
 * Reads the `columns` columns called names[] and the time. What is plain (numbers with a decimal
 * point, ISO 8601 or seconds or milliseconds in rising order, nothing missing) is read in one pass;
 * where anything is odd about a file, its columns are judged as a whole first, see
 * table_judged.h. With how->series the tables of all series, by the bytes of their names, hang on
 * the first one's `next`. STATUS_INPUT with "path:line: cause".
 */
struct table *table_read(const char *path, const struct table_how *how, char *const *names,
                         size_t columns, struct log *log, struct error *err);
void table_free(struct table *table);

/* A large plain file is read in stretches of so many bytes at least, by so many threads at most (0:
 * as many as the process has cores); tests set both. Nothing else tells: rows, faults and their
 * lines are the same. */
extern uint64_t table_stretch;
extern unsigned table_threads;

/* A table without rows, for whoever fills it; NULL without memory. */
struct table *table_new(const char *path, size_t columns);

/* Memory for `rows` rows of a table that has none, and for their times if `timed`; -1 without. */
int table_allocate(struct table *table, int timed, size_t rows);

/* Gives every column, and the times if `timed`, room for so many rows; keeps what is there. */
int table_set_room(struct table *table, int timed, size_t rows);

/* The first of rows [begin, end) that is not before `time`; `end` if all are. */
size_t table_row_at(const struct table *table, size_t begin, size_t end, int64_t time);

/* The distance in time of most neighbouring rows, in ms; 0 if no distance has the majority. */
int64_t table_step(const struct table *table);

/*
 * Cuts the rows where the next one is more than `gap` ms later; 0 does not cut. Returns the runs in
 * memory that the caller frees, NULL if there is none.
 */
struct run *table_runs(const struct table *table, int64_t gap, size_t *count);

/*
 * Merges rows into candles of `length` ms whose times are multiples of it since 1970. `aggregate`
 * (data.aggregate, or NULL) or the column's name says how, see aggregate.h. Where a run begins or
 * ends inside a candle, that candle is left out: what it shows would depend on where the recording
 * happened to start; `edges` (or NULL) tell where rows were taken away that the recording has.
 * Candles without a row do not appear. Runs are changed to those of the candles. STATUS_INPUT if
 * the rows are further apart than `length`.
 */
int table_resample(struct table *table, int64_t length, const struct list *aggregate,
                   const struct candle_edges *edges, struct run *runs, size_t *count,
                   struct resampling *told, struct error *err);

/* When the candle of so many ms begins that a time lies in. */
int64_t table_candle(int64_t time, int64_t length);

/* "path:line" or, after resampling, "path: candle of 2021-04-02T00:03:00Z"; for messages. */
#define TABLE_WHERE 512
const char *table_where(const struct table *table, size_t row, char out[TABLE_WHERE]);

/* "2021-04-02T00:03:00Z", with milliseconds where there are any. */
#define TABLE_TIME 40
const char *table_time(int64_t ms, char out[TABLE_TIME]);

/* "3m", "1h 30m", "250ms". */
const char *table_duration(int64_t ms, char out[TABLE_TIME]);

#endif
