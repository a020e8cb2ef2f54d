/*
 * transformer: encoder layers as torch.nn.TransformerEncoderLayer (batch_first, no final norm),
 * with its parameter names, its dropout sites and its initialisation.
 */
#ifndef MODELS_TRANSFORMER_H
#define MODELS_TRANSFORMER_H

#include "ops/ops.h"

struct transformer {
    size_t window, width, heads, layers, feedforward; /* T, D, H, N, FF */
    enum act act;
    double dropout;
    int norm_first;
    struct attend attend; /* rotary: op_rotary_table(g, T, D / heads) */
    struct tensor *sample;
};

/* `name`.layers.0 ... applied to h [B T, D]. */
struct tensor *transformer_encoder(struct graph *g, struct tensor *h, const struct transformer *t,
                                   const char *name);

/* Sinusoidal positions (Vaswani et al., 2017): [window, width] into `to`. */
void transformer_sinusoids(float *to, size_t window, size_t width);

#endif
