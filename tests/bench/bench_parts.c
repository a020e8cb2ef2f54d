/* SPDX-License-Identifier: MIT */
/*
 * Times what is no training step, for tests/bench/bench.py; not part of `make check`:
 *
 *   bench_parts kmeans DEVICE POINTS N D K ITERATIONS
 *   bench_parts tsne DEVICE POINTS N D ITERATIONS MAP     the map is written to MAP, float32 [N, 2]
 *   bench_parts parse CSV TIME COLUMN...
 *   bench_parts cached CSV TIME COLUMN...                 the cache is written where it is missing
 *
 * POINTS holds float32 [N, D]. Prints an object of JSON: seconds, and what the peer's result is
 * compared with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "data/cache.h"
#include "util/file.h"
#include "util/now.h"

static float *read_points(const char *path, size_t n, size_t d, struct error *err)
{
    size_t bytes;
    char *x = file_read(path, (size_t)4 << 30, &bytes, err);
    if (x && bytes != n * d * sizeof(float)) {
        error_set(err, STATUS_INPUT, "%s: not %zu x %zu", path, n, d);
        free(x);
        return NULL;
    }
    return (float *)(void *)x;
}

static int time_kmeans(struct device *dev, struct log *log, char **argv, struct error *err)
{
    size_t n = strtoul(argv[4], NULL, 10), d = strtoul(argv[5], NULL, 10);
    size_t k = strtoul(argv[6], NULL, 10);
    float *x = read_points(argv[3], n, d, err), *centroids = malloc(k * d * sizeof *centroids);
    uint32_t *category = malloc(n * sizeof *category);
    uint64_t *size = malloc(k * sizeof *size);
    double inertia, start = now();
    int result = x ? error_set(err, STATUS_FAILED, "out of memory") : -1;
    if (x && centroids && category && size)
        result = kmeans_fit(dev, x, n, d, &k, 1, atol(argv[7]), centroids, category, size, &inertia,
                            log, err);
    if (!result)
        printf("{\"seconds\": %.6f, \"figure\": %.9g}\n", now() - start, inertia);
    free(x);
    free(centroids);
    free(category);
    free(size);
    return result;
}

static int time_tsne(struct device *dev, struct log *log, char **argv, struct error *err)
{
    size_t n = strtoul(argv[4], NULL, 10), d = strtoul(argv[5], NULL, 10);
    float *x = read_points(argv[3], n, d, err), *xy = malloc(n * 2 * sizeof *xy);
    double divergence, start = now();
    int result = x ? error_set(err, STATUS_FAILED, "out of memory") : -1;
    if (x && xy)
        result = tsne_fit(dev, x, n, d, 30, atol(argv[6]), 1, xy, &divergence, log, err);
    if (!result)
        printf("{\"seconds\": %.6f, \"figure\": %.9g}\n", now() - start, divergence);
    if (!result)
        result = file_write(argv[7], xy, n * 2 * sizeof *xy, err);
    free(x);
    free(xy);
    return result;
}

/* Only the reading is timed; the sum shows that the numbers are those of the peer. */
static int time_reading(struct log *log, int cached, int argc, char **argv, struct error *err)
{
    double start = now(), seconds, sum = 0;
    struct table *table = (cached ? cache_table : table_read)(
        argv[2], &(struct table_how){.time = {argv[3]}}, argv + 4, (size_t)argc - 4, log, err);
    seconds = now() - start;
    if (!table)
        return -1;
    for (size_t i = 0; i < table->columns; i++)
        for (size_t row = 0; row < table->rows; row++)
            sum += table->column[i][row];
    printf("{\"seconds\": %.6f, \"figure\": %.12g, \"rows\": %zu}\n", seconds, sum, table->rows);
    table_free(table);
    return 0;
}

static int on_device(int (*call)(struct device *, struct log *, char **, struct error *),
                     struct log *log, char **argv, struct error *err)
{
    struct device *dev = device_open(
        &(struct device_options){.select = argv[2], .memory_fraction = 0.95, .threads = -1}, err);
    int result = dev ? call(dev, log, argv, err) : -1;
    if (dev)
        device_save_programs(dev);
    device_close(dev);
    return result;
}

int main(int argc, char **argv)
{
    struct error err = {0}, late;
    struct log *log = log_new(LOG_QUIET);
    const char *what = argc > 1 ? argv[1] : "";
    int result;
    if (!strcmp(what, "kmeans") && argc == 8)
        result = on_device(time_kmeans, log, argv, &err);
    else if (!strcmp(what, "tsne") && argc == 8)
        result = on_device(time_tsne, log, argv, &err);
    else if ((!strcmp(what, "parse") || !strcmp(what, "cached")) && argc > 4)
        result = time_reading(log, *what == 'c', argc, argv, &err);
    else
        result = error_set(&err, STATUS_USAGE, "see the head of bench_parts.c");
    if (result)
        fprintf(stderr, "bench_parts: %s\n", err.text);
    log_close(log, &late);
    return result ? (int)err.status : 0;
}
