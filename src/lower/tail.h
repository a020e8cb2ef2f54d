/* SPDX-License-Identifier: MIT */
/*
 * tail: what would go over the result of a product in a launch behind it, done by the product
 * itself where who makes it can (gemm_takes_tail()), with the same bits. The plan owns all.
 */
#ifndef LOWER_TAIL_H
#define LOWER_TAIL_H

#include "lower/plan.h"

/* The launch before, where it is a product C = op(A) op(B) with C = t that can have a tail; NULL:
 * it is none. */
struct launch *tail_product(struct plan *p, struct tensor *t);

/* Gives it one: the product writes `to` instead. Of `tail` all but buffers is set. In `with` are
 * the tensors of its buffers, of which bias, position and kept may be NULL where they are not used.
 */
void tail_give(struct launch *l, const struct gemm_tail *tail,
               struct tensor *const with[TAIL_BUFFERS], struct tensor *to);

#endif
