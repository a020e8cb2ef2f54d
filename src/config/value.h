/* SPDX-License-Identifier: MIT */
/*
 * value: values of options, type by type: read from text and written as text. value.c has single
 * values, value_list.c text, lists and what has arguments. Internal to src/config, as option.h; a
 * value belongs to the caller, who gives it back by option_release().
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/option.h"

/* Each reads `text` into `value`: 0, or -1 with what is wrong in fault[OPTION_FAULT], "" for
 * memory. */
int value_read_real(const struct option *option, const char *text, union option_value *value,
                    char *fault);
int value_read_integer(const struct option *option, const char *text, union option_value *value,
                       char *fault);
int value_read_choice(const struct option *option, const char *text, union option_value *value,
                      char *fault);
int value_read_duration(const struct option *option, const char *text, union option_value *value,
                        char *fault);
int value_read_span(const struct option *option, const char *text, union option_value *value,
                    char *fault);
int value_read_bytes(const struct option *option, const char *text, union option_value *value,
                     char *fault);
int value_read_text(const struct option *option, const char *text, union option_value *value,
                    char *fault);
int value_read_devices(const struct option *option, const char *text, union option_value *value,
                       char *fault);
int value_read_expression(const struct option *option, const char *text, union option_value *value,
                          char *fault);
int value_read_figure(const struct option *option, const char *text, union option_value *value,
                      char *fault);
int value_read_list(const struct option *option, const char *text, union option_value *value,
                    char *fault);
int value_read_method(const struct option *option, const char *text, union option_value *value,
                      char *fault);
int value_read_set(const struct option *option, const char *text, union option_value *value,
                   char *fault);

/* Each writes a value as it is read back. */
void value_write_real(const struct option *option, const union option_value *value, FILE *out);
void value_write_integer(const struct option *option, const union option_value *value, FILE *out);
void value_write_choice(const struct option *option, const union option_value *value, FILE *out);
void value_write_duration(const struct option *option, const union option_value *value, FILE *out);
void value_write_span(const struct option *option, const union option_value *value, FILE *out);
void value_write_bytes(const struct option *option, const union option_value *value, FILE *out);
void value_write_text(const struct option *option, const union option_value *value, FILE *out);
void value_write_devices(const struct option *option, const union option_value *value, FILE *out);
void value_write_expression(const struct option *option, const union option_value *value,
                            FILE *out);
void value_write_list(const struct option *option, const union option_value *value, FILE *out);
void value_write_method(const struct option *option, const union option_value *value, FILE *out);

void value_release_list(struct list *list);

/* "'text' what", as a fault. -1. */
int value_wrong(char fault[OPTION_FAULT], const char *text, const char *what);

/* A decimal number: no blanks before it, no hexadecimal digits, inf or nan. Returns what follows
 * it, NULL if there is no number. What is too large becomes infinite, out of any bounds. */
const char *value_read_number(const char *text, double *value);

/* As a person would write it; more digits only where it takes them to read back the same. */
void value_write_number(double value, FILE *out);

/* Takes "quoted", where "" stands for ", or plain text. NULL with `fault` if it is neither. */
char *value_unquote(const char *text, size_t length, char *fault);

#endif
