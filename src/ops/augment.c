/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "lower/cut.h"
#include "ops/dropout.h"
#include "ops/ops.h"
#include "util/philox.h"

enum { X, OF, FLAG };

/* The name that keys all of it: a window and its targets draw the same. */
#define PATH "data.augment"

static struct launch *augment_kernel(struct plan *p, const char *name, struct op *op)
{
    const unsigned lanes = cut_group(p, 64);
    struct launch *l = plan_kernel(p, "augment.cl", name, op->out[0]->dim[0], lanes,
                                   "-DLANES=%u -DFLAGGED=%d", lanes, op->in[FLAG] != NULL);
    launch_read(l, op->in[X]);
    launch_write(l, op->out[0]);
    launch_read(l, dropout_sample(p));
    launch_read(l, p->step);
    if (op->in[FLAG])
        launch_read(l, op->in[FLAG]);
    launch_read(l, op->in[OF]);
    return l;
}

static struct op *append(struct graph *g, const struct op_class *class, const char *name,
                         const void *attr, struct tensor *x, struct tensor *of, struct tensor *flag)
{
    return graph_op(g, class, name, attr, flag ? 3 : 2, (struct tensor *[]){x, of, flag});
}

static void augment_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[X]);
}

/* --- windows */

static void augment_forward(struct plan *p, struct op *op)
{
    const struct augment *a = op->attr;
    const struct tensor *x = op->in[X];
    struct launch *l = augment_kernel(p, "augment", op);
    launch_int(l, x->dim[1]);
    launch_int(l, x->dim[2]);
    launch_word(l, philox_path(PATH));
    launch_int(l, a->crop);
    launch_int(l, (size_t)a->keeps_end);
    launch_float(l, a->warp > 1 ? 1 - 1 / a->warp : 0);
    launch_float(l, a->flip);
    launch_float(l, a->step);
    launch_float(l, a->slope);
    launch_float(l, a->spikes);
    launch_float(l, a->spike);
    launch_float(l, a->noise);
    launch_cost(l, 100.0 * (double)x->elems, op->path);
}

static const struct op_class augment_class = {
    .name = "augment",
    .attr = sizeof(struct augment),
    .infer = augment_infer,
    .forward = augment_forward,
    .no_onnx = "it acts in training alone",
};

struct tensor *op_augment(struct graph *g, const char *name, struct tensor *x, struct tensor *flag,
                          const struct augment *how, const float *of)
{
    struct tensor *table =
        graph_constant(g, graph_name("%s.features", name), 2, (size_t[]){tensor_columns(x), 4}, of);
    return append(g, &augment_class, name, how, x, table, flag)->out[0];
}

/* --- targets */

struct augment_target {
    struct augment how;
    size_t first, window;
};

static void target_forward(struct plan *p, struct op *op)
{
    const struct augment_target *a = op->attr;
    const struct tensor *y = op->in[X];
    struct launch *l = augment_kernel(p, "augment_target", op);
    launch_int(l, y->dim[1] * y->dim[2]);
    launch_int(l, y->dim[2]);
    launch_int(l, a->first);
    launch_int(l, a->window);
    launch_word(l, philox_path(PATH));
    launch_float(l, a->how.flip);
    launch_float(l, a->how.step);
    launch_float(l, a->how.slope);
    launch_cost(l, 50.0 * (double)y->elems, op->path);
}

static const struct op_class target_class = {
    .name = "augment targets",
    .attr = sizeof(struct augment_target),
    .infer = augment_infer,
    .forward = target_forward,
    .no_onnx = "it acts in training alone",
};

struct tensor *op_augment_target(struct graph *g, const char *name, struct tensor *y,
                                 struct tensor *flag, const struct augment *how, const float *of,
                                 size_t first, size_t window)
{
    struct tensor *table =
        graph_constant(g, graph_name("%s.targets", name), 2, (size_t[]){tensor_columns(y), 4}, of);
    return append(g, &target_class, name, &(struct augment_target){*how, first, window}, y, table,
                  flag)
        ->out[0];
}
