/* SPDX-License-Identifier: MIT */
#include "lower/split.h"

#include <stdlib.h>
#include <string.h>

#include "util/array.h"

#define NOWHERE SIZE_MAX

/* --- which layer is whose */

/* The layer that reads a parameter; 0: several do, or none. */
static size_t layer_of(const struct graph *g, const struct tensor *param)
{
    size_t layer = 0;
    for (size_t i = 0; i < g->op_count; i++)
        for (int k = 0; g->ops[i] && k < OP_INPUTS; k++) {
            if (tensor_base(g->ops[i]->in[k]) != param)
                continue;
            if (!g->ops[i]->layer || (layer && layer != g->ops[i]->layer))
                return 0;
            layer = g->ops[i]->layer;
        }
    return layer;
}

/* What the layers weigh: the bytes of their frozen parameters, as they are stored; bytes[0]: what
 * stays on the first device, where what trains has a gradient and two numbers of the optimizer. */
static double weigh(const struct graph *g, double *bytes)
{
    double sum = 0;
    for (size_t i = 0; i < g->params->count; i++) {
        const struct param *p = g->params->list[i];
        const int frozen = p->group == PARAM_FROZEN;
        bytes[frozen ? layer_of(g, &p->value) : 0] +=
            (double)tensor_bytes(&p->value) * (frozen ? 1 : 4);
    }
    for (size_t n = 1; n <= g->layers; n++)
        sum += bytes[n];
    return sum;
}

/* Deals the layers: all devices are to be equally full, the first also with what else lies there.
 * A layer is of the device in whose share its middle lies; one without frozen parameters stays. */
static void deal(struct graph *g, struct device *first, const double *bytes, double layers)
{
    const size_t devices = device_count(first);
    const double own = (double)device_budget(first);
    double budget = 0, at = 0;
    for (size_t d = 0; d < devices; d++)
        budget += (double)device_budget(device_at(first, d));
    double end = own / budget * (layers + bytes[0]) - bytes[0];
    if (end < 0)
        end = 0;
    const double others = layers - end;
    for (size_t n = 1, d = 0; n <= g->layers; n++) {
        for (; d + 1 < devices && at + bytes[n] / 2 > end; d++)
            end += (double)device_budget(device_at(first, d + 1)) / (budget - own) * others;
        g->layer_device[n] = bytes[n] > 0 ? d : 0;
        at += bytes[n];
    }
}

/* Frozen parameters lie where the layer is that reads them, whatever plan of the model it is. */
static void settle_frozen(const struct graph *g)
{
    for (size_t i = 0; i < g->params->count; i++) {
        struct param *p = g->params->list[i];
        if (p->group == PARAM_FROZEN && !p->is_hosted)
            p->value.device = g->layer_device[layer_of(g, &p->value)];
    }
}

void split_layers(struct graph *g, struct device *first)
{
    double *bytes = calloc(g->layers + 1, sizeof *bytes);
    g->layer_device = calloc(g->layers + 1, sizeof *g->layer_device);
    if (!bytes || !g->layer_device)
        g->failed = 1;
    else if (device_count(first) > 1) {
        deal(g, first, bytes, weigh(g, bytes));
        settle_frozen(g);
    }
    free(bytes);
    for (size_t i = 0; !g->failed && i < g->op_count; i++)
        if (g->ops[i])
            g->ops[i]->device = g->layer_device[g->ops[i]->layer];
}

size_t split_device(const struct graph *g, size_t layer)
{
    return g->layer_device && layer <= g->layers ? g->layer_device[layer] : 0;
}

void split_turn(struct plan *p, size_t device)
{
    p->device = device;
    p->dev = device_at(p->first_device, device);
}

/* --- where tensors lie */

/* Whether the launches say where a tensor lies. They do not of parameters, which have their places,
 * and of the step, which others use beside the plan. */
static int can_settle(const struct plan *p, const struct tensor *t)
{
    return t->kind == TENSOR_ACTIVATION || (t->kind == TENSOR_STATE && t != p->step);
}

static void settle(struct plan *p, const struct launch *l, struct tensor *t)
{
    if (t->buffer && t->kind == TENSOR_STATE)
        t->device = device_number(p->first_device, t->buffer);
    else if (t->device == NOWHERE)
        t->device = l->device;
    else if (t->device != l->device && t->kind != TENSOR_ACTIVATION)
        t->device = 0;
}

static void settle_all(struct plan *p)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < p->launch_count; i++)
            for (unsigned a = 0; a < p->launches[i]->args && a < LAUNCH_MAX_ARGS; a++) {
                struct tensor *t = p->launches[i]->arg[a].tensor;
                if (!t || !can_settle(p, t))
                    continue;
                if (pass)
                    settle(p, p->launches[i], t);
                else
                    t->device = NOWHERE;
            }
}

/* --- copies */

/* What stands for a tensor on another device. */
struct mirror {
    struct tensor *of, *copy;
    int is_valid;
};

struct mirrors {
    struct mirror **item;
    size_t count;
};

/* The launches in their new order. */
struct order {
    struct launch **item;
    size_t count;
};

static struct mirror *mirror_of(struct plan *p, struct mirrors *all, struct tensor *t,
                                size_t device)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->item[i]->of == t && all->item[i]->copy->device == device)
            return all->item[i];
    struct mirror *m = array_append((void ***)&all->item, &all->count, sizeof *m);
    if (!m) {
        p->failed = 1;
        return NULL;
    }
    *m = (struct mirror){.of = t, .copy = plan_like(p, t->name, t)};
    m->copy->device = device;
    return m;
}

static void put(struct plan *p, struct order *o, struct launch *l)
{
    if (l == &p->no_launch)
        return;
    struct launch **more = realloc(o->item, (o->count + 1) * sizeof *more);
    if (!more) {
        p->failed = 1;
        return;
    }
    o->item = more;
    o->item[o->count++] = l;
}

/* Copies of a tensor that was written are out of date, but for this one. */
static void outdate(const struct mirrors *all, const struct tensor *t, const struct mirror *but)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->item[i]->of == t && all->item[i] != but)
            all->item[i]->is_valid = 0;
}

/* Argument a of a launch becomes a copy where it is a tensor of another device. Even what only
 * writes begins with the tensor's contents: it may write a part. */
static struct mirror *reach(struct plan *p, struct mirrors *all, struct order *o, struct launch *l,
                            unsigned a)
{
    struct tensor *t = l->arg[a].tensor;
    if (!t || t->device == l->device)
        return NULL;
    struct mirror *m = mirror_of(p, all, t, l->device);
    if (!m)
        return NULL;
    if (!m->is_valid)
        put(p, o, plan_move(p, t, m->copy));
    m->is_valid = 1;
    l->arg[a].tensor = m->copy;
    return m;
}

static void join(struct plan *p, struct mirrors *all, struct order *o, struct launch *l)
{
    struct mirror *by[LAUNCH_MAX_ARGS];
    const unsigned args = l->args < LAUNCH_MAX_ARGS ? l->args : LAUNCH_MAX_ARGS;
    struct tensor *given[LAUNCH_MAX_ARGS];
    for (unsigned a = 0; a < args; a++) {
        given[a] = l->arg[a].tensor;
        by[a] = reach(p, all, o, l, a);
    }
    put(p, o, l);
    for (unsigned a = 0; a < args; a++) {
        if (!given[a] || l->arg[a].kind == ARG_READ)
            continue;
        outdate(all, given[a], by[a]);
        if (by[a])
            put(p, o, plan_move(p, by[a]->copy, given[a]));
    }
}

void split_join(struct plan *p)
{
    struct mirrors all = {0};
    struct order order = {0};
    split_turn(p, 0);
    if (device_count(p->dev) < 2)
        return;
    settle_all(p);
    const size_t count = p->launch_count;
    for (size_t i = 0; i < count; i++)
        join(p, &all, &order, p->launches[i]);
    if (!p->failed && order.count == p->launch_count)
        memcpy(p->launches, order.item, order.count * sizeof *order.item);
    free(order.item);
    for (size_t i = 0; i < all.count; i++)
        free(all.item[i]);
    free(all.item);
}
