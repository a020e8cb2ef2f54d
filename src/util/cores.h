/* SPDX-License-Identifier: MIT */
/*
 * cores: which cores of the machine this process runs on. Processes that each keep to another one
 * of so many parts do not take turns on a core.
 */
#ifndef UTIL_CORES_H
#define UTIL_CORES_H

#include <stddef.h>

/*
 * From now on all threads of this process, and those that they make, run on the share number `part`
 * (from 0) of `parts` equal shares of the cores that the process may use: neighbours, both threads
 * of a core together. Does nothing where there are fewer cores than parts, or where the system does
 * not let a process choose.
 */
void cores_keep(size_t part, size_t parts);

#endif
