/* SPDX-License-Identifier: MIT */
#include "run/encoding.h"

#include <stdlib.h>
#include <string.h>

#include "data/loader.h"
#include "tensor/dtype.h"

#define FRAMES_AT_ONCE 16

struct encoding {
    struct encoding_options with;
    struct session *session;
    struct loader *loader;
    size_t frames;  /* of a clip that the encoder sees */
    size_t clips;   /* at most, in a pass */
    size_t numbers; /* of a clip's frames, as they are read */
    float *seen;    /* [clips, numbers] */
    float *rows;    /* [clips, frames, N, D] */
    float *pooled;  /* [clips, frames, P]; NULL: there are none */
    double *mean;   /* rows of one clip, */
    void *record;   /* and as they are stored */
};

enum dtype encoding_type(const struct encoded_shape *shape)
{
    return shape->type == ENCODED_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

/* Refuses a clip that is another one by now: its features would be known by the hash of what it
 * was. */
static int check_same(const struct encoding *e, size_t item, struct error *err)
{
    const struct clip *clip = &e->with.clip[item];
    struct content now;
    if (content_of_files(clip->path, clip->count, &now, err))
        return -1;
    return content_same(now, e->with.hash[item])
               ? 0
               : error_set(err, STATUS_INPUT,
                           "%s: files of this clip changed since they were listed: begin again",
                           clip->path[0]);
}

/* The frames of a clip as the encoder takes them. */
static int load_clip(void *ctx, size_t worker, size_t item, void *to, struct error *err)
{
    const struct encoding *e = ctx;
    (void)worker;
    return sight_read(e->with.sight, &e->with.clip[item], to, err) || check_same(e, item, err) ? -1
                                                                                               : 0;
}

static int no_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "features: out of memory");
}

static int make_room(struct encoding *e, struct error *err)
{
    const struct encoded_shape *s = e->with.shape;
    const size_t elems = s->rows * s->width, frames = e->clips * e->frames;
    e->seen = malloc(e->clips * e->numbers * sizeof *e->seen);
    e->rows = malloc(frames * elems * sizeof *e->rows);
    e->pooled = s->pooled ? malloc(frames * s->pooled_width * sizeof *e->pooled) : NULL;
    e->mean = malloc(s->frames * elems * sizeof *e->mean);
    e->record = malloc(encoded_rows_bytes(s));
    return e->seen && e->rows && (e->pooled || !s->pooled) && e->mean && e->record ? 0
                                                                                   : no_memory(err);
}

static int open_all(struct encoding *e, struct error *err)
{
    const struct config *c = e->with.config;
    const struct loader_settings ahead = {.workers = (size_t)c->data.workers,
                                          .prefetch = (size_t)c->data.prefetch,
                                          .bytes = e->numbers * sizeof *e->seen,
                                          .make = load_clip,
                                          .ctx = e,
                                          .interrupted = e->with.interrupted};
    if (make_room(e, err) || !(e->session = session_open(c, e->with.session, err)))
        return -1;
    if (sight_start(e->with.sight, e->session, e->clips * e->frames, err))
        return -1;
    return (e->loader = loader_new(&ahead)) ? 0 : no_memory(err);
}

struct encoding *encoding_open(const struct encoding_options *options, struct error *err)
{
    struct encoding *e = calloc(1, sizeof *e);
    if (!e) {
        no_memory(err);
        return NULL;
    }
    e->with = *options;
    e->frames = (size_t)options->config->data.frames;
    e->clips = e->frames < FRAMES_AT_ONCE ? FRAMES_AT_ONCE / e->frames : 1;
    e->numbers = e->frames * sight_shape(options->sight)->numbers;
    if (!open_all(e, err))
        return e;
    encoding_close(e);
    return NULL;
}

void encoding_close(struct encoding *e)
{
    if (!e)
        return;
    loader_free(e->loader);
    sight_stop(e->with.sight);
    session_close(e->session);
    free(e->seen);
    free(e->rows);
    free(e->pooled);
    free(e->mean);
    free(e->record);
    free(e);
}

size_t encoding_most(const struct encoding *e)
{
    return e->clips;
}

uint64_t encoding_bytes(const struct encoding *e)
{
    return sight_shape(e->with.sight)->bytes;
}

void encoding_save(struct encoding *e)
{
    device_save_programs(e->session->dev);
}

void encoding_order(struct encoding *e, const size_t *clip, size_t count)
{
    loader_order(e->loader, clip, count);
}

int encoding_next(struct encoding *e, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct loader_item item;
        const int more = loader_next(e->loader, &item, err);
        if (more <= 0)
            return more;
        memcpy(e->seen + i * e->numbers, item.buffer, e->numbers * sizeof *e->seen);
        loader_done(e->loader);
    }
    return sight_run(e->with.sight, e->seen, count * e->frames, e->rows, e->pooled, err) ? -1 : 1;
}

/* The mean over frames, or all. */
const void *encoding_rows(const struct encoding *e, size_t i)
{
    const struct encoded_shape *s = e->with.shape;
    const float *rows = e->rows + i * e->frames * s->rows * s->width;
    const size_t elems = s->frames * s->rows * s->width, frames = e->frames / s->frames;
    for (size_t at = 0; at < elems; at++) {
        double sum = 0;
        for (size_t k = 0; k < frames; k++)
            sum += (double)rows[k * elems + at];
        e->mean[at] = sum / (double)frames;
    }
    dtype_of_doubles(encoding_type(s), e->mean, elems, e->record);
    return e->record;
}

const float *encoding_pooled(const struct encoding *e, size_t i)
{
    return e->pooled ? e->pooled + i * e->frames * e->with.shape->pooled_width : NULL;
}
