/* SPDX-License-Identifier: MIT */
/*
 * transformer: encoder layers as torch.nn.TransformerEncoderLayer (batch_first),
 * with its parameter names, its dropout sites and its initialisation.
 */
#ifndef MODELS_TRANSFORMER_H
#define MODELS_TRANSFORMER_H

#include "config/config.h"
#include "models/units.h"
#include "ops/ops.h"

struct transformer {
    size_t window, width, heads, layers, feedforward; /* T, D, H, N, FF */
    enum act act;
    double dropout;
    int norm_first;
    int rms;        /* RMSNorm instead of layer norm */
    int final_norm; /* `name`.norm behind the last layer */
    struct attend attend;
    struct tensor *rotary; /* op_rotary_table(g, T, D / heads), or NULL */
    const char *view; /* in front of the names that key dropout: "" or, for a second pass over the
                         same samples, something else */
};

/* As the configuration's keys say: heads, kv_heads, feedforward, activation, dropout, norm,
 * norm_first, attention. Positions are not rotary; a final norm stands where norms come first. */
struct transformer transformer_of(const struct config *config, size_t window, size_t width,
                                  size_t layers);

/* Columns of the layers of a model that has no others: model.d_model. */
long transformer_attends(const struct config *config);

/* What such a model asks of its keys, and what any with such layers asks of model.kv_heads. */
config_checker transformer_check;
config_checker transformer_check_keys;

/* The units between linear1 and linear2 of each of the model's layers, of encoders `names` [count].
 */
int transformer_units(const struct config *config, struct units *to, const char *const *names,
                      size_t count);

/* `name`.layers.0 ... applied to h [B, T, D]. */
struct tensor *transformer_encoder(struct graph *g, struct tensor *h, const struct transformer *t,
                                   const char *name);

/* Positions [T, D] to be added to the rows: a parameter, or sinusoids (Vaswani et al., 2017). */
struct tensor *transformer_positions(struct graph *g, const struct transformer *t, int learned,
                                     const char *name);

#endif
