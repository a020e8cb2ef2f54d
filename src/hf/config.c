/* SPDX-License-Identifier: MIT */
#include "hf/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hf/json.h"
#include "util/shown.h"

#define SIZE_MOST 1000000000.0 /* of a width or a number of things */

/* Refuses a key that has another truth than the one that is computed here. */
static void only(struct hf_reader *r, const char *key, int wanted, const char *what)
{
    if (hf_truth(r, key, wanted) != wanted)
        hf_fault(r, key, what);
}

/* --- which model it is */

static const struct {
    const char *type, *architecture;
} shapes[] = {[HF_GPT2] = {"gpt2", "GPT2LMHeadModel"},
              [HF_LLAMA] = {"llama", "LlamaForCausalLM"},
              [HF_QWEN3] = {"qwen3", "Qwen3ForCausalLM"}};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* model_type, or where that is missing the first of the architectures. */
static void read_shape(struct hf_reader *r, struct hf_config *to)
{
    const char *type = hf_text(r, "model_type"), *key = "model_type";
    if (!type && !r->failed) {
        key = "architectures";
        type = json_string_value(json_array_get(hf_value(r, key), 0));
    }
    if (!type) {
        hf_fault(r, "model_type", "is missing");
        return;
    }
    for (size_t i = 0; i < SHAPES; i++)
        if (!strcmp(type, shapes[i].type) || !strcmp(type, shapes[i].architecture)) {
            to->shape = (enum hf_shape)i;
            return;
        }
    if (!r->failed)
        error_set(r->err, STATUS_INPUT,
                  "%s: '%s' is '%s': models of the types gpt2, llama and qwen3 are read", r->path,
                  key, show_name(type).text);
    r->failed = -1;
}

static void read_activation(struct hf_reader *r, const char *key, const char *otherwise,
                            struct hf_config *to)
{
    static const struct {
        const char *name;
        enum hf_activation is;
    } known[] = {{"gelu", HF_GELU}, {"gelu_new", HF_GELU_TANH}, {"gelu_pytorch_tanh", HF_GELU_TANH},
                 {"relu", HF_RELU}, {"silu", HF_SILU},          {"swish", HF_SILU}};
    const int gated = to->shape != HF_GPT2; /* silu stands in a gate, and alone there */
    const char *name = hf_text(r, key);
    char what[200];
    name = name ? name : otherwise;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(name, known[i].name) && (known[i].is == HF_SILU) == gated) {
            to->activation = known[i].is;
            return;
        }
    snprintf(what, sizeof what, "is '%s': this type of model is computed with %s",
             show_name(name).text, gated ? "silu" : "gelu, gelu_new, gelu_pytorch_tanh or relu");
    hf_fault(r, key, what);
}

/* --- rotary positions */

static void read_scaling(struct hf_reader *r, struct hf_config *to)
{
    const char *key = hf_value(r, "rope_type") ? "rope_type" : "type", *kind = hf_text(r, key);
    char what[200];
    if (!kind || !strcmp(kind, "default"))
        return;
    if (!strcmp(kind, "linear")) {
        to->scaling.kind = HF_SCALING_LINEAR;
    } else if (!strcmp(kind, "llama3")) {
        to->scaling.kind = HF_SCALING_LLAMA3;
        to->scaling.low = hf_number(r, "low_freq_factor", NAN, 1e-6, 1e6);
        to->scaling.high = hf_number(r, "high_freq_factor", NAN, 1e-6, 1e6);
        to->scaling.positions = (double)hf_whole(r, "original_max_position_embeddings",
                                                 (double)to->positions, SIZE_MOST);
        if (to->scaling.high <= to->scaling.low)
            hf_fault(r, "high_freq_factor", "is not above low_freq_factor");
    } else {
        snprintf(what, sizeof what,
                 "is '%s': rotary positions of the kinds default, linear and llama3 are computed",
                 show_name(kind).text);
        hf_fault(r, key, what);
    }
    to->scaling.factor = hf_number(r, "factor", NAN, 1e-6, 1e6);
}

/* rope_parameters of new files, or rope_theta and rope_scaling of old ones. */
static void read_rotary(struct hf_reader *r, struct hf_config *to)
{
    static const char *const objects[] = {"rope_parameters", "rope_scaling"};
    to->rotary_base = hf_number(r, "rope_theta", 10000, 1e-3, 1e15);
    if (hf_number(r, "partial_rotary_factor", 1, 0, 1e9) != 1)
        hf_fault(r, "partial_rotary_factor", "is not 1: positions turn whole heads here");
    for (size_t i = 0; i < 2 && !r->failed; i++) {
        const json_t *object = hf_value(r, objects[i]);
        if (!object)
            continue;
        if (!json_is_object(object)) {
            hf_fault(r, objects[i], "is no object");
            return;
        }
        struct hf_reader inner = {.object = object, .path = r->path, .err = r->err};
        to->rotary_base = hf_number(&inner, "rope_theta", to->rotary_base, 1e-3, 1e15);
        if (hf_number(&inner, "partial_rotary_factor", 1, 0, 1e9) != 1)
            hf_fault(&inner, "partial_rotary_factor", "is not 1: positions turn whole heads here");
        read_scaling(&inner, to);
        r->failed = inner.failed;
        return;
    }
}

/* --- quantised weights */

static void read_packed(struct hf_reader *r, struct hf_config *to)
{
    struct hf_reader inner = {
        .object = hf_value(r, "quantization_config"), .path = r->path, .err = r->err};
    if (!inner.object || r->failed)
        return;
    const char *method = hf_text(&inner, "quant_method"),
               *type = hf_text(&inner, "bnb_4bit_quant_type");
    const int in_4 = hf_truth(&inner, "load_in_4bit", 0),
              in_8 = hf_truth(&inner, "load_in_8bit", 0);
    const int nested = hf_truth(&inner, "bnb_4bit_use_double_quant", 0);
    if (!method || strcmp(method, "bitsandbytes"))
        hf_fault(&inner, "quant_method", "is not bitsandbytes, whose nf4 and int8 are read");
    else if (in_4 == in_8 || (in_4 && (!type || strcmp(type, "nf4"))))
        hf_fault(&inner, "quantization_config", "is neither nf4 nor int8 of bitsandbytes");
    else
        to->packed = in_8 ? HF_INT8 : nested ? HF_NF4_NESTED : HF_NF4;
    r->failed = inner.failed;
}

/* --- the kinds of models */

/* Layers that see the last rows only. */
static void refuse_sliding(struct hf_reader *r)
{
    static const char what[] = "asks for sliding windows, which are not computed";
    const json_t *types = hf_value(r, "layer_types"), *type;
    size_t i;
    only(r, "use_sliding_window", 0, what);
    json_array_foreach(types, i, type)
    {
        if (strcmp(json_is_string(type) ? json_string_value(type) : "", "full_attention"))
            hf_fault(r, "layer_types", "has layers that are not full_attention");
    }
}

static void refuse_experts(struct hf_reader *r)
{
    static const char *const keys[] = {"num_experts", "num_local_experts", "n_routed_experts"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (hf_number(r, keys[i], 0, 0, SIZE_MOST) > 0)
            hf_fault(r, keys[i], "asks for experts, which are not computed");
}

static void read_gpt2(struct hf_reader *r, struct hf_config *to)
{
    to->width = hf_whole(r, "n_embd", 768, SIZE_MOST);
    to->layers = hf_whole(r, "n_layer", 12, SIZE_MOST);
    to->heads = to->key_heads = hf_whole(r, "n_head", 12, SIZE_MOST);
    to->positions = hf_whole(r, "n_positions", 1024, SIZE_MOST);
    to->feedforward = hf_whole(r, "n_inner", 4 * (double)to->width, SIZE_MOST);
    to->vocabulary = hf_whole(r, "vocab_size", 50257, SIZE_MOST);
    to->norm_eps = hf_number(r, "layer_norm_epsilon", 1e-5, 0, 1);
    to->tied = hf_truth(r, "tie_word_embeddings", 1);
    read_activation(r, "activation_function", "gelu_new", to);
    only(r, "scale_attn_weights", 1, "is false, which is not computed");
    only(r, "scale_attn_by_inverse_layer_idx", 0, "is true, which is not computed");
    only(r, "add_cross_attention", 0, "is true, which is not computed");
    if (to->width % to->heads)
        hf_fault(r, "n_embd", "cannot be shared by n_head equally");
    to->head_width = to->width / to->heads;
}

static void read_llama(struct hf_reader *r, struct hf_config *to)
{
    static const char biases[] = "is true: models of this type are computed without biases";
    to->width = hf_whole(r, "hidden_size", NAN, SIZE_MOST);
    to->layers = hf_whole(r, "num_hidden_layers", NAN, SIZE_MOST);
    to->heads = hf_whole(r, "num_attention_heads", NAN, SIZE_MOST);
    to->key_heads = hf_whole(r, "num_key_value_heads", (double)to->heads, SIZE_MOST);
    to->feedforward = hf_whole(r, "intermediate_size", NAN, SIZE_MOST);
    to->vocabulary = hf_whole(r, "vocab_size", NAN, SIZE_MOST);
    to->positions = hf_whole(r, "max_position_embeddings", 2048, SIZE_MOST);
    to->norm_eps = hf_number(r, "rms_norm_eps", 1e-6, 0, 1);
    to->tied = hf_truth(r, "tie_word_embeddings", 0);
    if (!hf_value(r, "head_dim") && to->shape == HF_QWEN3)
        to->head_width = 128;
    else if (!hf_value(r, "head_dim") && to->width % to->heads)
        hf_fault(r, "hidden_size", "cannot be shared by num_attention_heads equally");
    else
        to->head_width = hf_whole(r, "head_dim", (double)(to->width / to->heads), SIZE_MOST);
    if (to->heads % to->key_heads)
        hf_fault(r, "num_attention_heads", "cannot share num_key_value_heads equally");
    if (to->head_width % 2)
        hf_fault(r, hf_value(r, "head_dim") ? "head_dim" : "hidden_size",
                 "makes heads of an odd width, whose halves cannot be turned");
    read_activation(r, "hidden_act", "silu", to);
    only(r, "attention_bias", 0, biases);
    only(r, "mlp_bias", 0, biases);
    refuse_sliding(r);
    refuse_experts(r);
    read_rotary(r, to);
}

int hf_config_parse(struct hf_config *to, const char *bytes, size_t size, const char *name,
                    struct error *err)
{
    json_t *json = hf_json(bytes, size, name, err);
    struct hf_reader r = {.object = json, .path = name, .err = err};
    *to = (struct hf_config){0};
    if (!json)
        return -1;
    read_shape(&r, to);
    read_packed(&r, to);
    if (!r.failed)
        (to->shape == HF_GPT2 ? read_gpt2 : read_llama)(&r, to);
    json_decref(json);
    return r.failed;
}

int hf_config_read(struct hf_config *to, const char *folder, struct error *err)
{
    size_t size;
    char *path, *bytes = hf_config_text(folder, &size, &path, err);
    const int failed = bytes ? hf_config_parse(to, bytes, size, path, err) : -1;
    free(bytes);
    free(path);
    return failed;
}
