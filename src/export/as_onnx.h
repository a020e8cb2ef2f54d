/* SPDX-License-Identifier: MIT */
/*
 * as_onnx: a model as a file of ONNX (onnx/onnx.h). Operations say what they are there; what stands
 * in front of the first and behind the last, as_onnx_ends.h makes. It owns nothing.
 *
 *   input [batch, rows, features] in the unit of the file  ->  output [batch, rows, targets] in it
 *                                            an autoencoder:   reconstruction, latent
 *   tokens [batch, rows], of a captioner also clip         ->  logits [batch, rows, tokens]
 */
#ifndef EXPORT_AS_ONNX_H
#define EXPORT_AS_ONNX_H

#include "export/export.h"

extern const struct export_format export_onnx;

#endif
