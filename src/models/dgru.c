/* SPDX-License-Identifier: MIT */
#include "models/dgru.h"

#include <math.h>

#include "ops/ops.h"

#define FEATURES 6

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    size_t rows = g->batch * shape->window, hidden = (size_t)config->model.hidden;
    size_t last = hidden + FEATURES;
    struct drop drop = {0, io->sample, 1, ""};
    int orthogonal = config->model.recurrent_init == RECURRENT_ORTHOGONAL;
    int own = !orthogonal && config->model.initialisation == DRAW_PYTORCH; /* OpenDPD's */
    struct tensor *f = op_iq_features(g, io->input, rows), *h = f;         /* [B T, 6] */
    for (size_t i = 0; i < (size_t)config->model.layers; i++) {
        const struct cell cell = {
            .kind = CELL_KIND_GRU,
            .hidden = hidden,
            .input = !own ? g->params->weights
                     : i  ? INIT_ORTHOGONAL
                          : INIT_XAVIER_UNIFORM,
            .recurrent = own || orthogonal ? INIT_ORTHOGONAL : INIT_UNIFORM,
            .zero_biases = own || g->params->weights != INIT_UNIFORM,
        };
        h = op_recurrent(g, h, shape->window, i ? hidden : FEATURES, &cell, "rnn", i);
    }
    if (own)
        h = op_linear_named(g, h, rows, hidden, hidden, "fc_hid.weight", "fc_hid.bias",
                            sqrt(6 / (double)hidden), 0);
    else
        h = op_linear(g, h, rows, hidden, hidden, "fc_hid");
    h = op_bias(g, h, rows, hidden, ACT_RELU, NULL, &drop);
    h = op_join(g, h, hidden, f, FEATURES, rows);
    if (own)
        h = op_linear_named(g, h, rows, last, shape->targets, "fc_out.weight", "fc_out.bias",
                            sqrt(6 / (double)(last + shape->targets)), 0);
    else
        h = op_linear(g, h, rows, last, shape->targets, "fc_out");
    io->output = op_bias(g, h, rows, shape->targets, ACT_NONE, NULL, &drop);
}

const struct model_class model_dgru = {
    .name = "dgru",
    .python = "recurrent.py",
    .build = build,
    .supervised = 1,
    .carries = 1,
};
