/* SPDX-License-Identifier: MIT */
/*
 * device: one OpenCL device, its queue, buffers and kernels. No OpenCL type leaves src/device.
 *
 * Commands run in the order they are enqueued. Between device_fork() and device_join() they may run
 * side by side (they must not depend on each other); what follows waits for all of them. Nothing is
 * waited for on the host except by buffer_read(), buffer_write() and device_finish().
 *
 * Programs are built from the kernel files that are embedded in the binary, once per (file,
 * options), and their binaries kept under $XDG_CACHE_HOME/seqtrain. Failures have STATUS_DEVICE and
 * carry the call, the kernel, the error's name and the build log.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

struct device;
struct buffer;
struct kernel;

/* Which card of the machine a device is. */
struct device_card {
    int has_address, has_uuid;
    unsigned domain, bus, device, function; /* its PCI address */
    uint8_t uuid[16];
    unsigned compute_major, compute_minor; /* NVIDIA's compute capability; 0, 0: another's */
};

/* What a work-group that waits for all others may take, so that they are resident: work-items, and
 * bytes of local memory. DEVICE_WALK_KEEPS: pieces of 16 bytes that a work-item has room for where
 * compilers keep arrays in registers; half of its registers where it has 255. */
enum { DEVICE_WALK_LANES = 256, DEVICE_WALK_LOCAL = 40 << 10, DEVICE_WALK_KEEPS = 32 };

/* How all work-groups of a launch can wait for each other, see cl/grid.h. */
enum device_barrier { BARRIER_NONE, BARRIER_ATOMICS_2, BARRIER_ATOMICS_3, BARRIER_PTX };

/* Whether and how matrix units are used: MMA of cl/mma.h. Behind each that a device may have stands
 * its emulation. */
enum device_matrix {
    MATRIX_NONE,
    MATRIX_PTX,
    MATRIX_EMULATED,
    MATRIX_WMMA,
    MATRIX_WMMA_EMULATED,
    MATRIX_DPAS_8,
    MATRIX_DPAS_8_EMULATED,
    MATRIX_DPAS_16,
    MATRIX_DPAS_16_EMULATED
};

struct device_info {
    char name[256], vendor[256], platform[256], version[256], driver[256];
    char part[32];  /* "0.1/2", which part of the device it is; "" for all of it */
    int is_planned; /* no OpenCL device: see device_only_plans() */
    int is_cpu;     /* few fat cores, a work-item fills their vector units by itself */
    int has_native; /* runs host functions from its queue (CPU devices) */
    int has_fp64;
    unsigned compute_units; /* 0: not known, of a device that only plans */
    uint64_t global_bytes;  /* 0: not known, of a device that only plans */
    uint64_t max_alloc_bytes, local_bytes;
    uint64_t cache_bytes; /* of its last cache; 0: not known */
    size_t max_group;     /* most work-items in a work-group */
    unsigned base_align;  /* bytes to which a sub-buffer's offset must be aligned */
    struct device_card card;
    enum device_barrier barrier; /* offered, and of a device that was opened tried */
    unsigned keeps;              /* DEVICE_WALK_KEEPS or, where compilers keep no arrays, 0 */
    unsigned resident; /* work-groups of at most DEVICE_WALK_* that are at work at a time */
    int is_tried;      /* a CPU as whose device_try_barrier() was called */
    enum device_matrix matrix_offered; /* what it may have */
    enum device_matrix matrix; /* of a device that was opened: what gave the known products */
    unsigned matrix_rate;      /* multiplications of these for one of the vector units, about */
    int tf32;                  /* as the option says */
};

struct device_options {
    const char *select; /* auto | cpu | gpu | index | index.part/parts | part of a name | none */
    double memory_fraction; /* share of the memory that buffers may take */
    long threads;           /* compute units of a CPU device to use; -1: all */
    int measure;            /* choose who makes a product by measuring (device/gemm/tuning.h) */
    uint64_t memory;        /* bytes of memory that it is taken to have; 0: its own, or its share */
    unsigned units;         /* compute units of a device that is only planned; 0: not known */
    int tf32;               /* products of fp32 may round their factors to TF32 */
    int roams;              /* a part of a CPU does not keep the process to its cores */
    int lasts;              /* a quick start of the next process is not worth a slow one of this */
};

/*
 * Whether `select` is "none". Such a device makes no OpenCL call. It has the limits of a plain GPU;
 * buffers and programs are only counted on it, copies to it do nothing, and whatever would compute
 * or read back fails.
 */
int device_only_plans(const char *select);

/* SEQTRAIN_DEBUG=gpu and mma, see seqtrain(1), are device_act_as_gpu() and
 * device_emulate_matrix(). */
struct device *device_open(const struct device_options *options, struct error *err);
void device_close(struct device *dev);

/* Devices on which one model lies, in layers: the first owns those that were put beside it. Number
 * 0 is the first itself. Each has a queue of its own; what goes from one to another goes through
 * the host. device_finish() of the first waits for all, as device_twin() copies all. */
void device_put_beside(struct device *first, struct device *another);
struct device *device_at(struct device *first, size_t number);
size_t device_count(const struct device *first);
/* The number of the device that a buffer lies on. */
size_t device_number(struct device *first, const struct buffer *buffer);

/* A device that only plans, with all that decides about plans as `of` has it, its bytes in use
 * among it. Its buffers are counted beyond any budget; with `boundless` each may have any size. */
struct device *device_twin(const struct device *of, int boundless, struct error *err);
int device_is_twin(const struct device *dev);
const struct device_info *device_info(const struct device *dev);

/* For tests on a CPU: from now on programs and launches are cut as for a GPU with 48 KiB of local
 * memory. */
void device_act_as_gpu(struct device *dev);

/* For tests on a CPU: from now on launches may have a barrier of all work-groups, of which there
 * are no more than its threads, and recurrent layers of any width use it. -1 where it has none, or
 * where its trial fails. */
int device_try_barrier(struct device *dev, struct error *err);

/* Why a device that was opened does not use what it offers; "" where it does, or offers nothing. */
struct device_doubts {
    char matrix[192], barrier[192];
};
const struct device_doubts *device_doubts(const struct device *dev);

/* How the barrier is made, in words; "none". */
const char *device_barrier_name(const struct device_info *info);

/* The options of a program that includes cl/grid.h. */
void device_barrier_options(const struct device_info *info, char to[64]);

/* What kernels with such a barrier set where a group waited too long, a word; NULL without memory.
 * From then on device_finish() fails, and with it whatever reads from the device. */
struct buffer *device_alarm(struct device *dev, struct error *err);

/* For tests: from now on the device has these matrix units, which are emulated. */
void device_emulate_matrix(struct device *dev, enum device_matrix how);

/* The same units without their emulation. */
enum device_matrix device_matrix_kind(enum device_matrix matrix);

/* "mma.sync": what matrix units are used by. */
const char *device_matrix_name(enum device_matrix matrix);

/* From now on plans are made as for a GPU of so many compute units with such a barrier, by PTX;
 * kernels are not run. */
void device_plan_walks(struct device *dev, unsigned units);

/* The same, as for one with such matrix units, which are so many times as fast as its vector units.
 */
void device_plan_matrix(struct device *dev, enum device_matrix how, unsigned rate);

/* From now on as with `none`, but that programs are built. Nothing may have been made before. */
void device_only_plan(struct device *dev);

/* Prints every platform and device, which one each of `select` picks and why. `more` prints more of
 * each usable one, which has this index; NULL: nothing. */
int device_list(char *const *select, size_t selects, FILE *out,
                void (*more)(const struct device_info *, unsigned, FILE *), struct error *err);

/* Indices of the devices for runs side by side: each GPU once, whatever platforms show it, or else
 * the first choice of auto. The caller frees. */
int device_each(unsigned **index, size_t *count, struct error *err);

/* Indices of all devices that can be used, as each platform shows them. The caller frees. */
int device_usable(unsigned **index, size_t *count, struct error *err);

/* Long work on the device (k-means, t-SNE) ends early once *stop is set; the flag is the caller's.
 */
void device_stop_at(struct device *dev, const volatile sig_atomic_t *stop);
int device_stopped(const struct device *dev);

/* Called as "compiling" progress while programs are built: done of the programs asked for so far.
 */
void device_on_build(struct device *dev, void (*call)(void *ctx, const char *program), void *ctx);

/* --- memory. Bytes in use, and how many may be. */
/* Whether it only counts: buffers are planned, nothing is stored in them. */
int device_counts(const struct device *dev);

uint64_t device_bytes(const struct device *dev);
uint64_t device_budget(const struct device *dev);

/* The budget, or the device's own memory where device.memory says that it has more. */
uint64_t device_room(const struct device *dev);

/* Programs built or loaded so far. */
unsigned device_programs(const struct device *dev);

/* Seconds that a program took: to be built or loaded, and for its kernels' first launches, in which
 * some implementations compile them. They are told apart from device_watch() on, which makes these
 * wait. */
struct program_times {
    const char *file, *options;
    int loaded; /* from the cache */
    double built, launched;
};
void device_watch(struct device *dev);
int device_watched(const struct device *dev);

/* Of at most `most` programs, those that took longest first; returns how many. */
unsigned device_program_times(const struct device *dev, struct program_times *to, unsigned most);

/* What the launches of a kernel took that belong to no step of a training, k-means and t-SNE.
 * Whoever ran them while the device was watched leaves it here; `kernel` is not copied. */
struct device_spent {
    const char *kernel;
    double seconds, flops, bytes;
    uint64_t runs;
};
void device_spend(struct device *dev, const struct device_spent *what);
const struct device_spent *device_spent(const struct device *dev, size_t *count);

/* A buffer of zeros, really there (touched). `what` names it in errors. */
struct buffer *buffer_new(struct device *dev, size_t bytes, const char *what, struct error *err);

/* A part of a buffer that is no sub-buffer itself; offset a multiple of base_align. */
struct buffer *buffer_part(struct buffer *parent, size_t offset, size_t bytes, struct error *err);
void buffer_free(struct buffer *buffer);
size_t buffer_size(const struct buffer *buffer);

/* Blocking copies, in queue order. */
int buffer_write(struct buffer *buffer, size_t offset, size_t bytes, const void *from,
                 struct error *err);
int buffer_read(struct buffer *buffer, size_t offset, size_t bytes, void *to, struct error *err);

/* Enqueued (not waited for): the `bytes` at `from` must stay as they are until device_finish(). */
int buffer_send(struct buffer *buffer, size_t offset, size_t bytes, const void *from,
                struct error *err);
/* The same the other way: the bytes are at `to` after device_finish(), and may be written until
 * then, even where this fails. */
int buffer_fetch(struct buffer *buffer, size_t offset, size_t bytes, void *to, struct error *err);
int buffer_zero(struct buffer *buffer, struct error *err);

/* Host memory that buffer_send() reads at the full rate: page-locked for a GPU where its driver
 * gives such, else a block (util/block.h). It holds anything, lies in no budget, and goes before
 * the device does. NULL without memory. */
void *device_host_new(struct device *dev, size_t bytes);
void device_host_free(struct device *dev, void *memory);

/* --- kernels. One cl_kernel each, so arguments once set stay set. `options`: "-DD=64 -DVEC=16". */
struct kernel *kernel_new(struct device *dev, const char *file, const char *name,
                          const char *options, struct error *err);
void kernel_free(struct kernel *kernel);
void kernel_set_buffer(struct kernel *kernel, unsigned index, struct buffer *buffer);
void kernel_set_int(struct kernel *kernel, unsigned index, int32_t value);
void kernel_set_float(struct kernel *kernel, unsigned index, float value);

/* Seconds of the first launch, which may have compiled the kernel; 0 if the device is not watched.
 */
double kernel_first(const struct kernel *kernel);

/* Enqueues `groups` work-groups of `lanes` work-items (1-D). */
int kernel_enqueue(struct kernel *kernel, size_t groups, size_t lanes, struct error *err);

/* A host function as a command of a device with has_native: fn(pointers to the buffers, arg). The
 * bytes of `arg` are copied. */
int device_enqueue_native(struct device *dev, void (*fn)(void **memory, const void *arg),
                          const void *arg, size_t arg_bytes, struct buffer *const *buffers,
                          size_t count, struct error *err);

void device_fork(struct device *dev);
int device_join(struct device *dev, struct error *err);

/* Waits until everything enqueued is done. */
int device_finish(struct device *dev, struct error *err);

/*
 * Bounds the queue: marks this point and waits until the point of `depth` calls ago is reached
 * (depth <= 8, the same at each call; 0 waits for everything).
 */
int device_pace(struct device *dev, unsigned depth, struct error *err);

/* Makes sure that binaries of all programs used so far, and what was measured, are in the cache. */
void device_save_programs(struct device *dev);

#endif
