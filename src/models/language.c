/* SPDX-License-Identifier: MIT */
/*
 * language: a causal decoder over the tokens of a text, which gives each row of a window the
 * probabilities of the token behind it.
 *
 *   shape gpt2 (Radford et al. 2019)  embedding + learned positions, pre-norm layers of attention
 *       and feed-forward part, a final norm, logits by the embedding's own table (tied)
 *
 * Parameters are named as transformers' checkpoints name them, and weights lie as they do there: of
 * gpt2 [in, out]. They are drawn as nanoGPT draws them: N(0, 0.02^2), those that add to the
 * residual stream of N layers N(0, 0.02^2 / 2N), biases 0. The PyTorch twin is language.py.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/model.h"
#include "models/transformer.h"
#include "ops/ops.h"

#define SPREAD 0.02

/* A weight matrix, drawn from N(0, sd^2) unless model.initialisation says otherwise. */
static struct tensor *matrix(struct graph *g, const char *name, size_t rows, size_t columns,
                             double sd)
{
    const size_t dim[] = {rows, columns};
    return g->params->weights == INIT_UNIFORM ? graph_param(g, name, 2, dim, 1, INIT_NORMAL, sd)
                                              : graph_weight(g, name, 2, dim, 1);
}

/* transformers' Conv1D `name`: x W + b, W [in, out] */
static struct tensor *conv1d(struct graph *g, struct tensor *x, size_t out, const char *name,
                             double sd)
{
    char weight[PARAM_MAX_NAME], bias[PARAM_MAX_NAME];
    snprintf(weight, sizeof weight, "%s.weight", name);
    snprintf(bias, sizeof bias, "%s.bias", name);
    x = op_product_in_out(g, x, matrix(g, weight, tensor_columns(x), out, sd));
    return op_bias(g, x, graph_param(g, bias, 1, &out, 0, INIT_CONSTANT, 0));
}

/* h + dropout(x) */
static struct tensor *join(struct graph *g, struct tensor *h, struct tensor *x, double p,
                           const char *path)
{
    return op_add(g, h, op_dropout(g, x, p, path));
}

/* GPT2Block `name`, h [B, T, D] */
static struct tensor *gpt2_layer(struct graph *g, struct tensor *h, const struct transformer *t,
                                 const char *name)
{
    const double last = SPREAD / sqrt(2.0 * (double)t->layers);
    const size_t columns = t->width + 2 * (t->width / t->heads) * t->attend.key_heads;
    struct tensor *x = op_norm(g, h, graph_name("%s.ln_1", name));
    x = conv1d(g, x, columns, graph_name("%s.attn.c_attn", name), SPREAD);
    x = op_attention(g, x, t->heads, &t->attend, t->dropout, graph_name("%s.attn", name));
    x = conv1d(g, x, t->width, graph_name("%s.attn.c_proj", name), last);
    h = join(g, h, x, t->dropout, graph_name("%s.attn.resid_dropout", name));
    x = op_norm(g, h, graph_name("%s.ln_2", name));
    x = conv1d(g, x, t->feedforward, graph_name("%s.mlp.c_fc", name), SPREAD);
    x = op_activation(g, x, t->act, name);
    x = conv1d(g, x, t->width, graph_name("%s.mlp.c_proj", name), last);
    return join(g, h, x, t->dropout, graph_name("%s.mlp.dropout", name));
}

/* GPT2LMHeadModel: logits [B, T, V] of tokens [B, T] */
static struct tensor *gpt2(struct graph *g, const struct config *config,
                           const struct model_shape *shape, struct tensor *tokens)
{
    struct transformer t = transformer_of(config, shape->window, (size_t)config->model.d_model,
                                          (size_t)config->model.layers);
    char layer[64];
    t.attend.causal = 1;
    struct tensor *table = matrix(g, "transformer.wte.weight", shape->vocabulary, t.width, SPREAD);
    struct tensor *h = op_lookup(g, tokens, table, "transformer.wte");
    h = op_add(g, h, matrix(g, "transformer.wpe.weight", t.window, t.width, SPREAD));
    h = op_dropout(g, h, t.dropout, "transformer.drop");
    for (size_t i = 0; i < t.layers; i++) {
        snprintf(layer, sizeof layer, "transformer.h.%zu", i);
        graph_layer(g);
        h = gpt2_layer(g, h, &t, layer);
    }
    graph_layers_end(g);
    return op_product(g, op_norm(g, h, "transformer.ln_f"), table);
}

static void language_build(struct graph *g, const struct config *config,
                           const struct model_shape *shape, struct model_io *io)
{
    struct tensor *logits = gpt2(g, config, shape, io->tokens);
    io->terms.term[0].value = op_cross_entropy(g, logits, io->next, 0);
}

static struct terms language_terms(const struct config *config)
{
    (void)config;
    return (struct terms){
        {{.name = "cross_entropy", .over = TERM_SAMPLES, .weight = 1, .lower_is_better = 1}}, 1};
}

/* A key of the model that this one has no use for. */
static void refuse(struct config_making *making, int is_set, const char *key, const char *why)
{
    if (is_set)
        config_clash(making, key, "model.type", "type = language %s", why);
}

static void language_check(struct config_making *making, const struct config *c)
{
    const char *const own = "has its own: leave this key out";
    transformer_check(making, c);
    refuse(making, c->model.positions != POSITIONS_LEARNED, "model.positions", own);
    refuse(making, c->model.norm != NORM_LAYER, "model.norm", own);
    refuse(making, c->model.attention_layers > 0, "model.attention_layers",
           "has its layers in model.layers");
    refuse(making, c->model.reversible_norm, "model.reversible_norm", "reads tokens, no numbers");
    refuse(making, c->data.targets.count > 0, "data.targets",
           "has the next token for its target, no other");
    refuse(making, c->data.noise > 0, "data.noise", "reads tokens, no numbers");
    refuse(making, *c->data.manifest, "data.manifest", "reads texts: data.source names them");
    refuse(making, *c->data.series, "data.series", "reads texts, no series");
    refuse(making, c->data.join, "data.join", "has all texts behind each other");
    refuse(making, c->data.time.count > 0, "data.time", "reads texts, which have no times");
    refuse(making, *c->data.where, "data.where", "reads texts, no columns");
    refuse(making, c->data.channels == CHANNELS_APART, "data.channels", "reads texts, no channels");
    refuse(making, c->data.augment.count && strcmp(c->data.augment.item[0], "none"), "data.augment",
           "reads tokens, no numbers");
    refuse(making,
           c->data.split == SPLIT_STRATIFIED || c->data.split == SPLIT_SPEC ||
               c->data.split == SPLIT_WALK_FORWARD,
           "data.split", "takes chronological, shuffled and shuffled_windows");
    if (!*c->data.tokenizer)
        config_clash(making, "data.tokenizer", "model.type",
                     "type = language reads text: tokenizer = characters or bytes makes tokens of "
                     "it");
}

const struct model_class model_language = {
    .name = "language",
    .check = language_check,
    .python = "language.py",
    .build = language_build,
    .terms = language_terms,
    .attends = transformer_attends,
    .reads_tokens = 1,
    .drops = DROPS_WITHIN,
};
