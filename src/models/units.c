/* SPDX-License-Identifier: MIT */
#include "models/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/model.h"

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

int units_of(const struct config *config, struct units *to, struct error *err)
{
    const struct model_class *class = model_of(config);
    *to = (struct units){0};
    if (config->adapter.r || config->model.quantize != QUANTIZE_NONE)
        return error_set(err, STATUS_USAGE,
                         "the model has %s: seqtrain merge makes one model of it first",
                         config->adapter.r ? "an adapter" : "quantised weights");
    if (!class->units)
        return error_set(err, STATUS_USAGE,
                         "a model of type %s has no units that can be left out: recurrent, "
                         "cnn_recurrent, tcn, transformer and autoencoder have",
                         class->name);
    if (class->units(config, to, err))
        return -1;
    return to->failed ? error_set(err, STATUS_FAILED, "out of memory") : 0;
}

void units_fini(struct units *units)
{
    free(units->slice);
    *units = (struct units){0};
}
