/* SPDX-License-Identifier: MIT */
#include "train/advice.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "models/model.h"

static void add(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(char *to, size_t size, const char *format, ...)
{
    size_t used = strlen(to);
    va_list ap;
    if (used && used + 2 < size)
        used += (size_t)snprintf(to + used, size - used, ", ");
    va_start(ap, format);
    vsnprintf(to + used, size - used, format, ap);
    va_end(ap);
}

/* --- the scale of targets */

/* Mean and deviation of target k over the rows that training windows have as targets. */
static void spread_of(const struct dataset *data, size_t k, double *mean, double *deviation)
{
    double count = 0, middle = 0, square = 0;
    size_t done = 0;
    for (size_t w = 0; w < data->count[PART_TRAIN]; w++) {
        size_t row = data->start[PART_TRAIN][w] + data->target_first;
        size_t end = row + data->target_rows;
        for (row = row < done ? done : row; row < end; row++) { /* Welford */
            double x = data->target[row * data->targets + k], step = x - middle;
            middle += step / ++count;
            square += step * (x - middle);
        }
        done = end;
    }
    *mean = middle;
    *deviation = count > 0 ? sqrt(square / count) : 0;
}

/*
 * Outputs begin near 0 and within about 1, and AdamW moves each weight by no more than the learning
 * rate a step. With 760 steps of 1e-3 a model of width 16 has an R2 of 0.89 at a deviation of 1, of
 * 0.65 at 3, 0.22 at 10 and 0.03 at 30; 0.81 at 0.03, 0.67 at 0.01 and -0.23 at 0.003; 0.74 with a
 * mean of 3, and -3.9 with one of 10.
 */
static int is_far(double mean, double deviation)
{
    return fabs(mean) > 5 || deviation > 5 || (deviation > 0 && deviation < 0.02);
}

const char *advice_transform(const struct config *c, const struct dataset *data, char *why,
                             size_t size)
{
    if (c->loss.target == LOSS_BCE) /* shares, which outputs go through a sigmoid for */
        return NULL;
    for (size_t k = 0; k < data->targets; k++) {
        double mean, deviation;
        if (c->model.reversible_norm && data->target_feature[k] >= 0) /* put back by the window */
            continue;
        spread_of(data, k, &mean, &deviation);
        if (!is_far(mean, deviation))
            continue;
        snprintf(why, size, "target '%s' has mean %.3g and deviation %.3g", data->target_names[k],
                 mean, deviation);
        return data->transform[k].steps ? "standard as the last step of data.target_transform"
                                        : "data.target_transform = standard";
    }
    return NULL;
}

/* --- before a training */

static long width_of(const struct config *c)
{
    return model_attends(c) ? model_attends(c) : c->model.hidden;
}

double advice_most_lr(const struct config *c)
{
    /* AdamW: with attention, widths of 16 to 256 and 380 steps the best lr was 0.1 to 0.3 over the
     * width, and R2 fell from 0.6 over it on; cells bear more. */
    double most = fmax(1e-3, 0.5 / (double)width_of(c));
    if (c->train.optimizer == OPTIMIZER_SGD) /* its steps are as long as the gradients */
        return INFINITY;
    return c->train.optimizer == OPTIMIZER_LION ? most / 3 : most; /* Chen et al. (2023): 3 to 10 */
}

void advice_warn(const struct config *c, const struct dataset *data, struct log *log)
{
    char keys[256] = "", why[256];
    const char *transform = advice_transform(c, data, why, sizeof why);
    if (c->renamed)
        log_warn(log, "%s", c->renamed);
    if (c->unused)
        log_warn(log, "%s", c->unused);
    if (transform)
        log_warn(log,
                 "%s, but a model's outputs begin near 0 and within about 1: it may never get "
                 "there (a flat forecast); %s brings them together",
                 why, transform);
    if (model_attends(c)) {
        if (c->train.clip_norm == 0 || c->train.clip_norm > 10)
            add(keys, sizeof keys, "train.clip_norm (1.0 is usual)");
        if (c->train.lr > advice_most_lr(c))
            add(keys, sizeof keys, "train.lr (at most %.2g at a width of %ld)", advice_most_lr(c),
                width_of(c));
        if (c->train.warmup.value <= 0)
            add(keys, sizeof keys, "train.warmup (1%% to 10%% of the steps)");
        if (c->train.weight_decay == 0 && c->train.optimizer != OPTIMIZER_SGD)
            add(keys, sizeof keys, "train.weight_decay (0.01)");
        if (*keys)
            log_warn(log, "models with attention often stall with such settings: %s", keys);
    } else if (c->train.clip_norm > 200)
        log_warn(log, "train.clip_norm = %g hardly clips: models without attention take up to 200",
                 c->train.clip_norm);
}

void advice_step(const struct config *c, size_t windows, struct log *log)
{
    size_t group = (size_t)c->train.batch * (size_t)c->train.accumulate, batch = 1;
    if (group < windows || windows < 2 || c->train.evaluate.unit == SPAN_STEPS)
        return;
    while (batch * 20 <= windows) /* ten steps or more, where there are so many windows */
        batch *= 2;
    log_say(log,
            "An epoch is one step: train.batch x train.accumulate is %zu windows, training has "
            "%zu. With train.batch = %zu%s it is %zu steps.",
            group, windows, batch, c->train.accumulate > 1 ? " and train.accumulate = 1" : "",
            (windows + batch - 1) / batch);
}

int advice_time(const struct config *c, int is_cpu, double seconds, struct log *log)
{
    char what[256] = "";
    if (!(seconds >= 86400))
        return 0;
    add(what, sizeof what, c->train.steps ? "fewer train.steps" : "fewer train.epochs");
    if (!c->train.patience)
        add(what, sizeof what, "train.patience, which stops early");
    if (dataset_stride(c) < (size_t)c->data.window)
        add(what, sizeof what, "a larger data.stride");
    add(what, sizeof what, "a smaller model");
    if (is_cpu)
        add(what, sizeof what, "a GPU");
    log_warn(log, "at this speed the training takes %.2g days more; what shortens it: %s",
             seconds / 86400, what);
    return 1;
}

/* --- what is recommended */

/* "3e-4" for the number, one digit. */
static const char *digit(double x, char text[16])
{
    int exponent = (int)floor(log10(x));
    snprintf(text, 16, "%.0fe%d", x / pow(10, exponent), exponent);
    return text;
}

void advice_print(const struct config *c, const struct schedule *s, FILE *out)
{
    int attends = model_attends(c) > 0;
    long width = width_of(c);
    double low = width < 512 ? 3e-4 : width < 1024 ? 1e-4 : 5e-5;
    double high = fmax(low, (attends ? 0.2 : 0.5) / (double)width);
    double clip = c->train.clip_norm, steps = (double)s->total;
    char text[256] = "", from[16], to[16];
    if (c->train.optimizer == OPTIMIZER_ADAMW &&
        (c->train.lr < 0.99 * low || c->train.lr > 1.01 * high))
        add(text, sizeof text, "lr %s to %s (now %g)", digit(low, from), digit(high, to),
            c->train.lr);
    if (!(clip > 0 && clip <= (attends ? 10 : 200)))
        add(text, sizeof text, "clip_norm 1.0%s (now %g)", attends ? "" : " to 200", clip);
    if (attends && ((double)s->warmup < 0.01 * steps - 1 || (double)s->warmup > 0.1 * steps + 1))
        add(text, sizeof text, "warm-up of %.0f to %.0f steps (now %ld)", ceil(0.01 * steps),
            ceil(0.1 * steps), s->warmup);
    if (*text)
        fprintf(out, "recommended for a width of %ld: %s\n", width, text);
}
