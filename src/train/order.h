/* SPDX-License-Identifier: MIT */
/*
 * order: which training window comes when. Numbers of windows are a function of the seed and of
 * the place in the training alone, so that a resumed run takes the same.
 */
#ifndef TRAIN_ORDER_H
#define TRAIN_ORDER_H

#include <stddef.h>
#include <stdint.h>

/*
 * Samples from, from + 1, ... of all passes over the windows, one pass behind the other, into
 * to[count]: each pass is a permutation of 0 .. windows - 1 keyed by seed and its number. `pass`
 * [windows] is room.
 */
void order_shuffled(uint32_t *to, size_t count, uint64_t from, uint32_t *pass, size_t windows,
                    uint64_t seed);

/* Any window each time, with equal probability, keyed by seed, epoch and place. */
void order_random(uint32_t *to, size_t count, uint32_t epoch, size_t windows, uint64_t seed);

#endif
