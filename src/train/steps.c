/* SPDX-License-Identifier: MIT */
#include "train/steps.h"

#include "train/order.h"
#include "util/now.h"

/* How many windows the epoch has, and which. */
static int order(struct loop *loop, struct error *err)
{
    const struct config *c = loop->training->config;
    const struct progress *p = &loop->training->progress;
    const uint64_t group = (uint64_t)(c->train.batch * c->train.accumulate);
    const uint64_t seed = (uint64_t)c->run.seed;
    const uint64_t before = (uint64_t)train_steps_before(loop->training);
    const uint64_t total = (uint64_t)loop->schedule.total,
                   left = total > before ? total - before : 0;
    const int by_steps = c->train.evaluate.unit == SPAN_STEPS;
    loop->n = loop->schedule.samples;
    if (c->train.steps && left * group < loop->n) /* one that --resume has made shorter is over */
        loop->n = left * group > p->done ? (size_t)(left * group) : (size_t)p->done;
    if (c->data.sampling == SAMPLING_RANDOM)
        order_random(loop->order, loop->n, (uint32_t)(p->epoch + 1), loop->windows, seed);
    else
        order_shuffled(loop->order, loop->n,
                       by_steps ? before * group : (uint64_t)p->epoch * loop->windows, loop->pass,
                       loop->windows, seed);
    for (size_t i = 0; i < loop->n; i++)
        loop->order[i] = loop->start[loop->order[i]];
    return engine_order(loop->training->engine, loop->order, loop->n, err);
}

int steps_begin(struct loop *loop, struct error *err)
{
    struct progress *p = &loop->training->progress;
    if (order(loop, err) || engine_write_metrics(loop->training->engine, &p->metrics, err))
        return -1;
    loop->bad = (long)p->metrics.bad;
    loop->epoch_began = now();
    loop->waited = engine_waited(loop->training->engine);
    loop->epoch_from = p->done;
    return 0;
}

int steps_next(struct loop *loop, struct step *step)
{
    const struct config *c = loop->training->config;
    const struct progress *p = &loop->training->progress;
    size_t group = (size_t)c->train.batch * (size_t)c->train.accumulate;
    if (p->done >= loop->n)
        return 0;
    if (group > loop->n - p->done)
        group = loop->n - p->done;
    loop->schedule.factor = p->factor;
    loop->lr = schedule_lr(&loop->schedule, c, p->step);
    *step = (struct step){
        .first = (uint32_t)p->done,
        .group = (uint32_t)group,
        .epoch = (uint32_t)(p->epoch + 1),
        .seed = {(uint32_t)c->run.seed, (uint32_t)((uint64_t)c->run.seed >> 32)},
        .number = (uint32_t)(p->step + 1),
        .skip = c->train.on_nonfinite == NONFINITE_SKIP,
        .scales = c->train.precision == PRECISION_FP16,
    };
    optim_step(&loop->training->engine->optim, loop->lr, step);
    return 1;
}

int steps_batch(const struct loop *loop, struct step *step)
{
    const size_t batch = (size_t)loop->training->config->train.batch;
    step->first += step->count;
    const size_t left = loop->training->progress.done + step->group - step->first;
    step->count = (uint32_t)(left < batch ? left : batch);
    return left > 0;
}

int steps_done(struct loop *loop, const struct step *step, struct error *err)
{
    struct training *t = loop->training;
    t->progress.done += step->group;
    t->progress.step++;
    if (loop->stepped)
        return 0;
    loop->stepped = 1; /* the first one ends when the device has done it, not when it is enqueued */
    if (device_finish(t->engine->dev, err))
        return -1;
    loop->start_seconds = now() - t->started;
    return 0;
}
