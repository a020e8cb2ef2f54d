/* SPDX-License-Identifier: MIT */
/*
 * option: one key of the configuration, from options.def, and what its type can do: read a value
 * as it stands in an INI file, write it so that it reads back to the same bits, say what it takes.
 *
 * Internal to src/config; others see config.h. Callers hold the C locale (util/clocale.h).
 */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stdio.h>

#include "config/config.h"

enum option_type {
    OPTION_TEXT,
    OPTION_DEVICES,
    OPTION_INPUT,
    OPTION_INPUTS,
    OPTION_OUTPUT,
    OPTION_LIST,
    OPTION_EXPRESSION,
    OPTION_FIGURE,
    OPTION_EXPRESSIONS,
    OPTION_METHOD,
    OPTION_SET,
    OPTION_FLAG,
    OPTION_INTEGER,
    OPTION_AUTO,
    OPTION_REAL,
    OPTION_CHOICE,
    OPTION_DURATION,
    OPTION_SPAN,
    OPTION_BYTES,
};

enum option_resume { OPTION_FIXED, OPTION_FREE, OPTION_SWEEP };

struct option {
    enum option_type type;
    enum option_resume
        resume; /* whether --resume lets it differ from the checkpoint's; of a sweep */
    const char *section, *key, *def, *help;
    const char *choices; /* "a | b | c"; NULL where there are none */
    double min, max;
    size_t offset; /* of the value in struct config */
};

struct option_section {
    const char *name, *help;
};

extern const struct option options[];
extern const size_t option_count;
extern const struct option_section option_sections[];
extern const size_t option_section_count;

/* The value of a key, whatever its type. */
union option_value {
    char *text; /* TEXT, INPUT, OUTPUT */
    struct list list;
    int index; /* FLAG, CHOICE */
    struct method method;
    long integer;
    double real;
    int64_t ms;
    struct span span;
    uint64_t bytes;
};

/* Room for what is wrong with a value. */
#define OPTION_FAULT 512

/* Longest text and list item, bytes: a path's. */
#define OPTION_MAX_TEXT 4096

/* NULL if there is none. */
const struct option *option_find(const char *section, const char *key);

/*
 * Reads `text` (trimmed, quotes still on it) into `value`, which the caller releases. Fails with
 * -1 and what is wrong in `fault`: "'1e-4x' is not a number"; "" where memory runs out.
 */
int option_read(const struct option *option, const char *text, union option_value *value,
                char fault[OPTION_FAULT]);

/* Writes a value as option_read() takes it; lists are wrapped into continuation lines. */
void option_write(const struct option *option, const union option_value *value, FILE *out);

/* The same as a string, which the caller frees; NULL without memory. */
char *option_text(const struct option *option, const union option_value *value);

/* Plain where it would read back the same, else in quotes. `special` are characters that mean
 * something at this place. */
void option_write_quoted(const char *text, const char *special, FILE *out);

void option_release(const struct option *option, union option_value *value);

/* Between a config and a value; no copy of what the value points to. */
void option_get(const struct option *option, const struct config *config, union option_value *to);
void option_put(const struct option *option, struct config *config, const union option_value *from);

/* What the key takes, for the manual: "whole number, 1 to 65536". */
void option_describe(const struct option *option, FILE *out);

/* Text of choice number `index`, NULL if there is none. */
const char *option_choice(const struct option *option, int index);

/* Number of a choice, -1 if it is none. */
int option_choice_index(const struct option *option, const char *text);

/* Whether a text is the name of a file: not one of the words that an INPUT may have as well. */
int option_is_path(const struct option *option, const char *text);

/* A text that the caller frees; NULL without memory. */
char *option_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* 'text' in quotes, cut to a handful of words, for messages. */
#define OPTION_QUOTED 80
const char *option_quote(const char *text, char out[OPTION_QUOTED]);

#endif
