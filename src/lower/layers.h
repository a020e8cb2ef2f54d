/* SPDX-License-Identifier: MIT */
/*
 * layers: whole layers that are computed again in the backward pass. Nodes of a graph belong to
 * layers where the model says so (graph_layer()). Of a layer that is computed again only that stays
 * which nodes of other layers read. What its forward pass writes else is scratch memory; when the
 * backward pass comes to the layer, its forward passes are appended once more and write what the
 * backward passes of its nodes read. Kernels, arguments and dropout's keys are the same, and so are
 * the bits.
 *
 * lower/lower.h calls these functions in their order.
 */
#ifndef LOWER_LAYERS_H
#define LOWER_LAYERS_H

#include "ir/graph.h"
#include "lower/plan.h"

/* Behind the forward pass: chooses graph->recompute_layers layers, those first that save the most
 * bytes for an operation, and puts scratch memory where they write. The last layer, whose backward
 * pass follows at once, is not one of them, unless what comes behind it is large. */
void layers_choose(struct plan *p);

/* Adds to tensor->back_reader what layers read when they are computed again. */
void layers_find_readers(struct graph *g);

/* In front of the backward pass of the node at a place: computes the layer that ends there again.
 */
void layers_replay(struct plan *p, size_t at);

/* Behind all: takes launches away that compute again what nobody reads. */
void layers_trim(struct plan *p);

#endif
