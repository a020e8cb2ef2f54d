/* SPDX-License-Identifier: MIT */
#include "run/sight.h"

#include <stdlib.h>

#include "hf/tower.h"

struct sight {
    const struct sight_class *class;
    struct sight_shape shape;
    void *own;
};

struct sight *sight_open(const struct config *config, int reads, struct error *err)
{
    struct sight *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    s->class = hf_tower_is_named(config->encoder.base) ? &sight_images : &sight_series;
    if ((s->own = s->class->open(config, reads, &s->shape, err)))
        return s;
    free(s);
    return NULL;
}

void sight_close(struct sight *s)
{
    if (s)
        s->class->close(s->own);
    free(s);
}

int sight_is_series(const struct sight *s)
{
    return s->class == &sight_series;
}

const struct sight_shape *sight_shape(const struct sight *s)
{
    return &s->shape;
}

int sight_list(const struct sight *s, const char *path, struct clip *to, struct error *err)
{
    return s->class->list(s->own, path, to, err);
}

int sight_tell(const struct sight *s, FILE *to, struct error *err)
{
    return s->class->tell(s->own, to, err);
}

int sight_read(const struct sight *s, const struct clip *clip, float *to, struct error *err)
{
    return s->class->read(s->own, clip, to, err);
}

int sight_start(struct sight *s, struct session *session, size_t batch, struct error *err)
{
    return s->class->start(s->own, session, batch, &s->shape, err);
}

void sight_stop(struct sight *s)
{
    s->class->stop(s->own);
}

int sight_run(struct sight *s, const float *frames, size_t n, float *rows, float *pooled,
              struct error *err)
{
    return s->class->run(s->own, frames, n, rows, pooled, err);
}
