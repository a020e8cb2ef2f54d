/* SPDX-License-Identifier: MIT */
/*
 * task: which task a model and its data are for, and what is made of a trained model: the verdict
 * and the pictures.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include "task/task_class.h"
#include "train/checkpoint.h"
#include "train/monitor.h"

const struct task_class *task_of(const struct config *config, const struct dataset *data);

/* What train.monitor may name of the model beside its loss. */
struct measures task_measures(const struct config *config);

/* Tells by config_clash() where the metric that is monitored is one that there will not be. */
void task_check_metric(struct config_making *making, const struct config *config,
                       const struct metric *metric);

/* Whether what reports will need can be read, before there is anything to report. */
int task_check(const struct config *config, struct error *err);

/* Tells which figures there will not be, and why, once the parts of the data are known. -1 where
 * that cannot be read. */
int task_expect(const struct config *config, const struct dataset *data, struct log *log,
                struct error *err);

/*
 * After training: expects the best weights in the engine. Writes what comes of them into `folder`,
 * tells the verdict. `interrupted` ends it early with nothing lost (returns 1).
 */
int task_report(struct engine *e, const struct progress *progress, const char *folder,
                struct log *log, const volatile sig_atomic_t *interrupted, struct error *err);

#endif
