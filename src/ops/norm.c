/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"

struct norm {
    struct tensor *x, *residual, *s, *y, *stats, *gamma, *beta;
    size_t rows, columns, chunk, groups;
    int relu, drop_kind; /* 0: none, 1: on x, 2: on y */
    struct mask drop;
    unsigned vec, lanes;
};

static struct launch *kernel(struct graph *g, const struct norm *op, const char *name, int more)
{
    return graph_kernel(g, "norm.cl", name, op->groups, op->lanes,
                        "-DD=%zu -DRES=%d -DBIAS=%d -DSUM=%d -DNORM=%d -DRELU=%d -DDROP=%d "
                        "-DMORE=%d -DVEC=%u -DLANES=%u",
                        op->columns, op->residual != NULL, op->x->bias != NULL, op->s != op->x,
                        op->y != NULL, op->relu, op->drop_kind, more, op->vec, op->lanes);
}

static void backward(struct graph *g, const void *arg)
{
    struct norm copy = *(const struct norm *)arg, *op = &copy;
    struct tensor *dy = op->y ? op->y->grad : NULL;
    /* what reaches s beside the norm; where s is x itself, dx simply adds up */
    struct tensor *more = op->s != op->x ? op->s->grad : NULL;
    int add_res = 0, add_x = 0;
    if (!dy && !more)
        return;
    if (!dy)
        op->y = NULL; /* nobody uses the norm: its parameters get no gradient */
    struct tensor *part = NULL;
    struct launch *l = kernel(g, op, "norm_bwd", more != NULL);
    if (op->y) {
        part = graph_tensor2(g, "parts", op->groups, 2 * op->columns);
        launch_read(l, dy);
        launch_read(l, op->s);
        launch_read(l, op->stats);
        launch_read(l, op->gamma);
        launch_read(l, op->beta);
        launch_write(l, part);
    }
    if (more)
        launch_read(l, more);
    if (op->residual) {
        struct tensor *dres = graph_grad(g, op->residual, &add_res);
        launch_add_to(l, dres, add_res);
    }
    struct tensor *dx = graph_grad(g, op->x, &add_x);
    launch_add_to(l, dx, add_x);
    launch_dropout(g, l, &op->drop, op->rows, op->chunk);
    launch_int(l, (size_t)add_res);
    launch_int(l, (size_t)add_x);
    launch_cost(l, 16.0 * (double)op->x->elems, dx->name);
    if (part) {
        op_add_parts(g, part, op->groups, op->columns, 2 * op->columns, 0, op->gamma->grad,
                     op->gamma->name);
        op_add_parts(g, part, op->groups, op->columns, 2 * op->columns, op->columns, op->beta->grad,
                     op->beta->name);
    }
}

static void launch_fwd(struct graph *g, const struct norm *op, int more)
{
    struct launch *l = kernel(g, op, "norm_fwd", more);
    launch_read(l, op->x);
    if (op->x->bias)
        launch_read(l, op->x->bias);
    if (op->residual)
        launch_read(l, op->residual);
    if (op->s != op->x)
        launch_write(l, op->s);
    if (op->y) {
        launch_read(l, op->gamma);
        launch_read(l, op->beta);
        launch_write(l, op->y);
        launch_write(l, op->stats);
    }
    launch_dropout(g, l, &op->drop, op->rows, op->chunk);
    launch_cost(l, 10.0 * (double)op->x->elems, op->y ? op->y->name : op->s->name);
}

/* From s as forward() made it, in the same order, so to the same bits. */
static void make(struct graph *g, const void *arg, struct tensor *y)
{
    struct norm op = *(const struct norm *)arg;
    op.x = op.s;
    op.residual = NULL;
    op.drop_kind = op.relu ? op.drop_kind : 0;
    op.y = y;
    op.stats = graph_tensor2(g, "unused", op.rows, 2); /* the same again */
    launch_fwd(g, &op, 0);
}

static void forward(struct graph *g, struct norm *op, const char *name, int more)
{
    op->vec = graph_vec(g, op->columns);
    op->lanes = graph_lanes(g, op->columns, op->vec);
    size_t chunks = graph_chunks(g, op->rows);
    op->chunk = (op->rows + chunks - 1) / chunks;
    op->groups = (op->rows + op->chunk - 1) / op->chunk;
    op->s = op->x;
    char label[96];
    if (op->residual || op->x->bias) {
        snprintf(label, sizeof label, "sum.%.88s", op->x->name);
        op->s = graph_tensor2(g, label, op->rows, op->columns);
    }
    if (name) {
        snprintf(label, sizeof label, "%s.weight", name);
        op->gamma = graph_param(g, label, 1, &op->columns, 0, INIT_CONSTANT, 1);
        snprintf(label, sizeof label, "%s.bias", name);
        op->beta = graph_param(g, label, 1, &op->columns, 0, INIT_CONSTANT, 0);
        op->y = graph_tensor2(g, name, op->rows, op->columns);
        op->stats = graph_tensor2(g, "stats", op->rows, 2);
    }
    launch_fwd(g, op, more);
    if (op->y)
        graph_on_again(g, op->y, make, op, sizeof *op);
    graph_backward_arg(g, backward, *op);
}

struct tensor *op_add_norm(struct graph *g, struct tensor *x, struct tensor *residual, size_t rows,
                           size_t columns, const char *name, const struct drop *drop,
                           struct tensor **sum)
{
    struct norm op = {.x = x,
                      .residual = residual,
                      .rows = rows,
                      .columns = columns,
                      .drop_kind = residual && drop->p > 0,
                      .drop = mask_of(drop)};
    /* a sum that is handed out gets a gradient: MORE, so that both passes share a program */
    forward(g, &op, name, sum && residual);
    if (sum)
        *sum = op.s;
    return op.y;
}

struct tensor *op_norm_relu(struct graph *g, struct tensor *x, size_t rows, size_t columns,
                            const char *name, const struct drop *drop)
{
    struct norm op = {.x = x,
                      .rows = rows,
                      .columns = columns,
                      .relu = 1,
                      .drop_kind = drop->p > 0 ? 2 : 0,
                      .drop = mask_of(drop)};
    forward(g, &op, name, 0);
    return op.y;
}
