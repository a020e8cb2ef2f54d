/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes spec: any bytes are a spec.json. What is taken must be numbers above 0, and must cut files
 * in order.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    struct spec spec;
    struct error err;
    int fd = memfd_create("fuzz", 0);
    check(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (spec_read(&spec, path, &err)) {
        check(*err.text && err.status == STATUS_INPUT);
    } else {
        const double x[] = {spec.sample_rate, spec.bandwidth, spec.sub_channels, spec.segment};
        for (size_t i = 0; i < sizeof x / sizeof *x; i++)
            check(x[i] >= 0 && !isinf(x[i]));
        for (size_t rows = 0, a, b; rows < 1000; rows = 3 * rows + 1)
            check(spec_cut(&spec, rows, &a, &b) || (a <= b && b <= rows));
    }
    close(fd);
    return 0;
}
