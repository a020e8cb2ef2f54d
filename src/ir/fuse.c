/* SPDX-License-Identifier: MIT */
#include "ir/fuse.h"

/* One step; the node that does the work of two from now on, or NULL. */
static struct op *fuse_once(struct graph *g, struct op *op)
{
    struct op *maker = graph_sole_maker(op, 0, NULL);
    struct op *done = op->class->fuse ? op->class->fuse(g, op) : NULL;
    if (!done && maker && maker->class->follow)
        done = maker->class->follow(g, maker, op);
    return done;
}

void graph_fuse(struct graph *g)
{
    if (g->failed || g->fault[0]) /* its nodes may lack outputs */
        return;
    for (size_t i = 0; i < g->op_count; i++)
        for (struct op *op = g->ops[i]; op;)
            op = fuse_once(g, op);
}
