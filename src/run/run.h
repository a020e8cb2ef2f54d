/* SPDX-License-Identifier: MIT */
/*
 * run: the life of a run and its folder: opened, trained, reported, closed. It knows no command
 * line: commands, tests and other programs make these four calls. A run owns its data, its engine,
 * its log and the lock of its folder; the configuration stays the caller's. Several runs may be
 * open at a time, in folders of their own.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "run/folder.h"
#include "train/train.h"

struct run_options {
    enum folder_use use;
    const char *config_path; /* the file that the configuration was read from; NULL: none */
    enum verbosity verbosity;
    struct comm *comm;       /* the ranks that train this run together; NULL: alone */
    struct engine_gate gate; /* asked before the engine takes memory */
    int smaller_batch;       /* a checkpoint with a larger micro-batch of the same step will do */
    struct session *session; /* to stand on, beside others; NULL: one of its own, */
    int profile;             /* whose launches are watched */
    double started;          /* now() when the process began; 0: when the run is opened */
    struct judge judge;      /* who may end it after an epoch, with a checkpoint */
    const volatile sig_atomic_t
        *interrupted; /* the signal that asks for an end; NULL: none comes */
};

struct run {
    struct run_options options;
    struct folder folder;
    struct checkpoint kept; /* what is not fitted anew (data.fitted_by) */
    struct dataset *data;
    struct features *features; /* that the data take clips from; NULL: they hold none */
    struct training training;  /* with configuration, engine, log and progress */
    int resumes;               /* goes on from a checkpoint of its folder */
    int finished;              /* it was at its end when it was opened: there is nothing to do */
};

/*
 * Takes the folder's lock, reads the data, makes the engine and gives it its weights: those of the
 * checkpoint that the run goes on from, of model.init, or drawn. Nothing in the folder is changed.
 * `config` gets the files and features that were found, and its batch may be cut.
 */
struct run *run_open(struct config *config, const struct run_options *options, struct error *err);

/* Writes what describes the run, then trains to its end, or to that by an interruption or a judge;
 * all return 0. */
int run_train(struct run *run, struct error *err);

/* Verdict and pictures of the best weights, and the mark in the last checkpoint that the run is at
 * its end. Does nothing in a run that was interrupted, pruned or finished before. */
int run_report(struct run *run, struct error *err);

/*
 * Ends a run that came to this result, which is returned; an error is told to its log. Returns -1
 * also where the log could not be written.
 *
 * Whoever made the run may try it again where err->cause is CAUSE_MEMORY: the device's memory ran
 * out in spite of the plan, since another process took some. Its status is 4 as that of any failure
 * of the device; its object in log.jsonl has "cause": "device_memory", "batch" and "accumulate".
 * budget_smaller() makes `config`, which has these numbers, one with the next smaller micro-batch
 * of the same step, for run_open() again with options.smaller_batch.
 */
int run_close(struct run *run, int result, struct error *err);

#endif
