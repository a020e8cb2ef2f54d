/* SPDX-License-Identifier: MIT */
#include "data/walk.h"

#include <math.h>
#include <stdlib.h>

#include "data/load.h"
#include "util/block.h"

struct walk walk_of(const struct config *config, size_t reach)
{
    size_t purge = config->data.purge < 0 ? reach : (size_t)config->data.purge;
    return (struct walk){
        .folds = (size_t)config->data.folds,
        .fold = (size_t)config->data.fold,
        .rolling = config->data.fold_window == FOLD_ROLLING,
        .gap = purge + (size_t)config->data.embargo,
        .validation = config->data.validation,
    };
}

int walk_cut(const struct walk *walk, size_t positions, struct walk_cut *cut)
{
    size_t piece = positions / (walk->folds + 1), first = positions - walk->folds * piece;
    if (!piece)
        return -1;
    size_t test = first + (walk->fold - 1) * piece, begin = walk->rolling ? test - first : 0;
    size_t gap = walk->gap < test - begin ? walk->gap : test - begin;
    size_t span = test - begin - gap;
    size_t validation = (size_t)floor(walk->validation * (double)span + 0.5);
    *cut =
        (struct walk_cut){begin, validation ? test - gap - validation : test, test, test + piece};
    return 0;
}

/* --- the instants of all series */

static int earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The times of all usable rows, each once, ascending, in a block; NULL: memory. */
static int64_t *all_instants(const struct load *load, size_t *count)
{
    size_t rows = 0, n = 0;
    int ascends = 1;
    for (size_t i = 0; i < load->inputs; i++)
        rows += load_usable(load, &load->input[i]);
    int64_t *time = block_new((rows + 1) * sizeof *time);
    for (size_t i = 0; i < load->inputs && time; i++)
        for (size_t r = 0; r < load->input[i].runs; r++) {
            struct run run = load->input[i].run[r];
            for (size_t row = run.begin + load->warmup; row < run.end; row++) {
                time[n] = load->input[i].table->time[row];
                ascends &= !n || time[n - 1] < time[n];
                n++;
            }
        }
    if (time && !ascends)
        qsort(time, n, sizeof *time, earlier);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (!*count || time[*count - 1] < time[i])
            time[(*count)++] = time[i];
    return time;
}

/* Usable rows of a series before a time. */
static size_t rows_before(const struct load *load, const struct input *input, int64_t time)
{
    size_t rows = 0;
    for (size_t i = 0; i < input->runs; i++) {
        size_t begin = input->run[i].begin + load->warmup;
        rows += table_row_at(input->table, begin, input->run[i].end, time) - begin;
    }
    return rows;
}

static int too_few(const struct load *load, const char *label, size_t positions, const char *what)
{
    return error_set(load->err, STATUS_INPUT,
                     "%s: %zu usable rows%s are too few for data.folds = %ld, which cuts them into "
                     "%ld pieces",
                     label, positions, what, load->config->data.folds,
                     load->config->data.folds + 1);
}

static int cut_by_time(struct load *load, const struct walk *walk, struct walk_cut *cut)
{
    struct walk_cut whole;
    size_t count;
    int64_t *time = all_instants(load, &count);
    if (!time)
        return load_no_memory(load);
    int failed = walk_cut(walk, count, &whole)
                     ? too_few(load, load_label(load), count, " of different times")
                     : 0;
    for (size_t i = 0; i < load->inputs && !failed; i++) {
        const size_t at[] = {whole.begin, whole.validation, whole.test, whole.end};
        size_t *to[] = {&cut[i].begin, &cut[i].validation, &cut[i].test, &cut[i].end};
        for (size_t k = 0; k < 4; k++)
            *to[k] = rows_before(load, &load->input[i], at[k] < count ? time[at[k]] : INT64_MAX);
    }
    block_free(time);
    return failed;
}

int walk_series(struct load *load, const struct walk *walk, struct walk_cut *cut)
{
    if (load->input[0].table->time)
        return cut_by_time(load, walk, cut);
    for (size_t i = 0; i < load->inputs; i++) {
        size_t rows = load_usable(load, &load->input[i]);
        if (walk_cut(walk, rows, &cut[i]))
            return too_few(load, load->input[i].label, rows, "");
    }
    return 0;
}

/* The time of a local row, DATASET_NO_TIME without times. */
static int64_t time_of(const struct load *load, const struct input *input, size_t row)
{
    const struct segment *segment = input->segment;
    if (!input->table->time)
        return DATASET_NO_TIME;
    while (segment->end <= row)
        segment++;
    return input->table->time[segment->from + load->warmup + (row - segment->begin)];
}

void walk_measure(struct load *load)
{
    struct fold *fold = &load->data->fold;
    *fold = (struct fold){.fold = (size_t)load->config->data.fold,
                          .folds = (size_t)load->config->data.folds};
    for (enum part part = 0; part < PARTS; part++)
        fold->part[part].first = fold->part[part].last = DATASET_NO_TIME;
    for (size_t i = 0; i < load->inputs; i++)
        for (size_t s = 0; s < load->input[i].stretches; s++) {
            const struct stretch *stretch = &load->input[i].stretch[s];
            struct span_of_part *part = &fold->part[stretch->part];
            int64_t first = time_of(load, &load->input[i], stretch->begin);
            int64_t last = time_of(load, &load->input[i], stretch->end - 1);
            part->first = part->rows && part->first < first ? part->first : first;
            part->last = part->rows && part->last > last ? part->last : last;
            part->rows += stretch->end - stretch->begin;
        }
}
