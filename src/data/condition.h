/* SPDX-License-Identifier: MIT */
/*
 * condition: which rows count, said with features: `volatility(close,20) > 0.01 and volume >= 1`.
 *
 *   condition   = conjunction {"or" conjunction}
 *   conjunction = negation {"and" negation}
 *   negation    = "not" negation | "(" condition ")" | comparison
 *   comparison  = side ("<" | "<=" | ">" | ">=" | "==" | "!=") side
 *   side        = number | feature expression (features.h)
 *
 * Words are found whatever their case. Columns whose names hold one of them or a < = > ! cannot be
 * used. condition_parse() gives a condition that the caller frees; it refers to nothing outside.
 */
#ifndef DATA_CONDITION_H
#define DATA_CONDITION_H

#include <stddef.h>

#include "data/table.h"
#include "error.h"

struct condition;

/* STATUS_USAGE and "'volume >': a number or a feature is missing at the end". */
struct condition *condition_parse(const char *text, struct error *err);
void condition_free(struct condition *condition);

/* As feature_columns(); the names belong to the condition. */
int condition_columns(struct condition *condition, char ***names, size_t *count);

/* Whether a feature of the condition needs a column. */
int condition_reads(const struct condition *condition, const char *column);

/* Rows at the start of a run for which some feature has no value; the condition is not fulfilled
 * there. */
size_t condition_warmup(const struct condition *condition);

/*
 * 1 or 0 for each row of a run into out[run.end - run.begin]. Every feature is computed in every
 * row, whatever stands before it. Fails as feature_compute() does.
 */
int condition_compute(const struct condition *condition, const struct table *table, struct run run,
                      unsigned char *out, struct error *err);

#endif
