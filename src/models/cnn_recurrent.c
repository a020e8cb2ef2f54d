/* SPDX-License-Identifier: MIT */
#include "models/cnn_recurrent.h"

#include <stdio.h>
#include <stdlib.h>

#include "models/head.h"
#include "models/recurrent.h"
#include "ops/ops.h"

/* Rows of a sample on their way through the convolutions. */
struct rows {
    struct tensor *x; /* [B window, columns] */
    size_t window, columns;
};

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
    static const enum act acts[] = {
        [ACTIVATION_GELU] = ACT_GELU, [ACTIVATION_RELU] = ACT_RELU, [ACTIVATION_RRELU] = ACT_RRELU};
    return acts[config->model.activation];
}

static void convolve(struct graph *g, const struct config *config, struct rows *r, size_t layer,
                     size_t channels, struct tensor *sample)
{
    long padding = config->model.conv_padding;
    const struct conv shape = {
        .kernel = (size_t)config->model.conv_kernel,
        .stride = (size_t)config->model.conv_stride,
        .padding = (size_t)(padding < 0 ? (config->model.conv_kernel - 1) / 2 : padding),
    };
    size_t pool = (size_t)config->model.conv_pool;
    char conv[32], norm[32], path[32];
    snprintf(conv, sizeof conv, "conv.%zu", layer);
    snprintf(norm, sizeof norm, "conv_norm.%zu", layer);
    snprintf(path, sizeof path, "conv_act.%zu", layer);
    int batch_norm = config->model.conv_norm == CONV_NORM_BATCH; /* would take a bias out again */
    struct tensor *x =
        op_conv1d(g, r->x, r->window, r->columns, channels, &shape, batch_norm, conv);
    r->window = conv_rows(&shape, r->window);
    r->columns = channels;
    r->window += !r->window; /* a fault, which the op has told */
    const struct drop none = {0, sample, r->window, path};
    size_t rows = g->batch * r->window;
    if (batch_norm)
        x = op_batch_norm(g, x, rows, channels, norm);
    else if (config->model.conv_norm == CONV_NORM_LAYER)
        x = op_add_norm(g, x, NULL, rows, channels, norm, &none, NULL);
    x = op_bias(g, x, rows, channels, activation(config), NULL, &none);
    if (pool > 1) {
        x = op_max_pool(g, x, r->window, channels, pool);
        r->window = r->window < pool ? 1 : r->window / pool;
    }
    r->x = x;
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct rows r = {io->input, shape->window, shape->features};
    const struct list *channels = &config->model.conv_channels;
    for (size_t i = 0; i < channels->count; i++)
        convolve(g, config, &r, i, channels_of(g, channels->item[i]), io->sample);
    if (config->data.target_rows == TARGET_WINDOW && r.window != shape->window)
        graph_fault(g, "target_rows = window",
                    "needs convolutions that keep the number of rows: an odd conv_kernel, "
                    "conv_padding = auto");
    struct tensor *x = recurrent_core(g, config, r.x, r.window, r.columns, io->sample);
    io->output = model_head(g, config, shape, x, r.window, recurrent_columns(config),
                            recurrent_reverse(config), io->sample);
}

static void cnn_recurrent_check(struct config_making *making, const struct config *c)
{
    if (c->data.target_rows == TARGET_WINDOW &&
        (c->model.conv_stride > 1 || c->model.conv_pool > 1))
        config_clash(making, c->model.conv_stride > 1 ? "model.conv_stride" : "model.conv_pool",
                     "data.target_rows",
                     "a target for each row of the window needs a convolution that keeps all rows");
}

const struct model_class model_cnn_recurrent = {
    .name = "cnn_recurrent",
    .check = cnn_recurrent_check,
    .randomises = 1,
    .python = "cnn_recurrent.py",
    .build = build,
    .supervised = 1,
};
