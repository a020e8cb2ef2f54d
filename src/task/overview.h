/* SPDX-License-Identifier: MIT */
/*
 * overview: what the data of a configuration looks like, without a model: series, parts, ranges of
 * features, distributions of targets.
 */
#ifndef TASK_OVERVIEW_H
#define TASK_OVERVIEW_H

#include "config/config.h"
#include "data/dataset.h"
#include "error.h"

/*
 * Prints to standard output and draws data_overview.png and, with targets,
 * target_distribution.png into run.output, which is made if it is missing; with data.augment also
 * augmentation.png, for which a device is opened: where there is none, that is said.
 */
int overview_report(const struct config *config, const struct dataset *data, struct error *err);

#endif
