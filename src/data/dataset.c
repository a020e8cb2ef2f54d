#include "data/dataset.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv.h"
#include "data/features.h"
#include "data/scaler.h"
#include "data/split.h"
#include "data/table.h"

static const char *const part_names[PARTS] = {"training part", "validation part", "test part"};

/* Everything that a load needs and leaves behind, and what it tells. */
struct load {
    const struct config *config;
    const char *path;
    int whole; /* no split: every window, for encode and predict */
    struct log *log;
    struct error *err;
    struct feature **feature; /* [config->data.features.count] */
    size_t features;
    char **column; /* [columns] that the features need; the names are the features' */
    size_t columns;
    struct table *table;
    struct run *run;  /* [runs] of the table's rows; after cut_warmup() also where they go to */
    struct run *kept; /* [runs] of the dataset's rows */
    size_t runs, warmup;
    struct dataset *data;
    json_t *told;
};

static int no_memory(struct load *load)
{
    return error_set(load->err, STATUS_INPUT, "%s: out of memory", load->path);
}

static void tell_count(struct load *load, const char *key, size_t count)
{
    json_object_set_new(load->told, key, json_integer((json_int_t)count));
}

static void tell_text(struct load *load, const char *key, const char *text)
{
    json_object_set_new(load->told, key, json_string(text));
}

/* The expressions of the configuration, and the columns that they need. */
static int parse_features(struct load *load)
{
    const struct list *list = &load->config->data.features;
    load->feature = calloc(list->count + 1, sizeof *load->feature);
    if (!load->feature)
        return no_memory(load);
    for (; load->features < list->count; load->features++) {
        struct feature *feature = feature_parse(list->item[load->features], load->err);
        if (!feature)
            return error_prefix(load->err, "[data] features");
        load->feature[load->features] = feature;
        if (feature_columns(feature, &load->column, &load->columns)) {
            load->features++;
            return no_memory(load);
        }
        size_t warmup = feature_warmup(feature);
        load->warmup = warmup > load->warmup ? warmup : load->warmup;
    }
    return load->features ? 0
                          : error_set(load->err, STATUS_USAGE, "[data] features: none is given");
}

static void tell_time(struct load *load)
{
    static const char *const formats[] = {"none", "milliseconds", "seconds", "ISO 8601"};
    const struct table *table = load->table;
    char first[TABLE_TIME], last[TABLE_TIME], apart[TABLE_TIME];
    tell_count(load, "rows", table->rows);
    tell_count(load, "columns", table->columns);
    if (!table->time) {
        log_say(load->log, "data: %s: %zu rows, without time", load->path, table->rows);
        return;
    }
    int64_t step = table_step(table);
    table_time(table->time[0], first);
    table_time(table->time[table->rows - 1], last);
    log_say(load->log, "data: %s: %zu rows, %s to %s, %s%s (time in %s)", load->path, table->rows,
            first, last, step ? "every " : "at no regular distance",
            step ? table_duration(step, apart) : "", formats[table->format]);
    tell_text(load, "time_format", formats[table->format]);
    tell_text(load, "time_first", first);
    tell_text(load, "time_last", last);
    json_object_set_new(load->told, "step_ms", step ? json_integer(step) : json_null());
}

/* Cuts the table's rows at holes in time. */
static int find_runs(struct load *load)
{
    int64_t gap = load->config->data.gap, longest = 0;
    const struct table *table = load->table;
    char shown[TABLE_TIME], limit[TABLE_TIME];
    load->run = table_runs(table, gap, &load->runs);
    if (!load->run)
        return no_memory(load);
    if (!gap)
        return 0;
    for (size_t i = 1; i < load->runs; i++) {
        int64_t hole = table->time[load->run[i].begin] - table->time[load->run[i].begin - 1];
        longest = hole > longest ? hole : longest;
    }
    log_say(load->log, "data: %zu hole%s in time longer than %s%s%s", load->runs - 1,
            load->runs == 2 ? "" : "s", table_duration(gap, limit), longest ? ", the longest " : "",
            longest ? table_duration(longest, shown) : "");
    json_object_set_new(load->told, "gap_ms", json_integer(gap));
    tell_count(load, "holes", load->runs - 1);
    json_object_set_new(load->told, "longest_hole_ms", json_integer(longest));
    return 0;
}

static int resample(struct load *load)
{
    int64_t length = load->config->data.resample, step = table_step(load->table);
    struct resampling told;
    char shown[TABLE_TIME], apart[TABLE_TIME];
    if (!length)
        return 0;
    if (table_resample(load->table, length, load->run, &load->runs, &told, load->err))
        return -1;
    table_duration(length, shown);
    log_say(load->log,
            "data: resampled to %s: %zu rows became %zu candles; %zu incomplete ones at the ends "
            "left out, %zu with missing rows kept",
            shown, told.rows, load->table->rows, told.cut, told.partial);
    if (step && length % step)
        log_warn(load->log, "%s: candles of %s do not hold a whole number of rows of %s",
                 load->path, shown, table_duration(step, apart));
    json_object_set_new(load->told, "resample_ms", json_integer(length));
    tell_count(load, "candles", load->table->rows);
    tell_count(load, "candles_left_out", told.cut);
    tell_count(load, "candles_with_missing_rows", told.partial);
    return 0;
}

static int read_table(struct load *load)
{
    const struct config *config = load->config;
    int timed = *config->data.time != 0;
    if (config->data.resample && !timed)
        return error_set(load->err, STATUS_USAGE, "[data] resample: needs data.time");
    if (config->data.gap && !timed)
        return error_set(load->err, STATUS_USAGE, "[data] gap: needs data.time");
    load->table = table_read(load->path, config->data.time, load->column, load->columns, load->log,
                             load->err);
    if (!load->table)
        return -1;
    tell_time(load);
    return find_runs(load) || resample(load) ? -1 : 0;
}

/* Leaves the first rows of each run out, where some feature has no value yet. */
static int cut_warmup(struct load *load)
{
    size_t rows = 0, runs = 0;
    load->kept = malloc((load->runs + 1) * sizeof *load->kept);
    if (!load->kept)
        return no_memory(load);
    for (size_t i = 0; i < load->runs; i++) {
        size_t length = load->run[i].end - load->run[i].begin;
        if (length <= load->warmup)
            continue;
        load->run[runs] = load->run[i];
        load->kept[runs++] = (struct run){rows, rows + length - load->warmup};
        rows += length - load->warmup;
    }
    if (load->warmup)
        log_say(load->log,
                "data: %zu rows left out while features warm up (%zu in each of %zu run%s)",
                load->table->rows - rows, load->warmup, load->runs, load->runs == 1 ? "" : "s");
    tell_count(load, "warmup_rows", load->table->rows - rows);
    load->runs = runs;
    load->data->rows = rows;
    if (rows > UINT32_MAX)
        return error_set(load->err, STATUS_INPUT, "%s: more than %u rows", load->path, UINT32_MAX);
    return 0;
}

/* A part that has a share must hold a window. */
static int check_parts(struct load *load)
{
    const struct dataset *data = load->data;
    const double share[PARTS] = {1, load->config->data.validation, load->config->data.test};
    size_t longest = 0;
    for (size_t i = 0; i < load->runs; i++) {
        size_t length = load->kept[i].end - load->kept[i].begin;
        longest = length > longest ? length : longest;
    }
    for (enum part part = 0; part < PARTS; part++) {
        int needed = load->whole ? part == PART_TEST : share[part] > 0;
        if (!needed || data->count[part])
            continue;
        return error_set(load->err, STATUS_INPUT,
                         "%s: too few rows: no window of %zu fits into the %s (%zu usable rows, "
                         "at most %zu without a hole)",
                         load->path, data->window, load->whole ? "file" : part_names[part],
                         data->rows, longest);
    }
    return 0;
}

static void tell_windows(struct load *load, const struct split_told *told)
{
    const struct config *config = load->config;
    const size_t *count = load->data->count;
    tell_count(load, "rows_used", load->data->rows);
    json_object_set_new(load->told, "windows",
                        json_pack("{s:I, s:I, s:I}", "training", (json_int_t)count[PART_TRAIN],
                                  "validation", (json_int_t)count[PART_VALIDATION], "test",
                                  (json_int_t)count[PART_TEST]));
    json_object_set_new(load->told, "windows_dropped",
                        json_pack("{s:I, s:I}", "holes", (json_int_t)told->at_runs, "parts",
                                  (json_int_t)told->at_parts));
    log_say(load->log,
            "data: %zu usable rows; windows of %zu: %zu training, %zu validation, %zu test; "
            "%zu dropped at holes, %zu between parts",
            load->data->rows, load->data->window, count[PART_TRAIN], count[PART_VALIDATION],
            count[PART_TEST], told->at_runs, told->at_parts);
    if (load->whole)
        return;
    tell_text(load, "split", config_choice("data", "split", config->data.split));
    if (told->blocks)
        tell_count(load, "split_blocks", told->blocks);
    if (config->data.split == SPLIT_SHUFFLED_WINDOWS && config->data.stride < config->data.window)
        log_warn(load->log,
                 "data.split = shuffled_windows deals windows that share rows to different parts: "
                 "validation and test figures look better than they are");
}

static int find_windows(struct load *load)
{
    const struct config *config = load->config;
    struct dataset *data = load->data;
    long block = config->data.split_block;
    struct split split = {
        .kind = load->whole ? SPLIT_CHRONOLOGICAL : config->data.split,
        .rows = data->rows,
        .window = data->window,
        .stride = (size_t)config->data.stride,
        .block = block < 0 ? 20 * data->window : (size_t)block,
        .validation = load->whole ? 0 : config->data.validation,
        .test = load->whole ? 0 : config->data.test,
        .seed = (uint64_t)config->run.seed,
    };
    struct split_told told;
    if (split_windows(&split, load->kept, load->runs, data->start, data->count, &told, load->err)) {
        if (load->err->status == STATUS_INPUT)
            error_prefix(load->err, "%s", load->path);
        return -1;
    }
    if (load->whole) {
        uint32_t *none = data->start[PART_TEST];
        data->start[PART_TEST] = data->start[PART_TRAIN];
        data->count[PART_TEST] = data->count[PART_TRAIN];
        data->start[PART_TRAIN] = none;
        data->count[PART_TRAIN] = 0;
    }
    tell_windows(load, &told);
    return check_parts(load);
}

/* Values of one feature at the dataset's rows; x has room for warmup rows more. */
static int compute(struct load *load, size_t feature, double *x)
{
    for (size_t i = 0; i < load->runs; i++) {
        double *to = x + load->kept[i].begin;
        if (feature_compute(load->feature[feature], load->table, load->run[i], to, load->err))
            return -1;
        memmove(to, to + load->warmup, (load->kept[i].end - load->kept[i].begin) * sizeof *to);
    }
    return 0;
}

/* Copies the rows that training windows cover, each once, if `to` is given; returns how many. */
static size_t training_rows(const struct dataset *data, const double *x, double *to)
{
    size_t count = 0, done = 0;
    for (size_t i = 0; i < data->count[PART_TRAIN]; i++) {
        size_t row = data->start[PART_TRAIN][i], end = row + data->window;
        row = row < done ? done : row;
        if (to)
            memcpy(to + count, x + row, (end - row) * sizeof *to);
        count += end - row;
        done = end;
    }
    return count;
}

static int fit(struct load *load, size_t feature, double *x, size_t count)
{
    struct dataset *data = load->data;
    char shown[CSV_SHOWN];
    csv_show(data->names[feature], shown);
    enum scaler_fit fitted = scaler_fit(&data->scaler, feature, x, count);
    if (fitted == SCALER_TOO_WIDE)
        return error_set(load->err, STATUS_INPUT,
                         "%s: feature '%s': its values lie too far apart to be scaled", load->path,
                         shown);
    if (fitted == SCALER_CONSTANT)
        log_warn(load->log, "feature '%s' %s in the training part; its scale is set to 1", shown,
                 data->scaler.kind == SCALER_ROBUST ? "has equal quartiles" : "is constant");
    return 0;
}

/* The table's row that became a row of the dataset. */
static size_t source_row(const struct load *load, size_t row)
{
    size_t i = 0;
    while (load->kept[i].end <= row)
        i++;
    return load->run[i].begin + load->warmup + (row - load->kept[i].begin);
}

/* One feature, scaled, into the series. */
static int store(struct load *load, size_t feature, const double *x)
{
    struct dataset *data = load->data;
    double offset = data->scaler.offset[feature], scale = data->scaler.scale[feature];
    for (size_t row = 0; row < data->rows; row++) {
        float value = (float)((x[row] - offset) / scale);
        data->series[row * data->features + feature] = value;
        if (!isfinite(value)) {
            char where[TABLE_WHERE], shown[CSV_SHOWN];
            return error_set(
                load->err, STATUS_INPUT, "%s: feature '%s': %g is too large for single precision%s",
                table_where(load->table, source_row(load, row), where),
                csv_show(data->names[feature], shown), x[row], scale != 1 ? " when scaled" : "");
        }
    }
    return 0;
}

/* Computes, fits and stores the features one after the other. */
static int fill_series(struct load *load, int fitting)
{
    struct dataset *data = load->data;
    size_t samples = fitting ? training_rows(data, NULL, NULL) : 0;
    if (data->rows > SIZE_MAX / sizeof(float) / data->features)
        return no_memory(load);
    data->series = malloc((data->rows * data->features) * sizeof *data->series);
    double *x = malloc((data->rows + load->warmup) * sizeof *x);
    double *sample = malloc((samples + 1) * sizeof *sample);
    int result = data->series && x && sample ? 0 : no_memory(load);
    for (size_t i = 0; i < data->features && !result; i++) {
        result = compute(load, i, x);
        if (!result && fitting) {
            training_rows(data, x, sample);
            result = fit(load, i, sample, samples);
        }
        if (!result)
            result = store(load, i, x);
    }
    free(sample);
    free(x);
    return result;
}

static int copy_names(struct load *load)
{
    struct dataset *data = load->data;
    json_t *list = json_array();
    data->names = calloc(load->features + 1, sizeof *data->names);
    for (; data->names && data->features < load->features; data->features++) {
        if (!(data->names[data->features] = strdup(load->feature[data->features]->text)))
            break;
        json_array_append_new(list, json_string(data->names[data->features]));
    }
    json_object_set_new(load->told, "features", list);
    return data->features == load->features ? 0 : no_memory(load);
}

static int copy_times(struct load *load)
{
    struct dataset *data = load->data;
    if (!load->table->time)
        return 0;
    data->time = malloc(data->rows * sizeof *data->time);
    if (!data->time)
        return no_memory(load);
    for (size_t i = 0; i < load->runs; i++)
        memcpy(data->time + load->kept[i].begin,
               load->table->time + load->run[i].begin + load->warmup,
               (load->kept[i].end - load->kept[i].begin) * sizeof *data->time);
    return 0;
}

/* A scaler that was fitted before, or room for one that is to be. */
static int prepare_scaler(struct load *load, const struct fitted *fitted, int *fitting)
{
    int kind = load->config->data.scaler;
    int plain = kind == SCALER_NONE || kind == SCALER_WINDOW;
    *fitting = !fitted && !plain;
    if (fitted && fitted->scaler.features != load->features)
        return error_set(load->err, STATUS_INPUT,
                         "the checkpoint's scaler has %zu features, data.features %zu",
                         fitted->scaler.features, load->features);
    if (load->whole && *fitting)
        return error_set(load->err, STATUS_INPUT,
                         "%s: data.scaler = %s needs a checkpoint's scaler", load->path,
                         config_choice("data", "scaler", kind));
    if (fitted ? scaler_copy(&load->data->scaler, &fitted->scaler)
               : scaler_init(&load->data->scaler, kind, load->features))
        return no_memory(load);
    tell_text(load, "scaler", config_choice("data", "scaler", load->data->scaler.kind));
    return 0;
}

static int run_load(struct load *load, const struct fitted *fitted)
{
    int fitting;
    load->data->window = (size_t)load->config->data.window;
    tell_text(load, "file", load->path);
    if (parse_features(load) || copy_names(load) || prepare_scaler(load, fitted, &fitting) ||
        read_table(load) || cut_warmup(load) || find_windows(load) || fill_series(load, fitting) ||
        copy_times(load))
        return -1;
    log_event(load->log, "data", json_incref(load->told));
    return 0;
}

static struct dataset *begin_load(struct load *load, const struct fitted *fitted)
{
    load->data = calloc(1, sizeof *load->data);
    load->told = json_object();
    int result = load->data && load->told ? run_load(load, fitted) : no_memory(load);
    for (size_t i = 0; i < load->features; i++)
        feature_free(load->feature[i]);
    free(load->feature);
    free(load->column);
    table_free(load->table);
    free(load->run);
    free(load->kept);
    json_decref(load->told);
    if (!result)
        return load->data;
    dataset_free(load->data);
    return NULL;
}

struct dataset *dataset_load(const struct config *config, const struct fitted *fitted,
                             struct log *log, struct error *err)
{
    struct load load = {
        .config = config, .path = *config->data.source.item, .log = log, .err = err};
    return begin_load(&load, fitted);
}

struct dataset *dataset_load_all(const struct config *config, const char *path,
                                 const struct fitted *fitted, struct log *log, struct error *err)
{
    struct load load = {.config = config, .path = path, .whole = 1, .log = log, .err = err};
    return begin_load(&load, fitted);
}

void dataset_free(struct dataset *data)
{
    if (!data)
        return;
    for (size_t i = 0; i < data->features; i++)
        free(data->names[i]);
    free(data->names);
    for (enum part part = 0; part < PARTS; part++)
        free(data->start[part]);
    scaler_fini(&data->scaler);
    free(data->series);
    free(data->time);
    free(data);
}
