/* SPDX-License-Identifier: MIT */
#include "ir/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"

struct graph *graph_new(struct params *params, size_t batch, int training)
{
    struct graph *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->params = params;
    g->batch = batch;
    g->training = training;
    g->stored = DTYPE_F32;
    g->nowhere = (struct tensor){.name = g->no_name, .rank = 1, .dim = {1}, .elems = 1};
    for (int i = 0; i < OP_OUTPUTS; i++)
        g->nothing.out[i] = &g->nowhere;
    return g;
}

static void op_free(struct op *op)
{
    if (!op)
        return;
    free(op->path);
    free(op->attr);
    free(op);
}

void graph_free(struct graph *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->op_count; i++)
        op_free(g->ops[i]);
    tensors_free(&g->tensors);
    free(g->ops);
    free(g->layer_device);
    free(g);
}

int graph_check_built(const struct graph *g, struct error *err)
{
    if (g->failed)
        return error_set(err, STATUS_FAILED, "out of memory while building the graph");
    return g->fault[0] ? error_set(err, STATUS_USAGE, "%s", g->fault) : 0;
}

void graph_fault(struct graph *g, const char *name, const char *what)
{
    if (!g->fault[0])
        snprintf(g->fault, sizeof g->fault, "%s %s", name, what);
}

const char *graph_name(const char *format, ...)
{
    static _Thread_local char place[GRAPH_NAMES][256];
    static _Thread_local unsigned turn;
    char *to = place[turn++ % GRAPH_NAMES];
    va_list ap;
    va_start(ap, format);
    vsnprintf(to, sizeof place[0], format, ap);
    va_end(ap);
    return to;
}

/* --- tensors */

static struct tensor *make(struct graph *g, const char *name, enum tensor_kind kind,
                           enum dtype dtype, int rank, const size_t *dim)
{
    int fits = 1;
    struct tensor *t = tensors_add(&g->tensors, name, kind, dtype, rank, dim, &fits);
    if (!fits)
        graph_fault(g, name, "is larger than any memory");
    g->failed |= !t;
    return t ? t : &g->nowhere;
}

struct tensor *graph_state(struct graph *g, const char *name, enum dtype dtype, int rank,
                           const size_t *dim)
{
    return make(g, name, TENSOR_STATE, dtype, rank, dim);
}

struct tensor *graph_constant(struct graph *g, const char *name, int rank, const size_t *dim,
                              const float *values)
{
    struct tensor *t = graph_state(g, name, DTYPE_F32, rank, dim);
    if (t == &g->nowhere)
        return t;
    t->initial = malloc(tensor_bytes(t));
    if (t->initial)
        memcpy(t->initial, values, tensor_bytes(t));
    else
        g->failed = 1;
    return t;
}

struct tensor *graph_borrow(struct graph *g, const char *name, enum dtype dtype, size_t columns,
                            struct buffer *buffer)
{
    size_t elems = buffer_size(buffer) / dtype_bytes(dtype, 1);
    struct tensor *t = graph_state(g, name, dtype, 2, (size_t[]){elems / columns, columns});
    t->buffer = buffer;
    t->borrowed = 1;
    return t;
}

static struct tensor *param_or_fault(struct graph *g, const char *name, struct tensor *t)
{
    g->failed |= g->params->failed;
    if (!t && !g->failed)
        graph_fault(g, name, "does not fit: its name's length or another of this name");
    return t ? t : &g->nowhere;
}

struct tensor *graph_param(struct graph *g, const char *name, int rank, const size_t *dim,
                           int decay, enum init_kind init, double scale)
{
    if (*name == '.')
        graph_fault(g, name, "has lost the path in front of it");
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

/* --- nodes */

/* A node whose attributes have their place; NULL without memory. */
static struct op *append_op(struct graph *g, const struct op_class *class, const char *path)
{
    struct op *op = array_append((void ***)&g->ops, &g->op_count, sizeof *op);
    if (!op)
        return NULL;
    op->at = g->op_count - 1;
    op->layer = g->layer;
    op->class = class;
    op->is_taught = g->own != NULL;
    op->path = strdup(op->is_taught ? graph_name("teacher.%s", path) : path);
    op->attr = calloc(1, class->attr + 1);
    return op->path && op->attr ? op : NULL;
}

void graph_store(struct graph *g, enum dtype dtype, const struct op_class *cast)
{
    g->stored = dtype;
    g->cast = cast;
}

void graph_layer(struct graph *g)
{
    if (!g->own)
        g->layer = ++g->layers;
}

void graph_layers_end(struct graph *g)
{
    g->layer = 0;
}

void graph_teacher(struct graph *g, struct params *frozen)
{
    g->own = g->params;
    g->params = frozen;
}

/* Whether somebody reads an output of a node, or it is what is asked for. */
static int is_read(const struct op *op, const struct tensor *asked)
{
    int read = 0;
    for (int i = 0; i < OP_OUTPUTS; i++)
        read |= op->out[i] && (op->out[i]->readers > 0 || op->out[i] == asked);
    return read;
}

void graph_teacher_ends(struct graph *g, size_t from, struct tensor *output)
{
    g->params = g->own;
    g->own = NULL;
    if (g->failed || g->fault[0]) /* nodes may lack outputs */
        return;
    for (size_t i = g->op_count; i-- > from;) {
        struct op *op = g->ops[i];
        for (int k = 0; op && k < OP_OUTPUTS; k++)
            if (op->out[k])
                op->out[k]->keep = 0; /* nobody asks a teacher for what it makes besides */
        if (op && !is_read(op, tensor_base(output)))
            graph_drop(g, op, NULL);
    }
}

static int is_number(enum dtype dtype)
{
    return dtype == DTYPE_F32 || dtype == DTYPE_BF16 || dtype == DTYPE_F16;
}

struct tensor *graph_as(struct graph *g, struct tensor *t, enum dtype dtype)
{
    if (!t || !g->cast || t == &g->nowhere || t->dtype == dtype || !is_number(t->dtype))
        return t;
    if (t->kind == TENSOR_PARAM && t->dtype != DTYPE_F32) /* read as it is stored */
        return t;
    for (size_t i = g->op_count; i-- > 0;) /* casts are few: at the ends of a model */
        if (g->ops[i] && g->ops[i]->class == g->cast && g->ops[i]->in[0] == t)
            return g->ops[i]->out[0];
    return graph_op(g, g->cast, t->name, NULL, 1, &t)->out[0];
}

struct tensor *graph_keep(struct graph *g, struct tensor *t)
{
    t = graph_as(g, t, DTYPE_F32);
    t->keep = 1;
    return t;
}

/* The type of the input or output of a class whose bit this is. */
static enum dtype type_of(const struct graph *g, const struct op_class *class, unsigned bit)
{
    return class->stored & bit ? g->stored : DTYPE_F32;
}

struct op *graph_op(struct graph *g, const struct op_class *class, const char *path,
                    const void *attr, size_t inputs, struct tensor *const *in)
{
    struct tensor *fit[OP_INPUTS] = {NULL};
    for (size_t i = 0; i < inputs; i++)
        fit[i] = class == g->cast ? in[i] : graph_as(g, in[i], type_of(g, class, READS_IN(i)));
    struct op *op = g->failed || g->fault[0] ? NULL : append_op(g, class, path);
    if (!op) {
        g->failed |= !g->fault[0];
        return &g->nothing;
    }
    if (class->attr)
        memcpy(op->attr, attr, class->attr);
    for (size_t i = 0; i < inputs; i++)
        graph_set_input(op, (int)i, fit[i]);
    class->infer(g, op);
    return g->failed || g->fault[0] ? &g->nothing : op;
}

struct tensor *graph_output_as(struct graph *g, struct op *op, int i, const char *name,
                               enum dtype dtype, int rank, const size_t *dim)
{
    struct tensor *t = make(g, name, TENSOR_ACTIVATION, dtype, rank, dim);
    op->out[i] = t;
    if (t == &g->nowhere)
        return t;
    t->maker = op;
    for (int k = 0; k < OP_INPUTS; k++)
        t->needs_grad |= op->class->back && op->in[k] && op->in[k]->needs_grad;
    return t;
}

struct tensor *graph_output(struct graph *g, struct op *op, int i, const char *name, int rank,
                            const size_t *dim)
{
    return graph_output_as(g, op, i, name, type_of(g, op->class, READS_OUT(i)), rank, dim);
}

struct tensor *graph_output_like(struct graph *g, struct op *op, int i, const char *name,
                                 const struct tensor *like)
{
    return graph_output(g, op, i, name, like->rank, like->dim);
}

void graph_misfit(struct graph *g, const struct op *op, const char *what, int a, int b)
{
    char text[2][96], why[400];
    tensor_shape_text(op->in[a], text[0], sizeof text[0]);
    if (b >= 0)
        tensor_shape_text(op->in[b], text[1], sizeof text[1]);
    snprintf(why, sizeof why, "(%s) %s: %s is %s%s%s%s%s", op->class->name, what, op->in[a]->name,
             text[0], b >= 0 ? ", " : "", b >= 0 ? op->in[b]->name : "", b >= 0 ? " is " : "",
             b >= 0 ? text[1] : "");
    graph_fault(g, op->path, why);
}

struct tensor *graph_view(struct graph *g, struct tensor *x, int rank, const size_t *dim)
{
    size_t elems;
    if (g->failed || g->fault[0])
        return &g->nowhere;
    struct tensor *t = make(g, x->name, x->kind, x->dtype, rank, dim);
    if (tensor_count(rank, dim, &elems) || elems != x->elems) {
        char from[96], to[96], why[256];
        snprintf(why, sizeof why, "is %s, which cannot be seen as %s",
                 tensor_shape_text(x, from, sizeof from), tensor_shape_text(t, to, sizeof to));
        graph_fault(g, x->name, why);
        return &g->nowhere;
    }
    if (t == &g->nowhere)
        return t;
    t->of = tensor_base(x);
    t->needs_grad = x->needs_grad;
    return t;
}

struct tensor *graph_first_rows(struct graph *g, struct tensor *x, size_t rows)
{
    if (g->failed || g->fault[0])
        return &g->nowhere;
    if (x->kind != TENSOR_PARAM || x->rank != 2 || rows > x->dim[0]) {
        graph_fault(g, x->name, "has not so many rows");
        return &g->nowhere;
    }
    struct tensor *t = make(g, x->name, x->kind, x->dtype, 2, (size_t[]){rows, x->dim[1]});
    if (t == &g->nowhere)
        return t;
    t->of = tensor_base(x);
    t->needs_grad = x->needs_grad;
    return t;
}

/* --- for passes */

struct op *graph_sole_maker(const struct op *op, int i, const struct op_class *class)
{
    const struct tensor *t = op->in[i];
    if (!t || t->of || !t->maker || t->readers != 1 || t->keep)
        return NULL;
    if (class && t->maker->class != class)
        return NULL;
    return t->maker->out[0] == t ? t->maker : NULL;
}

void graph_set_input(struct op *op, int i, struct tensor *t)
{
    if (op->in[i])
        tensor_base(op->in[i])->readers--;
    op->in[i] = t;
    if (t)
        tensor_base(t)->readers++;
}

void graph_take_output(struct op *to, int j, struct op *from, int i)
{
    to->out[j] = from->out[i];
    from->out[i] = NULL;
    if (to->out[j])
        to->out[j]->maker = to;
}

void graph_drop(struct graph *g, struct op *op, struct op *heir)
{
    for (int i = 0; i < OP_INPUTS; i++)
        graph_set_input(op, i, NULL);
    g->ops[op->at] = heir;
    if (heir) {
        g->ops[heir->at] = NULL;
        heir->at = op->at;
        heir->layer = op->layer;
    }
    op_free(op);
}

void words_add(struct words *to, const char *word)
{
    size_t used = strlen(to->text);
    snprintf(to->text + used, sizeof to->text - used, "%s%s", used ? ", " : "", word);
}
