/* SPDX-License-Identifier: MIT */
/*
 * hf/peft: LoRA adapters as PEFT stores them: a folder with adapter_config.json and
 * adapter_model.safetensors, whose tensors are called base_model.model.PATH.lora_A.weight [r, in]
 * and .lora_B.weight [out, r]. Reading trusts nothing; what would change the computation and is not
 * done here (DoRA, rank patterns, modules that are saved whole ...) is a fault that names it.
 */
#ifndef HF_PEFT_H
#define HF_PEFT_H

#include <stddef.h>

#include "error.h"
#include "tensor/safetensors.h"

#define PEFT_CONFIG "adapter_config.json"
#define PEFT_MODEL "adapter_model.safetensors"
#define PEFT_MOST_RANK 16384

struct peft_config {
    size_t rank;
    double alpha, dropout;
    char **target; /* [targets] ends of paths; none where the file names modules in another way */
    size_t targets;
};

/* From the text of adapter_config.json; `name` stands for the path. STATUS_INPUT;
 * peft_config_fini() also where it fails. */
int peft_config_parse(struct peft_config *to, const char *text, size_t size, const char *name,
                      struct error *err);
void peft_config_fini(struct peft_config *config);

struct peft {
    struct peft_config config; /* targets: as above, or else the path of each layer */
    int has_config; /* there was adapter_config.json; else alpha and dropout are unknown */
    struct safetensors *st;
    char *path; /* of its file */
};

/* `path` is the folder or its adapter_model.safetensors. Every tensor is an A or a B, of one rank,
 * each with the other. NULL with STATUS_INPUT. */
struct peft *peft_open(const char *path, struct error *err);
void peft_close(struct peft *peft);

/* The tensor of a parameter: "PATH.lora_A.weight"; NULL: there is none. */
const struct safetensor *peft_find(const struct peft *peft, const char *param);

/* The parameter that a tensor of the file is for. */
const char *peft_param(const char *tensor);

/* The text of adapter_config.json for these layers, which the caller frees. in_out: the weights of
 * the layers are [in, out]; task: PEFT's task type, base: the model's name or path; NULL: none.
 * NULL without memory. */
char *peft_config_text(const struct peft_config *config, int in_out, const char *task,
                       const char *base);

/* Adds a tensor of a parameter's name, as safetensors_add_far() does. */
int peft_add(struct safetensors *st, const char *param, size_t rank, const uint64_t *shape,
             safetensors_fetch *fetch, void *from, size_t at, struct error *err);

#endif
