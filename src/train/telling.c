/* SPDX-License-Identifier: MIT */
#include "train/telling.h"

#include <math.h>
#include <string.h>

#include "analysis/verdict.h"
#include "train/advice.h"
#include "util/host.h"
#include "util/jsonnumber.h"
#include "util/now.h"

static double seconds_so_far(const struct loop *loop)
{
    return loop->training->progress.seconds + now() - loop->began;
}

/* Behind the end of an epoch. */
static double seconds_left(const struct loop *loop)
{
    const struct progress *p = &loop->training->progress;
    double steps = (double)(loop->schedule.total - p->step);
    return steps * seconds_so_far(loop) / (double)p->step;
}

static void with_commas(char *to, size_t size, double x)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.0f", x);
    size_t n = strlen(digits), at = 0;
    for (size_t i = 0; i < n && at + 2 < size; i++) {
        if (i && (n - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = 0;
}

/* Terms whose figures are known: what a teacher gives, the last one, is of training alone. */
static size_t known_terms(const struct terms *terms)
{
    const size_t n = terms->count;
    return n && terms->term[n - 1].over == TERM_UNKNOWN ? n - 1 : n;
}

/* "0.52 (R 0.5 C 2)"; a loss of one term is that term. */
static void print_figures(char *to, size_t size, const struct terms *terms,
                          const struct evaluation *figures)
{
    size_t used = (size_t)snprintf(to, size, "%s", log_figure(figures->loss, 6).text);
    const size_t count = known_terms(terms);
    for (size_t k = 0; k < count && count > 1 && used < size; k++)
        used += (size_t)snprintf(to + used, size - used, "%s%s %s%s", k ? " " : " (",
                                 term_label(&terms->term[k]), log_figure(figures->term[k], 6).text,
                                 k + 1 < count ? "" : ")");
}

static void set_terms(json_t *event, const char *part, const struct terms *terms,
                      const struct evaluation *figures)
{
    char name[80];
    for (size_t k = 0; k < known_terms(terms); k++) {
        snprintf(name, sizeof name, "%s_%s", part, terms->term[k].name);
        json_object_set_new(event, name, jsonnumber(figures->term[k]));
    }
}

static void tell(struct loop *loop, const struct epoch_figures *f, int best)
{
    struct training *t = loop->training;
    const struct terms *terms = &loop->terms, judged = model_judged_terms(t->config);
    const struct progress *p = &t->progress;
    double rate = (double)(loop->n - loop->epoch_from) / fmax(f->seconds, 1e-9);
    double left = seconds_left(loop);
    const char *only = terms->count == 1 ? term_label(terms->term) : "";
    const struct metric *metric = t->monitor.metric;
    char speed[32], train[512], val[512], measured[128] = "";
    with_commas(speed, sizeof speed, rate);
    print_figures(train, sizeof train, terms, &f->train);
    print_figures(val, sizeof val, &judged, &f->val);
    if (metric)
        snprintf(measured, sizeof measured, ", %s %s", metric->name, log_figure(f->metric, 6).text);
    log_say(t->log,
            "Epoch %04ld/%ld | LR %.2e | train %s%s%s%s%s%s | grad %s (max %s) | %s win/s | ETA "
            "%ld:%02ld:%02ld%s",
            p->epoch, train_epochs(t), f->lr, only, *only ? " " : "", train,
            isfinite(f->val.loss) ? " | val " : "", isfinite(f->val.loss) ? val : "", measured,
            log_figure(f->grad_mean, 2).text, log_figure(f->grad_max, 2).text, speed,
            (long)left / 3600, (long)left / 60 % 60, (long)left % 60, best ? " | best" : "");
    json_t *event =
        json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "epoch", (json_int_t)p->epoch, "epochs",
                  (json_int_t)train_epochs(t), "step", (json_int_t)p->step, "lr", jsonnumber(f->lr),
                  "train_loss", jsonnumber(f->train.loss), "val_loss", jsonnumber(f->val.loss));
    set_terms(event, "train", terms, &f->train);
    set_terms(event, "val", &judged, &f->val);
    if (metric)
        json_object_set_new(event, t->monitor.name, jsonnumber(f->metric));
    json_t *rest =
        json_pack("{s:o, s:o, s:f, s:f, s:I, s:I, s:b}", "grad_norm", jsonnumber(f->grad_mean),
                  "grad_norm_max", jsonnumber(f->grad_max), "windows_per_second", rate, "seconds",
                  f->seconds, "device_bytes", (json_int_t)device_bytes(t->engine->dev),
                  "host_bytes", (json_int_t)host_resident(), "best", best);
    json_object_update(event, rest);
    json_decref(rest);
    if (isfinite(f->waited)) /* share of the time in which the device had nothing to do */
        json_object_set_new(event, "data_wait", json_real(f->waited / fmax(f->seconds, 1e-9)));
    if (t->config->train.precision == PRECISION_FP16) {
        json_object_set_new(event, "loss_scale", json_real(ldexp(1, (int)p->metrics.log2_scale)));
        json_object_set_new(event, "overflows", json_integer((json_int_t)p->metrics.overflows));
    }
    json_t *sensors = t->config->log.telemetry ? sensors_json(t) : NULL;
    if (sensors)
        json_object_set_new(event, "telemetry", sensors);
    json_t *others = t->config->log.telemetry ? sensors_others(loop) : NULL;
    if (others)
        json_object_set_new(event, "telemetry_ranks", others);
    if (loop->start_seconds > 0)
        json_object_set_new(event, "start_seconds", json_real(loop->start_seconds));
    loop->start_seconds = 0;
    log_event(t->log, "epoch", event);
}

void telling_step(struct loop *loop, double loss, double norm, double rate)
{
    struct training *t = loop->training;
    log_event(t->log, "step",
              json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "epoch",
                        (json_int_t)t->progress.epoch, "step", (json_int_t)t->progress.step, "lr",
                        jsonnumber(loop->lr), "train_loss", jsonnumber(loss), "grad_norm",
                        jsonnumber(norm), "windows_per_second", jsonnumber(rate), "device_bytes",
                        (json_int_t)device_bytes(t->engine->dev), "host_bytes",
                        (json_int_t)host_resident()));
}

/* Says so where the gradient norm keeps rising and the loss does not fall; not again within ten
 * epochs. */
static void advise(struct loop *loop)
{
    const struct progress *p = &loop->training->progress;
    double mean[10], loss[10];
    size_t n = p->epochs < 10 ? p->epochs : 10;
    if (p->epoch < loop->advised + 10)
        return;
    for (size_t i = 0; i < n; i++) {
        mean[i] = p->history[p->epochs - n + i].grad_mean;
        loss[i] = p->history[p->epochs - n + i].train.loss;
    }
    struct verdict v = verdict_gradients(mean, loss, n);
    if (!*v.advice)
        return;
    loop->advised = p->epoch;
    log_say(loop->training->log, "Advice: %s: %s", v.band, v.advice);
    log_event(loop->training->log, "advice",
              json_pack("{s:I, s:s, s:s}", "epoch", (json_int_t)p->epoch, "finding", v.band,
                        "advice", v.advice));
}

/* Warns once of a training that takes days. */
static void tell_time(struct loop *loop, double seconds_left)
{
    const struct training *t = loop->training;
    if (!loop->long_told)
        loop->long_told =
            advice_time(t->config, device_info(t->engine->dev)->is_cpu, seconds_left, t->log);
}

/* From the share of the epoch that is done. */
void telling_time(struct loop *loop)
{
    const struct progress *p = &loop->training->progress;
    double took = now() - loop->epoch_began, windows = (double)(p->done - loop->epoch_from);
    const struct config *c = loop->training->config;
    double left =
        (double)(loop->schedule.total - p->step) * (double)(c->train.batch * c->train.accumulate);
    if (took >= 30)
        tell_time(loop, left * took / windows);
}

void telling_epoch(struct loop *loop, const struct epoch_figures *f, int best)
{
    tell(loop, f, best);
    sensors_say(loop->training);
    tell_time(loop, seconds_left(loop));
    advise(loop);
}
