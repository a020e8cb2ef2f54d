/* SPDX-License-Identifier: MIT */
#include "optim/optim.h"

/* update: lr * weight_decay */
static void lion_step(const struct config *c, double lr, struct step *step)
{
    step->update[0] = (float)(lr * c->train.weight_decay);
}

static void lion_constants(const struct config *c, struct launch *l)
{
    launch_float(l, c->train.beta1);
    launch_float(l, 1 - c->train.beta1);
    launch_float(l, c->train.beta2);
    launch_float(l, 1 - c->train.beta2);
}

const struct optim_class optim_lion = {
    .name = "lion",
    .slots = 1,
    .slot = {"exp_avg"},
    .file = "lion.cl",
    .kernel = "lion",
    .flops = 12,
    .constants = lion_constants,
    .step = lion_step,
};
