/* SPDX-License-Identifier: MIT */
/* What a device says of itself, and what is wise instead. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"

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

/* A text of any length, which the caller frees; NULL without memory, which is a failure. */
static char *ask_all(struct question *q, cl_uint key)
{
    size_t size = 0;
    ask_raw(q, key, 0, NULL, &size);
    char *text = calloc(1, size + 1);
    if (!text)
        q->code = CL_OUT_OF_HOST_MEMORY;
    ask_raw(q, key, size, text, NULL);
    return text;
}

/* A text, cut to the 256 bytes at `to`: the call itself gives nothing where the room is too small.
 */
static void ask_text(struct question *q, cl_uint key, char to[256])
{
    char *text = ask_all(q, key);
    snprintf(to, 256, "%s", text ? text : "");
    free(text);
}

/* Questions about the card that only some drivers answer, with what they fill. Older headers lack
 * them. */
enum {
    PCI_BUS_INFO_KHR = 0x410F,
    UUID_KHR = 0x106A,
    TOPOLOGY_AMD = 0x4037,
    COMPUTE_MAJOR_NV = 0x4000,
    COMPUTE_MINOR_NV = 0x4001,
    PCI_BUS_NV = 0x4008,
    PCI_SLOT_NV = 0x4009,
    PCI_DOMAIN_NV = 0x400A
};
struct topology_amd { /* PCI Express, if type is 1 */
    cl_uint type;
    cl_uchar unused[17], bus, device, function;
};

static int has(const char *extensions, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = extensions; (at = strstr(at, name)); at += length)
        if ((at == extensions || at[-1] == ' ') && (!at[length] || at[length] == ' '))
            return 1;
    return 0;
}

static void ask_card(struct question *q, const char *extensions, struct device_card *card)
{
    cl_uint address[4] = {~0U}, bus = ~0U, slot = 0, domain = 0;
    struct topology_amd amd = {.type = 0};
    if (has(extensions, "cl_khr_pci_bus_info"))
        ask(q, PCI_BUS_INFO_KHR, sizeof address, address);
    if (address[0] == ~0U && has(extensions, "cl_nv_device_attribute_query")) {
        ask(q, PCI_BUS_NV, sizeof bus, &bus);
        ask(q, PCI_SLOT_NV, sizeof slot, &slot);
        ask(q, PCI_DOMAIN_NV, sizeof domain, &domain);
        if (bus != ~0U)
            memcpy(address, (cl_uint[]){domain, bus, slot >> 3, slot & 7}, sizeof address);
    }
    if (address[0] == ~0U && has(extensions, "cl_amd_device_attribute_query")) {
        ask(q, TOPOLOGY_AMD, sizeof amd, &amd);
        if (amd.type == 1)
            memcpy(address, (cl_uint[]){0, amd.bus, amd.device, amd.function}, sizeof address);
    }
    if (address[0] != ~0U)
        *card = (struct device_card){.has_address = 1,
                                     .domain = address[0],
                                     .bus = address[1],
                                     .device = address[2],
                                     .function = address[3]};
    if (has(extensions, "cl_nv_device_attribute_query")) {
        cl_uint major = 0, minor = 0;
        ask(q, COMPUTE_MAJOR_NV, sizeof major, &major);
        ask(q, COMPUTE_MINOR_NV, sizeof minor, &minor);
        card->compute_major = major;
        card->compute_minor = minor;
    }
    if (has(extensions, "cl_khr_device_uuid")) {
        ask(q, UUID_KHR, sizeof card->uuid, card->uuid);
        for (size_t i = 0; i < sizeof card->uuid; i++)
            card->has_uuid |= card->uuid[i] != 0;
    }
}

/* Which card the device is, as its driver says, and what matrix units it may have; a CPU is none.
 */
static void describe_card(struct question *q, cl_device_id id, struct device_info *info)
{
    char *extensions = ask_all(q, CL_DEVICE_EXTENSIONS);
    if (q->code == CL_SUCCESS) {
        ask_card(q, extensions, &info->card);
        info->matrix_offered = matrix_offered(id, info, extensions);
    }
    free(extensions);
}

/* What a device says of itself and what is wise differ. */
static void apply_quirks(struct device_info *info)
{
    /* llvmpipe lays work-items onto SIMD lanes, as GPUs do; smaller work-groups than it has lanes
     * waste them, and Mesa 22.3 compiles those with barriers and loops to wrong results. */
    if (!strncmp(info->name, "llvmpipe", 8))
        info->is_cpu = 0;
}

/* Fills `info` with the device's texts and those of its platform, then with its numbers. */
static cl_int describe(cl_platform_id platform, cl_device_id id, struct device_info *info)
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
    cl_ulong global = 0, most = 0, local = 0, cache = 0;
    cl_uint units = 1, align = 1024;
    size_t group = 1;
    ask(&q, CL_DEVICE_TYPE, sizeof type, &type);
    ask(&q, CL_DEVICE_EXECUTION_CAPABILITIES, sizeof exec, &exec);
    ask(&q, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof fp64, &fp64);
    ask(&q, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof global, &global);
    ask(&q, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof most, &most);
    ask(&q, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local);
    ask(&q, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache, &cache);
    ask(&q, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units);
    ask(&q, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align, &align);
    ask(&q, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group);
    info->is_cpu = (type & CL_DEVICE_TYPE_CPU) != 0;
    info->has_native = (exec & CL_EXEC_NATIVE_KERNEL) != 0;
    info->has_fp64 = fp64 != 0;
    info->global_bytes = global;
    info->max_alloc_bytes = most;
    info->local_bytes = local;
    info->cache_bytes = cache;
    info->compute_units = units;
    info->max_group = group;
    info->base_align = align / 8 > 64 ? align / 8 : 64;
    if (!info->is_cpu) {
        describe_card(&q, id, info);
        info->barrier = barrier_offered(id, info);
        if (info->barrier == BARRIER_PTX || !strncmp(info->vendor, "Advanced Micro", 14))
            info->keeps = DEVICE_WALK_KEEPS;
    }
    apply_quirks(info);
    return q.code == CL_SUCCESS ? of_platform.code : q.code;
}

void device_platform_name(cl_platform_id platform, char to[256])
{
    ask_text(&(struct question){.platform = platform}, CL_PLATFORM_NAME, to);
}

cl_int device_describe(cl_platform_id platform, cl_device_id id, struct device_found *f)
{
    struct question q = {platform, id, CL_SUCCESS};
    cl_bool available = CL_FALSE, compiler = CL_FALSE, unified = CL_FALSE;
    cl_device_partition_property by[16] = {0};
    *f = (struct device_found){.platform = platform, .id = id};
    ask(&q, CL_DEVICE_TYPE, sizeof f->type, &f->type);
    ask(&q, CL_DEVICE_AVAILABLE, sizeof available, &available);
    ask(&q, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler);
    ask(&q, CL_DEVICE_PARTITION_PROPERTIES, sizeof by, by);
    ask(&q, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified, &unified);
    f->usable = available && compiler;
    f->is_guest = unified && f->type & CL_DEVICE_TYPE_GPU;
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        f->cuts |= by[i] == CL_DEVICE_PARTITION_EQUALLY     ? DEVICE_CUTS_EQUALLY
                   : by[i] == CL_DEVICE_PARTITION_BY_COUNTS ? DEVICE_CUTS_BY_COUNTS
                                                            : 0;
    return q.code == CL_SUCCESS ? describe(platform, id, &f->info) : q.code;
}

const struct device_doubts *device_doubts(const struct device *dev)
{
    return &dev->doubts;
}

const struct device_info *device_info(const struct device *dev)
{
    return &dev->info;
}

void device_plan_walks(struct device *dev, unsigned units)
{
    dev->info.barrier = BARRIER_PTX;
    dev->info.keeps = DEVICE_WALK_KEEPS;
    dev->info.resident = dev->info.compute_units = units;
}

void device_plan_matrix(struct device *dev, enum device_matrix how, unsigned rate)
{
    dev->info.matrix = how;
    dev->info.matrix_rate = rate;
}

void device_act_as_gpu(struct device *dev)
{
    dev->info.is_cpu = 0;
    if (dev->info.local_bytes > 48 << 10)
        dev->info.local_bytes = 48 << 10;
}
