/* SPDX-License-Identifier: MIT */
/*
 * language: what the files of the language model share: language.c the model, language_gpt2.c and
 * language_llama.c the layers of its shapes, of language_parts.c, language_keys.c what shapes say
 * of keys, language_base.c what base folders say.
 */
#ifndef MODELS_LANGUAGE_H
#define MODELS_LANGUAGE_H

#include "models/model.h"

/* What layers make of the rows [B, K + T] of the prefix and the tokens: logits are rows head^T. */
struct decoded {
    struct tensor *rows; /* [B, K + T, D], normed */
    struct tensor *head; /* [V, D] */
};

/* GPT2LMHeadModel */
struct decoded language_gpt2(struct graph *g, const struct config *config,
                             const struct model_shape *shape, const struct model_io *io);

/* LlamaForCausalLM, and Qwen3ForCausalLM, which norms each head's queries and keys. */
struct decoded language_llama(struct graph *g, const struct config *config,
                              const struct model_shape *shape, const struct model_io *io);

/* Appends layers and head: the loss of the tokens, or, unless the graph only reads, their logits.
 */
void language_decode(struct graph *g, const struct config *config, const struct model_shape *shape,
                     struct model_io *io);

/* What layers read: rows of `table` for the tokens, behind those of the prefix; either may not be
 * there. `path` names the node. */
struct tensor *language_embed(struct graph *g, struct tensor *table, const struct model_io *io,
                              const char *path);

/* Rows of a window: K + T. */
size_t language_rows(const struct model_shape *shape);

/* The term of the loss. */
struct terms language_terms(const struct config *config);

/* What all decoders of text ask of their keys. */
void language_check_keys(struct config_making *making, const struct config *c);

/* A key of the model that this one has no use for: "type = captioner WHY". */
void language_refuse(struct config_making *making, const struct config *c, int is_set,
                     const char *key, const char *why);

/* Numbers of a layer's cache for so many rows. */
size_t language_cache(const struct config *config, size_t rows);

/* Whether weights lie as transformers' Conv1D has them. */
int language_in_out(const struct config *config);

/* Causal attention of layer `number`, in windows or to the rows of its cache. */
struct language_heads {
    size_t heads, key_heads, width; /* width: columns of one */
    double dropout;
    const struct model_shape *shape;
    const struct model_io *io;
};
struct tensor *language_attend(struct graph *g, struct tensor *qkv,
                               const struct language_heads *how, size_t number, const char *path);

/* A weight matrix, drawn from N(0, sd^2) unless model.initialisation says otherwise. */
struct tensor *language_matrix(struct graph *g, const char *name, size_t rows, size_t columns,
                               double sd);
#define LANGUAGE_SPREAD 0.02

/* The table [V, D] of an embedding or of a head. */
struct tensor *language_table(struct graph *g, const char *name, const struct model_shape *shape,
                              size_t width);

/* h + dropout(x) */
struct tensor *language_join(struct graph *g, struct tensor *h, struct tensor *x, double p,
                             const char *path);

/* Gives keys what config.json of model.base says of them, or tells those that say otherwise. */
void language_base(struct config_making *making, const struct config *config);

/* Gives keys what model.shape says of them, or tells those that say otherwise. */
void language_keys(struct config_making *making, const struct config *config);

/* Heads of keys and values, columns of a head, and columns of a feed-forward part. */
size_t language_key_heads(const struct config *config);
size_t language_head_width(const struct config *config);
size_t language_feedforward(const struct config *config);

/* model.rotary_scaling as numbers. */
struct language_scaling {
    enum { SCALING_NONE, SCALING_LINEAR, SCALING_LLAMA3 } kind;
    double factor, low, high, rows;
};

/* -1 if it is none. */
int language_scaling(const char *text, struct language_scaling *to);

#endif
