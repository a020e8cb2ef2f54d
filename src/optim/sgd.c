/* SPDX-License-Identifier: MIT */
#include "optim/optim.h"

static void sgd_constants(const struct config *c, struct launch *l)
{
    launch_float(l, c->train.weight_decay);
    launch_float(l, c->train.momentum);
    launch_int(l, (size_t)c->train.nesterov);
}

const struct optim_class optim_sgd = {
    .name = "sgd",
    .slots = 1,
    .slot = {"momentum_buffer"},
    .file = "sgd.cl",
    .kernel = "sgd",
    .flops = 8,
    .constants = sgd_constants,
};
