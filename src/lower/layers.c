/* SPDX-License-Identifier: MIT */
#include "lower/layers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lower/lower.h"
#include "lower/split.h"

/* Nodes [first, last] of one layer; what it saves and costs to compute them again. */
struct layer {
    size_t first, last;
    double flops, bytes;
};

/* The layer whose nodes begin at a place or behind it; 0: there is none. */
static int next_layer(const struct graph *g, size_t from, struct layer *to)
{
    while (from < g->op_count && !(g->ops[from] && g->ops[from]->layer))
        from++;
    if (from == g->op_count)
        return 0;
    *to = (struct layer){.first = from, .last = from};
    for (size_t i = from; i < g->op_count; i++)
        if (g->ops[i] && g->ops[i]->layer != g->ops[from]->layer)
            break;
        else if (g->ops[i])
            to->last = i;
    return 1;
}

/* The layer that made a tensor; 0: none did. */
static size_t layer_of(const struct tensor *t)
{
    return t->maker ? t->maker->layer : 0;
}

/* --- what stays */

/* Which tensors of layers others read, and what these are made again from where a node can. */
static void find_stays(const struct graph *g)
{
    for (size_t k = 0; k < g->tensors.count; k++)
        if (g->tensors.item[k]->keep)
            tensor_base(g->tensors.item[k])->stays = STAYS_FOR_OTHERS;
    for (size_t k = 0; k < g->op_count; k++)
        for (int i = 0; g->ops[k] && i < OP_INPUTS; i++) {
            struct tensor *t = tensor_base(g->ops[k]->in[i]);
            if (t && layer_of(t) != g->ops[k]->layer)
                t->stays = STAYS_FOR_OTHERS;
        }
}

static void stay_to_remake(const struct op *op, struct tensor *from)
{
    if (layer_of(from) == op->layer && from->stays == STAYS_NOT)
        from->stays = STAYS_TO_REMAKE;
}

/* The same for what these are made again from where that is cheap, see op_class.again. */
static void find_stays_to_remake(const struct graph *g)
{
    for (size_t k = 0; k < g->op_count; k++) {
        const struct op *op = g->ops[k];
        int from_outputs = 0;
        if (!op || !op->is_remade || op->out[0]->stays != STAYS_FOR_OTHERS)
            continue;
        for (int i = 0; i < OP_OUTPUTS; i++)
            if (op->out[i] && op->class->reads & READS_OUT(i)) {
                stay_to_remake(op, op->out[i]);
                from_outputs = 1;
            }
        for (int i = 0; i < OP_INPUTS && !from_outputs; i++)
            if (op->in[i] && op->class->reads & READS_IN(i))
                stay_to_remake(op, tensor_base(op->in[i]));
    }
}

static size_t saved_bytes(const struct op *op)
{
    size_t bytes = 0;
    for (int i = 0; i < OP_SAVED; i++)
        bytes += op->saved[i] ? tensor_bytes(op->saved[i]) : 0;
    return bytes;
}

/* Whether a node has nothing to do when its layer is computed again: its outputs stay, and what it
 * has saved is so little that it stays too. */
static int rests(const struct op *op)
{
    size_t bytes = 0;
    for (int i = 0; i < OP_OUTPUTS; i++) {
        if (op->out[i] && op->out[i]->stays == STAYS_NOT)
            return 0;
        bytes += op->out[i] ? tensor_bytes(op->out[i]) : 0;
    }
    return saved_bytes(op) <= bytes / 8;
}

/* --- the choice */

static int has_back(const struct op *op)
{
    int needed = 0;
    for (int i = 0; i < OP_INPUTS; i++)
        needed |= lower_needs(op, i);
    return op->class->back && needed;
}

/* What a layer's nodes save and cost; whether it can be computed again to any use. */
static int weigh(const struct plan *p, struct layer *l)
{
    for (size_t k = l->first; k <= l->last; k++) {
        const struct op *op = p->graph->ops[k];
        if (!op || rests(op))
            continue;
        if (op->class->is_loss)
            return 0;
        for (size_t i = op->from; i < op->to; i++)
            l->flops += p->launches[i]->flops;
        if (!has_back(op))
            continue;
        l->bytes += (double)saved_bytes(op);
        for (int i = op->is_remade ? 1 : 0; i < OP_OUTPUTS; i++)
            l->bytes +=
                op->out[i] && op->out[i]->stays == STAYS_NOT ? (double)tensor_bytes(op->out[i]) : 0;
    }
    return l->bytes > 0;
}

/* Whether what comes behind the last layer takes so much that it should not lie beside it. */
static int comes_large(const struct graph *g, const struct layer *last)
{
    double bytes = 0;
    for (size_t k = last->last + 1; k < g->op_count; k++)
        for (int i = 0; g->ops[k] && i < OP_OUTPUTS; i++)
            bytes += g->ops[k]->out[i] ? (double)tensor_bytes(g->ops[k]->out[i]) : 0;
    return bytes > last->bytes / 4;
}

static int cheaper_first(const void *a, const void *b)
{
    const struct layer *x = a, *y = b;
    const double p = x->flops * y->bytes, q = y->flops * x->bytes;
    return p != q ? (p > q) - (p < q) : (x->first > y->first) - (x->first < y->first);
}

/* Puts tensor->stand_in, where there is one, into launches. */
static void stand_in(struct plan *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        for (unsigned a = 0; a < p->launches[i]->args && a < LAUNCH_MAX_ARGS; a++) {
            struct launch_arg *arg = &p->launches[i]->arg[a];
            if (arg->tensor && arg->tensor->stand_in)
                arg->tensor = arg->tensor->stand_in;
        }
}

static void take(struct plan *p, const struct layer *l)
{
    struct op *const *ops = p->graph->ops;
    for (size_t k = l->first; k <= l->last; k++)
        for (int i = 0; ops[k] && i < OP_OUTPUTS; i++) {
            struct tensor *t = ops[k]->out[i];
            ops[k]->is_replayed = 1;
            if (t && t->stays == STAYS_NOT)
                t->stand_in = plan_like(p, t->name, t);
            else if (!i && t && t->stays == STAYS_TO_REMAKE)
                ops[k]->is_remade = 0;
        }
    stand_in(p, ops[l->first]->from, ops[l->last]->to);
    for (size_t k = l->first; k <= l->last; k++)
        for (int i = 0; ops[k] && i < OP_OUTPUTS; i++)
            if (ops[k]->out[i])
                ops[k]->out[i]->stand_in = NULL;
    p->replayed++;
}

void layers_choose(struct plan *p)
{
    const struct graph *g = p->graph;
    struct layer l, *list = calloc(g->layers + 1, sizeof *list);
    size_t count = 0, most = g->recompute_layers;
    if (!list) {
        p->failed = 1;
        return;
    }
    find_stays(g);
    find_stays_to_remake(g);
    for (size_t from = 0; next_layer(g, from, &l); from = l.last + 1) {
        struct layer behind;
        if (weigh(p, &l) && (next_layer(g, l.last + 1, &behind) || comes_large(g, &l)))
            list[count++] = l;
    }
    p->can_replay = count;
    qsort(list, count, sizeof *list, cheaper_first);
    for (size_t i = 0; i < count && i < most; i++)
        take(p, &list[i]);
    free(list);
}

/* --- the backward pass */

/* The layer that is computed again and ends at a place; 0: none does. */
static int ends_at(const struct graph *g, size_t at, struct layer *l)
{
    const struct op *op = g->ops[at];
    if (!op || !op->is_replayed)
        return 0;
    for (size_t k = at + 1; k < g->op_count; k++)
        if (g->ops[k] && g->ops[k]->layer == op->layer)
            return 0;
        else if (g->ops[k])
            break;
    *l = (struct layer){.first = at, .last = at};
    for (size_t k = at; k-- > 0;)
        if (g->ops[k] && g->ops[k]->layer != op->layer)
            break;
        else if (g->ops[k])
            l->first = k;
    return 1;
}

/* Whether a node that is computed again reads this as the forward pass has left it. */
static int comes_from_before(const struct op *op, const struct tensor *x)
{
    return layer_of(x) != op->layer || rests(x->maker);
}

void layers_find_readers(struct graph *g)
{
    struct layer l;
    for (size_t at = 0; at < g->op_count; at++)
        for (size_t k = ends_at(g, at, &l) ? l.first : at + 1; k <= at; k++)
            for (int i = 0; g->ops[k] && i < OP_INPUTS; i++) {
                struct tensor *x = tensor_base(g->ops[k]->in[i]);
                if (x && comes_from_before(g->ops[k], x) && x->back_reader > at)
                    x->back_reader = at;
            }
}

/* What a node reads from before the layer, itself made again where that is cheap. */
static void remake_inputs(struct plan *p, const struct op *op)
{
    for (int i = 0; i < OP_INPUTS; i++) {
        struct tensor *x = tensor_base(op->in[i]);
        if (x && lower_is_remade(x) && comes_from_before(op, x))
            x->stand_in = lower_again(p, x);
    }
}

/* Outputs that stay are not written once more. */
static void spare_outputs(struct plan *p, const struct op *op)
{
    for (int i = 0; i < OP_OUTPUTS; i++)
        if (op->out[i] && op->out[i]->stays != STAYS_NOT)
            op->out[i]->stand_in = plan_like(p, "unused", op->out[i]);
}

static void forget(const struct op *op)
{
    for (int i = 0; i < OP_INPUTS; i++)
        if (op->in[i])
            tensor_base(op->in[i])->stand_in = NULL;
    for (int i = 0; i < OP_OUTPUTS; i++)
        if (op->out[i])
            op->out[i]->stand_in = NULL;
}

/* Whether a gradient arrives at any node of the layer. */
static int is_asked(const struct graph *g, const struct layer *l)
{
    int arrived = 0;
    for (size_t k = l->first; k <= l->last; k++)
        for (int i = 0; g->ops[k] && i < OP_OUTPUTS; i++)
            arrived |= lower_arrived(g->ops[k], i) != NULL;
    return arrived;
}

void layers_replay(struct plan *p, size_t at)
{
    struct op *const *ops = p->graph->ops;
    struct layer l;
    if (!ends_at(p->graph, at, &l) || !is_asked(p->graph, &l))
        return;
    split_turn(p, ops[at]->device);
    for (size_t k = l.first; k <= l.last; k++)
        if (ops[k] && !rests(ops[k]))
            remake_inputs(p, ops[k]);
    const size_t from = p->launch_count;
    p->replays = 1;
    for (size_t k = l.first; k <= l.last; k++)
        if (ops[k] && !rests(ops[k])) {
            ops[k]->class->forward(p, ops[k]);
            spare_outputs(p, ops[k]);
        }
    p->replays = 0;
    stand_in(p, from, p->launch_count);
    for (size_t k = l.first; k <= l.last; k++)
        if (ops[k])
            forget(ops[k]);
    for (size_t i = from; i < p->launch_count; i++)
        p->launches[i]->is_again = 1;
}

/* --- what nobody reads */

static int is_wanted(const struct launch *l)
{
    for (unsigned a = 0; a < l->args && a < LAUNCH_MAX_ARGS; a++) {
        const struct tensor *t = l->arg[a].tensor;
        if (t && l->arg[a].kind != ARG_READ &&
            (t->kind != TENSOR_ACTIVATION || t->keep || t->is_read))
            return 1;
    }
    return 0;
}

void layers_trim(struct plan *p)
{
    size_t kept = p->launch_count;
    if (!p->replayed)
        return;
    for (size_t i = p->launch_count; i-- > 0;) {
        struct launch *l = p->launches[i];
        if (l->is_again && !is_wanted(l)) {
            free(l->options);
            free(l);
            continue;
        }
        for (unsigned a = 0; a < l->args && a < LAUNCH_MAX_ARGS; a++)
            if (l->arg[a].tensor && l->arg[a].kind != ARG_WRITE)
                l->arg[a].tensor->is_read = 1;
        p->launches[--kept] = l;
    }
    p->launch_count -= kept;
    memmove(p->launches, p->launches + kept, p->launch_count * sizeof *p->launches);
}
