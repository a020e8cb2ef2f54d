/* SPDX-License-Identifier: MIT */
#include "task/caption_score.h"

#include <stdlib.h>

#include "data/captioned.h"
#include "text/filled.h"
#include "train/encoder.h"
#include "train/planned.h"

/* What reads texts for the tower; NULL with what there is not, or STATUS_FAILED. */
static struct filled *open_texts(const struct config *c, struct encoder_shape *shape,
                                 struct error *err)
{
    const char *folder = c->encoder.base;
    if (!encoder_compares(folder, err) || encoder_describe(folder, ENCODER_TEXTS, shape, err))
        return NULL;
    const struct filled_how how = {folder, shape->tokens, shape->vocabulary, shape->pad};
    return filled_open(&how, err);
}

int caption_score_is_there(const struct config *c, int *silent, struct error *err)
{
    struct encoder_shape shape;
    struct filled *texts = open_texts(c, &shape, err);
    *silent =
        !texts && encoder_describe(c->encoder.base, ENCODER_TEXTS, &shape, &(struct error){0});
    filled_free(texts);
    return texts != NULL;
}

/* --- scoring */

struct scoring {
    const struct captioned *clips;
    struct encoder *tower;
    double scale, bias;
    size_t width;
    uint32_t *tokens; /* [count, T] */
    float *text;      /* [count, D] */
    float *frames;    /* [frames, D] of a clip */
};

static void scoring_fini(struct scoring *s)
{
    encoder_close(s->tower);
    free(s->tokens);
    free(s->text);
    free(s->frames);
}

/* All texts as the tower reads them, and then the tower. */
static int scoring_init(struct scoring *s, const struct engine *e, const struct filled *texts,
                        const struct encoder_shape *shape, char *const *text, size_t count,
                        struct error *err)
{
    const struct captioned *c = s->clips;
    const struct encoder_options how = planned_texts(e->config, e->session);
    s->width = shape->pooled;
    s->tokens = malloc((count * shape->tokens + 1) * sizeof *s->tokens);
    s->text = malloc((count * s->width + 1) * sizeof *s->text);
    s->frames = malloc((c->pooled * c->pooled_width + 1) * sizeof *s->frames);
    if (!s->tokens || !s->text || !s->frames)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (filled_encode(texts, text[i], s->tokens + i * shape->tokens, err))
            return -1;
    if (encoder_logits(e->config->encoder.base, &s->scale, &s->bias, err))
        return -1;
    return (s->tower = encoder_open(&how, err)) ? 0 : -1;
}

static int score_all(struct scoring *s, const size_t *clip, size_t count, struct siglip *to,
                     struct error *err)
{
    const struct captioned *c = s->clips;
    if (encoder_run_texts(s->tower, s->tokens, count, s->text, err))
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (c->fetch_pooled(c->ctx, clip[i], s->frames, err))
            return -1;
        to[i] = siglip_measure(s->frames, c->pooled, s->text + i * s->width, s->width, s->scale,
                               s->bias);
    }
    return 0;
}

int caption_score(const struct engine *e, const size_t *clip, char *const *text, size_t count,
                  struct siglip *to, struct error *err)
{
    struct scoring s = {.clips = e->data->captioned};
    struct encoder_shape shape;
    if (!s.clips->fetch_pooled)
        return 1;
    struct filled *texts = open_texts(e->config, &shape, err);
    int failed = -1;
    if (texts && !scoring_init(&s, e, texts, &shape, text, count, err))
        failed = score_all(&s, clip, count, to, err);
    else if (err->cause == CAUSE_UNFIT)
        failed = 1;
    scoring_fini(&s);
    filled_free(texts);
    return failed;
}
