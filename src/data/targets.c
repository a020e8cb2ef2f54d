/* SPDX-License-Identifier: MIT */
/* Targets: computed at every row, transformed and permuted as training is to see them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/load.h"
#include "util/block.h"
#include "util/philox.h"

/* The expression of target k in a series of this channel. */
static const struct feature *expression(const struct load *load, size_t channel, size_t k)
{
    return load->expression[channel * load->data->targets + k];
}

/* One column of raw targets or of their bases, in the rows of one series. */
static int fill(struct load *load, size_t s, size_t k, double *x)
{
    struct dataset *data = load->data;
    const struct input *input = load_input(load, s);
    const struct feature *target = expression(load, data->file[s].channel, k);
    const struct feature *base = feature_base(target);
    double *const to[] = {data->raw_target, data->target_base};
    const struct feature *const what[] = {target, base};
    for (int i = 0; i < 2; i++) {
        if (!what[i])
            continue;
        for (size_t row = 0; row < input->rows; row++)
            x[row] = NAN;
        if (load_compute(load, what[i], input, &input->target, x))
            return -1;
        for (size_t row = 0; row < input->rows; row++)
            to[i][(data->file[s].begin + row) * data->targets + k] = x[row];
    }
    return 0;
}

static int allocate(struct load *load)
{
    struct dataset *data = load->data;
    size_t cells = data->rows * data->targets;
    if (data->rows > SIZE_MAX / sizeof(double) / data->targets)
        return load_no_memory(load);
    data->target = block_new((cells + 1) * sizeof *data->target);
    data->raw_target = block_new((cells + 1) * sizeof *data->raw_target);
    data->target_base = block_new((cells + 1) * sizeof *data->target_base);
    if (!data->target || !data->raw_target || !data->target_base)
        return load_no_memory(load);
    for (size_t i = 0; i < cells; i++)
        data->raw_target[i] = data->target_base[i] = NAN;
    return 0;
}

int targets_compute(struct load *load)
{
    struct dataset *data = load->data;
    size_t most = 0;
    if (!data->targets)
        return 0;
    for (size_t i = 0; i < load->inputs; i++)
        most = load->input[i].rows > most ? load->input[i].rows : most;
    double *x = block_new((most + load->warmup + 1) * sizeof *x);
    int result = x ? allocate(load) : load_no_memory(load);
    /* A file to predict on may come without the one that holds its targets. */
    for (size_t s = 0; s < data->files && !result; s++)
        for (size_t k = 0; k < data->targets && !result; k++)
            if (!load->target_columns.count || load_input(load, s)->source->target)
                result = fill(load, s, k, x);
    block_free(x);
    return result;
}

/* Those of rows[count] that belong to series of a channel; all of them without channels. */
static size_t rows_of_channel(const struct load *load, const uint32_t *rows, size_t count,
                              size_t channel, uint32_t *to)
{
    size_t kept = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        while (load->data->file[s].end <= rows[i])
            s++;
        if (load->data->file[s].channel == channel)
            to[kept++] = rows[i];
    }
    return kept;
}

/* Fits the transform of one target to the rows that training windows have as targets. */
static int fit(struct load *load, size_t channel, size_t k, const uint32_t *rows, size_t count)
{
    struct dataset *data = load->data;
    struct transform *t = &data->transform[channel * data->targets + k];
    const char *text = expression(load, channel, k)->text;
    char shown[CSV_SHOWN], where[TABLE_WHERE];
    size_t bad = 0;
    int constant = 0, feature = data->target_feature[k], scaled = data->scaler.kind;
    double *x = block_new((count + 1) * sizeof *x);
    if (!x)
        return load_no_memory(load);
    for (size_t i = 0; i < count; i++)
        x[i] = data->raw_target[rows[i] * data->targets + k];
    double *range = &data->target_range[2 * (channel * data->targets + k)];
    for (size_t i = 0; i < count; i++) {
        range[0] = i && range[0] < x[i] ? range[0] : x[i];
        range[1] = i && range[1] > x[i] ? range[1] : x[i];
    }
    int result = transform_fit(t, x, count, &bad, &constant, load->err);
    block_free(x);
    if (result)
        return error_prefix(load->err, "%s: target '%s'", load_where(load, rows[bad], 1, where),
                            csv_show(text, shown));
    if (constant)
        log_warn(load->log, "target '%s' is constant in the training part; its scale is set to 1",
                 csv_show(text, shown));
    /* A feature and the same target are standardised by the same figures: what goes in and what
     * comes out is in one unit. Those of other files are other quantities, whatever their name. */
    if (feature >= 0 && !load->config->data.target_source.count && scaled == SCALER_STANDARD &&
        t->steps == 1 && t->step[0].kind == TRANSFORM_STANDARD) {
        size_t at = channel * data->features + (size_t)feature;
        t->step[0].offset = data->scaler.offset[at];
        t->step[0].scale = data->scaler.scale[at];
    }
    return 0;
}

/* Deals the targets of rows[count] among these rows. */
static int permute(struct load *load, const uint32_t *rows, size_t count, uint32_t index)
{
    struct dataset *data = load->data;
    size_t k = data->targets;
    uint32_t *from = block_new((count + 1) * sizeof *from);
    double *raw = block_new((count * k + 1) * sizeof *raw);
    int result = from && raw ? 0 : load_no_memory(load);
    if (!result) {
        philox_shuffle(from, count, philox_path("permute_targets"), index,
                       (uint64_t)load->config->run.seed);
        for (size_t i = 0; i < count; i++)
            memcpy(raw + i * k, data->raw_target + rows[from[i]] * k, k * sizeof *raw);
        for (size_t i = 0; i < count; i++)
            memcpy(data->raw_target + rows[i] * k, raw + i * k, k * sizeof *raw);
    }
    block_free(from);
    block_free(raw);
    return result;
}

/* Fits and permutes the targets of training windows, channel by channel. */
static int use_training_rows(struct load *load, int fitting)
{
    struct dataset *data = load->data;
    size_t first, length = load_target_rows(load, PART_TRAIN, &first), count;
    uint32_t *rows =
        windows_rows(data->start[PART_TRAIN], data->count[PART_TRAIN], first, length, &count);
    uint32_t *own = block_new((rows ? count + 1 : 1) * sizeof *own);
    int result = rows && own ? 0 : load_no_memory(load);
    for (size_t c = 0; c < data->channels && !result; c++) {
        size_t n = rows_of_channel(load, rows, count, c, own);
        for (size_t k = 0; k < data->targets && fitting && n && !result; k++)
            result = fit(load, c, k, own, n);
        if (!result && load->config->data.permute_targets && !load->whole)
            result = permute(load, own, n, (uint32_t)c);
    }
    block_free(rows);
    block_free(own);
    return result;
}

static void transform_all(struct load *load)
{
    struct dataset *data = load->data;
    for (size_t s = 0; s < data->files; s++) {
        const struct transform *t = &data->transform[data->file[s].channel * data->targets];
        for (size_t row = data->file[s].begin; row < data->file[s].end; row++)
            for (size_t k = 0; k < data->targets; k++) {
                size_t i = row * data->targets + k;
                double y = isnan(data->raw_target[i])
                               ? NAN
                               : transform_forward(&t[k], data->raw_target[i]);
                data->target[i] = isnan(y) ? NAN : (float)y;
            }
    }
}

/* Why a target cannot be learnt; NULL if it can: bce takes shares alone. */
static const char *unfit(const struct load *load, float y)
{
    if (isnan(y))
        return "has no value under data.target_transform";
    if (!isfinite(y))
        return "is too large for single precision when transformed";
    return load->config->loss.target == LOSS_BCE && !(y >= 0 && y <= 1)
               ? "lies outside 0..1 when transformed, which loss.target = bce needs"
               : NULL;
}

/* Every target of every window must be a number in single precision, and one for the loss. */
static int check_part(struct load *load, enum part part)
{
    const struct dataset *data = load->data;
    size_t first, length = load_target_rows(load, part, &first), count, k = data->targets;
    uint32_t *rows = windows_rows(data->start[part], data->count[part], first, length, &count);
    if (!rows)
        return load_no_memory(load);
    for (size_t i = 0; i < count * k; i++) {
        size_t cell = rows[i / k] * k + i % k, row = rows[i / k];
        char where[TABLE_WHERE], shown[CSV_SHOWN];
        const char *why = unfit(load, data->target[cell]);
        if (!why)
            continue;
        block_free(rows);
        return error_set(
            load->err, STATUS_INPUT, "%s: target '%s': %g %s", load_where(load, row, 1, where),
            csv_show(expression(load, data->file[load_series(load, row)].channel, i % k)->text,
                     shown),
            data->raw_target[cell], why);
    }
    block_free(rows);
    return 0;
}

/*
 * A reversible norm puts a window's mean m and deviation d, of the feature as it is scaled, back
 * into what the model gives: d y + m is the target only if both have one unit, which are the scaler
 * and the transform of the same kind. (Targets of other files are other quantities.)
 */
static int check_reversible(const struct load *load, size_t channel, size_t k)
{
    const struct config *c = load->config;
    const struct transform *t = &load->data->transform[channel * load->data->targets + k];
    int standard = t->steps == 1 && t->step[0].kind == TRANSFORM_STANDARD;
    char shown[CSV_SHOWN];
    if (!c->model.reversible_norm || load->data->target_feature[k] < 0 ||
        c->data.target_source.count || (c->data.scaler.kind == SCALER_NONE && !t->steps) ||
        (c->data.scaler.kind == SCALER_STANDARD && standard))
        return 0;
    return error_set(
        load->err, STATUS_USAGE,
        "[model] reversible_norm: target '%s' is a feature too and needs its unit: set "
        "data.target_transform = standard with data.scaler = standard, or none for both",
        csv_show(expression(load, channel, k)->text, shown));
}

int targets_transform(struct load *load, const struct fitted *fitted)
{
    struct dataset *data = load->data;
    size_t count = data->targets * data->channels;
    int result = 0;
    if (!count)
        return 0;
    if (fitted && fitted->targets != count)
        return error_set(load->err, STATUS_INPUT,
                         "the checkpoint has transforms of %zu targets, data.targets makes %zu",
                         fitted->targets, count);
    data->transform = calloc(count, sizeof *data->transform);
    const int has_range = !fitted || (load->trains && fitted->target_range);
    data->target_range = has_range ? calloc(2 * count, sizeof *data->target_range) : NULL;
    if (!data->transform || (has_range && !data->target_range))
        return load_no_memory(load);
    if (fitted && has_range)
        memcpy(data->target_range, fitted->target_range, 2 * count * sizeof *data->target_range);
    for (size_t i = 0; i < count && !result; i++) {
        if (fitted)
            data->transform[i] = fitted->transform[i];
        else if (transform_parse(&data->transform[i], &load->config->data.target_transform,
                                 load->err))
            result = error_prefix(load->err, "[data] target_transform");
        if (!fitted && !result)
            result = check_reversible(load, i / data->targets, i % data->targets);
    }
    if (!result)
        result = use_training_rows(load, !fitted);
    if (result)
        return -1;
    transform_all(load);
    for (enum part part = 0; part < PARTS && !load->whole && !result; part++)
        result = check_part(load, part);
    return result;
}
