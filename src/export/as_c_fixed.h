/* SPDX-License-Identifier: MIT */
/*
 * as_c_fixed: a model as a file of C in integers, with functions from floats and to them, and a
 * program that checks its golden rows bit by bit. It owns nothing.
 */
#ifndef EXPORT_AS_C_FIXED_H
#define EXPORT_AS_C_FIXED_H

#include <stdio.h>

#include "export/exported.h"

/* The `write` of a format, of a model that is to be in integers. The locale is C's. */
int as_c_fixed_write(struct exported *e, FILE *to, char told[256], struct error *err);

#endif
