/* SPDX-License-Identifier: MIT */
/*
 * as_c_file: what stands in a file of C around the calls of a model: its state, the scaling of rows
 * in front of it, the unit of targets behind it, and a program that checks its golden vectors. It
 * owns nothing.
 */
#ifndef EXPORT_AS_C_FILE_H
#define EXPORT_AS_C_FILE_H

#include "cfile/cfile.h"
#include "export/golden.h"

/* Deviation from the golden vectors that is allowed, in standard deviations of each target. */
#define AS_C_TOLERANCE 1e-5

struct as_c {
    const struct exported *e;
    struct graph *graph; /* whose constants the code has */
    struct cfile *code;
    const struct golden *golden;
    int by_row;
    size_t window, rows; /* that go in, and come out */
    const char *input;   /* places in the work space */
    const char *output;
};

/* The model's name in C, in small letters; and in capitals. */
struct as_c_named {
    char name[64], caps[64];
};
struct as_c_named as_c_named(const char *name);

/* Text that ends no comment. */
void as_c_write_word(const char *text, FILE *to);

/* Lines of a comment: the columns of a row, and the targets. */
void as_c_write_columns(const struct exported *e, FILE *to);

/* "static float unit(double v, int k)": target k in the unit of the file. It needs <math.h> and
 * <float.h>. */
void as_c_write_unit(const struct exported *e, FILE *to);

/* Faults are kept in a->code. */
void as_c_file_write(const struct as_c *a, FILE *to);

#endif
