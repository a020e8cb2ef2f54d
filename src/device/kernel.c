/* SPDX-License-Identifier: MIT */
/* Kernels: arguments and launches. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"
#include "util/now.h"

struct kernel *kernel_new(struct device *dev, const char *file, const char *name,
                          const char *options, struct error *err)
{
    struct program *program = program_get(dev, file, options, err);
    if (!program)
        return NULL;
    struct kernel *k = calloc(1, sizeof *k);
    if (!k || !(k->name = strdup(name))) {
        error_set(err, STATUS_FAILED, "%s: out of memory", name);
        kernel_free(k);
        return NULL;
    }
    cl_int code = CL_SUCCESS;
    if (!dev->counts)
        k->id = clCreateKernel(program->id, name, &code);
    if (code != CL_SUCCESS) {
        opencl_error(err, code, "clCreateKernel", name);
        kernel_free(k);
        return NULL;
    }
    k->dev = dev;
    k->program = program;
    return k;
}

void kernel_free(struct kernel *k)
{
    if (!k)
        return;
    if (k->id)
        clReleaseKernel(k->id);
    free(k->name);
    free(k);
}

/* The first failure is told when the kernel is launched. */
static void check_arg(struct kernel *k, unsigned index, cl_int code)
{
    if (code != CL_SUCCESS && k->failed == CL_SUCCESS) {
        k->failed = code;
        k->failed_index = index;
    }
}

static void set_arg(struct kernel *k, unsigned index, size_t size, const void *value)
{
    if (!k->dev->counts)
        check_arg(k, index, clSetKernelArg(k->id, index, size, value));
}

void kernel_set_buffer(struct kernel *k, unsigned index, struct buffer *buffer)
{
    if (buffer)
        set_arg(k, index, sizeof buffer->id, &buffer->id);
    else
        check_arg(k, index, CL_INVALID_MEM_OBJECT);
}

void kernel_set_int(struct kernel *k, unsigned index, int32_t value)
{
    set_arg(k, index, sizeof value, &value);
}

void kernel_set_float(struct kernel *k, unsigned index, float value)
{
    set_arg(k, index, sizeof value, &value);
}

void device_watch(struct device *dev)
{
    dev->watches = 1;
}

int device_watched(const struct device *dev)
{
    return dev->watches;
}

/* The first launch, by itself. */
static int watched_enqueue(struct kernel *k, size_t groups, size_t lanes, struct error *err)
{
    k->launched = 1;
    if (device_finish(k->dev, err))
        return -1;
    double before = now();
    if (kernel_enqueue(k, groups, lanes, err) || device_finish(k->dev, err))
        return -1;
    k->first = now() - before;
    k->program->times.launched += k->first;
    return 0;
}

double kernel_first(const struct kernel *k)
{
    return k->first;
}

int kernel_enqueue(struct kernel *k, size_t groups, size_t lanes, struct error *err)
{
    if (k->dev->counts)
        return device_error_planned(err, k->name);
    if (k->dev->watches && !k->launched && !k->dev->forked)
        return watched_enqueue(k, groups, lanes, err);
    if (k->failed != CL_SUCCESS) {
        char what[300];
        snprintf(what, sizeof what, "%s, argument %u", k->name, k->failed_index);
        return opencl_error(err, k->failed, "clSetKernelArg", what);
    }
    size_t global = groups * lanes;
    cl_int code;
    DEVICE_ENQUEUE(k->dev, code, clEnqueueNDRangeKernel, k->id, 1, NULL, &global, &lanes);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueNDRangeKernel", k->name);
}
