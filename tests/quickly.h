/* SPDX-License-Identifier: MIT */
/*
 * quickly: PoCL takes long to compile what is cut as for a GPU, work-groups of many work-items with
 * barriers. 3.1 does it in a third to a tenth of the time, from the same source, where it optimises
 * nothing; 5.0 and 6.0 then end with an assertion.
 */
#ifndef TESTS_QUICKLY_H
#define TESTS_QUICKLY_H

#include <stdlib.h>
#include <string.h>

#include "device/device.h"

/* Whether programs of this device that are compiled from now on are compiled so: if `wanted`, and
 * it can. */
static inline int compile_quickly_for(const struct device *dev, int wanted)
{
    const struct device_info *info = device_info(dev);
    const int can = wanted && !strcmp(info->platform, "Portable Computing Language") &&
                    !strncmp(info->driver, "3.", 2);
    if (can)
        setenv("POCL_EXTRA_BUILD_FLAGS", "-cl-opt-disable", 1);
    else
        unsetenv("POCL_EXTRA_BUILD_FLAGS");
    return can;
}

#endif
