/* SPDX-License-Identifier: MIT */
/*
 * What the data tests share: a log that remembers instead of writing and questions about what it
 * was told, the two names that data wants from the option table, and small files to read. Included
 * by one file of a program.
 */
#ifndef TESTS_DATA_FAKES_H
#define TESTS_DATA_FAKES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "data/dataset.h"
#include "log/log.h"

static char fake_said[1 << 16];   /* what log_say() and log_detail() were told */
static char fake_warned[1 << 14]; /* what log_warn() was told */
static unsigned fake_unheard;     /* calls of log_progress() without a log, from any thread */
static json_t *fake_event;        /* members of the last log_event() */

__attribute__((unused)) static void fake_forget(void)
{
    *fake_said = *fake_warned = 0;
    json_decref(fake_event);
    fake_event = NULL;
}

static void fake_append(char *to, size_t size, const char *format, va_list ap)
{
    size_t used = strlen(to);
    vsnprintf(to + used, size - used, format, ap);
    used = strlen(to);
    snprintf(to + used, size - used, "\n");
}

void log_say(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    fake_append(fake_said, sizeof fake_said, format, ap);
    va_end(ap);
}

void log_detail(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    fake_append(fake_said, sizeof fake_said, format, ap);
    va_end(ap);
}

void log_warn(struct log *log, const char *format, ...)
{
    (void)log;
    va_list ap;
    va_start(ap, format);
    fake_append(fake_warned, sizeof fake_warned, format, ap);
    va_end(ap);
}

void log_event(struct log *log, const char *event, json_t *members)
{
    (void)log;
    if (strcmp(event, "data"))
        abort();
    json_decref(fake_event);
    fake_event = members;
}

void log_progress(struct log *log, const char *text, uint64_t done, uint64_t total)
{
    (void)text;
    fake_unheard += log == NULL;
    if (done > total)
        abort();
}

const char *config_choice(const char *section, const char *key, int value)
{
    static const char *const scalers[] = {"none", "standard", "minmax", "robust", "window"};
    static const char *const splits[] = {"chronological", "shuffled", "stratified",
                                         "shuffled_windows", "spec", "walk_forward"};
    if (strcmp(section, "data"))
        abort();
    return strcmp(key, "split") ? scalers[value] : splits[value];
}

/* The whole number `key`, or `inner` of it, that the last event had. */
__attribute__((unused)) static json_int_t fake_told(const char *key, const char *inner)
{
    json_t *value = json_object_get(fake_event, key);
    if (inner)
        value = json_object_get(value, inner);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* An error has this status and says this. */
__attribute__((unused)) static void fake_expect(const struct error *err, enum status status,
                                                const char *wants)
{
    if (!strstr(err->text, wants))
        fail_msg("'%s' does not say '%s'", err->text, wants);
    assert_int_equal(err->status, status);
}

/* Writes bytes into a new file and returns its path; the caller unlinks it. */
__attribute__((unused)) static const char *fake_file(const void *bytes, size_t size,
                                                     const char *suffix)
{
    static char path[64];
    snprintf(path, sizeof path, "data-XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!out || fwrite(bytes, 1, size, out) != size || fclose(out))
        abort();
    return path;
}

/* Reads the data of a configuration; fails the test if that fails. */
__attribute__((unused)) static struct dataset *fake_load(const struct config *config)
{
    struct error err;
    fake_forget();
    struct dataset *data = dataset_load(config, NULL, NULL, &err);
    if (!data)
        fail_msg("%s", err.text);
    return data;
}

/* Reading fails in this way. */
__attribute__((unused)) static void fake_expect_fault(const struct config *config,
                                                      enum status status, const char *wants)
{
    struct error err = {0};
    fake_forget();
    assert_null(dataset_load(config, NULL, NULL, &err));
    fake_expect(&err, status, wants);
}

#endif
