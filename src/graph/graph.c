/* SPDX-License-Identifier: MIT */
#include "graph/graph.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "graph/step.h"

struct node {
    struct node *older;
    void (*call)(struct graph *g, const void *arg);
    max_align_t arg[];
};

struct maker {
    void (*call)(struct graph *g, const void *arg, struct tensor *to);
    max_align_t arg[];
};

struct graph *graph_new(struct device *dev, struct params *params, size_t batch, int training)
{
    struct graph *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->dev = dev;
    g->params = params;
    g->batch = batch;
    g->training = training;
    g->step = graph_state(g, "step", STEP_WORDS);
    return g;
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->launch_count; i++) {
        kernel_free(g->launches[i]->kernel);
        gemm_free(g->launches[i]->product);
        free(g->launches[i]->options);
        free(g->launches[i]);
    }
    for (size_t i = 0; i < g->tensor_count; i++) {
        if (!g->tensors[i]->borrowed)
            buffer_free(g->tensors[i]->buffer);
        free(g->tensors[i]->initial);
        free(g->tensors[i]->maker);
        free(g->tensors[i]);
    }
    for (struct node *n = g->nodes, *older; n; n = older) {
        older = n->older;
        free(n);
    }
    for (size_t i = 0; g->owns_segments && i < g->segments; i++)
        buffer_free(g->segment[i]);
    free(g->segment);
    free(g->segment_bytes);
    free(g->tensors);
    free(g->launches);
    free(g);
}

/* Somewhere to point when memory ran out while building: graph_plan() reports it. */
static struct tensor nowhere_tensor;
static struct launch nowhere_launch;

/* A new item of the list, whose room is the power of two that holds `count`. */
static void *append(void ***list, size_t *count, size_t size)
{
    void *item = calloc(1, size);
    void **more = *list;
    if (!(*count & (*count - 1)))
        more = realloc(*list, (*count ? 2 * *count : 1) * sizeof *more);
    if (more)
        *list = more;
    if (!item || !more) {
        free(item);
        return NULL;
    }
    return (*list)[(*count)++] = item;
}

void graph_fault(struct graph *g, const char *name, const char *what)
{
    if (!g->fault[0])
        snprintf(g->fault, sizeof g->fault, "%.95s %s", name, what);
}

struct tensor *graph_tensor(struct graph *g, const char *name, int rank, const size_t *dim)
{
    struct tensor *t = append((void ***)&g->tensors, &g->tensor_count, sizeof *t);
    if (!t) {
        g->failed = 1;
        return &nowhere_tensor;
    }
    snprintf(t->name, sizeof t->name, "%s", name);
    t->rank = rank;
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    if (tensor_count(rank, dim, &t->elems))
        graph_fault(g, name, "is larger than any memory");
    t->first = t->last = -1;
    t->needs_grad = 1;
    return t;
}

struct tensor *graph_tensor2(struct graph *g, const char *name, size_t a, size_t b)
{
    return graph_tensor(g, name, 2, (size_t[]){a, b});
}

struct tensor *graph_state(struct graph *g, const char *name, size_t elems)
{
    struct tensor *t = graph_tensor(g, name, 1, &elems);
    t->kind = TENSOR_STATE;
    t->needs_grad = 0;
    return t;
}

struct tensor *graph_constant(struct graph *g, const char *name, size_t elems, const float *values)
{
    struct tensor *t = graph_state(g, name, elems);
    t->initial = malloc(elems * 4);
    if (t->initial)
        memcpy(t->initial, values, elems * 4);
    else
        g->failed = 1;
    return t;
}

struct tensor *graph_carried(struct graph *g, const char *name, size_t elems)
{
    struct tensor *t = graph_state(g, name, elems);
    t->carried = 1;
    t->initial = calloc(elems, 4);
    g->failed |= !t->initial;
    return t;
}

int graph_forget(struct graph *g, struct error *err)
{
    for (size_t i = 0; i < g->tensor_count; i++)
        if (g->tensors[i]->carried && tensor_write(g->tensors[i], g->tensors[i]->initial, err))
            return -1;
    return 0;
}

struct tensor *graph_borrow(struct graph *g, const char *name, struct buffer *buffer)
{
    struct tensor *t = graph_state(g, name, buffer_size(buffer) / 4);
    t->buffer = buffer;
    t->borrowed = 1;
    return t;
}

static struct tensor *param_or_fault(struct graph *g, const char *name, struct tensor *t)
{
    g->failed |= g->params->failed;
    if (!t && !g->failed)
        graph_fault(g, name, "does not fit: its name's length or another of this name");
    return t ? t : &nowhere_tensor;
}

struct tensor *graph_param(struct graph *g, const char *name, int rank, const size_t *dim,
                           int decay, enum init_kind init, double scale)
{
    return param_or_fault(g, name, params_get(g->params, name, rank, dim, decay, init, scale));
}

struct tensor *graph_running(struct graph *g, const char *name, int rank, const size_t *dim,
                             double initial)
{
    return param_or_fault(g, name, params_get_running(g->params, name, rank, dim, initial));
}

struct tensor *graph_weight(struct graph *g, const char *name, int rank, const size_t *dim,
                            double bound)
{
    enum init_kind init = g->params->weights;
    return graph_param(g, name, rank, dim, 1, init, init == INIT_UNIFORM ? bound : 1);
}

struct tensor *graph_bias(struct graph *g, const char *name, size_t count, double bound)
{
    double scale = g->params->weights == INIT_UNIFORM ? bound : 0;
    return scale > 0 ? graph_param(g, name, 1, &count, 0, INIT_UNIFORM, scale)
                     : graph_param(g, name, 1, &count, 0, INIT_CONSTANT, 0);
}

struct tensor *graph_grad(struct graph *g, struct tensor *t, int *add)
{
    *add = 0;
    if (!t->needs_grad)
        return NULL;
    if (!t->grad) {
        char name[sizeof t->name];
        snprintf(name, sizeof name, "grad.%.80s", t->name);
        t->grad = graph_tensor(g, name, t->rank, t->dim);
    }
    *add = t->grad_written;
    t->grad_written = 1;
    return t->grad;
}

void graph_on_backward(struct graph *g, void (*call)(struct graph *g, const void *arg),
                       const void *arg, size_t size)
{
    struct node *node = malloc(sizeof *node + size);
    if (!node) {
        g->failed = 1;
        return;
    }
    node->call = call;
    memcpy(node->arg, arg, size);
    node->older = g->nodes;
    g->nodes = node;
}

void graph_on_again(struct graph *g, struct tensor *t,
                    void (*call)(struct graph *g, const void *arg, struct tensor *to),
                    const void *arg, size_t size)
{
    if (!g->recompute || g->failed)
        return;
    if (!(t->maker = malloc(sizeof *t->maker + size))) {
        g->failed = 1;
        return;
    }
    t->maker->call = call;
    memcpy(t->maker->arg, arg, size);
}

struct tensor *graph_again(struct graph *g, struct tensor *t)
{
    if (!t->maker)
        return t;
    if (!t->again) {
        t->again = graph_tensor(g, t->name, t->rank, t->dim);
        t->maker->call(g, t->maker->arg, t->again);
    }
    return t->again;
}

void graph_backward(struct graph *g)
{
    for (struct node *n = g->nodes; n; n = n->older)
        n->call(g, n->arg);
}

/* --- launches */

static struct launch *launch_new(struct graph *g)
{
    if (g->launch_count == GRAPH_MAX_LAUNCHES) {
        graph_fault(g, "a step",
                    "has more than 200000 launches: fewer model.layers or a shorter data.window "
                    "helps");
        memset(&nowhere_launch, 0, sizeof nowhere_launch);
        return &nowhere_launch;
    }
    struct launch *l = append((void ***)&g->launches, &g->launch_count, sizeof *l);
    if (!l) {
        g->failed = 1;
        memset(&nowhere_launch, 0, sizeof nowhere_launch);
        return &nowhere_launch;
    }
    return l;
}

struct launch *graph_kernel(struct graph *g, const char *file, const char *name, size_t groups,
                            size_t lanes, const char *options, ...)
{
    struct launch *l = launch_new(g);
    l->file = file;
    l->name = name;
    l->groups = groups;
    l->lanes = lanes;
    va_list ap;
    va_start(ap, options);
    if (l != &nowhere_launch && vasprintf(&l->options, options, ap) < 0) {
        l->options = NULL;
        g->failed = 1;
    }
    va_end(ap);
    return l;
}

/* The next argument; beyond the last one a place that nobody reads. */
static struct launch_arg *next_arg(struct launch *l, enum arg_kind kind)
{
    static struct launch_arg nowhere;
    struct launch_arg *arg = l->args < LAUNCH_MAX_ARGS ? &l->arg[l->args] : &nowhere;
    l->args++;
    *arg = (struct launch_arg){.kind = kind};
    return arg;
}

static void launch_tensor(struct launch *l, struct tensor *t, enum arg_kind kind)
{
    next_arg(l, kind)->tensor = t;
    if (!t) /* memory ran out, as graph_plan() will tell */
        return;
    l->bytes += (double)t->elems * (kind == ARG_UPDATE ? 8 : 4);
}

void launch_read(struct launch *l, struct tensor *t)
{
    launch_tensor(l, t, ARG_READ);
}

void launch_write(struct launch *l, struct tensor *t)
{
    launch_tensor(l, t, ARG_WRITE);
}

void launch_update(struct launch *l, struct tensor *t)
{
    launch_tensor(l, t, ARG_UPDATE);
}

void launch_add_to(struct launch *l, struct tensor *t, int add)
{
    launch_tensor(l, t, add ? ARG_UPDATE : ARG_WRITE);
}

void launch_int(struct launch *l, size_t value)
{
    if (value > INT32_MAX && !l->misfit)
        l->misfit = value;
    next_arg(l, ARG_INT)->i = (int32_t)(value & INT32_MAX);
}

void launch_word(struct launch *l, uint32_t word)
{
    int32_t bits;
    memcpy(&bits, &word, sizeof bits);
    next_arg(l, ARG_INT)->i = bits;
}

void launch_float(struct launch *l, double value)
{
    next_arg(l, ARG_FLOAT)->f = (float)value;
}

void launch_cost(struct launch *l, double flops, const char *label)
{
    l->flops = flops;
    snprintf(l->label, sizeof l->label, "%s", label);
}

struct launch *graph_gemm(struct graph *g, const char *label, struct gemm_shape shape,
                          struct tensor *a, struct tensor *b, struct tensor *c, int add)
{
    struct launch *l = launch_new(g);
    l->is_gemm = 1;
    l->name = "gemm";
    l->gemm = shape;
    launch_read(l, a);
    launch_read(l, b);
    launch_add_to(l, c, add);
    launch_cost(l, 2.0 * (double)shape.m * (double)shape.n * (double)shape.k, label);
    return l;
}

/* --- launch sizes */

unsigned graph_vec(const struct graph *g, size_t extent)
{
    unsigned vec = device_info(g->dev)->is_cpu ? 16 : 4;
    while (extent % vec)
        vec /= 2;
    return vec;
}

unsigned graph_lanes(const struct graph *g, size_t extent, unsigned vec)
{
    const struct device_info *info = device_info(g->dev);
    if (info->is_cpu)
        return 1;
    unsigned lanes = 32;
    while (lanes < 256 && lanes * vec < extent && lanes * 2 <= info->max_group)
        lanes *= 2;
    return lanes;
}

size_t graph_chunks(const struct graph *g, size_t rows)
{
    size_t most = device_info(g->dev)->is_cpu ? 64 : 512;
    return rows < most ? rows : most;
}

int tensor_read(const struct tensor *t, void *to, struct error *err)
{
    return buffer_read(t->buffer, 0, tensor_bytes(t), to, err);
}

int tensor_write(struct tensor *t, const void *from, struct error *err)
{
    return buffer_write(t->buffer, 0, tensor_bytes(t), from, err);
}
