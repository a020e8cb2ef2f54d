/* SPDX-License-Identifier: MIT */
/*
 * kinds: what the kinds of configurations share; internal to src/propose.
 *
 *   propose.c      the table of kinds, and which one data look like
 *   recording.c    what forecasts and autoencoders have in common: how files of series are read
 *   forecast.c, patterns.c, amplifier.c, texts.c, clips.c   a kind each
 *   columns.c      lists of columns as an INI file has them
 */
#ifndef PROPOSE_KINDS_H
#define PROPOSE_KINDS_H

#include "data/column_kinds.h"
#include "propose/draft.h"
#include "propose/rhythm.h"

struct proposing {
    struct draft *draft;
    const char *data;           /* the path that was given */
    char *first;                /* the first file of it; the path where it is none of columns */
    int is_folder, is_table;    /* of files of columns */
    struct column_kinds column; /* of the first file, if it has columns */
    struct error why;           /* why it has none; status 0: it has */
    const char *path;           /* of the INI file */
    struct log *silent, *log;   /* of what is tried, and of what is written */
};

struct kind {
    const char *name;
    /* Whether the data look like it. */
    int (*fits)(const struct proposing *p);
    int (*propose)(struct proposing *p, struct error *err);
};

int forecast_fits(const struct proposing *p);
int forecast_propose(struct proposing *p, struct error *err);
int patterns_fits(const struct proposing *p);
int patterns_propose(struct proposing *p, struct error *err);
int amplifier_fits(const struct proposing *p);
int amplifier_propose(struct proposing *p, struct error *err);
int texts_fits(const struct proposing *p);
int texts_propose(struct proposing *p, struct error *err);
int clips_fits(const struct proposing *p);
int clips_propose(struct proposing *p, struct error *err);

/* What was seen of files of series, once they could be read. */
struct recording {
    struct dataset *data; /* all columns of numbers, as they are */
    struct rhythm rhythm;
    size_t rows, series; /* of all files */
    double leap; /* the largest change of the column from a row to the next, in relation to the
                    first; 0: not all values are above 0 */
};

/*
 * Drafts the keys of [data] that say how the files are read, so that they can be: the columns of
 * time and of series, and what errors of reading ask for, where that cannot make a wrong value of a
 * right one. Then measures the rhythm of the column `of` (NULL: of the first); `changes` as
 * rhythm_of_values() has it. recording_fini() frees.
 */
int recording_read(struct recording *seen, struct proposing *p, const char *of, int changes,
                   struct error *err);
void recording_fini(struct recording *seen);

/* Adds data.gap, by the steps in time. */
void recording_gap(const struct recording *seen, struct proposing *p);

/* Adds data.window: two seasons, or as far as the column remembers, or a usual number, at most so
 * many that each part has windows. */
void recording_window(const struct recording *seen, struct proposing *p, const char *of,
                      size_t horizon);

/* Adds data.split and the shares. */
void recording_split(const struct recording *seen, struct proposing *p);

/* Adds what follows from the number of training windows: train.effective_batch, batch, accumulate
 * and epochs, so that some `steps` steps are made. */
void recording_train(struct proposing *p, size_t windows, size_t steps);

/* Loads what was drafted. Fails where a part has no window. */
struct dataset *recording_load(struct proposing *p, struct log *log, struct error *err);

/* The same only to see it: training windows in *windows. */
int recording_try(struct proposing *p, struct log *log, size_t *windows, struct error *err);

/* "1 hour", "5 minutes", "2 days". */
struct span_text {
    char text[40];
};
struct span_text span_of(int64_t ms);

/* Columns in the order of the file, separated by commas and in quotes where an expression needs
 * them: all of numbers; the caller frees, NULL: memory or none (*count is 0). */
char *columns_of_numbers(const struct column_kinds *kinds, size_t *count);

/* A column's name as an expression has it; the caller frees. NULL: memory. */
char *column_expression(const char *name);

/* Adds [run]: its name and folder by the data's name and the kind. */
void propose_run(struct proposing *p, const char *kind);

#endif
