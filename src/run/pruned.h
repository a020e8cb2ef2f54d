/* SPDX-License-Identifier: MIT */
/*
 * pruned: a checkpoint without some of the units of its model (models/units.h): a checkpoint of a
 * smaller model, which model.init takes.
 *
 * In each set those units stay whose norm of what makes them times norm of what reads them is
 * largest, after He, Fan, Qian, Tan and Yu, "Reshaping deep neural network for fast decoding by
 * node-pruning" (ICASSP 2014), which ranks by one of the two: the product bounds what a unit that
 * does not saturate does to the rest, and is 0 where one of them is.
 */
#ifndef RUN_PRUNED_H
#define RUN_PRUNED_H

#include <stddef.h>

#include "error.h"

struct pruned {
    char key[24];      /* of [model] */
    size_t sets;       /* of units */
    size_t size, kept; /* units of a set, before and now */
};

/* Reads the checkpoint `from` and writes `to`, a file that appears whole or not at all, with `keep`
 * of the units of each set, at least one; 0 < keep < 1. STATUS_USAGE tells why a model has none
 * that can be left out. */
int pruned_write(const char *from, const char *to, double keep, struct pruned *pruned,
                 struct error *err);

#endif
