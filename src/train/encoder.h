/* SPDX-License-Identifier: MIT */
/*
 * encoder: a frozen encoder of a Hugging Face folder on a device, which makes rows of images (or
 * one vector of texts), some at a time. It stands on a session of the caller's, beside engines, and
 * owns its parameters and its plan. On a device that only plans nothing is read but config.json and
 * nothing can be run: so one asks for bytes and work beforehand. What an image gives depends
 * neither on the batch nor on its place in it.
 *
 * Another kind of encoder, as a checkpoint of this program, needs what is told by struct
 * encoder_shape, a plan, and what makes its input of images.
 */
#ifndef TRAIN_ENCODER_H
#define TRAIN_ENCODER_H

#include <stdint.h>

#include "device/gemm/gemm.h"
#include "error.h"
#include "exec/session.h"
#include "tensor/dtype.h"

struct encoder;

enum encoder_of { ENCODER_IMAGES, ENCODER_TEXTS };

struct encoder_options {
    struct session *session; /* outlives the encoder */
    const char *folder;
    enum encoder_of of;
    enum dtype stored;                /* F32, or BF16: matrices, activations and products */
    size_t batch;                     /* images or texts at a time */
    const struct gemm_provider *gemm; /* who makes products; NULL: who serves the device best */
};

/* What it reads and makes. */
struct encoder_shape {
    size_t channels, height, width; /* an image, [3, H, W] */
    size_t tokens, vocabulary;      /* a text, [T], filled up with `pad` (-1: unknown) */
    long pad;
    size_t rows, columns; /* [N, D] of an image; 0 of a text */
    size_t pooled;        /* numbers of the pooled vector; 0: there is none */
    int has_texts;        /* the folder has a tower of texts beside that of images */
    double flops;         /* of one image or text */
    uint64_t parameters, parameter_bytes;
    uint64_t bytes; /* of the device, all of it */
};

/* What is known by config.json alone, without a device: all but flops and what follows. */
int encoder_describe(const char *folder, enum encoder_of of, struct encoder_shape *to,
                     struct error *err);

/* Whether it has all that compares texts with images: both towers, with the same number of pooled
 * columns, and a tokenizer.json. 0 with an error that tells what there is not, CAUSE_UNFIT where
 * that is known. */
int encoder_compares(const char *folder, struct error *err);

/* Bytes of the device that it takes, planned on a twin of the session's; 0: not to be known. */
uint64_t encoder_bytes(const struct encoder_options *options);

/* NULL with an error: STATUS_INPUT where the folder does not fit, STATUS_USAGE with CAUSE_BUDGET
 * where the device's budget does not hold it. */
struct encoder *encoder_open(const struct encoder_options *options, struct error *err);
void encoder_close(struct encoder *e);

const struct encoder_shape *encoder_shape(const struct encoder *e);

/* Images [n, 3, H, W], as the processor's configuration has made them, any number: rows [n, N, D]
 * of type `rows_type`, F32 or BF16, and pooled [n, pooled]; each may be NULL. */
int encoder_run(struct encoder *e, const float *images, size_t n, void *rows, enum dtype rows_type,
                float *pooled, struct error *err);

/* Texts [n, T] of tokens: pooled [n, pooled]. */
int encoder_run_texts(struct encoder *e, const uint32_t *tokens, size_t n, float *pooled,
                      struct error *err);

/* logit_scale and logit_bias, by which pooled vectors of images and texts are compared. */
int encoder_logits(const char *folder, double *scale, double *bias, struct error *err);

#endif
