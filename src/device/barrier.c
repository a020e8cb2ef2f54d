/* SPDX-License-Identifier: MIT */
/*
 * The barrier of all work-groups of a launch (cl/grid.h): which devices offer what it is made of,
 * its trial when a device is opened, and the alarm of a group that has waited too long.
 */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"

/* Keys of OpenCL 3.0 and of NVIDIA's and Intel's extensions; older headers lack them. */
enum {
    ATOMIC_MEMORY_CAPABILITIES = 0x1063,
    NUMERIC_VERSION = 0x105E,
    COMPUTE_MAJOR_NV = 0x4000,
    EUS_PER_SUB_SLICE_INTEL = 0x4254
};
enum { ATOMIC_ACQ_REL = 1 << 1, ATOMIC_SCOPE_DEVICE = 1 << 5 };

/* Some seconds on a GPU, where a poll goes to the second-level cache. Threads of a CPU poll faster,
 * and may wait for a core in between. */
enum { POLLS = 1 << 22, POLLS_CPU = 1 << 30 };

/* When a device is opened, its groups arrive within microseconds or never. */
enum { POLLS_TRIAL = 1 << 18 };

enum { TRY_ROUNDS = 24, TRY_LANES = DEVICE_WALK_LANES };

/* 0 where a device does not know the key. */
static uint64_t asked(cl_device_id id, cl_uint key, size_t size)
{
    uint64_t value = 0;
    return clGetDeviceInfo(id, key, size, &value, NULL) == CL_SUCCESS ? value : 0;
}

/* By atomics of the order and scope that are needed: optional in OpenCL 3.0, always in 2.x. */
static enum device_barrier by_atomics(cl_device_id id, const struct device_info *info)
{
    const uint64_t needed = ATOMIC_ACQ_REL | ATOMIC_SCOPE_DEVICE;
    if (asked(id, NUMERIC_VERSION, sizeof(cl_uint)) >> 22 >= 3)
        return (asked(id, ATOMIC_MEMORY_CAPABILITIES, sizeof(cl_bitfield)) & needed) == needed
                   ? BARRIER_ATOMICS_3
                   : BARRIER_NONE;
    return strncmp(info->version, "OpenCL 2.", 9) ? BARRIER_NONE : BARRIER_ATOMICS_2;
}

enum device_barrier barrier_offered(cl_device_id id, const struct device_info *info)
{
    const char *debug = getenv("SEQTRAIN_DEBUG"); /* see seqtrain(1) */
    if (debug && strstr(debug, "stepwise"))
        return BARRIER_NONE;
    if (asked(id, COMPUTE_MAJOR_NV, sizeof(cl_uint)) >= 7)
        return BARRIER_PTX;
    return by_atomics(id, info);
}

const char *device_barrier_name(const struct device_info *info)
{
    static const char *const names[] = {[BARRIER_NONE] = "none",
                                        [BARRIER_ATOMICS_2] = "atomics of OpenCL C 2.0",
                                        [BARRIER_ATOMICS_3] = "atomics of OpenCL C 3.0",
                                        [BARRIER_PTX] = "PTX"};
    return names[info->barrier];
}

void device_barrier_options(const struct device_info *info, char to[64])
{
    static const char *const how[] = {[BARRIER_NONE] = "-DGRID=0",
                                      [BARRIER_ATOMICS_2] = "-DGRID=1 -cl-std=CL2.0",
                                      [BARRIER_ATOMICS_3] = "-DGRID=1 -cl-std=CL3.0",
                                      [BARRIER_PTX] = "-DGRID=2"};
    if (info->barrier == BARRIER_NONE)
        snprintf(to, 64, "%s", how[BARRIER_NONE]);
    else
        snprintf(to, 64, "%s -DPOLLS=%du", how[info->barrier], info->is_tried ? POLLS_CPU : POLLS);
}

/* --- trial */

/* What a trial needs: arrivals, alarm, slots. */
static int try_with(struct kernel *kernel, struct buffer *const b[3], size_t groups,
                    size_t expected, struct error *err)
{
    uint32_t alarm[2];
    for (unsigned i = 0; i < 3; i++)
        kernel_set_buffer(kernel, i, b[i]);
    kernel_set_int(kernel, 3, TRY_ROUNDS);
    kernel_set_int(kernel, 4, (int32_t)expected);
    if (kernel_enqueue(kernel, groups, TRY_LANES, err) ||
        buffer_read(b[1], 0, sizeof alarm, alarm, err))
        return -1;
    if (alarm[0])
        return error_set(err, STATUS_DEVICE, "a barrier of %zu work-groups was waited for in vain",
                         groups);
    if (alarm[1])
        return error_set(err, STATUS_DEVICE,
                         "a barrier of %zu work-groups lets them see old numbers", groups);
    return 0;
}

int barrier_try(struct device *dev, size_t groups, size_t expected, unsigned polls,
                struct error *err)
{
    char options[64], all[192];
    const uint64_t local = dev->info.local_bytes;
    const size_t room = local < DEVICE_WALK_LOCAL ? (size_t)local / 4 : DEVICE_WALK_LOCAL / 4;
    const size_t bytes[] = {4, 8, 2 * groups * TRY_LANES * 4};
    struct buffer *b[3] = {0};
    device_barrier_options(&dev->info, options);
    snprintf(all, sizeof all, "%s -DLANES=%d -DROOM=%zu", options, TRY_LANES, room);
    if (polls)
        snprintf(strstr(all, "-DPOLLS="), 96, "-DPOLLS=%uu -DLANES=%d -DROOM=%zu", polls, TRY_LANES,
                 room);
    struct kernel *kernel = kernel_new(dev, "grid.cl", "grid_try", all, err);
    int failed = !kernel;
    for (int i = 0; i < 3 && !failed; i++)
        failed = !(b[i] = buffer_new(dev, bytes[i], "barrier", err));
    failed = failed || try_with(kernel, b, groups, expected, err);
    for (int i = 0; i < 3; i++)
        buffer_free(b[i]);
    kernel_free(kernel);
    return failed ? -1 : 0;
}

/* A work-group has a processor of its own: what counts as a compute unit, but for Intel, whose
 * units are parts of a sub-slice, which has the local memory. */
static unsigned processors(const struct device *dev)
{
    const unsigned parts = (unsigned)asked(dev->id, EUS_PER_SUB_SLICE_INTEL, sizeof(cl_uint));
    const unsigned units = dev->info.compute_units;
    return parts && parts <= units ? units / parts : units;
}

/* A device whose trial fails, for whatever reason, has no barrier: a step is a launch there. */
void barrier_open(struct device *dev)
{
    struct error err;
    const size_t groups = dev->info.resident = processors(dev);
    if (dev->info.barrier == BARRIER_NONE || !barrier_try(dev, groups, groups, POLLS_TRIAL, &err))
        return;
    dev->info.barrier = BARRIER_NONE;
    snprintf(dev->doubts.barrier, sizeof dev->doubts.barrier, "%.180s", err.text);
}

int device_try_barrier(struct device *dev, struct error *err)
{
    dev->info.is_tried = 1;
    dev->info.keeps = DEVICE_WALK_KEEPS;
    dev->info.resident = dev->info.compute_units;
    dev->info.barrier = by_atomics(dev->id, &dev->info);
    if (dev->info.barrier == BARRIER_NONE)
        return error_set(err, STATUS_DEVICE, "%s has no atomics of the device's scope",
                         dev->info.name);
    return barrier_try(dev, dev->info.resident, dev->info.resident, 0, err);
}

/* --- alarm */

struct buffer *device_alarm(struct device *dev, struct error *err)
{
    if (!dev->alarm)
        dev->alarm = buffer_new(dev, 4, "alarm", err);
    return dev->alarm;
}
