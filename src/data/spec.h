/* SPDX-License-Identifier: MIT */
/*
 * spec: what spec.json of an OpenDPD data set says of the channel and of the parts.
 *
 * Names are those of newer sets and of older ones; numbers may stand in strings. Nothing is owned.
 */
#ifndef DATA_SPEC_H
#define DATA_SPEC_H

#include <stddef.h>

#include "error.h"

struct spec {
    double sample_rate, bandwidth, sub_channels, segment; /* 0: not there */
    double train, validation;         /* shares of the rows; the rest is for the test */
    double train_end, validation_end; /* rows behind these parts; 0: not there, shares count */
};

/* Reads the file; STATUS_INPUT with "path: cause" for what is no such file, or a value that is not
 * a number above 0. */
int spec_read(struct spec *spec, const char *path, struct error *err);

/* The rows at which a file of so many rows is cut; -1 if it has not enough. */
int spec_cut(const struct spec *spec, size_t rows, size_t *train_end, size_t *validation_end);

#endif
