/* SPDX-License-Identifier: MIT */
/*
 * state: where each run of a sweep stands, by the journal of its folder. The journal's events:
 *
 *   sweep      text, runs: what the sweep is; the first one holds
 *   overwrite  text, runs: what was before counts no more; run folders are to be cleared
 *   cleared    they are
 *   drawn      run, values, by, from: what varies has these values, by key, in the run (sampler =
 *              tpe); by "tpe", or "random" while few runs have ended
 *   started    run, slot, device: a process works on the run
 *   planned    run, device, bytes, budget: its plan has memory
 *   anew       run: it begins from the start, whatever was before
 *   report     run, epoch, figure, rungs, decision, from: the monitored figure of an epoch, and
 *              what the pruner has decided by it: "continue", "prune": the run is at its end, or
 *              "end": it is so anyway
 *   ended      run, epochs, best_epoch, figure, best, seconds, folder: it is at its end; of a fold
 *              of a walk-forward test also tested: what was found on it
 *   failed     run, status, signal, message: it is not
 *   smaller    run, batch, accumulate: the device's memory ran out; it goes on with these
 *   stopped    run: it was interrupted, and can go on
 *   device     run, slot, device, status, signal, message: its device failed; it is tried on
 * another out        device, message: several runs have failed on it; it is used no more forgiven
 * run: its latest failure was the device's elsewhere  run: the process found that another one has
 * it
 *
 * What is derived from the journal has "from", what had been read of it then: see journal_seen().
 *
 * The state owns its journal; the runs are the caller's.
 */
#ifndef SWEEP_STATE_H
#define SWEEP_STATE_H

#include "sweep/claim.h"
#include "sweep/journal.h"
#include "sweep/runs.h"
#include "sweep/trial.h"

/* In the folder of a run: what its worker has printed. */
#define STATE_CONSOLE "console.log"

enum run_state { RUN_WAITING, RUN_STARTED, RUN_STOPPED, RUN_FAILED, RUN_ENDED, RUN_PRUNED };

struct run_place {
    enum run_state state;
    unsigned failures;
    long batch, accumulate; /* what memory has left of the micro-batch; 0: as it is configured */
    unsigned by_device;     /* failures that were a device's */
    int is_lasting;         /* failed by configuration or input: another try would, too */
    const json_t *latest;   /* event that the state is of; NULL: none */
    double *point;          /* [axes] that was drawn; NULL: none (yet) */
    struct trial_report *report; /* [reports] */
    size_t reports;
    size_t rungs; /* that asha has judged the run at */
};

struct state {
    const char *folder; /* sweep.output */
    struct runs *runs;
    char *text; /* what the sweep is: all on which results depend */
    struct journal *journal;
    size_t folded;                    /* events that the states are of, */
    const struct journal_event *last; /* of which this is the last */
    struct run_place *place;          /* [runs->count] */
    const char *begun;                /* text of the sweep in the journal; NULL: none */
    int to_clear;                     /* run folders are to be cleared */
    int is_part;                      /* of part of the journal: it tells the runs nothing */
};

struct state *state_open(struct runs *runs, struct log *log, struct error *err);
void state_free(struct state *state);

/* Fills in where each run stood by the lines {file: lines} of the journals. -1: no memory.
 * state_part_fini() in any case. */
int state_part(const struct state *state, const json_t *lines, struct state *part);
void state_part_fini(struct state *part);

/* Reads what has come since. */
int state_read(struct state *state, struct error *err);

/*
 * The folder is this sweep's from here on. Fails with STATUS_USAGE where it is another's, unless
 * `overwrite` is given: that clears all runs, none of which may be under way.
 */
int state_begin(struct state *state, int overwrite, struct error *err);

/* Clears the folder of a run, which nobody trains. */
int state_clear_run(const struct state *state, size_t run, struct error *err);

/* Fails as state_begin() does, but writes nothing. */
int state_check(const struct state *state, struct error *err);

/* Whether a sweep is the one that the folder is of: 1; -1: no memory. */
int state_is_same(const struct state *state, const struct sweep *sweep);

/* Journals an event of a run; `members` is taken over, NULL for none. */
int state_tell(struct state *state, const char *event, size_t run, json_t *members,
               struct error *err);

/* Journals that a run goes on with a smaller micro-batch. */
int state_tell_smaller(struct state *state, size_t run, long batch, long accumulate,
                       struct error *err);

/* Journals the end of a run, with the figures of its log. */
int state_tell_end(struct state *state, size_t run, struct error *err);

/* Whether an event of a run is that which prunes it. */
int state_prunes(const json_t *object);

/* Whether a run has ended or was pruned. */
int state_is_over(const struct state *state, size_t run);

/* "waiting", or "running" where its claim is held; "stopped", "failed", "ended", "pruned". */
const char *state_word(const struct state *state, size_t run);

#endif
