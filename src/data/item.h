/* SPDX-License-Identifier: MIT */
/*
 * item: items of a list that are written name or name(number,number), as the transforms of
 * data.target_transform are: their pieces, and what is told of them.
 */
#ifndef DATA_ITEM_H
#define DATA_ITEM_H

#include "error.h"

#define ITEM_NAME 64

/* "'clip(1': cause", STATUS_USAGE. */
int item_fault(struct error *err, const char *item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies the name, cut to fit; what stands behind it and blanks: "(", or the end. */
const char *item_name(const char *item, char name[ITEM_NAME]);

/* Reads the number behind the "(" or "," at *at, which moves to what follows it. 1: what stands
 * there is no number; -1: nothing stands there, or far too much. */
int item_number(const char **at, double *value);

#endif
