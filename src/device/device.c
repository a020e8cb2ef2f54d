/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include <stdlib.h>
#include <string.h>

#include "device/gemm/tuning.h"
#include "device/opencl.h"

/* More than any plan takes, and nowhere near an overflow. */
#define NO_LIMIT (UINT64_C(1) << 60)

/* A plain GPU: 48 KiB of local memory, work-groups of 1024, buffers of a quarter of its memory. */
static struct device *open_planned(const struct device_options *options, struct error *err)
{
    struct device *dev = calloc(1, sizeof *dev);
    if (!dev) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    dev->counts = 1;
    dev->info =
        (struct device_info){.name = "none",
                             .platform = "planned as for a GPU",
                             .is_planned = 1,
                             .has_fp64 = 1,
                             .compute_units = options->units,
                             .global_bytes = options->memory,
                             .max_alloc_bytes = options->memory ? options->memory / 4 : NO_LIMIT,
                             .local_bytes = 48 << 10,
                             .max_group = 1024,
                             .base_align = 512,
                             .tf32 = options->tf32};
    dev->budget =
        options->memory ? (uint64_t)((double)options->memory * options->memory_fraction) : NO_LIMIT;
    return dev;
}

static int open_context(struct device *dev, struct error *err)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)dev->platform, 0};
    cl_int code;
    dev->context = clCreateContext(properties, 1, &dev->id, NULL, NULL, &code);
    return dev->context ? 0 : opencl_error(err, code, "clCreateContext", dev->info.name);
}

static struct device *open_found(const struct device_options *options, struct error *err)
{
    struct device_found found;
    struct device_part part;
    if (device_find(options->select, &found, &part, err))
        return NULL;
    struct device *dev = calloc(1, sizeof *dev);
    if (!dev) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    uint64_t memory = options->memory ? options->memory : found.info.global_bytes / part.of;
    dev->platform = found.platform;
    dev->id = found.id;
    dev->info = found.info;
    dev->shares = !found.info.is_cpu;
    dev->lasts = options->lasts;
    dev->budget = (uint64_t)((double)memory * options->memory_fraction);
    if (part_take(dev, &found, &part, options, err) || open_context(dev, err) ||
        queue_open(dev, err)) {
        device_close(dev);
        return NULL;
    }
    barrier_open(dev);
    dev->info.tf32 = options->tf32;
    matrix_find(dev);
    if (options->measure && !(dev->tuning = tuning_open(dev))) {
        error_set(err, STATUS_FAILED, "out of memory");
        device_close(dev);
        return NULL;
    }
    return dev;
}

struct device *device_open(const struct device_options *options, struct error *err)
{
    const char *debug = getenv("SEQTRAIN_DEBUG"); /* see seqtrain(1) */
    struct device *dev =
        device_only_plans(options->select) ? open_planned(options, err) : open_found(options, err);
    if (dev && debug && strstr(debug, "gpu"))
        device_act_as_gpu(dev);
    if (dev && debug && strstr(debug, "mma"))
        device_emulate_matrix(dev, MATRIX_EMULATED);
    return dev;
}

struct device *device_twin(const struct device *of, int boundless, struct error *err)
{
    struct device *dev = calloc(1, sizeof *dev);
    if (!dev) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    dev->info = of->info;
    if (boundless)
        dev->info.max_alloc_bytes = NO_LIMIT;
    dev->counts = dev->is_twin = 1;
    dev->bytes = of->bytes;
    dev->budget = of->budget;
    if (of->next && !(dev->next = device_twin(of->next, boundless, err))) {
        free(dev);
        return NULL;
    }
    return dev;
}

int device_is_twin(const struct device *dev)
{
    return dev->is_twin;
}

void device_close(struct device *dev)
{
    if (!dev)
        return;
    struct error ignored;
    device_close(dev->next);
    dev->next = NULL;
    if (dev->queue)
        device_finish(dev, &ignored);
    program_free_all(dev);
    buffer_free(dev->scratch);
    buffer_free(dev->alarm);
    tuning_free(dev->tuning);
    queue_close(dev);
    if (dev->context)
        clReleaseContext(dev->context);
    free(dev->spent);
    free(dev);
}

void device_save_programs(struct device *dev)
{
    if (dev->next)
        device_save_programs(dev->next);
    program_save_all(dev);
    tuning_save(dev->tuning, dev);
}

void device_only_plan(struct device *dev)
{
    dev->counts = 1;
}

void device_stop_at(struct device *dev, const volatile sig_atomic_t *stop)
{
    dev->stop = stop;
}

int device_stopped(const struct device *dev)
{
    return dev->stop && *dev->stop;
}
