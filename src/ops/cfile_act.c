/* SPDX-License-Identifier: MIT */
#include "ops/cfile_act.h"

void cfile_act(struct cfile *c, enum act act, const char *y, size_t elems)
{
    static const char *const functions[] = {
        [ACT_RELU] = "relu", [ACT_GELU] = "gelu",   [ACT_GELU_TANH] = "gelu_tanh",
        [ACT_SILU] = "silu", [ACT_RRELU] = "leaky", [ACT_RRELU_MEAN] = "leaky"};
    if (act != ACT_NONE)
        cfile_call(c, functions[act], "%s, %zu", y, elems);
}
