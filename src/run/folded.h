/* SPDX-License-Identifier: MIT */
/*
 * folded: the weights of a checkpoint with its adapter folded in, W + (alpha / r) B A, and matrices
 * that are packed as the numbers that their codes stand for: computed in double precision and
 * rounded once. A weight is made when it is written, and only one is in memory at a time.
 */
#ifndef RUN_FOLDED_H
#define RUN_FOLDED_H

#include "tensor/safetensors.h"

struct folded_weight;

struct folded {
    const struct safetensors *st; /* of the checkpoint, and its name */
    const char *path;
    double scale; /* alpha / r */
    int in_out;   /* weights of layers are [in, out] */
    struct folded_weight *weight;
    size_t count;  /* of `weight` */
    size_t layers; /* that have an adapter */
    size_t packed; /* matrices that are packed */
};

/* Finds the weights of a checkpoint, which stays open; folded_fini() also where it fails. */
int folded_init(struct folded *f, const struct safetensors *st, const char *path, double scale,
                int in_out, struct error *err);
void folded_fini(struct folded *f);

/* The parameter that weight number `index` is. */
const char *folded_name(const struct folded *f, size_t index);

/* Adds it under a name, as F32, BF16 or F16; `f` is to stay until `to` is written. */
int folded_add(struct folded *f, size_t index, struct safetensors *to, const char *name,
               enum dtype dtype, struct error *err);

#endif
