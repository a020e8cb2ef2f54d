/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include <math.h>

#include "task/captions.h"
#include "task/forecast.h"
#include "task/language.h"
#include "task/pictures.h"
#include "task/reconstruct.h"
#include "task/signal.h"

const struct task_class *task_of(const struct config *config, const struct dataset *data)
{
    if (data->captioned)
        return &task_captions;
    if (data->token)
        return &task_language;
    if (!data->targets)
        return &task_reconstruct;
    return task_signal_applies(config, data) ? &task_signal : &task_forecast;
}

struct measures task_measures(const struct config *config)
{
    if (config->model.type == MODEL_CAPTIONER)
        return task_captions_measures();
    if (!config->data.targets.count)
        return (struct measures){0};
    return task_signal_is_asked(config) ? task_signal_measures() : forecast_measures(config);
}

void task_check_metric(struct config_making *making, const struct config *config,
                       const struct metric *metric)
{
    if (config->model.type == MODEL_CAPTIONER)
        task_captions_check(making, config, metric);
}

int task_check(const struct config *config, struct error *err)
{
    return task_signal_check(config, err);
}

int task_expect(const struct config *config, const struct dataset *data, struct log *log,
                struct error *err)
{
    const struct task_class *class = task_of(config, data);
    return class->expect ? class->expect(data, config, log, err) : 0;
}

/* The first term of the training loss in the best epoch. */
static double best_training(const struct progress *p)
{
    return p->best_epoch > 0 && (size_t)p->best_epoch <= p->epochs
               ? p->history[p->best_epoch - 1].train.term[0]
               : NAN;
}

/* Verdict, what else there is, and pictures of a result. */
static int report_result(struct task_result *r, const struct progress *p, enum part part,
                         const struct task_report_to *to, struct error *err)
{
    const struct picture_of of = {
        .result = r,
        .part = part,
        .progress = p,
        .to = to,
        .about = {r->e->config->run.name, "seqtrain " PACKAGE_VERSION, p->best_epoch}};
    log_keep(to->log); /* its verdict has them, for those who read the log later */
    r->class->tell(r, to);
    json_decref(log_kept(to->log));
    int ended = r->class->analyse ? r->class->analyse(r, to, err) : 0;
    return ended ? ended : pictures_draw(&of, err);
}

int task_report(struct engine *e, const struct progress *p, const char *folder, struct log *log,
                const volatile sig_atomic_t *interrupted, struct error *err)
{
    static const char *const names[] = {"training", "validation", "test"};
    const struct dataset *data = e->data;
    enum part part = data->count[PART_TEST]         ? PART_TEST
                     : data->count[PART_VALIDATION] ? PART_VALIDATION
                                                    : PART_TRAIN;
    char fold[64] = "";
    if (data->fold.folds)
        snprintf(fold, sizeof fold, ", fold %zu of %zu", data->fold.fold, data->fold.folds);
    const struct task_report_to to = {.part = names[part],
                                      .fold = fold,
                                      .folder = folder,
                                      .epoch = p->best_epoch,
                                      .train = best_training(p),
                                      .log = log,
                                      .interrupted = interrupted};
    struct task_result r;
    size_t count;
    const uint32_t *start = dataset_windows(data, part, &count);
    if (!count) {
        log_warn(log, "no predictions: the %s part holds no window of data.eval_window = %zu rows",
                 names[part], data->eval_window);
        return 0;
    }
    int ended = task_evaluate(&r, task_of(e->config, data), e, start, count, log, err);
    if (ended)
        return ended;
    ended = report_result(&r, p, part, &to, err);
    task_release(&r);
    return ended;
}
