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

/* What a layer's columns are made by, its gates' rows, and who reads them beside it. */
static void layer_units(const struct config *config, struct units *to, size_t layer, size_t way)
{
    const char *cell = config_choice("model", "cell", config->model.cell);
    const enum cell_kind kind = (enum cell_kind)config->model.cell;
    const size_t gates = kind == CELL_KIND_LSTM ? 4 : kind == CELL_KIND_GRU ? 3 : 1;
    const size_t ways = to->sets;
    const size_t h = to->size, set = layer * ways + way;
    static const char *const back[] = {"", "_reverse"};
    static const char *const made_by[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    for (size_t i = 0; i < 4; i++)
        units_add(to, (struct unit_slice){.set = set, .blocks = gates, .stride = h}, "%s.%s_l%zu%s",
                  cell, made_by[i], layer, back[way]);
    const struct unit_slice own = {.set = set, .axis = 1, .is_out = 1, .blocks = 1, .stride = h};
    struct unit_slice next = own;
    next.offset = way * h;
    units_add(to, own, "%s.weight_hh_l%zu%s", cell, layer, back[way]);
    if (layer + 1 == (size_t)config->model.layers)
        units_head(to, set, way * h, ways * h);
    else
        for (size_t of = 0; of < ways; of++)
            units_add(to, next, "%s.weight_ih_l%zu%s", cell, layer + 1, back[of]);
}

int recurrent_units(const struct config *config, struct units *to, struct error *err)
{
    const size_t layers = (size_t)config->model.layers;
    const size_t ways = config->model.bidirectional ? 2 : 1;
    if (config->model.layer_norm || config->model.attention_layers)
        return error_set(err, STATUS_USAGE,
                         "model.%s: it is over all units of a layer, so that the others would "
                         "change where one is left out",
                         config->model.layer_norm ? "layer_norm" : "attention_layers");
    to->key = "hidden";
    to->size = (size_t)config->model.hidden;
    to->sets = ways;
    for (size_t layer = 0; layer < layers; layer++)
        for (size_t way = 0; way < ways; way++)
            layer_units(config, to, layer, way);
    to->sets = layers * ways;
    return 0;
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
    .units = recurrent_units,
    .drops = DROPS_BETWEEN,
    .supervised = 1,
    .by_integers = 1,
    .carries = 1,
};
