/* SPDX-License-Identifier: MIT */
/*
 * hf/config: what config.json of a Hugging Face folder says of a language model, in the spellings
 * of old and new versions of transformers. Reading trusts nothing: sizes have limits, and what
 * would change the computation and is not done here (sliding windows, experts, other kinds of
 * rotary positions, weights that another than bitsandbytes has quantised ...) is a fault that names
 * it. Other keys are passed over.
 */
#ifndef HF_CONFIG_H
#define HF_CONFIG_H

#include <stddef.h>

#include "error.h"

enum hf_shape { HF_GPT2, HF_LLAMA, HF_QWEN3 };
enum hf_activation { HF_GELU, HF_GELU_TANH, HF_RELU, HF_SILU };
enum hf_scaling { HF_SCALING_NONE, HF_SCALING_LINEAR, HF_SCALING_LLAMA3 };

enum hf_packed { HF_PLAIN, HF_NF4, HF_NF4_NESTED, HF_INT8 }; /* as bitsandbytes packs them */

struct hf_config {
    enum hf_shape shape;
    size_t vocabulary, width, layers, heads, key_heads, head_width, feedforward;
    size_t positions; /* most rows of a text */
    enum hf_activation activation;
    double norm_eps;
    int tied;              /* the head's weights are those of the embedding */
    enum hf_packed packed; /* how matrices of linear layers are stored */
    double rotary_base;    /* 0: positions are learned */
    struct {
        enum hf_scaling kind;
        double factor, low, high, positions; /* the last three of llama3 alone */
    } scaling;
};

/* Reads FOLDER/config.json; STATUS_INPUT with "path: cause". */
int hf_config_read(struct hf_config *to, const char *folder, struct error *err);

/* The same from text; `name` stands for the path. */
int hf_config_parse(struct hf_config *to, const char *text, size_t size, const char *name,
                    struct error *err);

#endif
