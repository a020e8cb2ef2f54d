/* SPDX-License-Identifier: MIT */
#include "analysis/work.h"

struct plan *work_new(struct device *dev, const char *what, struct error *err)
{
    struct plan *work = plan_new(dev, NULL);
    if (!work)
        error_set(err, STATUS_FAILED, "%s: out of memory", what);
    return work;
}

/* Leaves a launch's figures with the device. The first run may have compiled the kernel: it counts
 * as one of the others, where there are others. */
static void tell_spent(struct device *dev, const struct launch *l)
{
    const double runs = (double)l->runs;
    double seconds = l->seconds;
    if (l->runs > 1)
        seconds = (seconds - kernel_first(l->kernel)) * runs / (runs - 1);
    if (l->runs)
        device_spend(dev, &(struct device_spent){l->name, seconds, l->flops * runs, l->bytes * runs,
                                                 l->runs});
}

void work_free(struct plan *work)
{
    for (size_t i = 0; work && i < work->launch_count; i++)
        tell_spent(work->dev, work->launches[i]);
    plan_free(work);
}

int work_prepare(struct plan *work, struct error *err)
{
    return plan_place(work, err) || exec_prepare(work, NULL, NULL, err) ? -1 : 0;
}

int work_run(struct plan *work, size_t from, size_t to, struct error *err)
{
    return device_watched(work->dev) ? exec_run_profiled(work, from, to, err)
                                     : exec_run(work, from, to, err);
}

void work_set_int(struct launch *l, unsigned index, size_t value)
{
    kernel_set_int(l->kernel, index, (int32_t)value);
}

int work_write(struct tensor *t, size_t bytes, const void *from, struct error *err)
{
    return buffer_write(t->buffer, 0, bytes, from, err);
}

int work_read(const struct tensor *t, size_t bytes, void *to, struct error *err)
{
    return buffer_read(t->buffer, 0, bytes, to, err);
}
