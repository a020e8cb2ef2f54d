/* SPDX-License-Identifier: MIT */
/*
 * features: columns and functions of them, written as expressions: `close`, `ma(close,10)`,
 * `atr(high,low,close,14)`.
 *
 *   expression = column | function "(" [ expression {"," expression} {"," number} ] ")"
 *
 * A column is anything without , ( ) and found whatever its case. A function is one entry of the
 * registry in feature_functions.c; its last numbers may be left out where they have a default. All
 * functions look back only: a row's value depends on that row and those before it in its run. The
 * first feature_warmup() rows of a run have no value.
 *
 * feature_parse() gives a tree that the caller frees; it refers to nothing outside.
 */
#ifndef DATA_FEATURES_H
#define DATA_FEATURES_H

#include <stddef.h>
#include <stdio.h>

#include "data/table.h"
#include "error.h"

#define FEATURE_ARGUMENTS 3
#define FEATURE_NUMBERS 3

struct feature_function;

struct feature {
    char *text; /* as it was written, without blanks at the ends: names the feature */
    const struct feature_function *function;     /* NULL: a column */
    struct feature *argument[FEATURE_ARGUMENTS]; /* series; NULL behind the last one */
    double number[FEATURE_NUMBERS];              /* those of the function */
    size_t column;                               /* column: where the table has it */
};

/* STATUS_USAGE and "'ma(close': ')' is missing". */
struct feature *feature_parse(const char *text, struct error *err);
void feature_free(struct feature *feature);

/* What stands in quotes, if all of the text does: "" there is one quote. The caller frees it; NULL
 * if not. -1: memory. */
int feature_unquoted(const char *text, char **inside);

/*
 * Adds the columns that the feature needs to names[], which holds *count of them and grows (the
 * caller frees it; the names belong to the feature), and remembers where each one is. -1: memory.
 */
int feature_columns(struct feature *feature, char ***names, size_t *count);

/* Whether the feature needs a column; names are compared without their case. */
int feature_reads(const struct feature *feature, const char *column);

/* The column that stands first in the expression, "close" of ma(close,10); NULL if there is none,
 * as in hour_sin(). Forecasts of a target are told in its unit. */
const struct feature *feature_base(const struct feature *feature);

/* Rows at the start of a run that have no value. */
size_t feature_warmup(const struct feature *feature);

/*
 * Values of the rows of one run into out[run.end - run.begin]; NaN in its warm-up. STATUS_INPUT,
 * naming the row, where a value is not finite (the logarithm of 0); STATUS_USAGE where the table
 * has no time and the feature needs it.
 */
int feature_compute(const struct feature *feature, const struct table *table, struct run run,
                    double *out, struct error *err);

/* The same for a table with gaps: the value is NaN in rows where a column of the feature has none,
 * and the feature does not reach across them. */
int feature_compute_known(const struct feature *feature, const struct table *table, struct run run,
                          double *out, struct error *err);

/* Writes the functions, one a line: "rsi(x,n=14)", a tab, what it is. For the manual. */
void feature_reference(FILE *out);

#endif
