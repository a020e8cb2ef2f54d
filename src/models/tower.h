/* SPDX-License-Identifier: MIT */
/*
 * tower: encoders of images, SigLIP (Zhai et al. 2023) and ViT (Dosovitskiy et al. 2020), and
 * SigLIP's encoder of texts, as graphs without training. Their parameters have the names of
 * transformers' checkpoints and are frozen by who makes `params`. A graph is the caller's.
 */
#ifndef MODELS_TOWER_H
#define MODELS_TOWER_H

#include "hf/tower.h"
#include "ir/graph.h"

struct tower_io {
    struct tensor *patches; /* [B, N, C p p], to be written, of a tower of images */
    struct tensor *tokens;  /* [B, T] u32, to be written, of a tower of texts */
    struct tensor *rows;    /* [B, N, D] of images: what is behind the last norm, of each patch */
    struct tensor *pooled;  /* [B, D]: what the pooling head makes of them (SigLIP), the row of the
                               class token (ViT); NULL where there is none */
};

/* The tower of images; activations are stored as F32 or BF16. NULL without memory; other faults are
 * told when it is lowered. */
struct graph *tower_images(struct params *params, const struct hf_tower *tower, size_t batch,
                           enum dtype stored, struct tower_io *io);

/* The tower of texts, which fill all positions: behind their last token others fill them up
 * (tower->text.pad). pooled [B, projection]. */
struct graph *tower_texts(struct params *params, const struct hf_tower *tower, size_t batch,
                          enum dtype stored, struct tower_io *io);

/* Whether a tensor of a folder is none of these graphs' though it belongs to a model that has
 * them: the other tower, what compares both, a classifier. */
int tower_passes_over(const char *name, int texts);

/* Numbers of a patch. */
size_t tower_patch_elems(const struct hf_tower *tower);

/* An image [C, height, width] as rows of patches [N, C p p], in the order in which a convolution
 * without padding meets them; what is left over at the right and at the bottom is not seen. */
void tower_cut(const struct hf_tower *tower, const float *image, float *patches);

#endif
