/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

struct bias {
    struct tensor *x, *y, *position;
    size_t rows, columns, chunk, groups;
    enum act act;
    struct mask drop;
    unsigned vec, lanes;
};

static struct launch *kernel(struct graph *g, const struct bias *op, const char *name)
{
    int act = op->act == ACT_RRELU && !g->training ? ACT_RRELU + 1 : (int)op->act;
    return graph_kernel(g, "bias.cl", name, op->groups, op->lanes,
                        "-DD=%zu -DACT=%d -DBIAS=%d -DPOS=%d -DDROP=%d -DVEC=%u -DLANES=%u",
                        op->columns, act, op->x->bias != NULL, op->position != NULL, op->drop.p > 0,
                        op->vec, op->lanes);
}

static void backward(struct graph *g, const void *arg)
{
    const struct bias *op = arg;
    struct tensor *dy = op->y->grad;
    int add;
    if (!dy || !op->x->needs_grad)
        return;
    if (op->x->spare && !op->x->grad)
        op->x->grad = op->x; /* in its place: this is the last launch that reads it */
    struct tensor *dx = graph_grad(g, op->x, &add);
    struct launch *l = kernel(g, op, "bias_bwd");
    launch_read(l, dy);
    launch_read(l, op->x);
    if (op->x->bias)
        launch_read(l, op->x->bias);
    launch_write(l, dx); /* the only reader of x */
    launch_dropout(g, l, &op->drop, op->rows, op->chunk);
    launch_cost(l, 30.0 * (double)op->x->elems, dx->name);
    if (op->position && op->position->needs_grad) /* [B, T D] summed over B */
        op_sum_rows(g, dx, op->rows / op->drop.period, op->drop.period * op->columns,
                    op->position->grad, op->position->name);
}

static void make(struct graph *g, const void *arg, struct tensor *y)
{
    const struct bias *op = arg;
    struct launch *l = kernel(g, op, "bias_fwd");
    launch_read(l, op->x);
    if (op->x->bias)
        launch_read(l, op->x->bias);
    if (op->position)
        launch_read(l, op->position);
    launch_write(l, y);
    launch_dropout(g, l, &op->drop, op->rows, op->chunk);
    launch_cost(l, 20.0 * (double)op->x->elems, op->x->name);
}

struct tensor *op_bias(struct graph *g, struct tensor *x, size_t rows, size_t columns, enum act act,
                       struct tensor *position, const struct drop *drop)
{
    struct bias op = {.x = x,
                      .position = position,
                      .rows = rows,
                      .columns = columns,
                      .act = act,
                      .drop = mask_of(drop)};
    op.vec = graph_vec(g, columns);
    op.lanes = graph_lanes(g, columns, op.vec);
    size_t chunks = graph_chunks(g, rows);
    op.chunk = (rows + chunks - 1) / chunks;
    op.groups = (rows + op.chunk - 1) / op.chunk;
    op.y = graph_tensor2(g, x->name, rows, columns);
    make(g, &op, op.y);
    graph_on_again(g, op.y, make, &op, sizeof op);
    graph_backward_arg(g, backward, op);
    return op.y;
}
