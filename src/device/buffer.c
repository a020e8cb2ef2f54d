/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "device/opencl.h"

int device_counts(const struct device *dev)
{
    return dev->counts;
}

uint64_t device_bytes(const struct device *dev)
{
    return dev->bytes;
}

uint64_t device_budget(const struct device *dev)
{
    return dev->budget;
}

uint64_t device_room(const struct device *dev)
{
    const uint64_t memory = dev->info.global_bytes;
    return dev->context && memory < dev->budget ? memory : dev->budget;
}

/* Whether a buffer of `bytes`, `room` with what fills its last word, fits beside the others. */
static int check_room(const struct device *dev, size_t bytes, size_t room, const char *what,
                      struct error *err)
{
    const unsigned long long used = dev->bytes, budget = dev->budget;
    if (bytes > room || (!dev->is_twin && room > dev->budget - dev->bytes))
        error_set(err, STATUS_DEVICE, "%s: %zu bytes do not fit: %llu of %llu are in use", what,
                  bytes, used, budget);
    else if (room > dev->info.max_alloc_bytes)
        error_set(err, STATUS_DEVICE,
                  "%s: %zu bytes are more than the device's largest buffer of %llu", what, bytes,
                  (unsigned long long)dev->info.max_alloc_bytes);
    else if (dev->context && room > dev->info.global_bytes - dev->bytes)
        error_set(err, STATUS_DEVICE,
                  "%s: %zu bytes do not fit: %llu of the device's %llu are in use, which are fewer "
                  "than device.memory says ('seqtrain check -d none' plans without a device)",
                  what, bytes, used, (unsigned long long)dev->info.global_bytes);
    else
        return 0;
    return error_cause(err, CAUSE_BUDGET);
}

/* Memory of zeros that is really there: some implementations make it when it is used first. */
static int make_memory(struct buffer *b, const char *what, struct error *err)
{
    cl_int code;
    const cl_int zero = 0;
    if (b->dev->counts)
        return 0;
    b->id = clCreateBuffer(b->dev->context, CL_MEM_READ_WRITE, b->bytes, NULL, &code);
    if (code != CL_SUCCESS)
        return opencl_error_memory(err, code, "clCreateBuffer", what);
    DEVICE_ENQUEUE(b->dev, code, clEnqueueFillBuffer, b->id, &zero, sizeof zero, 0, b->bytes);
    if (code != CL_SUCCESS)
        return opencl_error_memory(err, code, "clEnqueueFillBuffer", what);
    code = clFinish(b->dev->queue);
    return code == CL_SUCCESS ? 0 : opencl_error_memory(err, code, "clFinish", what);
}

struct buffer *buffer_new(struct device *dev, size_t bytes, const char *what, struct error *err)
{
    if (!bytes)
        bytes = 4;
    const size_t room = (bytes + 3) & ~(size_t)3;
    if (check_room(dev, bytes, room, what, err))
        return NULL;
    struct buffer *b = calloc(1, sizeof *b);
    if (!b) {
        error_set(err, STATUS_FAILED, "%s: out of memory", what);
        return NULL;
    }
    b->dev = dev;
    b->bytes = room;
    if (make_memory(b, what, err)) {
        if (b->id)
            clReleaseMemObject(b->id);
        free(b);
        return NULL;
    }
    dev->bytes += room;
    b->serial = dev->serial++;
    return b;
}

struct buffer *buffer_part(struct buffer *parent, size_t offset, size_t bytes, struct error *err)
{
    struct buffer *b = calloc(1, sizeof *b);
    if (!b) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    b->dev = parent->dev;
    b->parent = parent;
    b->offset = offset;
    b->bytes = bytes;
    const cl_buffer_region region = {offset, bytes};
    cl_int code = CL_SUCCESS;
    if (!parent->dev->counts)
        b->id = clCreateSubBuffer(parent->id, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (code != CL_SUCCESS) {
        opencl_error(err, code, "clCreateSubBuffer", NULL);
        free(b);
        return NULL;
    }
    return b;
}

void buffer_free(struct buffer *b)
{
    if (!b)
        return;
    if (b->id)
        clReleaseMemObject(b->id);
    if (!b->parent)
        b->dev->bytes -= b->bytes;
    free(b);
}

size_t buffer_size(const struct buffer *b)
{
    return b->bytes;
}

int buffer_write(struct buffer *b, size_t offset, size_t bytes, const void *from, struct error *err)
{
    return buffer_send(b, offset, bytes, from, err) || device_finish(b->dev, err) ? -1 : 0;
}

int buffer_fetch(struct buffer *b, size_t offset, size_t bytes, void *to, struct error *err)
{
    if (b->dev->counts)
        return device_error_planned(err, "reading a buffer");
    cl_int code;
    DEVICE_ENQUEUE(b->dev, code, clEnqueueReadBuffer, b->id, CL_FALSE, offset, bytes, to);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueReadBuffer", NULL);
}

int buffer_read(struct buffer *b, size_t offset, size_t bytes, void *to, struct error *err)
{
    return buffer_fetch(b, offset, bytes, to, err) || device_finish(b->dev, err) ? -1 : 0;
}

int buffer_send(struct buffer *b, size_t offset, size_t bytes, const void *from, struct error *err)
{
    if (b->dev->counts)
        return 0;
    cl_int code;
    DEVICE_ENQUEUE(b->dev, code, clEnqueueWriteBuffer, b->id, CL_FALSE, offset, bytes, from);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueWriteBuffer", NULL);
}

int buffer_zero(struct buffer *b, struct error *err)
{
    if (b->dev->counts)
        return 0;
    const cl_int zero = 0;
    cl_int code;
    DEVICE_ENQUEUE(b->dev, code, clEnqueueFillBuffer, b->id, &zero, sizeof zero, 0, b->bytes);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueFillBuffer", NULL);
}
