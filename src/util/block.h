/* SPDX-License-Identifier: MIT */
/*
 * block: memory for large arrays. The caller owns a block and gives it back with block_free();
 * neither free() nor realloc() takes it.
 *
 * Between block_map_begin() and block_map_end() new blocks, but for small ones, lie in files
 * without a name that are mapped into memory. The system writes them out and reads them in as it
 * needs memory for something else, so that all blocks together may be larger than it. A block stays
 * where it is until it is freed, also after block_map_end(); a file goes with its last block. The
 * files have their place on disk before they are mapped: where the disk is full, block_new() fails,
 * and nothing does later.
 */
#ifndef UTIL_BLOCK_H
#define UTIL_BLOCK_H

#include <stddef.h>

/* Blocks from this size on are mapped. */
#define BLOCK_MAPPED ((size_t)4096)

/*
 * `bytes` bytes that hold anything, or NULL. From 4 MiB on they come in pages of 2 MiB where the
 * system has such, so that filling the block does not stop for each 4 KiB; the part behind the last
 * whole large page is in small ones, so that no more memory is in use than asked for. In a file
 * they are pages of the file.
 */
void *block_new(size_t bytes);

/* The same, of zeros. */
void *block_zeros(size_t bytes);

/* As realloc(), of a block or NULL. NULL leaves the block as it is. */
void *block_resize(void *block, size_t bytes);

/* As free(), of a block or NULL. */
void block_free(void *block);

/* From now on blocks are mapped, to files in this folder. -1 with errno where it can have none.
 * Calls may be nested; the folder of the first holds. */
int block_map_begin(const char *folder);

/* The end of that. Returns the errno of a block that could not be had since the begin, or 0. */
int block_map_end(void);

#endif
