/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "data/corpus.h"
#include "data/load.h"
#include "util/block.h"
#include "util/file.h"
#include "util/zone.h"

/* All steps, in this order. */
static int run_load(struct load *load, const struct fitted *fitted)
{
    snprintf(load->label, sizeof load->label, "%zu files", load->sources.count);
    if (dataset_is_text(load->config))
        return dataset_is_clips(load->config) ? captioned_load(load, fitted)
                                              : corpus_load(load, fitted);
    if (load->blank)
        return keys_read(load) || fill_prepare(load, fitted) || fill_blank(load) ? -1 : 0;
    if (keys_read(load) || fill_prepare(load, fitted) || series_read(load) || parts_deal(load) ||
        targets_compute(load) || parts_windows(load) || fill_series(load, fitted) ||
        targets_transform(load, fitted) || balance_windows(load) ||
        augment_windows(load, fitted && !load->trains) || times_copy(load))
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

void load_fini(struct load *load)
{
    if (load->expression != load->feature)
        free_features(load->expression, load->expressions);
    free_features(load->feature, load->features);
    feature_free(load->stratify);
    feature_free(load->jump);
    condition_free(load->where);
    condition_free(load->augment_where);
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

static int load_all(struct load *load, const struct fitted *fitted)
{
    load->data = calloc(1, sizeof *load->data);
    if (load->data)
        load->data->reading = calloc(1, sizeof *load->data->reading);
    load->told = json_object();
    return load->data && load->data->reading && load->told ? run_load(load, fitted)
                                                           : load_no_memory(load);
}

/* The same; what grows with the rows lies in files. */
static int load_mapped(struct load *load, const struct fitted *fitted)
{
    char *folder = file_cache("", load->err);
    if (!folder)
        return error_prefix(load->err, "data.feed = stream");
    int begun = !block_map_begin(folder), result = begun ? load_all(load, fitted) : -1;
    int cause = begun ? block_map_end() : errno;
    if (result && cause && (!begun || load->err->status == STATUS_FAILED))
        error_set(load->err, STATUS_FAILED, "data.feed = stream: %s: %s", folder, strerror(cause));
    free(folder);
    return result;
}

static struct dataset *begin_load(struct load *load, const struct fitted *fitted)
{
    load->kept = fitted ? fitted->reading : NULL;
    int result =
        load->config->data.feed == FEED_STREAM ? load_mapped(load, fitted) : load_all(load, fitted);
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

struct dataset *dataset_load_run(const struct config *config, const struct fitted *fitted,
                                 int again, struct log *log, struct error *err)
{
    struct load load = {.config = config, .again = again, .trains = 1, .log = log, .err = err};
    if (sources_find(config, &load.sources, err))
        return NULL;
    load.run = file_real(config->run.output);
    struct dataset *data = begin_load(&load, fitted);
    free(load.run);
    return data;
}

struct dataset *dataset_load_all(const struct config *config, const char *path,
                                 const struct fitted *fitted, struct log *log, struct error *err)
{
    struct load load = {.config = config, .whole = 1, .log = log, .err = err};
    int failed = path ? sources_given(config, path, &load.sources, &load.is_clip, err)
                      : sources_find(config, &load.sources, err);
    return failed ? NULL : begin_load(&load, fitted);
}

struct dataset *dataset_load_clip(const struct config *config, const char *path,
                                  const struct fitted *fitted, struct log *log, struct error *err)
{
    struct load load = {.config = config, .whole = 1, .is_clip = 1, .log = log, .err = err};
    return sources_clip(path, &load.sources, err) ? NULL : begin_load(&load, fitted);
}

struct dataset *dataset_blank(const struct config *config, const struct fitted *fitted,
                              size_t windows, struct log *log, struct error *err)
{
    struct load load = {.config = config, .whole = 1, .blank = windows, .log = log, .err = err};
    return begin_load(&load, fitted);
}
