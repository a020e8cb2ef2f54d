/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/cfile_act.h"
#include "ops/onnx_act.h"
#include "ops/ops.h"

enum { GATE, UP };

struct gate {
    enum act act;
};

static struct launch *gate_kernel(struct plan *p, const struct op *op, const char *name)
{
    const struct gate *a = op->attr;
    const size_t elems = op->in[GATE]->elems;
    const unsigned vec = cut_vec(p, elems);
    const struct teams cut = cut_vectors(p, elems / vec);
    return cut_kernel(p, "gate.cl", name, &cut, "-DACT=%d -DVEC=%u ", (int)a->act, vec);
}

static void gate_tail(struct plan *p, struct launch *l, const struct op *op)
{
    const size_t elems = op->in[GATE]->elems, vectors = elems / cut_vec(p, elems);
    launch_int(l, vectors);
    launch_int(l, cut_vectors(p, vectors).chunk);
}

static void gate_into(struct plan *p, const struct op *op, struct tensor *gate, struct tensor *up,
                      struct tensor *y)
{
    struct launch *l = gate_kernel(p, op, "gate_fwd");
    launch_read(l, gate);
    launch_read(l, up);
    launch_write(l, y);
    gate_tail(p, l, op);
    launch_cost(l, 20.0 * (double)y->elems, y->name);
}

static void gate_forward(struct plan *p, struct op *op)
{
    gate_into(p, op, op->in[GATE], op->in[UP], op->out[0]);
}

static void gate_again(struct plan *p, struct op *op, struct tensor *to)
{
    gate_into(p, op, lower_value(p, op, GATE), lower_value(p, op, UP), to);
}

static void gate_back(struct plan *p, struct op *op)
{
    struct tensor *gate = lower_value(p, op, GATE), *up = lower_value(p, op, UP);
    struct tensor *dgate = lower_grad_over(p, op, GATE), *dup = lower_grad_over(p, op, UP);
    struct launch *l = gate_kernel(p, op, "gate_bwd");
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, gate);
    launch_read(l, up);
    launch_write(l, dgate ? dgate : plan_like(p, "unused", gate));
    launch_write(l, dup ? dup : plan_like(p, "unused", up));
    gate_tail(p, l, op);
    launch_cost(l, 30.0 * (double)gate->elems, op->out[0]->name);
}

static void gate_infer(struct graph *g, struct op *op)
{
    const struct tensor *a = op->in[GATE], *b = op->in[UP];
    if (a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim))
        graph_misfit(g, op, "gates a tensor of another shape", GATE, UP);
    else
        graph_output_like(g, op, 0, op->path, a);
}

static void gate_describe(const struct op *op, struct words *to)
{
    const enum act act = ((const struct gate *)op->attr)->act;
    words_add(to, act == ACT_SILU ? "SiLU" : act == ACT_GELU ? "GELU" : "GELU by tanh");
}

static void gate_onnx(struct onnx *o, struct op *op)
{
    const char *gate = onnx_act(o, ((const struct gate *)op->attr)->act, onnx_of(o, op->in[GATE]));
    onnx_is(o, op->out[0], onnx_two(o, "Mul", gate, onnx_of(o, op->in[UP])));
}

static void gate_cfile(struct cfile *c, struct op *op)
{
    const char *gate = cfile_of(c, op->in[GATE]), *up = cfile_of(c, op->in[UP]);
    const char *y = cfile_make(c, op->out[0]);
    const size_t elems = op->out[0]->elems;
    cfile_call(c, "copy", "%s, %s, %zu", gate, y, elems);
    cfile_act(c, ((const struct gate *)op->attr)->act, y, elems);
    cfile_call(c, "multiply", "%s, %s, %s, %zu", y, up, y, elems);
}

static const struct op_class gate_class = {
    .name = "gate",
    .attr = sizeof(struct gate),
    .infer = gate_infer,
    .forward = gate_forward,
    .back = gate_back,
    .reads = READS_IN(GATE) | READS_IN(UP),
    .stored = READS_IN(GATE) | READS_IN(UP) | READS_OUT(0),
    .again = gate_again,
    .describe = gate_describe,
    .onnx = gate_onnx,
    .cfile = gate_cfile,
};

struct tensor *op_gate(struct graph *g, struct tensor *gate, struct tensor *up, enum act act)
{
    return graph_op(g, &gate_class, graph_name("gate.%s", gate->name), &(struct gate){act}, 2,
                    (struct tensor *[]){gate, up})
        ->out[0];
}
