/* SPDX-License-Identifier: MIT */
/*
 * reference: the ops of src/ops in double precision, written from their definitions, one loop a
 * sum. For an op's problem, ref_<op>() computes outputs from inputs and ref_<op>_back() the
 * gradients of sum(dout * out) with respect to the inputs, which tests/test_ops.c also confirms by
 * differences. All arrays are the caller's; an input that a problem lacks is NULL.
 *
 * They are a part of the program, so that `seqtrain devices --test` holds a driver against them
 * element by element, where it runs.
 */
#ifndef KNOWN_REFERENCE_H
#define KNOWN_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#include "ops/ops.h"

#define REF_INPUTS 9
#define REF_OUTPUTS 2

struct ref {
    size_t b, t, d;             /* samples, rows of a sample, columns */
    size_t heads;               /* attention */
    size_t keys;                /* heads of its keys and values; 0: heads */
    int causal, rotary, halves; /* halves: rotary pairs are i and i + width / 2 */
    double base;                /* of rotary frequencies */
    double eps;                 /* of norms */
    size_t in;       /* columns of the input of a linear layer, a convolution, a window */
    int per_sample;  /* queries are each sample's own */
    int in_out;      /* a linear layer's weight is [in, out] */
    int weight_bits; /* of a linear layer's weight, rounded output by output; 0: as it is. The
                        gradient passes that as it is */
    size_t kernel, stride, dilation, before, after; /* convolution */
    size_t span;                                    /* max pooling */
    size_t rows; /* rows of a sample that window_denorm puts back */
    enum act act;
    enum loss_kind kind;
    int evaluate;        /* as in an evaluation graph */
    enum cell_kind cell; /* recurrent */
    size_t dirs;
    enum pool_kind pool;
    size_t reverse;
    int no_bias, has_bias, has_residual, has_norm, has_position, relu, normalize;
    double temperature, factor, smoothing;
    double share;           /* of a teacher in a loss; 0: there is none */
    const uint32_t *number; /* [b t]: rows of a table, or classes */
    size_t count;           /* samples that count */

    double p; /* dropout: probability and what keys it */
    const char *path;
    const uint32_t *sample; /* [b] */
    uint32_t epoch;
    uint64_t seed;

    double *x[REF_INPUTS], *dx[REF_INPUTS];
    double *y[REF_OUTPUTS], *dy[REF_OUTPUTS];
    double *scratch; /* [ref_scratch()], of which `used` are taken */
    size_t used;
};

/* Numbers of scratch memory that a problem of this shape takes. */
size_t ref_scratch(const struct ref *r);

/* Dropout's factor of element `e` of sample `b`, 0 or 1 / (1 - p), as told in cl/common.h. */
double ref_factor(const struct ref *r, size_t b, size_t e);

/* y = act(x + bias + position) dropout; x: x, bias (unless no_bias), position */
void ref_bias(struct ref *r);
void ref_bias_back(struct ref *r);

/* y = act(x[0]) x[1], [b t d] */
void ref_gate(struct ref *r);
void ref_gate_back(struct ref *r);

/* y[1] = s = residual + dropout(x + bias), y[0] = LayerNorm(s), or with relu y[0] = dropout(relu(
 * LayerNorm(x + bias))); x: x, bias, residual, gamma, beta */
void ref_norm(struct ref *r);
void ref_norm_back(struct ref *r);

/* y = x[0] x[1], [b t d] */
void ref_mul(struct ref *r);
void ref_mul_back(struct ref *r);

/* y = x factor */
void ref_scale(struct ref *r);
void ref_scale_back(struct ref *r);

/* y = softmax over the columns */
void ref_softmax(struct ref *r);
void ref_softmax_back(struct ref *r);

/* y [b t, d]: columns [rows, rows + d) of x [b t, in] */
void ref_slice(struct ref *r);
void ref_slice_back(struct ref *r);

/* y [b, d, t] = x [b, t, d] */
void ref_transpose(struct ref *r);
void ref_transpose_back(struct ref *r);

/* y [b t, d]: the rows `number` of x [in, d]; zeros for `in` and more */
void ref_embedding(struct ref *r);
void ref_embedding_back(struct ref *r);

/* y [b]: the mean over a sample's rows whose `number` is less than d of -(1 - s) ln p[number] - s
 * mean ln p, p the softmax of x [b t, d] */
void ref_cross_entropy(struct ref *r);
void ref_cross_entropy_back(struct ref *r);

/* y[0] [b]: as ref_cross_entropy() without smoothing; y[1] [b]: the mean over the same rows of T^2
 * sum p ln (p / q), q and p the softmax of x[0] / T and of x[1] / T [b t d] */
void ref_distill(struct ref *r);
void ref_distill_back(struct ref *r);

/* The same of numbers that are logits of a sigmoid, the mean over x[0] and x[1] [b, t d] */
void ref_taught(struct ref *r);
void ref_taught_back(struct ref *r);

/* ref_cross_entropy() of logits h W^T; x: h [b t, in], W [d, in] */
void ref_head(struct ref *r);
void ref_head_back(struct ref *r);

/* y = RMSNorm(x) gamma; x: x, gamma */
void ref_rms_norm(struct ref *r);
void ref_rms_norm_back(struct ref *r);

/* x: qkv [b t, 3 d], bias [3 d] */
size_t ref_qkv(const struct ref *r); /* columns of queries, keys and values */
void ref_attention(struct ref *r);
void ref_attention_back(struct ref *r);

/* Attention of `in` queries x[0] [in d], or with per_sample [b in d], over rows x[1] [b t 2 d] of
 * keys and values; y [b in d] */
void ref_over(struct ref *r);
void ref_over_back(struct ref *r);

/* y = x W^T + bias; x: x [b t, in], W [d, in], bias [d] */
void ref_linear(struct ref *r);
void ref_linear_back(struct ref *r);

/* y = dropout(act(x W^T + bias)), of the same x */
void ref_layer(struct ref *r);
void ref_layer_back(struct ref *r);

/* PyTorch's Conv1d, channels last; x: x [b t, in], W [d, in, kernel], bias [d] */
void ref_conv(struct ref *r);
void ref_conv_back(struct ref *r);
size_t ref_conv_rows(const struct ref *r);

/* x: x [b t, d] */
void ref_max_pool(struct ref *r);
void ref_max_pool_back(struct ref *r);

/* x: x [b t, d], bias, gamma, beta, running mean and variance, which evaluation takes */
void ref_batch_norm(struct ref *r);
void ref_batch_norm_back(struct ref *r);
/* Mean and variance (sum of squares over n - correction) of column d */
void ref_moments(const struct ref *r, size_t d, double correction, double *mean, double *var);

/* y[0] = what x[0] [b, rows, d] is in the units of the windows x[1] [b, t, in], y[1] = these
 * standardised; target k is the feature ref_feature() */
void ref_window(struct ref *r);
void ref_window_back(struct ref *r);
int ref_feature(const struct ref *r, size_t k);

/* One layer; x: x [b t, in], then for each of dirs weight_ih, weight_hh, bias_ih, bias_hh; y [b t,
 * dirs d]. */
void ref_recurrent(struct ref *r);
void ref_recurrent_back(struct ref *r);

/* y [b t, in + d]; x: a [b t, in], b [b t, d] */
void ref_join(struct ref *r);
void ref_join_back(struct ref *r);

/* x: x [b t, d], for attention weight [d] and bias [1]; y [b, d] */
void ref_pool(struct ref *r);
void ref_pool_back(struct ref *r);

/* x: x [b, d], bias [d] */
void ref_latent(struct ref *r);
void ref_latent_back(struct ref *r);

/* y[0][b]; x: y, x [b, t d] */
void ref_sample_loss(struct ref *r);
void ref_sample_loss_back(struct ref *r);

/* Mean cosine of different samples; x: z [b, d] */
void ref_similarity(struct ref *r);
void ref_similarity_back(struct ref *r);

/* x: z, w [b, d] */
void ref_nt_xent(struct ref *r);
void ref_nt_xent_back(struct ref *r);

/* What keys the augmentation of a window of t rows. */
struct ref_window_key {
    uint32_t sample, epoch;
    uint64_t seed;
    size_t t;
};

/* The window x [t, in], augmented, into y; `of` as op_augment() takes it. */
void ref_augment(const struct augment *how, const float *of, const struct ref_window_key *key,
                 const float *x, size_t in, double *y);

/* Its targets x [rows, d], from row `first` of the window on. */
void ref_augment_target(const struct augment *how, const float *of,
                        const struct ref_window_key *key, const float *x, size_t first, size_t rows,
                        size_t d, double *y);

#endif
