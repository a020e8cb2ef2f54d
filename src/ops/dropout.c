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

uint32_t dropout_threshold(const struct plan *p, const struct drop *drop)
{
    return p->training ? (uint32_t)(drop->p * 0x1p16 + 0.5) : 0;
}

/* Exact for the share that is really dropped. */
double dropout_scale(const struct plan *p, const struct drop *drop)
{
    return 1 / (1 - dropout_threshold(p, drop) * 0x1p-16);
}

void launch_dropout_key(struct plan *p, struct launch *l, const struct drop *drop)
{
    launch_word(l, drop->path);
    launch_word(l, dropout_threshold(p, drop));
    launch_float(l, dropout_scale(p, drop));
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
