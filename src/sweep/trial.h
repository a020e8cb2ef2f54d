/* SPDX-License-Identifier: MIT */
/*
 * trial: what is known of a run of a sweep, as samplers and pruners see it: a point and figures.
 * They know no file and no process. Who asks them owns the arrays.
 */
#ifndef SWEEP_TRIAL_H
#define SWEEP_TRIAL_H

#include <stddef.h>

enum trial_state { TRIAL_RUNNING, TRIAL_DONE, TRIAL_PRUNED, TRIAL_FAILED };

/* The monitored figure of an epoch. Epochs count from 1. */
struct trial_report {
    size_t epoch;
    double figure; /* may be NaN */
};

struct trial {
    enum trial_state state;
    const double *point; /* [axes], see axis.h */
    double figure;       /* TRIAL_DONE: what the search is for; a done trial with NaN has failed */
    const struct trial_report *report; /* in the order of epochs; there may be gaps */
    size_t reports;
    size_t rungs; /* 0 at first; pruner_asha() counts here the rungs that the trial was judged at */
};

#endif
