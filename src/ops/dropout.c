/* SPDX-License-Identifier: MIT */
#include "ops/dropout.h"

#include "util/philox.h"

struct drop drop_of(double p, const char *path)
{
    return (struct drop){p, philox_path(path)};
}

struct tensor *dropout_sample(struct plan *p)
{
    return p->graph->sample ? p->graph->sample : p->step;
}

void launch_dropout_key(struct plan *p, struct launch *l, const struct drop *drop)
{
    /* in 2^-16, so that the scale is exact for the share that is really dropped */
    uint32_t threshold = p->training ? (uint32_t)(drop->p * 0x1p16 + 0.5) : 0;
    launch_word(l, drop->path);
    launch_word(l, threshold);
    launch_float(l, 1 / (1 - threshold * 0x1p-16));
}

void launch_dropout(struct plan *p, struct launch *l, const struct drop *drop, size_t rows,
                    size_t period, size_t chunk)
{
    launch_read(l, dropout_sample(p));
    launch_read(l, p->step);
    launch_int(l, rows);
    launch_int(l, period);
    launch_int(l, chunk);
    launch_dropout_key(p, l, drop);
}
