/* SPDX-License-Identifier: MIT */
#include "train/schedule.h"

#include <math.h>

long schedule_span(const struct schedule *schedule, struct span span)
{
    switch (span.unit) {
    case SPAN_EPOCHS:
        return lround(span.value * (double)schedule->per_epoch);
    case SPAN_STEPS:
        return lround(span.value);
    case SPAN_PERCENT:
        return lround(span.value / 100 * (double)schedule->total);
    default:
        return 0;
    }
}

struct schedule schedule_make(const struct config *config, size_t windows)
{
    const size_t group = (size_t)config->train.batch * (size_t)config->train.accumulate;
    const struct span every = config->train.evaluate;
    struct schedule s = {.samples = windows, .factor = 1};
    if (every.unit == SPAN_STEPS)
        s.samples = (size_t)every.value * group;
    s.per_epoch = (long)((s.samples + group - 1) / group);
    s.total = config->train.steps ? config->train.steps : s.per_epoch * config->train.epochs;
    s.warmup = schedule_span(&s, config->train.warmup);
    return s;
}

double schedule_lr(const struct schedule *schedule, const struct config *config, long step)
{
    double high = config->train.lr, low = config->train.lr_min;
    if (step < schedule->warmup)
        return high * (double)(step + 1) / (double)schedule->warmup;
    long rest = schedule->total - schedule->warmup;
    double done = (double)(step - schedule->warmup) / (double)(rest > 1 ? rest : 1);
    switch (config->train.schedule) {
    case SCHEDULE_LINEAR:
        return low + (high - low) * (1 - done);
    case SCHEDULE_COSINE:
        return low + (high - low) * 0.5 * (1 + cos(3.141592653589793 * done));
    case SCHEDULE_PLATEAU:
        return fmax(high * schedule->factor, fmin(low, high));
    default:
        return high;
    }
}
