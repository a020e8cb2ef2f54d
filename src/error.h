/* SPDX-License-Identifier: MIT */
/*
 * error: how every function of seqtrain reports failure.
 *
 * A function that can fail takes a `struct error *` last, returns 0 or -1 (or NULL) and, when it
 * fails, leaves one sentence that names the thing at fault ("file.ini:42: [train] lr: '1e-4x' is
 * not a number") and the exit status that main is to end with. Only main exits. The caller owns the
 * struct; it needs no freeing.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>

/* Exit statuses, as documented in seqtrain(1). */
enum status {
    STATUS_DONE = 0,
    STATUS_FAILED = 1, /* failed while running: output not writable, disk full, non-finite stop */
    STATUS_USAGE = 2,  /* command line or configuration */
    STATUS_INPUT = 3,  /* an input file is missing, broken or does not fit */
    STATUS_DEVICE = 4, /* device or OpenCL */
};

/* What else a program may want to know of a failure. */
enum cause {
    CAUSE_NONE,
    CAUSE_BUDGET, /* the plan takes more than the device's budget, or than one of its buffers */
    CAUSE_MEMORY, /* the device's memory ran out in spite of the plan; the text begins with "the
                     device's memory ran out", with what was done in front */
    CAUSE_UNFIT,  /* what was looked at could be read, and is not what can be used */
    CAUSE_INTERRUPTED, /* a signal asked for the end: nothing is wrong */
};

struct error {
    enum status status;
    enum cause cause;
    int damaged;     /* the bytes of an input file are at fault: a copy of it would do */
    char text[2048]; /* one or more lines without a trailing newline */
};

/* Fills the error and returns -1, so that callers write `return error_set(...)`. */
int error_set(struct error *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with STATUS_INPUT and `damaged`. */
int error_damaged(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Notes the cause of what was set; returns -1. */
int error_cause(struct error *err, enum cause cause);

/* Adds another line; returns -1. */
int error_add(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "format: " before the text that is already there; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "device NAME: " before it where the text does not begin so; returns -1. */
int error_name_device(struct error *err, const char *name);

/* "path: No space left on device" from errno; returns -1. Want of memory is STATUS_FAILED whatever
 * the path is. */
int error_errno(struct error *err, enum status status, const char *path);

#endif
