/* SPDX-License-Identifier: MIT */
/*
 * step: what varies from step to step, in a small struct on the device, so that no kernel argument
 * ever changes. The host sends one before each micro-batch; cl/common.h declares the same struct.
 */
#ifndef GRAPH_STEP_H
#define GRAPH_STEP_H

#include <stdint.h>

struct step {
    uint32_t first;   /* place of the micro-batch in the order of samples */
    uint32_t count;   /* samples in it that count; the rest of the batch is padding */
    uint32_t group;   /* samples of the whole accumulation group */
    uint32_t epoch;   /* from 1 */
    uint32_t seed[2]; /* of dropout and noise */
    uint32_t number;  /* optimizer step, from 1 */
    uint32_t skip;    /* on_nonfinite = skip: leave a bad step out and go on */
    float lr;
    float decay;       /* lr * weight_decay */
    float correction1; /* 1 - beta1^t */
    float correction2; /* sqrt(1 - beta2^t) */
    float clip_norm;   /* 0: none */
    float unused[3];
};

#define STEP_WORDS (sizeof(struct step) / 4)

/* Sums that the device keeps over an epoch; each a compensated pair (sum, correction). */
struct metrics {
    float loss[2], reconstruction[2], contrastive[2]; /* weighted by samples */
    float samples[2];
    float norm_sum[2]; /* gradient norm, of each optimizer step */
    float norm_max;
    uint32_t steps;
    uint32_t bad;               /* steps that were not finite */
    uint32_t bad_first;         /* number of the first; 0: none */
    float bad_norm, bad_loss;   /* bad_loss: a loss of this step is not finite */
    float bad_value;            /* the loss at bad_first */
    float last_loss, last_norm; /* of the latest micro-batch and step */
    float scale;                /* clip factor of the step; 0 where it is not applied */
    uint32_t latched;           /* stop: no update after the first bad step */
    uint32_t unused[11];
};

#define METRICS_WORDS (sizeof(struct metrics) / 4)

#endif
