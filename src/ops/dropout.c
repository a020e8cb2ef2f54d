/* SPDX-License-Identifier: MIT */
#include "ops/ops.h"
#include "util/philox.h"

struct mask mask_of(const struct drop *drop)
{
    return (struct mask){drop->p, drop->sample, drop->period, philox_path(drop->path)};
}

void launch_dropout_key(struct graph *g, struct launch *l, const struct mask *drop)
{
    /* in 2^-16, so that the scale is exact for the share that is really dropped */
    uint32_t threshold = g->training ? (uint32_t)(drop->p * 0x1p16 + 0.5) : 0;
    launch_word(l, drop->path);
    launch_word(l, threshold);
    launch_float(l, 1 / (1 - threshold * 0x1p-16));
}

void launch_dropout(struct graph *g, struct launch *l, const struct mask *drop, size_t rows,
                    size_t chunk)
{
    launch_read(l, drop->sample);
    launch_read(l, g->step);
    launch_int(l, rows);
    launch_int(l, drop->period);
    launch_int(l, chunk);
    launch_dropout_key(g, l, drop);
}
