/* SPDX-License-Identifier: MIT */
#include "train/saving.h"

#include <math.h>
#include <stdlib.h>

#include "train/adapters.h"
#include "util/now.h"

int saving_last(struct loop *loop, struct error *err)
{
    struct progress *p = &loop->training->progress;
    double t = now();
    p->seconds += t - loop->began;
    loop->began = loop->saved = t;
    if (!train_writes(loop->training))
        return 0;
    log_event(loop->training->log, "checkpoint",
              json_pack("{s:I, s:I}", "epoch", (json_int_t)p->epoch, "step", (json_int_t)p->step));
    return train_checkpoint(loop->training, err);
}

int saving_is_due(const struct loop *loop, int end_of_epoch)
{
    const struct span every = loop->training->config->train.checkpoint;
    const struct progress *p = &loop->training->progress;
    if (every.unit == SPAN_MINUTES)
        return now() - loop->saved >= every.value * 60;
    if (every.unit == SPAN_EPOCHS && every.value >= 1)
        return end_of_epoch && p->epoch % lround(every.value) == 0;
    long steps = schedule_span(&loop->schedule, every);
    return p->step % (steps > 0 ? steps : 1) == 0;
}

int saving_best(struct loop *loop, struct error *err)
{
    const struct training *t = loop->training;
    if (!train_writes(t))
        return 0;
    char *path = train_path(t, "best.safetensors");
    int failed = path ? checkpoint_write_best(t->engine, t->progress.epoch, t->plan, path, err)
                      : error_set(err, STATUS_FAILED, "out of memory");
    free(path);
    return failed || adapters_write(t->engine, t->folder, err) ? -1 : 0;
}
