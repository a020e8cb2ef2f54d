/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"
#include "lower/lower.h"
#include "ops/ops.h"

enum { QKV, POSITION, CACHE };

struct cached {
    size_t heads, key_heads;
};

/* Numbers of a head in a row. */
static size_t head_width(const struct op *op)
{
    const struct cached *a = op->attr;
    return tensor_columns(op->in[QKV]) / (a->heads + 2 * a->key_heads);
}

static size_t cached_rows(const struct op *op)
{
    const struct cached *a = op->attr;
    return op->in[CACHE]->elems / (2 * a->key_heads * head_width(op));
}

size_t attend_cache_elems(size_t window, size_t key_heads, size_t width)
{
    return 2 * key_heads * ((window + 15) / 16 * 16) * width;
}

static struct launch *cached_kernel(struct plan *p, const struct op *op, const char *name,
                                    size_t groups)
{
    const struct cached *a = op->attr;
    const size_t width = head_width(op);
    unsigned vec = cut_vec(p, width), lanes = cut_group(p, 64);
    return plan_kernel(p, "attend_cached.cl", name, groups, lanes,
                       "-DT=%zu -DDH=%zu -DH=%zu -DKV=%zu -DVEC=%u -DLANES=%u", cached_rows(op),
                       width, a->heads, a->key_heads, vec, lanes);
}

static void cached_forward(struct plan *p, struct op *op)
{
    const struct cached *a = op->attr;
    const size_t rows = tensor_rows(op->in[QKV]), seen = cached_rows(op);
    struct launch *l = cached_kernel(p, op, "attend_keep", rows);
    launch_read(l, op->in[QKV]);
    launch_read(l, op->in[POSITION]);
    launch_update(l, op->in[CACHE]);
    launch_cost(l, 0, op->path);
    l = cached_kernel(p, op, "attend_cached", rows * a->heads);
    launch_read(l, op->in[QKV]);
    launch_read(l, op->in[POSITION]);
    launch_read(l, op->in[CACHE]);
    launch_write(l, op->out[0]);
    launch_write(l, plan_tensor2(p, "probability", rows * a->heads, seen));
    launch_cost(l, 4.0 * (double)(rows * a->heads * seen * head_width(op)), op->path);
}

static void cached_infer(struct graph *g, struct op *op)
{
    const struct cached *a = op->attr;
    const struct tensor *x = op->in[QKV], *position = op->in[POSITION];
    const size_t heads = a->heads + 2 * a->key_heads;
    if (x->rank != 3 || !a->heads || a->heads % a->key_heads || x->dim[2] % heads ||
        position->dtype != DTYPE_U32 || position->elems != tensor_rows(x))
        graph_misfit(g, op, "needs queries, keys and values, and a place for each row", QKV,
                     POSITION);
    else if (!cached_rows(op) || cached_rows(op) % 16 ||
             op->in[CACHE]->elems % (2 * a->key_heads * head_width(op)))
        graph_misfit(g, op, "needs a cache of attend_cache_elems()", QKV, CACHE);
    else
        graph_output(g, op, 0, "attention", 3,
                     (size_t[]){x->dim[0], x->dim[1], a->heads * head_width(op)});
}

static const struct op_class cached_class = {
    .name = "attention, cached",
    .attr = sizeof(struct cached),
    .infer = cached_infer,
    .forward = cached_forward,
    .stored = READS_IN(QKV) | READS_IN(CACHE) | READS_OUT(0),
    .no_onnx = "a model is exported over whole windows, without a cache",
};

struct tensor *op_attention_cached(struct graph *g, struct tensor *qkv, size_t heads,
                                   size_t key_heads, struct tensor *cache, struct tensor *position,
                                   const char *path)
{
    const struct cached attr = {heads, key_heads ? key_heads : heads};
    return graph_op(g, &cached_class, path, &attr, 3, (struct tensor *[]){qkv, position, cache})
        ->out[0];
}
