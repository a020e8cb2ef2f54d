/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_made.h"
#include "config/option.h"
#include "util/clocale.h"
#include "util/jsonmem.h"

static json_t *list_json(const struct list *list)
{
    json_t *json = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(json, json_string(list->item[i]));
    return json;
}

/* As it would stand in an INI file. */
static json_t *written_json(const struct option *option, const union option_value *value)
{
    char *text = option_text(option, value);
    json_t *json = text ? json_string(text) : NULL;
    if (!text)
        jsonmem_lacks();
    free(text);
    return json;
}

static json_t *value_json(const struct option *option, const union option_value *value)
{
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_INPUT:
    case OPTION_OUTPUT:
    case OPTION_EXPRESSION:
    case OPTION_FIGURE:
        return json_string(value->text);
    case OPTION_LIST:
    case OPTION_INPUTS:
    case OPTION_EXPRESSIONS:
    case OPTION_SET:
        return list_json(&value->list);
    case OPTION_FLAG:
        return json_boolean(value->index);
    case OPTION_REAL:
        return json_real(value->real);
    case OPTION_AUTO:
    case OPTION_INTEGER:
        return option->type == OPTION_AUTO && value->integer == -1
                   ? json_string("auto")
                   : json_integer((json_int_t)value->integer);
    default:
        return written_json(option, value);
    }
}

json_t *config_json(const struct config *config)
{
    json_t *all = json_object();
    locale_t before = clocale_enter();
    for (size_t i = 0; i < option_count; i++) {
        union option_value value;
        option_get(&options[i], config, &value);
        if (!json_object_get(all, options[i].section))
            json_object_set_new(all, options[i].section, json_object());
        json_object_set_new(json_object_get(all, options[i].section), options[i].key,
                            value_json(&options[i], &value));
    }
    clocale_leave(before);
    return all;
}

/* --- hyperparameters */

/* A text as a number, where it is one. */
static json_t *number_or_text(const char *text)
{
    char *end;
    const double x = strtod(text, &end);
    return *text && !*end && isfinite(x) ? json_real(x) : json_string(text);
}

static void add_hparam(json_t *all, const struct config *config, const struct entry *entry)
{
    const size_t i = (size_t)(entry - config->made->entries.item);
    char name[OPTION_MAX_TEXT];
    json_t *x = NULL;
    snprintf(name, sizeof name, "%s.%s", entry->section, entry->key);
    if (i < option_count) {
        union option_value value;
        option_get(&options[i], config, &value);
        x = value_json(&options[i], &value);
        if (json_is_array(x)) {
            json_decref(x);
            x = written_json(&options[i], &value);
        }
    } else
        x = number_or_text(entry_value(entry));
    json_object_set_new(all, name, x);
}

/* What is not as its default has it. */
static int is_told(const struct entry *entry, const struct option *option)
{
    return option->resume != OPTION_SWEEP && entry->from != ENTRY_DEFAULT &&
           strcmp(entry_value(entry), option->def) != 0;
}

json_t *config_hparams(const struct config *config)
{
    const struct entries *entries = &config->made->entries;
    json_t *all = json_object();
    locale_t before = clocale_enter();
    for (size_t i = option_count; i < entries->count; i++) {
        const struct entry *of =
            entry_varies(&entries->item[i]) ? entries_named(entries, entries->item[i].key) : NULL;
        if (of)
            add_hparam(all, config, of);
    }
    for (size_t i = 0, varied = json_object_size(all); !varied && i < option_count; i++)
        if (is_told(&entries->item[i], &options[i]))
            add_hparam(all, config, &entries->item[i]);
    clocale_leave(before);
    return all;
}
