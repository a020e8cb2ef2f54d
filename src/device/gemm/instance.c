/* SPDX-License-Identifier: MIT */
#include "device/gemm/instance.h"

#include "device/gemm/provider.h"

/* Local memory of TILES: two buffers of A' and B', rows of four more than the tile is wide. */
#define TILES(tm, tn, r, c)                                                                      \
    .file = "gemm_tiles.cl", .kernel = "gemm_" #tm "x" #tn, .options = "", .m = (tm), .n = (tn), \
    .k = 8, .rows = (r), .columns = (c), .lanes = (tm) * (tn) / ((r) * (c)),                     \
    .local = 2 * 8 * ((tm) + (tn) + 8) * 4, .loaded = (tm) * (tn) / ((r) * (c)) * 4 * ((r) + (c))

/* The same of MMA, of four warps: its words lie in rows of 20 (cl/gemm_mma.cl). A warp loads its
 * part of A and of B, two bytes a factor. */
#define MMA(tm, tn)                                                                           \
    .file = "gemm_mma.cl", .kernel = "gemm_mma_" #tm "x" #tn,                                 \
    .options = " -DWM=2 -DWN=2 -DSPREAD=1", .m = (tm), .n = (tn), .k = 32, .rows = (tm) / 16, \
    .columns = (tn) / 8, .lanes = 128, .local = 2 * ((tm) + (tn)) * 20 * 4,                   \
    .loaded = 4 * 2 * ((tm) + (tn)) / 2, .matrix = 1

/*
 * Registers of sm_86 and sm_90 by tests/lint.py. `rate` is what local memory allows at 128 bytes a
 * cycle beside 128 multiply-adds, less a tenth for what is not multiplied. No GPU has measured it:
 * device.tuning = measure does.
 */
const struct gemm_instance gemm_instances[] = {
    /* Large products. 128 registers and 256 work-items leave two groups to a processor: occupancy
     * is 33% and 25%, but a work-item has 64 sums that do not wait for each other, so that four
     * warps of each scheduler have 256 operations under way where 4 cycles a warp ask for 4. */
    {TILES(128, 128, 8, 8), .rate = 0.9},
    /* Where 128 x 128 would leave processors without work or tiles half empty. 32 sums a work-item
     * in 88 registers: occupancy 41% and 31%. */
    {TILES(64, 64, 8, 4), .rate = 0.6},
    /* Small ones: 16 sums in 60 registers, many groups. */
    {TILES(32, 32, 4, 4), .rate = 0.4},
    /* Matrix units, where there are some. Few warps keep them busy: a warp has 32 products of
     * fragments in a row that do not wait for each other, 8 with a tile of 64. So the sums take
     * 250 registers, at an occupancy of 12 to 16%, and 96, at 25 to 33%. On sm_80 a processor
     * multiplies 8 times as much by them as by vector units. */
    {MMA(128, 128), .rate = 6, .fits = gemm_mma_fits_wide},
    {MMA(64, 64), .rate = 4, .fits = gemm_mma_fits},
};

const size_t gemm_instance_count = sizeof gemm_instances / sizeof *gemm_instances;

int gemm_instance_fits(const struct gemm_instance *of, const struct device *dev,
                       const struct gemm_shape *shape, enum dtype factor)
{
    const struct device_info *info = device_info(dev);
    return !info->is_cpu && of->lanes <= info->max_group && of->local <= info->local_bytes &&
           (!of->fits || of->fits(dev, shape, factor));
}

static size_t tiles_of(const struct gemm_shape *s, size_t m, size_t n)
{
    return (s->m + m - 1) / m * ((s->n + n - 1) / n);
}

#define UNKNOWN_UNITS 64 /* of a device that is only planned */
#define FULL_LANES 256   /* work-items that keep a processor at work */

/* The time of a product in units of one multiply-add of a processor for each of K: of the processor
 * with the most tiles, which is idle in part where these are few and small. */
static double cost(const struct gemm_instance *of, const struct device *dev,
                   const struct gemm_shape *s)
{
    const size_t known = device_info(dev)->compute_units, units = known ? known : UNKNOWN_UNITS;
    const size_t groups = tiles_of(s, of->m, of->n) * gemm_parts(s);
    const size_t most = (groups + units - 1) / units, lanes = most * of->lanes;
    const double busy = lanes < FULL_LANES ? (double)lanes / FULL_LANES : 1;
    return (double)(most * of->m * of->n) / (of->rate * busy);
}

const struct gemm_instance *gemm_instance_for(const struct device *dev,
                                              const struct gemm_shape *shape, enum dtype factor)
{
    const struct gemm_instance *best = NULL;
    for (size_t i = 0; i < gemm_instance_count; i++) {
        const struct gemm_instance *of = &gemm_instances[i];
        if (gemm_instance_fits(of, dev, shape, factor) &&
            (!best || cost(of, dev, shape) < cost(best, dev, shape)))
            best = of;
    }
    return best;
}

/* A part sums up 256 of K at least: it writes 8 bytes for 512 operations. Two groups of 64 x 64 for
 * each processor of a large card are enough. */
#define PART_LEAST ((size_t)256)
#define PARTS_GROUPS ((size_t)256)

size_t gemm_parts(const struct gemm_shape *s)
{
    const size_t tiles = tiles_of(s, 64, 64), wanted = tiles ? PARTS_GROUPS / tiles : 0;
    const size_t most = least(wanted, s->k / PART_LEAST);
    return most < 2 || s->k < 4 * PART_LEAST
               ? 1
               : (s->k + gemm_chunk(s, most) - 1) / gemm_chunk(s, most);
}

size_t gemm_chunk(const struct gemm_shape *s, size_t parts)
{
    return ((s->k + parts - 1) / parts + 31) / 32 * 32;
}

size_t gemm_room(const struct device *dev, const struct gemm_shape *s)
{
    const size_t parts = gemm_instance_for(dev, s, DTYPE_F32) ? gemm_parts(s) : 1;
    return parts > 1 ? parts * s->m * s->n : 0;
}
