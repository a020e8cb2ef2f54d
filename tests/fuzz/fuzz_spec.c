/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes spec: any bytes are a spec.json. What is taken must be numbers above 0, and must cut files
 * in order.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/spec.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[FUZZ_PATH];
    struct spec spec;
    struct error err;
    int fd = fuzz_file(bytes, size, path);
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
