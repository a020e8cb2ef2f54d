/* SPDX-License-Identifier: MIT */
/*
 * What config.json of model.base says of a language model's keys.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "hf/config.h"
#include "models/language.h"
#include "util/file.h"

/* All that config.json answers. */
static const char *const answered[] = {
    "shape",      "d_model", "layers",     "heads",    "kv_heads", "head_width",  "feedforward",
    "vocabulary", "context", "activation", "norm_eps", "tied",     "rotary_base", "rotary_scaling"};

/* Whether nothing is left to ask: a run's own config.ini and checkpoint say everything, and need
 * the folder no more. */
static int says_all(const struct config *c)
{
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++)
        if (!config_is_set(c, "model", answered[i]))
            return 0;
    return 1;
}

static void must(struct config_making *making, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void must(struct config_making *making, const char *name, const char *format, ...)
{
    char value[128];
    va_list ap;
    va_start(ap, format);
    vsnprintf(value, sizeof value, format, ap);
    va_end(ap);
    config_must(making, name, value, "model.base");
}

static void take_rotary(struct config_making *making, const struct hf_config *hf)
{
    must(making, "model.rotary_base", "%.17g", hf->rotary_base);
    if (hf->scaling.kind == HF_SCALING_LLAMA3)
        must(making, "model.rotary_scaling", "llama3(%.17g,%.17g,%.17g,%.17g)", hf->scaling.factor,
             hf->scaling.low, hf->scaling.high, hf->scaling.positions);
    else if (hf->scaling.kind == HF_SCALING_LINEAR)
        must(making, "model.rotary_scaling", "linear(%.17g)", hf->scaling.factor);
    else
        must(making, "model.rotary_scaling", "none");
}

static void take(struct config_making *making, const struct hf_config *hf)
{
    static const char *const shapes[] = {
        [HF_GPT2] = "gpt2", [HF_LLAMA] = "llama", [HF_QWEN3] = "qwen3"};
    static const char *const activations[] = {
        [HF_GELU] = "gelu", [HF_GELU_TANH] = "gelu_tanh", [HF_RELU] = "relu", [HF_SILU] = "swiglu"};
    must(making, "model.shape", "%s", shapes[hf->shape]);
    must(making, "model.d_model", "%zu", hf->width);
    must(making, "model.layers", "%zu", hf->layers);
    must(making, "model.heads", "%zu", hf->heads);
    must(making, "model.kv_heads", "%zu", hf->key_heads);
    must(making, "model.head_width", "%zu", hf->head_width);
    must(making, "model.feedforward", "%zu", hf->feedforward);
    must(making, "model.vocabulary", "%zu", hf->vocabulary);
    must(making, "model.activation", "%s", activations[hf->activation]);
    must(making, "model.norm_eps", "%.17g", hf->norm_eps);
    must(making, "model.tied", "%s", hf->tied ? "yes" : "no");
    if (hf->shape == HF_GPT2)
        must(making, "model.context", "%zu", hf->positions);
    else
        take_rotary(making, hf);
    config_default(making, "model.dropout", "0");
    if (hf->packed != HF_PLAIN)
        config_default(making, "model.quantize", hf->packed == HF_INT8 ? "int8" : "nf4");
    if (hf->packed == HF_NF4)
        config_default(making, "model.double_quantization", "no");
}

/* The tokenizer of the folder, unless another one is asked for. */
static void take_tokenizer(struct config_making *making, const char *base)
{
    char *path = file_join(base, "tokenizer.json"), *quoted = path ? config_quote(path) : NULL;
    if (quoted)
        config_default(making, "data.tokenizer", quoted);
    else
        config_short(making);
    free(quoted);
    free(path);
}

void language_base(struct config_making *making, const struct config *c)
{
    struct hf_config hf;
    struct error err;
    if (!*c->model.base || says_all(c))
        return;
    take_tokenizer(making, c->model.base);
    if (!hf_config_read(&hf, c->model.base, &err))
        take(making, &hf);
    else if (err.status == STATUS_FAILED)
        config_short(making);
    else
        config_clash(making, "model.base", "model.base", "%s", err.text);
}
