/* SPDX-License-Identifier: MIT */
#include "train/shards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/exec.h"
#include "lower/cut.h"
#include "ops/ops.h"

enum { MOST_LEVELS = 16 };

/* Launches [from, to) of the plan. */
struct range {
    size_t from, to;
};

struct shards {
    size_t count, windows;
    struct comm *comm;
    struct params *params;
    struct device *dev;
    struct arena *level[MOST_LEVELS]; /* [levels] what waits for its other half, by depth */
    size_t levels;
    struct arena *sum; /* of the micro-batches before; NULL: a step is one */
    struct plan *plan;
    struct range zero, keep[MOST_LEVELS], add[MOST_LEVELS], keep_sum, add_sum, begin, done, end;
    struct buffer *figures; /* [count] struct metrics */
    struct metrics *read;   /* the same on the host */
    float *running;         /* [running] of the parameters; NULL: they have none */
    float *moments;         /* [count, running] of each shard */
    char *room;             /* for an arena that travels; NULL: alone */
    size_t micros;          /* of this step so far */
    int watched;
};

static size_t levels_of(size_t count)
{
    size_t levels = 0;
    for (size_t n = 1; n < count; n *= 2)
        levels++;
    return levels;
}

struct shards *shards_new(struct params *params, struct device *dev, size_t count, size_t windows,
                          int sums, struct comm *comm, struct error *err)
{
    struct shards *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    *s = (struct shards){.count = count,
                         .windows = windows,
                         .comm = comm,
                         .params = params,
                         .dev = dev,
                         .levels = levels_of(count)};
    int failed = 0;
    for (size_t i = 0; i < s->levels && !failed; i++)
        failed = !(s->level[i] = params_arena(params, dev, "gradients of shards", err));
    if (!failed && sums)
        failed = !(s->sum = params_arena(params, dev, "gradients of micro-batches", err));
    if (!failed)
        failed = !(s->figures = buffer_new(dev, count * sizeof *s->read, "figures of shards", err));
    if (!failed && (!(s->read = malloc(count * sizeof *s->read)) ||
                    (comm && !(s->room = malloc(params->elems * sizeof(float))))))
        failed = error_set(err, STATUS_FAILED, "out of memory");
    if (!failed && params->running) {
        s->running = calloc(params->running, sizeof *s->running);
        s->moments = calloc(count * params->running, sizeof *s->moments);
        if (!s->running || !s->moments)
            failed = error_set(err, STATUS_FAILED, "out of memory");
    }
    if (!failed)
        return s;
    shards_free(s);
    return NULL;
}

void shards_free(struct shards *s)
{
    if (!s)
        return;
    plan_free(s->plan);
    for (size_t i = 0; i < s->levels; i++)
        arena_free(s->level[i]);
    arena_free(s->sum);
    buffer_free(s->figures);
    free(s->read);
    free(s->running);
    free(s->moments);
    free(s->room);
    free(s);
}

/* Bytes of one set of gradients. */
static size_t gradient_bytes(const struct shards *s)
{
    return s->params->elems * sizeof(float);
}

uint64_t shards_bytes(const struct shards *s)
{
    return s ? (s->levels + (s->sum != NULL)) * gradient_bytes(s) : 0;
}

/* --- launches */

/* A kernel over the arenas `to` and `x` (NULL: none), a launch for each block. */
static struct range append_arenas(struct shards *s, const char *name, const struct arena *to,
                                  const struct arena *x)
{
    struct plan *p = s->plan;
    struct range range = {p->launch_count, 0};
    const unsigned vec = cut_vec(p, 16), lanes = cut_group(p, 64);
    for (size_t b = 0; b < to->blocks; b++) {
        const size_t vectors = (to->from[b + 1] - to->from[b]) / sizeof(float) / vec;
        const struct chunks cut = cut_rows(p, vectors);
        struct launch *l =
            plan_kernel(p, "shards.cl", name, cut.groups, lanes, "-DVEC=%u -DLANES=%u", vec, lanes);
        launch_update(l, plan_borrow(p, "to", to->block[b]));
        if (x)
            launch_read(l, plan_borrow(p, "x", x->block[b]));
        launch_int(l, vectors);
        launch_int(l, cut.chunk);
        launch_cost(l, (double)(vectors * vec), "shards");
    }
    range.to = p->launch_count;
    return range;
}

/* A kernel of one work-item over the figures; number: of a shard, or how many there are. */
static struct range append_figures(struct shards *s, const char *name, struct tensor *const *args,
                                   size_t count, const size_t *number)
{
    struct plan *p = s->plan;
    const unsigned vec = cut_vec(p, 16), lanes = cut_group(p, 64);
    struct range range = {p->launch_count, p->launch_count + 1};
    struct launch *l = plan_kernel(p, "shards.cl", name, 1, 1, "-DVEC=%u -DLANES=%u", vec, lanes);
    for (size_t i = 0; i < count; i++)
        launch_update(l, args[i]);
    if (number)
        launch_int(l, *number);
    launch_cost(l, 0, "shards");
    return range;
}

int shards_prepare(struct shards *s, struct tensor *metrics, struct error *err)
{
    const struct arena *grads = s->params->grads;
    if (!(s->plan = plan_new(s->dev, NULL)))
        return error_set(err, STATUS_FAILED, "out of memory");
    struct tensor *figures = plan_borrow(s->plan, "figures of shards", s->figures);
    struct tensor *aside = plan_state(s->plan, "aside", sizeof(struct metrics) / sizeof(float));
    struct tensor *sums = plan_borrow(s->plan, "metrics", metrics->buffer);
    s->zero = append_arenas(s, "arena_zero", grads, NULL);
    for (size_t i = 0; i < s->levels; i++) {
        s->keep[i] = append_arenas(s, "arena_copy", s->level[i], grads);
        s->add[i] = append_arenas(s, "arena_add", grads, s->level[i]);
    }
    if (s->sum) {
        s->keep_sum = append_arenas(s, "arena_copy", s->sum, grads);
        s->add_sum = append_arenas(s, "arena_add", grads, s->sum);
    }
    s->begin = append_figures(s, "shards_begin", (struct tensor *[]){sums, aside}, 2, NULL);
    s->done.from = s->plan->launch_count; /* one for each shard */
    for (size_t i = 0; i < s->count; i++)
        append_figures(s, "shard_done", (struct tensor *[]){sums, figures}, 2, &i);
    s->end =
        append_figures(s, "shards_end", (struct tensor *[]){sums, aside, figures}, 3, &s->count);
    return plan_place(s->plan, err) || plan_check(s->plan, err) ||
                   exec_prepare(s->plan, NULL, NULL, err)
               ? -1
               : 0;
}

const struct plan *shards_plan(const struct shards *s)
{
    return s ? s->plan : NULL;
}

void shards_watch(struct shards *s, int watched)
{
    s->watched = watched;
}

static int launch(struct shards *s, struct range range, struct error *err)
{
    return s->watched ? exec_run_profiled(s->plan, range.from, range.to, err)
                      : exec_run(s->plan, range.from, range.to, err);
}

/* --- the tree */

struct micro {
    const struct step *step;
    shards_run *run;
    void *ctx;
};

static int rank_of(const struct shards *s, size_t shard)
{
    return (int)(shard * (size_t)comm_size(s->comm) / s->count);
}

/* The running statistics of now; waits where there are any. */
static int read_running(struct shards *s, float *to, struct error *err)
{
    const struct params *p = s->params;
    return s->running
               ? arena_read(p->values, p->elems * sizeof(float), p->running * sizeof *to, to, err)
               : 0;
}

/* Windows of a shard of this micro-batch. */
static size_t windows_of(const struct shards *s, size_t shard, const struct step *step)
{
    const size_t from = shard * s->windows;
    const size_t left = step->count > from ? step->count - from : 0;
    return left < s->windows ? left : s->windows;
}

/* The gradient of one shard; that of a shard without windows is 0. */
static int shard_gradient(struct shards *s, size_t shard, const struct micro *m, struct error *err)
{
    struct step step = *m->step;
    step.first += (uint32_t)(shard * s->windows);
    step.count = (uint32_t)windows_of(s, shard, m->step);
    struct range done = {s->done.from + shard, s->done.from + shard + 1};
    float *moments = s->moments + (s->running ? shard * s->params->running : 0);
    return launch(s, s->zero, err) ||
                   (step.count && (m->run(m->ctx, &step, err) || read_running(s, moments, err))) ||
                   launch(s, done, err)
               ? -1
               : 0;
}

static int send_gradients(struct shards *s, int to, struct error *err)
{
    const size_t bytes = gradient_bytes(s);
    return arena_read(s->params->grads, 0, bytes, s->room, err) ||
                   comm_send(s->comm, to, s->room, bytes, err)
               ? -1
               : 0;
}

static int receive_gradients(struct shards *s, int from, const struct arena *to, struct error *err)
{
    const size_t bytes = gradient_bytes(s);
    return comm_receive(s->comm, from, s->room, bytes, err) ||
                   arena_write(to, 0, bytes, s->room, err)
               ? -1
               : 0;
}

/* The gradients of shards [a, b), summed at the rank of a; other ranks do their part of it. */
static int sum_shards(struct shards *s, size_t a, size_t b, size_t level, const struct micro *m,
                      struct error *err)
{
    const int me = comm_rank(s->comm), owner = rank_of(s, a);
    if (me < owner || me > rank_of(s, b - 1))
        return 0;
    if (b - a == 1)
        return shard_gradient(s, a, m, err);
    const size_t middle = a + (b - a + 1) / 2;
    const int other = rank_of(s, middle);
    if (sum_shards(s, a, middle, level + 1, m, err) ||
        (me == owner && other == me && launch(s, s->keep[level], err)) ||
        sum_shards(s, middle, b, level + 1, m, err))
        return -1;
    if (me == owner)
        return (other != me && receive_gradients(s, other, s->level[level], err)) ||
                       launch(s, s->add[level], err)
                   ? -1
                   : 0;
    return me == other ? send_gradients(s, owner, err) : 0;
}

/* --- figures */

/* Those of all shards to all ranks, by way of rank 0. */
static int share_figures(struct shards *s, struct error *err)
{
    const size_t one = sizeof *s->read;
    const int me = comm_rank(s->comm);
    if (!s->comm)
        return 0;
    if (buffer_read(s->figures, 0, s->count * one, s->read, err))
        return -1;
    for (size_t i = 0; i < s->count; i++) {
        const int of = rank_of(s, i);
        if (of && ((me == of && comm_send(s->comm, 0, &s->read[i], one, err)) ||
                   (!me && comm_receive(s->comm, of, &s->read[i], one, err))))
            return -1;
    }
    return comm_share(s->comm, s->read, s->count * one, err) ||
                   buffer_write(s->figures, 0, s->count * one, s->read, err)
               ? -1
               : 0;
}

/* --- running statistics */

/* The moments of all shards that had windows, to rank 0. */
static int collect_moments(struct shards *s, const struct step *step, struct error *err)
{
    const size_t one = s->params->running;
    const int me = comm_rank(s->comm);
    for (size_t i = 0; i < s->count; i++) {
        const int of = windows_of(s, i, step) ? rank_of(s, i) : 0;
        float *moments = s->moments + i * one;
        if (of && ((me == of && comm_send(s->comm, 0, moments, one * sizeof *moments, err)) ||
                   (!me && comm_receive(s->comm, of, moments, one * sizeof *moments, err))))
            return -1;
    }
    return 0;
}

/* Moves statistics toward a shard's moments, where these are finite; a number without shape counts
 * the batches. */
static void move_running(struct shards *s, const float *moments)
{
    const struct params *p = s->params;
    for (size_t k = 0; k < p->count; k++) {
        const struct tensor *t = &p->list[k]->value;
        if (p->list[k]->group != PARAM_RUNNING)
            continue;
        const size_t from = t->offset / sizeof(float) - p->elems;
        for (size_t i = from; i < from + t->elems; i++)
            if (!t->rank)
                s->running[i] += moments[i];
            else if (isfinite(moments[i]))
                s->running[i] += (float)(BATCH_NORM_MOMENTUM * (moments[i] - s->running[i]));
    }
}

/* The statistics behind a micro-batch, on all ranks. */
static int settle_running(struct shards *s, const struct step *step, struct error *err)
{
    const struct params *p = s->params;
    const size_t bytes = p->running * sizeof *s->running;
    if (!s->running)
        return 0;
    if (s->comm && collect_moments(s, step, err))
        return -1;
    for (size_t i = 0; i < s->count && !comm_rank(s->comm); i++)
        if (windows_of(s, i, step))
            move_running(s, s->moments + i * p->running);
    return (s->comm && comm_share(s->comm, s->running, bytes, err)) ||
                   arena_write(p->values, p->elems * sizeof(float), bytes, s->running, err)
               ? -1
               : 0;
}

int shards_micro(struct shards *s, const struct step *step, shards_run *run, void *ctx,
                 struct error *err)
{
    const struct micro m = {step, run, ctx};
    const int sums = s->micros++ && !comm_rank(s->comm);
    return read_running(s, s->running, err) || (sums && launch(s, s->keep_sum, err)) ||
                   launch(s, s->begin, err) || sum_shards(s, 0, s->count, 0, &m, err) ||
                   (sums && launch(s, s->add_sum, err)) || share_figures(s, err) ||
                   settle_running(s, step, err) || launch(s, s->end, err)
               ? -1
               : 0;
}

int shards_step(struct shards *s, struct error *err)
{
    const size_t bytes = gradient_bytes(s);
    s->micros = 0;
    if (!s->comm)
        return 0;
    if (!comm_rank(s->comm) && arena_read(s->params->grads, 0, bytes, s->room, err))
        return -1;
    return comm_share(s->comm, s->room, bytes, err) ||
                   (comm_rank(s->comm) && arena_write(s->params->grads, 0, bytes, s->room, err))
               ? -1
               : 0;
}
