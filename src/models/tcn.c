/* SPDX-License-Identifier: MIT */
/*
 * tcn: a temporal convolutional network (Bai, Kolter and Koltun, "An empirical evaluation of
 * generic convolutional and recurrent networks for sequence modeling", 2018), then models/head.h.
 *
 *   block i:  h = drop(relu(conv1(x))), h = drop(relu(conv2(h))), y = relu(downsample(x) + h)
 *
 * Both convolutions of block i have the dilation 2^i and all their zeros in front, so that a row
 * sees itself and the rows before it: 1 + 2 (conv_kernel - 1) (2^layers - 1) of them. `downsample`,
 * a convolution of one row, is there where the number of columns changes. Parameters are named as
 * those of the authors' code (locuslab/TCN), `network.0.conv1.weight` ..., and are drawn as
 * nn.Conv1d draws its own; there is no weight norm. The PyTorch twin is tcn.py.
 */
#include "models/head.h"
#include "models/model.h"
#include "ops/ops.h"

enum { MOST_BLOCKS = 20 };

/* Convolution `number` of block `block`, with what follows it. */
static struct tensor *tcn_convolve(struct graph *g, const struct config *config, struct tensor *x,
                                   size_t block, int number)
{
    const size_t kernel = (size_t)config->model.conv_kernel, dilation = (size_t)1 << block;
    const struct conv shape = {kernel, 1, dilation, (kernel - 1) * dilation, 0};
    x = op_conv1d(g, x, (size_t)config->model.hidden, &shape, 0,
                  graph_name("network.%zu.conv%d", block, number));
    x = op_activation(g, x, ACT_RELU, graph_name("network.%zu.relu%d", block, number));
    return op_dropout(g, x, config->model.dropout,
                      graph_name("network.%zu.dropout%d", block, number));
}

/* x [B, T, in] -> [B, T, H] */
static struct tensor *tcn_block(struct graph *g, const struct config *config, struct tensor *x,
                                size_t block)
{
    const size_t hidden = (size_t)config->model.hidden;
    struct tensor *h = tcn_convolve(g, config, x, block, 1);
    h = tcn_convolve(g, config, h, block, 2);
    if (tensor_columns(x) != hidden)
        x = op_conv1d(g, x, hidden, &(struct conv){1, 1, 1, 0, 0}, 0,
                      graph_name("network.%zu.downsample", block));
    return op_activation(g, op_add(g, x, h), ACT_RELU, graph_name("network.%zu.relu", block));
}

static void tcn_build(struct graph *g, const struct config *config, const struct model_shape *shape,
                      struct model_io *io)
{
    struct tensor *x = io->input; /* [B, T, F] */
    for (size_t i = 0; i < (size_t)config->model.layers; i++) {
        graph_layer(g);
        x = tcn_block(g, config, x, i);
    }
    graph_layers_end(g);
    model_head(g, config, shape, io, x, 0);
}

static size_t tcn_columns(const struct config *config)
{
    return (size_t)config->model.hidden;
}

/* The channels between blocks are added to each other: one set. Those between the convolutions of a
 * block are its own. */
static int tcn_units(const struct config *config, struct units *to, struct error *err)
{
    const size_t h = (size_t)config->model.hidden, layers = (size_t)config->model.layers;
    const struct unit_slice out = {.axis = 1, .is_out = 1, .blocks = 1, .stride = h};
    if (config->data.features.count == h)
        return error_set(err, STATUS_USAGE,
                         "type = tcn adds its %zu features to as many channels: none of these can "
                         "be left out",
                         h);
    to->avoid = config->data.features.count; /* with so many there is no downsample */
    to->key = "hidden";
    to->size = h;
    to->sets = 1 + layers;
    for (size_t i = 0; i < layers; i++) {
        const struct unit_slice between = {.blocks = 1, .stride = h};
        struct unit_slice own = between, read = out;
        own.set = read.set = 1 + i;
        for (int k = 0; k < 2; k++) {
            const char *part = k ? "bias" : "weight";
            units_add(to, own, "network.%zu.conv1.%s", i, part);
            units_add(to, between, "network.%zu.conv2.%s", i, part);
            units_add(to, between, "network.%zu.downsample.%s", i, part);
        }
        units_add(to, read, "network.%zu.conv2.weight", i);
        if (i)
            units_add(to, out, "network.%zu.conv1.weight", i);
    }
    units_head(to, 0, 0, h);
    return 0;
}

static void tcn_check(struct config_making *making, const struct config *c)
{
    if (c->model.layers > MOST_BLOCKS)
        config_clash(making, "model.layers", "model.type",
                     "type = tcn doubles its dilation from layer to layer: %d layers see more rows "
                     "than a window can have",
                     MOST_BLOCKS);
}

const struct model_class model_tcn = {
    .name = "tcn",
    .check = tcn_check,
    .python = "tcn.py",
    .build = tcn_build,
    .columns = tcn_columns,
    .units = tcn_units,
    .supervised = 1,
    .by_integers = 1,
    .drops = DROPS_WITHIN,
};
