/* SPDX-License-Identifier: MIT */
/*
 * sampler: where in the space of its axes a sweep tries next. Pure functions: the same axes, seed,
 * history and number give the same point. Random numbers come from Philox by seed, number and the
 * names of the axes. Numbers that are not whole have 6 digits.
 *
 * sampler_random() is even over each axis, whatever other axes there are.
 *
 * sampler_tpe() is the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kegl,
 * "Algorithms for hyper-parameter optimization", NIPS 2011) by the rules of Optuna 5.0.0's
 * TPESampler with its defaults, in which one kernel spans all axes (multivariate: Falkner, Klein
 * and Hutter, "BOHB", ICML 2018).
 *
 * - While fewer than startup_trials are done or pruned, the point is that of sampler_random().
 * - Of n trials that are done or pruned, the best min(ceil(n / 10), 25) are `good`, the others
 *   `bad`. Done trials come before pruned ones. Done trials are ordered by their figure, pruned
 *   ones by their last epoch (later is better), then by its figure (NaN is the worst). Failed
 *   trials count for nothing.
 * - Running trials are `bad` (Optuna's constant_liar = True, its default since 5.0.0), so that runs
 *   side by side keep apart.
 * - Good and bad trials become densities l(x) and g(x): mixtures of one kernel a trial and one for
 *   the prior. All weigh 1 but the oldest of more than 25 trials: the last 25 weigh 1, those before
 *   them lie on a ramp from 1/n to 1. A kernel is a product over the axes.
 * - On an axis of numbers it is a normal around the trial's value, cut at the bounds. Its sigma is
 *   the larger distance to the next values of the mixture on both sides (at the ends of the row: to
 *   the only one; of a single value: to the bounds), at least (high - low) / min(100, kernels + 1)
 *   ("magic clip"), at most high - low. Equal values stand in the order of their trials. The prior
 *   has the middle and high - low. AXIS_LOG lives in logarithms. A whole number has the probability
 *   of the interval from 1/2 below to 1/2 above it; low and high lie 1/2 farther out.
 * - On an axis of choices the trial's own weighs 1 + 1/kernels and each other 1/kernels. The prior
 *   is even.
 * - 24 points are drawn from l; that of the greatest l(x) / g(x) is it.
 */
#ifndef SWEEP_SAMPLER_H
#define SWEEP_SAMPLER_H

#include <stdint.h>

#include "sweep/axis.h"
#include "sweep/trial.h"

struct sampler {
    const struct axis *axis;
    size_t axes;
    uint64_t seed;
    int maximize;          /* the greatest figure is the best */
    size_t startup_trials; /* Optuna's default is 10 */
};

/* Fills in point[axes] of the trial of a number. */
void sampler_random(const struct sampler *s, size_t number, double *point);

/* Whether so many trials have ended that sampler_tpe() draws no random point. */
int sampler_is_tpe(const struct sampler *s, const struct trial *trial, size_t trials);

/*
 * The same, from the trials so far in the order of their numbers, without the one that is asked
 * for. Returns -1 without memory.
 */
int sampler_tpe(const struct sampler *s, const struct trial *trial, size_t trials, size_t number,
                double *point);

#endif
