/* SPDX-License-Identifier: MIT */
/*
 * roofline: how long a launch takes on a card by a model of it, after Williams, Waterman and
 * Patterson, "Roofline: an insightful visual performance model" (2009): as long as its operations
 * or its bytes take at the card's rates, whichever is longer, and what each launch costs. Rates are
 * those of the processors that have work: a launch of 133 groups takes 132 of them as long as one
 * of 264. Vector operations and loads need work-items to hide their latency; how many a processor
 * holds follows from the registers and the local memory of tests/lint.tsv. It is a bound that
 * counts, no measurement: what a kernel does beside what it counts is not in it.
 */
#ifndef ROOFLINE_ROOFLINE_H
#define ROOFLINE_ROOFLINE_H

#include "lower/plan.h"
#include "roofline/card.h"

/* What a launch takes its time for. */
enum roofline_bound {
    BOUND_VECTOR,
    BOUND_MATRIX,
    BOUND_MEMORY,
    BOUND_CACHE,
    BOUND_LOCAL,
    BOUND_CHAIN,
    BOUND_START
};

struct estimate {
    double arithmetic, memory, cache, local, chain; /* seconds of each alone */
    double start;     /* of it, and of the launch behind it that adds parts up */
    double seconds;   /* of all */
    double occupancy; /* share of the work-items that a processor can hold; 0: not known */
    double busy;      /* share of the processors' time that has work */
    enum roofline_bound bound;
};

struct estimate roofline_launch(const struct card *card, const struct launch *l);

/* "memory" */
const char *roofline_bound_name(enum roofline_bound bound);

#endif
