/* SPDX-License-Identifier: MIT */
/*
 * card: what a model of time knows of a GPU or CPU. The table has rates that makers state and sizes
 * that they document; what is assumed instead is said beside it. A card owns nothing.
 */
#ifndef ROOFLINE_CARD_H
#define ROOFLINE_CARD_H

#include <stddef.h>

#include "device/device.h"
#include "error.h"
#include "roofline/ceilings.h"

/* Rates of all processors together, a second; 0: not known, and no limit. */
struct card {
    char name[64];
    const char *arch;    /* of tests/lint.tsv, whose registers count; NULL: none is alike */
    int is_nvidia;       /* a walk of all work-groups is used by PTX */
    unsigned processors; /* NVIDIA's SM, AMD's compute units, Intel's Xe cores, cores of a CPU */
    unsigned items;      /* work-items that a processor holds at a time */
    unsigned groups;     /* work-groups that it holds */
    unsigned registers;  /* of 32 bits that it has */
    size_t local;        /* bytes of local memory that it has */
    double flops;        /* fp32, products by fused multiply-add counted as two */
    enum device_matrix matrix; /* its matrix units */
    double matrix_flops; /* bf16 and fp16 with sums of fp32, by matrix units, dense; 0: none */
    double tf32_flops;   /* the same of TF32; 0: none */
    double bytes;        /* of its memory */
    double cache_bytes;  /* of the last cache before it */
    size_t cache;        /* bytes that this holds */
    double local_bytes;  /* of local memory */
    double latency;      /* seconds from a load to its value from memory */
    double start;        /* seconds between the end of a launch and the work of the next */
    double enqueue;      /* seconds that the host takes for a launch, beside the device */
    double meet;         /* seconds in which all work-groups wait for each other */
    double cycle;        /* seconds of a cycle; 0: not known */
};

/* "H100", "3080 Ti", "A770", "7900 XTX" in any case, with spaces or without them, or "GF/s,GB/s",
 * two numbers above 0. STATUS_USAGE with the names that there are. */
int card_find(const char *name, struct card *to, struct error *err);

/* The device whose ceilings were measured. */
void card_measured(struct card *to, const struct device_info *info, const struct ceilings *c);

#endif
