/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes features and conditions: any text is an expression, and a condition. One that is
 * understood is computed over a small table; rows behind the warm-up must be finite, those in it
 * must not have a value or be chosen, and the past must not depend on whether there is a future.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../data_fakes.h"
#include "data/condition.h"
#include "data/features.h"
#include "fuzz.h"

enum { ROWS = 40, PAST = 25, COLUMNS = 64 };

/* Columns that differ from each other and hold zeros and values of either sign. */
static void fill(struct table *table)
{
    static char path[] = "fuzz";
    static double value[COLUMNS][ROWS], *column[COLUMNS];
    static int64_t time[ROWS];
    for (int c = 0; c < COLUMNS; c++) {
        column[c] = value[c];
        for (int i = 0; i < ROWS; i++)
            value[c][i] = c % 4 == 3 ? i % 5 - 2 : 10 + c + i % 7 - i % 3 * 0.25;
    }
    for (int i = 0; i < ROWS; i++)
        time[i] = (int64_t)i * 3600000;
    *table = (struct table){
        .path = path, .rows = ROWS, .columns = COLUMNS, .column = column, .time = time};
}

static void compute(const struct feature *feature, const struct table *table)
{
    double out[ROWS], past[PAST];
    struct error err;
    if (feature_compute(feature, table, (struct run){0, ROWS}, out, &err)) {
        check(err.status == STATUS_INPUT && *err.text);
        return;
    }
    size_t warmup = feature_warmup(feature);
    for (size_t i = 0; i < ROWS; i++)
        check(i < warmup ? isnan(out[i]) : isfinite(out[i]));
    check(!feature_compute(feature, table, (struct run){0, PAST}, past, &err));
    check(!memcmp(out, past, sizeof past));
}

static void try_feature(const char *text, const struct table *table)
{
    struct error err;
    char **names = NULL;
    size_t columns = 0;
    struct feature *feature = feature_parse(text, &err);
    if (feature) {
        check(!feature_columns(feature, &names, &columns));
        check((columns > 0) == (feature_base(feature) != NULL));
        if (columns <= COLUMNS)
            compute(feature, table);
    } else {
        check(err.status == STATUS_USAGE && *err.text);
    }
    feature_free(feature);
    free(names);
}

static void choose(const struct condition *condition, const struct table *table)
{
    unsigned char out[ROWS], past[PAST];
    struct error err;
    if (condition_compute(condition, table, (struct run){0, ROWS}, out, &err)) {
        check(err.status == STATUS_INPUT && *err.text);
        return;
    }
    size_t warmup = condition_warmup(condition);
    for (size_t i = 0; i < ROWS; i++)
        check(out[i] <= (i >= warmup));
    check(!condition_compute(condition, table, (struct run){0, PAST}, past, &err));
    check(!memcmp(out, past, sizeof past));
}

static void try_condition(const char *text, const struct table *table)
{
    struct error err;
    char **names = NULL;
    size_t columns = 0;
    struct condition *condition = condition_parse(text, &err);
    if (condition) {
        check(!condition_columns(condition, &names, &columns));
        if (columns <= COLUMNS)
            choose(condition, table);
    } else {
        check(err.status == STATUS_USAGE && *err.text);
    }
    condition_free(condition);
    free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct table table;
    char *text = malloc(size + 1);
    check(text != NULL);
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    fill(&table);
    try_feature(text, &table);
    try_condition(text, &table);
    free(text);
    return 0;
}
