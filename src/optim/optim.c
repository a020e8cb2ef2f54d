/* SPDX-License-Identifier: MIT */
#include "optim/optim.h"

#include <string.h>

static const struct optim_class *const classes[] = {&optim_adamw, &optim_sgd, &optim_lion};

const struct optim_class *optim_class_of(const struct config *c)
{
    const char *name = config_choice("train", "optimizer", c->train.optimizer);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strcmp(classes[i]->name, name))
            return classes[i];
    return NULL;
}

void optim_init(struct optim *o, const struct config *c)
{
    *o = (struct optim){.class = optim_class_of(c), .config = c};
}

int optim_allocate(struct optim *o, const struct params *params, struct device *dev,
                   struct error *err)
{
    for (size_t i = 0; i < o->class->slots; i++)
        if (!(o->slot[i] = buffer_new(dev, params->elems * 4, "optimizer state", err)))
            return -1;
    return 0;
}

void optim_fini(struct optim *o)
{
    for (size_t i = 0; i < OPTIM_MAX_SLOTS; i++)
        buffer_free(o->slot[i]);
    memset(o, 0, sizeof *o);
}

void optim_step(const struct optim *o, double lr, struct step *step)
{
    step->lr = (float)lr;
    step->clip_norm = (float)o->config->train.clip_norm;
    if (o->class->step)
        o->class->step(o->config, lr, step);
}

uint64_t optim_bytes(const struct optim *o, const struct params *params)
{
    const uint64_t average = o->config->train.ema > 0 ? params->elems + params->running : 0;
    return ((uint64_t)o->class->slots * params->elems + average) * 4;
}

/* --- launches */

/* How the arena is cut: work-groups of `chunk` vectors. */
struct cut {
    unsigned vec, lanes;
    size_t vectors, chunk, groups;
};

static struct cut optim_cut(const struct graph *g, size_t elems)
{
    struct cut cut = {.vec = graph_vec(g, 16), .lanes = device_info(g->dev)->is_cpu ? 1 : 64};
    cut.vectors = elems / cut.vec;
    size_t chunks = graph_chunks(g, (cut.vectors + 63) / 64);
    cut.chunk = (cut.vectors + chunks - 1) / chunks;
    cut.groups = (cut.vectors + cut.chunk - 1) / cut.chunk;
    return cut;
}

static struct launch *optim_kernel(struct graph *g, const struct cut *cut, const char *file,
                                   const char *name, size_t groups, size_t lanes)
{
    return graph_kernel(g, file, name, groups, lanes, "-DVEC=%u -DLANES=%u", cut->vec, cut->lanes);
}

/* The norm of all gradients, from which the clip factor and the finite flag come. */
static void optim_append_norm(struct graph *g, const struct cut *cut, struct tensor *grads,
                              struct tensor *metrics)
{
    struct tensor *part = graph_tensor(g, "norm.parts", 1, &cut->groups);
    struct launch *l = optim_kernel(g, cut, "optimizer.cl", "norm_parts", cut->groups, cut->lanes);
    launch_read(l, grads);
    launch_write(l, part);
    launch_int(l, cut->vectors);
    launch_int(l, cut->chunk);
    launch_cost(l, 2.0 * (double)g->params->elems, "norm");

    l = optim_kernel(g, cut, "optimizer.cl", "norm_finish", 1, 1);
    launch_read(l, part);
    launch_update(l, metrics);
    launch_read(l, g->step);
    launch_int(l, cut->groups);
    launch_cost(l, (double)cut->groups, "norm");
}

/* The moving average, of all vectors of `parameters`. */
static void optim_append_average(const struct optim *o, struct graph *g, struct tensor *parameters,
                                 struct tensor *metrics, const struct params *average)
{
    const struct params *p = g->params;
    const struct cut cut = optim_cut(g, p->elems + p->running);
    struct launch *l = optim_kernel(g, &cut, "ema.cl", "ema", cut.groups, cut.lanes);
    launch_read(l, parameters);
    launch_update(l, graph_borrow(g, "average", average->values));
    launch_read(l, metrics);
    launch_read(l, g->step);
    launch_int(l, cut.vectors);
    launch_int(l, cut.chunk);
    launch_int(l, p->elems / cut.vec);
    launch_float(l, 1 - o->config->train.ema);
    launch_cost(l, 3.0 * (double)p->elems, "ema");
}

void optim_append(struct optim *o, struct graph *g, struct tensor *metrics,
                  const struct params *average)
{
    const struct params *p = g->params;
    const struct optim_class *class = o->class;
    const struct cut cut = optim_cut(g, p->elems);
    struct tensor *grads = graph_borrow(g, "gradients", p->grads);
    optim_append_norm(g, &cut, grads, metrics);

    struct tensor *parameters = graph_borrow(g, "parameters", p->values);
    struct launch *l = optim_kernel(g, &cut, class->file, class->kernel, cut.groups, cut.lanes);
    launch_update(l, parameters);
    launch_update(l, grads);
    for (size_t i = 0; i < class->slots; i++)
        launch_update(l, graph_borrow(g, class->slot[i], o->slot[i]));
    launch_read(l, metrics);
    launch_read(l, g->step);
    launch_int(l, cut.vectors);
    launch_int(l, cut.chunk);
    launch_int(l, p->decayed / cut.vec);
    if (class->constants)
        class->constants(o->config, l);
    launch_cost(l, class->flops * (double)p->elems, class->kernel);
    if (average)
        optim_append_average(o, g, parameters, metrics, average);
}
