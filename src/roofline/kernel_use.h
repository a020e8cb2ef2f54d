/* SPDX-License-Identifier: MIT */
/*
 * kernel_use: what kernels take of a GPU, as tests/lint.tsv has it: the worst of the shipped
 * configurations and of the bench's. The build makes the table of that file.
 */
#ifndef ROOFLINE_KERNEL_USE_H
#define ROOFLINE_KERNEL_USE_H

#include <stddef.h>

struct kernel_use {
    const char *kernel, *arch;
    unsigned registers; /* of a work-item */
    size_t local;       /* bytes of a work-group */
};

extern const struct kernel_use kernel_uses[];
extern const size_t kernel_use_count;

#endif
