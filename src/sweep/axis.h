/* SPDX-License-Identifier: MIT */
/*
 * axis: what varies in a sweep. One axis is one key, or several that walk along (zip). Whoever
 * draws points (samplers) or judges them sees axes only: no keys, no files. Axes belong to the
 * sweep that they are of.
 *
 * A point is double value[axes]: of AXIS_CHOICE the index of one, of AXIS_INT a whole number, else
 * a number.
 */
#ifndef SWEEP_AXIS_H
#define SWEEP_AXIS_H

#include <stddef.h>

enum axis_kind { AXIS_CHOICE, AXIS_INT, AXIS_UNIFORM, AXIS_LOG };

struct axis {
    const char *name; /* of the (first) key: "train.lr" */
    enum axis_kind kind;
    size_t choices;   /* AXIS_CHOICE: how many */
    double low, high; /* the others: bounds, both included; AXIS_LOG is even in the logarithm */
};

#endif
