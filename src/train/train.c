/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/verdict.h"
#include "train/advice.h"
#include "train/schedule.h"
#include "util/file.h"
#include "util/now.h"
#include "util/philox.h"

/* What lives only while this process trains. */
struct loop {
    struct training *run;
    struct schedule schedule;
    struct terms terms;    /* of the loss */
    const uint32_t *start; /* [n] windows of the training part */
    size_t n;
    uint32_t *order;            /* [n] */
    double began, saved, shown; /* times of start, last checkpoint, last look at the sums */
    double epoch_began;
    uint64_t epoch_from; /* samples of the epoch that an earlier process did */
    double lr;
    long advised;         /* epoch of the last advice; 0: none */
    long bad;             /* steps left out so far in this epoch, as told */
    int stepped;          /* this process has done a step */
    int long_told;        /* that the training takes days */
    double start_seconds; /* to the end of that step; 0: told, or none yet */
};

char *train_path(const struct training *run, const char *name)
{
    return file_join(run->folder, name);
}

int train_checkpoint(struct training *run, struct error *err)
{
    char *path = train_path(run, RUN_LAST), *former = train_path(run, RUN_FORMER);
    int result = path && former ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!result)
        result = log_position(run->log, &run->progress.log_bytes, err);
    if (!result)
        result = checkpoint_write_last(run->engine, &run->progress, run->plan, path,
                                       run->from_former ? NULL : former, err);
    if (!result)
        run->from_former = 0;
    free(path);
    free(former);
    return result;
}

/* Windows in the order of an epoch: a permutation keyed by seed and epoch. */
static int shuffle(struct loop *loop, long epoch, struct error *err)
{
    uint64_t seed = (uint64_t)loop->run->config->run.seed;
    philox_shuffle(loop->order, loop->n, philox_path("order"), (uint32_t)epoch, seed);
    for (size_t i = 0; i < loop->n; i++)
        loop->order[i] = loop->start[loop->order[i]];
    return engine_order(loop->run->engine, loop->order, loop->n, err);
}

/* One optimizer step: the micro-batches of an accumulation group, then the update. */
static int optimizer_step(struct loop *loop, long epoch, struct error *err)
{
    const struct config *c = loop->run->config;
    struct progress *p = &loop->run->progress;
    size_t batch = (size_t)c->train.batch, group = batch * (size_t)c->train.accumulate;
    if (group > loop->n - p->done)
        group = loop->n - p->done;
    loop->schedule.factor = p->factor;
    loop->lr = schedule_lr(&loop->schedule, c, p->step);
    struct step step = {
        .group = (uint32_t)group,
        .epoch = (uint32_t)epoch,
        .seed = {(uint32_t)c->run.seed, (uint32_t)((uint64_t)c->run.seed >> 32)},
        .number = (uint32_t)(p->step + 1),
        .skip = c->train.on_nonfinite == NONFINITE_SKIP,
    };
    optim_step(&loop->run->engine->optim, loop->lr, &step);
    for (size_t at = 0; at < group; at += step.count) {
        step.first = (uint32_t)(p->done + at);
        step.count = (uint32_t)(group - at < batch ? group - at : batch);
        if (engine_micro(loop->run->engine, &step, err))
            return -1;
    }
    p->done += group;
    p->step++;
    return engine_update(loop->run->engine, err);
}

/* The process's first step ends when the device has done it, not when it is enqueued. */
static int first_step_done(struct loop *loop, struct error *err)
{
    if (loop->stepped)
        return 0;
    loop->stepped = 1;
    if (device_finish(loop->run->engine->dev, err))
        return -1;
    loop->start_seconds = now() - loop->run->started;
    return 0;
}

/* Sums of the epoch so far; fails where a figure was not finite and that is to stop the run. */
static int read_sums(struct loop *loop, struct error *err)
{
    struct training *run = loop->run;
    struct metrics *m = &run->progress.metrics;
    if (engine_read_metrics(run->engine, m, err))
        return -1;
    if (m->latched)
        return error_set(err, STATUS_FAILED,
                         "training stopped: step %u (epoch %ld, learning rate %.3g) is not finite: "
                         "loss %g, gradient norm %g; the last good checkpoint is intact "
                         "(train.on_nonfinite = skip leaves such steps out)",
                         m->bad_first, run->progress.epoch + 1,
                         schedule_lr(&loop->schedule, run->config, (long)m->bad_first - 1),
                         (double)m->bad_value, fabs((double)m->bad_norm)); /* no "-nan" */
    if ((long)m->bad > loop->bad)
        log_warn(run->log,
                 "epoch %ld: %ld step(s) left out that were not finite, the first step %u "
                 "(loss %g, gradient norm %g)",
                 run->progress.epoch + 1, (long)m->bad - loop->bad, m->bad_first,
                 (double)m->bad_value, fabs((double)m->bad_norm));
    loop->bad = (long)m->bad;
    return 0;
}

static double seconds_so_far(const struct loop *loop)
{
    return loop->run->progress.seconds + now() - loop->began;
}

/* Behind the end of an epoch. */
static double seconds_left(const struct loop *loop)
{
    const struct progress *p = &loop->run->progress;
    double epochs = (double)(loop->run->config->train.epochs - p->epoch);
    return epochs * seconds_so_far(loop) / (double)p->epoch;
}

static int save(struct loop *loop, struct error *err)
{
    struct progress *p = &loop->run->progress;
    double t = now();
    p->seconds += t - loop->began;
    loop->began = loop->saved = t;
    log_event(loop->run->log, "checkpoint",
              json_pack("{s:I, s:I}", "epoch", (json_int_t)p->epoch, "step", (json_int_t)p->step));
    return train_checkpoint(loop->run, err);
}

static int checkpoint_due(const struct loop *loop, int end_of_epoch)
{
    const struct span every = loop->run->config->train.checkpoint;
    const struct progress *p = &loop->run->progress;
    if (every.unit == SPAN_MINUTES)
        return now() - loop->saved >= every.value * 60;
    if (every.unit == SPAN_EPOCHS && every.value >= 1)
        return end_of_epoch && p->epoch % lround(every.value) == 0;
    long steps = schedule_span(&loop->schedule, every);
    return p->step % (steps > 0 ? steps : 1) == 0;
}

/* Warns once of a training that takes days. */
static void tell_time(struct loop *loop, double seconds_left)
{
    const struct training *run = loop->run;
    if (!loop->long_told)
        loop->long_told =
            advice_time(run->config, device_info(run->engine->dev)->is_cpu, seconds_left, run->log);
}

/* The same after half a minute of a long epoch, from the share of it that is done. */
static void tell_time_early(struct loop *loop)
{
    const struct progress *p = &loop->run->progress;
    double took = now() - loop->epoch_began, windows = (double)(p->done - loop->epoch_from);
    double left = (double)(loop->run->config->train.epochs - p->epoch) * (double)loop->n;
    if (took >= 30)
        tell_time(loop, (left - (double)p->done) * took / windows);
}

/* The epoch that is under way, from progress.done to its end. 1: interrupted and saved. */
static int run_epoch(struct loop *loop, struct error *err)
{
    struct training *run = loop->run;
    struct progress *p = &run->progress;
    long epoch = p->epoch + 1;
    if (shuffle(loop, epoch, err) || engine_write_metrics(run->engine, &p->metrics, err))
        return -1;
    loop->bad = (long)p->metrics.bad;
    loop->epoch_began = now();
    loop->epoch_from = p->done;
    char text[64];
    snprintf(text, sizeof text, "Epoch %04ld/%ld", epoch, run->config->train.epochs);
    while (p->done < loop->n) {
        if (optimizer_step(loop, epoch, err) || first_step_done(loop, err))
            return -1;
        log_progress(run->log, text, p->done, loop->n);
        int end = p->done >= loop->n, stop = *run->interrupted != 0;
        if (now() - loop->shown > 10) { /* a run that has gone wrong should not go on for long */
            loop->shown = now();
            if (read_sums(loop, err))
                return -1;
            tell_time_early(loop);
        }
        if (end || !(stop || checkpoint_due(loop, 0)))
            continue;
        if (read_sums(loop, err) || save(loop, err))
            return -1;
        if (stop)
            return 1;
    }
    return 0;
}

/* Best so far, patience and plateau; 1 if this epoch is the best. A figure that is not finite is
 * better than nothing, and worse than any other. */
static int judge(struct progress *p, const struct config *c, double value)
{
    double sign = c->train.mode == MODE_MAX ? -1 : 1;
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

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Resident memory of this process in bytes. */
static long long host_bytes(void)
{
    long long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%lld %lld", &size, &resident) != 2)
            resident = 0;
        fclose(f);
    }
    return resident * sysconf(_SC_PAGESIZE);
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

/* "0.52 (R 0.5 C 2)"; a loss of one term is that term. */
static void print_figures(char *to, size_t size, const struct terms *terms,
                          const struct evaluation *figures)
{
    size_t used = (size_t)snprintf(to, size, "%s", log_figure(figures->loss, 6).text);
    for (size_t k = 0; k < terms->count && terms->count > 1 && used < size; k++)
        used += (size_t)snprintf(to + used, size - used, "%s%s %s%s", k ? " " : " (",
                                 term_label(&terms->term[k]), log_figure(figures->term[k], 6).text,
                                 k + 1 < terms->count ? "" : ")");
}

static void set_terms(json_t *event, const char *part, const struct terms *terms,
                      const struct evaluation *figures)
{
    char name[80];
    for (size_t k = 0; k < terms->count; k++) {
        snprintf(name, sizeof name, "%s_%s", part, terms->term[k].name);
        json_object_set_new(event, name, number(figures->term[k]));
    }
}

static void tell(struct loop *loop, const struct epoch_figures *f, int best)
{
    struct training *run = loop->run;
    const struct terms *terms = &loop->terms;
    const struct progress *p = &run->progress;
    double rate = (double)(loop->n - loop->epoch_from) / fmax(f->seconds, 1e-9);
    double left = seconds_left(loop);
    const char *only = terms->count == 1 ? term_label(terms->term) : "";
    char speed[32], train[512], val[512];
    with_commas(speed, sizeof speed, rate);
    print_figures(train, sizeof train, terms, &f->train);
    print_figures(val, sizeof val, terms, &f->val);
    log_say(run->log,
            "Epoch %04ld/%ld | LR %.2e | train %s%s%s%s%s | grad %s (max %s) | %s win/s | ETA "
            "%ld:%02ld:%02ld%s",
            p->epoch, run->config->train.epochs, f->lr, only, *only ? " " : "", train,
            isfinite(f->val.loss) ? " | val " : "", isfinite(f->val.loss) ? val : "",
            log_figure(f->grad_mean, 2).text, log_figure(f->grad_max, 2).text, speed,
            (long)left / 3600, (long)left / 60 % 60, (long)left % 60, best ? " | best" : "");
    json_t *event = json_pack("{s:I, s:I, s:I, s:o, s:o, s:o}", "epoch", (json_int_t)p->epoch,
                              "epochs", (json_int_t)run->config->train.epochs, "step",
                              (json_int_t)p->step, "lr", number(f->lr), "train_loss",
                              number(f->train.loss), "val_loss", number(f->val.loss));
    set_terms(event, "train", terms, &f->train);
    set_terms(event, "val", terms, &f->val);
    json_t *rest =
        json_pack("{s:o, s:o, s:f, s:f, s:I, s:I, s:b}", "grad_norm", number(f->grad_mean),
                  "grad_norm_max", number(f->grad_max), "windows_per_second", rate, "seconds",
                  f->seconds, "device_bytes", (json_int_t)device_bytes(run->engine->dev),
                  "host_bytes", (json_int_t)host_bytes(), "best", best);
    json_object_update(event, rest);
    json_decref(rest);
    if (loop->start_seconds > 0)
        json_object_set_new(event, "start_seconds", json_real(loop->start_seconds));
    loop->start_seconds = 0;
    log_event(run->log, "epoch", event);
}

/* Figures of the epoch that has just ended, with a pass over the validation part. */
static int figures_of(struct loop *loop, struct epoch_figures *f, struct error *err)
{
    struct training *run = loop->run;
    const struct metrics *m = &run->progress.metrics;
    const struct dataset *data = run->engine->data;
    if (read_sums(loop, err))
        return -1;
    double n = (double)m->samples[0] + (double)m->samples[1], steps = m->steps ? m->steps : 1;
    *f = (struct epoch_figures){
        .epoch = (double)run->progress.epoch,
        .train.loss = ((double)m->loss[0] + (double)m->loss[1]) / n,
        .val.loss = NAN,
        .lr = loop->lr,
        .grad_mean = ((double)m->norm_sum[0] + (double)m->norm_sum[1]) / steps,
        .grad_max = (double)m->norm_max,
        .seconds = now() - loop->epoch_began,
    };
    for (size_t k = 0; k < loop->terms.count; k++) {
        f->train.term[k] = ((double)m->term[k][0] + (double)m->term[k][1]) / n;
        f->val.term[k] = NAN;
    }
    return data->count[PART_VALIDATION]
               ? engine_evaluate(run->engine, data->start[PART_VALIDATION],
                                 data->count[PART_VALIDATION], NULL, &f->val, err)
               : 0;
}

/* Says so where the gradient norm keeps rising and the loss does not fall; not again within ten
 * epochs. */
static void advise(struct loop *loop)
{
    const struct progress *p = &loop->run->progress;
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
    log_say(loop->run->log, "Advice: %s: %s", v.band, v.advice);
    log_event(loop->run->log, "advice",
              json_pack("{s:I, s:s, s:s}", "epoch", (json_int_t)p->epoch, "finding", v.band,
                        "advice", v.advice));
}

/* The figure that train.monitor names: one of the history's. */
static double monitored(const struct loop *loop, struct epoch_figures *f)
{
    const struct config *c = loop->run->config;
    const char *name = config_choice("train", "monitor", c->train.monitor);
    const struct history_columns columns = history_columns(&loop->terms);
    for (size_t i = 0; i < columns.count; i++)
        if (!strcmp(columns.column[i].name, name))
            return *history_figure(f, &columns.column[i]);
    return f->val.loss;
}

/* Ends an epoch: figures, best model, schedule. */
static int end_epoch(struct loop *loop, struct error *err)
{
    struct training *run = loop->run;
    struct progress *p = &run->progress;
    struct epoch_figures f;
    if (figures_of(loop, &f, err))
        return -1;
    p->epoch++;
    p->done = 0;
    f.epoch = (double)p->epoch;
    memset(&p->metrics, 0, sizeof p->metrics);
    if (progress_add(p, &f, err))
        return -1;
    int best = judge(p, run->config, monitored(loop, &f));
    tell(loop, &f, best);
    tell_time(loop, seconds_left(loop));
    advise(loop);
    if (best) {
        char *path = train_path(run, "best.safetensors");
        int failed = path ? checkpoint_write_best(run->engine, p->epoch, run->plan, path, err)
                          : error_set(err, STATUS_FAILED, "out of memory");
        free(path);
        if (failed)
            return -1;
    }
    if (p->epoch == 1 || p->epoch == p->best_epoch)
        device_save_programs(run->engine->dev);
    return 0;
}

static int stopped_early(const struct training *run)
{
    return run->config->train.patience > 0 && run->progress.stale >= run->config->train.patience;
}

int train_is_over(const struct training *run)
{
    return run->progress.epoch >= run->config->train.epochs || stopped_early(run);
}

static int loop_epochs(struct loop *loop, struct error *err)
{
    struct training *run = loop->run;
    while (!train_is_over(run)) {
        int ended = run_epoch(loop, err);
        if (ended)
            return ended < 0 ? -1 : 0; /* interrupted: saved already */
        if (end_epoch(loop, err))
            return -1;
        int stop = *run->interrupted != 0; /* read once: a signal now is for the next step */
        if ((train_is_over(run) || stop || checkpoint_due(loop, 1)) && save(loop, err))
            return -1;
        if (stop)
            return 0;
    }
    if (stopped_early(run))
        log_say(run->log, "Stopped early: no improvement for %ld epochs.", run->progress.stale);
    return 0;
}

int train(struct training *run, struct error *err)
{
    const struct dataset *data = run->engine->data;
    struct loop loop = {.run = run,
                        .start = data->start[PART_TRAIN],
                        .n = data->count[PART_TRAIN],
                        .terms = model_terms(run->config),
                        .schedule = schedule_make(run->config, data->count[PART_TRAIN])};
    loop.began = loop.saved = loop.shown = now();
    loop.order = malloc((loop.n + 1) * sizeof *loop.order);
    int result =
        loop.order ? loop_epochs(&loop, err) : error_set(err, STATUS_FAILED, "out of memory");
    log_progress(run->log, "", 0, 0);
    run->progress.seconds += now() - loop.began;
    free(loop.order);
    return result;
}
