/* SPDX-License-Identifier: MIT */
/*
 * live: rows that come one after the other, as the dataset of their latest window.
 *
 * A live has what dataset_load_all() makes of a file that holds the rows so far, as far as the last
 * window needs it: features computed row by row (feature_stream.h), scaled by a checkpoint's
 * figures, the times and the targets of the window's rows. Rows that a file may not hold are
 * refused, each with a sentence. What grows with the rows is the record of their times alone, where
 * forecasts have times that a calendar tells, and that has a bound; nothing else is allocated once
 * it is open. It owns the dataset that it fills; configuration and log stay the caller's and must
 * outlive it.
 */
#ifndef DATA_LIVE_H
#define DATA_LIVE_H

#include <stdint.h>

#include "data/dataset.h"

struct live;
struct load;

struct live_row {
    const double *x; /* [columns], NaN where a value is missing */
    int64_t time;    /* ms since 1970 UTC; of rows without times nothing */
    int64_t later;   /* where clocks showed that time twice, the second instant; else time */
};

enum live_taken {
    LIVE_REFUSED = -1, /* why is in the error */
    LIVE_TAKEN,        /* no window ends with the row, or the row is left out as in a file */
    LIVE_WINDOW,       /* one does: it is what the dataset holds */
};

/* STATUS_USAGE with the name of the key for what cannot be had row by row. `by_row`: a window is
 * one row, for a model that keeps its state. */
struct live *live_open(const struct config *config, const struct fitted *fitted, int by_row,
                       struct log *log, struct error *err);
void live_close(struct live *live);

/* One window, of zeros until there is one, in PART_TEST. */
struct dataset *live_data(struct live *live);

/* Has the dataset say that it has so many windows, each of which is that one. */
int live_repeat(struct live *live, size_t windows, struct error *err);

/* The columns that a row has, by name. */
size_t live_columns(const struct live *live);
const char *live_column(const struct live *live, size_t i);
int live_is_timed(const struct live *live);

/* The keys as they were read, for who reads rows from text. */
const struct load *live_load(const struct live *live);

/* STATUS_INPUT for a row that is refused: windows begin anew behind it, unless its time alone is
 * wrong. STATUS_FAILED without memory. */
enum live_taken live_push(struct live *live, const struct live_row *row, struct error *err);

/* A row that was lost: windows begin anew behind it. */
void live_cut(struct live *live);

/* As if no row had come yet. */
void live_reset(struct live *live);

/* From now on rows are not asked for what only targets are made of, which predictions do not need:
 * its columns may hold anything that is a number. live_needs_column() tells which are not of
 * these. */
void live_leave_targets(struct live *live);
int live_needs_column(const struct live *live, size_t i);

/* The number of the first row of the window, as in a table of predictions; whether it begins anew,
 * and does not go on from the row before it; and the windows so far, this one left out. */
size_t live_first(const struct live *live);
int live_is_fresh(const struct live *live);
size_t live_windows(const struct live *live);

/* Rows that are needed before the first window is whole, those in which features warm up among
 * them; and how many of the rows of a window are new: it comes every so many rows. */
size_t live_needs(const struct live *live);
size_t live_stride(const struct live *live);

/* Scaler and transforms of another checkpoint, of the same features and targets; the rows of the
 * window are scaled anew. STATUS_INPUT where there are not as many. */
int live_refit(struct live *live, const struct fitted *fitted, struct error *err);

#endif
