/* SPDX-License-Identifier: MIT */
/*
 * step: the structs that the host and the kernels share, written once for both. src/lower/step.h
 * includes this file in C, cl/common.h in OpenCL C. Members are of 32 bits, so that both compilers
 * lay them out alike.
 */
#ifndef CL_STEP_H
#define CL_STEP_H

#if defined __OPENCL_VERSION__ || defined __OPENCL_C_VERSION__
#define STEP_UINT uint
#else
#include <stdint.h>
#define STEP_UINT uint32_t
#endif

/* What varies from step to step. The host sends one before each micro-batch. */
struct step {
    STEP_UINT first;   /* place of the micro-batch in the order of samples */
    STEP_UINT count;   /* samples in it that count; the rest of the batch is padding */
    STEP_UINT group;   /* samples of the whole accumulation group */
    STEP_UINT epoch;   /* from 1 */
    STEP_UINT seed[2]; /* of dropout and noise */
    STEP_UINT number;  /* optimizer step, from 1 */
    STEP_UINT skip;    /* on_nonfinite = skip: leave a bad step out and go on */
    float lr;
    float update[3]; /* what the optimizer's class makes of its settings for this step */
    float clip_norm;      /* 0: none */
    STEP_UINT scales;     /* fp16: the scale of the gradients moves, see norm_finish() */
    STEP_UINT log2_scale; /* of the gradients: the device copies it from the metrics; 0: none */
    STEP_UINT unused;
};

/* Where the scale of the gradients begins (log2), and after how many good steps it is doubled. */
#define SCALE_FIRST 16
#define SCALE_STEPS 2000
#define SCALE_MOST 64

/* Terms of a loss; loss_sum has as many arguments. */
#define TERMS_MOST 8

/* Sums that the device keeps over an epoch; each a compensated pair (sum, correction). */
struct metrics {
    float loss[2], term[TERMS_MOST][2]; /* weighted by samples */
    float samples[2];
    float norm_sum[2]; /* gradient norm, of each optimizer step */
    float norm_max;
    STEP_UINT steps;
    STEP_UINT bad;              /* steps that were not finite */
    STEP_UINT bad_first;        /* number of the first; 0: none */
    float bad_norm, bad_loss;   /* bad_loss: a loss of this step is not finite */
    float bad_value;            /* the loss at bad_first */
    float last_loss, last_norm; /* of the latest micro-batch and step */
    float scale;                /* clip factor of the step; 0 where it is not applied */
    STEP_UINT latched;          /* stop: no update after the first bad step */
    STEP_UINT log2_scale;       /* these three go on from epoch to epoch: of the gradients */
    STEP_UINT good_steps;       /* since the scale moved */
    STEP_UINT overflows;        /* steps left out because it was too large */
    STEP_UINT unused[12];
};

#endif
