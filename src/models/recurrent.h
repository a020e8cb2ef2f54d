/* SPDX-License-Identifier: MIT */
/*
 * recurrent: LSTM, GRU or tanh RNN over the window, then a head (models/head.h).
 *
 * The core is PyTorch's module of that kind, its parameters `lstm.weight_ih_l0` and so on; with
 * layer norm each layer is a module of its own, `lstm.0.weight_ih_l0`, with `norm.0` behind it.
 * Dropout acts between layers. With model.attention_layers a transformer's layers stand behind the
 * core, `encoder.layers.0` and so on, without positions: the core knows the order. The PyTorch twin
 * is recurrent.py.
 */
#ifndef MODELS_RECURRENT_H
#define MODELS_RECURRENT_H

#include "models/model.h"

/* The core of model.cell, hidden, layers, bidirectional, layer_norm, dropout and attention_layers
 * over x [B, T, in]: [B, T, H], or with both directions [B, T, 2 H]. */
struct tensor *recurrent_core(struct graph *g, const struct config *config, struct tensor *x);

/* How many of its last columns are the backward direction's. */
size_t recurrent_reverse(const struct config *config);

/* Columns of the core's rows. */
size_t recurrent_columns(const struct config *config);

/* Columns of the attention layers behind the core; 0: there are none. */
long recurrent_attends(const struct config *config);

/* Its columns, of each layer and direction, which can be left out. */
int recurrent_units(const struct config *config, struct units *to, struct error *err);

/* What the core asks of its keys. */
config_checker recurrent_check;

#endif
