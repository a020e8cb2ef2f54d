/* SPDX-License-Identifier: MIT */
/*
 * cache: parsed columns of files, kept from one start to the next.
 *
 * A cache file lies in $XDG_CACHE_HOME/seqtrain/data (or ~/.cache/seqtrain/data) and may be deleted
 * at any time. Its name comes from the absolute path of the file and what was asked of it; inside
 * stand these, the file's size and times, and a checksum. Where anything does not fit, the file is
 * parsed and the cache written anew; that it cannot be read or written is no error.
 *
 *   magic, u64 bytes of the key, key; then for each series of the file: struct cache_head, times
 *   [rows] i64, lines and origins [rows] u64, columns [columns][rows] f64, the same once more as
 * they were before values were carried forward, if some were, the names of the columns, each with
 * its NUL, a byte for each column (1: decimal commas), the name of the series, what was found in it
 * and in the file, each with its NUL, the cuts [cuts] u64
 */
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include <stddef.h>

#include "data/table.h"
#include "error.h"
#include "log/log.h"

/* Files that are smaller are parsed as fast as the cache is read. */
#define CACHE_LEAST (1 << 15)

/* table_read() by way of the cache; a detail for `log` tells that it came from there. A pipe is
 * kept for the run how->run alone, which finds it there when it goes on. */
struct table *cache_table(const char *path, const struct table_how *how, char *const *names,
                          size_t columns, struct log *log, struct error *err);

/* A run that goes on cannot read this again: STATUS_USAGE, with the way out. */
int cache_refuse(const char *path, struct error *err);

/* What cache_table() does, with the cache file named: for tests. NULL: it does not fit. */
struct table *cache_read(const char *cache, const char *key, const char *path, int timed,
                         size_t columns);
int cache_write(const char *cache, const char *key, const struct table *tables);

#endif
