/* SPDX-License-Identifier: MIT */
#include "data/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "data/csv.h"
#include "util/file.h"
#include "util/jsonmem.h"

#define SPEC_MOST ((size_t)1 << 20)

static json_t *read_json(const char *path, struct error *err)
{
    json_error_t fault;
    size_t size;
    char *text = file_read(path, SPEC_MOST, &size, err);
    if (!text)
        return NULL;
    json_t *json = json_loadb(text, size, 0, &fault);
    free(text);
    if (json && json_is_object(json))
        return json;
    if (!json && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", path);
    else if (!json)
        error_set(err, STATUS_INPUT, "%s:%d: %s", path, fault.line, fault.text);
    else
        error_set(err, STATUS_INPUT, "%s: not an object of names and values", path);
    json_decref(json);
    return NULL;
}

/* A number above 0, which may stand in a string; what is not there, or null, leaves *x as it is. */
static int take_number(const json_t *object, const char *name, double *x, const char *path,
                       struct error *err)
{
    const json_t *value = json_object_get(object, name);
    const char *text = json_string_value(value);
    double number = json_number_value(value);
    if (!value || json_is_null(value))
        return 0;
    if (text && csv_parse_number(text, strlen(text), &number) != CSV_NUMBER)
        number = NAN;
    if (!(number > 0) || !isfinite(number))
        return error_set(err, STATUS_INPUT, "%s: %s has to be a number above 0", path, name);
    *x = number;
    return 0;
}

static int take_numbers(struct spec *spec, const json_t *json, const char *path, struct error *err)
{
    const json_t *shares = json_object_get(json, "split_ratios");
    const json_t *rows = json_object_get(json, "split_indices");
    double sub_channel = 0;
    const struct {
        const json_t *object;
        const char *name;
        double *x;
    } numbers[] = {
        {json, "input_signal_fs", &spec->sample_rate},
        {json, "input_signal_bw", &spec->bandwidth}, /* of older sets */
        {json, "bw_main_ch", &spec->bandwidth},
        {json, "input_signal_sub_ch_bw", &sub_channel}, /* of older sets */
        {json, "bw_sub_ch", &sub_channel},
        {json, "n_sub_ch", &spec->sub_channels},
        {json, "nperseg", &spec->segment},
        {shares, "train", &spec->train},
        {shares, "val", &spec->validation},
        {rows, "train_end", &spec->train_end},
        {rows, "val_end", &spec->validation_end},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (take_number(numbers[i].object, numbers[i].name, numbers[i].x, path, err))
            return -1;
    if (!(spec->sub_channels > 0) && sub_channel > 0)
        spec->sub_channels = round(spec->bandwidth / sub_channel);
    return 0;
}

static int check_parts(const struct spec *spec, const char *path, struct error *err)
{
    if (spec->train + spec->validation > 1)
        return error_set(err, STATUS_INPUT,
                         "%s: split_ratios: train %g and val %g come to more than 1 (they are 0.6 "
                         "and 0.2 if the file does not say otherwise)",
                         path, spec->train, spec->validation);
    if ((spec->train_end > 0) != (spec->validation_end > 0) ||
        spec->train_end > spec->validation_end)
        return error_set(err, STATUS_INPUT,
                         "%s: split_indices needs train_end and val_end, in this order", path);
    return 0;
}

int spec_read(struct spec *spec, const char *path, struct error *err)
{
    *spec = (struct spec){.train = 0.6, .validation = 0.2}; /* OpenDPD's own */
    json_t *json = read_json(path, err);
    int failed = !json || take_numbers(spec, json, path, err) || check_parts(spec, path, err);
    json_decref(json);
    return failed ? -1 : 0;
}

int spec_cut(const struct spec *spec, size_t rows, size_t *train_end, size_t *validation_end)
{
    double train = spec->train_end, validation = spec->validation_end;
    if (!(train > 0)) {
        train = floor((double)rows * spec->train); /* each is cut off, as OpenDPD does */
        validation = train + floor((double)rows * spec->validation);
    }
    if (validation > (double)rows)
        return -1;
    *train_end = (size_t)train;
    *validation_end = (size_t)validation;
    return 0;
}
