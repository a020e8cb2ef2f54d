/* SPDX-License-Identifier: MIT */
/*
 * work: the launches of an analysis, declared as those of a model are: work_new(), then tensors and
 * launches by exec/exec.h, work_prepare(), work_run() as often as needed, work_free(). While the
 * device is watched each launch is waited for, and what it took stays with the device when the work
 * is freed. Whoever makes a work owns it.
 */
#ifndef ANALYSIS_WORK_H
#define ANALYSIS_WORK_H

#include "exec/exec.h"

/* NULL without memory: "WHAT: out of memory". */
struct plan *work_new(struct device *dev, const char *what, struct error *err);
void work_free(struct plan *work);

/* Places, memory and kernels. */
int work_prepare(struct plan *work, struct error *err);

/* Enqueues launches [from, to). */
int work_run(struct plan *work, size_t from, size_t to, struct error *err);

/* Gives a kernel's argument another value, from the next run on. */
void work_set_int(struct launch *l, unsigned index, size_t value);

/* Blocking copies of the first `bytes` of a tensor that keeps its contents. */
int work_write(struct tensor *t, size_t bytes, const void *from, struct error *err);
int work_read(const struct tensor *t, size_t bytes, void *to, struct error *err);

#endif
