/* SPDX-License-Identifier: MIT */
/*
 * golden: the cases of tests/golden/ as a configuration and data that an engine opens. A case owns
 * all that it points to.
 */
#ifndef TESTS_GOLDEN_CASE_H
#define TESTS_GOLDEN_CASE_H

#include "config/config.h"
#include "data/dataset.h"
#include "tensor/safetensors.h"
#include "train/teacher.h"

struct golden {
    struct safetensors *st; /* PyTorch's numbers beside the inputs */
    struct config *config;
    struct dataset data;
    struct teacher teacher; /* its path is NULL without one */
    const float *noise;     /* of the second view; NULL without one */
};

/* The teacher of a case for an engine; NULL: it has none. */
const struct teacher *golden_teacher(const struct golden *c);

/* Reads a case for the device `select`. The caller calls golden_close() even after a failure. */
int golden_open(struct golden *c, const char *path, const char *select, struct error *err);
void golden_close(struct golden *c);

#endif
