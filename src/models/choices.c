/* SPDX-License-Identifier: MIT */
/*
 * Enums of operations that models make of a key's choice by a cast: each of the key's choices must
 * be the enumerator of its number, and there must be none more. This file holds no code.
 */
#include "config/config.h"
#include "ops/ops.h"

#define SAME(choice, kind) \
    _Static_assert((int)(choice) == (int)(kind), #choice " and " #kind " are one number");
#define UP_TO(choices, kind) \
    _Static_assert((int)(choices) == (int)(kind) + 1, #kind " stands for the last of " #choices);

SAME(LOSS_MSE, LOSS_KIND_MSE)
SAME(LOSS_MAE, LOSS_KIND_MAE)
SAME(LOSS_HUBER, LOSS_KIND_HUBER)
SAME(LOSS_BCE, LOSS_KIND_BCE)
UP_TO(CHOICES_loss_reconstruction, LOSS_KIND_HUBER)
UP_TO(CHOICES_loss_target, LOSS_KIND_BCE)

SAME(HEAD_LAST, POOL_LAST)
SAME(HEAD_MEAN, POOL_MEAN)
SAME(HEAD_ATTENTION, POOL_ATTENTION)
SAME(HEAD_FLATTEN, POOL_FLATTEN)
UP_TO(CHOICES_model_head, POOL_FLATTEN)

SAME(CELL_LSTM, CELL_KIND_LSTM)
SAME(CELL_GRU, CELL_KIND_GRU)
SAME(CELL_RNN, CELL_KIND_RNN)
UP_TO(CHOICES_model_cell, CELL_KIND_RNN)
