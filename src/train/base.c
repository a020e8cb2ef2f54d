/* SPDX-License-Identifier: MIT */
#include "train/base.h"

#include <stdlib.h>
#include <string.h>

#include "hf/folder.h"
#include "train/packed_weights.h"
#include "util/shown.h"

#define PIECE ((size_t)1 << 18) /* numbers that are read at a time */

/* --- the folder as a source of packed matrices */

static const struct safetensor *find(const void *in, const char *name)
{
    return hf_folder_weight(in, name);
}

static int copy(const void *in, const struct safetensor *tensor, void *to, struct error *err)
{
    (void)in;
    return hf_folder_raw(tensor, 0, tensor->bytes, to, err);
}

/* --- */

/* Whether it is one that the model has, saves elsewhere or needs not. */
static int is_known(const struct params *params, const struct hf_folder *folder,
                    const struct safetensor *tensor)
{
    char weight[PARAM_MAX_NAME + 1];
    const struct safetensor *of = tensor;
    if (hf_folder_is_buffer(tensor->name))
        return 1;
    if (stored_is_part(tensor->name, weight, sizeof weight))
        of = hf_folder_find(folder, weight);
    for (size_t i = 0; of && i < params->count; i++)
        if (hf_folder_weight(folder, params->list[i]->value.name) == of)
            return 1;
    return !strcmp(tensor->name, "lm_head.weight"); /* of a tied head: the embedding again */
}

static int check_known(const struct params *params, const struct hf_folder *folder,
                       int (*passes_over)(const char *name, int which), int which,
                       struct error *err)
{
    for (size_t i = 0; i < folder->count; i++)
        if (!is_known(params, folder, folder->tensor[i]) &&
            !(passes_over && passes_over(folder->tensor[i]->name, which)))
            return error_set(err, STATUS_INPUT,
                             "%s: tensor %s is none of this model's: its config.json tells of "
                             "another one?",
                             folder->path, show_name(folder->tensor[i]->name).text);
    return 0;
}

static int has_shape(const struct safetensor *from, const struct tensor *t)
{
    int fits = from->rank == (size_t)t->rank;
    for (int r = 0; fits && r < t->rank; r++)
        fits = from->shape[r] == t->dim[r];
    return fits;
}

/* Copies fp32 numbers through `piece`. */
static int load_floats(struct params *params, const struct hf_folder *folder,
                       const struct safetensor *from, const struct tensor *t, float *piece,
                       struct error *err)
{
    if (!has_shape(from, t))
        return error_set(err, STATUS_INPUT,
                         "%s: %s has not the shape that its config.json tells of", folder->path,
                         t->name);
    for (size_t at = 0, count; at < t->elems; at += count) {
        count = t->elems - at < PIECE ? t->elems - at : PIECE;
        if (hf_folder_floats(folder, from, at, count, piece, err) ||
            arena_write(params->values, t->offset + at * sizeof *piece, count * sizeof *piece,
                        piece, err))
            return -1;
    }
    return 0;
}

static int load_one(struct params *params, size_t index, const struct hf_folder *folder,
                    float *piece, struct error *err)
{
    const struct stored_source source = {folder->path, folder, find, copy};
    const struct tensor *t = &params->list[index]->value;
    const struct safetensor *from = hf_folder_weight(folder, t->name);
    if (!from)
        return error_set(err, STATUS_INPUT, "%s: no tensor %s is there", folder->path, t->name);
    if (t->dtype != DTYPE_F32 || !dtype_has_floats(from->dtype))
        return packed_weights_load(params, index, params->values, &source, from, err);
    return load_floats(params, folder, from, t, piece, err);
}

int base_load_part(struct params *params, const char *path,
                   int (*passes_over)(const char *name, int which), int which, struct error *err)
{
    struct hf_folder *folder = hf_folder_open(path, err);
    float *piece = malloc(PIECE * sizeof *piece);
    int failed = !folder ? -1
                 : piece ? check_known(params, folder, passes_over, which, err)
                         : error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; !failed && i < params->count; i++)
        if (!params_owns(params, params->list[i]->value.name))
            failed = load_one(params, i, folder, piece, err);
    free(piece);
    hf_folder_close(folder);
    return failed ? -1 : 0;
}

int base_load(struct params *params, const char *path, struct error *err)
{
    return base_load_part(params, path, NULL, 0, err);
}
