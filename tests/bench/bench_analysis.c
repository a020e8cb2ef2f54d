/*
 * Times k-means and t-SNE: bench_analysis POINTS N D K ITERATIONS TSNE_POINTS MAP. POINTS holds
 * float32 [n, d]; the map of the first TSNE_POINTS is written to MAP, float32 [n, 2], for
 * tests/bench/analysis.py to judge. Not part of `make check`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "util/file.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int bench(struct device *dev, struct log *log, char **argv, struct error *err)
{
    size_t n = strtoul(argv[2], NULL, 10), d = strtoul(argv[3], NULL, 10);
    size_t k = strtoul(argv[4], NULL, 10), mapped = strtoul(argv[6], NULL, 10), bytes;
    float *x = (float *)(void *)file_read(argv[1], (size_t)4 << 30, &bytes, err);
    if (!x || bytes != n * d * sizeof *x || mapped > n)
        return x ? error_set(err, STATUS_INPUT, "%s: not %zu x %zu", argv[1], n, d) : -1;
    float *centroids = malloc(k * d * sizeof *centroids), *xy = malloc(mapped * 2 * sizeof *xy);
    uint32_t *category = malloc(n * sizeof *category);
    uint64_t *size = malloc(k * sizeof *size);
    double figure, start = now();
    if (!centroids || !xy || !category || !size)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (kmeans_fit(dev, x, n, d, &k, 1, atol(argv[5]), centroids, category, size, &figure, log,
                   err))
        return -1;
    printf("k-means: %.2f s, inertia %.9g\n", now() - start, figure);
    start = now();
    if (tsne_fit(dev, x, mapped, d, 30, 1000, 1, xy, &figure, log, err))
        return -1;
    printf("t-SNE: %.2f s, divergence %.6f\n", now() - start, figure);
    free(x);
    free(centroids);
    free(category);
    free(size);
    int result = file_write(argv[7], xy, mapped * 2 * sizeof *xy, err);
    free(xy);
    return result;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    struct device_options options = {.select = "auto", .memory_fraction = 0.95, .threads = -1};
    if (argc != 8) {
        fprintf(stderr, "usage: bench_analysis POINTS N D K ITERATIONS TSNE_POINTS MAP\n");
        return STATUS_USAGE;
    }
    struct device *dev = device_open(&options, &err);
    struct log *log = log_new(LOG_VERBOSE);
    int result = dev && log ? bench(dev, log, argv, &err) : -1;
    if (result)
        fprintf(stderr, "bench_analysis: %s\n", err.text);
    if (log && log_close(log, &err))
        result = -1;
    if (dev)
        device_close(dev);
    return result ? (int)err.status : 0;
}
