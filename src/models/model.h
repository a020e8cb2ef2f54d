/* SPDX-License-Identifier: MIT */
/*
 * model: an architecture, as a function that composes ops. Training, analysis and the command line
 * know models through this interface only; model.c holds the registry. A model sees the
 * configuration and tensors, never OpenCL.
 */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include "config/config.h"
#include "ir/graph.h"
#include "models/term.h"
#include "models/units.h"
#include "ops/ops.h"

/* A trained model that teaches another one (loss.teacher). */
struct model_teacher {
    const struct config *config;
    struct params *params; /* all frozen */
};

/* Extents of a graph that are not in the configuration. */
struct model_shape {
    const struct model_teacher *teacher; /* of a training graph; NULL: none */
    size_t window, features;             /* T, F; T may be data.eval_window */
    size_t vocabulary;                   /* V, of a model that reads tokens */
    size_t prefix;                       /* K rows that stand in front of the tokens; 0: none */
    size_t clip_rows, clip_columns; /* R, C: what an encoder has made of a sample's clip; or 0 */
    size_t targets, target_rows;    /* K, R of a sample; 0 without targets */
    size_t target_first;            /* first target row, counted from the window's first */
    int carries;                    /* the next window begins where this one ended; B is 1 */
    const int *target_feature;      /* [K]: the input feature that a target is, or -1 */
    size_t base;                    /* feature that the scaler relative(NAME) names */
    struct augment augment;         /* of a training graph's windows */
    struct buffer *const *cache;    /* [layers] keys and values, of a graph over the next rows of a
                                       text; NULL: it is over windows */
    int only_reads;                 /* its rows go into the cache, and no output is wanted */
    int shows_rows;                 /* what its head reads can be read as well: io->rows */
    const float *augment_feature, *augment_target; /* as op_augment() and op_augment_target() take
                                                      them; NULL: nothing is done to these */
};

struct model_io {
    struct tensor *plain;  /* [B, T, F] windows as they are */
    struct tensor *input;  /* [B, T, F] what the model reads */
    struct tensor *whole;  /* [B, T, F] the input without disturbances, which is rebuilt */
    struct tensor *tokens; /* [B, T] u32, instead of all these, of a model that reads tokens */
    struct tensor *clip;   /* [B, R, C], of a model that reads clips, what their encoder has made of
                              them; its tokens may then be left out */
    struct tensor *prefix; /* [B, K, D] rows in front of the tokens; NULL: none */
    struct tensor *next;   /* [B, T] u32: the token behind each; V: it is not to be predicted. NULL:
                              logits are wanted */
    struct tensor *position; /* [B, T] u32: where each stands in the cache, if there is one */
    struct tensor *target;   /* [B, R, K]; NULL without targets */
    struct tensor *taught;   /* the output of a teacher for the same windows; NULL: there is none */
    struct tensor *output;   /* [B, T, F], with targets [B, R K] or [B, R, K]; logits [B, T, V] */
    struct tensor *latent;   /* [B, latent]; NULL unless the model has one */
    struct tensor *rows;     /* [B, T, D] what the head reads, where shape->shows_rows, with the
                                backward direction in the last `reverse` of its columns */
    size_t reverse;
    struct terms terms;     /* of the loss, with their tensors */
    struct tensor *metrics; /* struct metrics */
};

struct model_class {
    const char *name;
    /* What the architecture asks of its keys, by config_clash(); NULL: nothing of its own. */
    config_checker *check;
    /* Whether it takes these features, once those that globs stand for are known: 0, or -1 with
     * STATUS_USAGE; NULL: it takes any. */
    int (*check_features)(const struct config *config, struct error *err);
    const char *python; /* file of the PyTorch twin in src/models */
    /*
     * Appends the forward pass; backward follows from the graph (lower/lower.h). A model without
     * targets (autoencoder, language) appends the values of its terms as well. One that reads
     * tokens has io->tokens and io->next. One with targets reads
     * io->input [B, T, F] and sets io->output: [B, R K] or [B, R, K], where R == T and
     * row_by_row where each row of the window gives its own; model.c then appends loss.target.
     */
    void (*build)(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io);
    /* The terms of a loss that is not that of targets, without tensors; else NULL. */
    struct terms (*terms)(const struct config *config);
    /* Columns of its attention layers, of which each head takes a part; 0 or NULL: it has none. */
    long (*attends)(const struct config *config);
    int (*in_out)(const struct config *config); /* see model_in_out(); NULL: they are not */
    /* Columns of what its encoder makes of a window: of its latent vector, or of the rows that its
     * head reads. NULL: it reads no windows. */
    size_t (*columns)(const struct config *config);
    /* Numbers of a layer's cache for so many rows of a text; NULL: it goes on with no text. */
    size_t (*cache)(const struct config *config, size_t rows);
    /* Its units that can be left out (models/units.h), without `failed`: 0, or -1 with
     * STATUS_USAGE for a configuration that has none; NULL: it has none. */
    int (*units)(const struct config *config, struct units *to, struct error *err);
    int (*norms_batch)(const struct config *config); /* whether it has batch norms; NULL: none */
    int supervised;                                  /* needs data.targets */
    int reads_tokens;                                /* of texts, by data.tokenizer */
    /* Rows that a model which reads clips puts in front of the tokens; NULL: it reads none. */
    size_t (*prefix)(const struct config *config);
    const char *own; /* pattern of parameters that no base folder holds; they train beside an
                        adapter. NULL: there are none */
    int carries;     /* walks along the rows with a state that can go on from window to window */
    enum { DROPS_NOWHERE, DROPS_BETWEEN, DROPS_WITHIN } drops; /* layers: where dropout acts */
    int by_integers; /* has a form in integers, row by row (fixed/fixed.h) */
    int randomises;  /* has activations for which rrelu can stand */
};

const struct model_class *model_of(const struct config *config);

/* Whether the weights of its linear layers are [in, out] instead of [out, in]. */
int model_in_out(const struct config *config);

/* Columns of the model's attention layers; 0: it has none. */
long model_attends(const struct config *config);

/* Tokens that the model knows (V), of which its tokenizer makes so many. */
size_t model_vocabulary(const struct config *config, size_t tokens);

/* Rows that the model puts in front of its tokens. */
size_t model_prefix(const struct config *config);

/* Rows and columns of a clip, of a model that reads clips; else 0. */
void model_clip(const struct config *config, size_t *rows, size_t *columns);

/* Columns of what the model makes of a window before its head; 0: it reads no windows. */
size_t model_columns(const struct config *config);

/* Whether model.dropout acts anywhere. */
int model_drops(const struct config *config);

/* What of a training step sees one micro-batch, whatever train.accumulate: "the C term", "batch
 * norm". NULL: nothing. */
const char *model_by_batch(const struct config *config, char to[64]);

/* What the architecture of a configuration asks of it, for config_load_with(). */
config_checker model_check;

/* The same of its features, once those that globs stand for are known. */
int model_check_features(const struct config *config, struct error *err);

/* Why the model has no form in integers, for a sentence that begins with the key or the option that
 * asks for one; NULL: it has. */
const char *model_no_integers(const struct config *config);

/* Bits of the weights that train.quantize_aware rounds; 0: it does not. */
int model_weight_bits(const struct config *config);

/* Takes out what compares windows of a batch with each other, for who runs one window alone. */
void model_compares_none(struct config *config);

/* Buffers that a graph reads. */
struct model_data {
    struct buffer *series, *order;  /* [rows, F], or uint [rows] tokens; uint [samples] */
    struct buffer *target, *weight; /* [rows, K], [rows]; NULL without */
    struct buffer *flag;            /* [rows] windows that are augmented; NULL: all */
    struct buffer *clip;            /* [B, R, C] of the micro-batch; NULL: the model reads none */
    int staged; /* they hold the micro-batch's own: [B, T, F] or uint [B, T + 1]; uint [B]; [B, R,
                   K], [B], [B] */
};

/*
 * The whole graph of a step, fused: gather from `data` by its order, the model, its losses. NULL
 * without memory; other faults are told when it is lowered.
 */
struct graph *model_graph(struct params *params, const struct config *config, size_t batch,
                          const struct model_shape *shape, int training,
                          const struct model_data *data, struct model_io *io);

/* The graph of a model that reads tokens over the next `rows` rows of a text, or over a window of
 * it (shape->cache), fused: io->tokens and io->position [1, rows] are to be written, io->output [1,
 * rows, V] can be read. With shape->prefix it is over the rows in front of the text: io->clip [1,
 * R, C] is to be written and, with a cache, io->position [1, K] and no tokens. NULL without memory.
 */
struct graph *model_rows(struct params *params, const struct config *config, size_t rows,
                         const struct model_shape *shape, struct model_io *io);

/*
 * The graph of an evaluation as its operations were appended, in fp32, for who writes it down in
 * another language: io->input [B, T, F], or io->tokens [B, T] and io->clip [B, R, C], are written
 * by nobody, io->output and io->latent are what is made of them. Losses may hang on it. NULL
 * without memory.
 */
struct graph *model_bare(struct params *params, const struct config *config, size_t batch,
                         const struct model_shape *shape, struct model_io *io);

/* The units of a model; STATUS_USAGE tells why it has none that can be left out. units_fini() also
 * after a failure. */
int model_units(const struct config *config, struct units *to, struct error *err);

/* How activations are stored. */
enum dtype model_stored(const struct config *config);

/* The same as far as io->input of a training graph, without a model. */
struct graph *model_windows(struct params *params, const struct config *config, size_t batch,
                            const struct model_shape *shape, const struct model_data *data,
                            struct model_io *io);

/* The terms of the loss of a training, without tensors. That of targets alone is called as
 * loss.target: "mse". With a teacher, what it gives is the last one: its weight is w, and those of
 * the others are 1 - w of their own. */
struct terms model_terms(const struct config *config);

/* The same of an evaluation, where a teacher is not asked: the others have their own weights. */
struct terms model_judged_terms(const struct config *config);

/* The source of the model's PyTorch twin. */
const char *model_python(const struct config *config);

#endif
