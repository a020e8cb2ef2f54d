/* SPDX-License-Identifier: MIT */
/*
 * search: what a sweep decides by what its runs have come to: where the next run is tried
 * (sampler = tpe). A decision is derived from what had been read of the journals, and nothing else,
 * and is journaled with what that was: search_replay() decides again. The rules are those of
 * sampler.h; trials are the runs that have begun.
 */
#ifndef SWEEP_SEARCH_H
#define SWEEP_SEARCH_H

#include <stdio.h>

#include "sweep/state.h"

/* Whether runs can be compared; STATUS_USAGE where a search needs that and they cannot. */
int search_check(const struct runs *runs, struct error *err);

/* Whether the values of a run are to be drawn before it begins. */
int search_is_due(const struct state *state, size_t run);

/* Draws the values of a run whose claim the caller has, unless they have been, and then clears its
 * folder of what a draw that was lost has left. */
int search_draw(struct state *state, size_t run, struct error *err);

/* Decides all again, and tells each decision that differs. */
struct search_replayed {
    size_t points, differ;
};
int search_replay(struct state *state, struct search_replayed *replayed, FILE *told,
                  struct error *err);

#endif
