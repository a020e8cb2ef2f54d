/* SPDX-License-Identifier: MIT */
/*
 * as_c: a model as one file of C99 that needs no library but libm and allocates nothing
 * (cfile/cfile.h). Operations say what they call there; as_c_file.h writes what stands around. It
 * owns nothing.
 */
#ifndef EXPORT_AS_C_H
#define EXPORT_AS_C_H

#include "export/export.h"

extern const struct export_format export_c;

#endif
