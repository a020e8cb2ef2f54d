/* SPDX-License-Identifier: MIT */
#include "models/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void units_add(struct units *units, struct unit_slice slice, const char *format, ...)
{
    struct unit_slice *more = realloc(units->slice, (units->slices + 1) * sizeof *more);
    va_list ap;
    if (!more) {
        units->failed = 1;
        return;
    }
    units->slice = more;
    va_start(ap, format);
    vsnprintf(slice.name, sizeof slice.name, format, ap);
    va_end(ap);
    more[units->slices++] = slice;
}

void units_head(struct units *units, size_t set, size_t offset, size_t columns)
{
    const struct unit_slice reads = {
        .set = set, .axis = 1, .is_out = 1, .stride = columns, .offset = offset};
    units_add(units, reads, "attention.weight");
    units_add(units, reads, "output.weight");
}

void units_fini(struct units *units)
{
    free(units->slice);
    *units = (struct units){0};
}
