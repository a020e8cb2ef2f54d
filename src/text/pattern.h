/* SPDX-License-Identifier: MIT */
/*
 * pattern: what a tokenizer.json searches texts for: a plain text, or a regular expression as
 * Oniguruma reads it, for which PCRE2 stands in (pattern_syntax.c says how). A pattern never
 * changes; what a search writes to is its pattern_work, one a thread.
 */
#ifndef TEXT_PATTERN_H
#define TEXT_PATTERN_H

#include <jansson.h>
#include <stddef.h>

#include "text/field.h"
#include "text/textbuf.h"

struct pattern;
struct pattern_work;

/* {"Regex": ...} or {"String": ...}. */
struct pattern *pattern_read(const struct part *part, const json_t *json, struct error *err);

struct pattern *pattern_regex(const struct part *part, const char *regex, struct error *err);
struct pattern *pattern_plain(const struct part *part, const char *text, size_t size,
                              struct error *err);
void pattern_free(struct pattern *pattern);

struct pattern_work *pattern_work_new(struct error *err);
void pattern_work_free(struct pattern_work *work);

/* The matches of a text from left to right; an empty one does not stand where another one ended.
 * The caller sets the first three. */
struct matches {
    const struct pattern *pattern;
    const char *text; /* UTF-8 */
    size_t size;
    size_t at, last; /* where the search goes on; where the last match ended */
    int any;         /* there was one */
};

/* 1: the next match is text[*from .. *to - 1]; 0: there is none; -1: the search takes too much. */
int pattern_next(struct pattern_work *work, struct matches *m, size_t *from, size_t *to,
                 struct error *err);

/* A regular expression in PCRE2's words, added to `to`. */
int pattern_translate(const struct part *part, const char *regex, struct textbuf *to,
                      struct error *err);

#endif
