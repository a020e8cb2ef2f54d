/* SPDX-License-Identifier: MIT */
/* Training windows toward a uniform distribution of the first target. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/load.h"
#include "util/block.h"

/* Equal bins between the 1st and the 99th percentile; what lies beyond is in the outer ones. */
struct bins {
    double low, width;
    size_t count;
    size_t *windows; /* [count] */
};

/* What decides on a window: its first target, in its last target row, as training sees it. */
static double figure(const struct load *load, uint32_t start)
{
    size_t first, rows = load_target_rows(load, PART_TRAIN, &first);
    return load->data->target[(start + first + rows - 1) * load->data->targets];
}

static size_t bin_of(const struct bins *bins, double x)
{
    double place = floor((x - bins->low) / bins->width);
    return place < 0 ? 0 : place >= (double)bins->count ? bins->count - 1 : (size_t)place;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_counts(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* 0; 1 where the target is nearly constant; -1 without memory. */
static int count_bins(const struct load *load, struct bins *bins)
{
    const struct dataset *data = load->data;
    size_t n = data->count[PART_TRAIN];
    double *x = block_new((n + 1) * sizeof *x);
    bins->windows = calloc(bins->count, sizeof *bins->windows);
    if (!x || !bins->windows) {
        block_free(x);
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        x[i] = figure(load, data->start[PART_TRAIN][i]);
    qsort(x, n, sizeof *x, compare);
    bins->low = x[(n - 1) / 100];
    bins->width = (x[n - 1 - (n - 1) / 100] - bins->low) / (double)bins->count;
    for (size_t i = 0; i < n && bins->width > 0; i++)
        bins->windows[bin_of(bins, x[i])]++;
    block_free(x);
    return bins->width > 0 ? 0 : 1;
}

/* The median count of the bins that hold any, and how many these are. */
static int median_count(const struct bins *bins, size_t *median, size_t *filled)
{
    size_t *sorted = malloc(bins->count * sizeof *sorted);
    if (!sorted)
        return -1;
    *filled = 0;
    for (size_t i = 0; i < bins->count; i++)
        if (bins->windows[i])
            sorted[(*filled)++] = bins->windows[i];
    qsort(sorted, *filled, sizeof *sorted, compare_counts);
    *median = sorted[*filled / 2];
    free(sorted);
    return 0;
}

/* Leaves windows of crowded bins out: of those that a bin has left, the next one is kept with the
 * probability of what it still wants (selection sampling, Knuth 3.4.2 S). */
static int thin(struct load *load, struct bins *bins, size_t median)
{
    struct dataset *data = load->data;
    size_t *wanted = malloc(bins->count * sizeof *wanted), kept = 0;
    if (!wanted)
        return -1;
    for (size_t i = 0; i < bins->count; i++)
        wanted[i] = bins->windows[i] < median ? bins->windows[i] : median;
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        uint32_t start = data->start[PART_TRAIN][i];
        size_t bin = bin_of(bins, figure(load, start));
        uint64_t draw =
            split_random((uint64_t)load->config->run.seed ^ UINT64_C(0x62616c616e6365), i);
        if (draw % bins->windows[bin]-- >= wanted[bin])
            continue;
        wanted[bin]--;
        data->start[PART_TRAIN][kept++] = start;
    }
    data->count[PART_TRAIN] = kept;
    free(wanted);
    return 0;
}

/* Weights each window so that all bins weigh the same together, and all windows 1 on average. */
static int weigh(struct load *load, const struct bins *bins, size_t filled, double *lightest,
                 double *heaviest)
{
    struct dataset *data = load->data;
    data->weight = block_new((data->rows + 1) * sizeof *data->weight);
    if (!data->weight)
        return -1;
    for (size_t row = 0; row < data->rows; row++)
        data->weight[row] = 1;
    *lightest = INFINITY;
    *heaviest = 0;
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        uint32_t start = data->start[PART_TRAIN][i];
        double in_bin = (double)bins->windows[bin_of(bins, figure(load, start))];
        double weight = (double)data->count[PART_TRAIN] / ((double)filled * in_bin);
        data->weight[start] = (float)weight;
        *lightest = weight < *lightest ? weight : *lightest;
        *heaviest = weight > *heaviest ? weight : *heaviest;
    }
    return 0;
}

int balance_windows(struct load *load)
{
    const struct config *config = load->config;
    struct dataset *data = load->data;
    struct bins bins = {.count = (size_t)config->data.balance_bins};
    size_t median = 0, filled = 0, before = data->count[PART_TRAIN];
    double lightest = 0, heaviest = 0;
    if (config->data.balance == BALANCE_NONE || load->whole || !before)
        return 0;
    if (!data->targets)
        return error_set(load->err, STATUS_USAGE, "[data] balance: there is no target");
    int constant = count_bins(load, &bins), failed = constant < 0;
    if (constant > 0)
        log_warn(load->log, "data.balance changes nothing: nearly all targets are the same");
    if (!constant)
        failed = median_count(&bins, &median, &filled);
    if (!constant && !failed && config->data.balance == BALANCE_SELECT) {
        failed = thin(load, &bins, median);
        log_say(load->log,
                "data: balanced: %zu of %zu training windows kept, at most %zu in each of %zu bins "
                "(%zu hold any)",
                data->count[PART_TRAIN], before, median, bins.count, filled);
        json_object_set_new(load->told, "balance",
                            json_pack("{s:s, s:I, s:I, s:I}", "by", "select", "windows_before",
                                      (json_int_t)before, "windows",
                                      (json_int_t)data->count[PART_TRAIN], "bins_filled",
                                      (json_int_t)filled));
    } else if (!constant && !failed) {
        failed = weigh(load, &bins, filled, &lightest, &heaviest);
        log_say(load->log,
                "data: balanced: training windows weigh %.3g to %.3g, by %zu bins (%zu hold any)",
                lightest, heaviest, bins.count, filled);
        json_object_set_new(load->told, "balance",
                            json_pack("{s:s, s:f, s:f, s:I}", "by", "weight", "lightest", lightest,
                                      "heaviest", heaviest, "bins_filled", (json_int_t)filled));
    }
    free(bins.windows);
    return failed ? load_no_memory(load) : 0;
}
