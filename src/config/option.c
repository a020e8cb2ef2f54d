/* SPDX-License-Identifier: MIT */
#include "config/option.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

static const struct {
    size_t size; /* of the value in struct config */
    int (*read)(const struct option *, const char *, union option_value *, char *);
    void (*write)(const struct option *, const union option_value *, FILE *);
    const char *takes; /* for the manual; bounds and choices follow */
} types[] = {
    [OPTION_TEXT] = {sizeof(char *), value_read_text, value_write_text, "text"},
    [OPTION_DEVICES] = {sizeof(struct list), value_read_devices, value_write_devices,
                        "a device, or a list of them"},
    [OPTION_INPUT] = {sizeof(char *), value_read_text, value_write_text, "file"},
    [OPTION_INPUTS] = {sizeof(struct list), value_read_list, value_write_list,
                       "files, folders or globs"},
    [OPTION_OUTPUT] = {sizeof(char *), value_read_text, value_write_text, "path"},
    [OPTION_LIST] = {sizeof(struct list), value_read_list, value_write_list, "list"},
    [OPTION_EXPRESSION] = {sizeof(char *), value_read_expression, value_write_expression, "text"},
    [OPTION_FIGURE] = {sizeof(char *), value_read_figure, value_write_text,
                       "val/NAME or train/NAME"},
    [OPTION_EXPRESSIONS] = {sizeof(struct list), value_read_list, value_write_list, "list"},
    [OPTION_METHOD] = {sizeof(struct method), value_read_method, value_write_method, ""},
    [OPTION_SET] = {sizeof(struct list), value_read_set, value_write_list,
                    "all, none, or a list of "},
    [OPTION_FLAG] = {sizeof(int), value_read_choice, value_write_choice, ""},
    [OPTION_INTEGER] = {sizeof(long), value_read_integer, value_write_integer, "whole number, "},
    [OPTION_AUTO] = {sizeof(long), value_read_integer, value_write_integer,
                     "auto, or a whole number, "},
    [OPTION_REAL] = {sizeof(double), value_read_real, value_write_real, "number, "},
    [OPTION_CHOICE] = {sizeof(int), value_read_choice, value_write_choice, ""},
    [OPTION_DURATION] = {sizeof(int64_t), value_read_duration, value_write_duration, "duration"},
    [OPTION_SPAN] = {sizeof(struct span), value_read_span, value_write_span, "span"},
    [OPTION_BYTES] = {sizeof(uint64_t), value_read_bytes, value_write_bytes,
                      "auto, or a number of bytes, KiB, MiB, GiB, TiB, KB, MB, GB or TB"},
};

static int is_scalar(const struct option *option)
{
    return option->type > OPTION_SET;
}

int option_read(const struct option *option, const char *text, union option_value *value,
                char fault[OPTION_FAULT])
{
    if (!is_scalar(option) || *text != '"')
        return types[option->type].read(option, text, value, fault);
    char *plain = value_unquote(text, strlen(text), fault);
    int failed = !plain || types[option->type].read(option, plain, value, fault);
    free(plain);
    return failed ? -1 : 0;
}

void option_write(const struct option *option, const union option_value *value, FILE *out)
{
    types[option->type].write(option, value, out);
}

char *option_text(const struct option *option, const union option_value *value)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    option_write(option, value, out);
    if (!fclose(out))
        return text;
    free(text);
    return NULL;
}

void option_release(const struct option *option, union option_value *value)
{
    if (option->type == OPTION_LIST || option->type == OPTION_DEVICES ||
        option->type == OPTION_EXPRESSIONS || option->type == OPTION_SET ||
        option->type == OPTION_INPUTS)
        value_release_list(&value->list);
    else if (option->type == OPTION_METHOD)
        free(value->method.column);
    else if (!is_scalar(option))
        free(value->text);
}

void option_get(const struct option *option, const struct config *config, union option_value *to)
{
    memcpy(to, (const char *)config + option->offset, types[option->type].size);
}

void option_put(const struct option *option, struct config *config, const union option_value *from)
{
    memcpy((char *)config + option->offset, from, types[option->type].size);
}

void option_describe(const struct option *option, FILE *out)
{
    fputs(types[option->type].takes, out);
    if (option->choices)
        fprintf(out, "%s%s", option->type == OPTION_INPUT ? ", or " : "", option->choices);
    if (option->min < option->max)
        fprintf(out, "%.15g to %.15g", option->min, option->max);
}

int option_is_path(const struct option *option, const char *text)
{
    return *text && option_choice_index(option, text) < 0;
}

char *option_format(const char *format, ...)
{
    char *text;
    va_list ap;
    va_start(ap, format);
    int n = vasprintf(&text, format, ap);
    va_end(ap);
    return n < 0 ? NULL : text;
}
