/* SPDX-License-Identifier: MIT */
/*
 * figures: numbers of a JSON object as tables of a page: what is a number stands in one table, each
 * object within it in a table of its own. It owns nothing.
 */
#ifndef REPORT_FIGURES_H
#define REPORT_FIGURES_H

#include <jansson.h>
#include <stdio.h>

/* "cross_entropy" as a person calls it: "cross-entropy"; the name itself where none is known. */
const char *figures_word(const char *name);

/* A figure: a number, a truth, a text; "-". */
void figures_put_value(const json_t *x, FILE *out);

/* All tables of an object; `caption`: of the first one. Members of events that are no figures are
 * left out. */
void figures_put(const char *caption, const json_t *object, FILE *out);

#endif
