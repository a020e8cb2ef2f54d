/* SPDX-License-Identifier: MIT */
/*
 * onnx_act: activations as nodes of ONNX, of which opset 17 lacks most. It owns nothing.
 */
#ifndef OPS_ONNX_ACT_H
#define OPS_ONNX_ACT_H

#include "onnx/onnx.h"
#include "ops/ops.h"

/* act(x), as an evaluation has it: ACT_RRELU with its mean slope. */
const char *onnx_act(struct onnx *o, enum act act, const char *x);

#endif
