/* SPDX-License-Identifier: MIT */
/* Which device serves: all of all platforms, and the choice among them. */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"

/* A device that says nothing of itself for lack of memory is not passed over: another would be
 * taken for it. */
static int is_shortage(cl_int code)
{
    return code == CL_OUT_OF_RESOURCES || code == CL_OUT_OF_HOST_MEMORY;
}

/* Appends a platform's devices; one without any is none to speak of. */
static int find_of(cl_platform_id platform, struct device_found **all, size_t *count,
                   struct error *err)
{
    cl_device_id ids[64];
    cl_uint m = 0;
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 64, ids, &m);
    if (is_shortage(code)) {
        char name[256], what[384];
        device_platform_name(platform, name);
        snprintf(
            what, sizeof what,
            "platform '%s' does not tell its devices: OCL_ICD_VENDORS can leave its driver out",
            name);
        return opencl_error(err, code, "clGetDeviceIDs", what);
    }
    if (code != CL_SUCCESS)
        return 0;
    for (cl_uint i = 0; i < m && i < 64; i++) {
        struct device_found *more = realloc(*all, (*count + 1) * sizeof **all);
        if (!more)
            return error_set(err, STATUS_FAILED, "out of memory");
        *all = more;
        code = device_describe(platform, ids[i], &more[*count]);
        if (code == CL_OUT_OF_HOST_MEMORY)
            return error_set(err, STATUS_FAILED, "clGetDeviceInfo: out of memory");
        if (code != CL_SUCCESS)
            return opencl_error(err, code, "clGetDeviceInfo", more[*count].info.name);
        (*count)++;
    }
    return 0;
}

/* Every device of every platform, in the order of the loader; the caller frees. */
static struct device_found *find_all(size_t *count, struct error *err)
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
    struct device_found *all = NULL;
    for (cl_uint p = 0; p < n && p < 32; p++)
        if (find_of(platforms[p], &all, count, err)) {
            free(all);
            return NULL;
        }
    if (!all)
        device_error_none(platforms, n < 32 ? n : 32, err);
    return all;
}

static int class_of(const struct device_found *f)
{
    return f->type & CL_DEVICE_TYPE_GPU ? 3 - f->is_guest : f->type & CL_DEVICE_TYPE_CPU ? 0 : 1;
}

/* GPUs before accelerators before CPUs, GPUs with memory of their own before others, which may say
 * that they have all of the host's, the larger first, the earlier where they are equal. */
static int is_better(const struct device_found *f, const struct device_found *than)
{
    const int kind = class_of(f), other = class_of(than);
    return kind != other ? kind > other : f->info.global_bytes > than->info.global_bytes;
}

static const struct device_found *by_index(const struct device_found *all, size_t count,
                                           const char *select, struct error *err)
{
    unsigned long index = strtoul(select, NULL, 10);
    if (index < count && all[index].usable)
        return &all[index];
    if (index < count)
        error_set(err, STATUS_DEVICE, "device %s (%s) is not available or has no compiler", select,
                  all[index].info.name);
    else
        error_set(err, STATUS_DEVICE, "device %s: there are %zu, numbered from 0", select, count);
    return NULL;
}

/* The device of which `select` asks for a part that it can be cut into. */
static const struct device_found *by_part(const struct device_found *all, size_t count,
                                          const char *select, const struct device_part *part,
                                          struct error *err)
{
    const struct device_found *found = by_index(all, count, select, err);
    return found && !part_check(found, part, err) ? found : NULL;
}

#define AUTO                                                                                   \
    "the first choice of auto: GPUs before CPUs, memory of their own before the host's, more " \
    "memory first"

/* What may be asked for instead of an index or a name, and why its best device is the one. */
static const struct kind {
    const char *select;
    cl_device_type type;
    const char *why;
} kinds[] = {
    {"auto", CL_DEVICE_TYPE_ALL, AUTO},
    {"", CL_DEVICE_TYPE_ALL, AUTO},
    {"gpu", CL_DEVICE_TYPE_GPU, "the GPU with the most memory of its own"},
    {"cpu", CL_DEVICE_TYPE_CPU, "the CPU device with the most memory"},
};

/* NULL: `select` is part of a name. */
static const struct kind *kind_of(const char *select)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(select, kinds[i].select))
            return &kinds[i];
    return NULL;
}

static int fits(const struct device_found *f, const struct kind *kind, const char *select)
{
    if (!f->usable)
        return 0;
    if (kind)
        return kind->type == CL_DEVICE_TYPE_ALL || (f->type & kind->type) != 0;
    return strcasestr(f->info.name, select) || strcasestr(f->info.platform, select);
}

/* The device that `select` asks for, which part of it, and why it is that one. */
static const struct device_found *pick(const struct device_found *all, size_t count,
                                       const char *select, struct device_part *part,
                                       const char **why, struct error *err)
{
    char *end;
    int is_part = part_read(select, part, err);
    *why = "a part of it was asked for";
    if (is_part)
        return is_part < 0 ? NULL : by_part(all, count, select, part, err);
    strtoul(select, &end, 10);
    if (*select && !*end) {
        *why = "its index was asked for";
        return by_index(all, count, select, err);
    }
    const struct kind *kind = kind_of(select);
    const struct device_found *best = NULL;
    *why = kind ? kind->why : "its name contains what was asked for";
    for (size_t i = 0; i < count; i++)
        if (fits(&all[i], kind, select) && (!best || is_better(&all[i], best)))
            best = &all[i];
    if (!best)
        error_set(err, STATUS_DEVICE, "no usable OpenCL device fits '%s'; see 'seqtrain devices'",
                  select);
    return best;
}

int device_find(const char *select, struct device_found *to, struct device_part *part,
                struct error *err)
{
    size_t count;
    const char *why;
    struct device_found *all = find_all(&count, err);
    if (!all)
        return -1;
    const struct device_found *best = pick(all, count, select, part, &why, err);
    if (best)
        *to = *best;
    free(all);
    return best ? 0 : -1;
}

static const char *kind_name(cl_device_type type)
{
    if (type & CL_DEVICE_TYPE_GPU)
        return "GPU";
    return type & CL_DEVICE_TYPE_CPU ? "CPU" : "accelerator";
}

/* Which device each of `select` picks, and why the last of them; -1 where one picks none. */
static int pick_each(const struct device_found *all, size_t count, char *const *select,
                     size_t selects, const struct device_found **best, const char **why,
                     struct error *err)
{
    struct device_part part;
    int failed = 0;
    for (size_t i = 0; i < selects && !failed; i++)
        failed = !(best[i] = pick(all, count, select[i], &part, why, err));
    return failed ? -1 : 0;
}

static int is_picked(const struct device_found *one, const struct device_found *const *best,
                     size_t selects)
{
    for (size_t i = 0; i < selects; i++)
        if (best[i] == one)
            return 1;
    return 0;
}

int device_list(char *const *select, size_t selects, FILE *out,
                void (*more)(const struct device_info *, unsigned, FILE *), struct error *err)
{
    size_t count;
    const char *why = NULL;
    struct device_found *all = find_all(&count, err);
    const struct device_found **best = all ? calloc(selects, sizeof *best) : NULL;
    if (!best) {
        free(all);
        return all ? error_set(err, STATUS_FAILED, "out of memory") : -1;
    }
    int failed = pick_each(all, count, select, selects, best, &why, err);
    for (size_t i = 0; i < count; i++) {
        const struct device_info *d = &all[i].info;
        fprintf(out, "%c %zu: %s\n     %s; %s; driver %s\n",
                is_picked(&all[i], best, selects) ? '*' : ' ', i, d->name, d->platform, d->version,
                d->driver);
        fprintf(out, "     %s, %u compute units, %.1f GiB, at most %.1f GiB a buffer%s%s\n",
                kind_name(all[i].type), d->compute_units, (double)d->global_bytes / 0x1p30,
                (double)d->max_alloc_bytes / 0x1p30, d->has_native ? ", host functions" : "",
                all[i].usable ? "" : ", NOT USABLE");
        part_tell(&all[i], (unsigned)i, out);
        if (more && all[i].usable)
            more(d, (unsigned)i, out);
    }
    if (!failed && selects == 1)
        fprintf(out, "* would be used: %s\n", why);
    else if (!failed)
        fputs("* would be used: each was asked for\n", out);
    free(best);
    free(all);
    return failed;
}

int device_only_plans(const char *select)
{
    return !strcasecmp(select, "none");
}

/* Whether another platform has shown a device of this name before: it is the same one. */
static int is_shown_twice(const struct device_found *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (all[k].usable && strcmp(all[k].info.platform, all[i].info.platform) != 0 &&
            !strcmp(all[k].info.name, all[i].info.name))
            return 1;
    return 0;
}

int device_each(unsigned **index, size_t *count, struct error *err)
{
    size_t found;
    const char *why;
    struct device_part part;
    struct device_found *all = find_all(&found, err);
    const struct device_found *best = all ? pick(all, found, "auto", &part, &why, err) : NULL;
    *count = 0;
    *index = best ? malloc(found * sizeof **index) : NULL;
    const int gpus = best && best->type & CL_DEVICE_TYPE_GPU;
    const int guests = best && best->is_guest; /* there is no other GPU */
    for (size_t i = 0; *index && i < found; i++)
        if (gpus ? fits(&all[i], kind_of("gpu"), "gpu") && all[i].is_guest <= guests &&
                       !is_shown_twice(all, i)
                 : &all[i] == best)
            (*index)[(*count)++] = (unsigned)i;
    free(all);
    if (best && !*index)
        error_set(err, STATUS_FAILED, "out of memory");
    return *index ? 0 : -1;
}

int device_usable(unsigned **index, size_t *count, struct error *err)
{
    size_t found;
    struct device_found *all = find_all(&found, err);
    *count = 0;
    *index = all ? malloc((found + 1) * sizeof **index) : NULL;
    for (size_t i = 0; *index && i < found; i++)
        if (all[i].usable)
            (*index)[(*count)++] = (unsigned)i;
    if (all && !*index)
        error_set(err, STATUS_FAILED, "out of memory");
    free(all);
    return *index ? 0 : -1;
}
