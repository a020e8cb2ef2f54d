/* SPDX-License-Identifier: MIT */
/*
 * occupied: which addresses are taken at which launches. The planner asks for the lowest free place
 * of each tensor; a tree over the launches answers without a look at every tensor that is placed.
 */
#ifndef LOWER_OCCUPIED_H
#define LOWER_OCCUPIED_H

#include <stddef.h>

struct occupied;

/* For launches [0, launches); NULL without memory. */
struct occupied *occupied_new(size_t launches);
void occupied_free(struct occupied *o);

/* Addresses [from, to) are taken from launch `first` to launch `last`; -1 without memory. */
int occupied_add(struct occupied *o, size_t first, size_t last, size_t from, size_t to);

/* The lowest address from which on `bytes` are free from launch `first` to launch `last`, within
 * one segment: no multiple of `segment` lies inside. */
size_t occupied_lowest(const struct occupied *o, size_t first, size_t last, size_t bytes,
                       size_t segment);

#endif
