/* SPDX-License-Identifier: MIT */
/* Devices beside one another. */
#include "device/opencl.h"

void device_put_beside(struct device *first, struct device *another)
{
    while (first->next)
        first = first->next;
    first->next = another;
}

struct device *device_at(struct device *first, size_t number)
{
    while (number--)
        first = first->next;
    return first;
}

size_t device_count(const struct device *first)
{
    size_t n = 0;
    for (; first; first = first->next)
        n++;
    return n;
}

size_t device_number(struct device *first, const struct buffer *buffer)
{
    size_t n = 0;
    for (; first->next && first != buffer->dev; first = first->next)
        n++;
    return n;
}
