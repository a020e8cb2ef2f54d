/* SPDX-License-Identifier: MIT */
/*
 * captioned: clips and their captions as samples of a dataset.
 *
 * A sample is a caption with its clip: data->window + 1 tokens, which are those of data.prompt, of
 * the caption, and one that ends it. Those of the prompt and what fills the rest bear
 * DATASET_BORDER, for they are not to be predicted. All captions of a clip are in the same part.
 *
 * What the encoder makes of a clip, [rows, columns], comes from the cache of features once that has
 * it, or from the encoder (captioned->fetch). The dataset owns this struct, and this struct all it
 * points to but `ctx`.
 */
#ifndef DATA_CAPTIONED_H
#define DATA_CAPTIONED_H

#include "data/caption_table.h"
#include "data/dataset.h"

struct load;

struct captioned {
    struct caption_table captions; /* item i is sample i: its first row is i (data->window + 1) */
    size_t rows, columns;          /* R, C of a clip */
    uint32_t *prompt;              /* [prompts] tokens */
    size_t prompts;
    uint32_t ending; /* that ends a caption */
    int is_series;   /* the clips are files of series, not images */
    uint64_t hash;   /* of what the clips hold and what makes features of it */
    /* The features of clips, [count, rows, columns]; called by several threads. -1: an error. */
    int (*fetch)(void *ctx, const size_t *clip, size_t count, float *to, struct error *err);
    /* The pooled vectors of a clip's frames, [pooled, pooled_width]; by one thread. NULL: none. */
    int (*fetch_pooled)(void *ctx, size_t clip, float *to, struct error *err);
    size_t pooled, pooled_width;
    void *ctx;
};

/* Reads the captions into load->data, with a checkpoint's tokenizer or, NULL, that of the keys. */
int captioned_load(struct load *load, const struct fitted *fitted);
void captioned_free(struct captioned *captioned);

/* Whether a file has columns, and lacks the one that names clips. */
int captioned_is_series(const struct config *config, const char *path);

/* Whether the token of a row is text: of captions those of the prompt, and what fills a window, are
 * none; of other texts all are. */
int captioned_counts(const struct dataset *data, size_t row);

/* The clip of the sample that begins at a row. */
size_t captioned_clip(const struct dataset *data, size_t row);

#endif
