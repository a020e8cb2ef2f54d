/* SPDX-License-Identifier: MIT */
/* A tower of a Hugging Face folder, which sees images as its processor prepares them. */
#include <stdlib.h>

#include "image/processor.h"
#include "image/read.h"
#include "run/sight.h"
#include "train/encoder.h"
#include "util/content.h"

struct images {
    const struct config *config;
    struct encoder_shape tower;
    struct processor processor;
    struct encoder *encoder; /* once it was started */
};

/* What is done to images makes those of the tower. */
static int read_processor(struct images *s, struct error *err)
{
    const char *base = s->config->encoder.base;
    if (processor_read(&s->processor, base, s->tower.height, err))
        return -1;
    if (s->processor.height == s->tower.height && s->processor.width == s->tower.width)
        return 0;
    return error_set(err, STATUS_INPUT,
                     "%s: images are made %zu x %zu, and the tower takes %zu x %zu", base,
                     s->processor.width, s->processor.height, s->tower.width, s->tower.height);
}

static void images_stop(void *own)
{
    struct images *s = own;
    encoder_close(s->encoder);
    s->encoder = NULL;
}

static void images_close(void *own)
{
    images_stop(own);
    free(own);
}

static void *images_open(const struct config *config, int reads, struct sight_shape *to,
                         struct error *err)
{
    struct images *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    s->config = config;
    if (encoder_describe(config->encoder.base, ENCODER_IMAGES, &s->tower, err) ||
        (reads && read_processor(s, err))) {
        images_close(s);
        return NULL;
    }
    *to = (struct sight_shape){.numbers = 3 * s->tower.height * s->tower.width,
                               .rows = s->tower.rows,
                               .columns = s->tower.columns,
                               .pooled = s->tower.has_texts ? s->tower.pooled : 0};
    return s;
}

static int images_list(const void *own, const char *path, struct clip *to, struct error *err)
{
    const struct images *s = own;
    return clip_open(to, path, (size_t)s->config->data.frames, err);
}

static int images_tell(const void *own, FILE *to, struct error *err)
{
    const struct images *s = own;
    struct content weights;
    char hash[CONTENT_TEXT], processor[PROCESSOR_TEXT];
    if (content_of_weights(s->config->encoder.base, &weights, err))
        return -1;
    fprintf(to, "encoder.weights = %s\n", content_text(weights, hash));
    fprintf(to, "encoder.precision = %s\n",
            config_choice("encoder", "precision", s->config->encoder.precision));
    fprintf(to, "encoder.frames = %s\n",
            config_choice("encoder", "frames", s->config->encoder.frames));
    fprintf(to, "data.frames = %ld\n", s->config->data.frames);
    fprintf(to, "preprocessing = %s\n", processor_text(&s->processor, processor));
    return 0;
}

static int images_read(const void *own, const struct clip *clip, float *to, struct error *err)
{
    const struct images *s = own;
    const size_t each = 3 * s->tower.height * s->tower.width;
    for (size_t i = 0; i < clip->count; i++) {
        struct image image;
        if (image_read(&image, clip->path[i], err))
            return -1;
        const int failed =
            processor_apply(&s->processor, &image, clip->path[i], to + i * each, err);
        image_fini(&image);
        if (failed)
            return -1;
    }
    return 0;
}

static int images_start(void *own, struct session *session, size_t batch, struct sight_shape *to,
                        struct error *err)
{
    struct images *s = own;
    const int bf16 = s->config->encoder.precision == FEATURES_BF16;
    const struct encoder_options how = {.session = session,
                                        .folder = s->config->encoder.base,
                                        .of = ENCODER_IMAGES,
                                        .stored = bf16 ? DTYPE_BF16 : DTYPE_F32,
                                        .batch = batch};
    if (!(s->encoder = encoder_open(&how, err)))
        return -1;
    to->flops = encoder_shape(s->encoder)->flops;
    to->bytes = encoder_shape(s->encoder)->bytes;
    return 0;
}

static int images_run(void *own, const float *frames, size_t n, float *rows, float *pooled,
                      struct error *err)
{
    const struct images *s = own;
    return encoder_run(s->encoder, frames, n, rows, DTYPE_F32, pooled, err);
}

const struct sight_class sight_images = {
    .open = images_open,
    .close = images_close,
    .list = images_list,
    .tell = images_tell,
    .read = images_read,
    .start = images_start,
    .stop = images_stop,
    .run = images_run,
};
