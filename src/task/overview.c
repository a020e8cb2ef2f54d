/* SPDX-License-Identifier: MIT */
#include "task/overview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/distribution.h"
#include "analysis/normality.h"
#include "data/augment.h"
#include "data/table.h"
#include "plots/plots.h"
#include "task/column.h"
#include "task/label.h"
#include "task/target_sample.h"
#include "train/augmented.h"
#include "util/file.h"

static const char *const part_name[PARTS] = {"training", "validation", "test"};

#define SAMPLE 200000 /* target values of a part that are looked at */

/* Feature f of a row in the unit of the file. */
static double feature_value(const struct dataset *data, size_t row, size_t series, size_t f)
{
    size_t at = (data->channels > 1 ? data->file[series].channel : 0) * data->features + f;
    double offset = data->scaler.offset[at];
    double x = (double)data->series[row * data->features + f] * data->scaler.scale[at] + offset;
    return fabs(x) < 1e-6 * fabs(offset) ? 0 : x; /* what single precision leaves of 0 */
}

/* What moves: the first target's column, else the first feature. */
static double moving(const struct dataset *data, size_t row, size_t series)
{
    return data->targets ? data->target_base[row * data->targets]
                         : feature_value(data, row, series, 0);
}

/* The part of each row that a window of it covers, PARTS for none; NULL: memory. */
static unsigned char *cover(const struct dataset *data)
{
    unsigned char *of = malloc(data->rows + 1);
    if (!of)
        return NULL;
    memset(of, PARTS, data->rows);
    for (int part = PARTS - 1; part >= 0; part--) {
        size_t length = part && data->eval_window ? data->eval_window : data->window;
        for (size_t w = 0, done = 0; w < data->count[part]; w++) {
            size_t row = data->start[part][w], end = row + length;
            for (row = row < done ? done : row; row < end; row++)
                of[row] = (unsigned char)part;
            done = end;
        }
    }
    return of;
}

/* Rows of a series in each part, and the deviation of its returns there (of its differences where
 * a value is not above 0). */
static void measure_series(const struct dataset *data, const unsigned char *part_of, size_t series,
                           double rows[PARTS], double volatility[PARTS], int returns)
{
    double mean[PARTS] = {0}, spread[PARTS] = {0}, moves[PARTS] = {0};
    const struct series *s = &data->file[series];
    for (int part = 0; part < PARTS; part++)
        rows[part] = 0;
    for (size_t row = s->begin; row < s->end; row++) {
        unsigned part = part_of[row];
        if (part == PARTS)
            continue;
        rows[part]++;
        if (row == s->begin || part_of[row - 1] != part)
            continue;
        double x = moving(data, row - 1, series), move = moving(data, row, series) - x;
        if (returns)
            move /= x;
        double step = move - mean[part];
        mean[part] += step / ++moves[part]; /* Welford 1962 */
        spread[part] += step * (move - mean[part]);
    }
    for (int part = 0; part < PARTS; part++)
        volatility[part] = moves[part] > 1 ? sqrt(spread[part] / moves[part]) : NAN;
}

static void print_rows(const struct dataset *data)
{
    printf("\n%-36s %9s %9s %9s  %s\n", "series, as in its file", "rows", "repeated", "gaps",
           "longest");
    for (size_t s = 0; s < data->files; s += data->channels) {
        const struct file_rows *file = &data->file[s].file;
        char longest[TABLE_TIME] = "";
        if (file->gaps)
            table_duration(file->longest, longest);
        column_name(data->file[s].name, 36);
        printf(" %9zu %9zu ", file->rows, file->repeated);
        data->time ? printf("%9zu  %s\n", file->gaps, longest) : printf("%9s\n", "-");
    }
}

static int all_positive(const struct dataset *data, const unsigned char *part_of)
{
    for (size_t s = 0; s < data->files; s++)
        for (size_t row = data->file[s].begin; row < data->file[s].end; row++)
            if (part_of[row] != PARTS && !(moving(data, row, s) > 0))
                return 0;
    return 1;
}

/* Two lines: range and quartiles; below the deviation and what else there is. */
static void print_distribution(const char *what, const struct distribution *d)
{
    double x[] = {d->min, d->quantile[3], d->quantile[4], d->quantile[5], d->max, d->sd};
    int scientific = 0;
    for (size_t i = 0; i < 6; i++) {
        if (fabs(x[i]) < 1e-14 * fmax(fabs(d->min), fabs(d->max)))
            x[i] = 0; /* the rounding of a sine's 0 */
        scientific |= column_is_long(x[i]);
    }
    column_name(what, 20);
    printf(" %7zu", d->count);
    for (size_t i = 0; i < 5; i++)
        printf(" %9s", column_figure(x[i], scientific).text);
    printf("\n%28s %9s %9.2f %9.2f %9zu\n", "", column_figure(x[5], scientific).text, d->skew,
           d->kurtosis, d->low + d->high);
}

static void print_heading(const char *what)
{
    printf("\n");
    column_name(what, 20);
    printf(" %7s %9s %9s %9s %9s %9s\n%28s %9s %9s %9s %9s\n", "values", "minimum", "quartile",
           "median", "quartile", "maximum", "", "deviation", "skew", "kurtosis", "outliers");
}

/* The columns that are features: with channels apart each of them is a series' only feature. */
static size_t columns_of(const struct dataset *data)
{
    return data->channels > 1 ? data->channels : data->features;
}

static void column_label(char *to, size_t size, const struct dataset *data, size_t f)
{
    if (data->channels > 1)
        label_channel(to, size, data, f);
    else
        snprintf(to, size, "%s", data->names[f]);
}

/* Ranges of the columns over training rows; range [columns, 5] as the picture takes them. */
static int print_features(const struct dataset *data, const unsigned char *part_of, double *range,
                          struct error *err)
{
    double *x = malloc((data->rows + 1) * sizeof *x);
    if (!x)
        return error_set(err, STATUS_FAILED, "out of memory");
    print_heading("feature, training rows");
    int failed = 0;
    for (size_t f = 0; f < columns_of(data) && !failed; f++) {
        struct distribution d;
        size_t n = 0;
        for (size_t s = 0; s < data->files; s++)
            for (size_t row = data->file[s].begin; row < data->file[s].end; row++)
                if (part_of[row] == PART_TRAIN &&
                    (data->channels == 1 || data->file[s].channel == f))
                    x[n++] = feature_value(data, row, s, data->channels == 1 ? f : 0);
        failed = distribution_of(&d, x, n, 3, err);
        if (failed)
            break;
        char name[160];
        column_label(name, sizeof name, data, f);
        print_distribution(name, &d);
        memcpy(range + 5 * f, (double[]){d.min, d.quantile[3], d.quantile[4], d.quantile[5], d.max},
               5 * sizeof *range);
    }
    free(x);
    return failed;
}

/* A change in relation to what was before. */
static int is_return(const char *name)
{
    static const char *const functions[] = {"ret(", "roc(", "logret(", "logroc("};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (!strncasecmp(name, functions[i], strlen(functions[i])))
            return 1;
    return 0;
}

static int print_targets(const struct dataset *data, struct error *err)
{
    double *x = malloc((SAMPLE + 1) * sizeof *x), share[DISTRIBUTION_BANDS];
    if (!x)
        return error_set(err, STATUS_FAILED, "out of memory");
    int failed = 0;
    for (size_t t = 0; t < data->channels * data->targets && !failed; t++) {
        char name[160];
        label_target(name, sizeof name, data, t);
        print_heading(name);
        for (enum part part = 0; part < PARTS && !failed; part++) {
            struct distribution d;
            size_t n;
            failed = target_sample(data, part, t, SAMPLE, x, NULL, &n, err) ||
                     (n && distribution_of(&d, x, n, 3, err));
            if (failed || !n)
                continue;
            print_distribution(part_name[part], &d);
            double w, p;
            if (shapiro_wilk(x, n, &w, &p) == SHAPIRO_NO_MEMORY) {
                failed = error_set(err, STATUS_FAILED, "out of memory");
                continue;
            }
            if (!isnan(w))
                printf("    Shapiro-Wilk W %.4f, p %.3g\n", w, p);
            distribution_bands(x, n, share);
            for (int band = 0;
                 band < DISTRIBUTION_BANDS && is_return(data->target_names[t % data->targets]);
                 band++)
                if (share[band] > 0)
                    printf("    %-14s %7.3f%%\n", distribution_band[band], 100 * share[band]);
        }
    }
    free(x);
    return failed;
}

static char *picture(const struct config *config, const char *name, struct error *err)
{
    char *path = file_join(config->run.output, name);
    if (!path)
        error_set(err, STATUS_FAILED, "out of memory");
    return path;
}

/* The overview; rows and volatility [files, PARTS], range [columns, 5]. */
static int draw(const struct config *config, const struct dataset *data, double *rows,
                double *volatility, const double *range, int returns, struct error *err)
{
    const struct plot_about about = {config->run.name, "seqtrain " PACKAGE_VERSION, 0};
    char **name = calloc(data->files + columns_of(data) + 1, sizeof *name), target[160] = "";
    char(*label)[160] = calloc(data->files + columns_of(data) + 1, sizeof *label);
    double *x = data->targets ? malloc(PARTS * SAMPLE * sizeof *x) : NULL;
    char *path = picture(config, "data_overview.png", err);
    struct plot_overview plot = {.series = data->files,
                                 .series_name = name,
                                 .rows = rows,
                                 .volatility = volatility,
                                 .volatility_name =
                                     returns ? "deviation of returns" : "deviation of differences",
                                 .target = data->targets ? target : NULL,
                                 .features = columns_of(data),
                                 .feature_name = name ? name + data->files : NULL,
                                 .range = range};
    int failed = !path;
    if (path && (!name || !label || (data->targets && !x)))
        failed = error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < data->files + columns_of(data); i++) {
        name[i] = label[i];
        if (i < data->files)
            label_series(label[i], sizeof *label, data, i);
        else
            column_label(label[i], sizeof *label, data, i - data->files);
    }
    if (!failed && data->targets)
        label_target(target, sizeof target, data, 0);
    for (enum part part = 0; !failed && x && part < PARTS; part++) {
        double *to = x + (size_t)part * SAMPLE;
        failed = target_sample(data, part, 0, SAMPLE, to, NULL, &plot.target_count[part], err);
        plot.target_values[part] = to;
    }
    if (!failed)
        failed = plot_data_overview(path, &about, &plot, err);
    if (!failed)
        printf("\n%s\n", path);
    free(path);
    free(name);
    free(label);
    free(x);
    return failed ? -1 : 0;
}

/* --- augmentation */

enum { SHOWN = 3 }; /* windows */

/* Some of the training windows that are augmented, evenly spaced; how many. */
static size_t choose_windows(const struct dataset *data, uint32_t start[SHOWN])
{
    const struct augmentation *a = data->augment;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < data->count[PART_TRAIN] && n < SHOWN; i++) {
        const uint32_t s = data->start[PART_TRAIN][i];
        if (a->flag && a->flag[s] == 0)
            continue;
        if (at++ == (2 * n + 1) * a->windows / (2 * SHOWN))
            start[n++] = s;
    }
    return n;
}

static int draw_windows(const struct config *config, const struct dataset *data,
                        struct session *session, struct error *err)
{
    const struct plot_about about = {config->run.name, "seqtrain " PACKAGE_VERSION, 0};
    const size_t elems = data->window * data->features;
    uint32_t start[SHOWN];
    char titles[SHOWN][64], *title[SHOWN], what[160];
    const size_t n = choose_windows(data, start);
    float *x = malloc((1 + PLOT_DRAWS) * n * elems * sizeof *x);
    char *path = x ? picture(config, "augmentation.png", err) : NULL;
    int failed = path ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < n; i++) {
        label_row(titles[i], sizeof titles[i], data, start[i]);
        title[i] = titles[i];
    }
    snprintf(what, sizeof what,
             "%zu of %zu training windows; %zu of them, as they are and in epochs 1, 2 and 3",
             data->augment->windows, data->count[PART_TRAIN], n);
    failed = failed ||
             augmented_windows(session, config, data, start, n, PLOT_DRAWS, x, x + n * elems, err);
    failed = failed ||
             plot_augmentation(path, &about,
                               &(struct plot_augmentation){n, data->window, data->features, x,
                                                           x + n * elems, data->names, title, what},
                               err);
    if (!failed)
        printf("%s\n", path);
    free(path);
    free(x);
    return failed ? -1 : 0;
}

/* What data.augment makes of some windows, where a device is there to do it. */
static int draw_augmentation(const struct config *config, const struct dataset *data,
                             struct error *err)
{
    const struct session_options nothing = {0};
    if (!data->augment || !data->augment->windows)
        return 0;
    struct session *session = session_open(config, &nothing, err);
    if (!session) {
        printf("no picture of data.augment: %s\n", err->text);
        return 0;
    }
    const int failed = draw_windows(config, data, session, err);
    session_close(session);
    return failed;
}

int overview_report(const struct config *config, const struct dataset *data, struct error *err)
{
    unsigned char *part_of = cover(data);
    double *rows = calloc(2 * data->files * PARTS + 1, sizeof *rows);
    double *volatility = rows ? rows + data->files * PARTS : NULL;
    double *range = calloc(columns_of(data) * 5, sizeof *range);
    int failed = part_of && rows && range ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    int returns = !failed && all_positive(data, part_of);
    if (!failed)
        printf("\n%-22s %-26s %s\n%-22s %8s %8s %8s %9s %9s %9s\n", "", "rows",
               returns ? "deviation of returns" : "deviation of differences", "series", "training",
               "valid.", "test", "training", "valid.", "test");
    for (size_t s = 0; !failed && s < data->files; s++) {
        double *r = rows + s * PARTS, *v = volatility + s * PARTS;
        measure_series(data, part_of, s, r, v, returns);
        column_name(data->file[s].name, 22);
        printf(" %8.0f %8.0f %8.0f %9s %9s %9s\n", r[0], r[1], r[2], column_figure(v[0], 0).text,
               column_figure(v[1], 0).text, column_figure(v[2], 0).text);
    }
    if (!failed)
        print_rows(data);
    failed = failed || print_features(data, part_of, range, err) ||
             (data->targets && print_targets(data, err)) || file_mkdir(config->run.output, err) ||
             draw(config, data, rows, volatility, range, returns, err);
    if (!failed && data->targets) {
        const struct plot_about about = {config->run.name, "seqtrain " PACKAGE_VERSION, 0};
        char *path = picture(config, "target_distribution.png", err);
        failed = !path || target_sample_draw(data, config, path, &about, err);
        if (!failed)
            printf("%s\n", path);
        free(path);
    }
    failed = failed || draw_augmentation(config, data, err);
    free(part_of);
    free(rows);
    free(range);
    return failed || file_flush(stdout, "standard output", err) ? -1 : 0;
}
