/* SPDX-License-Identifier: MIT */
#include "models/autoencoder.h"

#include "models/transformer.h"

static int learned(const struct config *config)
{
    return config->model.positions == POSITIONS_LEARNED;
}

static struct tensor *encode(struct graph *g, const struct config *config,
                             const struct transformer *t, struct tensor *x, size_t features)
{
    size_t d = t->width, rows = g->batch * t->window;
    struct drop none = {0, t->sample, t->window, ""};
    struct tensor *h = op_linear(g, x, rows, features, d, "input");
    h = op_bias(g, h, rows, d, ACT_NONE,
                transformer_positions(g, t, learned(config), "encoder_positions"), &none);
    h = transformer_encoder(g, h, t, "encoder");
    h = op_linear(g, h, g->batch, t->window * d, 2 * d, "bottleneck.0");
    char mask[96];
    h = op_norm_relu(
        g, h, g->batch, 2 * d, "bottleneck.1",
        &(struct drop){t->dropout, t->sample, 1, transformer_mask(mask, t->view, "bottleneck.3")});
    h = op_linear(g, h, g->batch, 2 * d, d, "bottleneck.4");
    h = op_norm_relu(
        g, h, g->batch, d, "bottleneck.5",
        &(struct drop){t->dropout, t->sample, 1, transformer_mask(mask, t->view, "bottleneck.7")});
    h = op_linear(g, h, g->batch, d, (size_t)config->model.latent, "bottleneck.8");
    return op_latent(g, h, (size_t)config->model.latent, config->model.normalize_latent);
}

static struct tensor *decode(struct graph *g, const struct config *config,
                             const struct transformer *t, struct tensor *z, size_t features)
{
    size_t d = t->width, rows = g->batch * t->window;
    struct drop none = {0, t->sample, t->window, ""};
    struct tensor *h =
        op_linear(g, z, g->batch, (size_t)config->model.latent, t->window * d, "expand");
    /* the bias of expand is [T D]: one sample is one row */
    struct tensor *at = transformer_positions(g, t, learned(config), "decoder_positions");
    h = op_bias(g, h, g->batch, t->window * d, ACT_NONE, at, &(struct drop){0, t->sample, 1, ""});
    h = transformer_encoder(g, h, t, "decoder");
    h = op_linear(g, h, rows, d, features, "output");
    return op_bias(g, h, rows, features, ACT_NONE, NULL, &none);
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct tensor *input = io->input, *sample = io->sample;
    size_t features = shape->features, latent = (size_t)config->model.latent;
    const struct transformer t = {
        .window = (size_t)config->data.window,
        .width = (size_t)config->model.d_model,
        .heads = (size_t)config->model.heads,
        .layers = (size_t)config->model.layers,
        .feedforward = (size_t)config->model.feedforward,
        .act = config->model.activation == ACTIVATION_GELU ? ACT_GELU : ACT_RELU,
        .dropout = config->model.dropout,
        .norm_first = config->model.norm_first,
        .sample = sample,
        .view = "",
    };
    struct term *reconstruction = &io->terms.term[0], *contrastive = &io->terms.term[1];
    io->latent = encode(g, config, &t, input, features);
    io->latent->keep = 1;
    struct tensor *view = NULL;
    if (config->loss.contrastive == CONTRASTIVE_NT_XENT) {
        struct tensor *noisy =
            op_noise(g, input, t.window * features, sample, "loss.noise", config->loss.noise);
        struct transformer other = t;
        other.view = "view.";
        view = encode(g, config, &other, noisy, features);
    }
    io->output = decode(g, config, &t, io->latent, features);
    io->output->keep = 1;
    reconstruction->value = op_sample_loss(g, io->output, input, t.window * features,
                                           (enum loss_kind)config->loss.reconstruction, NULL);
    if (view)
        contrastive->value =
            op_nt_xent(g, io->latent, view, latent, config->loss.temperature, contrastive->weight);
    else if (config->loss.contrastive == CONTRASTIVE_MEAN_SIMILARITY)
        contrastive->value =
            op_similarity(g, io->latent, latent, contrastive->weight, &contrastive->total);
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

static void autoencoder_check(struct config_making *making, const struct config *c)
{
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

const struct model_class model_autoencoder = {
    .name = "autoencoder",
    .check = autoencoder_check,
    .python = "autoencoder.py",
    .build = build,
    .terms = autoencoder_terms,
    .attends = 1,
};
