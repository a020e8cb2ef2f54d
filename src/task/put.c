/* SPDX-License-Identifier: MIT */
#include "task/put.h"

#include "task/label.h"
#include "util/quoted.h"

void put_name(const char *name, FILE *out)
{
    quoted_put(name, ",\"", out);
}

void put_series(const struct series *series, FILE *out)
{
    put_name(series->name, out);
    putc(',', out);
}

void put_row(const struct dataset *data, size_t row, FILE *out)
{
    const struct series *series = data->by_series ? &data->file[dataset_series(data, row)] : NULL;
    put_row_numbered(data, row, series ? row - series->begin : row, out);
}

void put_row_numbered(const struct dataset *data, size_t row, size_t number, FILE *out)
{
    const struct series *series = data->by_series ? &data->file[dataset_series(data, row)] : NULL;
    char label[64];
    if (series)
        put_series(series, out);
    label_row(label, sizeof label, data, row);
    if (data->time)
        fprintf(out, "%s,", label);
    fprintf(out, "%zu", number);
}

void put_row_heading(const struct dataset *data, FILE *out)
{
    fputs(data->by_series ? "series," : "", out);
    fputs(data->time ? "time,row" : "row", out);
}
