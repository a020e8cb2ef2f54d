/* SPDX-License-Identifier: MIT */
/*
 * Times what is no training step, for tests/bench/bench.py; not part of `make check`:
 *
 *   bench_parts kmeans DEVICE POINTS N D K ITERATIONS
 *   bench_parts tsne DEVICE POINTS N D ITERATIONS MAP     the map is written to MAP, float32 [N, 2]
 *   bench_parts parse CSV TIME COLUMN...
 *   bench_parts cached CSV TIME COLUMN...                 the cache is written where it is missing
 *   bench_parts product DEVICE TYPE ROWS OUT IN           y = x W^T, W [OUT, IN] of TYPE F32, NF4,
 *   bench_parts back DEVICE TYPE ROWS OUT IN              NF4_NESTED or INT8; dx = dy W
 *   bench_parts copy DEVICE MIB                           numbers to another place
 *
 * POINTS holds float32 [N, D]. The figure of products and copies is GB/s: of W, and read and
 * written. Prints an object of JSON: seconds, and what the peer's result is
 * compared with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "data/cache.h"
#include "exec/exec.h"
#include "lower/lower.h"
#include "ops/ops.h"
#include "tensor/packed.h"
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

/* --- products, and a copy, the figure of which is GB/s */

/* Threads that have just been started may share a core for some milliseconds. */
#define WARM 0.2   /* seconds that are not counted */
#define ENOUGH 0.5 /* seconds, with those */
#define RUNS_LEAST 9
#define RUNS_MOST 2000

static int smaller_first(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int time_run(struct plan *p, size_t from, double *seconds, struct error *err)
{
    const double start = now();
    if (exec_run(p, from, p->launch_count, err) || device_finish(p->dev, err))
        return -1;
    *seconds = now() - start;
    return 0;
}

/* The median of some runs of the launches from `from` on; the first ones are not counted. */
static int time_plan(struct plan *p, size_t from, double *seconds, struct error *err)
{
    double took[RUNS_MOST];
    const double start = now();
    int runs = 0;
    do {
        if (time_run(p, from, took, err))
            return -1;
    } while (now() - start < WARM);
    while (runs < RUNS_LEAST || (runs < RUNS_MOST && now() - start < ENOUGH))
        if (time_run(p, from, &took[runs++], err))
            return -1;
    qsort(took, (size_t)runs, sizeof *took, smaller_first);
    *seconds = took[runs / 2];
    return 0;
}

/* Lowers a graph with its input x and output y, and times it: what follows the first `skipped`
 * launches. `skipped` becomes how many there are. */
static int time_graph(struct graph *g, struct device *dev, struct tensor *x, struct tensor *y,
                      size_t *skipped, double *seconds, struct error *err)
{
    const size_t from = *skipped;
    if (g->training) {
        y->grad = graph_state(g, "dy", DTYPE_F32, y->rank, y->dim);
        y->grad_written = 1;
    }
    struct plan *p = lower_graph(g, dev, err);
    if (p && g->training)
        x->grad->keep = 1;
    int failed = !p || plan_place(p, err) || exec_prepare(p, NULL, NULL, err) ||
                 time_plan(p, from, seconds, err);
    *skipped = p ? p->launch_count : 0;
    plan_free(p);
    return failed ? -1 : 0;
}

/* The product, and then, in a graph of its own, what follows it for the gradient of x. */
static int time_product(struct device *dev, struct log *log, char **argv, struct error *err)
{
    const int back = !strcmp(argv[1], "back");
    const size_t rows = strtoul(argv[4], NULL, 10), out = strtoul(argv[5], NULL, 10);
    const size_t in = strtoul(argv[6], NULL, 10);
    const enum dtype dtype = dtype_of(argv[3]);
    size_t skipped = 0;
    double seconds = 0;
    (void)log;
    if (dtype != DTYPE_F32 && (dtype == DTYPES || !packed_is(dtype)))
        return error_set(err, STATUS_USAGE, "%s: no type of a weight", argv[3]);
    struct params *params = params_new(0);
    for (int training = 0; training <= back; training++) {
        struct graph *g = params ? graph_new(params, 1, training) : NULL;
        if (!g)
            return error_set(err, STATUS_FAILED, "out of memory");
        struct tensor *x = graph_state(g, "x", DTYPE_F32, 2, (size_t[]){rows, in});
        struct tensor *w = graph_state(g, "w", dtype, 2, (size_t[]){out, in});
        x->needs_grad = training;
        struct tensor *y = graph_keep(g, op_product(g, x, w));
        if (time_graph(g, dev, x, y, &skipped, &seconds, err))
            return -1;
    }
    params_free(params);
    const double bytes =
        (double)(packed_is(dtype) ? packed_form(dtype, out, in).bytes : out * in * sizeof(float));
    printf("{\"seconds\": %.9f, \"figure\": %.6g}\n", seconds, bytes / seconds / 1e9);
    return 0;
}

static int time_copy(struct device *dev, struct log *log, char **argv, struct error *err)
{
    const size_t n = strtoul(argv[3], NULL, 10) << 18;
    size_t skipped = 0;
    double seconds;
    (void)log;
    struct params *params = params_new(0);
    struct graph *g = params ? graph_new(params, 1, 0) : NULL;
    if (!g)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct tensor *x = graph_state(g, "x", DTYPE_F32, 2, (size_t[]){n / 64, 64});
    struct tensor *y = graph_keep(g, op_scale(g, x, 2));
    if (time_graph(g, dev, x, y, &skipped, &seconds, err))
        return -1;
    params_free(params);
    printf("{\"seconds\": %.9f, \"figure\": %.6g}\n", seconds, 8 * (double)n / seconds / 1e9);
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
    else if ((!strcmp(what, "product") || !strcmp(what, "back")) && argc == 7)
        result = on_device(time_product, log, argv, &err);
    else if (!strcmp(what, "copy") && argc == 4)
        result = on_device(time_copy, log, argv, &err);
    else if ((!strcmp(what, "parse") || !strcmp(what, "cached")) && argc > 4)
        result = time_reading(log, *what == 'c', argc, argv, &err);
    else
        result = error_set(&err, STATUS_USAGE, "see the head of bench_parts.c");
    if (result)
        fprintf(stderr, "bench_parts: %s\n", err.text);
    log_close(log, &late);
    return result ? (int)err.status : 0;
}
