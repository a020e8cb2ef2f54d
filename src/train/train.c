/* SPDX-License-Identifier: MIT */
#include "train/train.h"

#include <stdlib.h>

#include "train/figures.h"
#include "train/histograms.h"
#include "train/saving.h"
#include "train/steps.h"
#include "train/telling.h"
#include "util/now.h"

/* Between two steps: progress, a look at the training, a checkpoint. 1: interrupted and saved. */
static int tick(struct loop *loop, struct error *err)
{
    struct training *t = loop->training;
    const struct progress *p = &t->progress;
    char text[64];
    snprintf(text, sizeof text, "Epoch %04ld/%ld", p->epoch + 1, train_epochs(t));
    log_progress(t->log, text, p->done, loop->n);
    sensors_step(loop);
    if (watch_step(loop, err) || train_look_stop(t, err))
        return -1;
    if (p->done >= loop->n || !(t->stopped || saving_is_due(loop, 0)))
        return 0;
    return figures_sum(loop, err) || saving_last(loop, err) ? -1 : t->stopped;
}

/* The epoch is done: its figures go into the history. */
static int end_epoch(struct loop *loop, struct epoch_figures *f, struct error *err)
{
    struct progress *p = &loop->training->progress;
    if (figures_of(loop, f, err) || sensors_gather(loop, err))
        return -1;
    p->epoch++;
    p->done = 0;
    f->epoch = (double)p->epoch;
    figures_forget(&p->metrics);
    return progress_add(p, f, err);
}

/* Asks whether the training goes on. */
static int judge_epoch(struct training *t, struct epoch_figures *f, struct error *err)
{
    int said = t->judge.ask ? t->judge.ask(t->judge.ctx, t->progress.epoch,
                                           monitor_figure(&t->monitor, f), train_is_over(t), err)
                            : 0;
    if (said < 0)
        return -1;
    if (!said)
        return 0;
    t->pruned = 1;
    log_event(t->log, "pruned", json_pack("{s:I}", "epoch", (json_int_t)t->progress.epoch));
    log_say(t->log, "Pruned after epoch %ld: other runs of the sweep are better.",
            t->progress.epoch);
    return 0;
}

/* What is kept of an epoch. 1: interrupted, or pruned. */
static int keep_epoch(struct loop *loop, struct epoch_figures *f, int best, struct error *err)
{
    struct training *t = loop->training;
    if (best && saving_best(loop, err))
        return -1;
    if (t->progress.epoch == 1 || t->progress.epoch == t->progress.best_epoch)
        device_save_programs(t->engine->dev);
    if (train_look_stop(t, err)) /* once: a signal from now on is for the next step */
        return -1;
    if (!t->stopped && judge_epoch(t, f, err))
        return -1;
    if ((train_is_over(t) || t->stopped || t->pruned || saving_is_due(loop, 1)) &&
        saving_last(loop, err))
        return -1;
    return t->stopped || t->pruned;
}

/* The training. 1: a signal or a judge ended it, and it has been saved. */
static int loop_epochs(struct loop *loop, struct error *err)
{
    struct training *t = loop->training;
    struct epoch_figures figures;
    struct step step;
    if (t->config->train.precision == PRECISION_FP16 && !t->progress.step)
        t->progress.metrics.log2_scale = SCALE_FIRST;
    for (int ended = 0; !train_is_over(t);) {
        if (steps_begin(loop, err))
            return -1;
        while (steps_next(loop, &step)) {
            while (steps_batch(loop, &step))
                if (engine_micro(t->engine, &step, err)) /* forward and backward */
                    return -1;
            if (histograms_gradients(loop, &step, err) || engine_update(t->engine, err) ||
                steps_done(loop, &step, err))
                return -1;
            if ((ended = tick(loop, err)))
                return ended;
        }
        if (end_epoch(loop, &figures, err))
            return -1;
        int best = figures_judge(loop, &figures);
        telling_epoch(loop, &figures, best);
        if (histograms_weights(loop, err))
            return -1;
        watch_epoch(loop, &figures);
        if ((ended = keep_epoch(loop, &figures, best, err)))
            return ended;
    }
    if (train_collapsed(t))
        log_say(t->log, "Stopped: captions are nearly all the same (caption.collapse = stop).");
    else if (train_stopped_early(t))
        log_say(t->log, "Stopped early: no improvement for %ld epochs.", t->progress.stale);
    return 0;
}

int train(struct training *t, struct error *err)
{
    const struct dataset *data = t->engine->data;
    struct loop loop = {.training = t,
                        .start = data->start[PART_TRAIN],
                        .windows = data->count[PART_TRAIN],
                        .terms = model_terms(t->config),
                        .schedule = schedule_make(t->config, data->count[PART_TRAIN])};
    loop.began = loop.saved = now();
    loop.pass = calloc(loop.windows + 1, sizeof *loop.pass);
    loop.order = calloc(loop.schedule.samples + 1, sizeof *loop.order);
    watch_begin(&loop);
    int ended = loop.pass && loop.order ? loop_epochs(&loop, err)
                                        : error_set(err, STATUS_FAILED, "out of memory");
    watch_end(&loop);
    log_progress(t->log, "", 0, 0);
    t->progress.seconds += now() - loop.began;
    free(loop.pass);
    free(loop.order);
    free(loop.sensors.other);
    return ended < 0 ? -1 : 0;
}
