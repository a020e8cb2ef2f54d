/* SPDX-License-Identifier: MIT */
#include "lower/lower.h"

#include <stdint.h>

#include "lower/layers.h"
#include "lower/reduce.h"
#include "lower/split.h"

/* What passes that only write have left to be added. */
static void add_up(struct plan *p)
{
    for (unsigned i = 0; i < p->adds; i++) {
        struct tensor *part = p->to_add[i].part, *sum = p->to_add[i].sum;
        reduce_add_parts(p, part, 1, part->elems, part->elems, 0, (struct tensor *[2]){sum},
                         sum->name);
    }
    p->adds = 0;
}

/* Who reads what in its backward pass, the first of all. */
static void find_readers(struct graph *g)
{
    for (size_t k = 0; k < g->tensors.count; k++)
        g->tensors.item[k]->back_reader = SIZE_MAX;
    for (size_t k = g->op_count; k-- > 0;) {
        const struct op *op = g->ops[k];
        for (int i = 0; op && op->class->back && i < OP_INPUTS; i++)
            if (op->in[i] && op->class->reads & READS_IN(i))
                tensor_base(op->in[i])->back_reader = k;
        for (int i = 0; op && op->class->back && i < OP_OUTPUTS; i++)
            if (op->out[i] && op->class->reads & READS_OUT(i))
                tensor_base(op->out[i])->back_reader = k;
    }
}

/* Chooses the nodes that are made again: the first ones, whose outputs would be kept longest. */
static void choose_remade(struct plan *p, const struct graph *g)
{
    const size_t most = !g->recompute ? 0 : g->recompute_most ? g->recompute_most : SIZE_MAX;
    for (size_t i = 0; i < g->op_count; i++) {
        struct op *op = g->ops[i];
        if (!op || op->is_taught || !op->class->again || !op->out[0])
            continue;
        if ((op->is_remade = op->class->is_brought))
            continue;
        p->can_remake++;
        op->is_remade = p->remade < most;
        p->remade += (size_t)op->is_remade;
    }
}

/* --- passes */

static int passes_gradient(const struct op *op)
{
    int needed = 0, arrived = op->class->is_loss;
    for (int i = 0; i < OP_INPUTS; i++)
        needed |= lower_needs(op, i);
    for (int i = 0; i < OP_OUTPUTS; i++)
        arrived |= lower_arrived(op, i) != NULL;
    return op->class->back && needed && arrived;
}

static void go_forward(struct plan *p, struct op *op)
{
    split_turn(p, op->device);
    op->from = p->launch_count;
    p->training = p->graph->training && !op->is_taught;
    op->class->forward(p, op);
    p->training = p->graph->training;
    add_up(p);
    op->to = p->launch_count;
}

static void go_back(struct plan *p, struct op *op)
{
    if (!passes_gradient(op))
        return;
    split_turn(p, op->device);
    p->back_of = op;
    op->class->back(p, op);
    p->back_of = NULL;
    add_up(p);
}

struct plan *lower_graph(struct graph *g, struct device *dev, struct error *err)
{
    struct plan *p = graph_check_built(g, err) ? NULL : plan_new(dev, g->params);
    if (!p) {
        if (!g->failed && !g->fault[0])
            error_set(err, STATUS_FAILED, "out of memory");
        graph_free(g);
        return NULL;
    }
    p->graph = g;
    split_layers(g, dev);
    p->failed |= g->failed;
    p->training = g->training;
    p->carries = g->carries;
    if (g->training)
        choose_remade(p, g);
    for (size_t i = 0; i < g->op_count; i++)
        if (g->ops[i])
            go_forward(p, g->ops[i]);
    if (!g->training) {
        split_join(p);
        return p;
    }
    layers_choose(p);
    find_readers(g);
    layers_find_readers(g);
    for (size_t i = g->op_count; i-- > 0;) {
        layers_replay(p, i);
        if (g->ops[i])
            go_back(p, g->ops[i]);
    }
    layers_trim(p);
    split_join(p);
    for (size_t i = 0; i < p->launch_count; i++)
        p->remade_flops += p->launches[i]->is_again ? p->launches[i]->flops : 0;
    return p;
}
