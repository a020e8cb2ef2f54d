/* SPDX-License-Identifier: MIT */
#include "data/load.h"

#include <math.h>
#include <string.h>

int load_no_memory(struct load *load)
{
    return error_set(load->err, STATUS_FAILED, "%s: out of memory", load_label(load));
}

const char *load_label(const struct load *load)
{
    return load->sources.count == 1 ? load->sources.item[0].path : load->label;
}

struct input *load_input(const struct load *load, size_t series)
{
    return &load->input[series / load->data->channels];
}

size_t load_series(const struct load *load, size_t row)
{
    return dataset_series(load->data, row);
}

size_t load_window(const struct load *load, enum part part)
{
    const struct dataset *data = load->data;
    return data->eval_window && part != PART_TRAIN ? data->eval_window : data->window;
}

size_t load_target_rows(const struct load *load, enum part part, size_t *first)
{
    const struct dataset *data = load->data;
    int by_row = load->config->data.target_rows == TARGET_WINDOW;
    *first = data->target_first;
    return by_row && data->targets ? load_window(load, part) : data->target_rows;
}

size_t load_span(const struct load *load, enum part part)
{
    size_t first, rows = load_target_rows(load, part, &first), window = load_window(load, part);
    return !load->whole && load->data->targets && first + rows > window ? first + rows : window;
}

size_t load_ahead(const struct load *load)
{
    return load_span(load, PART_TRAIN) - load_window(load, PART_TRAIN);
}

size_t load_usable(const struct load *load, const struct input *input)
{
    size_t rows = 0;
    for (size_t i = 0; i < input->runs; i++)
        rows += input->run[i].end - input->run[i].begin - load->warmup;
    return rows;
}

const char *load_where(const struct load *load, size_t row, int target, char out[TABLE_WHERE])
{
    size_t s = load_series(load, row), local = row - load->data->file[s].begin, i = 0;
    const struct input *input = load_input(load, s);
    while (i + 1 < input->segments && input->segment[i].end <= local)
        i++;
    const struct segment *segment = &input->segment[i];
    return table_where(target ? &input->target : input->table,
                       segment->from + load->warmup + (local - segment->begin), out);
}

int load_compute(struct load *load, const struct feature *feature, const struct input *input,
                 const struct table *table, double *x)
{
    for (size_t i = 0; i < input->segments; i++) {
        const struct segment *segment = &input->segment[i];
        double *to = x + segment->begin;
        struct run run = {segment->from, segment->to};
        if (feature_compute_known(feature, table, run, to, load->err))
            return -1;
        if (load->warmup)
            memmove(to, to + load->warmup, (segment->end - segment->begin) * sizeof *to);
        for (size_t row = 0; row < load->warmup; row++) /* where the last ones lay before */
            to[segment->end - segment->begin + row] = NAN;
    }
    return 0;
}

int load_feature(const struct load *load, const char *text)
{
    for (size_t i = 0; i < load->features; i++)
        if (!strcmp(load->feature[i]->text, text))
            return (int)i;
    return -1;
}
