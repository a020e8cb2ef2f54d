/* SPDX-License-Identifier: MIT */
/* AdamW's update, with the gradients' norm and clipping, and windows that are gathered. */
#include <math.h>
#include <stdlib.h>

#include "exec/exec.h"
#include "ir/fuse.h"
#include "known/case.h"
#include "known/pieces.h"
#include "lower/lower.h"
#include "ops/ops.h"
#include "optim/optim.h"
#include "util/now.h"

/* --- AdamW, algorithm 2 of Loshchilov and Hutter (2019) */

enum { ELEMS = 3001, STEPS = 3 };
#define LR 3e-3
#define CLIP 1.0
#define DECAY 0.1

struct update {
    struct config config;
    struct params *params;
    struct plan *p;
    struct optim optim;
    struct tensor *metrics;
    float w[ELEMS], gradient[ELEMS];
    double want[ELEMS], mean[ELEMS], square[ELEMS];
};

static int update_open(struct update *u, struct device *dev, struct error *err)
{
    u->config.train.optimizer = OPTIMIZER_ADAMW;
    u->config.train.beta1 = 0.8;
    u->config.train.beta2 = 0.95;
    u->config.train.epsilon = 1e-7;
    u->config.train.weight_decay = DECAY;
    u->config.train.clip_norm = CLIP;
    optim_init(&u->optim, &u->config);
    u->params = params_new(0);
    u->p = u->params ? plan_new(dev, u->params) : NULL;
    if (!u->p || !params_get(u->params, "weight", 1, &(size_t){ELEMS}, 1, INIT_CONSTANT, 0))
        return error_set(err, STATUS_FAILED, "out of memory");
    params_place(u->params, device_info(dev)->base_align);
    if (params_allocate(u->params, dev, 1, err) || optim_allocate(&u->optim, u->params, dev, err))
        return -1;
    u->metrics = plan_state(u->p, "metrics", METRICS_WORDS);
    optim_append(&u->optim, u->p, u->metrics, NULL);
    for (size_t i = 0; i < ELEMS; i++)
        u->want[i] = u->w[i] = known_draw(50, i, -1, 1);
    return plan_place(u->p, err) || exec_prepare(u->p, NULL, NULL, err) ||
                   params_write(u->params, 0, u->params->values, u->w, err)
               ? -1
               : 0;
}

static void update_close(struct update *u)
{
    plan_free(u->p);
    optim_fini(&u->optim);
    params_free(u->params);
    free(u);
}

/* What a step makes of the weights. */
static void expect(struct update *u, uint32_t number)
{
    double norm = 0;
    for (size_t i = 0; i < ELEMS; i++)
        norm += (double)u->gradient[i] * u->gradient[i];
    const double scale = fmin(1, CLIP / sqrt(norm));
    for (size_t i = 0; i < ELEMS; i++) {
        const double g = u->gradient[i] * scale;
        u->mean[i] = 0.8 * u->mean[i] + 0.2 * g;
        u->square[i] = 0.95 * u->square[i] + 0.05 * g * g;
        const double m = u->mean[i] / (1 - pow(0.8, number));
        const double v = u->square[i] / (1 - pow(0.95, number));
        u->want[i] -= LR * (m / (sqrt(v) + 1e-7) + DECAY * u->want[i]);
    }
}

static int update_step(struct update *u, uint32_t number, struct error *err)
{
    struct step step = {.number = number};
    for (size_t i = 0; i < ELEMS; i++)
        u->gradient[i] = known_draw(50 + number, i, -0.2, 0.25);
    expect(u, number);
    optim_step(&u->optim, LR, &step);
    return params_write(u->params, 0, u->params->grads, u->gradient, err) ||
                   tensor_write(u->p->step, &step, err) ||
                   exec_run(u->p, 0, u->p->launch_count, err)
               ? -1
               : 0;
}

/* The largest deviation of a weight, in lr: a step is about that long. */
static int update_run(struct update *u, struct device *dev, double *apart, struct error *err)
{
    int failed = update_open(u, dev, err);
    for (uint32_t number = 1; number <= STEPS && !failed; number++)
        failed = update_step(u, number, err);
    if (failed || params_read(u->params, 0, u->params->values, u->w, err))
        return -1;
    *apart = 0;
    for (size_t i = 0; i < ELEMS; i++) {
        const double off = fabs((double)u->w[i] - u->want[i]) / LR;
        *apart = isfinite(off) ? fmax(*apart, off) : INFINITY;
    }
    return 0;
}

static int try_update(struct device *dev, double *apart, struct error *err)
{
    struct update *u = calloc(1, sizeof *u);
    if (!u)
        return error_set(err, STATUS_FAILED, "out of memory");
    const int failed = update_run(u, dev, apart, err);
    update_close(u);
    return failed;
}

/* --- gather */

enum { ROWS = 90, COLUMNS = 7, ORDER = 20, BATCH = 5, WINDOW = 13, FIRST = 6 };

struct gathered {
    float series[ROWS * COLUMNS], got[BATCH * WINDOW * COLUMNS];
    uint32_t order[ORDER];
};

static struct plan *gather_plan(struct gathered *w, struct params *params, struct device *dev,
                                struct tensor **order, struct tensor **x, struct error *err)
{
    struct graph *g = graph_new(params, BATCH, 0);
    if (!g) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    struct tensor *series = graph_constant(g, "series", 2, (size_t[]){ROWS, COLUMNS}, w->series);
    *order = graph_state(g, "order", DTYPE_U32, 1, (size_t[]){ORDER});
    *x = op_gather(g, series, *order, WINDOW, GATHER_RAW);
    (*x)->keep = g->sample->keep = 1;
    graph_fuse(g);
    return lower_graph(g, dev, err);
}

/* How many numbers are not those of the series. */
static double count_wrong(const struct gathered *w)
{
    double wrong = 0;
    for (size_t b = 0; b < BATCH; b++)
        for (size_t i = 0; i < WINDOW * COLUMNS; i++)
            wrong +=
                w->got[b * WINDOW * COLUMNS + i] != w->series[w->order[FIRST + b] * COLUMNS + i];
    return wrong;
}

static int gather_run(struct gathered *w, struct params *params, struct device *dev, double *apart,
                      struct error *err)
{
    struct tensor *order, *x;
    const struct step step = {.first = FIRST, .count = BATCH};
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        w->series[i] = known_draw(60, i, 90, 110);
    for (size_t i = 0; i < ORDER; i++)
        w->order[i] = (uint32_t)(i * 7919 % (ROWS - WINDOW + 1));
    struct plan *p = gather_plan(w, params, dev, &order, &x, err);
    const int failed = !p || plan_place(p, err) || exec_prepare(p, NULL, NULL, err) ||
                       tensor_write(order, w->order, err) || tensor_write(p->step, &step, err) ||
                       exec_run(p, 0, p->launch_count, err) || tensor_read(x, w->got, err);
    if (!failed)
        *apart = count_wrong(w);
    plan_free(p);
    return failed ? -1 : 0;
}

static int try_gather(struct device *dev, double *apart, struct error *err)
{
    struct gathered *w = calloc(1, sizeof *w);
    struct params *params = params_new(0);
    const int failed = !w || !params ? error_set(err, STATUS_FAILED, "out of memory")
                                     : gather_run(w, params, dev, apart, err);
    params_free(params);
    free(w);
    return failed;
}

/* --- both */

static void try_one(struct device *dev, struct known_piece piece,
                    int (*try)(struct device *, double *, struct error *), known_teller *tell,
                    void *ctx)
{
    struct error err;
    const double before = now();
    piece.err = try(dev, &piece.apart, &err) ? &err : NULL;
    piece.seconds = now() - before;
    tell(ctx, &piece);
}

void known_update(struct device *dev, known_teller *tell, void *ctx)
{
    try_one(dev, (struct known_piece){.family = "gather", .what = "windows of a series"},
            try_gather, tell, ctx);
    try_one(dev,
            (struct known_piece){.family = "optimizer", .what = "AdamW, clipped", .allowed = 2e-4},
            try_update, tell, ctx);
}
