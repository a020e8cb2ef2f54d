/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as a configuration. What is accepted must print to a text that reads back
 * to the same configuration, and to the same text. The first line is also tried as a setting. Where
 * keys vary, their values are read and tried, and the settings of a run must make that run again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "fuzz.h"
#include "models/model.h"
#include "sweep/values.h"

static void must(int holds)
{
    if (!holds)
        abort();
}

static void round_trip(const struct config *config)
{
    struct error err = {0};
    char why[256], *text = config_text(config);
    must(text != NULL);
    struct config *again = config_parse(text, "again.ini", NULL, 0, &err);
    must(again != NULL);
    must(!config_differs(config, again, 0, why, sizeof why));
    char *text_again = config_text(again);
    must(text_again && !strcmp(text, text_again));
    free(text_again);
    config_free(again);
    free(text);
}

/* Reads the values of key `index`; the first of them is the caller's, NULL where there is none. */
static char *first_value(const struct config *config, size_t index)
{
    struct config_varied varied;
    struct values values;
    struct error err = {0};
    char what[VALUES_FAULT], *first = NULL;
    must(!config_varied(config, index, &varied));
    int failed = values_read(&values, &varied, what);
    must(failed ? *what != 0 : values.item || values.low < values.high);
    for (size_t i = 0; !failed && i < values.count; i++)
        if (!config_try(config, index, values.item[i], &err) && !first)
            must((first = strdup(values.item[i])) != NULL);
    values_release(&values);
    return first;
}

/* A run, of the first value of each key that has one. */
static void run_of(const struct config *config)
{
    struct config_varied varied;
    struct error err = {0};
    size_t keys = 0, settings = 0;
    while (!config_varied(config, keys, &varied))
        keys++;
    char **value = calloc(keys + 1, sizeof *value);
    must(value != NULL);
    for (size_t i = 0; i < keys; i++)
        value[i] = first_value(config, i);
    struct config *run =
        keys ? config_vary(config, (const char *const *)value, NULL, 0, NULL, &err) : NULL;
    if (run) {
        char why[256], **setting = config_settings(run, &settings, &err);
        must(setting != NULL);
        round_trip(run);
        struct config *again =
            config_vary(config, (const char *const *)value, setting, settings, NULL, &err);
        must(again && !config_differs(run, again, 0, why, sizeof why));
        config_free(again);
        for (size_t i = 0; i < settings; i++)
            free(setting[i]);
        free(setting);
    }
    config_free(run);
    for (size_t i = 0; i < keys; i++)
        free(value[i]);
    free(value);
}

static void try(const char *text, char *const *settings, size_t count)
{
    struct error err = {0};
    struct config *config =
        config_parse_with(text, "folder/fuzz.ini", settings, count, model_check, &err);
    must(config ? !*err.text : *err.text && err.status == STATUS_USAGE);
    if (config) {
        round_trip(config);
        run_of(config);
    }
    config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    must(text != NULL);
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    char *source = "data.source=x.csv", *first = strndup(text, strcspn(text, "\n"));
    char *settings[] = {source, first};
    must(first != NULL);
    try(text, NULL, 0);
    try(text, settings, 1);
    try("", settings, 2);
    free(first);
    free(text);
    return 0;
}
