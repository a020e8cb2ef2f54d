/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes csv and table: any bytes are a file. Besides what the sanitizers see, numbers must be
 * those of strtod(), what a table holds must be finite and in the order of time, and reading plain
 * lines at once, and in stretches, must give what reading line by line does.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/csv.h"
#include "data/table.h"
#include "fuzz.h"

/* Reads all columns by the reader alone. */
static void read_fields(const char *path)
{
    struct error err;
    struct csv *csv = csv_open(path, NULL, &err);
    int more = 0;
    while (csv && (more = csv_next(csv, &err)) > 0) {
        for (size_t i = 0; i < csv->columns; i++) {
            const struct csv_field *field = &csv->field[i];
            double x;
            check(strlen(field->text) == field->length);
            if (csv_parse_number(field->text, field->length, &x) == CSV_NUMBER) {
                double wanted = strtod(field->text, NULL);
                check(!memcmp(&x, &wanted, sizeof x));
            }
        }
    }
    if (!csv || more < 0)
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
    csv_close(csv);
}

static struct table *read_by(const char *path, const char *time, size_t columns, uint64_t stretch,
                             struct error *err)
{
    char name[] = "b", *names[] = {name, name};
    table_stretch = stretch;
    table_threads = 3;
    return table_read(path, &(struct table_how){.time = {time}}, names, columns, NULL, err);
}

static void check_same(const struct table *a, const struct table *b, const struct error *err,
                       const struct error *other)
{
    check(!a == !b && (a || !strcmp(err->text, other->text)));
    if (!a)
        return;
    check(a->rows == b->rows && a->format == b->format);
    check(!memcmp(a->column[0], b->column[0], a->rows * sizeof(double)));
    check(!a->time == !b->time);
    check(!a->time || !memcmp(a->time, b->time, a->rows * sizeof *a->time));
}

/* Field by field, as is done for a column that is wanted twice; the quick way; side by side. */
static void read_all_ways(const char *path, const char *time)
{
    struct error err, other;
    struct table *a = read_by(path, time, 2, UINT64_MAX, &err);
    for (int beside = 0; beside < 2; beside++) {
        struct table *b = read_by(path, time, 1, beside ? 8 : UINT64_MAX, &other);
        check_same(a, b, &err, &other);
        table_free(b);
    }
    table_free(a);
}

/* Reads the column b and the time a, cuts and resamples. */
static void read_as_table(const char *path)
{
    struct error err;
    struct resampling told;
    char name[] = "b", *names[] = {name};
    struct table *table =
        table_read(path, &(struct table_how){.time = {"a"}}, names, 1, NULL, &err);
    if (!table) {
        check(err.status == STATUS_INPUT && *err.text && !strchr(err.text, '\n'));
        return;
    }
    for (size_t i = 0; i < table->rows; i++)
        check(isfinite(table->column[0][i]) && (i == 0 || table->time[i] > table->time[i - 1]));
    size_t count, rows = 0;
    struct run *run = table_runs(table, 100000, &count);
    for (size_t i = 0; i < count; i++) {
        check(run[i].begin == rows && run[i].end > rows);
        rows = run[i].end;
    }
    check(rows == table->rows);
    if (!table_resample(table, 180000, NULL, NULL, run, &count, &told, &err)) {
        for (size_t i = 0; i < table->rows; i++)
            check(table->time[i] % 180000 == 0);
    }
    free(run);
    table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    int fd = fuzz_file(bytes, size, path);
    read_fields(path);
    read_as_table(path);
    read_all_ways(path, "a");
    read_all_ways(path, "");
    close(fd);
    return 0;
}
