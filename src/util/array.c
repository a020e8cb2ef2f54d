/* SPDX-License-Identifier: MIT */
#include "util/array.h"

#include <stdlib.h>

void *array_append(void ***array, size_t *count, size_t size)
{
    void *item = calloc(1, size);
    void **more = *array;
    if (!(*count & (*count - 1)))
        more = realloc(*array, (*count ? 2 * *count : 1) * sizeof *more);
    if (more)
        *array = more;
    if (!item || !more) {
        free(item);
        return NULL;
    }
    return (*array)[(*count)++] = item;
}
