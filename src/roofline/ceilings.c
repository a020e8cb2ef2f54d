/* SPDX-License-Identifier: MIT */
#include "roofline/ceilings.h"

#include <math.h>
#include <stdlib.h>

#include "util/now.h"

#define FAR ((size_t)64 << 20)
#define NEAR ((size_t)1 << 20) /* where the device does not tell its cache */
#define SIDE ((size_t)1024)    /* of the large product */

static int smaller_first(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Operations a second of the best of five square products; B and C lie in their matrices. */
static int measure_product(struct device *dev, const struct gemm_provider *gemm, double *rate,
                           struct error *err)
{
    struct buffer *m[3] = {NULL};
    int failed = 0;
    for (int i = 0; i < 3 && !failed; i++)
        failed = !(m[i] = buffer_new(dev, SIDE * SIDE * 4, "ceiling", err));
    struct gemm *g = failed ? NULL
                            : gemm_new(dev, gemm, gemm_shape_of(0, 0, SIDE, SIDE, SIDE), m[0], m[1],
                                       m[2], NULL, 0, NULL, err);
    failed |= !g;
    *rate = 0;
    for (int i = 0; i < 5 && !failed; i++) {
        const double from = now();
        failed = gemm_enqueue(g, err) || device_finish(dev, err);
        *rate = fmax(*rate, 2.0 * (double)(SIDE * SIDE * SIDE) / (now() - from));
    }
    gemm_free(g);
    for (int i = 0; i < 3; i++)
        buffer_free(m[i]);
    return failed ? -1 : 0;
}

/* Bytes a second, read and written, of `runs` copies of `bytes` behind each other, the best of
 * five. */
static int measure_copy(struct device *dev, size_t bytes, int runs, double *rate, struct error *err)
{
    const int cpu = device_info(dev)->is_cpu;
    const size_t lanes = cpu ? 1 : 256, vec = cpu ? 16 : 4, vectors = bytes / 4 / vec;
    const size_t chunk = cpu ? vectors / 64 : lanes * 4;
    struct buffer *from = buffer_new(dev, bytes, "ceiling", err);
    struct buffer *to = from ? buffer_new(dev, bytes, "ceiling", err) : NULL;
    struct kernel *k = to ? kernel_new(dev, "elementwise.cl", "elementwise_scale",
                                       cpu ? "-DVEC=16 -DLANES=1" : "-DVEC=4 -DLANES=256", err)
                          : NULL;
    int failed = !k;
    if (k) {
        kernel_set_buffer(k, 0, from);
        kernel_set_buffer(k, 1, to);
        kernel_set_float(k, 2, 1);
        kernel_set_int(k, 3, (int32_t)vectors);
        kernel_set_int(k, 4, (int32_t)chunk);
        kernel_set_int(k, 5, 0);
    }
    *rate = 0;
    for (int i = 0; i < 5 && !failed; i++) {
        const double began = now();
        for (int run = 0; run < runs && !failed; run++)
            failed = kernel_enqueue(k, (vectors + chunk - 1) / chunk, lanes, err);
        failed |= failed || device_finish(dev, err);
        *rate = fmax(*rate, 2.0 * (double)bytes * runs / (now() - began));
    }
    kernel_free(k);
    buffer_free(to);
    buffer_free(from);
    return failed ? -1 : 0;
}

static int measure_fill(struct device *dev, double *rate, struct error *err)
{
    struct buffer *big = buffer_new(dev, FAR, "ceiling", err);
    int failed = !big;
    *rate = 0;
    for (int i = 0; i < 5 && !failed; i++) {
        const double from = now();
        failed = buffer_zero(big, err) || device_finish(dev, err);
        *rate = fmax(*rate, (double)FAR / (now() - from));
    }
    buffer_free(big);
    return failed ? -1 : 0;
}

/* Seconds of a fill that has next to nothing to do: the median of those that are waited for, and a
 * share of many that are not. */
static int measure_launch(struct device *dev, struct ceilings *to, struct error *err)
{
    enum { RUNS = 101 };
    double took[RUNS], from;
    struct buffer *b = buffer_new(dev, 64, "wait", err);
    int failed = !b;
    for (int i = 0; i < RUNS && !failed; i++) {
        from = now();
        failed = buffer_zero(b, err) || device_finish(dev, err);
        took[i] = now() - from;
    }
    from = now();
    for (int i = 0; i < RUNS && !failed; i++)
        failed = buffer_zero(b, err);
    failed |= failed || device_finish(dev, err);
    to->launch = (now() - from) / RUNS;
    buffer_free(b);
    if (failed)
        return -1;
    qsort(took, RUNS, sizeof *took, smaller_first);
    to->wait = took[RUNS / 2];
    return 0;
}

int ceilings_measure(struct device *dev, const struct gemm_provider *gemm, struct ceilings *to,
                     struct error *err)
{
    const uint64_t cache = device_info(dev)->cache_bytes;
    const size_t near = cache / 8 >= NEAR / 16 && cache < FAR ? (size_t)cache / 8 : NEAR;
    return measure_product(dev, gemm, &to->flops, err) || measure_fill(dev, &to->bytes, err) ||
                   measure_copy(dev, near / 1024 * 1024, 16, &to->near_bytes, err) ||
                   measure_launch(dev, to, err)
               ? -1
               : 0;
}
