/* SPDX-License-Identifier: MIT */
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/aggregate.h"
#include "data/calendar.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/scaler.h"
#include "data/time_form.h"
#include "util/block.h"
#include "util/file.h"

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

size_t load_span(const struct load *load, enum part part)
{
    size_t first, rows = targets_rows(load, part, &first), window = load_window(load, part);
    return !load->whole && load->data->targets && first + rows > window ? first + rows : window;
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

/* --- expressions */

static int is_set(const char *text)
{
    return text && *text;
}

/* One expression and the columns that it needs. */
static struct feature *parse_one(struct load *load, const char *text, struct columns *columns,
                                 const char *key)
{
    struct feature *feature = feature_parse(text, load->err);
    if (!feature) {
        error_prefix(load->err, "[data] %s", key);
        return NULL;
    }
    if (!feature_columns(feature, &columns->name, &columns->count))
        return feature;
    feature_free(feature);
    load_no_memory(load);
    return NULL;
}

static int parse_list(struct load *load, const struct list *list, struct columns *columns,
                      const char *key, struct feature ***to, size_t *count)
{
    *to = calloc(list->count + 1, sizeof **to);
    if (!*to)
        return load_no_memory(load);
    for (; *count < list->count; (*count)++)
        if (!((*to)[*count] = parse_one(load, list->item[*count], columns, key)))
            return -1;
    return 0;
}

static int parse_features(struct load *load)
{
    const struct list *list = &load->config->data.features;
    if (parse_list(load, list, &load->columns, "features", &load->feature, &load->features))
        return -1;
    for (size_t i = 0; i < load->features; i++) {
        size_t warmup = feature_warmup(load->feature[i]);
        load->warmup = warmup > load->warmup ? warmup : load->warmup;
    }
    return load->features ? 0
                          : error_set(load->err, STATUS_USAGE, "[data] features: none is given");
}

/* With channels apart the only target is the word `channel`: the feature of the series. */
static int parse_targets(struct load *load)
{
    const struct list *list = &load->config->data.targets;
    int for_files = load->config->data.target_source.count > 0;
    if (load->config->data.channels == CHANNELS_APART && list->count) {
        if (list->count != 1 || strcmp(list->item[0], "channel") || for_files)
            return error_set(load->err, STATUS_USAGE,
                             "[data] targets: with channels = apart, targets = channel and no "
                             "target_source");
        load->expression = load->feature;
        load->expressions = load->features;
        return 0;
    }
    return parse_list(load, list, for_files ? &load->target_columns : &load->columns, "targets",
                      &load->expression, &load->expressions);
}

static int parse_others(struct load *load)
{
    const struct config *config = load->config;
    const char *where = config->data.where;
    if (config->data.resample && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] resample: needs data.time");
    if (config->data.gap && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] gap: needs data.time");
    if (config->data.join && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] join: needs data.time");
    if (config->data.split == SPLIT_STRATIFIED && !load->whole &&
        !(load->stratify = parse_one(load, config->data.stratify, &load->columns, "stratify")))
        return -1;
    if (config->data.split == SPLIT_SPEC && !load->whole &&
        spec_read(&load->spec, config->signal.spec, load->err))
        return -1;
    if (config->data.jump > 0 &&
        !(load->jump = parse_one(load, config->data.jump_column, &load->columns, "jump_column")))
        return -1;
    if (load->jump && load->jump->function)
        return error_set(load->err, STATUS_USAGE, "[data] jump_column: '%s' is not a column",
                         config->data.jump_column);
    if (!is_set(where))
        return 0;
    if (!(load->where = condition_parse(where, load->err)))
        return error_prefix(load->err, "[data] where");
    return condition_columns(load->where, &load->columns.name, &load->columns.count)
               ? load_no_memory(load)
               : 0;
}

/* Columns that targets alone are made of may lack values. */
static int find_only_target(struct load *load)
{
    struct columns needed = {0};
    int failed = 0;
    for (size_t i = 0; i < load->features && !failed; i++)
        failed = feature_columns(load->feature[i], &needed.name, &needed.count);
    for (int i = 0; i < 2 && !failed; i++) {
        struct feature *other = i ? load->jump : load->stratify;
        failed = other && feature_columns(other, &needed.name, &needed.count);
    }
    if (load->where && !failed)
        failed = condition_columns(load->where, &needed.name, &needed.count);
    load->only_target = calloc(load->columns.count + load->target_columns.count + 1, 1);
    failed |= !load->only_target;
    for (size_t i = 0; i < load->columns.count && !failed; i++) {
        size_t k = 0;
        while (k < needed.count && !csv_same_name(needed.name[k], load->columns.name[i]))
            k++;
        load->only_target[i] = k == needed.count;
    }
    free(needed.name);
    return failed ? load_no_memory(load) : 0;
}

struct csv_how load_csv_how(const struct config *config)
{
    static const char separators[] = {0, ',', ';', '\t', '|', ' '};
    return (struct csv_how){.encoding = config->data.encoding,
                            .separator = separators[config->data.separator],
                            .has_skip = config->data.skip_lines >= 0,
                            .skip_lines = config->data.skip_lines,
                            .skip_footer = config->data.skip_footer,
                            .column = config->data.columns.item,
                            .columns = config->data.columns.count};
}

/* The keys that say how files are read. */
static int find_how(struct load *load)
{
    const struct config *config = load->config;
    const char *zone = config->data.time_zone;
    struct time_form form = {0};
    char fault[TIME_FAULT];
    if (time_form_of(config->data.time_format, &form, fault))
        return error_set(load->err, STATUS_USAGE, "[data] time_format: '%s' %s",
                         config->data.time_format, fault);
    if (strcmp(zone, "UTC") && !(load->zone = zone_open(zone, load->err)))
        return error_prefix(load->err, "[data] time_zone");
    load->how = (struct table_how){
        .csv = load_csv_how(config),
        .run = load->run,
        .again = load->again,
        .series = is_set(config->data.series) ? config->data.series : NULL,
        .time_format = form.format,
        .time_pattern = form.pattern,
        .zone = load->zone,
        .decimal = config->data.decimal,
        .order = config->data.order,
        .duplicates = config->data.duplicates,
        .missing = config->data.missing,
        .missing_limit = config->data.missing_limit,
        .missing_value = config->data.missing_values.item,
        .missing_values = config->data.missing_values.count,
    };
    for (size_t i = 0; i < 2 && i < config->data.time.count; i++)
        load->how.time[i] = config->data.time.item[i];
    return aggregate_check(&config->data.aggregate, load->err) || find_only_target(load) ? -1 : 0;
}

/* --- extents and names */

static int feature_called(const struct load *load, const char *text)
{
    for (size_t i = 0; i < load->features; i++)
        if (!strcmp(load->feature[i]->text, text))
            return (int)i;
    return -1;
}

static int copy_names(struct load *load, size_t count, struct feature *const *from, int apart,
                      char ***names, size_t *copied)
{
    *names = calloc(count + 1, sizeof **names);
    for (; *names && *copied < count; (*copied)++)
        if (!((*names)[*copied] = strdup(apart ? "channel" : from[*copied]->text)))
            break;
    return *copied == count ? 0 : load_no_memory(load);
}

/* Everything about a sample's shape that the configuration tells. */
static int shape(struct load *load)
{
    const struct config *config = load->config;
    struct dataset *data = load->data;
    int apart = config->data.channels == CHANNELS_APART, rows = config->data.target_rows;
    size_t horizon = (size_t)config->data.horizon, targets;
    data->channels = apart ? load->features : 1;
    data->window = (size_t)config->data.window;
    targets = load->expressions / data->channels;
    if (copy_names(load, apart ? 1 : load->features, load->feature, apart, &data->names,
                   &data->features) ||
        copy_names(load, targets, load->expression, apart, &data->target_names, &data->targets))
        return -1;
    json_t *list = json_array(), *named = json_array();
    for (size_t i = 0; i < load->features; i++)
        json_array_append_new(list, json_string(load->feature[i]->text));
    for (size_t i = 0; i < targets; i++)
        json_array_append_new(named, json_string(data->target_names[i]));
    json_object_set_new(load->told, "features", list);
    json_object_set_new(load->told, "targets", named);
    if (!targets)
        return config->data.permute_targets
                   ? error_set(load->err, STATUS_USAGE,
                               "[data] permute_targets: there is no target")
                   : 0;
    data->target_feature = malloc(targets * sizeof *data->target_feature);
    data->target_is_column = malloc(targets);
    if (!data->target_feature || !data->target_is_column)
        return load_no_memory(load);
    for (size_t i = 0; i < targets; i++) {
        data->target_feature[i] = apart ? 0 : feature_called(load, load->expression[i]->text);
        data->target_is_column[i] = apart || !load->expression[i]->function;
    }
    data->eval_window = config->data.eval_window > 0 ? (size_t)config->data.eval_window : 0;
    for (size_t i = 0; i < load->expressions; i++) {
        size_t lag = feature_warmup(load->expression[i]);
        data->target_lag = lag > data->target_lag ? lag : data->target_lag;
    }
    data->target_first = rows == TARGET_EACH      ? data->window
                         : rows == TARGET_HORIZON ? data->window - 1 + horizon
                                                  : 0;
    data->target_rows = rows == TARGET_EACH ? horizon : rows == TARGET_HORIZON ? 1 : data->window;
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

/* Computes, fits and stores the features one after the other. */
static int fill_series(struct load *load, int fitting)
{
    struct dataset *data = load->data;
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
    free(chosen);
    free(x);
    free(rows);
    return result ? -1 : check_ends(load);
}

/* Gives rows behind the end of a run the times that the file's calendar has for them. */
static void carry_on(const struct calendar *calendar, int64_t *time, size_t from, size_t to)
{
    for (size_t row = from; row < to; row++)
        if (time[row - 1] == DATASET_NO_TIME || calendar_next(calendar, time[row - 1], &time[row]))
            time[row] = DATASET_NO_TIME;
}

/* The times of one series: those of its file, and behind each of its runs those of forecasts. */
static void copy_series(const struct input *input, const struct calendar *calendar, size_t warmup,
                        int64_t *to)
{
    for (size_t i = 0; i < input->segments; i++) {
        const struct segment *segment = &input->segment[i];
        size_t next = i + 1 < input->segments ? segment[1].begin : input->rows;
        memcpy(to + segment->begin, input->table->time + segment->from + warmup,
               (segment->end - segment->begin) * sizeof *to);
        carry_on(calendar, to, segment->end, next);
    }
}

/* Series that follow no calendar. */
struct without {
    const struct input *first;
    size_t others;
};

/* Finds the calendar of a series, if there are rows behind the end of what it holds, and tells. */
static int find_calendar(struct load *load, const struct input *input, struct calendar *calendar,
                         struct without *without)
{
    char text[CALENDAR_TEXT];
    size_t rows = 0;
    for (size_t i = 0; i < input->segments; i++)
        rows += input->segment[i].end - input->segment[i].begin;
    *calendar = (struct calendar){0};
    if (rows == input->rows)
        return 0;
    if (calendar_find(calendar, input->table->time, input->table->rows, load->zone))
        return load_no_memory(load);
    if (!calendar->kind && without->first)
        without->others++;
    else if (!calendar->kind)
        without->first = input;
    else if (load->inputs == 1)
        log_say(load->log, "data: forecasts go on %s", calendar_text(calendar, text));
    return 0;
}

static int copy_times(struct load *load)
{
    struct dataset *data = load->data;
    struct without without = {0};
    if (!load->input[0].table->time)
        return 0;
    data->time = block_new((data->rows + 1) * sizeof *data->time);
    if (!data->time)
        return load_no_memory(load);
    for (size_t i = 0; i < load->inputs; i++) {
        const struct input *input = &load->input[i];
        struct calendar calendar;
        if (find_calendar(load, input, &calendar, &without))
            return -1;
        for (size_t c = 0; c < data->channels; c++)
            copy_series(input, &calendar, load->warmup,
                        data->time + data->file[i * data->channels + c].begin);
        calendar_fini(&calendar);
    }
    char more[48] = "";
    if (without.others)
        snprintf(more, sizeof more, " (and so in %zu more)", without.others);
    if (without.first)
        log_warn(load->log,
                 "%s: its rows follow no calendar that is found out: forecasts beyond them are "
                 "printed without a time%s",
                 without.first->label, more);
    return 0;
}

/* The feature that the scaler relative(NAME) names. */
static int find_base(struct load *load)
{
    const char *name = load->config->data.scaler.column;
    struct feature *base = feature_parse(name, load->err);
    if (!base)
        return error_prefix(load->err, "[data] scaler");
    int found = feature_called(load, base->text);
    feature_free(base);
    if (found < 0)
        return error_set(
            load->err, STATUS_USAGE,
            "[data] scaler: relative(%s) needs '%s' among data.features, written alike", name,
            name);
    load->data->scaler.base = (size_t)found;
    return 0;
}

/* A scaler that was fitted before, or room for one that is to be. */
static int prepare_scaler(struct load *load, const struct fitted *fitted, int *fitting)
{
    int kind = load->config->data.scaler.kind;
    int plain = kind == SCALER_NONE || kind == SCALER_WINDOW || kind == SCALER_RELATIVE;
    *fitting = !fitted && !plain;
    if (fitted && fitted->scaler.features != load->features)
        return error_set(load->err, STATUS_INPUT,
                         "the checkpoint's scaler has %zu features, data.features %zu",
                         fitted->scaler.features, load->features);
    if (load->whole && *fitting)
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

/* --- from the first step to the last */

static int run_load(struct load *load, const struct fitted *fitted)
{
    int fitting;
    snprintf(load->label, sizeof load->label, "%zu files", load->sources.count);
    if (parse_features(load) || parse_targets(load) || parse_others(load) || find_how(load) ||
        shape(load) || prepare_scaler(load, fitted, &fitting) || series_read(load) ||
        parts_deal(load) || targets_compute(load) || parts_windows(load) ||
        fill_series(load, fitting) || targets_transform(load, fitted) || balance_windows(load) ||
        copy_times(load))
        return -1;
    log_event(load->log, "data", json_incref(load->told));
    return 0;
}

static void free_features(struct feature **feature, size_t count)
{
    for (size_t i = 0; i < count; i++)
        feature_free(feature[i]);
    free(feature);
}

static void load_fini(struct load *load)
{
    if (load->expression != load->feature)
        free_features(load->expression, load->expressions);
    free_features(load->feature, load->features);
    feature_free(load->stratify);
    feature_free(load->jump);
    condition_free(load->where);
    free(load->columns.name);
    free(load->target_columns.name);
    free(load->only_target);
    zone_free(load->zone);
    for (size_t i = 0; load->input && i < load->inputs; i++)
        series_fini(&load->input[i]);
    free(load->input);
    sources_fini(&load->sources);
    json_decref(load->told);
}

static struct dataset *begin_load(struct load *load, const struct fitted *fitted)
{
    load->data = calloc(1, sizeof *load->data);
    if (load->data)
        load->data->reading = calloc(1, sizeof *load->data->reading);
    load->kept = fitted ? fitted->reading : NULL;
    load->told = json_object();
    int result = load->data && load->data->reading && load->told ? run_load(load, fitted)
                                                                 : load_no_memory(load);
    load_fini(load);
    if (!result)
        return load->data;
    dataset_free(load->data);
    return NULL;
}

struct dataset *dataset_load(const struct config *config, const struct fitted *fitted,
                             struct log *log, struct error *err)
{
    struct load load = {.config = config, .log = log, .err = err};
    return sources_find(config, &load.sources, err) ? NULL : begin_load(&load, fitted);
}

struct dataset *dataset_load_run(const struct config *config, int again, struct log *log,
                                 struct error *err)
{
    struct load load = {.config = config, .again = again, .log = log, .err = err};
    if (sources_find(config, &load.sources, err))
        return NULL;
    load.run = file_real(config->run.output);
    struct dataset *data = begin_load(&load, NULL);
    free(load.run);
    return data;
}

struct dataset *dataset_load_all(const struct config *config, const char *path,
                                 const struct fitted *fitted, struct log *log, struct error *err)
{
    struct load load = {.config = config, .whole = 1, .log = log, .err = err};
    int failed =
        path ? sources_of(path, &load.sources, err) : sources_find(config, &load.sources, err);
    return failed ? NULL : begin_load(&load, fitted);
}

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

/* Counts are set before there is memory for what they count. */
static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

const uint32_t *dataset_windows(const struct dataset *data, enum part part, size_t *count)
{
    int other = part == PART_TRAIN && data->eval_window;
    *count = other ? data->long_count : data->count[part];
    return other ? data->long_start : data->start[part];
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
        free(data->start[part]);
    free(data->long_start);
    free(data->border);
    scaler_fini(&data->scaler);
    if (data->reading)
        reading_fini(data->reading);
    free(data->reading);
    free(data->series);
    free(data->time);
    free(data->target);
    free(data->raw_target);
    free(data->target_base);
    free(data->target_feature);
    free(data->target_is_column);
    free(data->transform);
    free(data->target_range);
    free(data->weight);
    free(data);
}
