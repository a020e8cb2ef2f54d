/* SPDX-License-Identifier: MIT */
/*
 * supervisor: what the pieces of the fleet share, and no one else: a supervisor's runs and slots.
 * `choose` says which run is next, `outcome` what becomes of a run whose worker has ended,
 * `show` what is told; `fleet` has the loop.
 */
#ifndef SWEEP_SUPERVISOR_H
#define SWEEP_SUPERVISOR_H

#include <poll.h>
#include <sys/stat.h>

#include "sweep/fleet.h"
#include "sweep/health.h"
#include "sweep/room.h"
#include "sweep/screen.h"
#include "sweep/slots.h"
#include "sweep/wire.h"

/* Seconds between looks at a run that another process has. */
#define SUPERVISOR_LOOK 2.0

/* A run as this supervisor sees it. */
struct fleet_run {
    unsigned failed_before;   /* how often it had failed when the supervisor began */
    double next_look;         /* another process has it: not before this now() */
    struct claim_watch watch; /* of its claim */
    unsigned stale;           /* its claim of this generation has no heartbeats */
    int in_slot;
    int waits_told;
    long epoch_told;
};

struct fleet_slot {
    size_t run; /* 0: free */
    pid_t pid;
    struct wire wire; /* its socket closes with this process */
    double began;
    long epoch; /* of the run when it began here */
};

struct fleet {
    const struct fleet_options *options;
    struct state *state;
    struct runs *runs;
    struct slots slots;
    struct room room;
    struct health health;
    struct fleet_slot *slot; /* [slots.count] */
    struct pollfd *poll;     /* [slots.count] */
    struct fleet_run *run;   /* [runs->count] */
    struct screen screen;
    struct screen_slot *shown; /* [slots.count] */
    sigset_t outside;          /* the signal mask of workers, and while waiting */
    double drawn, filled;      /* when the table was, and free slots */
    struct stat file;          /* of the sweep, when it was read */
    int stopping, changed;     /* as asked; since the file was changed */
    char out[640];             /* why a device is out of service */
};

static inline const struct run_row *supervisor_row(const struct fleet *f, size_t run)
{
    return &f->runs->row[run - 1];
}

/* --- choose */

/* Whether a run has failed for good, as far as this supervisor goes; was pruned; is to be done,
 * here or elsewhere; can be tried here. */
int choose_failed(const struct fleet *f, size_t run);
int choose_pruned(const struct fleet *f, size_t run);
int choose_open(const struct fleet *f, size_t run);
int choose_in_reach(const struct fleet *f, size_t run);

/* The run that a free slot takes: the first of those that have failed least; 0: none. */
int choose_next(struct fleet *f, size_t slot, size_t *run, struct error *err);

/* Looks whether the file of the sweep says the same as when it was read. */
void choose_look(struct fleet *f);

/* --- outcome */

/* A run has been pruned: told. */
int outcome_pruned(struct fleet *f, size_t run, struct error *err);

/* A worker has ended, with a status of waitpid(). */
int outcome_take(struct fleet *f, size_t index, int status, struct error *err);

/* --- show */

/* The table, when it is due; the outcome, when there is nothing more to do. */
void show_table(struct fleet *f);
int show_end(struct fleet *f, struct error *err);

/* How many runs are under way here. */
size_t show_working(const struct fleet *f);

#endif
