/* SPDX-License-Identifier: MIT */
#include "models/dgru.h"

#include <math.h>
#include <string.h>

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

/* Whether features may stand for more of them, which only the files tell. */
static int dgru_has_globs(const struct config *c)
{
    for (size_t i = 0; i < c->data.features.count; i++)
        if (strpbrk(c->data.features.item[i], "*?"))
            return 1;
    return 0;
}

static void dgru_check(struct config_making *making, const struct config *c)
{
    if ((c->data.features.count != 2 && !dgru_has_globs(c)) || c->data.target_rows != TARGET_WINDOW)
        config_clash(making, "data.features", "model.type",
                     "type = dgru needs two features, I and Q, and target_rows = window");
    if (c->data.channels == CHANNELS_APART)
        config_clash(making, "data.channels", "model.type", "type = dgru needs I and Q together");
}

static int dgru_check_features(const struct config *c, struct error *err)
{
    if (c->data.features.count == 2)
        return 0;
    return error_set(err, STATUS_USAGE,
                     "[data] features: type = dgru needs two features, I and Q, and these stand "
                     "for %zu",
                     c->data.features.count);
}

const struct model_class model_dgru = {
    .name = "dgru",
    .check = dgru_check,
    .check_features = dgru_check_features,
    .python = "recurrent.py",
    .build = build,
    .supervised = 1,
    .carries = 1,
};
