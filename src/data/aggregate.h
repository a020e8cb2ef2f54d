/* SPDX-License-Identifier: MIT */
/*
 * aggregate: how the values of rows become one when rows are merged into candles. By a column's
 * name, or by data.aggregate. It owns nothing.
 */
#ifndef DATA_AGGREGATE_H
#define DATA_AGGREGATE_H

#include <stddef.h>

#include "config/config.h"
#include "error.h"

enum aggregate {
    AGGREGATE_LAST,
    AGGREGATE_FIRST,
    AGGREGATE_MAX,
    AGGREGATE_MIN,
    AGGREGATE_SUM,
    AGGREGATE_MEAN,
    AGGREGATES,
};

/* The rule that data.aggregate has for a column, else the one that its name tells; `last` if
 * neither does. */
enum aggregate aggregate_of(const struct list *rules, const char *column);

/* Whether the column's name is one of those that tell a rule. */
int aggregate_is_known(const char *column);

/* "first", "max" ... */
const char *aggregate_name(enum aggregate rule);

/* Each item of data.aggregate is `auto`, or a column and a rule; STATUS_USAGE. */
int aggregate_check(const struct list *rules, struct error *err);

/* One value of x[count]; NaN if one of them is. */
double aggregate_merge(enum aggregate rule, const double *x, size_t count);

#endif
