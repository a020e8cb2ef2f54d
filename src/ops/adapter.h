/* SPDX-License-Identifier: MIT */
/*
 * adapter: what an adapter (params/adapter.h) computes beside the product of a linear layer. For
 * the file that makes linear layers; models need not know of it.
 */
#ifndef OPS_ADAPTER_H
#define OPS_ADAPTER_H

#include "ir/graph.h"

/* (alpha / r) dropout(x) A^T [.., r], of x [.., in], and in *up B [out, r]; NULL where the
 * parameters' adapter is not for the layer of this weight. A is drawn as PEFT draws it,
 * U(-1/sqrt(in), 1/sqrt(in)); B is 0. */
struct tensor *op_adapter(struct graph *g, struct tensor *x, const struct tensor *weight,
                          size_t out, struct tensor **up);

#endif
