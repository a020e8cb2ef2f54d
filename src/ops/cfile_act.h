/* SPDX-License-Identifier: MIT */
/*
 * cfile_act: activations as calls of a C file. It owns nothing.
 */
#ifndef OPS_CFILE_ACT_H
#define OPS_CFILE_ACT_H

#include "cfile/cfile.h"
#include "ops/ops.h"

/* y = act(y) of `elems` numbers at y, as an evaluation has it: ACT_RRELU with its mean slope. */
void cfile_act(struct cfile *c, enum act act, const char *y, size_t elems);

#endif
