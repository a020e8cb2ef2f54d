/* SPDX-License-Identifier: MIT */
/*
 * captioner: a causal decoder that tells what is seen in a clip. A frozen encoder has made rows
 * [R, C] of the clip (data/encoded.h); a projector makes K rows of the decoder's width of them,
 * which stand in front of the tokens of the prompt and the caption (Merullo et al. 2023, Liu et al.
 * 2023). The loss is that of the caption's tokens alone.
 *
 * The decoder is that of language.c, with its names; the projector's parameters are projector.* .
 */
#include <stdio.h>

#include "hf/tower.h"
#include "models/language.h"
#include "models/transformer.h"
#include "util/file.h"

/* A row for each of the clip, or for each query. */
static size_t captioner_prefix(const struct config *config)
{
    size_t rows, columns;
    if (config->model.projector == PROJECTOR_QUERIES)
        return (size_t)config->model.queries;
    config_clip(config, &rows, &columns);
    return rows;
}

/* Learned queries [K, D] attend to keys and values of the clip. */
static struct tensor *query(struct graph *g, const struct config *config, struct tensor *clip)
{
    const size_t width = (size_t)config->model.d_model;
    struct tensor *queries = language_matrix(g, "projector.queries", (size_t)config->model.queries,
                                             width, LANGUAGE_SPREAD);
    struct tensor *kv = op_linear(g, clip, 2 * width, "projector.kv");
    struct tensor *h =
        op_attention_over(g, queries, kv, (size_t)config->model.heads, "projector.attention");
    return op_linear(g, h, width, "projector.out");
}

/* K rows [B, K, D] of a clip [B, R, C] */
static struct tensor *project(struct graph *g, const struct config *config, struct tensor *clip)
{
    const size_t width = (size_t)config->model.d_model;
    if (config->model.projector == PROJECTOR_QUERIES)
        return query(g, config, clip);
    if (config->model.projector == PROJECTOR_LINEAR)
        return op_linear(g, clip, width, "projector");
    struct tensor *h = op_linear(g, clip, width, "projector.0");
    h = op_activation(g, h, ACT_GELU, "projector.1");
    return op_linear(g, h, width, "projector.2");
}

static void captioner_build(struct graph *g, const struct config *config,
                            const struct model_shape *shape, struct model_io *io)
{
    if (io->clip)
        io->prefix = project(g, config, io->clip);
    language_decode(g, config, shape, io);
}

/* Gives keys what config.json of encoder.base says of them; a run's own config.ini says all. */
static void take_base(struct config_making *making, const struct config *c)
{
    struct hf_tower tower;
    struct error err;
    char number[24];
    const int knows = c->encoder.rows > 0 && c->encoder.columns > 0;
    if (!*c->encoder.base || !hf_tower_is_named(c->encoder.base) ||
        (knows && !file_is_folder(c->encoder.base)))
        return;
    if (hf_tower_read(&tower, c->encoder.base, &err)) {
        if (err.status == STATUS_FAILED)
            config_short(making);
        else
            config_clash(making, "encoder.base", "encoder.base", "%s", err.text);
        return;
    }
    snprintf(number, sizeof number, "%zu", hf_tower_patches(&tower));
    config_must(making, "encoder.rows", number, "encoder.base");
    snprintf(number, sizeof number, "%zu", tower.vision.layers.width);
    config_must(making, "encoder.columns", number, "encoder.base");
}

/* A position for each row of the prefix and of the text. */
static void check_context(struct config_making *making, const struct config *c)
{
    const long rows = (long)captioner_prefix(c) + c->data.window;
    if (c->model.shape == SHAPE_GPT2 && c->model.context > 0 && c->model.context < rows)
        config_clash(making, "data.window", "model.context",
                     "%zu rows of a clip and window = %ld tokens are more than the %ld positions "
                     "that the model has",
                     captioner_prefix(c), c->data.window, c->model.context);
}

static void captioner_check(struct config_making *making, const struct config *c)
{
    config_default(making, "data.column", "caption");
    config_default(making, "data.feed", "stream");
    take_base(making, c);
    language_check_keys(making, c);
    if (c->encoder.rows < 0 || c->encoder.columns < 0)
        config_clash(making, "encoder.base", "model.type",
                     "type = captioner sees clips by an encoder: base names its folder");
    else
        check_context(making, c);
    if (c->model.projector == PROJECTOR_QUERIES && c->model.d_model % c->model.heads)
        config_clash(making, "model.projector", "model.heads",
                     "projector = queries shares d_model = %ld among heads = %ld, which is not "
                     "equally",
                     c->model.d_model, c->model.heads);
    language_refuse(making, c, c->data.stride > 0, "data.stride", "has a window for each caption");
    language_refuse(making, c, c->data.feed == FEED_RESIDENT, "data.feed",
                    "brings the clips of each batch to the device: feed = stream");
    language_refuse(making, c,
                    c->data.split != SPLIT_CHRONOLOGICAL && c->data.split != SPLIT_SHUFFLED,
                    "data.split", "deals clips: it takes chronological and shuffled");
}

const struct model_class model_captioner = {
    .name = "captioner",
    .check = captioner_check,
    .python = "language.py",
    .build = captioner_build,
    .terms = language_terms,
    .attends = transformer_attends,
    .in_out = language_in_out,
    .cache = language_cache,
    .prefix = captioner_prefix,
    .own = "projector.*",
    .reads_tokens = 1,
    .drops = DROPS_WITHIN,
};
