/* SPDX-License-Identifier: MIT */
/*
 * fuse: the pass that lets operations do the work of their neighbours, so that plain ones become
 * the fast kernels. What goes together is said by the classes (op_class.fuse), which look at who
 * reads a tensor.
 */
#ifndef IR_FUSE_H
#define IR_FUSE_H

#include "ir/graph.h"

/* Offers each node, in order, its neighbours until none changes. */
void graph_fuse(struct graph *g);

#endif
