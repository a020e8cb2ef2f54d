/* SPDX-License-Identifier: MIT */
/*
 * autoencoder: a transformer that presses a window into a latent vector and rebuilds it.
 *
 *   input Linear(F, D) + positions, N encoder layers, flattened;
 *   bottleneck Linear(T D, 2 D) LayerNorm ReLU Dropout, Linear(2 D, D) LayerNorm ReLU Dropout,
 *   Linear(D, latent), put on the unit sphere;
 *   expand Linear(latent, T D) + positions, N layers, output Linear(D, F).
 *
 * Loss: R (mean squared, absolute or Huber error of the window) + weight * C, see ops/ops.h. The
 * PyTorch twin is autoencoder.py.
 */
#include "models/model.h"
#include "models/transformer.h"

static int learned(const struct config *config)
{
    return config->model.positions == POSITIONS_LEARNED;
}

/* Linear, LayerNorm, ReLU, Dropout: bottleneck.`at` and the three behind it. */
static struct tensor *press(struct graph *g, const struct transformer *t, struct tensor *h,
                            size_t out, int at)
{
    h = op_linear(g, h, out, graph_name("bottleneck.%d", at));
    h = op_norm(g, h, graph_name("bottleneck.%d", at + 1));
    h = op_activation(g, h, ACT_RELU, "bottleneck");
    return op_dropout(g, h, t->dropout, graph_name("%sbottleneck.%d", t->view, at + 3));
}

static struct tensor *encode(struct graph *g, const struct config *config,
                             const struct transformer *t, struct tensor *x)
{
    struct tensor *h = op_linear(g, x, t->width, "input");
    h = op_add(g, h, transformer_positions(g, t, learned(config), "encoder_positions"));
    h = transformer_encoder(g, h, t, "encoder");
    h = graph_view(g, h, 2, (size_t[]){g->batch, t->window * t->width});
    h = press(g, t, h, 2 * t->width, 0);
    h = press(g, t, h, t->width, 4);
    h = op_linear(g, h, (size_t)config->model.latent, "bottleneck.8");
    return config->model.normalize_latent ? op_unit(g, h) : h;
}

static struct tensor *decode(struct graph *g, const struct config *config,
                             const struct transformer *t, struct tensor *z, size_t features)
{
    const size_t rows = t->window * t->width;
    struct tensor *h = op_linear(g, z, rows, "expand"); /* the bias is [T D]: a sample is a row */
    struct tensor *at = transformer_positions(g, t, learned(config), "decoder_positions");
    h = op_add(g, h, graph_view(g, at, 1, &rows));
    h = graph_view(g, h, 3, (size_t[]){g->batch, t->window, t->width});
    h = transformer_encoder(g, h, t, "decoder");
    return op_linear(g, h, features, "output");
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct tensor *input = io->input;
    struct transformer t =
        transformer_of(config, (size_t)config->data.window, (size_t)config->model.d_model,
                       (size_t)config->model.layers);
    t.final_norm = 0;
    t.attend.causal = 0; /* a latent vector is of all rows */
    struct term *reconstruction = &io->terms.term[0], *contrastive = &io->terms.term[1];
    io->latent = graph_keep(g, encode(g, config, &t, input));
    struct tensor *view = NULL;
    if (config->loss.contrastive == CONTRASTIVE_NT_XENT) {
        struct tensor *noisy = op_noise(g, input, "loss.noise", config->loss.noise);
        struct transformer other = t;
        other.view = "view.";
        view = encode(g, config, &other, noisy);
    }
    io->output = graph_keep(g, decode(g, config, &t, io->latent, shape->features));
    const enum loss_kind kind = (enum loss_kind)config->loss.reconstruction;
    reconstruction->value =
        op_part_loss(g, io->output, io->whole, kind, NULL, reconstruction->weight);
    if (io->taught)
        io->terms.term[2].value =
            op_taught_loss(g, io->output, io->taught, kind, NULL, io->terms.term[2].weight, 1);
    if (view)
        contrastive->value =
            op_nt_xent(g, io->latent, view, config->loss.temperature, contrastive->weight);
    else if (config->loss.contrastive == CONTRASTIVE_MEAN_SIMILARITY)
        contrastive->value = op_similarity(g, io->latent, contrastive->weight, &contrastive->total);
}

/* C over all pairs: (|S|^2 - n) / (n (n - 1)) with S, the sum of latent vectors of length 1. */
static double mean_similarity(const float *total, size_t elems, size_t samples)
{
    double square = 0, n = (double)samples;
    for (size_t i = 0; i < elems; i += 2) {
        double s = (double)total[i] + (double)total[i + 1];
        square += s * s;
    }
    return samples < 2 ? 0 : (square - n) / (n * (n - 1));
}

/* R and C, in the order that build() knows. */
static struct terms autoencoder_terms(const struct config *config)
{
    static const enum term_over over[] = {[CONTRASTIVE_NONE] = TERM_OFF,
                                          [CONTRASTIVE_MEAN_SIMILARITY] = TERM_WHOLE,
                                          [CONTRASTIVE_NT_XENT] = TERM_BATCHES};
    return (struct terms){{{.name = "reconstruction",
                            .symbol = "R",
                            .what = "reconstruction error",
                            .over = TERM_SAMPLES,
                            .weight = 1,
                            .lower_is_better = 1},
                           {.name = "contrastive",
                            .symbol = "C",
                            .what = "contrastive term",
                            .over = over[config->loss.contrastive],
                            .weight = config->loss.contrastive_weight,
                            .lower_is_better = 1,
                            .whole = mean_similarity}},
                          2};
}

static size_t autoencoder_columns(const struct config *config)
{
    return (size_t)config->model.latent;
}

static int autoencoder_units(const struct config *config, struct units *to, struct error *err)
{
    static const char *const names[] = {"encoder", "decoder"};
    (void)err;
    return transformer_units(config, to, names, 2);
}

static void autoencoder_check(struct config_making *making, const struct config *c)
{
    transformer_check(making, c);
    if (c->data.targets.count)
        config_clash(making, "data.targets", "model.type",
                     "an autoencoder has no targets but its input");
    if (c->data.target_display.kind != DISPLAY_NONE)
        config_clash(making, "data.target_display", "model.type",
                     "an autoencoder has no targets to show");
    if (c->model.positions == POSITIONS_ROTARY || c->model.positions == POSITIONS_NONE)
        config_clash(making, "model.positions", "model.type",
                     "an autoencoder's positions are learned or sinusoidal");
    if (c->data.look_back && c->data.target_rows != TARGET_WINDOW)
        config_clash(making, "data.look_back", "data.target_rows",
                     "look_back needs targets behind the window");
}

void model_compares_none(struct config *config)
{
    config->loss.contrastive = CONTRASTIVE_NONE;
}

const struct model_class model_autoencoder = {
    .name = "autoencoder",
    .check = autoencoder_check,
    .python = "autoencoder.py",
    .build = build,
    .columns = autoencoder_columns,
    .terms = autoencoder_terms,
    .attends = transformer_attends,
    .units = autoencoder_units,
    .drops = DROPS_WITHIN,
};
