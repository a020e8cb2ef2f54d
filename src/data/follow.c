/* SPDX-License-Identifier: MIT */
/* Files that follow one another in time, but are series of their own. */
#include <stdlib.h>
#include <string.h>

#include "data/load.h"
#include "data/number.h"

/* Compares names without their numbers: "BTC-2024-01.csv" and "BTC-2024-02.csv" are alike. */
static int compare_patterns(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (number_is_digit(*a) && number_is_digit(a[1]))
            a++;
        while (number_is_digit(*b) && number_is_digit(b[1]))
            b++;
        unsigned char x = number_is_digit(*a) ? '0' : (unsigned char)*a;
        unsigned char y = number_is_digit(*b) ? '0' : (unsigned char)*b;
        if (x != y || !x)
            return (x > y) - (x < y);
    }
}

/* Series that could be one, if their files were joined: 0. */
static int compare_origins(const struct input *a, const struct input *b)
{
    const char *x = a->table->series, *y = b->table->series;
    if (a->source->part != b->source->part)
        return a->source->part < b->source->part ? -1 : 1;
    int order = compare_patterns(a->source->name, b->source->name);
    return order ? order : x && y ? strcmp(x, y) : 0;
}

static int by_origin_and_time(const void *a, const void *b)
{
    const struct input *x = *(struct input *const *)a, *y = *(struct input *const *)b;
    int order = compare_origins(x, y);
    return order ? order : (x->first_time > y->first_time) - (x->first_time < y->first_time);
}

/* The months of one market, each a file, are hardly meant to be series of their own. */
int follow_look(struct load *load)
{
    if (load->sources.count < 2 || !load->input[0].table->time)
        return 0;
    if (load->config->data.join && load->sources.items == load->sources.count) {
        log_warn(load->log,
                 "data.join = yes joins the files of a folder or of a pattern; here each item of "
                 "data.source is one file, so none are joined");
        return 0;
    }
    struct input **sorted = malloc(load->inputs * sizeof *sorted);
    if (!sorted)
        return load_no_memory(load);
    for (size_t i = 0; i < load->inputs; i++)
        sorted[i] = &load->input[i];
    qsort(sorted, load->inputs, sizeof *sorted, by_origin_and_time);
    for (size_t i = 0, n; i < load->inputs; i += n) {
        int follow = 1;
        for (n = 1; i + n < load->inputs && !compare_origins(sorted[i], sorted[i + n]); n++)
            follow &= sorted[i + n]->first_time >= sorted[i + n - 1]->last_time;
        if (n == 1 || !follow)
            continue;
        log_warn(load->log,
                 "%s and %s follow one another in time, but are two series: data.join = yes makes "
                 "one series of the files of a folder or of a pattern",
                 sorted[i]->label, sorted[i + 1]->label);
        break;
    }
    free(sorted);
    return 0;
}
