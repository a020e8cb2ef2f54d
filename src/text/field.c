/* SPDX-License-Identifier: MIT */
#include "text/field.h"

#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

int field_fault(const struct part *part, struct error *err, const char *format, ...)
{
    char cause[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(cause, sizeof cause, format, ap);
    va_end(ap);
    return error_set(err, STATUS_INPUT, "%s: %s: %s", part->file, part->name, cause);
}

const char *field_shown(const char *text, char shown[FIELD_SHOWN])
{
    size_t n = 0;
    for (; text[n] && n < FIELD_SHOWN - 4; n++)
        shown[n] = (unsigned char)text[n] < ' ' || text[n] == 0x7f ? '?' : text[n];
    while (text[n] && n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* no part of a character */
    strcpy(shown + n, text[n] ? "..." : "");
    return shown;
}

int field_flag(const struct part *part, const json_t *object, const char *key, int otherwise,
               int *to, struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (value && !json_is_null(value) && !json_is_boolean(value))
        return field_fault(part, err, "'%s' is neither true nor false", key);
    *to = json_is_boolean(value) ? json_is_true(value) : otherwise;
    return 0;
}

const char *field_text(const struct part *part, const json_t *object, const char *key, size_t *size,
                       struct error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) {
        field_fault(part, err, "'%s' is no text", key);
        return NULL;
    }
    *size = json_string_length(value);
    return json_string_value(value);
}

const char *field_character(const struct part *part, const json_t *object, const char *key,
                            size_t *size, struct error *err)
{
    uint32_t point;
    const char *text = field_text(part, object, key, size, err);
    if (!text || (*size && utf8_read(text, *size, &point) == *size))
        return text;
    field_fault(part, err, "'%s' is not one character", key);
    return NULL;
}

int field_each(const struct part *part, const json_t *json, const char *list, const char *known,
               field_taker *take, void *ctx, struct error *err)
{
    char shown[FIELD_SHOWN];
    if (!json || json_is_null(json))
        return 0;
    const char *kind = json_string_value(json_object_get(json, "type"));
    if (!kind)
        return field_fault(part, err, "its kind, 'type', is missing");
    if (strcmp(kind, "Sequence") != 0) {
        const int result = take(ctx, part, kind, json, err);
        return result <= 0
                   ? result
                   : field_fault(part, err, "%s is no kind that is known here: %s, Sequence",
                                 field_shown(kind, shown), known);
    }
    const json_t *items = json_object_get(json, list);
    if (!json_is_array(items))
        return field_fault(part, err, "Sequence: '%s' is no list", list);
    for (size_t i = 0; i < json_array_size(items); i++)
        if (field_each(part, json_array_get(items, i), list, known, take, ctx, err))
            return -1;
    return 0;
}
