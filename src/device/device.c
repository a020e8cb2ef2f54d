/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"
#include "device/tuning.h"
#include "util/now.h"

const char *opencl_error_name(cl_int code)
{
    static const struct {
        cl_int code;
        const char *name;
    } names[] = {
#define NAME(x) {x, #x}
        NAME(CL_DEVICE_NOT_FOUND),
        NAME(CL_DEVICE_NOT_AVAILABLE),
        NAME(CL_COMPILER_NOT_AVAILABLE),
        NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE),
        NAME(CL_OUT_OF_RESOURCES),
        NAME(CL_OUT_OF_HOST_MEMORY),
        NAME(CL_PROFILING_INFO_NOT_AVAILABLE),
        NAME(CL_MEM_COPY_OVERLAP),
        NAME(CL_BUILD_PROGRAM_FAILURE),
        NAME(CL_MAP_FAILURE),
        NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET),
        NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
        NAME(CL_COMPILE_PROGRAM_FAILURE),
        NAME(CL_LINKER_NOT_AVAILABLE),
        NAME(CL_LINK_PROGRAM_FAILURE),
        NAME(CL_DEVICE_PARTITION_FAILED),
        NAME(CL_INVALID_VALUE),
        NAME(CL_INVALID_DEVICE_TYPE),
        NAME(CL_INVALID_PLATFORM),
        NAME(CL_INVALID_DEVICE),
        NAME(CL_INVALID_CONTEXT),
        NAME(CL_INVALID_QUEUE_PROPERTIES),
        NAME(CL_INVALID_COMMAND_QUEUE),
        NAME(CL_INVALID_HOST_PTR),
        NAME(CL_INVALID_MEM_OBJECT),
        NAME(CL_INVALID_BINARY),
        NAME(CL_INVALID_BUILD_OPTIONS),
        NAME(CL_INVALID_PROGRAM),
        NAME(CL_INVALID_PROGRAM_EXECUTABLE),
        NAME(CL_INVALID_KERNEL_NAME),
        NAME(CL_INVALID_KERNEL_DEFINITION),
        NAME(CL_INVALID_KERNEL),
        NAME(CL_INVALID_ARG_INDEX),
        NAME(CL_INVALID_ARG_VALUE),
        NAME(CL_INVALID_ARG_SIZE),
        NAME(CL_INVALID_KERNEL_ARGS),
        NAME(CL_INVALID_WORK_DIMENSION),
        NAME(CL_INVALID_WORK_GROUP_SIZE),
        NAME(CL_INVALID_WORK_ITEM_SIZE),
        NAME(CL_INVALID_GLOBAL_WORK_SIZE),
        NAME(CL_INVALID_GLOBAL_OFFSET),
        NAME(CL_INVALID_EVENT_WAIT_LIST),
        NAME(CL_INVALID_EVENT),
        NAME(CL_INVALID_OPERATION),
        NAME(CL_INVALID_BUFFER_SIZE),
        NAME(CL_INVALID_PROPERTY),
        NAME(CL_INVALID_DEVICE_PARTITION_COUNT),
#undef NAME
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return code == -1001 ? "no OpenCL platform" : "unknown OpenCL error";
}

int opencl_error(struct error *err, cl_int code, const char *call, const char *what)
{
    return error_set(err, STATUS_DEVICE, "%s: %s (%d)%s%s", call, opencl_error_name(code), code,
                     what ? ": " : "", what ? what : "");
}

int device_error_planned(struct error *err, const char *what)
{
    return error_set(err, STATUS_DEVICE, "%s: device.select = none only plans", what);
}

/* --- order of commands */

/* What the fork started is what `queue` waits for from here on. */
cl_int device_gather(struct device *dev)
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
    cl_int code = device_gather(dev);
    clReleaseEvent(dev->fork);
    dev->forked = 0;
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clEnqueueBarrierWithWaitList", NULL);
}

int device_finish(struct device *dev, struct error *err)
{
    if (dev->counts)
        return 0;
    cl_int code = clFinish(dev->queue);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clFinish", NULL);
}

int device_pace(struct device *dev, unsigned depth, struct error *err)
{
    if (!depth || dev->counts)
        return device_finish(dev, err);
    if (depth > DEVICE_MAX_DEPTH)
        depth = DEVICE_MAX_DEPTH;
    cl_event *slot = &dev->pace[dev->pace_next++ % depth];
    cl_int code = CL_SUCCESS;
    if (*slot) {
        code = clWaitForEvents(1, slot);
        clReleaseEvent(*slot);
        *slot = NULL;
        if (code != CL_SUCCESS)
            return opencl_error(err, code, "clWaitForEvents", "an earlier step");
    }
    code = clEnqueueMarkerWithWaitList(dev->queue, 0, NULL, slot);
    if (code != CL_SUCCESS)
        return opencl_error(err, code, "clEnqueueMarkerWithWaitList", NULL);
    code = clFlush(dev->queue);
    return code == CL_SUCCESS ? 0 : opencl_error(err, code, "clFlush", NULL);
}

/* --- opening */

/* What a device or, where `id` is NULL, its platform says of itself; the first failure stays in
 * `code`, and what is asked after it is not. */
struct question {
    cl_platform_id platform;
    cl_device_id id;
    cl_int code;
};

static void ask_raw(struct question *q, cl_uint key, size_t size, void *to, size_t *needed)
{
    if (q->code == CL_SUCCESS)
        q->code = q->id ? clGetDeviceInfo(q->id, key, size, to, needed)
                        : clGetPlatformInfo(q->platform, key, size, to, needed);
}

/* A number; one that the device does not know (of an optional feature) stays as it is. */
static void ask(struct question *q, cl_uint key, size_t size, void *to)
{
    ask_raw(q, key, size, to, NULL);
    if (q->code == CL_INVALID_VALUE)
        q->code = CL_SUCCESS;
}

/* A text, cut to the 256 bytes at `to`: the call itself gives nothing where the room is too small.
 */
static void ask_text(struct question *q, cl_uint key, char to[256])
{
    size_t size = 0;
    ask_raw(q, key, 0, NULL, &size);
    char *text = calloc(1, size + 1);
    if (!text)
        q->code = CL_OUT_OF_HOST_MEMORY;
    ask_raw(q, key, size, text, NULL);
    snprintf(to, 256, "%s", text ? text : "");
    free(text);
}

/* What a device says of itself and what is wise differ. */
static void apply_quirks(struct device_info *info)
{
    /* llvmpipe lays work-items onto SIMD lanes, as GPUs do; smaller work-groups than it has lanes
     * waste them, and Mesa 22.3 compiles those with barriers and loops to wrong results. */
    if (!strncmp(info->name, "llvmpipe", 8))
        info->is_cpu = 0;
}

static cl_int device_describe(cl_platform_id platform, cl_device_id id, struct device_info *info)
{
    struct question q = {platform, id, CL_SUCCESS}, of_platform = {platform, NULL, CL_SUCCESS};
    memset(info, 0, sizeof *info);
    ask_text(&q, CL_DEVICE_NAME, info->name);
    ask_text(&q, CL_DEVICE_VENDOR, info->vendor);
    ask_text(&q, CL_DEVICE_VERSION, info->version);
    ask_text(&q, CL_DRIVER_VERSION, info->driver);
    ask_text(&of_platform, CL_PLATFORM_NAME, info->platform);

    cl_device_type type = 0;
    cl_device_exec_capabilities exec = 0;
    cl_device_fp_config fp64 = 0;
    cl_ulong global = 0, most = 0, local = 0;
    cl_uint units = 1, align = 1024;
    size_t group = 1;
    ask(&q, CL_DEVICE_TYPE, sizeof type, &type);
    ask(&q, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof exec, &exec);
    ask(&q, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof fp64, &fp64);
    ask(&q, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof global, &global);
    ask(&q, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof most, &most);
    ask(&q, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local);
    ask(&q, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units);
    ask(&q, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align, &align);
    ask(&q, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group);
    info->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    info->has_native = (exec & CL_EXEC_NATIVE_KERNEL) != 0;
    info->has_fp64 = fp64 != 0;
    info->global_bytes = global;
    info->max_alloc_bytes = most;
    info->local_bytes = local;
    info->compute_units = units;
    info->max_group = group;
    info->base_align = align / 8 > 64 ? align / 8 : 64;
    apply_quirks(info);
    return q.code == CL_SUCCESS ? of_platform.code : q.code;
}

struct found {
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
    int usable;
    struct device_info info;
};

static cl_int describe_found(cl_platform_id platform, cl_device_id id, struct found *f)
{
    struct question q = {platform, id, CL_SUCCESS};
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    *f = (struct found){.platform = platform, .id = id};
    ask(&q, CL_DEVICE_TYPE, sizeof f->type, &f->type);
    ask(&q, CL_DEVICE_AVAILABLE, sizeof available, &available);
    ask(&q, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler);
    f->usable = available && compiler;
    return q.code == CL_SUCCESS ? device_describe(platform, id, &f->info) : q.code;
}

/* A device that says nothing of itself for lack of memory is not passed over: another would be
 * taken for it. */
static int is_shortage(cl_int code)
{
    return code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY;
}

/* Appends a platform's devices; one without any is none to speak of. */
static int find_of(cl_platform_id platform, struct found **all, size_t *count, struct error *err)
{
    cl_device_id ids[64];
    cl_uint m = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 64, ids, &m);
    if (is_shortage(code)) {
        char name[256], what[384];
        ask_text(&(struct question){.platform = platform}, CL_PLATFORM_NAME, name);
        snprintf(
            what, sizeof what,
            "platform '%s' does not tell its devices: OCL_ICD_VENDORS can leave its driver out",
            name);
        return opencl_error(err, code, "clGetDeviceIDs", what);
    }
    if (code != CL_SUCCESS)
        return 0;
    for (cl_uint i = 0; i < m && i < 64; i++) {
        struct found *more = realloc(*all, (*count + 1) * sizeof **all);
        if (!more)
            return error_set(err, STATUS_FAILED, "out of memory");
        *all = more;
        code = describe_found(platform, ids[i], &more[*count]);
        if (code == CL_OUT_OF_HOST_MEMORY)
            return error_set(err, STATUS_FAILED, "clGetDeviceInfo: out of memory");
        if (code != CL_SUCCESS)
            return opencl_error(err, code, "clGetDeviceInfo", more[*count].info.name);
        (*count)++;
    }
    return 0;
}

/* Every device of every platform, in the order of the loader; the caller frees. */
static struct found *find_all(size_t *count, struct error *err)
{
    cl_platform_id platforms[32];
    cl_uint n = 0;
    *count = 0;
    cl_int code = clGetPlatformIDs(32, platforms, &n);
    if (is_shortage(code)) {
        opencl_error(err, code, "clGetPlatformIDs", NULL);
        return NULL;
    }
    if (code != CL_SUCCESS || !n) {
        device_error_none(platforms, 0, err);
        return NULL;
    }
    struct found *all = NULL;
    for (cl_uint p = 0; p < n && p < 32; p++)
        if (find_of(platforms[p], &all, count, err)) {
            free(all);
            return NULL;
        }
    if (!all)
        device_error_none(platforms, n < 32 ? n : 32, err);
    return all;
}

/* GPUs before accelerators before CPUs, the larger first, the earlier where they are equal. */
static double rank_of(const struct found *f)
{
    double kind = f->type & CL_DEVICE_TYPE_GPU ? 2 : f->type & CL_DEVICE_TYPE_CPU ? 0 : 1;
    return kind * 1e30 + (double)f->info.global_bytes;
}

static const struct found *pick(const struct found *all, size_t count, const char *select,
                                const char **why, struct error *err)
{
    char *end;
    unsigned long index = strtoul(select, &end, 10);
    const struct found *best = NULL;
    if (*select && !*end) {
        if (index >= count) {
            error_set(err, STATUS_DEVICE, "device %s: there are %zu, numbered from 0", select,
                      count);
            return NULL;
        }
        best = &all[index];
        *why = "its index was asked for";
        if (!best->usable) {
            error_set(err, STATUS_DEVICE, "device %s (%s) is not available or has no compiler",
                      select, best->info.name);
            return NULL;
        }
        return best;
    }
    int any = !*select || !strcasecmp(select, "auto");
    int gpu = !strcasecmp(select, "gpu"), cpu = !strcasecmp(select, "cpu");
    *why = any   ? "the first choice of auto: GPUs before CPUs, more memory first"
           : gpu ? "the GPU with the most memory"
           : cpu ? "the CPU device with the most memory"
                 : "its name contains what was asked for";
    for (size_t i = 0; i < count; i++) {
        const struct found *f = &all[i];
        int fits = any || (gpu   ? (f->type & CL_DEVICE_TYPE_GPU) != 0
                           : cpu ? (f->type & CL_DEVICE_TYPE_CPU) != 0
                                 : strcasestr(f->info.name, select) ||
                                       strcasestr(f->info.platform, select));
        if (f->usable && fits && (!best || rank_of(f) > rank_of(best)))
            best = f;
    }
    if (!best)
        error_set(err, STATUS_DEVICE, "no usable OpenCL device fits '%s'; see 'seqtrain devices'",
                  select);
    return best;
}

int device_list(const char *select, FILE *out, struct error *err)
{
    size_t count;
    struct found *all = find_all(&count, err);
    if (!all)
        return -1;
    const char *why = NULL;
    const struct found *best = pick(all, count, select, &why, err);
    for (size_t i = 0; i < count; i++) {
        const struct device_info *d = &all[i].info;
        fprintf(out, "%c %zu: %s\n     %s; %s; driver %s\n", &all[i] == best ? '*' : ' ', i,
                d->name, d->platform, d->version, d->driver);
        fprintf(out, "     %s, %u compute units, %.1f GiB, at most %.1f GiB a buffer%s%s\n",
                all[i].type & CL_DEVICE_TYPE_GPU   ? "GPU"
                : all[i].type & CL_DEVICE_TYPE_CPU ? "CPU"
                                                   : "accelerator",
                d->compute_units, (double)d->global_bytes / 0x1p30,
                (double)d->max_alloc_bytes / 0x1p30, d->has_native ? ", host functions" : "",
                all[i].usable ? "" : ", NOT USABLE");
    }
    if (best)
        fprintf(out, "* would be used: %s\n", why);
    free(all);
    return best ? 0 : -1;
}

/* A part of a CPU device, where fewer threads are asked for than it has compute units. It is never
 * released, a kilobyte in the life of a process: PoCL (3.1) lets go of a context, and with it of
 * the part, before it asks the part how to free a queue, in whichever of its threads ends last. */
static cl_int limit_threads(struct device *dev, long threads)
{
    if (threads < 1 || !dev->info.is_cpu || (unsigned long)threads >= dev->info.compute_units)
        return CL_SUCCESS;
    const cl_device_partition_property by[] = {CL_DEVICE_PARTITION_BY_COUNTS, threads,
                                               CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
    cl_device_id part;
    cl_int code = clCreateSubDevices(dev->id, by, 1, &part, NULL);
    if (code == CL_SUCCESS) {
        dev->id = part;
        dev->info.compute_units = (unsigned)threads;
    }
    return code;
}

int device_only_plans(const char *select)
{
    return !strcasecmp(select, "none");
}

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
                             .compute_units = 1,
                             .global_bytes = options->memory,
                             .max_alloc_bytes = options->memory ? options->memory / 4 : NO_LIMIT,
                             .local_bytes = 48 << 10,
                             .max_group = 1024,
                             .base_align = 512};
    dev->budget =
        options->memory ? (uint64_t)((double)options->memory * options->memory_fraction) : NO_LIMIT;
    return dev;
}

struct device *device_open(const struct device_options *options, struct error *err)
{
    if (device_only_plans(options->select))
        return open_planned(options, err);
    size_t count;
    const char *why;
    struct found *all = find_all(&count, err);
    if (!all)
        return NULL;
    const struct found *best = pick(all, count, options->select, &why, err);
    struct device *dev = best ? calloc(1, sizeof *dev) : NULL;
    if (dev) {
        dev->platform = best->platform;
        dev->id = best->id;
        dev->info = best->info;
        uint64_t memory = options->memory ? options->memory : dev->info.global_bytes;
        dev->budget = (uint64_t)((double)memory * options->memory_fraction);
    } else if (best)
        error_set(err, STATUS_FAILED, "out of memory");
    free(all);
    if (!dev)
        return NULL;

    cl_int code = limit_threads(dev, options->threads);
    if (code != CL_SUCCESS) {
        opencl_error(err, code, "clCreateSubDevices", "device.threads");
        device_close(dev);
        return NULL;
    }
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)dev->platform, 0};
    dev->context = clCreateContext(properties, 1, &dev->id, NULL, NULL, &code);
    if (!dev->context) {
        opencl_error(err, code, "clCreateContext", dev->info.name);
        device_close(dev);
        return NULL;
    }
    dev->queue = clCreateCommandQueue(dev->context, dev->id, 0, &code);
    /* Running side by side pays where a GEMM is cut into host functions; a queue that keeps order
     * needs no events, which makes a command on PoCL several times cheaper. */
    cl_command_queue_properties can = 0;
    if (code == CL_SUCCESS)
        code = clGetDeviceInfo(dev->id, CL_DEVICE_QUEUE_PROPERTIES, sizeof can, &can, NULL);
    if (code == CL_SUCCESS && dev->info.has_native && can & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        dev->side = clCreateCommandQueue(dev->context, dev->id,
                                         CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code != CL_SUCCESS) {
        opencl_error(err, code, "clCreateCommandQueue", dev->info.name);
        device_close(dev);
        return NULL;
    }
    if (options->measure && !(dev->tuning = tuning_open(dev))) {
        error_set(err, STATUS_FAILED, "out of memory");
        device_close(dev);
        return NULL;
    }
    return dev;
}

void device_close(struct device *dev)
{
    if (!dev)
        return;
    struct error ignored;
    if (dev->queue)
        device_finish(dev, &ignored);
    for (unsigned i = 0; i < DEVICE_MAX_DEPTH; i++)
        if (dev->pace[i])
            clReleaseEvent(dev->pace[i]);
    program_free_all(dev);
    buffer_free(dev->scratch);
    tuning_free(dev->tuning);
    if (dev->side)
        clReleaseCommandQueue(dev->side);
    if (dev->queue)
        clReleaseCommandQueue(dev->queue);
    if (dev->context)
        clReleaseContext(dev->context);
    free(dev);
}

const struct device_info *device_info(const struct device *dev)
{
    return &dev->info;
}

void device_only_plan(struct device *dev)
{
    dev->counts = 1;
}

void device_act_as_gpu(struct device *dev)
{
    dev->info.is_cpu = 0;
    if (dev->info.local_bytes > 48 << 10)
        dev->info.local_bytes = 48 << 10;
}

void device_stop_at(struct device *dev, const volatile sig_atomic_t *stop)
{
    dev->stop = stop;
}

int device_stopped(const struct device *dev)
{
    return dev->stop && *dev->stop;
}

void device_on_build(struct device *dev, void (*call)(void *ctx, const char *program), void *ctx)
{
    dev->on_build = call;
    dev->on_build_ctx = ctx;
}

uint64_t device_bytes(const struct device *dev)
{
    return dev->bytes;
}

uint64_t device_budget(const struct device *dev)
{
    return dev->budget;
}

/* --- kernels */

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

/* The first launch, by itself. */
static int watched_enqueue(struct kernel *k, size_t groups, size_t lanes, struct error *err)
{
    k->launched = 1;
    if (device_finish(k->dev, err))
        return -1;
    double before = now();
    if (kernel_enqueue(k, groups, lanes, err) || device_finish(k->dev, err))
        return -1;
    k->program->times.launched += now() - before;
    return 0;
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

/* --- native kernels. Parts are handed over as their parent and an offset, each parent once and in
 * the order of creation: PoCL (3.1 at least) sorts the buffers so and drops doubles, but not the
 * places where their addresses go. */

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
