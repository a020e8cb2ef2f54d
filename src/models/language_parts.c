/* SPDX-License-Identifier: MIT */
/*
 * What the layers of a language model's shapes are made of alike.
 */
#include "models/language.h"

struct tensor *language_matrix(struct graph *g, const char *name, size_t rows, size_t columns,
                               double sd)
{
    const size_t dim[] = {rows, columns};
    return g->params->weights == INIT_UNIFORM ? graph_param(g, name, 2, dim, 1, INIT_NORMAL, sd)
                                              : graph_weight(g, name, 2, dim, 1);
}

struct tensor *language_table(struct graph *g, const char *name, const struct model_shape *shape,
                              size_t width)
{
    struct tensor *table = language_matrix(g, name, shape->vocabulary, width, LANGUAGE_SPREAD);
    params_table(g->params, table);
    return table;
}

size_t language_rows(const struct model_shape *shape)
{
    return shape->prefix + shape->window;
}

/* a [B, K, D] and b [B, T, D] one behind the other: [B, K + T, D] */
static struct tensor *join_rows(struct graph *g, struct tensor *a, struct tensor *b)
{
    const size_t batch = a->dim[0], width = tensor_columns(a), rows = a->dim[1] + b->dim[1];
    a = graph_view(g, a, 2, (size_t[]){batch, a->dim[1] * width});
    b = graph_view(g, b, 2, (size_t[]){batch, b->dim[1] * width});
    return graph_view(g, op_concat(g, a, b), 3, (size_t[]){batch, rows, width});
}

struct tensor *language_embed(struct graph *g, struct tensor *table, const struct model_io *io,
                              const char *path)
{
    struct tensor *h = io->tokens ? op_lookup(g, io->tokens, table, path) : io->prefix;
    return io->tokens && io->prefix ? join_rows(g, io->prefix, h) : h;
}

struct tensor *language_join(struct graph *g, struct tensor *h, struct tensor *x, double p,
                             const char *path)
{
    return op_add(g, h, op_dropout(g, x, p, path));
}

struct tensor *language_attend(struct graph *g, struct tensor *qkv,
                               const struct language_heads *how, size_t number, const char *path)
{
    const struct attend attend = {.causal = 1, .key_heads = how->key_heads};
    if (!how->shape->cache)
        return op_attention(g, qkv, how->heads, &attend, how->dropout, path);
    struct tensor *cache =
        graph_borrow(g, "cache", g->stored, how->width, how->shape->cache[number]);
    return op_attention_cached(g, qkv, how->heads, how->key_heads, cache, how->io->position, path);
}
