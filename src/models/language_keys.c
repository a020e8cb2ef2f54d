/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "models/language.h"
#include "util/clocale.h"

size_t language_key_heads(const struct config *config)
{
    return (size_t)(config->model.kv_heads > 0 ? config->model.kv_heads : config->model.heads);
}

size_t language_head_width(const struct config *config)
{
    const long width = config->model.head_width;
    return (size_t)(width > 0 ? width : config->model.d_model / config->model.heads);
}

/* auto is 4 D, of a gated part, which has a matrix more, 8 D / 3 in whole blocks of 32. */
size_t language_feedforward(const struct config *config)
{
    const size_t width = (size_t)config->model.d_model;
    if (config->model.feedforward > 0)
        return (size_t)config->model.feedforward;
    return config->model.shape == SHAPE_GPT2 ? 4 * width : (8 * width / 3 + 31) / 32 * 32;
}

/* --- model.rotary_scaling */

/* The numbers of "name(a,b,...)"; -1 if it is not that name with so many numbers above 0. */
static int read_call(const char *text, const char *name, double *to, size_t count)
{
    const size_t n = strlen(name);
    if (strncmp(text, name, n) || text[n] != '(')
        return -1;
    text += n + 1;
    for (size_t i = 0; i < count; i++) {
        char *end;
        to[i] = strtod(text, &end);
        if (end == text || !(to[i] > 0) || to[i] > 1e12)
            return -1;
        text = end + strspn(end, " ");
        if (*text++ != (i + 1 < count ? ',' : ')'))
            return -1;
    }
    return *text ? -1 : 0;
}

int language_scaling(const char *text, struct language_scaling *to)
{
    double number[4] = {0};
    locale_t before = clocale_enter();
    int found = -1;
    *to = (struct language_scaling){.kind = SCALING_NONE};
    if (!strcmp(text, "none"))
        found = 0;
    else if (!read_call(text, "linear", number, 1))
        to->kind = SCALING_LINEAR, found = 0;
    else if (!read_call(text, "llama3", number, 4) && number[1] < number[2])
        to->kind = SCALING_LLAMA3, found = 0;
    clocale_leave(before);
    to->factor = number[0];
    to->low = number[1];
    to->high = number[2];
    to->rows = number[3];
    return found;
}

/* --- what a shape says */

static void ask_shape(struct config_making *making, const struct config *c)
{
    static const char by[] = "model.shape";
    const int gpt2 = c->model.shape == SHAPE_GPT2;
    config_must(making, "model.positions", gpt2 ? "learned" : "rotary", by);
    config_must(making, "model.norm", gpt2 ? "layer" : "rms", by);
    config_must(making, "model.norm_first", "yes", by);
    config_must(making, "model.attention", "causal", by);
    if (!gpt2)
        config_must(making, "model.activation", "swiglu", by);
    else if (c->model.activation == ACTIVATION_SWIGLU)
        config_clash(making, "model.activation", by,
                     "shape = gpt2 has no gate, which swiglu asks for");
    config_default(making, "model.tied", gpt2 ? "yes" : "no");
    config_default(making, "model.norm_eps", c->model.shape == SHAPE_QWEN3 ? "1e-6" : "1e-5");
    if (c->model.shape == SHAPE_QWEN3)
        config_default(making, "model.rotary_base", "1000000");
}

static void check_heads(struct config_making *making, const struct config *c)
{
    const int gpt2 = c->model.shape == SHAPE_GPT2;
    const long d = c->model.d_model, heads = c->model.heads, width = c->model.head_width;
    if (heads % (long)language_key_heads(c))
        config_clash(making, "model.kv_heads", "model.heads",
                     "heads = %ld cannot share kv_heads = %ld equally", heads, c->model.kv_heads);
    if ((gpt2 || width < 0) && d % heads)
        config_clash(making, "model.heads", "model.d_model",
                     "d_model = %ld cannot be shared by heads = %ld equally", d, heads);
    else if (gpt2 && width > 0 && width != d / heads)
        config_clash(making, "model.head_width", "model.shape",
                     "heads of shape = gpt2 are d_model / heads = %ld columns wide", d / heads);
    else if (!gpt2 && language_head_width(c) % 2)
        config_clash(making, width > 0 ? "model.head_width" : "model.heads", "model.shape",
                     "heads of %zu columns have no halves, which rotary positions turn",
                     language_head_width(c));
}

static void check_positions(struct config_making *making, const struct config *c)
{
    struct language_scaling scaling;
    if (language_scaling(c->model.rotary_scaling, &scaling))
        config_clash(
            making, "model.rotary_scaling", "model.rotary_scaling",
            "give none, linear(factor) or llama3(factor,low,high,rows), with numbers above "
            "0 and low below high");
    if (c->model.shape != SHAPE_GPT2)
        return;
    if (c->model.rotary_base > 10000 || c->model.rotary_base < 10000) /* its default */
        config_clash(making, "model.rotary_base", "model.shape",
                     "positions of shape = gpt2 are learned, not turned");
    if (scaling.kind != SCALING_NONE)
        config_clash(making, "model.rotary_scaling", "model.shape",
                     "positions of shape = gpt2 are learned, not turned");
    if (c->model.context > 0 && c->model.context < c->data.window)
        config_clash(making, "data.window", "model.context",
                     "window = %ld is more than the %ld positions that the model has",
                     c->data.window, c->model.context);
}

void language_keys(struct config_making *making, const struct config *c)
{
    ask_shape(making, c);
    check_heads(making, c);
    check_positions(making, c);
}
