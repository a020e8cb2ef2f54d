/* SPDX-License-Identifier: MIT */
/*
 * stream_batch: how many windows the engine of a stream runs at a time. One would do, but kernels
 * and products of one window may add in another order than those of a batch, so that the last bits
 * were not those of a prediction over a file. As many copies of the window are run as give these
 * bits, which is found out by running windows of known numbers both ways.
 */
#ifndef RUN_STREAM_BATCH_H
#define RUN_STREAM_BATCH_H

#include "run/stream.h"

/*
 * The engine of a stream on a session, without weights yet: its dataset and config have the batch
 * that was found. Weights are drawn to find it. Where a model keeps its state and no batch gives
 * the bits, that is told to the log.
 */
struct engine *stream_batch_open(struct stream *stream, struct session *session, struct error *err);

#endif
