/* SPDX-License-Identifier: MIT */
/*
 * cut: how kernels are cut for a device. The one place that asks what kind of device it is: ops ask
 * here for vectors, lanes and chunks.
 */
#ifndef LOWER_CUT_H
#define LOWER_CUT_H

#include "lower/plan.h"

/* Largest vector width (1..16) that divides `extent` and suits the device. */
unsigned cut_vec(const struct plan *p, size_t extent);

/* Work-items that share a row of `extent` elements in vectors of `vec`. */
unsigned cut_lanes(const struct plan *p, size_t extent, unsigned vec);

/* `gpu` work-items a group on a GPU, 1 on a CPU, where a work-item has a group's work. */
unsigned cut_group(const struct plan *p, unsigned gpu);

/* Parts into which `rows` are cut where a kernel reduces over rows: by the shape, never by the
 * number of cores. */
size_t cut_chunks(const struct plan *p, size_t rows);

/* Rows that are cut so: `chunk` each, into `groups`. */
struct chunks {
    size_t chunk, groups;
};
struct chunks cut_rows(const struct plan *p, size_t rows);

/* Whether kernels are cut as for a CPU. */
int cut_for_cpu(const struct plan *p);

#endif
