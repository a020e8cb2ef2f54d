/* SPDX-License-Identifier: MIT */
/*
 * language: a causal decoder over the tokens of a text, which gives each row of a window the
 * probabilities of the token behind it. Its layers are those of model.shape.
 *
 * Parameters are named as transformers' checkpoints name them, and weights lie as they do there.
 * They are drawn as nanoGPT draws them: N(0, 0.02^2), of shape gpt2 those that add to the residual
 * stream of N layers N(0, 0.02^2 / 2N), biases 0. The PyTorch twin is language.py.
 */
#include "models/language.h"

#include <string.h>

#include "models/transformer.h"

static void language_build(struct graph *g, const struct config *config,
                           const struct model_shape *shape, struct model_io *io)
{
    const struct decoded d = config->model.shape == SHAPE_GPT2
                                 ? language_gpt2(g, config, shape, io)
                                 : language_llama(g, config, shape, io);
    if (io->next)
        io->terms.term[0].value = op_head_cross_entropy(g, d.rows, d.head, io->next, 0, 0);
    else if (!shape->only_reads)
        io->output = graph_keep(g, op_product(g, d.rows, d.head));
}

static size_t language_cache(const struct config *config, size_t rows)
{
    return attend_cache_elems(rows, language_key_heads(config), language_head_width(config));
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

/* A list that is not "none". */
static int is_asked(const struct list *list)
{
    return list->count && strcmp(list->item[0], "none");
}

/* Keys of targets that are numbers. */
static void refuse_targets(struct config_making *making, const struct config *c)
{
    static const char next[] = "has the next token for its target, no other";
    refuse(making, c->data.targets.count > 0, "data.targets", next);
    refuse(making, c->data.target_rows != TARGET_HORIZON, "data.target_rows", next);
    refuse(making, c->data.horizon != 1, "data.horizon", next);
    refuse(making, c->data.permute_targets, "data.permute_targets", next);
    refuse(making, is_asked(&c->data.target_transform), "data.target_transform", next);
    refuse(making, c->data.balance != BALANCE_NONE, "data.balance", next);
}

/* Keys of rows and columns of numbers. */
static void refuse_series(struct config_making *making, const struct config *c)
{
    static const char tokens[] = "reads tokens, no numbers";
    const int lines = !*c->data.column; /* without data.column each line is of a text */
    refuse(making, c->model.reversible_norm, "model.reversible_norm", tokens);
    refuse(making, c->data.noise > 0, "data.noise", tokens);
    refuse(making, is_asked(&c->data.augment), "data.augment", tokens);
    refuse(making, c->data.jump > 0, "data.jump", tokens);
    refuse(making, *c->data.manifest, "data.manifest", "reads texts: data.source names them");
    refuse(making, *c->data.series, "data.series", "reads texts, no series");
    refuse(making, c->data.join, "data.join", "has all texts behind each other");
    refuse(making, c->data.time.count > 0, "data.time", "reads texts, which have no times");
    refuse(making, *c->data.where, "data.where", "reads texts, no columns");
    refuse(making, c->data.channels == CHANNELS_APART, "data.channels", "reads texts, no channels");
    refuse(making, c->data.rows > 0, "data.rows", "reads whole texts");
    refuse(making, lines && c->data.skip_lines > 0, "data.skip_lines", "reads whole texts");
    refuse(making, lines && c->data.skip_footer > 0, "data.skip_footer", "reads whole texts");
    refuse(making, c->data.look_back, "data.look_back", "has no window in two parts");
}

/* Windows that are dealt one by one would share tokens with those of another part. */
static void check_stride(struct config_making *making, const struct config *c)
{
    const int draws = c->data.sampling == SAMPLING_RANDOM;
    const long stride = c->data.stride > 0 ? c->data.stride : draws ? 1 : c->data.window;
    if (c->data.split == SPLIT_SHUFFLED_WINDOWS && stride < c->data.window)
        config_clash(making, "data.split", "data.stride",
                     "split = shuffled_windows deals windows that begin %ld tokens apart and are "
                     "%ld long: parts would have tokens in common; data.stride = %ld helps",
                     stride, c->data.window, c->data.window);
}

static void language_check(struct config_making *making, const struct config *c)
{
    language_base(making, c);
    language_keys(making, c);
    refuse(making, c->model.attention_layers > 0, "model.attention_layers",
           "has its layers in model.layers");
    refuse_targets(making, c);
    refuse_series(making, c);
    check_stride(making, c);
    refuse(making,
           c->data.split == SPLIT_STRATIFIED || c->data.split == SPLIT_SPEC ||
               c->data.split == SPLIT_WALK_FORWARD,
           "data.split", "takes chronological, shuffled and shuffled_windows");
    if (!*c->data.tokenizer)
        config_clash(making, "data.tokenizer", "model.type",
                     "type = language reads text: tokenizer = characters or bytes makes tokens of "
                     "it");
}

/* transformers' Conv1D has them so. */
static int language_in_out(const struct config *config)
{
    return config->model.shape == SHAPE_GPT2;
}

const struct model_class model_language = {
    .name = "language",
    .check = language_check,
    .python = "language.py",
    .build = language_build,
    .terms = language_terms,
    .attends = transformer_attends,
    .in_out = language_in_out,
    .cache = language_cache,
    .reads_tokens = 1,
    .drops = DROPS_WITHIN,
};
