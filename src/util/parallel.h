/* SPDX-License-Identifier: MIT */
/*
 * parallel: the same work on many pieces, side by side. It owns nothing beyond the call; what the
 * work writes belongs to the caller, and pieces must not write to the same place.
 */
#ifndef UTIL_PARALLEL_H
#define UTIL_PARALLEL_H

#include <stddef.h>

/* Cores that this process may run on, at least 1. */
size_t parallel_cores(void);

/*
 * Calls work(arg, i) once for each i < count and returns when all have returned. So many threads at
 * most take part (0: as many as there are cores), of which the caller's is one: it does piece 0,
 * then each thread takes the next piece that is left. Fewer where threads cannot be made.
 */
void parallel_run(size_t count, size_t threads, void (*work)(void *arg, size_t i), void *arg);

#endif
