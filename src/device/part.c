/* SPDX-License-Identifier: MIT */
/*
 * Parts of a device: sub-devices of OpenCL. What a part is of a device's compute units is fixed by
 * its number, so that processes which each take another part share nothing but memory.
 */
#include <stdlib.h>
#include <string.h>

#include "device/opencl.h"
#include "util/cores.h"

#define AN_EXAMPLE "0.1/2 is the second half of device 0"

/* Reads a number of at most nine digits; returns what follows it, NULL where there is none. */
static const char *read_number(const char *text, unsigned *to)
{
    size_t digits = strspn(text, "0123456789");
    *to = (unsigned)strtoul(text, NULL, 10);
    return digits && digits < 10 ? text + digits : NULL;
}

int part_read(const char *select, struct device_part *part, struct error *err)
{
    *part = (struct device_part){0, 0, 1};
    size_t digits = strspn(select, "0123456789");
    if (!digits || select[digits] != '.')
        return 0;
    const char *rest = read_number(select, &part->index);
    rest = rest ? read_number(rest + 1, &part->number) : NULL;
    rest = rest && *rest == '/' ? read_number(rest + 1, &part->of) : NULL;
    if (!rest || *rest)
        return error_set(err, STATUS_USAGE,
                         "'%s' is no part of a device: INDEX.PART/PARTS is; " AN_EXAMPLE, select);
    if (!part->of)
        return error_set(err, STATUS_USAGE, "%s: a device has at least one part; " AN_EXAMPLE,
                         select);
    if (part->number >= part->of)
        return error_set(err, STATUS_USAGE, "%s: %u parts are numbered from 0 to %u", select,
                         part->of, part->of - 1);
    return 1;
}

/* "1, 2, 4", as many as there is room for. */
static void put_divisors(unsigned units, char *to, size_t size)
{
    size_t used = 0;
    for (unsigned n = 1; n <= units && used < size; n++)
        if (units % n == 0)
            used += (size_t)snprintf(to + used, size - used, "%s%u", n > 1 ? ", " : "", n);
}

int part_check(const struct device_found *found, const struct device_part *part, struct error *err)
{
    const unsigned units = found->info.compute_units;
    char divisors[160];
    if (part->of == 1)
        return 0;
    if (!found->cuts)
        return error_set(err, STATUS_DEVICE,
                         "device %u (%s) cannot be cut into parts: device.select = %u takes it "
                         "whole",
                         part->index, found->info.name, part->index);
    put_divisors(units, divisors, sizeof divisors);
    if (units % part->of)
        return error_set(err, STATUS_DEVICE,
                         "device %u (%s) has %u compute units, which %u equal parts do not divide: "
                         "it can have %s",
                         part->index, found->info.name, units, part->of, divisors);
    return 0;
}

void part_tell(const struct device_found *found, unsigned index, FILE *out)
{
    const unsigned units = found->info.compute_units;
    char divisors[160];
    if (!found->cuts || units < 2)
        return;
    put_divisors(units, divisors, sizeof divisors);
    fprintf(out, "     can be cut into %s equal parts: %u.0/%u is the first of %u\n", divisors + 3,
            index, units, units);
}

/*
 * The first `used` compute units of the part's `size`. Parts are never released, a kilobyte in the
 * life of a process: PoCL (3.1) lets go of a context, and with it of the part, before it asks the
 * part how to free a queue, in whichever of its threads ends last.
 */
static cl_int cut(cl_device_id *id, const struct device_found *found,
                  const struct device_part *part, unsigned size, unsigned used)
{
    const int equally = used == size && found->cuts & DEVICE_CUTS_EQUALLY;
    const cl_uint count = equally ? part->of : part->number + 1;
    cl_device_id *ids = calloc(count, sizeof *ids);
    cl_device_partition_property *by = calloc(count + 3, sizeof *by);
    cl_int code = ids && by ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
    if (code == CL_SUCCESS) {
        by[0] = equally ? CL_DEVICE_PARTITION_EQUALLY : CL_DEVICE_PARTITION_BY_COUNTS;
        for (cl_uint i = 0; i < (equally ? 1 : count); i++)
            by[1 + i] = i + 1 < count ? size : used;
        code = clCreateSubDevices(found->id, by, count, ids, NULL);
    }
    if (code == CL_SUCCESS)
        *id = ids[part->number];
    free(ids);
    free(by);
    return code;
}

int part_take(struct device *dev, const struct device_found *found, const struct device_part *part,
              const struct device_options *options, struct error *err)
{
    const unsigned size = found->info.compute_units / part->of;
    const long threads = options->threads;
    const int fewer = found->info.is_cpu && threads >= 1 && (unsigned long)threads < size;
    const unsigned used = fewer ? (unsigned)threads : size;
    if (part->of > 1)
        snprintf(dev->info.part, sizeof dev->info.part, "%u.%u/%u", part->index, part->number,
                 part->of);
    if (used == found->info.compute_units)
        return 0;
    if (found->type & CL_DEVICE_TYPE_CPU && part->of > 1 && !options->roams)
        cores_keep(part->number, part->of);
    cl_int code = cut(&dev->id, found, part, size, used);
    if (code == CL_OUT_OF_HOST_MEMORY)
        return error_set(err, STATUS_FAILED, "clCreateSubDevices: out of memory");
    if (code != CL_SUCCESS)
        return opencl_error(err, code, "clCreateSubDevices",
                            fewer ? "device.threads" : "device.select");
    dev->info.compute_units = used;
    return 0;
}
