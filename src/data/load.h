/* SPDX-License-Identifier: MIT */
/*
 * load: what the steps from files to a dataset share; internal to src/data.
 *
 *   expand.c        globs among the features, and expressions in quotes
 *   dataset_load.c  the overview: which step follows which
 *   load.c          what the steps ask of struct load
 *   corpus.c        instead of all that follow: texts and their tokens
 *   captioned_load.c  the same of captions, whose table caption_table.c reads
 *   keys.c          what the configuration says: expressions, columns, how files are read, extents
 *   series.c        one file after the other: read, cut at holes and jumps, resample
 *   sanity.c        values that are hardly right
 *   follow.c        files that look like one series
 *   walk.c          where the parts of a fold lie
 *   parts.c         deal the rows to the parts, warm up, find the windows
 *   fill.c          compute the features, fit the scaler, store the series
 *   targets.c       compute, transform, permute
 *   balance.c       the training windows toward a uniform target
 *   augment_fit.c   what data.augment does to which of them
 *   times.c         the times of all rows, those of forecasts too
 *   tell.c          what was found, to the log
 *
 * Rows are counted in three ways: those of a file's table; its local rows, from 0, without those
 * where features warm up; and those of the dataset, where the local rows of all series lie behind
 * each other.
 */
#ifndef DATA_LOAD_H
#define DATA_LOAD_H

#include <jansson.h>

#include "data/condition.h"
#include "data/dataset.h"
#include "data/features.h"
#include "data/range.h"
#include "data/reading.h"
#include "data/source.h"
#include "data/spec.h"
#include "data/split.h"
#include "data/table.h"

/* Rows over which features are computed at a stretch. */
struct segment {
    size_t from, to;   /* of the table, with the rows that warm up */
    size_t begin, end; /* local */
};

/* One series: a file, one of the series in a file, or files that were joined. */
struct input {
    const struct source *source; /* its file, or the first of them */
    char *name, *label;          /* in results; in messages, with the path */
    struct table *table;
    struct table target; /* the columns that targets are made of: a view of the table */
    double **column;     /* of that view, where values were carried forward; else NULL */
    struct run *run;     /* [runs] of the table, each longer than the warm-up */
    size_t runs;
    struct file_rows file;
    struct range_cut cut;
    size_t holes;
    int64_t first_time, last_time, step, longest_hole;
    struct resampling resampling;
    struct segment *segment; /* [segments] */
    size_t segments;
    struct stretch *stretch; /* [stretches], in local rows */
    size_t stretches;
    size_t rows;          /* local, with padding */
    unsigned char *where; /* [rows]: whether data.where is fulfilled; NULL without one */
};

/* Columns by name, for one table. */
struct columns {
    char **name; /* [count], the names are the expressions' */
    size_t count;
};

/* What is hardly right about the values of some series. */
struct oddity {
    char *kind, *text; /* text: of the first series */
    size_t series;
};

/* What was left out, and why; all files together. */
struct lost {
    size_t holes, jumps, parts; /* windows, before they are looked at one by one */
    size_t no_target, where;    /* windows that lack a target, or are not wanted */
    size_t tail;                /* rows behind the last window of eval_window rows */
    size_t prices, files;       /* rows with a price not above 0; files too short */
};

struct load {
    const struct config *config;
    int whole;    /* no split: every window, for encode and predict */
    size_t blank; /* windows of a dataset without files; 0: it has some */
    int is_clip;  /* its one source is no table of captions but a clip */
    char *run;    /* the folder of the run that is to train; NULL: none is */
    int again;    /* it goes on */
    int trains;   /* also where nothing is fitted */
    struct log *log;
    struct error *err;
    struct sources sources;
    char label[64];                  /* of several files */
    struct feature **feature;        /* [features], data.features */
    struct feature **expression;     /* [expressions], data.targets; channels apart: feature */
    struct feature *stratify, *jump; /* NULL where they are not wanted, as `where` */
    struct condition *where, *augment_where;
    size_t features, expressions;
    struct columns columns, target_columns; /* of the files, and of those with targets */
    unsigned char *only_target;             /* [columns.count]: no feature needs it */
    struct spec spec;                       /* of data.split = spec */
    struct table_how how;                   /* how files are read */
    const struct reading *kept;             /* as those of training were; NULL: not known */
    struct zone *zone;                      /* data.time_zone; NULL: UTC */
    struct range range;                     /* that is taken of each series */
    size_t warmup;                          /* the features' longest */
    struct input *input;                    /* [inputs] */
    size_t inputs;
    int several;           /* more than one series */
    struct oddity *oddity; /* [oddities] */
    size_t oddities;
    size_t jumps;
    struct lost lost;
    struct dataset *data;
    json_t *told;
};

/* What the files are called in messages: the path of the only one, or "12 files". */
const char *load_label(const struct load *load);
int load_no_memory(struct load *load);

/* dataset_load.c: frees what a load owns; the dataset is whose it is given to. */
void load_fini(struct load *load);

/* "path:line" of a dataset row. */
const char *load_where(const struct load *load, size_t row, int target, char out[TABLE_WHERE]);

/* What a series of the dataset is made of. */
struct input *load_input(const struct load *load, size_t series);

/* The series that a row of the dataset belongs to. */
size_t load_series(const struct load *load, size_t row);

/* Rows of a window of a part, and with what lies between it and its last target. */
size_t load_window(const struct load *load, enum part part);
size_t load_span(const struct load *load, enum part part);

/* Rows that targets reach ahead of a training window. */
size_t load_ahead(const struct load *load);

/* Rows of a series behind those where features warm up. */
size_t load_usable(const struct load *load, const struct input *input);

/* Values of an expression at the local rows of an input, x[rows + warmup]; NaN where it has none
 * yet. Rows of padding become NaN or are left as they are. */
int load_compute(struct load *load, const struct feature *feature, const struct input *input,
                 const struct table *table, double *x);

/* The place of the feature with this text in data.features; -1: it is not there. */
int load_feature(const struct load *load, const char *text);

/* First target row of a window, counted from its first row, and how many there are. */
size_t load_target_rows(const struct load *load, enum part part, size_t *first);

/* keys.c: the keys that say how a file is cut into fields. */
struct csv_how keys_csv_how(const struct config *config);

/* keys.c: parses the expressions, and gives the dataset its names and the extents of a sample. */
int keys_read(struct load *load);

/* series.c: reads all files. */
int series_read(struct load *load);

/* sanity.c: looks for values that are hardly right in a series; then warns of each kind once. -1:
 * memory. */
int sanity_look(struct load *load, const struct table *table);
void sanity_tell(struct load *load);

/* follow.c: warns of files that look like one series. -1: memory. */
int follow_look(struct load *load);

/* Frees what an input owns. */
void series_fini(struct input *input);

/* parts.c: "; data.gap = 10m parts the rows at 300 holes": the keys for which none of these inputs
 * has `span` rows in one run; "" where none is to blame. */
void parts_why_short(const struct load *load, const struct input *input, size_t inputs, size_t span,
                     char *text, size_t size);

/* parts.c: gives the inputs their local rows and the dataset its series; then its windows. */
int parts_deal(struct load *load);
int parts_windows(struct load *load);

/* fill.c: the scaler, a checkpoint's or room for one that is to be fitted. */
int fill_prepare(struct load *load, const struct fitted *fitted);

/* fill.c: load->blank windows of zeros. */
int fill_blank(struct load *load);

/* fill.c: computes, fits and stores the features one after the other. */
int fill_series(struct load *load, const struct fitted *fitted);

/* targets.c: raw targets, before windows are looked for. */
int targets_compute(struct load *load);

/* What training sees of them, when it is known which rows it uses; permutes them if asked to. */
int targets_transform(struct load *load, const struct fitted *fitted);

/* Whether a condition is fulfilled in the local rows of an input, in a block of rows + warmup that
 * the caller frees. */
int parts_meet(struct load *load, const struct condition *condition, const struct input *input,
               unsigned char **met);

/* balance.c */
int balance_windows(struct load *load);

/* augment_fit.c: what data.augment takes of the data; with a checkpoint's figures nobody trains. */
int augment_windows(struct load *load, int fitted);

/* times.c: gives the dataset the times of its rows, if files have any. */
int times_copy(struct load *load);

/* tell.c */
void tell_count(struct load *load, const char *key, size_t count);
void tell_text(struct load *load, const char *key, const char *text);
void tell_input(struct load *load, const struct input *input);
void tell_files(struct load *load);
void tell_warmup(struct load *load);
void tell_fold(struct load *load);
void tell_windows(struct load *load);

#endif
