/* SPDX-License-Identifier: MIT */
/*
 * feed: the windows of micro-batches, in buffers that graphs gather from.
 *
 *   resident  the series lie on the device as a whole, as does the order of the samples
 *   stream    the device holds the windows of one micro-batch; a stage (data/stage.h) copies those
 *             of the next one while it runs
 *
 * Both give the same bits. A feed owns its buffers; the device and the data stay the caller's.
 */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "data/dataset.h"
#include "data/stage.h"
#include "device/device.h"
#include "models/model.h"

struct feed {
    struct device *dev;
    const struct dataset *data;
    struct model_data buffers;
    struct stage_shape shape; /* of the batches to come */
    struct stage *stage;      /* NULL: resident */
};

/* A feed of batches of these extents, from orders of `samples` at most. `streams`: it is not
 * resident. */
struct feed *feed_open(struct device *dev, const struct dataset *data, size_t samples, int streams,
                       const struct stage_shape *shapes, size_t count, struct error *err);
void feed_close(struct feed *feed);

/* Device bytes of series, targets and orders of `samples`, where they are resident. */
uint64_t feed_resident_bytes(const struct dataset *data, size_t samples);

/* First rows of the samples, in the order in which batches of this shape take them: where the feed
 * streams, `start` must stay until feed_end() or the next order. Waits. */
int feed_order(struct feed *feed, const struct stage_shape *shape, const uint32_t *start,
               size_t count, struct error *err);

/* The batch of samples [first, first + count) of the order is there for what is enqueued next. Of
 * the batches before, all but the last have to be done. */
int feed_next(struct feed *feed, size_t first, size_t count, struct error *err);

/* No batch of the order is taken any more. */
void feed_end(struct feed *feed);

#endif
