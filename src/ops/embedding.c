/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "lower/cut.h"
#include "lower/lower.h"
#include "onnx/onnx.h"
#include "ops/ops.h"

enum { TABLE, NUMBER };

/* A launch moves no more of a table's bytes than those of as many rows as there are numbers. */
static void count_rows(struct launch *l, const struct op *op, double bytes)
{
    const double rows = (double)op->in[NUMBER]->elems, all = (double)op->in[TABLE]->dim[0];
    l->bytes -= bytes * (1 - fmin(rows / all, 1));
}

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
    count_rows(l, op, (double)tensor_bytes(table));
}

/* --- backward: see cl/embedding_sum.cl */

#define GROUP 256           /* work-items of a group */
#define COLUMNS 32          /* of a team: a line of a GPU's cache */
#define PIECE 64            /* places of the order of which a group sums the runs */
#define DEEP 8              /* loads of a work-item that do not wait for each other */
#define DIGIT 9             /* bits: 512 groups fill a large GPU once */
#define LOAD_OPERATIONS 256 /* that a work-item has done while a load from memory is under way */

/* Rows of the commonest number: of a text's characters every sixth is a space. */
static double commonest(const struct op *op)
{
    const double rows = (double)op->in[NUMBER]->elems;
    return rows / fmin((double)op->in[TABLE]->dim[0], 6);
}

/* Row by row. */
static void walk_rows(struct plan *p, struct op *op, struct tensor *grad)
{
    const struct tensor *table = op->in[TABLE];
    const size_t columns = table->dim[1], shares = cut_for_cpu(p) ? 4 : 64;
    unsigned vec = cut_vec(p, columns), lanes = cut_lanes(p, columns, vec);
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
    count_rows(l, op, 2 * (double)tensor_bytes(grad));
    launch_chain(l, 11 * (double)op->in[NUMBER]->elems, 0);
    launch_longest(l, 11 * (double)op->in[NUMBER]->elems + commonest(op) * LOAD_OPERATIONS);
}

/* Rows in the order of their numbers. */
struct order {
    struct tensor *number, *row;
    size_t items; /* and what fills the last work-items' places */
};

static struct launch *sums_kernel(struct plan *p, const char *name, size_t groups, unsigned vec)
{
    const unsigned lanes = COLUMNS / vec;
    return plan_kernel(p, "embedding_sum.cl", name, groups, GROUP,
                       "-DPIECE=%d -DDEEP=%d -DVEC=%u -DLANES=%u -DTEAMS=%u", PIECE, DEEP, vec,
                       lanes, GROUP / lanes);
}

static struct order sort_rows(struct plan *p, struct op *op, unsigned vec, const char *label)
{
    const size_t numbers = op->in[TABLE]->dim[0], rows = op->in[NUMBER]->elems;
    const size_t each = (rows + GROUP * DEEP - 1) / (GROUP * DEEP) * DEEP;
    struct order o = {op->in[NUMBER], op->in[NUMBER], rows};
    unsigned bits = 1;
    while (numbers >> bits)
        bits++;
    const unsigned launches = (bits + DIGIT - 1) / DIGIT, digit = (bits + launches - 1) / launches;
    for (unsigned i = 0; i < launches; i++) {
        const size_t digits = (size_t)1 << digit, shift = i * digit, top = (numbers >> shift) + 1;
        const size_t groups = top < digits ? top : digits;
        struct tensor *number = plan_tensor2(p, "sorted numbers", each, GROUP);
        struct tensor *row = plan_tensor2(p, "sorted rows", each, GROUP);
        struct launch *l = sums_kernel(p, "embedding_sort", groups, vec);
        launch_read(l, o.number);
        launch_read(l, o.row);
        launch_write(l, number);
        launch_write(l, row);
        launch_int(l, o.items);
        launch_int(l, numbers);
        launch_int(l, each);
        launch_int(l, shift);
        launch_int(l, digits);
        launch_int(l, i == 0);
        launch_int(l, i + 1 == launches);
        launch_cost(l, 0, label);
        launch_loads(l, 8.0 * (double)groups * (double)o.items);
        launch_chain(l, 10.0 * (double)each + 4 * LOAD_OPERATIONS, 0);
        o = (struct order){number, row, each * GROUP};
    }
    return o;
}

static void sum_runs(struct plan *p, struct op *op, struct tensor *grad)
{
    const struct tensor *table = op->in[TABLE];
    const size_t columns = table->dim[1], numbers = table->dim[0], rows = op->in[NUMBER]->elems;
    const unsigned vec = cut_vec(p, columns), teams = GROUP / (COLUMNS / vec);
    const size_t blocks = (columns + COLUMNS - 1) / COLUMNS;
    const struct order o = sort_rows(p, op, vec, grad->name);
    struct launch *l = sums_kernel(p, "embedding_sum", (rows + PIECE - 1) / PIECE * blocks, vec);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, o.number);
    launch_read(l, o.row);
    launch_update(l, grad);
    launch_int(l, columns / vec);
    launch_int(l, numbers);
    launch_int(l, o.items);
    launch_int(l, blocks);
    launch_cost(l, (double)op->out[0]->elems, grad->name);
    count_rows(l, op, 2 * (double)tensor_bytes(grad));
    launch_chain(l, (2 + (double)PIECE / teams) * LOAD_OPERATIONS, 0);
    launch_longest(l, 2 * LOAD_OPERATIONS * (1 + commonest(op) / (DEEP * teams)));
}

static void embedding_back(struct plan *p, struct op *op)
{
    int add;
    struct tensor *grad = lower_grad(p, op, TABLE, &add); /* a parameter's is always added to */
    if (cut_group(p, GROUP) == GROUP)
        sum_runs(p, op, grad);
    else
        walk_rows(p, op, grad);
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
