/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/load.h"
#include "data/scaler.h"
#include "util/block.h"

/* --- the scaler */

/* The feature that the scaler relative(NAME) names. */
static int find_base(struct load *load)
{
    const char *name = load->config->data.scaler.column;
    struct feature *base = feature_parse(name, load->err);
    if (!base)
        return error_prefix(load->err, "[data] scaler");
    int found = load_feature(load, base->text);
    feature_free(base);
    if (found < 0)
        return error_set(
            load->err, STATUS_USAGE,
            "[data] scaler: relative(%s) needs '%s' among data.features, written alike", name,
            name);
    load->data->scaler.base = (size_t)found;
    return 0;
}

/* Whether the scaler is to be fitted: it is no checkpoint's, and of a kind that is fitted at all.
 */
static int is_fitting(const struct load *load, const struct fitted *fitted)
{
    int kind = load->config->data.scaler.kind;
    return !fitted && kind != SCALER_NONE && kind != SCALER_WINDOW && kind != SCALER_RELATIVE;
}

int fill_prepare(struct load *load, const struct fitted *fitted)
{
    int kind = load->config->data.scaler.kind;
    if (fitted && fitted->scaler.features != load->features)
        return error_set(load->err, STATUS_INPUT,
                         "the checkpoint's scaler has %zu features, data.features %zu",
                         fitted->scaler.features, load->features);
    if (load->whole && is_fitting(load, fitted))
        return error_set(load->err, STATUS_INPUT,
                         "%s: data.scaler = %s needs a checkpoint's scaler", load_label(load),
                         config_choice("data", "scaler", kind));
    if (fitted ? scaler_copy(&load->data->scaler, &fitted->scaler)
               : scaler_init(&load->data->scaler, kind, load->features))
        return load_no_memory(load);
    load->data->scaler.low = load->config->data.scaler.low;
    load->data->scaler.high = load->config->data.scaler.high;
    if (kind == SCALER_RELATIVE && find_base(load))
        return -1;
    tell_text(load, "scaler", config_choice("data", "scaler", load->data->scaler.kind));
    return 0;
}

/* --- windows of zeros */

int fill_blank(struct load *load)
{
    struct dataset *data = load->data;
    const size_t ends = data->targets ? data->target_first + data->target_rows : 0;
    const size_t step = ends > data->window ? ends : data->window;
    if (load->blank > UINT32_MAX / step)
        return load_no_memory(load);
    data->rows = load->blank * step;
    data->file = calloc(1, sizeof *data->file);
    data->series = block_zeros(data->rows * data->features * sizeof *data->series);
    data->target =
        data->targets ? block_zeros(data->rows * data->targets * sizeof *data->target) : NULL;
    data->start[PART_TEST] = block_new(load->blank * sizeof *data->start[PART_TEST]);
    if (!data->file || !data->series || (data->targets && !data->target) || !data->start[PART_TEST])
        return load_no_memory(load);
    data->files = 1;
    data->file[0].end = data->rows;
    for (; data->count[PART_TEST] < load->blank; data->count[PART_TEST]++)
        data->start[PART_TEST][data->count[PART_TEST]] = (uint32_t)(data->count[PART_TEST] * step);
    return 0;
}

/* --- the series */

/* Those of rows[count] in series of a channel; all of them without channels. */
static size_t sample(const struct load *load, const uint32_t *rows, size_t count, size_t channel,
                     const double *x, double *to)
{
    const struct dataset *data = load->data;
    size_t kept = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        while (data->file[s].end <= rows[i])
            s++;
        if (data->file[s].channel == channel)
            to[kept++] = x[rows[i]];
    }
    return kept;
}

/* Fits the scaler's entry `at` to x[count]. */
static int fit(struct load *load, size_t at, double *x, size_t count)
{
    struct dataset *data = load->data;
    char shown[CSV_SHOWN];
    csv_show(load->feature[at]->text, shown);
    enum scaler_fit fitted = count ? scaler_fit(&data->scaler, at, x, count) : SCALER_FITTED;
    if (fitted == SCALER_TOO_WIDE)
        return error_set(load->err, STATUS_INPUT,
                         "%s: feature '%s': its values lie too far apart to be scaled",
                         load_label(load), shown);
    if (fitted == SCALER_CONSTANT)
        log_warn(load->log, "feature '%s' %s in the training part; its scale is set to 1", shown,
                 data->scaler.kind == SCALER_ROBUST ? "has equal quartiles" : "is constant");
    return 0;
}

/* The expression that a series has as feature f, and the scaler's entry for it. */
static size_t entry(const struct dataset *data, const struct series *series, size_t f)
{
    return series->channel * data->features + f;
}

/* One feature, scaled, into the series. */
static int store(struct load *load, size_t f, const double *x)
{
    struct dataset *data = load->data;
    for (size_t s = 0; s < data->files; s++) {
        size_t at = entry(data, &data->file[s], f);
        double offset = data->scaler.offset[at], scale = data->scaler.scale[at];
        for (size_t row = data->file[s].begin; row < data->file[s].end; row++) {
            float value = (float)((x[row] - offset) / scale);
            data->series[row * data->features + f] = value;
            if (!isfinite(value)) {
                char where[TABLE_WHERE], shown[CSV_SHOWN];
                return error_set(load->err, STATUS_INPUT,
                                 "%s: feature '%s': %g is too large for single precision%s",
                                 load_where(load, row, 0, where),
                                 csv_show(load->feature[at]->text, shown), x[row],
                                 scale != 1 ? " when scaled" : "");
            }
        }
    }
    return 0;
}

/* Values of feature f in all series. Rows of padding are at the scaler's middle. */
static int compute(struct load *load, size_t f, double *x)
{
    struct dataset *data = load->data;
    for (size_t s = 0; s < data->files; s++) {
        const struct input *input = load_input(load, s);
        size_t at = entry(data, &data->file[s], f), done = 0;
        double *to = x + data->file[s].begin;
        if (load_compute(load, load->feature[at], input, input->table, to))
            return -1;
        for (size_t i = 0; i <= input->segments; i++) {
            size_t begin = i < input->segments ? input->segment[i].begin : input->rows;
            for (; done < begin; done++)
                to[done] = data->scaler.offset[at];
            done = i < input->segments ? input->segment[i].end : begin;
        }
    }
    return 0;
}

/* With the scaler relative(NAME) no window may end where that feature is 0. */
static int check_ends(struct load *load)
{
    const struct dataset *data = load->data;
    char where[TABLE_WHERE], shown[CSV_SHOWN];
    for (enum part part = 0; part < PARTS && data->scaler.kind == SCALER_RELATIVE; part++)
        for (size_t i = 0; i < data->count[part]; i++) {
            size_t row = data->start[part][i] + data->window - 1;
            if (data->series[row * data->features + data->scaler.base] == 0)
                return error_set(load->err, STATUS_INPUT,
                                 "%s: feature '%s' is 0 where a window ends, and data.scaler = "
                                 "relative divides by it there; data.where = %s != 0 leaves such "
                                 "windows out",
                                 load_where(load, row, 0, where),
                                 csv_show(load->feature[data->scaler.base]->text, shown), shown);
        }
    return 0;
}

int fill_series(struct load *load, const struct fitted *fitted)
{
    struct dataset *data = load->data;
    int fitting = is_fitting(load, fitted);
    size_t covered = 0;
    if (data->rows > SIZE_MAX / sizeof(float) / data->features)
        return load_no_memory(load);
    uint32_t *rows = windows_rows(data->start[PART_TRAIN], fitting ? data->count[PART_TRAIN] : 0, 0,
                                  data->window, &covered);
    data->series = block_new((data->rows * data->features) * sizeof *data->series);
    double *x = block_new((data->rows + load->warmup + 1) * sizeof *x);
    double *chosen = block_new((covered + 1) * sizeof *chosen);
    int result = rows && data->series && x && chosen ? 0 : load_no_memory(load);
    for (size_t f = 0; f < data->features && !result; f++) {
        result = compute(load, f, x);
        for (size_t c = 0; c < data->channels && fitting && !result; c++) {
            size_t count = sample(load, rows, covered, c, x, chosen);
            result = fit(load, c * data->features + f, chosen, count);
        }
        if (!result)
            result = store(load, f, x);
    }
    block_free(chosen);
    block_free(x);
    block_free(rows);
    return result ? -1 : check_ends(load);
}
