/* SPDX-License-Identifier: MIT */
/* fuzz: what the fuzz targets share. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Ends the program, which is a finding, unless it holds. */
static inline void check(int holds)
{
    if (!holds)
        abort();
}

#define FUZZ_PATH 64

/* The bytes as a file without a name: fills its path. The caller closes the descriptor. */
static inline int fuzz_file(const uint8_t *bytes, size_t size, char path[FUZZ_PATH])
{
    int fd = memfd_create("fuzz", 0);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, FUZZ_PATH, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
