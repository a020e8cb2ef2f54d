/* SPDX-License-Identifier: MIT */
/*
 * task_class: what a model is for. A task evaluates windows, tells what came of it, gives the
 * pictures their figures and predicts; everything else knows tasks through this interface. task.c
 * chooses the class of a model and its data, once.
 */
#ifndef TASK_TASK_CLASS_H
#define TASK_TASK_CLASS_H

#include <jansson.h>
#include <signal.h>

#include "log/log.h"
#include "train/engine.h"

struct task_class;

/* Windows that a model was run over. */
struct task_result {
    const struct task_class *class;
    struct engine *e;
    size_t windows;
    struct evaluation evaluation;
    void *own; /* the class's */
};

/* What a result is held against: the loss of a forecast without a model; NaN: not known. */
struct task_baseline {
    double loss;
    const char *name;   /* "training mean"; NULL: there is none */
    const char *dashed; /* what it is called below a picture */
};

/* After training: where a report goes, and what it is of. */
struct task_report_to {
    const char *part; /* "test" */
    const char *fold; /* ", fold 2 of 5", or "" */
    const char *folder;
    long epoch;
    double train; /* first term of the training loss in the best epoch; NaN: not known */
    struct log *log;
    const volatile sig_atomic_t *interrupted;
};

/* A table of predictions: of all windows of the part that is for tests. */
struct task_prediction {
    struct engine *e;
    const struct fitted *fitted;
    const char *model; /* path of the checkpoint */
    FILE *out;
    const char *name; /* of `out` */
    struct log *log;
};

/* A window with its prediction, as the lines of a table tell of it. */
struct task_window {
    size_t start;  /* its first row in the dataset */
    size_t number; /* that row's number in its series */
    size_t place;  /* and among all rows of the table */
    size_t before; /* windows in front of it in the table */
    float *y;      /* what the model gives; it may be changed */
};

/* Such a table as it is printed, window by window. */
struct task_table {
    const struct task_prediction *p;
    void *own;   /* the class's */
    size_t done; /* rows that are printed once have been, up to this number */
};

struct task_class {
    int forecasts;     /* own begins with a struct forecast */
    int predicts_text; /* own begins with a struct language */
    /* Tells which figures there will not be, and why, once the parts are known; NULL: nothing. */
    int (*expect)(const struct dataset *data, const struct config *config, struct log *log,
                  struct error *err);
    /* Leaves out windows of a whole file that cannot be evaluated; NULL: all can. */
    int (*keep_known)(struct dataset *data, const struct config *config, const char *path,
                      struct error *err);
    /* Fills evaluation and own, of windows at `start` [r->windows]. 1: interrupted; where that or
     * an error ends it, there is nothing to release. */
    int (*evaluate)(struct task_result *r, const uint32_t *start, struct log *log,
                    struct error *err);
    void (*release)(struct task_result *r);
    json_t *(*json)(const struct task_result *r);
    /* The same in words, with the verdict, and the log's event. */
    void (*tell)(const struct task_result *r, const struct task_report_to *to);
    struct task_baseline (*baseline)(const struct task_result *r);
    /* What else comes of a trained model before its pictures; NULL: nothing. 1: interrupted. */
    int (*analyse)(struct task_result *r, const struct task_report_to *to, struct error *err);
    int (*predict)(const struct task_prediction *p, struct error *err);
    /* predict's table piece by piece: its heading, the lines of a window, and what is told at the
     * end, also behind an error. NULL: it is no table of windows. */
    int (*begin)(struct task_table *table, struct error *err);
    void (*put)(struct task_table *table, const struct task_window *window);
    void (*end)(struct task_table *table);
    /* The same as numbers, for who prints nothing: what begin() does but for the heading, and of a
     * window the rows that put() would print, with their times (DATASET_NO_TIME: none; `time` NULL:
     * not wanted). Returns how many rows these are. */
    int (*ready)(struct task_table *table, struct error *err);
    size_t (*answer)(struct task_table *table, const struct task_window *window, double *to,
                     int64_t *time);
};

/* Runs the engine's weights over windows; 1: interrupted. */
int task_evaluate(struct task_result *r, const struct task_class *class, struct engine *e,
                  const uint32_t *start, size_t count, struct log *log, struct error *err);
void task_release(struct task_result *r);

/* Windows of `elems` numbers to hold on the host at a time: 16 MiB of them, 4096 at most. */
size_t task_block(size_t elems);

/* Which fold of how many the data are; nothing where they are of no walk-forward split. */
void task_set_fold(json_t *to, const struct dataset *data);

/* The lines that were said of a result since log_keep(), for its verdict. */
void task_set_said(json_t *to, struct log *log);

#endif
