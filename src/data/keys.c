/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "data/aggregate.h"
#include "data/csv.h"
#include "data/load.h"
#include "data/time_form.h"

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

static int parse_condition(struct load *load, const char *text, const char *key,
                           struct condition **to)
{
    if (!is_set(text))
        return 0;
    if (!(*to = condition_parse(text, load->err)))
        return error_prefix(load->err, "[data] %s", key);
    return condition_columns(*to, &load->columns.name, &load->columns.count) ? load_no_memory(load)
                                                                             : 0;
}

static int parse_others(struct load *load)
{
    const struct config *config = load->config;
    if (config->data.resample && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] resample: needs data.time");
    if (config->data.gap && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] gap: needs data.time");
    if (config->data.join && !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] join: needs data.time");
    if ((is_set(config->data.from) || is_set(config->data.to) || config->data.days) &&
        !config->data.time.count)
        return error_set(load->err, STATUS_USAGE, "[data] from, to and days: need data.time");
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
    return parse_condition(load, config->data.where, "where", &load->where) ||
                   parse_condition(load, config->data.augment_where, "augment_where",
                                   &load->augment_where)
               ? -1
               : 0;
}

/* Whether more than targets are made of a column. */
static int is_needed(const struct load *load, const char *column)
{
    const struct condition *conditions[] = {load->where, load->augment_where};
    const struct feature *others[] = {load->stratify, load->jump};
    for (size_t i = 0; i < load->features; i++)
        if (feature_reads(load->feature[i], column))
            return 1;
    for (int i = 0; i < 2; i++)
        if ((conditions[i] && condition_reads(conditions[i], column)) ||
            (others[i] && feature_reads(others[i], column)))
            return 1;
    return 0;
}

/* Columns that targets alone are made of may lack values. */
static int find_only_target(struct load *load)
{
    load->only_target = calloc(load->columns.count + load->target_columns.count + 1, 1);
    for (size_t i = 0; load->only_target && i < load->columns.count; i++)
        load->only_target[i] = !is_needed(load, load->columns.name[i]);
    return load->only_target ? 0 : load_no_memory(load);
}

struct csv_how keys_csv_how(const struct config *config)
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
        .csv = keys_csv_how(config),
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
    return range_read(&load->range, config, &load->how, load->err) ||
                   aggregate_check(&config->data.aggregate, load->err) || find_only_target(load)
               ? -1
               : 0;
}

/* --- extents and names */

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
        data->target_feature[i] = apart ? 0 : load_feature(load, load->expression[i]->text);
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

int keys_read(struct load *load)
{
    return parse_features(load) || parse_targets(load) || parse_others(load) || find_how(load) ||
                   shape(load)
               ? -1
               : 0;
}
