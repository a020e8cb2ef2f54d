/* SPDX-License-Identifier: MIT */
#include "data/dataset.h"

#include <stdlib.h>

#include "data/augment.h"
#include "data/captioned.h"
#include "data/reading.h"
#include "text/tokenizer.h"
#include "util/block.h"

size_t dataset_series(const struct dataset *data, size_t row)
{
    size_t low = 0, high = data->files;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (data->file[middle].begin <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const void *dataset_rows(const struct dataset *data)
{
    return data->token ? (const void *)data->token : data->series;
}

size_t dataset_clip(const struct dataset *data)
{
    return data->captioned ? data->captioned->rows * data->captioned->columns : 0;
}

int dataset_is_clips(const struct config *config)
{
    return config->encoder.rows > 0;
}

int dataset_is_text(const struct config *config)
{
    return config->data.tokenizer && *config->data.tokenizer;
}

size_t dataset_stride(const struct config *config)
{
    return config->data.stride < 0 ? 1 : (size_t)config->data.stride;
}

/* Counts are set before there is memory for what they count. */
static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

const uint32_t *dataset_windows(const struct dataset *data, enum part part, size_t *count)
{
    const int other = part == PART_TRAIN && data->long_start;
    *count = other ? data->long_count : data->count[part];
    return other ? data->long_start : data->start[part];
}

size_t dataset_samples(const struct dataset *data)
{
    size_t most = data->long_count ? data->long_count : 1;
    for (int part = 0; part < PARTS; part++)
        most = data->count[part] > most ? data->count[part] : most;
    return most;
}

int dataset_goes_on(const struct dataset *data, uint32_t before, uint32_t start)
{
    if (start - before != data->eval_window)
        return 0;
    for (size_t low = 0, high = data->borders; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (data->border[middle] == start)
            return 0;
        if (data->border[middle] < start)
            low = middle + 1;
        else
            high = middle;
    }
    return 1;
}

void dataset_free(struct dataset *data)
{
    if (!data)
        return;
    free_names(data->names, data->features);
    free_names(data->target_names, data->targets);
    for (size_t i = 0; data->file && i < data->files; i++)
        free(data->file[i].name);
    free(data->file);
    for (enum part part = 0; part < PARTS; part++)
        block_free(data->start[part]);
    block_free(data->long_start);
    free(data->border);
    scaler_fini(&data->scaler);
    if (data->reading)
        reading_fini(data->reading);
    free(data->reading);
    block_free(data->series);
    block_free(data->token);
    tokenizer_free(data->own_tokenizer);
    block_free(data->time);
    block_free(data->target);
    block_free(data->raw_target);
    block_free(data->target_base);
    free(data->target_feature);
    free(data->target_is_column);
    free(data->transform);
    free(data->target_range);
    block_free(data->weight);
    augment_free(data->augment);
    captioned_free(data->captioned);
    free(data);
}
