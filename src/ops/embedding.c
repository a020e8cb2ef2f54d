/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

enum { TABLE, NUMBER };

static void embedding_forward(struct plan *p, struct op *op)
{
    const struct tensor *table = op->in[TABLE];
    const size_t rows = op->in[NUMBER]->elems, columns = table->dim[1];
    const unsigned vec = cut_vec(p, columns);
    const struct teams cut = cut_teams(p, rows, columns / vec, 0);
    struct launch *l = cut_kernel(p, "embedding.cl", "embedding_fwd", &cut, "-DVEC=%u ", vec);
    launch_read(l, op->in[TABLE]);
    launch_read(l, op->in[NUMBER]);
    launch_write(l, op->out[0]);
    launch_int(l, columns / vec);
    launch_int(l, table->dim[0]);
    launch_int(l, rows);
    launch_int(l, cut.chunk);
    launch_cost(l, 0, table->name);
}

static void embedding_back(struct plan *p, struct op *op)
{
    const struct tensor *table = op->in[TABLE];
    const size_t columns = table->dim[1], shares = cut_for_cpu(p) ? 4 : 64;
    unsigned vec = cut_vec(p, columns), lanes = cut_lanes(p, columns, vec);
    int add;
    struct tensor *grad = lower_grad(p, op, TABLE, &add); /* a parameter's is always added to */
    struct launch *l = plan_kernel(p, "embedding.cl", "embedding_bwd",
                                   (columns / vec + lanes - 1) / lanes * shares, lanes,
                                   "-DVEC=%u -DLANES=%u", vec, lanes);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, op->in[NUMBER]);
    launch_update(l, grad);
    launch_int(l, columns / vec);
    launch_int(l, table->dim[0]);
    launch_int(l, op->in[NUMBER]->elems);
    launch_int(l, shares);
    launch_cost(l, (double)op->out[0]->elems, grad->name);
}

static void embedding_infer(struct graph *g, struct op *op)
{
    const struct tensor *table = op->in[TABLE], *number = op->in[NUMBER];
    size_t dim[TENSOR_MAX_RANK];
    if (table->rank != 2 || tensor_base(op->in[TABLE])->kind == TENSOR_ACTIVATION ||
        number->dtype != DTYPE_U32 || number->rank == TENSOR_MAX_RANK) {
        graph_misfit(g, op, "needs a table [V, D] that stays and numbers of its rows", TABLE,
                     NUMBER);
        return;
    }
    for (int r = 0; r < number->rank; r++)
        dim[r] = number->dim[r];
    dim[number->rank] = table->dim[1];
    graph_output(g, op, 0, op->path, number->rank + 1, dim);
}

static void embedding_onnx(struct onnx *o, struct op *op)
{
    const char *table = onnx_of(o, op->in[TABLE]), *number = onnx_of(o, op->in[NUMBER]);
    onnx_is(o, op->out[0], onnx_two(o, "Gather", table, number));
}

static const struct op_class embedding_class = {
    .name = "embedding",
    .infer = embedding_infer,
    .forward = embedding_forward,
    .back = embedding_back,
    .reads = READS_IN(NUMBER),
    .onnx = embedding_onnx,
    .no_cfile = "it looks up tokens",
};

struct tensor *op_lookup(struct graph *g, struct tensor *number, struct tensor *table,
                         const char *path)
{
    return graph_op(g, &embedding_class, path, NULL, 2, (struct tensor *[]){table, number})->out[0];
}

struct tensor *op_embedding(struct graph *g, struct tensor *number, size_t rows, size_t columns,
                            const char *name)
{
    /* nn.Embedding: N(0, 1) */
    struct tensor *table = graph_param(g, graph_name("%s.weight", name), 2,
                                       (size_t[]){rows, columns}, 1, INIT_NORMAL, 1);
    return op_lookup(g, number, table, name);
}
