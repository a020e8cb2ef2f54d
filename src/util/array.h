/* SPDX-License-Identifier: MIT */
/*
 * array: arrays of pointers that grow.
 */
#ifndef UTIL_ARRAY_H
#define UTIL_ARRAY_H

#include <stddef.h>

/* A new pointer at the end of an array whose room is the power of two that holds `count`, to zeroed
 * memory of `size` bytes, which it returns; NULL without memory. */
void *array_append(void ***array, size_t *count, size_t size);

#endif
