/* SPDX-License-Identifier: MIT */
/*
 * Host functions as commands of a device. Parts are handed over as their parent and an offset, each
 * parent once and in the order of creation: PoCL (3.1 at least) sorts the buffers so and drops
 * doubles, but not the places where their addresses go.
 */
#include <string.h>

#include "device/opencl.h"

#define NATIVE_MAX 8
struct native {
    void (*fn)(void **memory, const void *arg);
    void *base[NATIVE_MAX]; /* filled in by the implementation */
    size_t which[NATIVE_MAX], offset[NATIVE_MAX];
    size_t count;
    max_align_t arg[16]; /* room for the caller's argument */
};

static void CL_CALLBACK run_native(void *copy)
{
    struct native *n = copy;
    void *memory[NATIVE_MAX];
    for (size_t i = 0; i < n->count; i++)
        memory[i] = (char *)n->base[n->which[i]] + n->offset[i];
    n->fn(memory, n->arg);
}

int device_enqueue_native(struct device *dev, void (*fn)(void **memory, const void *arg),
                          const void *arg, size_t arg_bytes, struct buffer *const *buffers,
                          size_t count, struct error *err)
{
    struct native n = {.fn = fn, .count = count};
    cl_mem ids[NATIVE_MAX];
    const void *where[NATIVE_MAX];
    const struct buffer *bases_of[NATIVE_MAX];
    cl_uint bases = 0;
    if (arg_bytes > sizeof n.arg || count > NATIVE_MAX)
        return error_set(err, STATUS_DEVICE, "native kernel: too many arguments");
    if (arg_bytes)
        memcpy(n.arg, arg, arg_bytes);
    for (size_t i = 0; i < count; i++) {
        const struct buffer *base = buffers[i]->parent ? buffers[i]->parent : buffers[i];
        size_t at = 0;
        while (at < bases && bases_of[at]->serial < base->serial)
            at++;
        if (at < bases && bases_of[at] == base)
            continue;
        memmove(bases_of + at + 1, bases_of + at, (bases - at) * sizeof *bases_of);
        bases_of[at] = base;
        bases++;
    }
    for (size_t b = 0; b < bases; b++) {
        ids[b] = bases_of[b]->id;
        where[b] = &n.base[b];
        for (size_t i = 0; i < count; i++)
            if (bases_of[b] == buffers[i] || bases_of[b] == buffers[i]->parent)
                n.which[i] = b;
    }
    for (size_t i = 0; i < count; i++)
        n.offset[i] = buffers[i]->offset;
    cl_int code;
    DEVICE_ENQUEUE(dev, code, clEnqueueNativeKernel, run_native, &n, sizeof n, bases,
                   bases ? ids : NULL, bases ? where : NULL);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueNativeKernel", NULL);
}
