/*
 * load: what the steps from files to a dataset share; internal to src/data.
 *
 *   dataset.c   the overview: which step follows which; scaler and series
 *   series.c    one file after the other: read, cut at holes and jumps, resample
 *   parts.c     deal the rows to the parts, warm up, find the windows
 *   targets.c   compute, transform, permute
 *   balance.c   the training windows toward a uniform target
 *   tell.c      what was found, to the log
 *
 * Rows are counted in three ways: those of a file's table; its local rows, from 0, without those
 * where features warm up; and those of the dataset, where the local rows of all series lie behind
 * each other.
 */
#ifndef DATA_LOAD_H
#define DATA_LOAD_H

#include <jansson.h>

#include "data/dataset.h"
#include "data/features.h"
#include "data/source.h"
#include "data/split.h"
#include "data/table.h"

/* Rows over which features are computed at a stretch. */
struct segment {
    size_t from, to;   /* of the table, with the rows that warm up */
    size_t begin, end; /* local */
};

/* One file. */
struct input {
    const struct source *source;
    struct table *table;
    struct table target; /* the columns that targets are made of: a view of the table */
    struct run *run;     /* [runs] of the table, each longer than the warm-up */
    size_t runs;
    size_t file_rows; /* before resampling */
    size_t holes;
    int64_t first_time, last_time, step, longest_hole;
    struct resampling resampling;
    struct segment *segment; /* [segments] */
    size_t segments;
    struct stretch *stretch; /* [stretches], in local rows */
    size_t stretches;
    size_t rows; /* local, with padding */
    size_t base; /* dataset row of its first local row (of its first channel) */
};

/* Columns by name, for one table. */
struct columns {
    char **name; /* [count], the names are the expressions' */
    size_t count;
};

/* Windows and rows that were left out, and why; all files together. */
struct lost {
    size_t holes, jumps, parts;    /* windows, before they are looked at one by one */
    size_t no_target, where, tail; /* windows without target, not wanted; rows at the ends */
    size_t jump_count, bad_prices, skipped;
};

struct load {
    const struct config *config;
    int whole; /* no split: every window, for encode and predict */
    struct log *log;
    struct error *err;
    struct sources sources;
    char label[64];              /* of several files */
    struct feature **feature;    /* [features], data.features */
    struct feature **expression; /* [expressions], data.targets; channels apart: feature */
    struct feature *stratify, *jump;
    size_t features, expressions;
    struct columns columns, target_columns; /* of the files, and of those with targets */
    size_t warmup, lookahead;               /* of the features; of the targets */
    struct input *input;                    /* [inputs] */
    size_t inputs;
    struct lost lost;
    struct dataset *data;
    json_t *told;
};

/* What the files are called in messages: the path of the only one, or "12 files". */
const char *load_label(const struct load *load);
int load_no_memory(struct load *load);

/* "path:line" of a dataset row. */
const char *load_where(const struct load *load, size_t row, int target, char out[TABLE_WHERE]);

/* The input and the channel that a series of the dataset is. */
struct input *load_input(const struct load *load, size_t series);

/* Rows of a window of a part, and with what lies between it and its last target. */
size_t load_window(const struct load *load, enum part part);
size_t load_span(const struct load *load, enum part part);

/* Values of an expression at a series' rows into x[rows of the dataset], NaN where it has none yet;
 * rows of padding are left as they are. */
int load_compute(struct load *load, const struct feature *feature, size_t series, int target,
                 double *x);

/* series.c: reads all files. */
int series_read(struct load *load);

/* Frees what an input owns. */
void series_fini(struct input *input);

/* parts.c: gives local rows to the inputs and tells data->rows; finds the windows. */
int parts_deal(struct load *load);
int parts_windows(struct load *load);

/* targets.c: before the windows are looked for, and after. */
int targets_compute(struct load *load);
int targets_transform(struct load *load, const struct fitted *fitted);
int targets_kept(const struct load *load, size_t start, enum part part);

/* balance.c */
int balance_windows(struct load *load);

/* tell.c */
void tell_count(struct load *load, const char *key, size_t count);
void tell_text(struct load *load, const char *key, const char *text);
void tell_input(struct load *load, const struct input *input);
void tell_files(struct load *load);
void tell_warmup(struct load *load);
void tell_windows(struct load *load);

#endif
