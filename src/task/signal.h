/* SPDX-License-Identifier: MIT */
/*
 * signal: the task of a model of I/Q signals: a forecast row by row, whose part is also judged as
 * one signal, by NMSE, ACLR and EVM.
 */
#ifndef TASK_SIGNAL_H
#define TASK_SIGNAL_H

#include "task/task_class.h"
#include "train/monitor.h"

extern const struct task_class task_signal;

/* Two features, two targets, row by row, of which something is said in [signal]. */
int task_signal_applies(const struct config *config, const struct dataset *data);

/* The same as far as the configuration tells: without the features. */
int task_signal_is_asked(const struct config *config);

/* What train.monitor may name of such a model. */
struct measures task_signal_measures(void);

/* Whether the channel that [signal] describes can be read and measured in. */
int task_signal_check(const struct config *config, struct error *err);

#endif
