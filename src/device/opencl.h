/* SPDX-License-Identifier: MIT */
/*
 * opencl: what the files of src/device share and nobody else sees.
 */
#ifndef DEVICE_OPENCL_H
#define DEVICE_OPENCL_H

#include <CL/cl.h>

#include "device/device.h"

/* Commands that what comes next waits for at most. */
#define DEVICE_MAX_EVENTS 256
#define DEVICE_MAX_DEPTH 8

struct host_memory;

struct program {
    struct program *next;
    char *file, *options;
    cl_program id;
    int cached; /* its binary is in the cache as it is */
    struct program_times times;
};

struct device {
    struct device *next; /* put beside it; owned by the first */
    cl_platform_id platform;
    cl_device_id id;
    cl_context context; /* NULL: device.select = none, without any object of OpenCL */
    cl_command_queue queue;
    struct device_info info;
    struct device_doubts doubts;
    int counts;  /* only plans: buffers are counted and programs built, but no buffer or kernel made
                  */
    int is_twin; /* the same of a twin, whose bytes have no bound */
    uint64_t bytes, budget, serial;
    struct program *programs;
    int lasts;  /* see device_options */
    int shares; /* a program goes to the cache as soon as it is built; processes build each once */
    void (*on_build)(void *ctx, const char *program);
    void *on_build_ctx;
    int watches;                /* first launches are waited for */
    struct device_spent *spent; /* [spent_count], each kernel once */
    size_t spent_count;
    const volatile sig_atomic_t *stop; /* NULL: nothing ends work early */

    /* Order. `queue` runs its commands one after the other. Between fork and join commands go to
     * `side`, out of order (NULL where the device has none): `fork` is the point of `queue` that
     * they wait for, `running` what `queue` waits for at the join. */
    cl_command_queue side;
    int forked;
    cl_event fork, running[DEVICE_MAX_EVENTS];
    cl_uint running_count;

    cl_event pace[DEVICE_MAX_DEPTH];
    unsigned pace_next;

    struct buffer *scratch; /* CLBlast's */
    struct buffer *alarm;   /* NULL: no plan has asked for it */
    struct host_memory *host;
    struct tuning *tuning; /* NULL: from the table */
};

struct buffer {
    struct device *dev;
    struct buffer *parent; /* NULL unless a part */
    cl_mem id;
    size_t offset, bytes;
    uint64_t serial; /* order of creation, of buffers that are no parts */
};

struct kernel {
    struct device *dev;
    cl_kernel id;
    char *name;
    struct program *program;
    int launched;
    double first;  /* seconds of the first launch, if it was watched */
    cl_int failed; /* of the first kernel_set_* that failed */
    unsigned failed_index;
};

/* "CL_OUT_OF_RESOURCES"; never NULL. */
const char *opencl_error_name(cl_int code);

#define DEVICE_CUTS_EQUALLY 1u
#define DEVICE_CUTS_BY_COUNTS 2u

/* A device as its platform offers it. */
struct device_found {
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
    int usable;    /* it is there and has a compiler */
    int is_guest;  /* its memory is the host's, as a processor's graphics have it */
    unsigned cuts; /* how it can be cut into parts: DEVICE_CUTS_... */
    struct device_info info;
};

/* Fills `found` with all that the device says of itself; a failure is the first of OpenCL's. */
cl_int device_describe(cl_platform_id platform, cl_device_id id, struct device_found *found);
void device_platform_name(cl_platform_id platform, char to[256]);

/* Part `number` of `of` equal ones of the device with this index; of = 1: all of it. */
struct device_part {
    unsigned index, number, of;
};

/* Reads INDEX.PART/PARTS. 1, 0 where `select` is no part, -1 (STATUS_USAGE) where it is a wrong
 * one. */
int part_read(const char *select, struct device_part *part, struct error *err);

/* Fails where the device cannot be cut so. */
int part_check(const struct device_found *found, const struct device_part *part, struct error *err);

/* Prints a line on how a device can be cut, if it can. */
void part_tell(const struct device_found *found, unsigned index, FILE *out);

/* Makes `dev`, of which there is only what `found` says, this part of it; the process keeps to its
 * cores, unless the options say that it roams. */
int part_take(struct device *dev, const struct device_found *found, const struct device_part *part,
              const struct device_options *options, struct error *err);

/* The device that `select` asks for, and which part of it. */
int device_find(const char *select, struct device_found *to, struct device_part *part,
                struct error *err);

/* Fills `err`: `what` cannot be done on a device that only plans; returns -1. */
int device_error_planned(struct error *err, const char *what);

/* Fills `err` with "call: CL_NAME (what)"; returns -1. */
int opencl_error(struct error *err, cl_int code, const char *call, const char *what);

/* The same of a call that makes memory, or uses it for the first time: any code of too few
 * resources then says that the device's memory ran out (CAUSE_MEMORY). */
int opencl_error_memory(struct error *err, cl_int code, const char *call, const char *what);

/* What a device says of the barrier in cl/grid.h. */
enum device_barrier barrier_offered(cl_device_id id, const struct device_info *info);

/* Takes it from a device whose trial fails. */
void barrier_open(struct device *dev);

/* Tries it: `groups` wait for `expected` arrivals a round, with so many polls (0: as usual). */
int barrier_try(struct device *dev, size_t groups, size_t expected, unsigned polls,
                struct error *err);

/* Tells why none of these platforms has a device, or why there is no platform; returns -1. */
int device_error_none(const cl_platform_id *platform, cl_uint count, struct error *err);

/* `queue` waits for what the fork started; there is room in `running` for more. */
cl_int queue_gather(struct device *dev);

/* The queues of a device with a context. queue_close() also ends what queue_open() left half done.
 */
int queue_open(struct device *dev, struct error *err);
void queue_close(struct device *dev);

/* A command in the queue where it belongs; `queue_` in its arguments names that. */
#define DEVICE_ENQUEUE(dev, code, call, ...)                                                       \
    do {                                                                                           \
        const int forked_ = (dev)->forked;                                                         \
        const cl_command_queue queue_ = forked_ ? (dev)->side : (dev)->queue;                      \
        (code) =                                                                                   \
            forked_ && (dev)->running_count == DEVICE_MAX_EVENTS ? queue_gather(dev) : CL_SUCCESS; \
        if ((code) == CL_SUCCESS)                                                                  \
            (code) = call(queue_, __VA_ARGS__, forked_ ? 1 : 0, forked_ ? &(dev)->fork : NULL,     \
                          forked_ ? &(dev)->running[(dev)->running_count] : NULL);                 \
        if ((code) == CL_SUCCESS && forked_)                                                       \
            (dev)->running_count++;                                                                \
    } while (0)

/* Whether products by matrix units used in this way are the known ones: 0, else -1. */
int matrix_try(struct device *dev, enum device_matrix how, struct error *err);

/* Tries those that the device may have, and notes which to use. */
void matrix_find(struct device *dev);

/* What a device may have, of which matrix_find() tries whether it works. */
enum device_matrix matrix_offered(cl_device_id id, const struct device_info *info,
                                  const char *extensions);

/* The program of a kernel file with these options, from memory, the cache or the compiler. */
struct program *program_get(struct device *dev, const char *file, const char *options,
                            struct error *err);
void program_free_all(struct device *dev);

/* Puts the binaries of programs that are not in the cache there. */
void program_save_all(struct device *dev);

/* Where the cache keeps what is known under `what` about this device with the library `with`; NULL
 * where there is no cache. The caller frees. */
char *program_cache_path(const struct device *dev, const char *what, const char *with);

#endif
