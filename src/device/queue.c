/* SPDX-License-Identifier: MIT */
/* The order of commands: in the queue, side by side between fork and join, and how far ahead of the
 * device the host may run. */
#include "device/opencl.h"

int queue_open(struct device *dev, struct error *err)
{
    cl_int code;
    dev->queue = clCreateCommandQueue(dev->context, dev->id, 0, &code);
    /* Running side by side pays where a GEMM is cut into host functions; a queue that keeps order
     * needs no events, which makes a command on PoCL several times cheaper. */
    cl_command_queue_properties can = 0;
    if (code == CL_SUCCESS)
        code = clGetDeviceInfo(dev->id, CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    if (code == CL_SUCCESS && dev->info.has_native && can & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        dev->side = clCreateCommandQueue(dev->context, dev->id,
                                         CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clCreateCommandQueue", dev->info.name);
}

void queue_close(struct device *dev)
{
    for (unsigned i = 0; i < DEVICE_MAX_DEPTH; i++)
        if (dev->pace[i])
            clReleaseEvent(dev->pace[i]);
    if (dev->side)
        clReleaseCommandQueue(dev->side);
    if (dev->queue)
        clReleaseCommandQueue(dev->queue);
}

/* What the fork started is what `queue` waits for from here on. */
cl_int queue_gather(struct device *dev)
{
    if (!dev->running_count)
        return CL_SUCCESS;
    clFlush(dev->side);
    cl_int code = clEnqueueBarrierWithWaitList(dev->queue, dev->running_count, dev->running, NULL);
    for (cl_uint i = 0; i < dev->running_count; i++)
        clReleaseEvent(dev->running[i]);
    dev->running_count = 0;
    return code;
}

void device_fork(struct device *dev)
{
    if (!dev->side || dev->forked)
        return;
    /* without the marker the fork's commands simply stay in order */
    if (clEnqueueMarkerWithWaitList(dev->queue, 0, NULL, &dev->fork) != CL_SUCCESS)
        return;
    clFlush(dev->queue);
    dev->forked = 1;
}

int device_join(struct device *dev, struct error *err)
{
    if (!dev->forked)
        return 0;
    cl_int code = queue_gather(dev);
    clReleaseEvent(dev->fork);
    dev->forked = 0;
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueBarrierWithWaitList", NULL);
}

/* Whether work-groups of a launch have waited too long for each other, see cl/grid.h. */
static int check_alarm(struct device *dev, struct error *err)
{
    cl_uint alarm = 0;
    if (!dev->alarm)
        return 0;
    cl_int code = clEnqueueReadBuffer(dev->queue, dev->alarm->id, CL_TRUE, 0, sizeof alarm, &alarm,
                                      0, NULL, NULL);
    if (code != CL_SUCCESS)
        return opencl_error(err, code, "clEnqueueReadBuffer", "alarm");
    return alarm ? error_set(err, STATUS_DEVICE,
                             "the work-groups of a recurrent layer waited too long for each other: "
                             "set SEQTRAIN_DEBUG=stepwise, which launches each step separately")
                 : 0;
}

int device_finish(struct device *dev, struct error *err)
{
    const int failed = dev->next && device_finish(dev->next, err);
    if (dev->counts)
        return failed ? -1 : 0;
    cl_int code = clFinish(dev->queue);
    if (code != CL_SUCCESS) /* what runs still may write to memory that is freed next */
        clFinish(dev->queue);
    if (failed)
        return -1;
    return code == CL_SUCCESS ? check_alarm(dev, err) : opencl_error(err, code, "clFinish", NULL);
}

int device_pace(struct device *dev, unsigned depth, struct error *err)
{
    if (!depth || dev->counts)
        return device_finish(dev, err);
    if (depth > DEVICE_MAX_DEPTH)
        depth = DEVICE_MAX_DEPTH;
    cl_event *slot = &dev->pace[dev->pace_next++ % depth];
    cl_int code = clFlush(dev->queue); /* the device has work while the host waits */
    if (code != CL_SUCCESS)
        return opencl_error(err, code, "clFlush", NULL);
    if (*slot) {
        code = clWaitForEvents(1, slot);
        clReleaseEvent(*slot);
        *slot = NULL;
        if (code != CL_SUCCESS)
            return opencl_error(err, code, "clWaitForEvents", "an earlier step");
    }
    code = clEnqueueMarkerWithWaitList(dev->queue, 0, NULL, slot);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueMarkerWithWaitList", NULL);
}
