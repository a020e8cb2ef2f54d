/* SPDX-License-Identifier: MIT */
/*
 * What data.augment takes of the data: units and mirror images of features and targets, which
 * windows it is for, and whether every target stays true.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/aggregate.h"
#include "data/augment.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/mirror.h"
#include "util/block.h"

#define MEASURED 4096 /* windows whose values make a unit, at most */

enum { UNIT, DRAWS_AS, SIGN, OFFSET };              /* of a feature */
enum { T_SIGN, T_OFFSET, T_MOVE, T_WITH, COLUMNS }; /* of a target */

static int refuse(struct load *load, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(struct load *load, const char *format, ...)
{
    char what[sizeof load->err->text];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    return error_set(load->err, STATUS_USAGE, "[data] augment: %s", what);
}

/* --- units */

/* Mean square distance of a feature's scaled values from their mean, in training windows. */
static double spread(const struct dataset *data, size_t f)
{
    const size_t count = data->count[PART_TRAIN], every = count / MEASURED + 1;
    double sum = 0, square = 0, n = 0, pivot = 0;
    for (size_t i = 0; i < count; i += every) {
        const float *x = data->series + data->start[PART_TRAIN][i] * data->features;
        const double last = (double)x[(data->window - 1) * data->features + data->scaler.base];
        for (size_t t = 0; t < data->window; t++) {
            double v = (double)x[t * data->features + f];
            if (data->scaler.kind == SCALER_RELATIVE)
                v = (v - last) / fabs(last);
            pivot = n > 0 ? pivot : v;
            sum += v - pivot;
            square += (v - pivot) * (v - pivot);
            n++;
        }
    }
    return n > 0 && square > sum * sum / n ? sqrt((square - sum * sum / n) / n) : 0;
}

/* Whether a feature is one of the prices of a candle, which keep their order. */
static int is_price(const struct load *load, size_t f)
{
    static const struct list by_name;
    const char *name = load->feature[f]->text;
    return load->data->channels == 1 && !load->feature[f]->function && aggregate_is_known(name) &&
           aggregate_of(&by_name, name) != AGGREGATE_SUM;
}

/* A feature's unit: one standard deviation. Prices of a candle move together, by that of the first
 * of them. */
static void find_units(const struct load *load, struct augmentation *a)
{
    const struct dataset *data = load->data;
    const int by_scaler =
        data->scaler.kind == SCALER_STANDARD || data->scaler.kind == SCALER_WINDOW;
    size_t first = data->features;
    for (size_t f = 0; f < data->features; f++) {
        float *of = &a->feature[COLUMNS * f];
        const int price = is_price(load, f);
        if (price && first == data->features)
            first = f;
        const size_t with = price ? first : f;
        const double ratio = data->scaler.scale[with] / data->scaler.scale[f];
        if (data->channels > 1 || feature_base(load->feature[f])) /* no function of the time */
            of[UNIT] = (float)((by_scaler ? 1 : spread(data, with)) * ratio);
        of[DRAWS_AS] = (float)with;
        of[SIGN] = 1;
        of[OFFSET] = 0;
    }
}

/* --- mirror images */

/* Whose columns are looked at. */
struct columns_of {
    struct load *load;
    int target;
    int failed;
};

/* Whether training rows have values of the column on both sides of 0. */
static int takes_both_signs(struct load *load, const struct feature *column, int target)
{
    int signs = 0;
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        double *x = block_new((input->rows + load->warmup + 1) * sizeof *x);
        for (size_t row = 0; x && row < input->rows; row++)
            x[row] = NAN;
        if (!x || load_compute(load, column, input, target ? &input->target : input->table, x)) {
            block_free(x);
            return x ? -1 : load_no_memory(load);
        }
        for (size_t s = 0; s < input->stretches; s++)
            for (size_t row = input->stretch[s].begin;
                 input->stretch[s].part == PART_TRAIN && row < input->stretch[s].end; row++)
                signs |= x[row] > 0 ? 1 : x[row] < 0 ? 2 : 0;
        block_free(x);
    }
    return signs == 3;
}

static enum mirror_kind kind_of_column(void *ctx, const struct feature *column)
{
    struct columns_of *of = ctx;
    const struct list *rules = &of->load->config->data.aggregate;
    if (aggregate_is_known(column->text) && aggregate_of(rules, column->text) == AGGREGATE_SUM)
        return MIRROR_STAYS;
    const int both = takes_both_signs(of->load, column, of->target);
    of->failed |= both < 0;
    return both > 0 ? MIRROR_TURNS : MIRROR_LEVEL;
}

/* The mirror image of an expression, or why flip cannot be. */
static int find_image(struct load *load, const struct feature *f, int target, struct mirror *image)
{
    struct columns_of of = {load, target && load->target_columns.count, 0};
    const char *what = target ? "target" : "feature";
    char shown[CSV_SHOWN];
    *image = mirror_of(f, kind_of_column, &of);
    if (of.failed)
        return -1;
    csv_show(f->text, shown);
    if (image->kind == MIRROR_LEVEL)
        return refuse(load,
                      "flip: the %s '%s' is a level that never changes its sign and has no mirror "
                      "image; a move such as ret(%s) has one, or leave flip out",
                      what, shown, shown);
    if (image->kind == MIRROR_NONE)
        return refuse(load, "flip: of the %s '%s' no mirror image is known; leave it or flip out",
                      what, shown);
    return 0;
}

static int flip_features(struct load *load, struct augmentation *a)
{
    const struct scaler *scaler = &load->data->scaler;
    if (scaler->kind == SCALER_RELATIVE)
        return refuse(load, "flip: data.scaler = relative uses distances from a price, and a price "
                            "has no mirror image; use another scaler or leave flip out");
    for (size_t f = 0; f < load->data->features; f++) {
        struct mirror image;
        float *of = &a->feature[COLUMNS * f];
        if (find_image(load, load->feature[f], 0, &image))
            return -1;
        if (image.kind == MIRROR_STAYS)
            continue;
        of[SIGN] = -1;
        /* a window that is standardised by itself turns about 0, whatever the centre was */
        if (scaler->kind != SCALER_WINDOW)
            of[OFFSET] = (float)(2 * (image.centre - scaler->offset[f]) / scaler->scale[f]);
    }
    return 0;
}

static int flip_target(struct load *load, struct augmentation *a, size_t k)
{
    struct mirror image;
    char shown[CSV_SHOWN];
    double sum = 0;
    if (find_image(load, load->expression[k], 1, &image))
        return -1;
    if (image.kind == MIRROR_STAYS)
        return 0;
    csv_show(load->expression[k]->text, shown);
    if (transform_mirror(&load->data->transform[k], image.centre, &sum))
        return refuse(load,
                      "flip: the target '%s' turns about %g, which data.target_transform does not "
                      "keep; leave out log and sqrt, make clip symmetric about it, or leave flip "
                      "out",
                      shown, image.centre);
    if (load->config->loss.target == LOSS_BCE && sum != 1)
        return refuse(load,
                      "flip: the target '%s' would lie outside 0..1, which loss.target = bce "
                      "needs; leave flip out",
                      shown);
    a->target[COLUMNS * k + T_SIGN] = -1;
    a->target[COLUMNS * k + T_OFFSET] = (float)sum;
    return 0;
}

/* --- targets and windows that are shifted, stretched or cut */

/* A feature that has a column in common with a target; `following`: one that follows its level.
 * NULL: there is none. */
static const struct feature *related(const struct load *load, const struct feature *target,
                                     int following)
{
    for (size_t f = 0; f < load->features; f++)
        if (mirror_shares(load->feature[f], target) &&
            (!following || mirror_follows(load->feature[f])))
            return load->feature[f];
    return NULL;
}

/* Whether a target looks at moves within the window, not only from its last row on. */
static int looks_into_window(const struct load *load, size_t k)
{
    return load->data->target_first < load->data->window - 1 + feature_warmup(load->expression[k]);
}

/* step and slope: a level that is a feature as well moves with it; another target must not hang on
 * what they shift. */
static int shift_target(struct load *load, struct augmentation *a, size_t k)
{
    const struct dataset *data = load->data;
    const struct feature *target = load->expression[k];
    const char *name = a->step > 0 ? "step" : "slope";
    const int f = mirror_follows(target) ? data->target_feature[k] : -1;
    const int scaler = data->scaler.kind;
    float *of = &a->target[COLUMNS * k];
    const struct feature *feature;
    char shown[CSV_SHOWN], of_feature[CSV_SHOWN];
    double gain;
    csv_show(target->text, shown);
    if (load->target_columns.count)
        return refuse(load,
                      "%s: data.target_source holds what answers to the rows as they are, '%s' "
                      "too; leave %s out",
                      name, shown, name);
    if (f < 0 && related(load, target, 0) && mirror_follows(target))
        return refuse(load,
                      "%s: the target '%s' is a level, and the features of its column are shifted; "
                      "make it a feature as well, which it then moves with, or leave %s out",
                      name, shown, name);
    if (f < 0 && related(load, target, 0) && looks_into_window(load, k))
        return refuse(load,
                      "%s: the target '%s' looks at rows within the window, which are shifted; a "
                      "longer data.horizon or a target that looks back less helps, or leave %s out",
                      name, shown, name);
    if (f < 0 && (feature = related(load, target, 1)))
        return refuse(load,
                      "%s: the feature '%s' is a level that is shifted, and the target '%s' begins "
                      "from it; take moves such as ret(x) for features, or leave %s out",
                      name, csv_show(feature->text, of_feature), shown, name);
    if (f < 0)
        return 0;
    if (scaler == SCALER_WINDOW || scaler == SCALER_RELATIVE ||
        transform_gain(&data->transform[k], &gain) || load->config->loss.target == LOSS_BCE)
        return refuse(load,
                      "%s: the target '%s' moves with its feature, which needs a data.scaler that "
                      "is fitted once (standard, minmax, robust, none), data.target_transform of "
                      "none, standard or scale, and no bce; or leave %s out",
                      name, shown, name);
    of[T_MOVE] =
        (float)(gain * data->scaler.scale[f] * (double)a->feature[COLUMNS * (size_t)f + UNIT]);
    of[T_WITH] = a->feature[COLUMNS * (size_t)f + DRAWS_AS];
    return 0;
}

/* crop and warp: the last row stays; a target must not look at the others. */
static int stretch_target(struct load *load, const struct augmentation *a, size_t k)
{
    const char *name = a->crop ? "crop" : "warp";
    char shown[CSV_SHOWN];
    csv_show(load->expression[k]->text, shown);
    if (load->data->target_first + load->data->target_rows <= load->data->window)
        return refuse(load,
                      "%s: data.target_rows = window has a target for each row, and none for a row "
                      "between two; leave %s out",
                      name, name);
    if (looks_into_window(load, k) && related(load, load->expression[k], 0))
        return refuse(load,
                      "%s: the target '%s' looks at rows within the window, which are moved; a "
                      "longer data.horizon or a target that looks back less helps, or leave %s out",
                      name, shown, name);
    return 0;
}

static int fit_targets(struct load *load, struct augmentation *a)
{
    struct dataset *data = load->data;
    const int shifts = a->step > 0 || a->slope > 0;
    int changes = 0;
    if (!(a->target = calloc(COLUMNS * data->targets + 1, sizeof *a->target)))
        return load_no_memory(load);
    for (size_t k = 0; k < data->targets; k++) {
        a->target[COLUMNS * k + T_SIGN] = 1;
        if ((shifts && shift_target(load, a, k)) ||
            ((a->crop || a->warp > 0) && stretch_target(load, a, k)) ||
            (a->flip > 0 && flip_target(load, a, k)))
            return -1;
        const float *of = &a->target[COLUMNS * k];
        const int moved = of[T_SIGN] < 0 || of[T_MOVE] != 0;
        changes |= moved;
        if (moved && !k && load->config->data.balance == BALANCE_WEIGHT)
            return refuse(load, "data.balance = weight gives a weight to the bin of each target, "
                                "but this target changes with its window and may move to another "
                                "bin; use balance = select, or leave flip, step and slope out");
    }
    if (!changes) {
        free(a->target);
        a->target = NULL;
    }
    return 0;
}

/* --- which windows */

/* Marks the training windows in whose last row data.augment_where is fulfilled. */
static int mark(struct load *load, struct augmentation *a)
{
    struct dataset *data = load->data;
    a->windows = data->count[PART_TRAIN];
    if (!load->augment_where)
        return 0;
    unsigned char **met = calloc(load->inputs + 1, sizeof *met);
    a->flag = block_zeros((data->rows + 1) * sizeof *a->flag);
    int failed = !met || !a->flag ? load_no_memory(load) : 0;
    for (size_t i = 0; i < load->inputs && !failed; i++)
        failed = parts_meet(load, load->augment_where, &load->input[i], &met[i]);
    a->windows = 0;
    for (size_t i = 0; i < data->count[PART_TRAIN] && !failed; i++) {
        const size_t start = data->start[PART_TRAIN][i], s = load_series(load, start);
        const size_t last = start + data->window - 1 - data->file[s].begin;
        const int is = met[s / data->channels][last];
        a->flag[start] = is ? 1 : 0;
        a->windows += (size_t)is;
    }
    for (size_t i = 0; met && i < load->inputs; i++)
        block_free(met[i]);
    free(met);
    return failed;
}

static void tell(struct load *load, const struct augmentation *a)
{
    const size_t count = load->data->count[PART_TRAIN];
    if (!a->windows)
        log_warn(load->log, "no training window meets data.augment_where: no window is changed");
    log_say(load->log, "data: augmented: %zu of %zu training windows", a->windows, count);
    json_object_set_new(
        load->told, "augmented",
        json_pack("{s:I, s:I}", "windows", (json_int_t)a->windows, "of", (json_int_t)count));
}

/* --- all of it */

/* What does not hang on the values of the data. */
static int check(struct load *load, const struct augmentation *a)
{
    const size_t window = load->data->window;
    const int shifts = a->step > 0 || a->slope > 0;
    if (a->noise > 0 && load->config->data.noise > 0)
        return refuse(load, "noise: data.noise adds noise to each window already; set data.noise = "
                            "0 or leave noise out");
    if (load->data->channels > 1 && (shifts || a->flip > 0))
        return refuse(load, "with data.channels = apart each channel has a unit and a target of "
                            "its own; leave step, slope and flip out");
    if ((shifts && window < 2) || (a->warp > 0 && window < 3))
        return refuse(load, "step, slope and warp need a longer data.window");
    if (a->crop && a->crop + 2 > window)
        return refuse(load, "crop: of data.window = %zu rows 2 must be left; crop(%zu) is too much",
                      window, a->crop);
    return 0;
}

int augment_windows(struct load *load, int fitted)
{
    struct dataset *data = load->data;
    struct augmentation *a = calloc(1, sizeof *a);
    if (!a)
        return load_no_memory(load);
    const int asked = augment_parse(a, &load->config->data.augment, load->err);
    if (asked < 0)
        error_prefix(load->err, "[data] augment");
    if (asked <= 0 || load->whole || fitted || !data->count[PART_TRAIN]) {
        augment_free(a);
        return asked < 0 ? -1 : 0;
    }
    data->augment = a;
    a->keeps_end = data->targets > 0;
    if (check(load, a))
        return -1;
    if (!(a->feature = calloc(COLUMNS * data->features, sizeof *a->feature)))
        return load_no_memory(load);
    find_units(load, a);
    if ((a->flip > 0 && flip_features(load, a)) || (data->targets && fit_targets(load, a)) ||
        mark(load, a))
        return -1;
    tell(load, a);
    return 0;
}
