/* SPDX-License-Identifier: MIT */
#include "task/task_class.h"

#include <math.h>

int task_evaluate(struct task_result *r, const struct task_class *class, struct engine *e,
                  const uint32_t *start, size_t count, struct log *log, struct error *err)
{
    *r = (struct task_result){.class = class, .e = e, .windows = count};
    return class->evaluate(r, start, log, err);
}

void task_release(struct task_result *r)
{
    r->class->release(r);
}

size_t task_block(size_t elems)
{
    size_t block = ((size_t)4 << 20) / (elems + 1) + 1;
    return block < 4096 ? block : 4096;
}

void task_set_fold(json_t *to, const struct dataset *data)
{
    if (!data->fold.folds)
        return;
    json_object_set_new(to, "fold", json_integer((json_int_t)data->fold.fold));
    json_object_set_new(to, "folds", json_integer((json_int_t)data->fold.folds));
}

void task_set_said(json_t *to, struct log *log)
{
    json_t *said = log_kept(log);
    if (said)
        json_object_set_new(to, "said", said);
}
