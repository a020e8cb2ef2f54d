/* SPDX-License-Identifier: MIT */
#include "params/adapter.h"

#include <fnmatch.h>
#include <string.h>

static int ends_in(const char *text, size_t length, const char *end)
{
    const size_t n = strlen(end);
    return length >= n && !memcmp(text + length - n, end, n);
}

size_t adapter_path(const char *weight)
{
    const size_t length = strlen(weight), end = strlen("_weight");
    const int has = ends_in(weight, length, ".weight") || ends_in(weight, length, "_weight");
    return has ? length - end : length;
}

int adapter_owns(const char *name)
{
    const size_t length = strlen(name);
    return ends_in(name, length, ADAPTER_A) || ends_in(name, length, ADAPTER_B);
}

static int is_path(const char *weight, size_t length, const char *path)
{
    return length == strlen(path) && !memcmp(weight, path, length);
}

int adapter_fits(const char *target, const char *weight)
{
    char path[256];
    const size_t length = adapter_path(weight), n = strlen(target);
    if (!strcmp(target, "all"))
        return !is_path(weight, length, "output") && !is_path(weight, length, "lm_head");
    if (!strpbrk(target, "*?["))
        return ends_in(weight, length, target) && (length == n || weight[length - n - 1] == '.');
    if (length >= sizeof path)
        return 0;
    memcpy(path, weight, length);
    path[length] = 0;
    return !fnmatch(target, path, 0);
}

int adapter_wants(const struct adapter *adapter, const char *weight)
{
    for (size_t i = 0; adapter->rank && i < adapter->targets; i++)
        if (adapter_fits(adapter->target[i], weight))
            return 1;
    return 0;
}
