/* SPDX-License-Identifier: MIT */
/*
 * cnn_recurrent: 1-D convolutions over the window, then recurrent layers and a head.
 *
 * For each of model.conv_channels a convolution `conv.N`, a norm `conv_norm.N` (batch norm, in
 * front of which the convolution has no bias, layer norm over channels, or none), the activation
 * and max pooling; then the core of models/recurrent.h over the rows that are left, and
 * models/head.h. The PyTorch twin is cnn_recurrent.py.
 */
#include <stdio.h>
#include <stdlib.h>

#include "models/head.h"
#include "models/model.h"
#include "models/recurrent.h"
#include "ops/ops.h"

/* A number of channels as the INI gives it. */
static size_t channels_of(struct graph *g, const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end != text && !*end && n >= 1 && n <= 16384)
        return (size_t)n;
    char what[64];
    snprintf(what, sizeof what, "has '%.20s', not a number of 1 to 16384", text);
    graph_fault(g, "model.conv_channels", what);
    return 1;
}

static enum act activation(const struct config *config)
{
    static const enum act acts[CHOICES_model_activation] = {
        [ACTIVATION_GELU] = ACT_GELU, [ACTIVATION_RELU] = ACT_RELU, [ACTIVATION_RRELU] = ACT_RRELU};
    return acts[config->model.activation];
}

/* Layer number `layer` of the convolutions. */
static struct tensor *convolve(struct graph *g, const struct config *config, struct tensor *x,
                               size_t layer, size_t channels)
{
    long kernel = config->model.conv_kernel, padding = config->model.conv_padding;
    const size_t zeros = (size_t)(padding < 0 ? (kernel - 1) / 2 : padding);
    const struct conv shape = {
        .kernel = (size_t)kernel,
        .stride = (size_t)config->model.conv_stride,
        .dilation = 1,
        .before = zeros,
        .after = zeros,
    };
    const char *norm = graph_name("conv_norm.%zu", layer);
    int batch_norm = config->model.conv_norm == CONV_NORM_BATCH; /* would take a bias out again */
    x = op_conv1d(g, x, channels, &shape, batch_norm, graph_name("conv.%zu", layer));
    if (batch_norm)
        x = op_batch_norm(g, x, norm);
    else if (config->model.conv_norm == CONV_NORM_LAYER)
        x = op_norm(g, x, norm);
    x = op_activation(g, x, activation(config), graph_name("conv_act.%zu", layer));
    return config->model.conv_pool > 1 ? op_max_pool(g, x, (size_t)config->model.conv_pool) : x;
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct tensor *x = io->input;
    const struct list *channels = &config->model.conv_channels;
    for (size_t i = 0; i < channels->count; i++) {
        graph_layer(g);
        x = convolve(g, config, x, i, channels_of(g, channels->item[i]));
    }
    graph_layers_end(g);
    if (config->data.target_rows == TARGET_WINDOW && x->rank == 3 && x->dim[1] != shape->window)
        graph_fault(g, "target_rows = window",
                    "needs convolutions that keep the number of rows: an odd conv_kernel, "
                    "conv_padding = auto");
    x = recurrent_core(g, config, x);
    model_head(g, config, shape, io, x, recurrent_reverse(config));
}

static void cnn_recurrent_check(struct config_making *making, const struct config *c)
{
    if (c->data.target_rows == TARGET_WINDOW &&
        (c->model.conv_stride > 1 || c->model.conv_pool > 1))
        config_clash(making, c->model.conv_stride > 1 ? "model.conv_stride" : "model.conv_pool",
                     "data.target_rows",
                     "a target for each row of the window needs a convolution that keeps all rows");
    recurrent_check(making, c);
}

static int norms_batch(const struct config *config)
{
    return config->model.conv_norm == CONV_NORM_BATCH;
}

const struct model_class model_cnn_recurrent = {
    .name = "cnn_recurrent",
    .check = cnn_recurrent_check,
    .norms_batch = norms_batch,
    .randomises = 1,
    .python = "cnn_recurrent.py",
    .build = build,
    .columns = recurrent_columns,
    .attends = recurrent_attends,
    .units = recurrent_units,
    .drops = DROPS_BETWEEN,
    .supervised = 1,
};
