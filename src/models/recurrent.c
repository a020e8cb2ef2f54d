/* SPDX-License-Identifier: MIT */
#include "models/recurrent.h"

#include "models/head.h"
#include "models/transformer.h"
#include "ops/ops.h"

size_t recurrent_reverse(const struct config *config)
{
    if (config->model.attention_layers) /* each row has been mixed with all of them */
        return 0;
    return config->model.bidirectional ? (size_t)config->model.hidden : 0;
}

struct tensor *recurrent_core(struct graph *g, const struct config *config, struct tensor *x)
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
    const size_t layers = (size_t)config->model.layers;
    for (size_t i = 0; i < layers; i++) {
        graph_layer(g);
        if (config->model.layer_norm) {
            x = op_recurrent(g, x, &cell, graph_name("%s.%zu", name, i), 0);
            x = op_norm(g, x, graph_name("norm.%zu", i));
        } else
            x = op_recurrent(g, x, &cell, name, i);
        if (i + 1 < layers)
            x = op_dropout(g, x, config->model.dropout, graph_name("dropout.%zu", i));
    }
    graph_layers_end(g);
    if (!config->model.attention_layers)
        return x;
    struct transformer t = transformer_of(config, x->dim[1], tensor_columns(x),
                                          (size_t)config->model.attention_layers);
    return transformer_encoder(g, x, &t, "encoder");
}

size_t recurrent_columns(const struct config *config)
{
    return (size_t)config->model.hidden * (config->model.bidirectional ? 2 : 1);
}

long recurrent_attends(const struct config *config)
{
    return config->model.attention_layers ? (long)recurrent_columns(config) : 0;
}

void recurrent_check(struct config_making *making, const struct config *c)
{
    long columns = recurrent_attends(c);
    if (columns % c->model.heads)
        config_clash(
            making, "model.heads", "model.attention_layers",
            "the %ld columns of the recurrent core cannot be shared by heads = %ld equally",
            columns, c->model.heads);
    if (c->model.attention_layers)
        transformer_check_keys(making, c);
    if (c->model.attention_layers && c->model.activation == ACTIVATION_RRELU)
        config_clash(making, "model.activation", "model.attention_layers",
                     "attention layers take gelu or relu, not rrelu");
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct tensor *x = recurrent_core(g, config, io->input);
    model_head(g, config, shape, io, x, recurrent_reverse(config));
}

const struct model_class model_recurrent = {
    .name = "recurrent",
    .check = recurrent_check,
    .python = "recurrent.py",
    .build = build,
    .columns = recurrent_columns,
    .attends = recurrent_attends,
    .drops = DROPS_BETWEEN,
    .supervised = 1,
    .carries = 1,
};
