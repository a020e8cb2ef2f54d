/* SPDX-License-Identifier: MIT */
/*
 * as_onnx_ends: what an exported model does beside its operations: rows are scaled in front of it,
 * and what it gives is brought back to the unit of the file. With data.channels = apart the
 * channels of a window become windows of the batch, and are put side by side again. It owns
 * nothing.
 */
#ifndef EXPORT_AS_ONNX_ENDS_H
#define EXPORT_AS_ONNX_ENDS_H

#include "export/exported.h"
#include "onnx/onnx.h"

/* What is kept of the way in for the way out: offset and scale of reconstructions; NULL: none. */
struct ends {
    const char *offset, *scale;
};

/* Windows [B, T, features] of the file's values, as the model reads them. */
const char *ends_in(struct onnx *o, const struct exported *e, const char *input, struct ends *kept);

/* What the model gives for the targets, in the unit of the file: [B, R, targets]. */
const char *ends_targets(struct onnx *o, const struct exported *e, const char *y);

/* A reconstruction in the unit of the file: [B, T, features]. */
const char *ends_reconstruction(struct onnx *o, const struct exported *e, const char *y,
                                const struct ends *kept);

/* Channels: 1 unless they are apart. */
size_t ends_channels(const struct exported *e);

#endif
