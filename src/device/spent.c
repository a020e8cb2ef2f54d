/* SPDX-License-Identifier: MIT */
/* What launches took that belong to no step of a training. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"

void device_spend(struct device *dev, const struct device_spent *what)
{
    size_t i = 0;
    while (i < dev->spent_count && strcmp(dev->spent[i].kernel, what->kernel))
        i++;
    if (i == dev->spent_count) {
        struct device_spent *more = realloc(dev->spent, (i + 1) * sizeof *more);
        if (!more) /* then it is not told */
            return;
        dev->spent = more;
        dev->spent[dev->spent_count++] = (struct device_spent){.kernel = what->kernel};
    }
    dev->spent[i].seconds += what->seconds;
    dev->spent[i].flops += what->flops;
    dev->spent[i].bytes += what->bytes;
    dev->spent[i].runs += what->runs;
}

const struct device_spent *device_spent(const struct device *dev, size_t *count)
{
    *count = dev->spent_count;
    return dev->spent;
}
