/* SPDX-License-Identifier: MIT */
#include "device/gemm/instance.h"

#include <math.h>
#include <string.h>

#include "device/gemm/provider.h"
#include "tensor/packed.h"

/* Local memory of TILES: two buffers of A' and B', rows of four more than the tile is wide. */
#define TILES(tm, tn, r, c)                                                                      \
    .file = "gemm_tiles.cl", .kernel = "gemm_" #tm "x" #tn, .options = "", .m = (tm), .n = (tn), \
    .k = 8, .rows = (r), .columns = (c), .lanes = (tm) * (tn) / ((r) * (c)),                     \
    .local = 2 * 8 * ((tm) + (tn) + 8) * 4, .loaded = (tm) * (tn) / ((r) * (c)) * 4 * ((r) + (c))

/* The same of MMA, of wm x wn warps that take `steps` of 16 of K at once: its words lie in rows of
 * four more than these have (cl/gemm_mma.cl). A warp, of `warp` work-items, loads its part of A and
 * of B, two bytes a factor. */
#define MMA(kind, warp, tm, tn, wm, wn, steps)                                         \
    .file = "gemm_mma.cl", .kernel = "gemm_mma_" #tm "x" #tn,                          \
    .options = " -DWM=" #wm " -DWN=" #wn " -DSTEPS=" #steps, .m = (tm), .n = (tn),     \
    .k = 16 * (steps), .rows = (tm) / 8 / (wm), .columns = (tn)*8 / (warp) / (wn),     \
    .lanes = (warp) * (wm) * (wn), .local = 2 * ((tm) + (tn)) * (8 * (steps) + 4) * 4, \
    .loaded = (wm) * (wn)*2 * ((tm) / (wm) + (tn) / (wn)), .matrix = MATRIX_##kind

/*
 * Registers of sm_86 and sm_90 by tests/lint.py. `rate` is what local memory allows at 128 bytes a
 * cycle beside 128 multiply-adds, less a tenth for what is not multiplied. No GPU has measured it:
 * device.tuning = measure does.
 */
const struct gemm_instance gemm_instances[] = {
    /* Large products. 128 registers and 256 work-items leave two groups to a processor: occupancy
     * is 33% and 25%, but a work-item has 64 sums that do not wait for each other, so that four
     * warps of each scheduler have 256 operations under way where 4 cycles a warp ask for 4. */
    {TILES(128, 128, 8, 8), .held = 2, .rate = 0.9},
    /* Where 128 x 128 would leave processors without work or tiles half empty. 32 sums a work-item
     * in 88 registers: occupancy 41% and 31%. */
    {TILES(64, 64, 8, 4), .held = 5, .rate = 0.6},
    /* Small ones: 16 sums in 60 registers, many groups. */
    {TILES(32, 32, 4, 4), .held = 16, .rate = 0.4},
    /* Matrix units, where there are some. Few warps keep them busy: a warp has 32 products of
     * fragments in a row that do not wait for each other, 8 with a tile of 64. So the sums take
     * 250 registers, at an occupancy of 12 to 16%, and 96, at 25 to 33%. Rates are those that
     * local memory allows where they multiply 16 times as much as vector units, as on sm_80 and
     * sm_90: other cards' are lower (device_info.matrix_rate). */
    {MMA(PTX, 32, 128, 128, 2, 2, 2), .held = 2, .rate = 9.5, .fits = gemm_mma_fits_wide},
    {MMA(PTX, 32, 64, 64, 2, 2, 2), .held = 4, .rate = 4.8, .fits = gemm_mma_fits},
    /* Fewest bytes from the last cache, which bounds large products. A group fills a processor. */
    {MMA(PTX, 32, 256, 128, 4, 2, 1), .held = 1, .rate = 10.5, .fits = gemm_mma_fits_wide},
    /* AMD's: 195 and 133 vector registers of gfx1100 by clang 19, without spills. */
    {MMA(WMMA, 32, 128, 128, 4, 2, 2), .held = 1, .rate = 9.5, .fits = gemm_mma_fits_wide},
    {MMA(WMMA, 32, 64, 64, 2, 2, 2), .held = 2, .rate = 4.8, .fits = gemm_mma_fits},
    /* Intel's: the sums of a sub-group take half of a thread's 128 registers. */
    {MMA(DPAS_8, 8, 128, 128, 4, 8, 2), .held = 1, .rate = 9.5, .fits = gemm_mma_fits_wide},
    {MMA(DPAS_8, 8, 64, 64, 2, 4, 2), .held = 4, .rate = 4.8, .fits = gemm_mma_fits},
    {MMA(DPAS_16, 16, 128, 128, 4, 4, 2), .held = 1, .rate = 9.5, .fits = gemm_mma_fits_wide},
    {MMA(DPAS_16, 16, 64, 64, 2, 2, 2), .held = 4, .rate = 4.8, .fits = gemm_mma_fits},
};

const size_t gemm_instance_count = sizeof gemm_instances / sizeof *gemm_instances;

int gemm_instance_fits(const struct gemm_instance *of, const struct device *dev,
                       const struct gemm_shape *shape, enum dtype factor)
{
    const struct device_info *info = device_info(dev);
    if (of->matrix && of->matrix != device_matrix_kind(info->matrix))
        return 0;
    return !info->is_cpu && of->lanes <= info->max_group && of->local <= info->local_bytes &&
           (!of->fits || of->fits(dev, shape, factor));
}

static size_t tiles_of(const struct gemm_shape *s, size_t m, size_t n)
{
    return (s->m + m - 1) / m * ((s->n + n - 1) / n);
}

size_t gemm_bytes(const struct gemm_instance *of, const struct gemm_shape *s)
{
    const enum dtype b = packed_is(s->type[1]) ? DTYPE_F32 : s->type[1];
    return dtype_bytes(s->type[0], of->m) + dtype_bytes(b, of->n);
}

size_t gemm_under_way(const struct gemm_instance *of, const struct gemm_shape *s)
{
    const int mixed = (s->type[0] == DTYPE_F32) != (s->type[1] == DTYPE_F32);
    const int is_full = of->k > 16 && of->m * of->n / of->lanes > 64;
    return of->matrix && mixed && is_full ? of->k / 2 : of->k;
}

#define UNKNOWN_UNITS 64 /* of a device that is only planned */
/* Work-items that keep a processor at work: by matrix units a warp for each quarter of it. */
#define FULL_LANES 256
#define FULL_MATRIX 128
#define RATE 128       /* multiply-adds of a processor in a cycle */
#define CACHE_BYTES 20 /* that the last cache gives one in a cycle where all ask: 12 to 23 */
#define LATENCY 1100   /* cycles from a load to its value from memory */

/* Compute units, as OpenCL counts them, of a processor that makes RATE operations in a cycle, by
 * whose they are: Intel's drivers count vector engines, 16 of a core, or 8 of twice the width,
 * which have sub-groups of 16 at least ("Xe HPG", "Xe2"). */
static const struct {
    const char *vendor;
    enum device_matrix matrix; /* MATRIX_NONE: whatever it has */
    unsigned units;
} classes[] = {{"Intel", MATRIX_DPAS_16, 8}, {"Intel", MATRIX_NONE, 16}};

static size_t processors(const struct device *dev)
{
    const struct device_info *info = device_info(dev);
    const enum device_matrix kind = device_matrix_kind(info->matrix);
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strncmp(info->vendor, classes[i].vendor, strlen(classes[i].vendor)) &&
            (!classes[i].matrix || classes[i].matrix == kind))
            return (info->compute_units + classes[i].units - 1) / classes[i].units;
    return info->compute_units;
}

/* How the tiles of a product lie on processors. */
struct dealt {
    double units, groups, most; /* most: of the processor with the most */
};

static struct dealt deal(const struct gemm_instance *of, const struct device *dev,
                         const struct gemm_shape *s)
{
    const size_t known = processors(dev), units = known ? known : UNKNOWN_UNITS;
    const size_t groups = tiles_of(s, of->m, of->n) * gemm_parts(s);
    return (struct dealt){(double)units, (double)groups, (double)((groups + units - 1) / units)};
}

/* Cycles for each of a part of K: of the processor with the most tiles, which is idle in part where
 * these are few and small ... */
static double multiplying(const struct gemm_instance *of, const struct device *dev,
                          const struct dealt *d)
{
    const double units = (double)device_info(dev)->matrix_rate;
    const double rate = RATE * (of->matrix ? fmin(of->rate, units) : of->rate);
    const double lanes = d->most * (double)of->lanes, full = of->matrix ? FULL_MATRIX : FULL_LANES;
    const double busy = lanes < full ? lanes / full : 1;
    return d->most * (double)(of->m * of->n) / (rate * busy);
}

/* ... until all tiles' factors have come from the last cache ... */
static double loading(const struct gemm_instance *of, const struct dealt *d,
                      const struct gemm_shape *s)
{
    return d->groups * (double)gemm_bytes(of, s) / (d->units * CACHE_BYTES);
}

/* ... and until the matrices have come from memory, of which tiles have so much under way. */
static double waiting(const struct gemm_instance *of, const struct dealt *d,
                      const struct gemm_shape *s)
{
    const struct gemm_instance whole = {.m = s->m, .n = s->n};
    const double parts = (double)gemm_parts(s), depth = (double)s->k / parts;
    const double sums = 12 * parts * (double)(s->m * s->n); /* written and added up */
    const double written = parts > 1 ? sums : (double)dtype_bytes(s->type[2], s->m * s->n);
    const double bytes = (double)gemm_bytes(&whole, s) * (double)s->k + written;
    const double held = fmin(d->most, (double)of->held), working = fmin(d->groups, d->units);
    return bytes / depth * LATENCY /
           (held * working * (double)(gemm_bytes(of, s) * gemm_under_way(of, s)));
}

/* The longest of these, as check --roofline has them. */
static double cost(const struct gemm_instance *of, const struct device *dev,
                   const struct gemm_shape *s)
{
    const struct dealt d = deal(of, dev, s);
    return fmax(multiplying(of, dev, &d), fmax(loading(of, &d, s), waiting(of, &d, s)));
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
