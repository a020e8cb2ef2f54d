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
    .supervised = 1,
    .drops = DROPS_WITHIN,
};
