/* SPDX-License-Identifier: MIT */
/*
 * hf/tower: what config.json of a Hugging Face folder says of an encoder of images: SigLIP and
 * SigLIP2 of a fixed resolution (model_type siglip, siglip2, siglip_vision_model), with their text
 * tower where the folder has both, and ViT (model_type vit). Keys that are left out, as files of
 * models do that are as the paper has them, are what transformers takes. Reading trusts nothing:
 * sizes have limits, and what would change the computation and is not done here is a fault that
 * names it. Other keys are passed over.
 */
#ifndef HF_TOWER_H
#define HF_TOWER_H

#include <stddef.h>

#include "error.h"
#include "hf/config.h"

enum hf_tower_kind { HF_TOWER_SIGLIP, HF_TOWER_VIT };

/* Layers of a transformer. */
struct hf_layers {
    size_t width, layers, heads, feedforward;
    enum hf_activation activation;
    double norm_eps;
};

struct hf_tower {
    enum hf_tower_kind kind;
    struct {
        struct hf_layers layers;
        size_t channels, height, width; /* of an image */
        size_t patch_height, patch_width;
        int has_head; /* SigLIP: its pooling head is there */
        int no_bias;  /* ViT: queries, keys and values have none */
    } vision;
    int has_text;
    struct {
        struct hf_layers layers;
        size_t vocabulary, positions, projection;
        long pad; /* the token that fills a text up; -1: unknown */
    } text;
};

/* Whether a path is to be read as such a folder: it is no file of tensors, and no run folder of
 * ours, which has a best.safetensors. */
int hf_tower_is_named(const char *path);

/* Reads FOLDER/config.json; STATUS_INPUT with "path: cause". */
int hf_tower_read(struct hf_tower *to, const char *folder, struct error *err);

/* The same from text; `name` stands for the path. */
int hf_tower_parse(struct hf_tower *to, const char *text, size_t size, const char *name,
                   struct error *err);

/* Patches of an image: whole ones, what is left over at its right and its bottom is not seen. */
size_t hf_tower_patches(const struct hf_tower *tower);

#endif
