/* SPDX-License-Identifier: MIT */
/*
 * dgru: the GRU with features of a power amplifier's input, as the package OpenDPD defines it (Wu
 * et al., "OpenDPD: an open-source end-to-end learning and benchmarking framework for wideband
 * power amplifier modeling and digital pre-distortion", 2024):
 *
 *   f = I, Q, |x|, |x|^3, sin, cos;  h = GRU(f);  y = fc_out(relu(fc_hid(h)), f)
 *
 * Parameters `rnn.weight_ih_l0` ..., `fc_hid.*`, `fc_out.*` are those of OpenDPD's DGRU (in its
 * whole model each has `backbone.` before it). With model.initialisation and recurrent_init =
 * pytorch they are drawn as OpenDPD draws them: each gate's weights Xavier uniform (input) and
 * orthogonal, fc_hid Kaiming uniform, fc_out Xavier uniform, biases 0. The PyTorch twin is in
 * recurrent.py.
 */
#include <math.h>
#include <string.h>

#include "models/head.h"
#include "models/model.h"
#include "ops/ops.h"

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    const size_t hidden = (size_t)config->model.hidden;
    int orthogonal = config->model.recurrent_init == RECURRENT_ORTHOGONAL;
    int own = !orthogonal && config->model.initialisation == DRAW_PYTORCH; /* OpenDPD's */
    struct tensor *f = op_iq_features(g, io->input), *h = f;               /* [B, T, 6] */
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
        graph_layer(g);
        h = op_recurrent(g, h, &cell, "rnn", i);
    }
    graph_layers_end(g);
    if (own)
        h = op_linear_named(g, h, hidden, "fc_hid.weight", "fc_hid.bias", sqrt(6 / (double)hidden),
                            0);
    else
        h = op_linear(g, h, hidden, "fc_hid");
    h = op_concat(g, op_activation(g, h, ACT_RELU, "fc_hid"), f);
    model_show(g, shape, io, h, 0);
    if (own)
        io->output = op_linear_named(g, h, shape->targets, "fc_out.weight", "fc_out.bias",
                                     sqrt(6 / (double)(tensor_columns(h) + shape->targets)), 0);
    else
        io->output = op_linear(g, h, shape->targets, "fc_out");
}

/* Those of fc_hid, and the features of the input. */
static size_t dgru_columns(const struct config *config)
{
    return (size_t)config->model.hidden + 6;
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
    .columns = dgru_columns,
    .supervised = 1,
    .by_integers = 1,
    .carries = 1,
};
