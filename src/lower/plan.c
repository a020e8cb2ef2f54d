/* SPDX-License-Identifier: MIT */
#include "lower/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph.h"
#include "lower/step.h"
#include "util/array.h"

struct plan *plan_new(struct device *dev, struct params *params)
{
    struct plan *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->first_device = p->dev = dev;
    p->params = params;
    p->nowhere = (struct tensor){.name = p->no_name, .rank = 1, .dim = {1}, .elems = 1};
    p->step = plan_state(p, "step", STEP_WORDS);
    return p;
}

static int free_buffer(struct tensor *t, void *ctx)
{
    (void)ctx;
    if (!t->borrowed)
        buffer_free(t->buffer);
    return 0;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->launch_count; i++) {
        kernel_free(p->launches[i]->kernel);
        gemm_free(p->launches[i]->product);
        free(p->launches[i]->options);
        free(p->launches[i]);
    }
    plan_each_tensor(p, free_buffer, NULL);
    tensors_free(&p->tensors);
    for (size_t i = 0; i < p->label_count; i++)
        free(p->labels[i]);
    for (size_t i = 0; p->owns_segments && i < p->segments; i++)
        buffer_free(p->segment[i]);
    graph_free(p->graph);
    free(p->segment);
    free(p->segment_bytes);
    free(p->segment_device);
    free(p->passing);
    free(p->labels);
    free(p->rounded);
    free(p->launches);
    free(p);
}

void plan_fault(struct plan *p, const char *name, const char *what)
{
    if (!p->fault[0])
        snprintf(p->fault, sizeof p->fault, "%s %s", name, what);
}

int plan_each_tensor(const struct plan *p, int (*each)(struct tensor *t, void *ctx), void *ctx)
{
    const struct tensors *lists[] = {p->graph ? &p->graph->tensors : NULL, &p->tensors};
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++) {
            int result = lists[k]->item[i]->of ? 0 : each(lists[k]->item[i], ctx);
            if (result)
                return result;
        }
    return 0;
}

/* --- tensors */

static struct tensor *make(struct plan *p, const char *name, enum tensor_kind kind,
                           enum dtype dtype, int rank, const size_t *dim)
{
    int fits = 1;
    struct tensor *t = tensors_add(&p->tensors, name, kind, dtype, rank, dim, &fits);
    if (!fits)
        plan_fault(p, name, "is larger than any memory");
    p->failed |= !t;
    return t ? t : &p->nowhere;
}

struct tensor *plan_tensor(struct plan *p, const char *name, size_t elems)
{
    return make(p, name, TENSOR_ACTIVATION, DTYPE_F32, 1, &elems);
}

struct tensor *plan_tensor2(struct plan *p, const char *name, size_t a, size_t b)
{
    return make(p, name, TENSOR_ACTIVATION, DTYPE_F32, 2, (size_t[]){a, b});
}

struct tensor *plan_stored(struct plan *p, const char *name, size_t a, size_t b)
{
    return make(p, name, TENSOR_ACTIVATION, p->graph->stored, 2, (size_t[]){a, b});
}

struct tensor *plan_like(struct plan *p, const char *name, const struct tensor *like)
{
    return make(p, name, TENSOR_ACTIVATION, like->dtype, like->rank, like->dim);
}

struct tensor *plan_state(struct plan *p, const char *name, size_t elems)
{
    return make(p, name, TENSOR_STATE, DTYPE_F32, 1, &elems);
}

/* A state with contents to begin with; NULL: zeros. */
static struct tensor *begin_with(struct plan *p, const char *name, size_t elems,
                                 const float *values)
{
    struct tensor *t = plan_state(p, name, elems);
    if (t == &p->nowhere)
        return t;
    t->initial = calloc(elems, 4);
    p->failed |= !t->initial;
    if (t->initial && values)
        memcpy(t->initial, values, elems * 4);
    return t;
}

struct tensor *plan_constant(struct plan *p, const char *name, size_t elems, const float *values)
{
    return begin_with(p, name, elems, values);
}

struct tensor *plan_carried(struct plan *p, const char *name, size_t elems)
{
    struct tensor *t = begin_with(p, name, elems, NULL);
    t->carried = 1;
    return t;
}

struct tensor *plan_borrow(struct plan *p, const char *name, struct buffer *buffer)
{
    struct tensor *t = plan_state(p, name, buffer_size(buffer) / 4);
    t->buffer = buffer;
    t->borrowed = 1;
    return t;
}

/* --- launches */

static struct launch *no_launch(struct plan *p)
{
    p->no_launch = (struct launch){.plan = p, .label = ""};
    return &p->no_launch;
}

static struct launch *launch_new(struct plan *p)
{
    if (p->launch_count == PLAN_MAX_LAUNCHES) {
        plan_fault(p, "a step",
                   "has more than 200000 launches: fewer model.layers or a shorter data.window "
                   "helps");
        return no_launch(p);
    }
    struct launch *l = array_append((void ***)&p->launches, &p->launch_count, sizeof *l);
    if (!l) {
        p->failed = 1;
        return no_launch(p);
    }
    l->plan = p;
    l->label = "";
    l->device = p->device;
    return l;
}

struct launch *plan_kernel(struct plan *p, const char *file, const char *name, size_t groups,
                           size_t lanes, const char *options, ...)
{
    struct launch *l = launch_new(p);
    l->file = file;
    l->name = name;
    l->groups = groups;
    l->lanes = lanes;
    va_list ap;
    va_start(ap, options);
    if (l != &p->no_launch && vasprintf(&l->options, options, ap) < 0) {
        l->options = NULL;
        p->failed = 1;
    }
    va_end(ap);
    return l;
}

void plan_send(struct plan *p, const struct tensor *param, struct tensor *to)
{
    struct launch *l = plan_kernel(p, "", "send", 0, 0, "%s", "");
    l->sent = param;
    launch_write(l, to);
    l->bytes = (double)tensor_bytes(param);
    l->label = param->name;
}

struct launch *plan_move(struct plan *p, struct tensor *from, struct tensor *to)
{
    struct launch *l = plan_kernel(p, "", "move", 0, 0, "%s", "");
    l->moves = 1;
    l->device = to->device;
    launch_read(l, from);
    launch_write(l, to);
    launch_cost(l, 0, from->name);
    l->bytes = (double)tensor_bytes(from);
    return l;
}

/* The next argument; beyond the last one a place that nobody reads. */
static struct launch_arg *next_arg(struct launch *l, enum arg_kind kind)
{
    static _Thread_local struct launch_arg nowhere;
    struct launch_arg *arg = l->args < LAUNCH_MAX_ARGS ? &l->arg[l->args] : &nowhere;
    l->args++;
    *arg = (struct launch_arg){.kind = kind};
    return arg;
}

static int is_value(const struct tensor *t, struct tensor *value)
{
    return t == value || t == tensor_base(value);
}

/* What a backward pass reads of its node's inputs and outputs is declared by the class: gradients
 * that are written over what nobody reads any more rest on it. (A gradient that lies over a value
 * is a tensor of its own.) */
static void check_declared(struct plan *p, const struct tensor *t)
{
    const struct op *op = p->back_of;
    unsigned found = 0;
    if (!op || t->kind != TENSOR_ACTIVATION)
        return;
    for (int i = 0; i < OP_INPUTS; i++)
        found |= is_value(t, op->in[i]) ? READS_IN(i) : 0;
    for (int i = 0; i < OP_OUTPUTS; i++)
        found |= is_value(t, op->out[i]) ? READS_OUT(i) : 0;
    if (found && !(found & op->class->reads)) {
        char what[256];
        snprintf(what, sizeof what, "(%s) reads %s in its backward pass and does not declare it",
                 op->class->name, t->name);
        plan_fault(p, op->path, what);
    }
}

/* Tells a kernel how its argument is stored, unless that is as usual. */
static void tell_stored(struct launch *l, const struct tensor *t)
{
    const int stored = dtype_stored(t->dtype);
    char *options;
    if (!stored || l->stored || !l->options)
        return;
    l->stored = 1;
    if (asprintf(&options, "%s -DSTORED=%d", l->options, stored) < 0) {
        l->plan->failed = 1;
        return;
    }
    free(l->options);
    l->options = options;
}

static void launch_tensor(struct launch *l, struct tensor *t, enum arg_kind kind)
{
    next_arg(l, kind)->tensor = tensor_base(t);
    if (!t) {
        plan_fault(l->plan, l->name, "has an argument that is no tensor");
        return;
    }
    tell_stored(l, t);
    if (kind != ARG_WRITE)
        check_declared(l->plan, t);
    l->bytes += (double)tensor_bytes(t) * (kind == ARG_UPDATE ? 2 : 1);
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
    struct plan *p = l->plan;
    size_t size = strlen(label) + 1;
    char *copy = array_append((void ***)&p->labels, &p->label_count, size);
    l->flops = flops;
    p->failed |= !copy;
    if (copy)
        l->label = memcpy(copy, label, size);
}

void launch_chain(struct launch *l, double operations, double meets)
{
    l->chain = operations;
    l->meets = meets;
}

void launch_longest(struct launch *l, double operations)
{
    l->longest = operations;
}

void launch_shape(const struct launch *l, char *to, size_t size)
{
    if (l->is_gemm)
        snprintf(to, size, "%zux%zux%zu%s%s%s", l->gemm.m, l->gemm.n, l->gemm.k,
                 l->gemm.trans_a ? " A'" : "", l->gemm.trans_b ? " B'" : "",
                 l->has_tail ? ", tail" : "");
    else
        snprintf(to, size, "%zu groups of %zu", l->groups, l->lanes);
}

void launch_local(struct launch *l, double bytes)
{
    l->local = bytes;
}

void launch_loads(struct launch *l, double bytes)
{
    l->loads = bytes;
}

void launch_matrix(struct launch *l, enum dtype factor, double beside)
{
    l->matrix = 1 + (int)factor;
    l->beside = beside;
}

void launch_again(struct launch *l, double bytes, double footprint)
{
    l->again = bytes;
    l->footprint = footprint;
}

struct launch *plan_gemm(struct plan *p, const char *label, struct gemm_shape shape,
                         struct tensor *a, struct tensor *b, struct tensor *c, int add)
{
    struct launch *l = launch_new(p);
    l->is_gemm = 1;
    l->name = "gemm";
    l->gemm = shape;
    l->gemm.type[0] = a->dtype;
    l->gemm.type[1] = b->dtype;
    l->gemm.type[2] = c->dtype;
    launch_read(l, a);
    launch_read(l, b);
    launch_add_to(l, c, add);
    const size_t room = gemm_room(p->dev, &l->gemm);
    l->has_room = room > 0;
    if (room)
        launch_write(l, plan_tensor(p, "parts of a sum", room));
    launch_cost(l, 2.0 * (double)shape.m * (double)shape.n * (double)shape.k, label);
    return l;
}
