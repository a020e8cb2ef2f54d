/* SPDX-License-Identifier: MIT */
#include "train/figures.h"

#include <math.h>

#include "util/now.h"

/* What prints as "nan", never as "-nan". */
static double unsigned_nan(float x)
{
    return isnan(x) ? (double)NAN : (double)x;
}

int figures_sum(struct loop *loop, struct error *err)
{
    struct training *t = loop->training;
    struct metrics *m = &t->progress.metrics;
    if (engine_read_metrics(t->engine, m, err))
        return -1;
    if (m->latched)
        return error_set(err, STATUS_FAILED,
                         "training stopped: step %u (epoch %ld, learning rate %.3g) is not finite: "
                         "loss %g, gradient norm %g; the last good checkpoint is intact "
                         "(train.on_nonfinite = skip leaves such steps out%s)",
                         m->bad_first, t->progress.epoch + 1,
                         schedule_lr(&loop->schedule, t->config, (long)m->bad_first - 1),
                         unsigned_nan(m->bad_value), fabs((double)m->bad_norm),
                         t->config->train.precision == PRECISION_FP16
                             ? "; fp16 ends at 65504: a data.scaler or precision = bf16 helps"
                             : "");
    if ((long)m->bad > loop->bad)
        log_warn(t->log,
                 "epoch %ld: %ld step(s) left out that were not finite, the first step %u "
                 "(loss %g, gradient norm %g)",
                 t->progress.epoch + 1, (long)m->bad - loop->bad, m->bad_first,
                 unsigned_nan(m->bad_value), fabs((double)m->bad_norm));
    loop->bad = (long)m->bad;
    return 0;
}

void figures_forget(struct metrics *metrics)
{
    *metrics = (struct metrics){.log2_scale = metrics->log2_scale,
                                .good_steps = metrics->good_steps,
                                .overflows = metrics->overflows};
}

int figures_of(struct loop *loop, struct epoch_figures *f, struct error *err)
{
    struct training *t = loop->training;
    const struct metrics *m = &t->progress.metrics;
    const struct dataset *data = t->engine->data;
    if (figures_sum(loop, err))
        return -1;
    double n = (double)m->samples[0] + (double)m->samples[1], steps = m->steps ? m->steps : 1;
    *f = (struct epoch_figures){
        .epoch = (double)t->progress.epoch,
        .train.loss = ((double)m->loss[0] + (double)m->loss[1]) / n,
        .val.loss = NAN,
        .metric = NAN,
        .lr = loop->lr,
        .grad_mean = ((double)m->norm_sum[0] + (double)m->norm_sum[1]) / steps,
        .grad_max = (double)m->norm_max,
        .seconds = now() - loop->epoch_began,
        .waited = engine_waited(t->engine) - loop->waited,
    };
    for (size_t k = 0; k < loop->terms.count; k++) {
        f->train.term[k] = ((double)m->term[k][0] + (double)m->term[k][1]) / n;
        f->val.term[k] = NAN;
    }
    return data->count[PART_VALIDATION]
               ? monitor_evaluate(&t->monitor, t->engine, t->progress.epoch + 1,
                                  &t->progress.collapsed, t->log, &f->val, &f->metric, err)
               : 0;
}

int figures_judge(const struct loop *loop, struct epoch_figures *f)
{
    struct progress *p = &loop->training->progress;
    const struct config *c = loop->training->config;
    const struct monitor *monitor = &loop->training->monitor;
    const double value = monitor_figure(monitor, f), sign = monitor->lower_is_better ? 1 : -1;
    int better = !p->best_epoch ||
                 (isfinite(value) &&
                  (!isfinite(p->best) || sign * value < sign * p->best - c->train.min_delta));
    if (better) {
        p->best = value;
        p->best_epoch = p->epoch;
    }
    p->stale = better ? 0 : p->stale + 1;
    p->plateau_stale = better ? 0 : p->plateau_stale + 1;
    if (c->train.schedule == SCHEDULE_PLATEAU && p->plateau_stale > c->train.plateau_patience) {
        p->factor *= c->train.plateau_factor;
        p->plateau_stale = 0;
    }
    return better;
}
