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

/* The rows of the tokens alone, [B, T, D]. */
static struct tensor *behind_prefix(struct graph *g, struct tensor *rows,
                                    const struct model_shape *shape)
{
    const size_t batch = rows->dim[0], width = tensor_columns(rows);
    if (!shape->prefix)
        return rows;
    rows = graph_view(g, rows, 2, (size_t[]){batch, rows->dim[1] * width});
    rows = op_slice(g, rows, shape->prefix * width, shape->window * width);
    return graph_view(g, rows, 3, (size_t[]){batch, shape->window, width});
}

void language_decode(struct graph *g, const struct config *config, const struct model_shape *shape,
                     struct model_io *io)
{
    const struct decoded d = config->model.shape == SHAPE_GPT2
                                 ? language_gpt2(g, config, shape, io)
                                 : language_llama(g, config, shape, io);
    if (io->taught)
        io->terms.term[0].value = op_distill(g, op_product(g, d.rows, d.head), io->taught, io->next,
                                             config->loss.teacher_temperature,
                                             config->loss.teacher_weight, &io->terms.term[1].value);
    else if (io->next)
        io->terms.term[0].value =
            op_head_cross_entropy(g, behind_prefix(g, d.rows, shape), d.head, io->next, 0, 0);
    else if (!shape->only_reads)
        io->output = graph_keep(g, op_product(g, d.rows, d.head));
}

size_t language_cache(const struct config *config, size_t rows)
{
    return attend_cache_elems(rows, language_key_heads(config), language_head_width(config));
}

struct terms language_terms(const struct config *config)
{
    (void)config;
    return (struct terms){
        {{.name = "cross_entropy", .over = TERM_SAMPLES, .weight = 1, .lower_is_better = 1}}, 1};
}

static const char *type_of(const struct config *c)
{
    return config_choice("model", "type", c->model.type);
}

void language_refuse(struct config_making *making, const struct config *c, int is_set,
                     const char *key, const char *why)
{
    if (is_set)
        config_clash(making, key, "model.type", "type = %s %s", type_of(c), why);
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
    language_refuse(making, c, c->data.targets.count > 0, "data.targets", next);
    language_refuse(making, c, c->data.target_rows != TARGET_HORIZON, "data.target_rows", next);
    language_refuse(making, c, c->data.horizon != 1, "data.horizon", next);
    language_refuse(making, c, c->data.permute_targets, "data.permute_targets", next);
    language_refuse(making, c, is_asked(&c->data.target_transform), "data.target_transform", next);
    language_refuse(making, c, c->data.balance != BALANCE_NONE, "data.balance", next);
}

/* Keys of rows and columns of numbers. */
static void refuse_series(struct config_making *making, const struct config *c)
{
    static const char tokens[] = "reads tokens, no numbers";
    const int lines = !*c->data.column; /* without data.column each line is of a text */
    language_refuse(making, c, c->model.reversible_norm, "model.reversible_norm", tokens);
    language_refuse(making, c, c->data.noise > 0, "data.noise", tokens);
    language_refuse(making, c, is_asked(&c->data.augment), "data.augment", tokens);
    language_refuse(making, c, c->data.jump > 0, "data.jump", tokens);
    language_refuse(making, c, *c->data.manifest, "data.manifest",
                    "reads texts: data.source names them");
    language_refuse(making, c, *c->data.series, "data.series", "reads texts, no series");
    language_refuse(making, c, c->data.join, "data.join", "has all texts behind each other");
    language_refuse(making, c, c->data.time.count > 0, "data.time",
                    "reads texts, which have no times");
    language_refuse(making, c, *c->data.where, "data.where", "reads texts, no columns");
    language_refuse(making, c, c->data.channels == CHANNELS_APART, "data.channels",
                    "reads texts, no channels");
    language_refuse(making, c, c->data.rows > 0, "data.rows", "reads whole texts");
    language_refuse(making, c, lines && c->data.skip_lines > 0, "data.skip_lines",
                    "reads whole texts");
    language_refuse(making, c, lines && c->data.skip_footer > 0, "data.skip_footer",
                    "reads whole texts");
    language_refuse(making, c, c->data.look_back, "data.look_back", "has no window in two parts");
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

void language_check_keys(struct config_making *making, const struct config *c)
{
    language_base(making, c);
    language_keys(making, c);
    language_refuse(making, c, c->model.attention_layers > 0, "model.attention_layers",
                    "has its layers in model.layers");
    refuse_targets(making, c);
    refuse_series(making, c);
    if (!*c->data.tokenizer)
        config_clash(making, "data.tokenizer", "model.type",
                     "type = %s reads text: tokenizer = characters or bytes makes tokens of it",
                     type_of(c));
}

static void language_check(struct config_making *making, const struct config *c)
{
    language_check_keys(making, c);
    check_stride(making, c);
    language_refuse(making, c,
                    c->data.split == SPLIT_STRATIFIED || c->data.split == SPLIT_SPEC ||
                        c->data.split == SPLIT_WALK_FORWARD,
                    "data.split", "takes chronological, shuffled and shuffled_windows");
}

/* transformers' Conv1D has them so. */
int language_in_out(const struct config *config)
{
    return config->model.shape == SHAPE_GPT2;
}

const struct model_class model_language = {
    .name = "language",
    .check = language_check,
    .python = "language.py",
    .build = language_decode,
    .terms = language_terms,
    .attends = transformer_attends,
    .in_out = language_in_out,
    .cache = language_cache,
    .reads_tokens = 1,
    .drops = DROPS_WITHIN,
};
