/* SPDX-License-Identifier: MIT */
#include "export/golden.h"

#include <math.h>
#include <stdlib.h>

#include "data/transform.h"
#include "run/prepare.h"
#include "run/trained.h"
#include "util/philox.h"

struct running {
    struct dataset *data;
    struct engine *engine;
    float *output; /* of a window of a channel */
};

/* --- what is drawn */

/* A walk in each column that comes back to the middle of the values that the scaler was fitted to;
 * where windows are scaled by themselves, far from 0. */
static void draw(struct golden *g, const struct scaler *s)
{
    const int by_window = s->kind == SCALER_WINDOW || s->kind == SCALER_RELATIVE;
    uint32_t word[4];
    for (size_t i = 0; i < g->windows * g->rows * g->columns; i++) {
        const size_t column = i % g->columns;
        const double before =
            i / g->columns % g->rows
                ? ((double)g->in[i - g->columns] - s->offset[column]) / s->scale[column]
                : (by_window ? 8 : 0);
        philox(word, (uint32_t)i, 0, 0, 0, 20);
        const double z = by_window ? before + 0.1 * philox_normal(word[0], word[1])
                                   : 0.7 * before + 0.5 * philox_normal(word[0], word[1]);
        g->in[i] = (float)(s->offset[column] + s->scale[column] * z);
    }
}

/* --- what the engine makes of it */

/* The model alone, in fp32. */
static void settle(struct config *c, int by_row)
{
    if (by_row) {
        c->data.window = GOLDEN_ROWS;
        c->data.eval_window = c->data.eval_window ? GOLDEN_ROWS : 0;
    }
    c->train.batch = c->train.evaluate_batch = 1;
    c->train.precision = PRECISION_FP32;
    c->data.feed = FEED_RESIDENT;
    model_compares_none(c);
}

static int running_init(struct running *r, struct exported *e, int by_row, struct error *err)
{
    struct config *config = e->checkpoint->config;
    struct engine_options with = prepare_engine(e->log, 0, 0);
    *r = (struct running){0};
    settle(config, by_row);
    with.session = e->session;
    if (!(r->data = dataset_blank(config, e->fitted, 1, e->log, err)) ||
        !(r->engine = prepare_open(config, r->data, with, e->log, err)) ||
        trained_load(e->checkpoint, e->path, r->engine, err))
        return -1;
    r->output = calloc(engine_window_elems(r->engine) + 1, sizeof *r->output);
    return r->output ? 0 : error_set(err, STATUS_FAILED, "out of memory");
}

static void running_fini(struct running *r)
{
    engine_close(r->engine);
    dataset_free(r->data);
    free(r->output);
}

/* A channel of a window, scaled as its rows are when they are read. */
static void scale(struct dataset *data, const struct golden *g, size_t window, size_t channel)
{
    const struct scaler *s = &data->scaler;
    const float *from = g->in + window * g->rows * g->columns;
    for (size_t t = 0; t < g->rows; t++)
        for (size_t f = 0; f < data->features; f++) {
            const size_t at = channel * data->features + f;
            data->series[t * data->features + f] =
                (float)(((double)from[t * g->columns + at] - s->offset[at]) / s->scale[at]);
        }
}

/* What came out, in the unit of the file. */
static void put_back(struct golden *g, const struct exported *e, const float *output, size_t window,
                     size_t channel)
{
    const size_t targets = e->shape.targets;
    double *to = g->out + window * g->out_rows * g->targets;
    for (size_t r = 0; r < g->out_rows; r++)
        for (size_t k = 0; k < targets; k++) {
            const size_t at = channel * targets + k;
            const double y = (double)output[r * targets + k];
            to[r * g->targets + at] = e->fitted->transform && e->fitted->targets
                                          ? transform_inverse(&e->fitted->transform[at], y, NULL)
                                          : y;
        }
}

static int run(struct golden *g, const struct exported *e, struct running *r, struct error *err)
{
    if (engine_window_elems(r->engine) * r->data->channels != g->out_rows * g->targets)
        return error_set(err, STATUS_FAILED, "windows of predictions have another size");
    for (size_t w = 0; w < g->windows; w++)
        for (size_t c = 0; c < r->data->channels; c++) {
            scale(r->data, g, w, c);
            if (engine_window(r->engine, 1, r->output, err))
                return -1;
            put_back(g, e, r->output, w, c);
        }
    return 0;
}

/* --- how far it spreads */

/* The standard deviation of a target's training values, where its transform tells it; else 0. */
static double spread_of(const struct exported *e, size_t target)
{
    const struct transform *t = e->fitted->targets ? &e->fitted->transform[target] : NULL;
    const struct transform_step *last = t && t->steps ? &t->step[t->steps - 1] : NULL;
    return last && t->steps == 1 && last->kind == TRANSFORM_STANDARD ? last->scale : 0;
}

static void measure(struct golden *g, const struct exported *e)
{
    const size_t rows = g->windows * g->out_rows;
    for (size_t k = 0; k < g->targets; k++) {
        double mean = 0, square = 0;
        for (size_t r = 0; r < rows; r++)
            mean += g->out[r * g->targets + k] / (double)rows;
        for (size_t r = 0; r < rows; r++)
            square += pow(g->out[r * g->targets + k] - mean, 2) / (double)rows;
        g->unit[k] = fmax(sqrt(square), spread_of(e, k));
        g->unit[k] = g->unit[k] > 0 ? g->unit[k] : 1;
    }
}

int golden_init(struct golden *g, struct exported *e, int by_row, struct error *err)
{
    struct running r;
    const size_t channels = e->data->channels;
    *g = (struct golden){.windows = by_row ? 1 : GOLDEN_WINDOWS,
                         .rows = by_row ? GOLDEN_ROWS : e->shape.window,
                         .columns = e->data->features * channels,
                         .out_rows = by_row ? GOLDEN_ROWS : e->shape.target_rows,
                         .targets = e->shape.targets * channels};
    g->in = calloc(g->windows * g->rows * g->columns + 1, sizeof *g->in);
    g->out = calloc(g->windows * g->out_rows * g->targets + 1, sizeof *g->out);
    g->unit = calloc(g->targets + 1, sizeof *g->unit);
    int failed = g->in && g->out && g->unit ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed) {
        draw(g, &e->data->scaler);
        failed = running_init(&r, e, by_row, err) || run(g, e, &r, err);
        running_fini(&r);
        measure(g, e);
    }
    if (failed)
        golden_fini(g);
    return failed ? -1 : 0;
}

void golden_fini(struct golden *g)
{
    free(g->in);
    free(g->out);
    free(g->unit);
    *g = (struct golden){0};
}
