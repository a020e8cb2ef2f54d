/* SPDX-License-Identifier: MIT */
/*
 * hf/index: model.safetensors.index.json, which says in which file of a Hugging Face folder each
 * tensor lies: {"weight_map": {"NAME": "FILE"}}. Only files inside the folder are named.
 */
#ifndef HF_INDEX_H
#define HF_INDEX_H

#include <stddef.h>

#include "error.h"

#define HF_INDEX_NAME "model.safetensors.index.json"
#define HF_INDEX_MOST ((size_t)16 << 20) /* bytes of an index */
#define HF_INDEX_FILES 1000              /* most files that one names: each is held open */

struct hf_index {
    struct hf_place {
        char *name;
        size_t file; /* its number */
    } * tensor;      /* [count] in the order of their names */
    size_t count;
    char **file; /* [files] each once */
    size_t files;
};

/* `name` stands for the path in errors: STATUS_INPUT. hf_index_fini() also where it fails. */
int hf_index_parse(struct hf_index *to, const char *text, size_t size, const char *name,
                   struct error *err);
void hf_index_fini(struct hf_index *index);

/* The entry of a tensor; NULL: there is none. */
const struct hf_place *hf_index_find(const struct hf_index *index, const char *name);

#endif
