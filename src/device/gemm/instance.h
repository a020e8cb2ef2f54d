/* SPDX-License-Identifier: MIT */
/*
 * instance: the kernels by which a GPU multiplies where our own provider does, in one table, and
 * the choice among them. An instance is a kernel with its tiles; a new one is a row of the table.
 * All are launched in the same way:
 *
 *   kernel(A, B, C or the parts, [a tail's], m, n, k, chunk)   groups: tiles of C times parts of K
 *
 * with -D as cl/gemm.h and cl/gemm_tiles.cl have them. The choice looks at the shape, the types and
 * the number of compute units. Into how many parts K is cut follows from the shape alone, so that
 * no bit of a result depends on how many units there are, nor on the tile.
 */
#ifndef DEVICE_GEMM_INSTANCE_H
#define DEVICE_GEMM_INSTANCE_H

#include "device/gemm/gemm.h"

struct gemm_instance {
    const char *file, *kernel;
    const char *options;       /* of its own, behind those of all; "" */
    size_t m, n, k;            /* a tile of C, and how much of K lies in local memory */
    size_t rows, columns;      /* values of a work-item */
    size_t lanes;              /* work-items of a group */
    size_t local;              /* bytes of local memory of a group */
    size_t loaded;             /* bytes that a group loads of it for each of K */
    size_t held;               /* groups that a processor of a large card holds */
    double rate;               /* of what it makes on a full card; 1: all that vector units can */
    enum device_matrix matrix; /* these units multiply; MATRIX_NONE: vector units */

    /* Whether it makes such a product on this device; NULL: any. */
    int (*fits)(const struct device *dev, const struct gemm_shape *shape, enum dtype factor);
};

/* Of those for matrix units, whose kernel takes 16 bytes of factors at once: whether they make such
 * a product here; whether its rows are whole such pieces, too. */
int gemm_mma_fits(const struct device *dev, const struct gemm_shape *shape, enum dtype factor);
int gemm_mma_fits_wide(const struct device *dev, const struct gemm_shape *shape, enum dtype factor);

/* Rows of a multiple of so many elements are read in whole pieces. */
size_t gemm_wide(const struct gemm_instance *of, enum dtype factor);

extern const struct gemm_instance gemm_instances[];
extern const size_t gemm_instance_count;

/* Whether it makes such a product here, within the limits of the device. */
int gemm_instance_fits(const struct gemm_instance *of, const struct device *dev,
                       const struct gemm_shape *shape, enum dtype factor);

/* The one that is expected to be fastest; NULL: this is no GPU, or none fits. */
const struct gemm_instance *gemm_instance_for(const struct device *dev,
                                              const struct gemm_shape *shape, enum dtype factor);

/* Bytes of A and B, as they are stored, that a tile takes for each of K. */
size_t gemm_bytes(const struct gemm_instance *of, const struct gemm_shape *shape);

/* How much of K is on its way to a tile: half of a turn where a factor is stored in fp32 and a
 * work-item has 128 sums beside it (cl/gemm_mma.cl). */
size_t gemm_under_way(const struct gemm_instance *of, const struct gemm_shape *shape);

/* Into how many parts K is cut where there is room for their sums. */
size_t gemm_parts(const struct gemm_shape *shape);

/* Of K, a multiple of 32, for each of so many parts. */
size_t gemm_chunk(const struct gemm_shape *shape, size_t parts);

#endif
