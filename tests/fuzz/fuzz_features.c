/*
 * Fuzzes features: any text is an expression. One that is understood is computed over a small
 * table; rows behind the warm-up must be finite, those in it must not have a value, and the past
 * must not depend on whether there is a future.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../data_fakes.h"
#include "data/features.h"

enum { ROWS = 40, PAST = 25 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void compute(const struct feature *feature, size_t columns)
{
    static char path[] = "fuzz";
    double value[ROWS], out[ROWS], past[PAST], *column[64];
    struct error err;
    struct table table = {.path = path, .rows = ROWS, .columns = columns, .column = column};
    for (int i = 0; i < ROWS; i++)
        value[i] = 10 + i % 7 - i % 3 * 0.25;
    for (size_t i = 0; i < columns; i++)
        column[i] = value;
    if (feature_compute(feature, &table, (struct run){0, ROWS}, out, &err)) {
        check(err.status == STATUS_INPUT && *err.text);
        return;
    }
    size_t warmup = feature_warmup(feature);
    for (size_t i = 0; i < ROWS; i++)
        check(i < warmup ? isnan(out[i]) : isfinite(out[i]));
    check(!feature_compute(feature, &table, (struct run){0, PAST}, past, &err));
    check(!memcmp(out, past, sizeof past));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct error err;
    char **names = NULL, *text = malloc(size + 1);
    size_t columns = 0;
    check(text != NULL);
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    struct feature *feature = feature_parse(text, &err);
    if (feature) {
        check(!feature_columns(feature, &names, &columns));
        if (columns <= 64)
            compute(feature, columns);
    } else {
        check(err.status == STATUS_USAGE && *err.text);
    }
    feature_free(feature);
    free(names);
    free(text);
    return 0;
}
