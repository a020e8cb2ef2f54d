/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"
#include "util/philox.h"

static unsigned row_lanes(const struct graph *g)
{
    return device_info(g->dev)->is_cpu ? 1 : 32;
}

struct latent {
    struct tensor *x, *z, *norm;
    size_t columns;
    int normalize;
};

static struct launch *latent_kernel(struct graph *g, const char *name, const struct latent *op)
{
    unsigned lanes = row_lanes(g);
    return graph_kernel(g, "latent.cl", name, g->batch, lanes, "-DD=%zu -DNORMALIZE=%d -DLANES=%u",
                        op->columns, op->normalize, lanes);
}

static void latent_backward(struct graph *g, const void *arg)
{
    const struct latent *op = arg;
    int add;
    struct tensor *dx = op->z->grad ? graph_grad(g, op->x, &add) : NULL;
    if (!dx)
        return;
    struct launch *l = latent_kernel(g, "latent_bwd", op);
    launch_read(l, op->z->grad);
    launch_read(l, op->z);
    launch_read(l, op->norm);
    launch_write(l, dx);
    launch_cost(l, 6.0 * (double)op->z->elems, dx->name);
}

struct tensor *op_latent(struct graph *g, struct tensor *x, size_t columns, int normalize)
{
    struct latent op = {.x = x, .columns = columns, .normalize = normalize};
    op.z = graph_tensor2(g, "latent", g->batch, columns);
    op.norm = graph_tensor(g, "latent.norm", 1, &g->batch);
    struct launch *l = latent_kernel(g, "latent_fwd", &op);
    launch_read(l, x);
    launch_read(l, x->bias);
    launch_write(l, op.z);
    launch_write(l, op.norm);
    launch_cost(l, 4.0 * (double)op.z->elems, "latent");
    graph_backward_arg(g, latent_backward, op);
    return op.z;
}

/* A kernel of one of the two contrastive terms. */
static struct launch *kernel(struct graph *g, const char *name, size_t groups, size_t lanes,
                             size_t columns, int nt_xent)
{
    return graph_kernel(g, "contrastive.cl", name, groups, lanes, "-DD=%zu -DNT_XENT=%d -DLANES=%u",
                        columns, nt_xent, row_lanes(g));
}

static struct tensor *lengths(struct graph *g, struct tensor *z, size_t columns, int nt_xent)
{
    struct tensor *inverse = graph_tensor(g, "inverse", 1, &g->batch);
    struct launch *l = kernel(g, "lengths", g->batch, row_lanes(g), columns, nt_xent);
    launch_read(l, z);
    launch_write(l, inverse);
    launch_cost(l, 2.0 * (double)z->elems, "inverse");
    return inverse;
}

struct similarity {
    struct tensor *z, *inverse, *sum;
    size_t columns;
    double weight;
};

static void similarity_backward(struct graph *g, const void *arg)
{
    const struct similarity *op = arg;
    int add;
    struct tensor *dz = graph_grad(g, op->z, &add);
    if (!dz)
        return;
    struct launch *l = kernel(g, "similarity_bwd", g->batch, row_lanes(g), op->columns, 0);
    launch_read(l, op->z);
    launch_read(l, op->inverse);
    launch_read(l, op->sum);
    launch_add_to(l, dz, add);
    launch_read(l, g->step);
    launch_float(l, op->weight);
    launch_int(l, (size_t)add);
    launch_cost(l, 8.0 * (double)op->z->elems, dz->name);
}

struct tensor *op_similarity(struct graph *g, struct tensor *z, size_t columns, double weight,
                             struct tensor **total)
{
    struct similarity op = {.z = z, .columns = columns, .weight = weight};
    struct tensor *c = graph_tensor(g, "contrastive", 1, (size_t[]){1});
    op.inverse = lengths(g, z, columns, 0);
    op.sum = graph_tensor(g, "latent.sum", 1, &columns);
    *total = graph_state(g, "latent.total", 2 * columns);
    struct launch *l = kernel(g, "similarity_fwd", 1, row_lanes(g), columns, 0);
    launch_read(l, z);
    launch_read(l, op.inverse);
    launch_write(l, op.sum);
    launch_write(l, c);
    launch_update(l, *total);
    launch_read(l, g->step);
    launch_cost(l, 4.0 * (double)z->elems, "contrastive");
    graph_backward_arg(g, similarity_backward, op);
    return c;
}

struct nt_xent {
    struct tensor *z, *w, *inverse_z, *inverse_w, *lse;
    size_t columns;
    double temperature, weight;
};

static void nt_xent_backward(struct graph *g, const void *arg)
{
    const struct nt_xent *op = arg;
    for (size_t view = 0; view < 2; view++) {
        int add;
        struct tensor *d = graph_grad(g, view ? op->w : op->z, &add);
        struct launch *l = kernel(g, "nt_xent_bwd", g->batch, row_lanes(g), op->columns, 1);
        launch_read(l, op->z);
        launch_read(l, op->w);
        launch_read(l, op->inverse_z);
        launch_read(l, op->inverse_w);
        launch_read(l, op->lse);
        launch_add_to(l, d, add);
        launch_read(l, g->step);
        launch_int(l, g->batch);
        launch_int(l, view);
        launch_float(l, 1 / op->temperature);
        launch_float(l, op->weight);
        launch_int(l, (size_t)add);
        launch_cost(l, 8.0 * (double)g->batch * (double)op->z->elems, d->name);
    }
}

struct tensor *op_nt_xent(struct graph *g, struct tensor *z, struct tensor *w, size_t columns,
                          double temperature, double weight)
{
    struct nt_xent op = {
        .z = z, .w = w, .columns = columns, .temperature = temperature, .weight = weight};
    struct tensor *c = graph_tensor(g, "contrastive", 1, (size_t[]){1});
    struct tensor *value = graph_tensor2(g, "nt_xent", 2, g->batch);
    op.inverse_z = lengths(g, z, columns, 1);
    op.inverse_w = lengths(g, w, columns, 1);
    op.lse = graph_tensor2(g, "lse", 2, g->batch);
    struct launch *l = kernel(g, "nt_xent_fwd", 2 * g->batch, row_lanes(g), columns, 1);
    launch_read(l, z);
    launch_read(l, w);
    launch_read(l, op.inverse_z);
    launch_read(l, op.inverse_w);
    launch_write(l, value);
    launch_write(l, op.lse);
    launch_read(l, g->step);
    launch_int(l, g->batch);
    launch_float(l, 1 / temperature);
    launch_cost(l, 8.0 * (double)g->batch * (double)z->elems, "nt_xent");
    l = kernel(g, "nt_xent_sum", 1, 1, columns, 1);
    launch_read(l, value);
    launch_write(l, c);
    launch_read(l, g->step);
    launch_int(l, g->batch);
    launch_cost(l, (double)value->elems, "contrastive");
    graph_backward_arg(g, nt_xent_backward, op);
    return c;
}

struct tensor *op_noise(struct graph *g, struct tensor *x, size_t elems, struct tensor *sample,
                        const char *path, double sd)
{
    struct tensor *y = graph_tensor(g, path, x->rank, x->dim);
    y->needs_grad = 0;
    unsigned lanes = row_lanes(g);
    struct launch *l =
        graph_kernel(g, "noise.cl", "add_noise", g->batch, lanes, "-DLANES=%u", lanes);
    launch_read(l, x);
    launch_write(l, y);
    launch_read(l, sample);
    launch_read(l, g->step);
    launch_int(l, elems);
    launch_word(l, philox_path(path));
    launch_float(l, sd);
    launch_cost(l, 40.0 * (double)y->elems, path);
    return y;
}
