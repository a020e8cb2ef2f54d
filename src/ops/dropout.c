#include "ops/ops.h"
#include "util/philox.h"

void launch_dropout_key(struct graph *g, struct launch *l, const struct drop *drop)
{
    double p = g->training ? drop->p : 0;
    launch_word(l, philox_path(drop->path));
    launch_word(l, (uint32_t)(p * 0x1p32));
    launch_float(l, 1 / (1 - p));
}

void launch_dropout(struct graph *g, struct launch *l, const struct drop *drop, size_t rows,
                    size_t chunk)
{
    launch_read(l, drop->sample);
    launch_read(l, g->step);
    launch_int(l, rows);
    launch_int(l, drop->period);
    launch_int(l, chunk);
    launch_dropout_key(g, l, drop);
}
