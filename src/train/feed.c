/* SPDX-License-Identifier: MIT */
#include "train/feed.h"

#include <stdlib.h>

#include "data/augment.h"

/* A buffer of `count` values of 4 bytes, filled with them unless that is NULL. */
static int make_buffer(struct feed *feed, struct buffer **to, const char *name, const void *values,
                       size_t count, struct error *err)
{
    if (!(*to = buffer_new(feed->dev, count * sizeof(float), name, err)))
        return -1;
    return values ? buffer_write(*to, 0, count * sizeof(float), values, err) : 0;
}

/* Which windows are augmented; NULL: all, or none. */
static const float *flags(const struct dataset *data)
{
    return data->augment ? data->augment->flag : NULL;
}

static int make_resident(struct feed *feed, size_t samples, struct error *err)
{
    const struct dataset *data = feed->data;
    struct model_data *to = &feed->buffers;
    if (make_buffer(feed, &to->series, "series", dataset_rows(data), data->rows * data->features,
                    err))
        return -1;
    if (data->targets &&
        make_buffer(feed, &to->target, "targets", data->target, data->rows * data->targets, err))
        return -1;
    if (data->weight && make_buffer(feed, &to->weight, "weights", data->weight, data->rows, err))
        return -1;
    if (flags(data) && make_buffer(feed, &to->flag, "flags", flags(data), data->rows, err))
        return -1;
    to->order = buffer_new(feed->dev, samples * sizeof(uint32_t), "order of samples", err);
    return to->order ? 0 : -1;
}

static void *make_memory(void *dev, size_t bytes)
{
    return device_host_new(dev, bytes);
}

static void release_memory(void *dev, void *memory)
{
    device_host_free(dev, memory);
}

/* Room for the largest batch. */
static int make_staged(struct feed *feed, const struct stage_shape *shapes, size_t count,
                       struct error *err)
{
    const struct dataset *data = feed->data;
    struct model_data *to = &feed->buffers;
    const struct stage_room room = stage_room(shapes, count);
    const struct stage_memory memory = {make_memory, release_memory, feed->dev};
    to->staged = 1;
    if (!device_is_twin(feed->dev) && !(feed->stage = stage_new(data, shapes, count, &memory)))
        return error_set(err, STATUS_FAILED, "out of memory");
    if (make_buffer(feed, &to->series, "series", NULL, room.rows * data->features, err))
        return -1;
    if (data->targets &&
        make_buffer(feed, &to->target, "targets", NULL, room.targets * data->targets, err))
        return -1;
    if (data->weight && make_buffer(feed, &to->weight, "weights", NULL, room.samples, err))
        return -1;
    if (flags(data) && make_buffer(feed, &to->flag, "flags", NULL, room.samples, err))
        return -1;
    if (dataset_clip(data) &&
        make_buffer(feed, &to->clip, "clips", NULL, room.samples * dataset_clip(data), err))
        return -1;
    to->order = buffer_new(feed->dev, room.samples * sizeof(uint32_t), "order of samples", err);
    return to->order ? 0 : -1;
}

struct feed *feed_open(struct device *dev, const struct dataset *data, size_t samples, int streams,
                       const struct stage_shape *shapes, size_t count, struct error *err)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    feed->dev = dev;
    feed->data = data;
    if (!(streams ? make_staged(feed, shapes, count, err) : make_resident(feed, samples, err)))
        return feed;
    feed_close(feed);
    return NULL;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    buffer_free(feed->buffers.series);
    buffer_free(feed->buffers.order);
    buffer_free(feed->buffers.target);
    buffer_free(feed->buffers.weight);
    buffer_free(feed->buffers.flag);
    buffer_free(feed->buffers.clip);
    stage_free(feed->stage);
    free(feed);
}

uint64_t feed_resident_bytes(const struct dataset *data, size_t samples)
{
    const uint64_t values =
        data->features + data->targets + (data->weight != NULL) + (flags(data) != NULL);
    return sizeof(float) * (data->rows * values + samples);
}

int feed_order(struct feed *feed, const struct stage_shape *shape, const uint32_t *start,
               size_t count, struct error *err)
{
    feed->shape = *shape;
    if (feed->stage) {
        stage_order(feed->stage, shape, start, count);
        return 0;
    }
    if (count * sizeof *start > buffer_size(feed->buffers.order))
        return error_set(err, STATUS_FAILED, "more samples than there is room for");
    return buffer_write(feed->buffers.order, 0, count * sizeof *start, start, err);
}

int feed_next(struct feed *feed, size_t first, size_t count, struct error *err)
{
    const struct dataset *data = feed->data;
    const struct model_data *to = &feed->buffers;
    const struct stage_shape *s = &feed->shape;
    if (!feed->stage)
        return 0;
    const struct stage_batch *from = stage_next(feed->stage, first, count);
    if (from->failed) {
        *err = from->err;
        return -1;
    }
    const size_t rows = s->batch * s->window, targets = s->batch * s->target_rows;
    if (buffer_send(to->order, 0, s->batch * sizeof *from->start, from->start, err) ||
        buffer_send(to->series, 0, rows * data->features * sizeof(float), from->series, err))
        return -1;
    if (to->target &&
        buffer_send(to->target, 0, targets * data->targets * sizeof(float), from->target, err))
        return -1;
    if (to->weight && buffer_send(to->weight, 0, s->batch * sizeof(float), from->weight, err))
        return -1;
    if (to->flag && buffer_send(to->flag, 0, s->batch * sizeof(float), from->flag, err))
        return -1;
    const size_t clips = s->batch * dataset_clip(data);
    return to->clip ? buffer_send(to->clip, 0, clips * sizeof(float), from->clip, err) : 0;
}

void feed_end(struct feed *feed)
{
    if (feed->stage)
        stage_order(feed->stage, &feed->shape, NULL, 0);
}
