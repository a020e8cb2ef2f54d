/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "cfile/cfile.h"
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

static struct launch *elementwise_kernel(struct plan *p, const char *name, size_t elems)
{
    const unsigned vec = cut_vec(p, elems);
    const struct teams cut = cut_vectors(p, elems / vec);
    return cut_kernel(p, "elementwise.cl", name, &cut, "-DVEC=%u ", vec);
}

/* The arguments that both kernels end with. */
static void elementwise_tail(struct plan *p, struct launch *l, size_t elems, int add)
{
    const size_t vectors = elems / cut_vec(p, elems);
    launch_int(l, vectors);
    launch_int(l, cut_vectors(p, vectors).chunk);
    launch_int(l, (size_t)add);
}

/* --- a b */

static void multiply(struct plan *p, struct tensor *a, struct tensor *b, struct tensor *y, int add)
{
    struct launch *l = elementwise_kernel(p, "elementwise_mul", y->elems);
    launch_read(l, a);
    launch_read(l, b);
    launch_add_to(l, y, add);
    elementwise_tail(p, l, y->elems, add);
    launch_cost(l, (double)y->elems, y->name);
}

static void mul_forward(struct plan *p, struct op *op)
{
    multiply(p, op->in[0], op->in[1], op->out[0], 0);
}

static void mul_back(struct plan *p, struct op *op)
{
    for (int i = 0; i < 2; i++) {
        int add;
        struct tensor *dx = lower_grad(p, op, i, &add);
        if (dx)
            multiply(p, lower_arrived(op, 0), lower_value(p, op, 1 - i), dx, add);
    }
}

static void mul_infer(struct graph *g, struct op *op)
{
    const struct tensor *a = op->in[0], *b = op->in[1];
    if (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim))
        graph_misfit(g, op, "multiplies tensors of two shapes", 0, 1);
    else
        graph_output_like(g, op, 0, op->path, a);
}

static void mul_onnx(struct onnx *o, struct op *op)
{
    onnx_is(o, op->out[0], onnx_two(o, "Mul", onnx_of(o, op->in[0]), onnx_of(o, op->in[1])));
}

static void mul_cfile(struct cfile *c, struct op *op)
{
    const char *a = cfile_of(c, op->in[0]), *b = cfile_of(c, op->in[1]);
    cfile_call(c, "multiply", "%s, %s, %s, %zu", a, b, cfile_make(c, op->out[0]),
               op->out[0]->elems);
}

static const struct op_class mul_class = {
    .name = "mul",
    .infer = mul_infer,
    .forward = mul_forward,
    .back = mul_back,
    .reads = READS_IN(0) | READS_IN(1),
    .stored = READS_IN(0) | READS_IN(1) | READS_OUT(0),
    .onnx = mul_onnx,
    .cfile = mul_cfile,
};

struct tensor *op_mul(struct graph *g, struct tensor *a, struct tensor *b)
{
    return graph_op(g, &mul_class, graph_name("mul.%s", a->name), NULL, 2,
                    (struct tensor *[]){a, b})
        ->out[0];
}

/* --- x factor */

struct scale {
    double factor;
};

static void scale_by(struct plan *p, const struct op *op, struct tensor *x, struct tensor *y,
                     int add)
{
    struct launch *l = elementwise_kernel(p, "elementwise_scale", y->elems);
    launch_read(l, x);
    launch_add_to(l, y, add);
    launch_float(l, ((const struct scale *)op->attr)->factor);
    elementwise_tail(p, l, y->elems, add);
    launch_cost(l, (double)y->elems, y->name);
}

static void scale_forward(struct plan *p, struct op *op)
{
    scale_by(p, op, op->in[0], op->out[0], 0);
}

static void scale_back(struct plan *p, struct op *op)
{
    int add;
    struct tensor *dx = lower_grad(p, op, 0, &add);
    scale_by(p, op, lower_arrived(op, 0), dx, add);
}

static void scale_infer(struct graph *g, struct op *op)
{
    graph_output_like(g, op, 0, op->path, op->in[0]);
}

static void scale_onnx(struct onnx *o, struct op *op)
{
    const char *factor = onnx_number(o, ((const struct scale *)op->attr)->factor);
    onnx_is(o, op->out[0], onnx_two(o, "Mul", onnx_of(o, op->in[0]), factor));
}

static void scale_cfile(struct cfile *c, struct op *op)
{
    const char *x = cfile_of(c, op->in[0]);
    cfile_call(c, "scale", "%s, %s, %s, %zu", x,
               cfile_real(c, ((const struct scale *)op->attr)->factor), cfile_make(c, op->out[0]),
               op->out[0]->elems);
}

static const struct op_class scale_class = {
    .name = "scale",
    .attr = sizeof(struct scale),
    .infer = scale_infer,
    .forward = scale_forward,
    .back = scale_back,
    .stored = READS_IN(0) | READS_OUT(0),
    .onnx = scale_onnx,
    .cfile = scale_cfile,
};

struct tensor *op_scale(struct graph *g, struct tensor *x, double factor)
{
    return graph_op(g, &scale_class, graph_name("scale.%s", x->name), &(struct scale){factor}, 1,
                    (struct tensor *[]){x})
        ->out[0];
}
