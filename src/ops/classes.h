/* SPDX-License-Identifier: MIT */
/*
 * classes: the class that others fuse with, and its attributes.
 */
#ifndef OPS_CLASSES_H
#define OPS_CLASSES_H

#include "ops/dropout.h"
#include "ops/ops.h"

/* y = dropout(act(x + bias + position)): x, bias [columns], position [.., columns] (both may be
 * NULL). A position needs ACT_NONE. */
enum { POINTWISE_X, POINTWISE_BIAS, POINTWISE_POSITION };
struct pointwise {
    enum act act;
    struct drop drop;
    int key; /* drop.path is set */
};
extern const struct op_class op_pointwise_class;

/* a + b, b of the shape of a's last dimensions. */
struct tensor *op_add_rows(struct graph *g, struct tensor *a, struct tensor *b);

/* Lets `op`, whose kernel can, add the bias of its input `x` itself, as input `bias`: NULL if there
 * is none, else `op`. */
struct op *pointwise_absorb_bias(struct graph *g, struct op *op, int x, int bias);

/* Adds the word for it. */
void pointwise_describe_bias(const struct op *op, int bias, struct words *to);

/* y = x (or +=) from fp32 to the type of activations, or back. */
void cast_into(struct plan *p, struct tensor *x, struct tensor *y, int add);

/* A weight of fp32 as a product of this shape reads it: itself, or the copy that the plan makes
 * once in the type of its factors, where that is better (gemm_factor()); no bit depends on it. */
struct tensor *cast_weight(struct plan *p, const struct gemm_shape *shape, struct tensor *weight);

/* What norms add to a variance, and the option for a kernel where it is another: "
 * -DEPS_BITS=0x358637bdu". */
#define NORM_EPS 1e-5
const char *norm_eps_option(double eps);

/* C = A op(W) (+ C if add) of a packed matrix W; shapes as in struct gemm_shape. */
void packed_product(struct plan *p, const char *label, struct gemm_shape shape, struct tensor *a,
                    struct tensor *w, struct tensor *c, int add);

/* The gradient of a bias [columns] from that of what it was added to. */
void pointwise_bias_back(struct plan *p, struct op *op, int bias, struct tensor *dx);

/* op_product(), with the weight [in, out] instead where `in_out` says so; with LOW [.., r] and UP
 * [out, r], unless they are NULL, + LOW UP^T. */
struct tensor *product_with(struct graph *g, struct tensor *x, struct tensor *weight, int in_out,
                            struct tensor *low, struct tensor *up);

/* A weight as an op on the device reads it: itself, or a copy of one in the host's memory. */
struct tensor *fetch_weight(struct graph *g, struct tensor *weight);

/* A weight [out, ...] as the graph multiplies by it: itself, or rounded to graph->weight_bits. */
struct tensor *rounded_weight(struct graph *g, struct tensor *w);

#endif
