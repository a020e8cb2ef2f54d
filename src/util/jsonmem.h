/* SPDX-License-Identifier: MIT */
/*
 * jsonmem: memory of jansson. A member that jansson could not get memory for is missing from its
 * object, and nothing but the return value of that one call tells. Here the process remembers that
 * memory ran out, and a text that may lack something is never made. It owns nothing.
 */
#ifndef UTIL_JSONMEM_H
#define UTIL_JSONMEM_H

#include <jansson.h>

/* Watches jansson's allocations from here on; to be called before anything is made with it. */
void jsonmem_watch(void);

/* Remembers that memory ran out for what is not jansson's, so that a value lacks it. */
void jsonmem_lacks(void);

/* Whether jansson ran out of memory since then, or something was lacking. */
int jsonmem_short(void);

/* json_dumps(); NULL as well where the value may lack something. */
char *jsonmem_dumps(const json_t *value, size_t flags);

#endif
