/* SPDX-License-Identifier: MIT */
/*
 * hf/folder: the weights of a Hugging Face folder, model.safetensors or the files that
 * model.safetensors.index.json names. Headers are read when it is opened; data stay in the files,
 * which are held open, and are read in pieces. A tensor knows its type, shape and file
 * (tensor/safetensors.h). The folder owns all of them.
 */
#ifndef HF_FOLDER_H
#define HF_FOLDER_H

#include "error.h"
#include "tensor/safetensors.h"

#define HF_FOLDER_TENSORS 200000 /* most tensors in the files of a folder, wanted or not */

struct hf_folder {
    char *path;
    struct safetensors **file; /* [files] */
    size_t files;
    const struct safetensor **tensor; /* [count], by name; of type F32, BF16 or F16, or any other */
    size_t count;
};

/* STATUS_INPUT where a file is missing or is none, or where the index and the files disagree. */
struct hf_folder *hf_folder_open(const char *path, struct error *err);
void hf_folder_close(struct hf_folder *folder);

/* NULL: there is none of that name. */
const struct safetensor *hf_folder_find(const struct hf_folder *folder, const char *name);

/* The same of a parameter of a model, whose name may begin with "model.", "transformer.", "vit."
 * or "vision_model.", which folders of bare decoders and encoders leave out. */
const struct safetensor *hf_folder_weight(const struct hf_folder *folder, const char *name);

/* Whether a tensor is no parameter but something that old versions of transformers saved as well: a
 * mask of attention, frequencies of rotary positions. */
int hf_folder_is_buffer(const char *name);

/* The elements from `first` on as floats; STATUS_INPUT where the tensor is not of type F32, BF16 or
 * F16. */
int hf_folder_floats(const struct hf_folder *folder, const struct safetensor *tensor, size_t first,
                     size_t count, float *to, struct error *err);

/* The bytes from `first` on as they are. */
int hf_folder_raw(const struct safetensor *tensor, size_t first, size_t bytes, void *to,
                  struct error *err);

#endif
