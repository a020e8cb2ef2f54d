/* SPDX-License-Identifier: MIT */
/*
 * chosen: the device that tests of kernels run on: SEQTRAIN_TEST_DEVICE, as device.select has it,
 * or what is chosen by itself.
 */
#ifndef TESTS_CHOSEN_H
#define TESTS_CHOSEN_H

#include <stdlib.h>

static inline const char *chosen_device(void)
{
    const char *name = getenv("SEQTRAIN_TEST_DEVICE");
    return name && *name ? name : "auto";
}

#endif
