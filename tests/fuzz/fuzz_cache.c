/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the reader of cached columns: any bytes are a cache file. What it takes must be what
 * table_read() could have given.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../data_fakes.h"
#include "data/cache.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    int fd = fuzz_file(bytes, size, path);
    for (int timed = 0; timed < 2; timed++) {
        struct table *all = cache_read(path, "key", "x.csv", timed, 2);
        for (const struct table *table = all; table; table = table->next) {
            for (size_t i = 0; i < table->rows; i++) {
                for (size_t c = 0; c < 2; c++) {
                    double x = table->column[c][i];
                    check(isfinite(x) || (isnan(x) && table->gaps));
                    check(!table->unfilled || !isinf(table->unfilled[c][i]));
                }
                check(!timed || i == 0 || table->time[i] > table->time[i - 1]);
                check(!table->origin || table->origin[i] < table->read);
            }
            for (size_t i = 0; i < table->cuts; i++)
                check(table->cut[i] > (i ? table->cut[i - 1] : 0) && table->cut[i] < table->rows);
            check(table->rows && strlen(table->name[0]) + strlen(table->name[1]) < size);
        }
        table_free(all);
    }
    close(fd);
    return 0;
}
