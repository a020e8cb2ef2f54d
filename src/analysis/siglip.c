/* SPDX-License-Identifier: MIT */
#include "analysis/siglip.h"

#include <math.h>

static double dot(const float *a, const float *b, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

struct siglip siglip_measure(const float *frames, size_t count, const float *text, size_t width,
                             double logit_scale, double logit_bias)
{
    struct siglip mean = {0, 0};
    const double length = sqrt(dot(text, text, width));
    for (size_t i = 0; i < count; i++) {
        const float *frame = frames + i * width;
        const double cosine = dot(frame, text, width) / (sqrt(dot(frame, frame, width)) * length);
        mean.cosine += cosine;
        mean.score += 1 / (1 + exp(-(exp(logit_scale) * cosine + logit_bias)));
    }
    return (struct siglip){mean.cosine / (double)count, mean.score / (double)count};
}
