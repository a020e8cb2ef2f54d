/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: any text as a configuration. What is accepted must print to a text that reads back
 * to the same configuration, and to the same text. The first line is also tried as a setting.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "fuzz.h"
#include "models/model.h"

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

static void try(const char *text, char *const *settings, size_t count)
{
    struct error err = {0};
    struct config *config =
        config_parse_with(text, "folder/fuzz.ini", settings, count, model_check, &err);
    must(config ? !*err.text : *err.text && err.status == STATUS_USAGE);
    if (config)
        round_trip(config);
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
