/* SPDX-License-Identifier: MIT */
/*
 * onnx_attend: attention as nodes of ONNX, which has none of its own in opset 17. It owns nothing.
 */
#ifndef OPS_ONNX_ATTEND_H
#define OPS_ONNX_ATTEND_H

#include "onnx/onnx.h"

struct onnx_heads {
    size_t heads, key_heads, width; /* width: columns of one */
};

/*
 * softmax(q k^T / sqrt(width)) v of rows q [B, Q, heads width] and k, v [B, N, key_heads width]:
 * [B, Q, heads width]. `sees` [Q, N] bool: which keys a query sees; NULL: all.
 */
const char *onnx_attend(struct onnx *o, const struct onnx_heads *of, const char *q, const char *k,
                        const char *v, const char *sees);

/* Which rows those of x [B, T, ..] see: themselves and those before. `rows`: T, where it is known.
 */
const char *onnx_causal(struct onnx *o, const char *x, size_t rows);

#endif
