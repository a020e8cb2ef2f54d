/* SPDX-License-Identifier: MIT */
/* Clips of the part beside what the model says of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/captioned.h"
#include "image/clip.h"
#include "image/read.h"
#include "image/resample.h"
#include "task/captions.h"
#include "task/picture.h"

#define FRAME_MOST 330 /* pixels of a side; what is larger is made smaller */

/* What is drawn, and what it is made of. */
struct sheet {
    const struct written_captions *own;
    const struct dataset *data;
    size_t count, frames;
    struct image *image;       /* [count, frames] */
    struct plot_frame *frame;  /* [count, frames] */
    const char ***reference;   /* [count] */
    struct plot_caption *item; /* [count] */
};

/* A frame, no larger than it is drawn. */
static int read_frame(struct image *to, const char *path, struct error *err)
{
    struct image whole;
    if (image_read(&whole, path, err))
        return -1;
    const size_t side = whole.width > whole.height ? whole.width : whole.height;
    if (side <= FRAME_MOST) {
        *to = whole;
        return 0;
    }
    const size_t width = whole.width * FRAME_MOST / side, height = whole.height * FRAME_MOST / side;
    const int failed =
        resample(to, &whole, width ? width : 1, height ? height : 1, RESAMPLE_BOX, path, err);
    image_fini(&whole);
    return failed;
}

/* Example i: its frames and texts. */
static int read_example(struct sheet *s, size_t i, struct error *err)
{
    const size_t number = s->own->clip[i];
    const char *path = s->data->captioned->captions.clip[number].path;
    struct clip clip;
    if (clip_open(&clip, path, s->frames, err))
        return -1;
    int failed = 0;
    for (size_t k = 0; !failed && k < s->frames; k++) {
        struct image *image = &s->image[i * s->frames + k];
        failed = read_frame(image, clip.path[k], err);
        s->frame[i * s->frames + k] = (struct plot_frame){image->width, image->height, image->rgb};
    }
    clip_fini(&clip);
    if (!failed && !(s->reference[i] = captions_references(s->data, number)))
        failed = error_set(err, STATUS_FAILED, "out of memory");
    size_t references = 0;
    while (!failed && s->reference[i][references])
        references++;
    s->item[i] = (struct plot_caption){.title = path,
                                       .frame = s->frame + i * s->frames,
                                       .frames = s->frames,
                                       .generated = s->own->text[i],
                                       .reference = s->reference[i],
                                       .references = references,
                                       .exact = s->own->exact[i],
                                       .score = s->own->score ? s->own->score[i].score : NAN};
    return failed;
}

static int sheet_init(struct sheet *s, const struct engine *e, const struct written_captions *own,
                      struct error *err)
{
    *s = (struct sheet){.own = own,
                        .data = e->data,
                        .count = own->count < PLOT_CAPTIONS ? own->count : PLOT_CAPTIONS,
                        .frames = (size_t)e->config->data.frames};
    s->image = calloc(s->count * s->frames, sizeof *s->image);
    s->frame = calloc(s->count * s->frames, sizeof *s->frame);
    s->reference = calloc(s->count, sizeof *s->reference);
    s->item = calloc(s->count, sizeof *s->item);
    if (!s->image || !s->frame || !s->reference || !s->item)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < s->count; i++)
        if (read_example(s, i, err))
            return -1;
    return 0;
}

static void sheet_fini(struct sheet *s)
{
    for (size_t i = 0; s->image && i < s->count * s->frames; i++)
        image_fini(&s->image[i]);
    for (size_t i = 0; s->reference && i < s->count; i++)
        free(s->reference[i]);
    free(s->image);
    free(s->frame);
    free(s->reference);
    free(s->item);
}

static int has_captions(const struct picture_of *of)
{
    const struct written_captions *own = captions_of(of->result);
    return own && own->count && !of->result->e->data->captioned->is_series;
}

static int captions_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct written_captions *own = captions_of(of->result);
    struct sheet s;
    char what[96];
    int failed = sheet_init(&s, of->result->e, own, err);
    snprintf(what, sizeof what, "%zu of %zu captions of the %s part", s.count, own->count,
             of->to->part);
    if (!failed)
        failed =
            plot_captions(path, &of->about, &(struct plot_captions){s.count, s.item, what}, err);
    sheet_fini(&s);
    return failed;
}

const struct picture picture_captions = {has_captions, captions_draw};
