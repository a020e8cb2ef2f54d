/* SPDX-License-Identifier: MIT */
/* Memory of the host that copies to the device are read from. */
#include <stdlib.h>

#include "device/opencl.h"
#include "util/block.h"

/* One that the driver gave. */
struct host_memory {
    struct host_memory *next;
    cl_mem id;
    void *at;
};

/* A buffer in the host's memory that stays mapped is page-locked in drivers of GPUs. NULL: the
 * driver gives none. */
static void *lock_pages(struct device *dev, size_t bytes, cl_mem *id)
{
    cl_int code;
    *id =
        clCreateBuffer(dev->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &code);
    if (code != CL_SUCCESS)
        return NULL;
    void *at = clEnqueueMapBuffer(dev->queue, *id, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0,
                                  NULL, NULL, &code);
    if (code == CL_SUCCESS)
        return at;
    clReleaseMemObject(*id);
    return NULL;
}

void *device_host_new(struct device *dev, size_t bytes)
{
    if (dev->counts || dev->info.is_cpu)
        return block_new(bytes);
    struct host_memory *m = malloc(sizeof *m);
    if (m && (m->at = lock_pages(dev, bytes ? bytes : 1, &m->id))) {
        m->next = dev->host;
        dev->host = m;
        return m->at;
    }
    free(m);
    return block_new(bytes);
}

void device_host_free(struct device *dev, void *memory)
{
    struct host_memory **at = &dev->host, *m;
    while (*at && (*at)->at != memory)
        at = &(*at)->next;
    if (!memory || !(m = *at)) {
        block_free(memory);
        return;
    }
    *at = m->next;
    clEnqueueUnmapMemObject(dev->queue, m->id, m->at, 0, NULL, NULL);
    clFinish(dev->queue);
    clReleaseMemObject(m->id);
    free(m);
}
