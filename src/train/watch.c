/* SPDX-License-Identifier: MIT */
#include "train/watch.h"

#include <math.h>

#include "train/figures.h"
#include "train/loop.h"
#include "train/telling.h"
#include "util/now.h"

enum {
    LOOK = 10,        /* seconds of a stretch, and between two looks at the sums */
    RATES_LEAST = 6,  /* stretches before one is judged */
    VALUES_LEAST = 10 /* of a figure before one is judged */
};

/* --- slow */

/* The stretch is at its end. */
static void judge_rate(struct loop *loop)
{
    struct watch *w = &loop->watch;
    const struct progress *p = &loop->training->progress;
    const double share = loop->training->config->log.slow;
    const double rate = w->windows / w->seconds, median = trend_median(&w->rate, RATES_LEAST);
    w->below = rate < share * median ? w->below + 1 : 0;
    trend_add(&w->rate, rate);
    w->windows = w->seconds = 0;
    if (w->below == WATCH_TIMES)
        log_alarm(loop->training->log, "slow",
                  json_pack("{s:I, s:I, s:f, s:f}", "epoch", (json_int_t)p->epoch, "step",
                            (json_int_t)p->step, "windows_per_second", rate, "median", median),
                  "step %ld: the training is slow: %.3g windows/s, where the median is %.3g",
                  p->step, rate, median);
}

/* Training until `when` counts, with `windows` more of the epoch done. */
static void count(struct loop *loop, double when, unsigned long long done)
{
    struct watch *w = &loop->watch;
    w->windows += (double)(done - w->done);
    w->seconds += when - w->marked;
    w->done = done;
    w->marked = when;
    if (w->seconds >= LOOK)
        judge_rate(loop);
}

/* What came before does not count: it is no training, but for what a checkpoint lies amid. */
static void skip_to(struct watch *w, double when, unsigned long long done)
{
    w->marked = when;
    w->done = done;
}

/* --- diverging */

static struct watch_sums sums_of(const struct metrics *m)
{
    return (struct watch_sums){.loss = (double)m->loss[0] + (double)m->loss[1],
                               .windows = (double)m->samples[0] + (double)m->samples[1],
                               .norm = (double)m->norm_sum[0] + (double)m->norm_sum[1],
                               .steps = m->steps};
}

static void judge_figure(struct loop *loop, struct watch_figure *figure, const char *name,
                         double value)
{
    const struct progress *p = &loop->training->progress;
    const double most = loop->training->config->log.diverging;
    if (!isfinite(value)) /* is told as such */
        return;
    const double z = trend_z(&figure->trend, value, VALUES_LEAST);
    const int above = most > 0 && z > most;
    if (above)
        figure->above[figure->count++] = value;
    if (above && figure->count < WATCH_TIMES)
        return; /* it may be alone: the trend does not know of it yet */
    if (above)
        log_alarm(loop->training->log, "diverging",
                  json_pack("{s:I, s:I, s:s, s:f, s:f}", "epoch", (json_int_t)p->epoch, "step",
                            (json_int_t)p->step, "figure", name, "value", value, "z", z),
                  "step %ld: %s is %.4g, %.1f standard deviations above what it was", p->step, name,
                  value, z);
    for (size_t i = 0; i < figure->count; i++)
        trend_add(&figure->trend, figure->above[i]);
    figure->count = 0;
    if (!above)
        trend_add(&figure->trend, value);
}

/* The means since the look before. */
static void judge_sums(struct loop *loop)
{
    struct watch *w = &loop->watch;
    const struct watch_sums sums = sums_of(&loop->training->progress.metrics), *seen = &w->seen;
    judge_figure(loop, &w->loss, "train_loss",
                 (sums.loss - seen->loss) / (sums.windows - seen->windows));
    judge_figure(loop, &w->norm, "grad_norm",
                 (sums.norm - seen->norm) / (sums.steps - seen->steps));
    w->seen = sums;
    w->looks++;
}

/* --- objects between epochs */

/* Whether log.every wants one now; at an epoch's end there is its own. */
static int is_due(const struct loop *loop, double t)
{
    const struct span every = loop->training->config->log.every;
    const struct progress *p = &loop->training->progress;
    if (!(every.value > 0) || p->done >= loop->n)
        return 0;
    if (every.unit == SPAN_MINUTES)
        return t - loop->watch.every_at >= every.value * 60;
    const long steps = schedule_span(&loop->schedule, every);
    return p->step % (steps > 0 ? steps : 1) == 0;
}

static void write_object(struct loop *loop, double t)
{
    struct watch *w = &loop->watch;
    const struct progress *p = &loop->training->progress;
    const struct watch_sums sums = sums_of(&p->metrics), *old = &w->written;
    const double loss = (sums.loss - old->loss) / (sums.windows - old->windows);
    const double norm = (sums.norm - old->norm) / (sums.steps - old->steps);
    const double rate = (double)(p->done - w->written_done) / (t - w->written_at);
    telling_step(loop, loss, norm, rate);
    w->prometheus.train_loss = loss;
    w->prometheus.grad_norm = norm;
    w->prometheus.rate = rate;
    prometheus_write(loop);
    w->written = sums;
    w->written_at = w->every_at = t;
    w->written_done = p->done;
}

/* --- stalled */

static void tell_stall(void *ctx, double seconds)
{
    struct loop *loop = ctx;
    const long step = atomic_load(&loop->watch.step);
    log_alarm(loop->training->log, "stalled",
              json_pack("{s:I, s:f}", "step", (json_int_t)step, "seconds", seconds),
              "no step for %.0f seconds, after step %ld", seconds, step);
}

/* --- */

void watch_begin(struct loop *loop)
{
    struct training *training = loop->training;
    const double t = now();
    loop->watch = (struct watch){
        .looked = t,
        .every_at = t,
        .epoch = -1,
        .prometheus = {
            .train_loss = NAN, .val_loss = NAN, .grad_norm = NAN, .rate = NAN, .running = 1}};
    atomic_store(&loop->watch.step, training->progress.step);
    if (training->config->log.stalled)
        loop->watch.stall = stall_start((double)training->config->log.stalled / 1000,
                                        &training->engine->batches, tell_stall, loop);
}

void watch_end(struct loop *loop)
{
    stall_stop(loop->watch.stall);
    loop->watch.prometheus.running = 0;
    prometheus_write(loop);
}

int watch_step(struct loop *loop, struct error *err)
{
    struct watch *w = &loop->watch;
    const struct progress *p = &loop->training->progress;
    atomic_store(&w->step, p->step);
    const int first = w->epoch < 0, begins = w->epoch != p->epoch;
    const double t = now();
    if (begins) {
        skip_to(w, loop->epoch_began, loop->epoch_from);
        w->epoch = p->epoch;
        w->looks = 0;
        w->seen = w->written = (struct watch_sums){0};
        w->written_at = loop->epoch_began;
        w->written_done = loop->epoch_from;
    }
    if (first || loop->saved > w->marked) /* the start of the process, a checkpoint */
        skip_to(w, t, p->done);
    else
        count(loop, t, p->done);
    const int looks = t - w->looked > LOOK, writes = is_due(loop, t);
    if ((looks || writes) && figures_sum(loop, err))
        return -1;
    if (looks) { /* a run that has gone wrong should not go on for long */
        w->looked = t;
        judge_sums(loop);
        telling_time(loop);
        log_tend(loop->training->log);
    }
    if (writes)
        write_object(loop, t);
    return 0;
}

void watch_epoch(struct loop *loop, const struct epoch_figures *f)
{
    struct watch *w = &loop->watch;
    count(loop, fmax(loop->epoch_began + f->seconds, w->marked), loop->n);
    w->prometheus.train_loss = f->train.loss;
    w->prometheus.val_loss = f->val.loss;
    w->prometheus.grad_norm = f->grad_mean;
    w->prometheus.rate = (double)(loop->n - loop->epoch_from) / fmax(f->seconds, 1e-9);
    prometheus_write(loop);
    if (w->looks) /* the rest of a long epoch may be a single step */
        return;
    judge_figure(loop, &w->loss, "train_loss", f->train.loss);
    judge_figure(loop, &w->norm, "grad_norm", f->grad_mean);
}
