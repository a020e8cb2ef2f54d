/* SPDX-License-Identifier: MIT */
#include "task/target_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/split.h"
#include "task/label.h"
#include "util/block.h"

enum { LABEL = 128 };

/* Keeps the rows, ascending, whose series are of a channel; returns how many. */
static size_t rows_of_channel(const struct dataset *data, uint32_t *rows, size_t count,
                              size_t channel)
{
    size_t kept = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        while (rows[i] >= data->file[s].end)
            s++;
        if (data->file[s].channel == channel)
            rows[kept++] = rows[i];
    }
    return kept;
}

int target_sample(const struct dataset *data, enum part part, size_t target, size_t most,
                  double *raw, double *seen, size_t *n, struct error *err)
{
    size_t all, k = data->targets, channel = target / k;
    size_t length = part != PART_TRAIN && data->eval_window ? data->eval_window : data->target_rows;
    uint32_t *rows =
        windows_rows(data->start[part], data->count[part], data->target_first, length, &all);
    if (!rows)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (data->channels > 1)
        all = rows_of_channel(data, rows, all, channel);
    *n = all < most ? all : most;
    for (size_t i = 0; i < *n; i++) {
        size_t row = rows[(size_t)((double)i * (double)all / (double)*n)];
        raw[i] = data->raw_target[row * k + target % k];
        if (seen)
            seen[i] = data->target[row * k + target % k];
    }
    block_free(rows);
    return 0;
}

/* At most this many values of each part. */
#define TARGET_SAMPLE 20000

/* "HUFL, the first of 7 channels": which of several targets is drawn. */
static void print_choice(char *to, size_t size, const struct dataset *data, const char *name)
{
    if (data->channels > 1)
        snprintf(to, size, "%s, the first of %zu channels", name, data->channels);
    else if (data->targets > 1)
        snprintf(to, size, "%s, the first of %zu targets", name, data->targets);
    else
        snprintf(to, size, "%s", name);
}

int target_sample_draw(const struct dataset *data, const struct config *config, const char *path,
                       const struct plot_about *about, struct error *err)
{
    double *room = malloc(2 * PARTS * TARGET_SAMPLE * sizeof *room);
    char steps[256] = "";
    if (!room)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < config->data.target_transform.count; i++) {
        size_t used = strlen(steps);
        snprintf(steps + used, sizeof steps - used, "%s%s", i ? ", " : "",
                 config->data.target_transform.item[i]);
    }
    char name[2 * LABEL], what[3 * LABEL];
    label_target(name, sizeof name, data, 0);
    print_choice(what, sizeof what, data, name);
    struct plot_targets plot = {
        .name = what, .unit = name, .transform = data->transform[0].steps ? steps : NULL};
    int failed = 0;
    for (enum part part = 0; part < PARTS && !failed; part++) {
        double *raw = room + 2 * (size_t)part * TARGET_SAMPLE, *seen = raw + TARGET_SAMPLE;
        failed = target_sample(data, part, 0, TARGET_SAMPLE, raw, seen, &plot.count[part], err);
        plot.raw[part] = raw;
        plot.transformed[part] = seen;
    }
    failed = failed || plot_target_distribution(path, about, &plot, err) ? -1 : 0;
    free(room);
    return failed;
}
