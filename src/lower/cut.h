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

/* How a kernel goes over rows: `lanes` work-items, a team, share a row, and each of the `teams` of
 * a work-group takes `chunk` rows. One team on a CPU. */
struct teams {
    unsigned lanes, teams;
    size_t chunk, groups;
};

/* For rows of so many vectors; `leaves`: each group leaves sums, so that few are better. */
struct teams cut_teams(const struct plan *p, size_t rows, size_t vectors, int leaves);

/* The same of a kernel over vectors, of which a work-group takes `chunk`. */
struct teams cut_vectors(const struct plan *p, size_t vectors);

/* plan_kernel() of a kernel cut so; LANES and TEAMS come to the options. */
struct launch *cut_kernel(struct plan *p, const char *file, const char *name,
                          const struct teams *teams, const char *options, ...)
    __attribute__((format(printf, 5, 6)));

/* Whether kernels are cut as for a CPU. */
int cut_for_cpu(const struct plan *p);

#endif
