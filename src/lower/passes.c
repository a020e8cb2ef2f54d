/* SPDX-License-Identifier: MIT */
/* Where gradients go and values come from: what nodes ask in their backward passes. */
#include "lower/lower.h"

/* --- gradients */

struct tensor *lower_arrived(const struct op *op, int i)
{
    const struct tensor *t = tensor_base(op->out[i]);
    return t && t->grad_written ? t->grad : NULL;
}

int lower_needs(const struct op *op, int i)
{
    return op->in[i] && op->in[i]->needs_grad;
}

static struct tensor *grad_of(struct plan *p, struct tensor *x)
{
    if (!x->grad)
        x->grad = plan_like(p, graph_name("grad.%s", x->name), x);
    return x->grad;
}

struct tensor *lower_grad(struct plan *p, struct op *op, int i, int *add)
{
    struct tensor *x = tensor_base(op->in[i]);
    *add = 0;
    if (!lower_needs(op, i))
        return NULL;
    *add = x->grad_written;
    x->grad_written = 1;
    return grad_of(p, x);
}

struct tensor *lower_grad_fresh(struct plan *p, struct op *op, int i)
{
    int add;
    struct tensor *sum = lower_grad(p, op, i, &add);
    if (!sum || !add)
        return sum;
    if (p->adds == sizeof p->to_add / sizeof *p->to_add) {
        plan_fault(p, op->path, "adds to too many gradients");
        return sum;
    }
    struct tensor *part = plan_like(p, sum->name, sum);
    p->to_add[p->adds].part = part;
    p->to_add[p->adds++].sum = sum;
    return part;
}

struct tensor *lower_grad_over(struct plan *p, struct op *op, int i)
{
    struct tensor *x = tensor_base(op->in[i]);
    int again = x->maker && x->maker->is_remade;
    if (lower_needs(op, i) && !x->grad && x->kind == TENSOR_ACTIVATION && !x->keep && !again &&
        x->back_reader >= op->at) {
        x->grad = plan_like(p, graph_name("grad.%s", x->name), x);
        x->grad->of = x;
    }
    return lower_grad_fresh(p, op, i);
}

/* --- values */

int lower_is_remade(const struct tensor *x)
{
    return x->maker && x->maker->is_remade && x->maker->out[0] == x;
}

struct tensor *lower_again(struct plan *p, struct tensor *x)
{
    if (!x->again) {
        const struct op *of = p->back_of;
        const size_t from = p->launch_count;
        x->again = plan_like(p, x->name, x);
        p->back_of = x->maker;
        x->maker->class->again(p, x->maker, x->again);
        p->back_of = of;
        for (size_t k = from; k < p->launch_count; k++)
            p->launches[k]->is_again = 1;
    }
    return x->again;
}

struct tensor *lower_value(struct plan *p, const struct op *op, int i)
{
    struct tensor *x = tensor_base(op->in[i]);
    return p->back_of && lower_is_remade(x) ? lower_again(p, x) : x;
}
