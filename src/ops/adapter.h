/* SPDX-License-Identifier: MIT */
/*
 * adapter: what an adapter (params/adapter.h) adds to the product of a linear layer. For the file
 * that makes linear layers; models need not know of it.
 */
#ifndef OPS_ADAPTER_H
#define OPS_ADAPTER_H

#include "ir/graph.h"

/* y [.., out], the product of x [.., in] and a weight, with what the parameters'
 * adapter adds to it: y itself where it is not for this layer. A is drawn as PEFT draws it,
 * U(-1/sqrt(in), 1/sqrt(in)); B is 0. */
struct tensor *op_adapted(struct graph *g, struct tensor *x, const struct tensor *weight,
                          struct tensor *y);

#endif
