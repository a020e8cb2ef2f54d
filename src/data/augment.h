/* SPDX-License-Identifier: MIT */
/*
 * augment: what data.augment does to training windows, read from its items, and the figures of the
 * data that it takes. Windows are augmented on the device (src/ops/augment.c); this module says
 * how, and refuses what would make a target false. An augmentation owns its arrays.
 *
 *   noise(s)    s z to each value, z normal
 *   spike(p,s)  with probability p, s or -s to the values of one row
 *   step(s)     s z to the values from a random row on
 *   slope(s)    s z t / (T - 1) to the values of row t
 *   flip(p)     with probability p the mirror image (mirror.h)
 *   crop(n)     up to n rows are cut and the others stretched
 *   warp(f)     time runs up to f times as fast or slow
 *
 * s counts in standard deviations of the scaled feature.
 */
#ifndef DATA_AUGMENT_H
#define DATA_AUGMENT_H

#include <stddef.h>

#include "config/config.h"
#include "error.h"

struct augmentation {
    double noise, spikes, spike, step, slope, flip, warp; /* 0: not asked for */
    size_t crop;
    int keeps_end; /* crop and warp leave the last row where it is */
    float *
        feature; /* [F][4]: unit, the feature whose draws it shares, sign and offset of its image */
    float *target;  /* [K][4]: sign and offset of its image, how far it moves with a feature, and
                       with which; NULL: targets stay as they are */
    float *flag;    /* [rows] of the window that starts there: 1 or 0; NULL: all are augmented */
    size_t windows; /* that are */
};

/* Reads the items of data.augment into a zeroed augmentation: 1, or 0 where it is none. -1:
 * STATUS_USAGE and "'warp(0)': ...". */
int augment_parse(struct augmentation *a, const struct list *items, struct error *err);

void augment_free(struct augmentation *a);

#endif
