/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the reading of several series in one file: any bytes are a file. Each series must be what
 * a file of its rows alone is: in the order of time, its rows from the file's, and none twice.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/table.h"
#include "fuzz.h"

/* Rows of a series; `seen` has those of the file that were taken. */
static void check_series(const struct table *t, int timed, unsigned char *seen)
{
    check(t->series && *t->series);
    check(!t->next || strcmp(t->series, t->next->series) < 0);
    check(t->rows <= t->read && !t->time == !timed);
    for (size_t i = 0; i < t->rows; i++) {
        size_t row = t->origin ? (size_t)t->origin[i] : i;
        check(row < t->read && !seen[row]);
        seen[row] = 1;
        check(!timed || !i || t->time[i] > t->time[i - 1]);
        check(t->gaps || isfinite(t->column[0][i]));
        check(!t->line || t->line[i] >= t->first_line);
    }
    for (size_t i = 0; i < t->cuts; i++)
        check(t->cut[i] < t->rows && (!i || t->cut[i] > t->cut[i - 1]));
}

static void read_as(const char *path, const struct table_how *how)
{
    char name[] = "x", *names[] = {name};
    struct error err;
    *err.text = 0;
    struct table *tables = table_read(path, how, names, 1, NULL, &err);
    check(tables || (*err.text && !strchr(err.text, '\n')));
    unsigned char *seen = tables ? calloc(tables->read + 1, 1) : NULL;
    for (const struct table *t = tables; t && seen; t = t->next)
        check_series(t, how->time[0] != NULL, seen);
    free(seen);
    table_free(tables);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    int fd = fuzz_file(bytes, size, path);
    struct table_how how = {.series = "who", .missing_limit = 2};
    for (int timed = 0; timed < 2; timed++) {
        how.time[0] = timed ? "t" : NULL;
        for (int k = 0; k < 3; k++) {
            how.order = k ? ORDER_SORT : ORDER_AUTO;
            how.duplicates = k ? DUPLICATES_LAST : DUPLICATES_ERROR;
            how.missing = k; /* error, skip, previous */
            read_as(path, &how);
        }
    }
    /* what it looks like when it is not told so */
    char name[] = "x", *names[] = {name};
    struct error err;
    for (int timed = 0; timed < 2; timed++)
        table_free(table_read(path, &(struct table_how){.time = {timed ? "t" : NULL}}, names, 1,
                              NULL, &err));
    close(fd);
    return 0;
}
