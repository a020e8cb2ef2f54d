/* SPDX-License-Identifier: MIT */
#include "analysis/points.h"

#include <math.h>
#include <stdlib.h>

#include "util/philox.h"

int points_frame_init(struct points_frame *frame, const float *x, size_t n, size_t d,
                      const char *what, struct error *err)
{
    frame->scale = 1;
    frame->offset = calloc(d, sizeof *frame->offset);
    if (!frame->offset)
        return error_set(err, STATUS_FAILED, "%s: out of memory", what);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            if (!isfinite(x[i * d + j])) {
                points_frame_fini(frame);
                return error_set(err, STATUS_FAILED, "%s: number %zu of point %zu is not finite",
                                 what, j, i);
            }
            frame->offset[j] += x[i * d + j];
        }
    for (size_t j = 0; j < d; j++)
        frame->offset[j] /= (double)n;
    double most = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            most = fmax(most, fabs(x[i * d + j] - frame->offset[j]));
    int exponent = 0;
    frexp(most, &exponent);
    frame->scale = most > 0 ? ldexp(1, -exponent) : 1;
    return 0;
}

void points_frame_fini(struct points_frame *frame)
{
    free(frame->offset);
    frame->offset = NULL;
}

void points_pack(const struct points_frame *frame, const float *x, size_t n, size_t d, size_t block,
                 float *out)
{
    size_t blocks = (n + block - 1) / block;
    for (size_t b = 0; b < blocks; b++)
        for (size_t j = 0; j < d; j++)
            for (size_t l = 0; l < block; l++) {
                size_t i = b * block + l;
                out[(b * d + j) * block + l] =
                    i < n ? (float)((x[i * d + j] - frame->offset[j]) * frame->scale) : 0;
            }
}

void points_tuning(const struct device *dev, int *lanes, int *vec)
{
    int cpu = device_info(dev)->is_cpu;
    *lanes = cpu ? 1 : 64;
    *vec = cpu ? 16 : 1;
}

double points_uniform(uint64_t seed, uint64_t index)
{
    uint32_t word[4];
    philox(word, (uint32_t)(index / 4), (uint32_t)(index / 4 >> 32), philox_path("analysis"), 0,
           seed);
    return philox_unit(word[index % 4]);
}
