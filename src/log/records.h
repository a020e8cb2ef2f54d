/* SPDX-License-Identifier: MIT */
/*
 * records: a file of records as TensorFlow's TFRecord has them: length, masked CRC-32C of it, the
 * bytes, masked CRC-32C of these. A record is appended by one write. A struct owns its file.
 */
#ifndef LOG_RECORDS_H
#define LOG_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct records {
    char *path;
    int fd;
    int64_t bytes; /* of whole records */
    int torn;      /* behind these there may be a part of one */
};

/* Makes a new file; `path` is the struct's from now on. */
int records_new(struct records *r, char *path, struct error *err);

/* Appends a record. After a failure the records before are whole, and another may be appended. */
int records_append(struct records *r, const void *bytes, size_t size, struct error *err);

/* Brings what was written to the disk. */
int records_sync(const struct records *r, struct error *err);

/* Closes the file. */
void records_close(struct records *r);

/* Whether a record stays. */
typedef int records_keeper(void *ctx, const unsigned char *bytes, size_t size);

/* Cuts a file in front of the first record that does not stay or is broken. */
int records_cut(const char *path, records_keeper *stays, void *ctx, struct error *err);

#endif
