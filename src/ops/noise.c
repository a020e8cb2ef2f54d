/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "ops/dropout.h"
#include "ops/ops.h"
#include "util/philox.h"

struct noise {
    double sd;
};

static void noise_forward(struct plan *p, struct op *op)
{
    const struct tensor *x = op->in[0];
    unsigned lanes = cut_group(p, 64);
    struct launch *l =
        plan_kernel(p, "noise.cl", "add_noise", x->dim[0], lanes, "-DLANES=%u", lanes);
    launch_read(l, op->in[0]);
    launch_write(l, op->out[0]);
    launch_read(l, dropout_sample(p));
    launch_read(l, p->step);
    launch_int(l, x->elems / x->dim[0]);
    launch_word(l, philox_path(op->path));
    launch_float(l, ((const struct noise *)op->attr)->sd);
    launch_cost(l, 40.0 * (double)x->elems, op->path);
}

static void noise_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[0]);
}

static const struct op_class noise_class = {
    .name = "noise",
    .attr = sizeof(struct noise),
    .infer = noise_infer,
    .forward = noise_forward,
    .no_onnx = "it acts in training alone",
};

struct tensor *op_noise(struct graph *g, struct tensor *x, const char *path, double sd)
{
    return graph_op(g, &noise_class, path, &(struct noise){sd}, 1, (struct tensor *[]){x})->out[0];
}
