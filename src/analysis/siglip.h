/* SPDX-License-Identifier: MIT */
/*
 * siglip: how well a text goes with the pictures of a clip, by the pooled vectors that the two
 * towers of a SigLIP make of them (Zhai et al. 2023). Pure functions of arrays.
 */
#ifndef ANALYSIS_SIGLIP_H
#define ANALYSIS_SIGLIP_H

#include <stddef.h>

struct siglip {
    double cosine; /* of picture and text, mean of the frames */
    double score;  /* sigmoid(exp(logit_scale) cosine + logit_bias), mean of the frames, 0 to 1 */
};

/* frames [count, width], text [width]; logit_scale and logit_bias as the file has them. NaN where a
 * vector is 0 or not finite, and without frames. */
struct siglip siglip_measure(const float *frames, size_t count, const float *text, size_t width,
                             double logit_scale, double logit_bias);

#endif
