/* SPDX-License-Identifier: MIT */
/*
 * table_join: tables of files that follow one another in time become one (data.join).
 */
#ifndef DATA_TABLE_JOIN_H
#define DATA_TABLE_JOIN_H

#include "data/table.h"

/*
 * One table of the rows of part[count], which have times, the same columns and at least one row
 * each, by their first times. Rows that two of them share where they meet are taken once, and told.
 * STATUS_INPUT, with both paths, where two of them overlap otherwise. The parts stay the caller's.
 */
struct table *table_join(struct table **part, size_t count, const char *path, struct error *err);

#endif
