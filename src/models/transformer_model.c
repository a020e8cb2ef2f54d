/* SPDX-License-Identifier: MIT */
/*
 * transformer_model: a transformer encoder for one value or a sequence of them.
 *
 *   input Linear(F, D) + positions, N encoder layers over all rows or (causal) those before, with
 *   norm_first a final LayerNorm, then the head (models/head.h).
 *
 * Parameters are named as those of nn.TransformerEncoder. Positions are a parameter [T, D],
 * sinusoids, rotary (queries and keys of each layer are turned, Su et al. 2021) or none. The
 * PyTorch twin is transformer.py.
 */
#include "models/head.h"
#include "models/model.h"
#include "models/transformer.h"

/* Rows of input [B, T, F] in the width of the model, with their positions unless these are turned.
 */
static struct tensor *embed(struct graph *g, const struct config *config,
                            const struct transformer *t, struct tensor *x)
{
    struct tensor *at = NULL;
    if (config->model.positions == POSITIONS_LEARNED ||
        config->model.positions == POSITIONS_SINUSOIDAL)
        at = transformer_positions(g, t, config->model.positions == POSITIONS_LEARNED, "positions");
    x = op_linear(g, x, t->width, "input");
    return at ? op_add(g, x, at) : x;
}

static void build(struct graph *g, const struct config *config, const struct model_shape *shape,
                  struct model_io *io)
{
    struct transformer t = transformer_of(config, shape->window, (size_t)config->model.d_model,
                                          (size_t)config->model.layers);
    if (config->model.positions == POSITIONS_ROTARY)
        t.rotary = op_rotary_table(g, t.window, t.width / t.heads);
    struct tensor *h = embed(g, config, &t, io->input);
    h = transformer_encoder(g, h, &t, "encoder");
    model_head(g, config, shape, io, h, 0);
}

static size_t transformer_model_columns(const struct config *config)
{
    return (size_t)config->model.d_model;
}

static int transformer_model_units(const struct config *config, struct units *to, struct error *err)
{
    static const char *const names[] = {"encoder"};
    (void)err;
    return transformer_units(config, to, names, 1);
}

static void transformer_model_check(struct config_making *making, const struct config *c)
{
    transformer_check(making, c);
    if (c->model.positions == POSITIONS_LEARNED && c->data.eval_window > 0 &&
        c->data.eval_window != c->data.window)
        config_clash(making, "data.eval_window", "model.positions",
                     "learned positions exist only for window rows, not for eval_window = %ld: use "
                     "sinusoidal, rotary or none",
                     c->data.eval_window);
}

const struct model_class model_transformer = {
    .name = "transformer",
    .check = transformer_model_check,
    .python = "transformer.py",
    .build = build,
    .columns = transformer_model_columns,
    .attends = transformer_attends,
    .units = transformer_model_units,
    .drops = DROPS_WITHIN,
    .supervised = 1,
};
