/* SPDX-License-Identifier: MIT */
/*
 * lower: from operations to launches. lower_graph() calls the `forward` of each node in order,
 * then, in a training graph, the `back` of each in the reverse order.
 *
 * Gradients: a backward pass asks here where the gradient of an input goes. Whoever asks first
 * writes it, the next ones add to it, so that any number of nodes may read a tensor. A pass that
 * can only write gets another place, and what it has written is added behind it.
 */
#ifndef LOWER_LOWER_H
#define LOWER_LOWER_H

#include "ir/graph.h"
#include "lower/plan.h"

/* The plan of a graph, which it owns from now on; NULL, and the graph freed, without memory or if
 * the graph has a fault. */
struct plan *lower_graph(struct graph *g, struct device *dev, struct error *err);

/* The gradient that has arrived at output i; NULL: none. */
struct tensor *lower_arrived(const struct op *op, int i);

/* Where the gradient of input i goes: *add tells to add to it. NULL: it needs none. */
struct tensor *lower_grad(struct plan *p, struct op *op, int i, int *add);

/* The same for a pass that only writes, or that needs what it writes by itself. */
struct tensor *lower_grad_fresh(struct plan *p, struct op *op, int i);

/* The same for one whose gradient may lie over the input: it does where nobody reads it later. */
struct tensor *lower_grad_over(struct plan *p, struct op *op, int i);

/* Whether input i needs a gradient. */
int lower_needs(const struct op *op, int i);

/* Input i as a backward pass reads it: made again where the graph recomputes and that is cheap. It
 * is the tensor that a view shows: its shape may be another than that of op->in[i]. */
struct tensor *lower_value(struct plan *p, const struct op *op, int i);

/* Whether a tensor is made again by the node that has made it, and that value. */
int lower_is_remade(const struct tensor *x);
struct tensor *lower_again(struct plan *p, struct tensor *x);

#endif
