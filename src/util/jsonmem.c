/* SPDX-License-Identifier: MIT */
#include "util/jsonmem.h"

#include <stdatomic.h>
#include <stdlib.h>

static atomic_int ran_out;

static void *jsonmem_allocate(size_t size)
{
    void *p = malloc(size);
    if (!p)
        atomic_store(&ran_out, 1);
    return p;
}

void jsonmem_watch(void)
{
    json_set_alloc_funcs(jsonmem_allocate, free);
}

void jsonmem_lacks(void)
{
    atomic_store(&ran_out, 1);
}

int jsonmem_short(void)
{
    return atomic_load(&ran_out);
}

char *jsonmem_dumps(const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags);
    if (!jsonmem_short())
        return text;
    free(text);
    return NULL;
}
