/* SPDX-License-Identifier: MIT */
/*
 * split: a model that lies on several devices, layer by layer (model.split). A node of a layer runs
 * on the layer's device, all others on the first. There lie also what is trained, its gradients and
 * the optimizer's memory. A tensor lies where it is written first, a frozen parameter where the one
 * layer is that reads it, a state where all that use it run, else on the first device. A launch that uses a tensor of another
 * device uses a copy, which stays valid until the tensor is written again; what it writes there
 * goes back at once. Launches and their order are those of one device, and so are the bits.
 *
 * With one device nothing of this does anything.
 */
#ifndef LOWER_SPLIT_H
#define LOWER_SPLIT_H

#include "ir/graph.h"
#include "lower/plan.h"

/* Deals the graph's layers to the devices, in their order, so that their budgets are equally full
 * of parameters: frozen ones as they are stored, trained ones four times. The same in each graph of
 * a model. A layer without frozen parameters stays on the first device. */
void split_layers(struct graph *g, struct device *first);

/* The device of a layer, counted from 1, after split_layers(). */
size_t split_device(const struct graph *g, size_t layer);

/* Launches are appended for this device from now on. */
void split_turn(struct plan *p, size_t device);

/* Behind all launches of the graph: says where tensors lie, and puts copies between launches. */
void split_join(struct plan *p);

#endif
