/* SPDX-License-Identifier: MIT */
#include "hf/json.h"

#include <math.h>
#include <stdio.h>

#include "util/file.h"
#include "util/jsonmem.h"
#include "util/shown.h"

#define CONFIG_MOST ((size_t)1 << 20) /* bytes of a config.json */

json_t *hf_json(const char *text, size_t size, const char *name, struct error *err)
{
    json_error_t fault;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &fault);
    if (json_is_object(json))
        return json;
    if (!json && jsonmem_short())
        error_set(err, STATUS_FAILED, "%s: out of memory", name);
    else if (!json)
        error_set(err, STATUS_INPUT, "%s:%d: %s", name, fault.line, show_name(fault.text).text);
    else
        error_set(err, STATUS_INPUT, "%s: not an object of names and values", name);
    json_decref(json);
    return NULL;
}

/* --- keys */

int hf_fault(struct hf_reader *r, const char *key, const char *what)
{
    if (!r->failed)
        error_set(r->err, STATUS_INPUT, "%s: '%s%s' %s", r->path, r->part ? r->part : "", key,
                  what);
    return r->failed = -1;
}

const json_t *hf_value(const struct hf_reader *r, const char *key)
{
    const json_t *value = json_object_get(r->object, key);
    return json_is_null(value) ? NULL : value;
}

static double number_of(struct hf_reader *r, const char *key, const json_t *value, double least,
                        double most)
{
    const double x = json_number_value(value);
    char what[80];
    if (!json_is_number(value)) {
        hf_fault(r, key, "is no number");
        return least;
    }
    if (x >= least && x <= most)
        return x;
    snprintf(what, sizeof what, "is not between %g and %g", least, most);
    hf_fault(r, key, what);
    return least;
}

double hf_number(struct hf_reader *r, const char *key, double otherwise, double least, double most)
{
    const json_t *value = hf_value(r, key);
    if (value)
        return number_of(r, key, value, least, most);
    if (!isnan(otherwise))
        return otherwise;
    hf_fault(r, key, "is missing");
    return least;
}

static size_t whole_of(struct hf_reader *r, const char *key, double x)
{
    if (x != floor(x))
        hf_fault(r, key, "is no whole number");
    return (size_t)x;
}

size_t hf_whole(struct hf_reader *r, const char *key, double otherwise, double most)
{
    return whole_of(r, key, hf_number(r, key, otherwise, 1, most));
}

size_t hf_whole_of(struct hf_reader *r, const char *key, const json_t *value, double most)
{
    return whole_of(r, key, number_of(r, key, value, 1, most));
}

int hf_truth(struct hf_reader *r, const char *key, int otherwise)
{
    const json_t *value = hf_value(r, key);
    if (value && !json_is_boolean(value))
        hf_fault(r, key, "is neither true nor false");
    return value ? json_is_true(value) : otherwise;
}

const char *hf_text(struct hf_reader *r, const char *key)
{
    const json_t *value = hf_value(r, key);
    if (value && !json_is_string(value))
        hf_fault(r, key, "is no text");
    return json_string_value(value);
}

char *hf_config_text(const char *folder, size_t *size, char **path, struct error *err)
{
    *path = file_join(folder, "config.json");
    if (*path)
        return file_read(*path, CONFIG_MOST, size, err);
    error_set(err, STATUS_FAILED, "%s: out of memory", folder);
    return NULL;
}
