/* SPDX-License-Identifier: MIT */
/*
 * Shapes llama (Touvron et al. 2023) and qwen3 (Qwen Team 2025): RMSNorm in front of attention and
 * of the feed-forward part, rotary positions by halves, grouped heads, down(silu(gate) up); no
 * biases.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/language.h"

struct layers {
    size_t width, feedforward;
    double eps;
    int norms_heads;        /* queries and keys of each head are normed */
    struct tensor *turning; /* cos and sin of positions */
    struct language_heads how;
};

/* x W^T, W = `name`.weight [out, in] */
static struct tensor *linear(struct graph *g, struct tensor *x, size_t out, const char *name)
{
    char weight[PARAM_MAX_NAME];
    snprintf(weight, sizeof weight, "%s.weight", name);
    language_matrix(g, weight, out, tensor_columns(x), LANGUAGE_SPREAD); /* is found again */
    return op_linear_bare(g, x, out, name, 1);
}

/* The heads of queries or keys x [B, T, heads head_width], each normed. */
static struct tensor *norm_heads(struct graph *g, struct tensor *x, const struct layers *l,
                                 const char *name)
{
    const size_t *dim = x->dim, columns = tensor_columns(x);
    if (!l->norms_heads)
        return x;
    const size_t apart[] = {dim[0], dim[1], columns / l->how.width, l->how.width};
    const size_t together[] = {dim[0], dim[1], columns};
    return graph_view(g, op_rms_norm_of(g, graph_view(g, x, 4, apart), l->eps, name), 3, together);
}

/* LlamaAttention, x [B, T, D] */
static struct tensor *attend(struct graph *g, struct tensor *x, const struct layers *l,
                             size_t number, const char *name)
{
    const size_t queries = l->how.heads * l->how.width, keys = l->how.key_heads * l->how.width;
    struct tensor *q = linear(g, x, queries, graph_name("%s.q_proj", name));
    struct tensor *k = linear(g, x, keys, graph_name("%s.k_proj", name));
    struct tensor *v = linear(g, x, keys, graph_name("%s.v_proj", name));
    q = norm_heads(g, q, l, graph_name("%s.q_norm", name));
    k = norm_heads(g, k, l, graph_name("%s.k_norm", name));
    x = op_concat(g, op_concat(g, q, k), v);
    x = op_rotary(g, x, l->how.heads, l->how.key_heads, ROTARY_HALVES, l->turning);
    x = language_attend(g, x, &l->how, number, name);
    return linear(g, x, l->width, graph_name("%s.o_proj", name));
}

/* LlamaMLP */
static struct tensor *feed_forward(struct graph *g, struct tensor *x, const struct layers *l,
                                   const char *name)
{
    struct tensor *gate = linear(g, x, l->feedforward, graph_name("%s.gate_proj", name));
    struct tensor *up = linear(g, x, l->feedforward, graph_name("%s.up_proj", name));
    return linear(g, op_gate(g, gate, up, ACT_SILU), l->width, graph_name("%s.down_proj", name));
}

/* LlamaDecoderLayer `name`, h [B, T, D] */
static struct tensor *layer(struct graph *g, struct tensor *h, const struct layers *l,
                            size_t number, const char *name)
{
    char inner[PARAM_MAX_NAME];
    snprintf(inner, sizeof inner, "%s.self_attn", name);
    struct tensor *x = op_rms_norm_of(g, h, l->eps, graph_name("%s.input_layernorm", name));
    h = language_join(g, h, attend(g, x, l, number, inner), l->how.dropout,
                      graph_name("%s.dropout", inner));
    snprintf(inner, sizeof inner, "%s.mlp", name);
    x = op_rms_norm_of(g, h, l->eps, graph_name("%s.post_attention_layernorm", name));
    return language_join(g, h, feed_forward(g, x, l, inner), l->how.dropout,
                         graph_name("%s.dropout", inner));
}

/* Frequencies as model.rotary_scaling stretches them. llama3 leaves those alone whose waves are
 * shorter than rows / high, divides those that are longer than rows / low, and goes over between.
 */
static void stretch(const struct language_scaling *s, double *frequency, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++) {
        const double f = frequency[i], waves = s->rows * f / (2 * M_PI);
        const double share = s->kind == SCALING_LLAMA3 ? (waves - s->low) / (s->high - s->low) : 0;
        const double kept = fmin(fmax(share, 0), 1);
        frequency[i] = (1 - kept) * f / s->factor + kept * f;
    }
}

/* cos and sin of the rows' angles: those of a window, or those that have their places. */
static struct tensor *turning(struct graph *g, const struct config *config, size_t window,
                              struct tensor *places)
{
    const size_t head_width = language_head_width(config), pairs = head_width / 2;
    struct language_scaling scaling;
    double *frequency = malloc((pairs + 1) * sizeof *frequency);
    if (!frequency) {
        g->failed = 1;
        return &g->nowhere;
    }
    rotary_frequencies(config->model.rotary_base, head_width, frequency);
    if (!language_scaling(config->model.rotary_scaling, &scaling) && scaling.kind != SCALING_NONE)
        stretch(&scaling, frequency, pairs);
    struct tensor *table = op_rotary_table_of(g, window, pairs, frequency);
    free(frequency);
    return places ? op_rotary_rows(g, table, places) : table;
}

struct decoded language_llama(struct graph *g, const struct config *config,
                              const struct model_shape *shape, const struct model_io *io)
{
    const struct layers l = {
        .width = (size_t)config->model.d_model,
        .feedforward = language_feedforward(config),
        .eps = config->model.norm_eps,
        .norms_heads = config->model.shape == SHAPE_QWEN3,
        .turning = turning(g, config, language_rows(shape), io->position),
        .how = {.heads = (size_t)config->model.heads,
                .key_heads = language_key_heads(config),
                .width = language_head_width(config),
                .dropout = config->model.dropout,
                .shape = shape,
                .io = io},
    };
    char name[64];
    struct tensor *table = language_table(g, "model.embed_tokens.weight", shape, l.width);
    struct tensor *h = language_embed(g, table, io, "model.embed_tokens");
    for (size_t i = 0; i < (size_t)config->model.layers; i++) {
        snprintf(name, sizeof name, "model.layers.%zu", i);
        graph_layer(g);
        h = layer(g, h, &l, i, name);
    }
    graph_layers_end(g);
    h = op_rms_norm_of(g, h, l.eps, "model.norm");
    if (!config->model.tied)
        table = language_table(g, "lm_head.weight", shape, l.width);
    return (struct decoded){h, table};
}
