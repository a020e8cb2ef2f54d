/* SPDX-License-Identifier: MIT */
/*
 * search: what a sweep decides by what its runs have come to: where the next run is tried
 * (sampler = tpe), and which run ends before its last epoch (pruner). A decision is derived from
 * what had been read of the journals, and nothing else, and is journaled with what that was:
 * search_replay() decides again. The rules are those of sampler.h and pruner.h.
 */
#ifndef SWEEP_SEARCH_H
#define SWEEP_SEARCH_H

#include <stdio.h>

#include "sweep/state.h"
#include "sweep/wire.h"

/* Whether runs can be compared; STATUS_USAGE where a search needs that and they cannot. */
int search_check(const struct runs *runs, struct error *err);

/* Whether a sweep decides anything. */
int search_is_on(const struct sweep *sweep);

/*
 * Before a run begins or goes on, whose claim the caller has. Draws its values, unless they have
 * been, and then clears its folder of what a draw that was lost has left. Judges the epochs in its
 * log that no journal has: the run may be pruned then.
 */
int search_prepare(struct state *state, size_t run, struct error *err);

/* Judges an epoch of a run: 1 if the run is pruned, which then has been journaled. */
int search_judge(struct state *state, size_t run, const struct epoch_told *told, struct error *err);

/* Decides all again, and tells each decision that differs. */
struct search_replayed {
    size_t points, reports, differ;
};
int search_replay(struct state *state, struct search_replayed *replayed, FILE *told,
                  struct error *err);

#endif
