/* SPDX-License-Identifier: MIT */
#include "optim/optim.h"

#include <stdlib.h>
#include <string.h>

#include "lower/cut.h"

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
        if (!(o->slot[i] = params_arena(params, dev, "optimizer state", err)))
            return -1;
    return 0;
}

void optim_fini(struct optim *o)
{
    for (size_t i = 0; i < OPTIM_MAX_SLOTS; i++)
        arena_free(o->slot[i]);
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

/* How the trained parameters are cut: work-groups of `chunk` vectors. */
struct cut {
    unsigned vec, lanes;
    size_t vectors, chunk, groups;
};

static struct cut optim_cut(const struct plan *p, size_t elems)
{
    struct cut cut = {.vec = cut_vec(p, 16)};
    cut.vectors = elems / cut.vec;
    const struct teams teams = cut_vectors(p, cut.vectors);
    cut.lanes = teams.lanes;
    if (!cut_for_cpu(p)) {
        cut.chunk = teams.chunk;
        cut.groups = teams.groups;
        return cut;
    }
    size_t chunks = cut_chunks(p, (cut.vectors + 63) / 64);
    cut.chunk = (cut.vectors + chunks - 1) / chunks;
    cut.groups = (cut.vectors + cut.chunk - 1) / cut.chunk;
    return cut;
}

static struct launch *optim_kernel(struct plan *p, const struct cut *cut, const char *file,
                                   const char *name, size_t groups, size_t lanes)
{
    return plan_kernel(p, file, name, groups, lanes, "-DVEC=%u -DLANES=%u", cut->vec, cut->lanes);
}

/* A block of an arena: vectors [first, end) of all. */
struct stretch {
    size_t first, end;
};

static struct stretch optim_stretch(const struct cut *cut, const struct arena *a, size_t block)
{
    return (struct stretch){a->from[block] / 4 / cut->vec, a->from[block + 1] / 4 / cut->vec};
}

/* The sums of the gradients' squares, a chunk each; the same bits whatever the blocks. */
static void optim_append_blocks(struct plan *p, const struct cut *cut, struct tensor *const *grads,
                                struct tensor *part)
{
    struct tensor *in = p->step; /* not read: no chunk begins before the first block */
    for (size_t b = 0; b < p->params->grads->blocks; b++) {
        const struct stretch s = optim_stretch(cut, p->params->grads, b);
        const size_t groups = (s.end + cut->chunk - 1) / cut->chunk - s.first / cut->chunk;
        struct tensor *out = plan_tensor2(p, "norm.sums", cut->lanes, 2 * cut->vec);
        struct launch *l =
            optim_kernel(p, cut, "norm_blocks.cl", "norm_parts_block", groups, cut->lanes);
        launch_read(l, grads[b]);
        launch_add_to(l, part, b > 0);
        launch_read(l, in);
        launch_write(l, out);
        launch_int(l, s.first);
        launch_int(l, s.end);
        launch_int(l, cut->vectors);
        launch_int(l, cut->chunk);
        launch_cost(l, 2.0 * (double)((s.end - s.first) * cut->vec), "norm");
        in = out;
    }
}

/* The norm of all gradients, from which the clip factor and the finite flag come. */
static void optim_append_norm(struct plan *p, const struct cut *cut, struct tensor *const *grads,
                              struct tensor *metrics)
{
    struct tensor *part = plan_tensor(p, "norm.parts", cut->groups);
    struct launch *l;
    if (p->params->grads->blocks > 1) {
        optim_append_blocks(p, cut, grads, part);
    } else {
        l = optim_kernel(p, cut, "optimizer.cl", "norm_parts", cut->groups, cut->lanes);
        launch_read(l, grads[0]);
        launch_write(l, part);
        launch_int(l, cut->vectors);
        launch_int(l, cut->chunk);
        launch_cost(l, 2.0 * (double)p->params->elems, "norm");
    }
    l = optim_kernel(p, cut, "optimizer.cl", "norm_finish", 1, cut->lanes);
    launch_read(l, part);
    launch_update(l, metrics);
    launch_read(l, p->step);
    launch_int(l, cut->groups);
    launch_cost(l, (double)cut->groups, "norm");
}

/* Vectors of a stretch that lie below `bound`. */
static size_t optim_below(struct stretch s, size_t bound)
{
    return bound <= s.first ? 0 : (bound < s.end ? bound : s.end) - s.first;
}

/* The class's kernel over block `b`. */
static void optim_append_update(struct optim *o, struct plan *p, const struct cut *cut, size_t b,
                                struct tensor *parameters, struct tensor *grads,
                                struct tensor *metrics)
{
    const struct optim_class *class = o->class;
    const struct stretch s = optim_stretch(cut, p->params->grads, b);
    const size_t vectors = s.end - s.first;
    struct launch *l = optim_kernel(p, cut, class->file, class->kernel,
                                    (vectors + cut->chunk - 1) / cut->chunk, cut->lanes);
    launch_update(l, parameters);
    launch_update(l, grads);
    for (size_t i = 0; i < class->slots; i++)
        launch_update(l, plan_borrow(p, class->slot[i], o->slot[i]->block[b]));
    launch_read(l, metrics);
    launch_read(l, p->step);
    launch_int(l, vectors);
    launch_int(l, cut->chunk);
    launch_int(l, optim_below(s, p->params->decayed / cut->vec));
    if (class->constants)
        class->constants(o->config, l);
    launch_cost(l, class->flops * (double)(vectors * cut->vec), class->kernel);
}

/* The moving average, of all vectors of block `b` of the parameters. */
static void optim_append_average(const struct optim *o, struct plan *p, size_t b,
                                 struct tensor *parameters, struct tensor *metrics,
                                 const struct params *average)
{
    const struct params *params = p->params;
    const struct cut cut = optim_cut(p, params->elems + params->running);
    const struct stretch s = optim_stretch(&cut, params->values, b);
    const size_t vectors = s.end - s.first, trained = optim_below(s, params->elems / cut.vec);
    struct launch *l =
        optim_kernel(p, &cut, "ema.cl", "ema", (vectors + cut.chunk - 1) / cut.chunk, cut.lanes);
    launch_read(l, parameters);
    launch_update(l, plan_borrow(p, "average", average->values->block[b]));
    launch_read(l, metrics);
    launch_read(l, p->step);
    launch_int(l, vectors);
    launch_int(l, cut.chunk);
    launch_int(l, trained);
    launch_float(l, 1 - o->config->train.ema);
    launch_cost(l, 3.0 * (double)(trained * cut.vec), "ema");
}

void optim_append(struct optim *o, struct plan *p, struct tensor *metrics,
                  const struct params *average)
{
    const struct params *params = p->params;
    const struct cut cut = optim_cut(p, params->elems);
    struct tensor **grads = malloc(params->values->blocks * sizeof *grads);
    if (!grads) {
        p->failed = 1;
        return;
    }
    for (size_t b = 0; b < params->grads->blocks; b++)
        grads[b] = plan_borrow(p, "gradients", params->grads->block[b]);
    optim_append_norm(p, &cut, grads, metrics);
    for (size_t b = 0; params->values->from[b] < (params->elems + params->running) * 4; b++) {
        struct tensor *parameters = plan_borrow(p, "parameters", params->values->block[b]);
        if (b < params->grads->blocks)
            optim_append_update(o, p, &cut, b, parameters, grads[b], metrics);
        if (average)
            optim_append_average(o, p, b, parameters, metrics, average);
    }
    free(grads);
}
