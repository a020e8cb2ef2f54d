/* SPDX-License-Identifier: MIT */
#include "lower/cut.h"

int cut_for_cpu(const struct plan *p)
{
    return device_info(p->dev)->is_cpu;
}

unsigned cut_vec(const struct plan *p, size_t extent)
{
    unsigned vec = cut_for_cpu(p) ? 16 : 4;
    while (extent % vec)
        vec /= 2;
    return vec;
}

unsigned cut_lanes(const struct plan *p, size_t extent, unsigned vec)
{
    unsigned lanes = cut_group(p, 32);
    while (lanes > 1 && lanes < 256 && lanes * vec < extent &&
           lanes * 2 <= device_info(p->dev)->max_group)
        lanes *= 2;
    return lanes;
}

unsigned cut_group(const struct plan *p, unsigned gpu)
{
    return cut_for_cpu(p) ? 1 : gpu;
}

size_t cut_chunks(const struct plan *p, size_t rows)
{
    size_t most = cut_for_cpu(p) ? 64 : 512;
    return rows < most ? rows : most;
}

struct chunks cut_rows(const struct plan *p, size_t rows)
{
    size_t chunks = cut_chunks(p, rows), chunk = (rows + chunks - 1) / chunks;
    return (struct chunks){chunk, (rows + chunk - 1) / chunk};
}
