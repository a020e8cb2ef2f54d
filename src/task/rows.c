/* SPDX-License-Identifier: MIT */
#include "task/rows.h"

#include "task/label.h"
#include "task/put.h"
#include "util/file.h"

#define BLOCK 4096 /* rows behind which it is looked whether the output takes them */

/* Whether several series would be taken for one without their names. */
static int are_named(const struct dataset *data)
{
    return data->by_series || data->files > data->channels;
}

static void put_heading(const struct dataset *data, const char *const *features, FILE *out)
{
    fputs(are_named(data) ? "series," : "", out);
    fputs(data->time ? "time,row" : "row", out);
    for (size_t i = 0; i < data->features * data->channels; i++) {
        putc(',', out);
        put_name(features[i], out);
    }
    putc('\n', out);
}

/* Rows without features that follow each stretch of rows. */
static size_t padding_of(const struct dataset *data)
{
    const size_t reach = data->target_first + data->target_rows;
    return data->targets && data->target_first && reach > data->window ? reach - data->window : 0;
}

/* Whether one of the next `padding` rows begins another stretch, or the series ends. */
static int is_padding(const struct dataset *data, size_t row, size_t end, size_t padding)
{
    size_t low = 0, high = data->borders; /* the first border behind the row */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (data->border[middle] > row)
            high = middle;
        else
            low = middle + 1;
    }
    if (low < data->borders && data->border[low] < end)
        end = data->border[low];
    return end - row <= padding;
}

/* Rows [begin, end) of the series from `series` on: one, or the channels of a file. */
static void put_rows(const struct dataset *data, size_t series, size_t padding, size_t begin,
                     size_t end, FILE *out)
{
    const struct series *first = &data->file[series];
    char label[64];
    for (size_t row = begin; row < end; row++) {
        if (padding && is_padding(data, first->begin + row, first->end, padding))
            continue;
        if (are_named(data))
            put_series(first, out);
        label_row(label, sizeof label, data, first->begin + row);
        fprintf(out, "%s%s%zu", data->time ? label : "", data->time ? "," : "", row);
        for (size_t c = 0; c < data->channels; c++) {
            const size_t at = (data->file[series + c].begin + row) * data->features;
            for (size_t f = 0; f < data->features; f++)
                fprintf(out, ",%.9g", (double)data->series[at + f]);
        }
        putc('\n', out);
    }
}

int rows_put(const struct dataset *data, int is_whole, const char *const *features, FILE *out,
             const char *name, struct error *err)
{
    const size_t padding = is_whole ? padding_of(data) : 0;
    put_heading(data, features, out);
    for (size_t s = 0; s < data->files; s += data->channels) {
        const size_t rows = data->file[s].end - data->file[s].begin;
        for (size_t at = 0; at < rows; at += BLOCK) {
            put_rows(data, s, padding, at, rows - at < BLOCK ? rows : at + BLOCK, out);
            if (file_flush(out, name, err))
                return -1;
        }
    }
    return 0;
}
