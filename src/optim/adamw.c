/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "optim/optim.h"

/* update: lr * weight_decay, 1 - beta1^t, sqrt(1 - beta2^t) */
static void adamw_step(const struct config *c, double lr, struct step *step)
{
    const double t = step->number;
    step->update[0] = (float)(lr * c->train.weight_decay);
    step->update[1] = (float)(1 - pow(c->train.beta1, t));
    step->update[2] = (float)sqrt(1 - pow(c->train.beta2, t));
}

static void adamw_constants(const struct config *c, struct launch *l)
{
    launch_float(l, c->train.beta1);
    launch_float(l, 1 - c->train.beta1);
    launch_float(l, c->train.beta2);
    launch_float(l, 1 - c->train.beta2);
    launch_float(l, c->train.epsilon);
}

const struct optim_class optim_adamw = {
    .name = "adamw",
    .slots = 2,
    .slot = {"exp_avg", "exp_avg_sq"},
    .file = "optimizer.cl",
    .kernel = "adamw",
    .flops = 14,
    .constants = adamw_constants,
    .step = adamw_step,
};
