/* SPDX-License-Identifier: MIT */
/*
 * claim: one process at a time has a run, among processes of several machines that share a folder.
 *
 * Claim G of run N is the file FOLDER/claim/N.G, which link() makes, so that one process gets it;
 * G + 1 may be made where G is free: given back, its process gone from this machine, or without a
 * heartbeat. No file is ever removed, so that nobody takes another's claim for the one that he
 * looked at. The holder renews the content, which counts its heartbeats; whether these have
 * stopped is judged by the reader's clock alone (claim_watch).
 */
#ifndef SWEEP_CLAIM_H
#define SWEEP_CLAIM_H

#include <stddef.h>

#include "error.h"

#define CLAIM_PERIOD 15.0 /* seconds from one heartbeat to the next */
#define CLAIM_STALE 120.0 /* without any, a claim is free again */
#define CLAIM_CONTENT 512

enum claim_state {
    CLAIM_FREE, /* nobody has it */
    CLAIM_HELD, /* somebody has it, unless there are no heartbeats */
    CLAIM_GONE  /* its process, of this machine, has ended without giving it back */
};

/* What is known of a run's latest claim. */
struct claim_look {
    enum claim_state state;
    unsigned generation;         /* 0: there was none */
    int is_here;                 /* held by a live process of this machine */
    char content[CLAIM_CONTENT]; /* changes with each heartbeat */
    char holder[160];            /* "process 123 of HOST" */
};

/* Looks at a run's claim. */
int claim_look(const char *folder, size_t run, struct claim_look *look, struct error *err);

/* What a reader has seen of a claim so far; zeroed before the first call. */
struct claim_watch {
    unsigned generation;
    char content[CLAIM_CONTENT];
    double since; /* the reader's now() when it was seen first */
};

/* Whether a claim that is held has had no heartbeat for CLAIM_STALE; `at` is the reader's now(). */
int claim_is_stale(struct claim_watch *watch, const struct claim_look *look, double at);

struct claim;

/*
 * Takes a run's claim where it is free, or where it is still that of generation `stale`, which has
 * no heartbeats any more (0: none). 1: somebody else has it, who is in `look`.
 */
int claim_take(const char *folder, size_t run, unsigned stale, struct claim **claim,
               struct claim_look *look, struct error *err);

/* A heartbeat. 1: the claim is lost, since somebody else took it or no heartbeat could be written
 * in time: the holder must end at once. */
int claim_renew(struct claim *claim);

/* Gives it back and frees it; NULL is none. */
void claim_release(struct claim *claim);

#endif
