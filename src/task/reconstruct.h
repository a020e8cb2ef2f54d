/* SPDX-License-Identifier: MIT */
/*
 * reconstruct: the task of an autoencoder: windows beside their reconstructions, and the categories
 * of its latent vectors.
 */
#ifndef TASK_RECONSTRUCT_H
#define TASK_RECONSTRUCT_H

#include "analysis/verdict.h"
#include "task/categories.h"
#include "task/task_class.h"

extern const struct task_class task_reconstruct;

/* A result's own part. */
struct reconstruction {
    struct fit fit;
    struct grouping grouping; /* empty before they were analysed */
};

/* That of a result; NULL: of another task. */
struct reconstruction *reconstruct_of(const struct task_result *r);

#endif
