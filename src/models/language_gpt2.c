/* SPDX-License-Identifier: MIT */
/*
 * Shape gpt2 (Radford et al. 2019): embedding + learned positions, pre-norm layers of attention and
 * feed-forward part, a final norm. Weights are [in, out], as transformers' Conv1D has them.
 */
#include <math.h>
#include <stdio.h>

#include "models/language.h"
#include "models/transformer.h"

/* transformers' Conv1D `name`: x W + b, W [in, out] */
static struct tensor *conv1d(struct graph *g, struct tensor *x, size_t out, const char *name,
                             double sd)
{
    char weight[PARAM_MAX_NAME], bias[PARAM_MAX_NAME];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    x = op_product_in_out(g, x, language_matrix(g, weight, tensor_columns(x), out, sd));
    return op_bias(g, x, graph_param(g, bias, 1, &out, 0, INIT_CONSTANT, 0));
}

/* GPT2Block `name`, h [B, T, D] */
static struct tensor *layer(struct graph *g, struct tensor *h, const struct transformer *t,
                            const struct language_heads *heads, size_t number, double eps,
                            const char *name)
{
    const double last = LANGUAGE_SPREAD / sqrt(2.0 * (double)t->layers);
    const size_t columns = t->width + 2 * (t->width / t->heads) * t->attend.key_heads;
    struct tensor *x = op_norm_of(g, h, eps, graph_name("%s.ln_1", name));
    x = conv1d(g, x, columns, graph_name("%s.attn.c_attn", name), LANGUAGE_SPREAD);
    x = language_attend(g, x, heads, number, graph_name("%s.attn", name));
    x = conv1d(g, x, t->width, graph_name("%s.attn.c_proj", name), last);
    h = language_join(g, h, x, t->dropout, graph_name("%s.attn.resid_dropout", name));
    x = op_norm_of(g, h, eps, graph_name("%s.ln_2", name));
    x = conv1d(g, x, t->feedforward, graph_name("%s.mlp.c_fc", name), LANGUAGE_SPREAD);
    x = op_activation(g, x, t->act, name);
    x = conv1d(g, x, t->width, graph_name("%s.mlp.c_proj", name), last);
    return language_join(g, h, x, t->dropout, graph_name("%s.mlp.dropout", name));
}

/* The rows of the table of positions: the first ones, [T, D], or those that have their places. */
static struct tensor *positions(struct graph *g, const struct config *config,
                                const struct transformer *t, struct tensor *places)
{
    const size_t rows = config->model.context > 0 ? (size_t)config->model.context : t->window;
    struct tensor *table =
        language_matrix(g, "transformer.wpe.weight", rows, t->width, LANGUAGE_SPREAD);
    if (places)
        return op_lookup(g, places, table, "transformer.wpe");
    return rows == t->window ? table : graph_first_rows(g, table, t->window);
}

struct decoded language_gpt2(struct graph *g, const struct config *config,
                             const struct model_shape *shape, const struct model_io *io)
{
    struct transformer t = transformer_of(config, language_rows(shape), (size_t)config->model.d_model,
                                          (size_t)config->model.layers);
    const struct language_heads heads = {
        t.heads, t.attend.key_heads, t.width / t.heads, t.dropout, shape, io};
    char name[64];
    t.feedforward = language_feedforward(config);
    struct tensor *table = language_table(g, "transformer.wte.weight", shape, t.width);
    struct tensor *h = language_embed(g, table, io, "transformer.wte");
    h = op_add(g, h, positions(g, config, &t, io->position));
    h = op_dropout(g, h, t.dropout, "transformer.drop");
    for (size_t i = 0; i < t.layers; i++) {
        snprintf(name, sizeof name, "transformer.h.%zu", i);
        graph_layer(g);
        h = layer(g, h, &t, &heads, i, config->model.norm_eps, name);
    }
    graph_layers_end(g);
    h = op_norm_of(g, h, config->model.norm_eps, "transformer.ln_f");
    if (!config->model.tied)
        table = language_table(g, "lm_head.weight", shape, t.width);
    return (struct decoded){h, table};
}
