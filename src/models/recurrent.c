/* SPDX-License-Identifier: MIT */
#include "models/recurrent.h"

#include "models/head.h"
#include "ops/ops.h"

size_t recurrent_columns(const struct config *config)
{
    return (size_t)config->model.hidden * (config->model.bidirectional ? 2 : 1);
}

size_t recurrent_reverse(const struct config *config)
{
    return config->model.bidirectional ? (size_t)config->model.hidden : 0;
}

struct tensor *recurrent_core(struct graph *g, const struct config *config, struct tensor *x,
                              size_t window, size_t in, struct tensor *sample)
{
    const char *name = config_choice("model", "cell", config->model.cell);
    const struct cell cell = {
        .kind = (enum cell_kind)config->model.cell,
        .hidden = (size_t)config->model.hidden,
        .bidirectional = config->model.bidirectional,
        .input = g->params->weights,
        .recurrent =
            config->model.recurrent_init == RECURRENT_ORTHOGONAL ? INIT_ORTHOGONAL : INIT_UNIFORM,
        .zero_biases = g->params->weights != INIT_UNIFORM,
        .forget_bias = config->model.forget_bias,
    };
    size_t rows = g->batch * window, layers = (size_t)config->model.layers;
    size_t columns = recurrent_columns(config);
    struct drop drop = {0, sample, window, ""};
    char module[64], norm[64], path[64];
    for (size_t i = 0; i < layers; i++) {
        snprintf(module, sizeof module, "%s.%zu", name, i);
        if (config->model.layer_norm)
            x = op_recurrent(g, x, window, i ? columns : in, &cell, module, 0);
        else
            x = op_recurrent(g, x, window, i ? columns : in, &cell, name, i);
        snprintf(norm, sizeof norm, "norm.%zu", i);
        if (config->model.layer_norm)
            x = op_add_norm(g, x, NULL, rows, columns, norm, &drop, NULL);
        snprintf(path, sizeof path, "dropout.%zu", i);
        if (i + 1 < layers && config->model.dropout > 0)
            x = op_bias(g, x, rows, columns, ACT_NONE, NULL,
                        &(struct drop){config->model.dropout, sample, window, path});
    }
    return x;
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct tensor *x =
        recurrent_core(g, config, io->input, shape->window, shape->features, io->sample);
    io->output = model_head(g, config, shape, x, shape->window, recurrent_columns(config),
                            recurrent_reverse(config), io->sample);
}

const struct model_class model_recurrent = {
    .name = "recurrent",
    .python = "recurrent.py",
    .build = build,
    .supervised = 1,
    .carries = 1,
};
