/* SPDX-License-Identifier: MIT */
/*
 * run: from a planned graph to commands. Kernels and their arguments are made once; a run only
 * enqueues.
 */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "util/now.h"

static struct buffer *poisoned(struct graph *g, const struct tensor *t, struct error *err)
{
    struct buffer *b = buffer_new(g->dev, tensor_bytes(t), t->name, err);
    uint32_t *nan = b ? malloc(tensor_bytes(t)) : NULL;
    if (!nan) {
        if (b)
            error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
        buffer_free(b);
        return NULL;
    }
    for (size_t i = 0; i < t->elems; i++)
        nan[i] = 0x7fc0dead; /* a quiet NaN: what reads it shows */
    int failed = buffer_write(b, 0, tensor_bytes(t), nan, err);
    free(nan);
    if (failed) {
        buffer_free(b);
        return NULL;
    }
    return b;
}

/* The activations of `shared` have room for those of g. */
static int fits_into(const struct graph *g, const struct graph *shared)
{
    int fits = shared && !shared->scattered && shared->segments >= g->segments;
    for (size_t i = 0; fits && i < g->segments; i++)
        fits = shared->segment_bytes[i] >= g->segment_bytes[i];
    return fits;
}

uint64_t graph_bytes(const struct graph *g, const struct graph *shared)
{
    uint64_t bytes = g->scattered || fits_into(g, shared) ? 0 : g->activation_bytes;
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct tensor *t = g->tensors[i];
        if (!t->buffer && (t->kind == TENSOR_STATE || (g->scattered && t->first >= 0)))
            bytes += tensor_bytes(t);
    }
    return bytes;
}

static int make_segments(struct graph *g, struct graph *shared, struct error *err)
{
    g->segment = calloc(g->segments + 1, sizeof(struct buffer *));
    if (!g->segment)
        return error_set(err, STATUS_FAILED, "out of memory");
    int fits = fits_into(g, shared);
    g->owns_segments = !fits;
    for (size_t i = 0; i < g->segments; i++) {
        g->segment[i] =
            fits ? shared->segment[i] : buffer_new(g->dev, g->segment_bytes[i], "activations", err);
        if (!g->segment[i])
            return -1;
    }
    return 0;
}

static int make_tensor(struct graph *g, struct tensor *t, struct error *err)
{
    if (t->buffer)
        return 0;
    if (t->kind == TENSOR_STATE)
        t->buffer = buffer_new(g->dev, tensor_bytes(t), t->name, err);
    else if (t->first < 0)
        return 0; /* nothing uses it */
    else if (g->scattered)
        t->buffer = poisoned(g, t, err);
    else
        t->buffer = buffer_part(g->segment[t->segment], t->offset, tensor_bytes(t), err);
    if (t->buffer && t->initial)
        return tensor_write(t, t->initial, err);
    return t->buffer ? 0 : -1;
}

static int make_kernel(struct graph *g, struct launch *l, struct error *err)
{
    l->kernel = kernel_new(g->dev, l->file, l->name, l->options, err);
    if (!l->kernel)
        return -1;
    for (unsigned a = 0; a < l->args; a++)
        switch (l->arg[a].kind) {
        case ARG_READ:
        case ARG_WRITE:
        case ARG_UPDATE:
            kernel_set_buffer(l->kernel, a, l->arg[a].tensor->buffer);
            break;
        case ARG_INT:
            kernel_set_int(l->kernel, a, l->arg[a].i);
            break;
        case ARG_FLOAT:
            kernel_set_float(l->kernel, a, l->arg[a].f);
            break;
        }
    return 0;
}

int graph_prepare(struct graph *g, struct graph *shared, const struct gemm_provider *provider,
                  struct error *err)
{
    if (!g->scattered && make_segments(g, shared, err))
        return -1;
    for (size_t i = 0; i < g->tensor_count; i++)
        if (make_tensor(g, g->tensors[i], err))
            return -1;
    for (size_t i = 0; i < g->launch_count; i++) {
        struct launch *l = g->launches[i];
        if (!l->is_gemm) {
            if (make_kernel(g, l, err))
                return error_prefix(err, "%s", l->label[0] ? l->label : l->name);
            continue;
        }
        l->product =
            gemm_new(g->dev, provider, l->gemm, l->arg[0].tensor->buffer, l->arg[1].tensor->buffer,
                     l->arg[2].tensor->buffer, l->arg[2].kind == ARG_UPDATE, err);
        if (!l->product)
            return error_prefix(err, "%s", l->label);
    }
    return 0;
}

static int launch_run(struct launch *l, struct error *err)
{
    int failed = l->is_gemm ? gemm_enqueue(l->product, err)
                            : kernel_enqueue(l->kernel, l->groups, l->lanes, err);
    return failed ? error_prefix(err, "%s", l->label[0] ? l->label : l->name) : 0;
}

int graph_run(struct graph *g, size_t from, size_t to, struct error *err)
{
    for (size_t i = from; i < to; i++)
        if (launch_run(g->launches[i], err))
            return -1;
    return 0;
}

int graph_run_profiled(struct graph *g, size_t from, size_t to, struct error *err)
{
    for (size_t i = from; i < to; i++) {
        if (device_finish(g->dev, err))
            return -1;
        double before = now();
        if (launch_run(g->launches[i], err) || device_finish(g->dev, err))
            return -1;
        g->launches[i]->seconds += now() - before;
        g->launches[i]->runs++;
    }
    return 0;
}
