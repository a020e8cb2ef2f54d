/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/onnx_attend.h"
#include "ops/ops.h"

enum { QUERIES, ROWS };

struct over {
    size_t heads;
};

/* Extents of a node. */
struct extents {
    size_t samples, queries, rows, heads, head_width;
    int shared; /* all samples have the same queries */
};

static struct extents extents_of(const struct op *op)
{
    const struct over *a = op->attr;
    const struct tensor *q = op->in[QUERIES], *kv = op->in[ROWS];
    return (struct extents){.samples = kv->dim[0],
                            .queries = q->dim[q->rank - 2],
                            .rows = kv->dim[1],
                            .heads = a->heads,
                            .head_width = tensor_columns(q) / a->heads,
                            .shared = q->rank == 2};
}

/* Rows of probabilities: a query of a head of a sample each. */
static size_t scores_of(const struct extents *e)
{
    return e->samples * e->queries * e->heads;
}

static struct tensor *scores_new(struct plan *p, const struct extents *e, const char *name)
{
    return plan_tensor2(p, name, scores_of(e), (e->rows + 15) / 16 * 16);
}

static struct launch *over_kernel(struct plan *p, const struct extents *e, const char *name,
                                  size_t groups)
{
    const unsigned vec = cut_vec(p, e->head_width), lanes = cut_group(p, 64);
    return plan_kernel(p, "attend_over.cl", name, groups, lanes,
                       "-DQ=%zu -DN=%zu -DDH=%zu -DH=%zu -DSHARED=%d -DVEC=%u -DLANES=%u",
                       e->queries, e->rows, e->head_width, e->heads, e->shared, vec, lanes);
}

/* So many products of queries and rows. */
static void over_cost(struct launch *l, const struct extents *e, double products, const char *label)
{
    launch_cost(l, products * 2 * (double)(scores_of(e) * e->rows * e->head_width), label);
}

static void over_forward(struct plan *p, struct op *op)
{
    const struct extents e = extents_of(op);
    struct launch *l = over_kernel(p, &e, "attend_over_fwd", scores_of(&e));
    op->saved[0] = scores_new(p, &e, "probability");
    launch_read(l, op->in[QUERIES]);
    launch_read(l, op->in[ROWS]);
    launch_write(l, op->out[0]);
    launch_write(l, op->saved[0]);
    over_cost(l, &e, 2, op->path);
}

static void rows_back(struct plan *p, struct op *op, const struct extents *e, struct tensor *dscore)
{
    const size_t chunk = 16, chunks = (e->rows + chunk - 1) / chunk;
    int add;
    struct tensor *queries = lower_value(p, op, QUERIES), *to = lower_grad(p, op, ROWS, &add);
    if (!to)
        return;
    struct launch *l = over_kernel(p, e, "attend_over_bwd_kv", e->samples * e->heads * chunks);
    launch_read(l, queries);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, op->saved[0]);
    launch_read(l, dscore);
    launch_add_to(l, to, add);
    launch_int(l, chunk);
    launch_int(l, chunks);
    launch_int(l, (size_t)add);
    over_cost(l, e, 2, to->name);
}

static void queries_back(struct plan *p, struct op *op, const struct extents *e,
                         struct tensor *dscore)
{
    int add;
    struct tensor *rows = lower_value(p, op, ROWS), *to = lower_grad(p, op, QUERIES, &add);
    if (!to)
        return;
    struct launch *l = over_kernel(p, e, "attend_over_bwd_q",
                                   (e->shared ? 1 : e->samples) * e->queries * e->heads);
    launch_read(l, rows);
    launch_read(l, dscore);
    launch_add_to(l, to, add);
    launch_int(l, e->samples);
    launch_int(l, (size_t)add);
    over_cost(l, e, 1, to->name);
}

static void over_back(struct plan *p, struct op *op)
{
    const struct extents e = extents_of(op);
    struct tensor *rows = lower_value(p, op, ROWS), *dscore = scores_new(p, &e, "dscore");
    struct launch *l = over_kernel(p, &e, "attend_over_bwd_score", scores_of(&e));
    launch_read(l, rows);
    launch_read(l, op->out[0]);
    launch_read(l, lower_arrived(op, 0));
    launch_read(l, op->saved[0]);
    launch_write(l, dscore);
    over_cost(l, &e, 1, op->path);
    queries_back(p, op, &e, dscore);
    rows_back(p, op, &e, dscore);
}

static void over_infer(struct graph *g, struct op *op)
{
    const struct over *a = op->attr;
    const struct tensor *q = op->in[QUERIES], *kv = op->in[ROWS];
    if (kv->rank != 3 || (q->rank != 2 && q->rank != 3) || !a->heads ||
        tensor_columns(q) % a->heads || kv->dim[2] != 2 * tensor_columns(q) ||
        (q->rank == 3 && q->dim[0] != kv->dim[0])) {
        graph_misfit(g, op,
                     "needs queries [Q, D] or [B, Q, D], D a multiple of the heads, and keys and "
                     "values [B, N, 2 D]",
                     QUERIES, ROWS);
        return;
    }
    graph_output(g, op, 0, "attention", 3,
                 (size_t[]){kv->dim[0], q->dim[q->rank - 2], tensor_columns(q)});
}

static void over_onnx(struct onnx *o, struct op *op)
{
    const struct extents e = extents_of(op);
    const int64_t d = (int64_t)(e.heads * e.head_width);
    const char *q = onnx_of(o, op->in[QUERIES]), *part[2];
    if (e.shared)
        q = onnx_two(o, "Unsqueeze", q, onnx_wholes(o, 1, (const int64_t[]){0}));
    onnx_split(o, onnx_of(o, op->in[ROWS]), 2, (const int64_t[]){d, d}, part);
    onnx_is(o, op->out[0],
            onnx_attend(o, &(struct onnx_heads){e.heads, e.heads, e.head_width}, q, part[0],
                        part[1], NULL));
}

static const struct op_class over_class = {
    .name = "attention, of queries",
    .attr = sizeof(struct over),
    .infer = over_infer,
    .forward = over_forward,
    .back = over_back,
    .reads = READS_IN(QUERIES) | READS_IN(ROWS) | READS_OUT(0),
    .stored = READS_IN(QUERIES) | READS_IN(ROWS) | READS_OUT(0),
    .onnx = over_onnx,
    .no_cfile = "it reads frames by queries, which captioners do",
};

struct tensor *op_attention_over(struct graph *g, struct tensor *queries, struct tensor *rows,
                                 size_t heads, const char *path)
{
    return graph_op(g, &over_class, path, &(struct over){heads}, 2,
                    (struct tensor *[]){queries, rows})
        ->out[0];
}
