/* SPDX-License-Identifier: MIT */
#include "train/training.h"

#include <stdlib.h>

#include "train/collapse.h"
#include "train/schedule.h"
#include "util/file.h"

char *train_path(const struct training *t, const char *name)
{
    return file_join(t->folder, name);
}

int train_checkpoint(struct training *t, struct error *err)
{
    char *path = train_path(t, RUN_LAST), *former = train_path(t, RUN_FORMER);
    int result = path && former ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    if (!result)
        result = log_position(t->log, &t->progress.log_bytes, err);
    if (!result)
        result = checkpoint_write_last(t->engine, &t->progress, t->plan, path,
                                       t->from_former ? NULL : former, err);
    if (!result)
        t->from_former = 0;
    free(path);
    free(former);
    return result;
}

int train_stopped_early(const struct training *t)
{
    return t->config->train.patience > 0 && t->progress.stale >= t->config->train.patience;
}

long train_steps_before(const struct training *t)
{
    const long group = t->config->train.batch * t->config->train.accumulate;
    return t->progress.step - ((long)t->progress.done + group - 1) / group;
}

long train_epochs(const struct training *t)
{
    const struct config *c = t->config;
    const struct schedule s = schedule_make(c, t->engine->data->count[PART_TRAIN]);
    const long before = train_steps_before(t);
    const long left = s.total > before ? s.total - before : 0;
    return c->train.steps ? t->progress.epoch + (left + s.per_epoch - 1) / s.per_epoch
                          : c->train.epochs;
}

int train_is_over(const struct training *t)
{
    const struct progress *p = &t->progress;
    const long steps = t->config->train.steps;
    const int done = steps ? p->step >= steps && !p->done : p->epoch >= t->config->train.epochs;
    return done || train_stopped_early(t) || train_collapsed(t);
}

int train_collapsed(const struct training *t)
{
    return collapse_of(t->progress.collapsed).told && t->config->caption.collapse == COLLAPSE_STOP;
}

int train_writes(const struct training *t)
{
    return !comm_rank(t->comm);
}

int train_look_stop(struct training *t, struct error *err)
{
    t->stopped = *t->interrupted;
    return t->comm ? comm_agree(t->comm, &t->stopped, err) : 0;
}
