/* SPDX-License-Identifier: MIT */
/*
 * block: memory for large arrays. The caller owns a block and gives it back with free(); realloc()
 * works too.
 */
#ifndef UTIL_BLOCK_H
#define UTIL_BLOCK_H

#include <stddef.h>

/*
 * `bytes` bytes that hold anything, or NULL. From 4 MiB on they come in pages of 2 MiB where the
 * system has such, so that filling the block does not stop for each 4 KiB; the part behind the last
 * whole large page is in small ones, so that no more memory is in use than asked for.
 */
void *block_new(size_t bytes);

#endif
