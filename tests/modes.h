/* SPDX-License-Identifier: MIT */
/*
 * modes: the device of tests of kernels, as it is (FLAT) and, where it is a CPU, a second time with
 * kernels cut as for a GPU (AS_GPU): so barriers and local reductions are tested where there is no
 * GPU. open_devices() and close_devices() are set-up and end of a group of tests. cmocka.h is
 * included before.
 */
#ifndef TESTS_MODES_H
#define TESTS_MODES_H

#include <string.h>

#include "chosen.h"
#include "device/device.h"
#include "ok.h"
#include "quarantine.h"
#include "quickly.h"

enum { FLAT, AS_GPU, MODES };
static struct device *devices[MODES];

/* The device of a test's mode, which hangs on its state. */
static inline struct device *device_of(int mode)
{
    if (!devices[mode]) {
        print_message("this device is a GPU: tested already\n");
        skip();
    }
    return devices[mode];
}

/* 1: what a test of this mode asks for is compiled quickly. */
static inline int compile_quickly(int mode)
{
    return compile_quickly_for(device_of(mode), mode == AS_GPU);
}

static int open_devices(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++) {
        if (mode == AS_GPU && !device_info(devices[FLAT])->is_cpu)
            continue;
        devices[mode] = device_open(&(struct device_options){.select = chosen_device(),
                                                             .memory_fraction = 0.9,
                                                             .threads = -1},
                                    &err);
        if (!devices[mode]) {
            print_error("%s\n", err.text);
            return -1;
        }
        quarantine_for(devices[mode]);
    }
    if (devices[AS_GPU])
        device_act_as_gpu(devices[AS_GPU]);
    return 0;
}

static int close_devices(void **state)
{
    (void)state;
    for (int mode = 0; mode < MODES; mode++)
        device_close(devices[mode]);
    return 0;
}

#endif
