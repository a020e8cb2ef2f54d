/* SPDX-License-Identifier: MIT */
/*
 * values: how the text of a key of [sweep] is read: a list, choice(...), zip(...), or a range of
 * numbers: int(a,b), uniform(a,b), log(a,b). Knows no axes and no other keys.
 */
#ifndef SWEEP_VALUES_H
#define SWEEP_VALUES_H

#include "config/config.h"
#include "sweep/axis.h"

struct values {
    enum axis_kind kind;
    char **item; /* [count], as after -s; NULL: a range */
    size_t count;
    double low, high; /* of a range */
    char *bound[2];   /* as they are written */
    int zip;          /* 1: zip(...), 2: zip2(...) ...; 0: walks alone */
};

/* Reads what varies. -1 with what is wrong in `what`, "" where memory runs out. Release it in any
 * case. */
#define VALUES_FAULT 256
int values_read(struct values *values, const struct config_varied *varied, char what[VALUES_FAULT]);
void values_release(struct values *values);

#endif
