/* SPDX-License-Identifier: MIT */
/*
 * pruner: whether a run of a sweep ends before its last epoch. Pure functions of the figures so
 * far. They are asked after each report of a trial; its last report is the one that is judged.
 * Keys, defaults and decisions are those of Optuna 5.0.0's MedianPruner and
 * SuccessiveHalvingPruner; a step of Optuna's is an epoch.
 *
 * pruner_median() ends a trial whose best figure so far is worse than the median of what the done
 * trials had at the same epoch. NaN counts in neither; a trial that had nothing else ends. Nobody
 * ends where an infinite figure stands next to the median, as numpy's percentile is NaN there.
 *
 * pruner_asha() is successive halving that waits for nobody (Li, Jamieson, Rostamizadeh, Gonina,
 * Hardt, Recht and Talwalkar, "A system for massively parallel hyperparameter tuning", MLSys 2020).
 * Rung k is at epoch min_resource * reduction_factor^(min_early_stopping_rate + k). A trial goes on
 * from a rung where its figure is among the best 1/reduction_factor of those that came there so
 * far, whatever became of them; while these are fewer than reduction_factor, where it is the best.
 * A trial whose figure is NaN ends there and is not counted.
 */
#ifndef SWEEP_PRUNER_H
#define SWEEP_PRUNER_H

#include "sweep/trial.h"

struct pruner {
    int maximize; /* the greatest figure is the best */
    /* median */
    size_t startup_trials; /* none ends before so many are done */
    size_t warmup_steps;   /* none ends before this epoch */
    size_t interval_steps; /* epochs between decisions */
    size_t min_trials;     /* with figures of the epoch that a decision needs */
    /* asha */
    size_t min_resource;
    size_t reduction_factor;
    size_t min_early_stopping_rate;
};

extern const struct pruner pruner_defaults;

/* Whether trial[which] ends: 1 or 0; -1 without memory. */
int pruner_median(const struct pruner *p, const struct trial *trial, size_t trials, size_t which);

/* Whether trial[which] ends: 1 or 0. Counts the rungs that it was judged at. */
int pruner_asha(const struct pruner *p, struct trial *trial, size_t trials, size_t which);

#endif
