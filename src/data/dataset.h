/* SPDX-License-Identifier: MIT */
/*
 * data: from files to windows of scaled features and their targets.
 *
 *   files -> csv (or its cache) -> table -> (resample) -> features -> split -> scaler -> dataset
 *
 * Windows are never materialised: the dataset holds the series once, [rows, features] in fp32, the
 * targets beside it, [rows, targets], and for each part the first rows of its windows. The rows of
 * all files lie behind each other; struct series says which are whose. It owns everything it points
 * to.
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "data/transform.h"
#include "error.h"
#include "log/log.h"

struct augmentation;
struct captioned;
struct tokenizer;
struct reading;

#define DATASET_NO_TIME INT64_MIN
#define DATASET_BORDER ((uint32_t)1 << 31) /* added to a token: a text begins with it */

/* PART_NONE: of rows that are between the parts of a fold, or behind them. */
enum part { PART_TRAIN, PART_VALIDATION, PART_TEST, PARTS, PART_NONE = PARTS };

/* scaled = (x - offset) / scale, per feature of data.features. For SCALER_NONE, SCALER_WINDOW and
 * SCALER_RELATIVE 0 and 1: these scale nothing, or window by window when the device gathers them.
 */
struct scaler {
    int kind; /* SCALER_... */
    size_t features;
    double *offset;   /* [features] */
    double *scale;    /* [features], never 0 */
    double low, high; /* that SCALER_MINMAX maps the training values to */
    size_t base;      /* SCALER_RELATIVE: the feature whose last value in a window counts */
};

/* What a file held, before resampling. Times that do not ascend are an error of reading. */
struct file_rows {
    size_t rows;
    size_t repeated; /* equal to the row before in every column that is read */
    size_t gaps;     /* steps in time longer than the usual one; 0 where there is none */
    int64_t longest; /* step, ms */
};

/* The rows of one series (with channels = apart: of one column of it). */
struct series {
    char *name;        /* of the file, as the manifest says, or of data.series; "NAME: column" for a
                          channel */
    size_t begin, end; /* rows of the dataset */
    size_t channel;    /* channels apart: which of data.features it is; else 0 */
    struct file_rows file;
};

/* Rows of a part in all series, and the times of the first and the last of them. */
struct span_of_part {
    size_t rows;
    int64_t first, last; /* DATASET_NO_TIME: there are no times, or no rows */
};

/* What a walk-forward split has cut. */
struct fold {
    size_t fold, folds; /* fold: from 1; 0: it is another split */
    struct span_of_part part[PARTS];
};

struct dataset {
    size_t rows, features, window;
    float *series;   /* [rows, features], scaled (raw where the scaler has 0 and 1) */
    uint32_t *token; /* [rows] in place of the series: a text's, each with DATASET_BORDER where the
                        rows before it tell nothing of it; features is 1. NULL: there are series */
    const struct tokenizer *tokenizer; /* of them; owned unless it is a checkpoint's */
    struct tokenizer *own_tokenizer;
    struct captioned *captioned; /* of clips and their captions; NULL: there are none */
    int64_t *time; /* [rows], ms since 1970 UTC of each row, DATASET_NO_TIME for rows behind the end
                      of a file without a calendar; NULL without a time column */
    char *
        *names; /* [features], as written in the INI: "ma(close,10)"; "channel" if they are apart */
    struct scaler scaler;   /* feature f of a series: entry channel * features + f */
    uint32_t *start[PARTS]; /* first rows of the windows of each part, ascending */
    size_t count[PARTS];

    size_t eval_window;   /* rows of a window of validation and test; 0: window */
    uint32_t *long_start; /* first rows of the windows of the training part for an evaluation, where
                             they are others: with eval_window as long, of tokens without overlap */
    size_t long_count;
    uint32_t *border; /* [borders] ascending: rows that do not go on from the row before */
    size_t borders;

    struct series *file; /* [files] ascending; each may be a file, a part of one, or several */
    size_t files;
    struct fold fold;
    int by_series;   /* data.series told them apart: results carry their names */
    size_t channels; /* 1; with channels apart as many as data.features, and features is 1 */

    /*
     * Targets; 0 for a model without any. Those of the window that starts at row s are the rows
     * s + target_first .. s + target_first + target_rows - 1 of target[] (for a window of
     * eval_window rows and target_rows = window: eval_window rows from s). All of them lie in the
     * same part and run as the window and are finite, as is what the targets are in the window's
     * last row (dataset_load_all() apart, where the rows are there but may have no target).
     */
    size_t targets, target_first, target_rows;
    size_t target_lag;   /* rows that a target's expression looks back, the longest of them */
    float *target;       /* [rows, targets], transformed; NaN where there is no value */
    double *raw_target;  /* [rows, targets] in the unit of the file */
    char **target_names; /* [targets] */
    struct transform *transform; /* [channels * targets], fitted on the training part's targets:
                                    target k of a series has the entry channel * targets + k */
    double *target_range; /* [channels * targets][2]: smallest and largest value, in the unit of the
                             file, of the training part's targets; NULL: not known */
    int *target_feature;  /* [targets]: the feature of the same text, or -1 */
    unsigned char *target_is_column; /* [targets]: 1: a column or a channel, no function */
    double *target_base;          /* [rows, targets]: value of the target's innermost column at each
                                     row ("close" of ret(close)): naive forecasts and price units */
    float *weight;                /* [rows] of the window that starts there; NULL: all 1 */
    struct augmentation *augment; /* of training windows; NULL: none */
    struct reading *reading;      /* how the files are written */
};

/* What a checkpoint has of the data it was trained on. */
struct fitted {
    struct tokenizer *tokenizer; /* of texts, which have none of the others; or NULL */
    struct scaler scaler;
    struct transform *transform; /* [targets] */
    size_t targets;              /* with channels apart as many as data.features */
    struct reading *reading;     /* how its files were written; NULL: not known */
    double *target_range;        /* [targets][2], see struct dataset; NULL: not known */
};

/*
 * Puts what the files tell into the configuration, before they are loaded: the columns that globs
 * among data.features stand for, and expressions that stand in quotes without being a column's
 * name. The first file counts.
 */
int dataset_expand(struct config *config, struct log *log, struct error *err);

/*
 * Reads the files of the configuration and does everything up to the windows of each part. With
 * `fitted` (a checkpoint's) nothing is fitted. What was found is told to `log`: rows, the time's
 * format and step, resampling, holes, windows dropped, windows per part. Fails with STATUS_INPUT
 * and "file:line: cause". A part whose share is 0 and that has no file is empty; the training part
 * must hold a window.
 */
struct dataset *dataset_load(const struct config *config, const struct fitted *fitted,
                             struct log *log, struct error *err);

/* The same for a run that trains in config->run.output; with `fitted` (another run's checkpoint's)
 * nothing is fitted. `again`: it goes on, or is run once more:
 * what can be read only once comes from the cache, or is refused with STATUS_USAGE. */
struct dataset *dataset_load_run(const struct config *config, const struct fitted *fitted,
                                 int again, struct log *log, struct error *err);

/*
 * The same for encode and predict: reads `path` (a file, a folder or a glob; NULL: all files of the
 * configuration) and gives every window (no split) in PART_TEST. Windows need no targets there:
 * where a target lies beyond the last row, rows follow that hold no target, and a time where the
 * file's rows follow a calendar (calendar.h).
 */
struct dataset *dataset_load_all(const struct config *config, const char *path,
                                 const struct fitted *fitted, struct log *log, struct error *err);

/* The same of captions where `path` is a clip, whatever its ending. */
struct dataset *dataset_load_clip(const struct config *config, const char *path,
                                  const struct fitted *fitted, struct log *log, struct error *err);

/* So many windows of zeros, with targets of zero, in PART_TEST: what an engine takes to run windows
 * that its caller writes into the series, at start[], before each evaluation. */
struct dataset *dataset_blank(const struct config *config, const struct fitted *fitted,
                              size_t windows, struct log *log, struct error *err);

/* The rows as they lie in memory, [rows, features] of 4 bytes: the series, or tokens. */
const void *dataset_rows(const struct dataset *data);

/* Numbers of a clip's features; 0: there are none. */
size_t dataset_clip(const struct dataset *data);

/* Whether the texts are captions of clips, which an encoder sees. */
int dataset_is_clips(const struct config *config);

/* Whether the sources hold texts, not series. */
int dataset_is_text(const struct config *config);

/* data.stride of series. */
size_t dataset_stride(const struct config *config);

/* The windows of a part for an evaluation, which are data->eval_window rows long if that is set,
 * and of tokens do not overlap. */
const uint32_t *dataset_windows(const struct dataset *data, enum part part, size_t *count);

/* Most windows of a part, for training or for an evaluation; 1 at least. */
size_t dataset_samples(const struct dataset *data);

/* Whether the window of eval_window rows from `start` goes on where the one from `before` ended. */
int dataset_goes_on(const struct dataset *data, uint32_t before, uint32_t start);

/* The series that a row belongs to. */
size_t dataset_series(const struct dataset *data, size_t row);

void dataset_free(struct dataset *data);

/* Deep copy into a zeroed `to`; 0 or -1 (memory). */
int scaler_copy(struct scaler *to, const struct scaler *from);
void scaler_fini(struct scaler *scaler);

#endif
