/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/ops.h"

/* A kernel of one of the two terms. */
static struct launch *contrastive_kernel(struct plan *p, const char *name, size_t groups,
                                         size_t lanes, size_t columns, int nt_xent)
{
    return plan_kernel(p, "contrastive.cl", name, groups, lanes, "-DD=%zu -DNT_XENT=%d -DLANES=%u",
                       columns, nt_xent, cut_group(p, 64));
}

static struct tensor *lengths(struct plan *p, struct tensor *z, int nt_xent)
{
    struct tensor *inverse = plan_tensor(p, "inverse", tensor_rows(z));
    struct launch *l = contrastive_kernel(p, "lengths", tensor_rows(z), cut_group(p, 64),
                                          tensor_columns(z), nt_xent);
    launch_read(l, z);
    launch_write(l, inverse);
    launch_cost(l, 2.0 * (double)z->elems, "inverse");
    return inverse;
}

static int is_matrix(struct graph *g, const struct op *op)
{
    if (op->in[0]->rank == 2)
        return 1;
    graph_misfit(g, op, "needs a row for each sample [B, D]", 0, -1);
    return 0;
}

/* --- mean cosine similarity */

enum { Z, TOTAL };
enum { INVERSE, SUM };

struct similarity {
    double weight;
};

static void similarity_forward(struct plan *p, struct op *op)
{
    struct tensor *z = op->in[Z];
    const size_t columns = tensor_columns(z);
    op->saved[INVERSE] = lengths(p, z, 0);
    op->saved[SUM] = plan_tensor(p, "latent.sum", columns);
    struct launch *l = contrastive_kernel(p, "similarity_fwd", 1, cut_group(p, 64), columns, 0);
    launch_read(l, z);
    launch_read(l, op->saved[INVERSE]);
    launch_write(l, op->saved[SUM]);
    launch_write(l, op->out[0]);
    launch_update(l, op->in[TOTAL]);
    launch_read(l, p->step);
    launch_cost(l, 4.0 * (double)z->elems, "contrastive");
}

static void similarity_back(struct plan *p, struct op *op)
{
    struct tensor *z = op->in[Z];
    int add;
    struct tensor *dz = lower_grad(p, op, Z, &add);
    struct launch *l = contrastive_kernel(p, "similarity_bwd", tensor_rows(z), cut_group(p, 64),
                                          tensor_columns(z), 0);
    launch_read(l, z);
    launch_read(l, op->saved[INVERSE]);
    launch_read(l, op->saved[SUM]);
    launch_add_to(l, dz, add);
    launch_read(l, p->step);
    launch_float(l, ((const struct similarity *)op->attr)->weight);
    launch_int(l, (size_t)add);
    launch_cost(l, 8.0 * (double)z->elems, dz->name);
}

static void similarity_infer(struct graph *g, struct op *op)
{
    if (is_matrix(g, op))
        graph_output(g, op, 0, "contrastive", 1, (size_t[]){1});
}

static const struct op_class similarity_class = {
    .name = "similarity",
    .attr = sizeof(struct similarity),
    .infer = similarity_infer,
    .forward = similarity_forward,
    .back = similarity_back,
    .reads = READS_IN(Z),
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_similarity(struct graph *g, struct tensor *z, double weight,
                             struct tensor **total)
{
    const size_t dim[] = {tensor_columns(z), 2};
    *total = graph_state(g, "latent.total", DTYPE_F32, 2, dim);
    return graph_op(g, &similarity_class, "similarity", &(struct similarity){weight}, 2,
                    (struct tensor *[]){z, *total})
        ->out[0];
}

/* --- NT-Xent */

enum { W = 1 };
enum { INVERSE_Z, INVERSE_W, LSE };

struct nt_xent {
    double temperature, weight;
};

static void nt_xent_forward(struct plan *p, struct op *op)
{
    const struct nt_xent *a = op->attr;
    struct tensor *z = op->in[Z];
    const size_t batch = tensor_rows(z), columns = tensor_columns(z);
    struct tensor *value = plan_tensor2(p, "nt_xent", 2, batch);
    op->saved[INVERSE_Z] = lengths(p, z, 1);
    op->saved[INVERSE_W] = lengths(p, op->in[W], 1);
    op->saved[LSE] = plan_tensor2(p, "lse", 2, batch);
    struct launch *l =
        contrastive_kernel(p, "nt_xent_fwd", 2 * batch, cut_group(p, 64), columns, 1);
    launch_read(l, z);
    launch_read(l, op->in[W]);
    launch_read(l, op->saved[INVERSE_Z]);
    launch_read(l, op->saved[INVERSE_W]);
    launch_write(l, value);
    launch_write(l, op->saved[LSE]);
    launch_read(l, p->step);
    launch_int(l, batch);
    launch_float(l, 1 / a->temperature);
    launch_cost(l, 8.0 * (double)batch * (double)z->elems, "nt_xent");
    l = contrastive_kernel(p, "nt_xent_sum", 1, 1, columns, 1);
    launch_read(l, value);
    launch_write(l, op->out[0]);
    launch_read(l, p->step);
    launch_int(l, batch);
    launch_cost(l, (double)value->elems, "contrastive");
}

static void nt_xent_back(struct plan *p, struct op *op)
{
    const struct nt_xent *a = op->attr;
    struct tensor *z = op->in[Z];
    const size_t batch = tensor_rows(z);
    for (size_t view = 0; view < 2; view++) {
        int add;
        struct tensor *d = lower_grad(p, op, view ? W : Z, &add);
        if (!d)
            continue;
        struct launch *l =
            contrastive_kernel(p, "nt_xent_bwd", batch, cut_group(p, 64), tensor_columns(z), 1);
        launch_read(l, z);
        launch_read(l, op->in[W]);
        launch_read(l, op->saved[INVERSE_Z]);
        launch_read(l, op->saved[INVERSE_W]);
        launch_read(l, op->saved[LSE]);
        launch_add_to(l, d, add);
        launch_read(l, p->step);
        launch_int(l, batch);
        launch_int(l, view);
        launch_float(l, 1 / a->temperature);
        launch_float(l, a->weight);
        launch_int(l, (size_t)add);
        launch_cost(l, 8.0 * (double)batch * (double)z->elems, d->name);
    }
}

static void nt_xent_infer(struct graph *g, struct op *op)
{
    if (!is_matrix(g, op))
        return;
    if (op->in[W]->rank != 2 || op->in[W]->elems != op->in[Z]->elems)
        graph_misfit(g, op, "needs two views of one shape", Z, W);
    else
        graph_output(g, op, 0, "contrastive", 1, (size_t[]){1});
}

static const struct op_class nt_xent_class = {
    .name = "nt_xent",
    .attr = sizeof(struct nt_xent),
    .infer = nt_xent_infer,
    .forward = nt_xent_forward,
    .back = nt_xent_back,
    .reads = READS_IN(Z) | READS_IN(W),
    .is_loss = 1,
    .no_onnx = "it is a loss",
};

struct tensor *op_nt_xent(struct graph *g, struct tensor *z, struct tensor *w, double temperature,
                          double weight)
{
    return graph_op(g, &nt_xent_class, "nt_xent", &(struct nt_xent){temperature, weight}, 2,
                    (struct tensor *[]){z, w})
        ->out[0];
}
