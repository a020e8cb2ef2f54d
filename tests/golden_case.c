/* SPDX-License-Identifier: MIT */
#include "golden_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "models/model.h"
#include "text/tokenizer.h"

/* Targets of a window stand in its first rows. */
static int golden_targets(struct golden *c, const struct safetensor *y, struct error *err)
{
    struct dataset *d = &c->data;
    const float *target = y->data;
    size_t rows = y->shape[1], columns = y->shape[2], size = rows * columns;
    d->targets = columns;
    d->target_rows = rows;
    d->target = calloc(d->rows * columns, sizeof *target);
    d->target_feature = calloc(columns, sizeof(int));
    if (!d->target || !d->target_feature)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t k = 0; k < columns; k++) /* the first features */
        d->target_feature[k] = (int)k;
    for (size_t i = 0; i < d->count[PART_TRAIN]; i++)
        memcpy(d->target + i * d->window * columns, target + i * size, size * sizeof *target);
    return 0;
}

/* What is seen at the sample i is clip n - 1 - i. */
static int golden_fetch(void *ctx, const size_t *clip, size_t count, float *to, struct error *err)
{
    const struct safetensor *x = ctx;
    const size_t elems = x->shape[1] * x->shape[2];
    (void)err;
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * elems, (const float *)x->data + clip[i] * elems, elems * sizeof *to);
    return 0;
}

static int golden_clips(struct golden *c, const struct safetensor *x, struct error *err)
{
    struct captioned *own = c->data.captioned = calloc(1, sizeof *own);
    const size_t n = x->shape[0];
    if (!own || !(own->captions.item = calloc(n, sizeof *own->captions.item)))
        return error_set(err, STATUS_FAILED, "out of memory");
    own->captions.count = n;
    for (size_t i = 0; i < n; i++)
        own->captions.item[i].clip = n - 1 - i;
    own->rows = x->shape[1];
    own->columns = x->shape[2];
    own->fetch = golden_fetch;
    own->ctx = (void *)(uintptr_t)x;
    return 0;
}

/* The teacher as a checkpoint of its own: "teacher.NAME" is its parameter NAME. */
static int golden_taught(struct golden *c, const char *path, char *const *settings,
                         struct error *err)
{
    struct checkpoint *own = &c->teacher.checkpoint;
    const char *ini = safetensors_get(c->st, "teacher");
    if (!ini)
        return 0;
    c->teacher.path = strdup(path);
    own->config = config_parse_with(ini, path, settings, 2, model_check, err);
    if (!c->teacher.path || !own->config || !(own->st = safetensors_new()))
        return -1;
    model_compares_none(own->config);
    for (size_t i = 0; i < c->st->count; i++) {
        const struct safetensor *t = &c->st->tensor[i];
        if (!strncmp(t->name, "teacher.", 8) &&
            safetensors_add(own->st, t->name + 8, t->dtype, t->rank, t->shape, t->data, err))
            return -1;
    }
    return 0;
}

const struct teacher *golden_teacher(const struct golden *c)
{
    return c->teacher.path ? &c->teacher : NULL;
}

int golden_open(struct golden *c, const char *path, const char *select, struct error *err)
{
    memset(c, 0, sizeof *c);
    c->st = safetensors_read(path, err);
    if (!c->st)
        return -1;
    char device[256], *settings[] = {"data.source=none.csv", device};
    snprintf(device, sizeof device, "device.select=%s", select);
    c->config =
        config_parse_with(safetensors_get(c->st, "config"), path, settings, 2, model_check, err);
    if (!c->config || golden_taught(c, path, settings, err))
        return -1;
    const struct safetensor *x = safetensors_find(c->st, "input");
    const struct safetensor *tokens = safetensors_find(c->st, "tokens");
    if (!x && !tokens)
        return error_set(err, STATUS_INPUT, "%s: no tensor input", path);
    if (!x && !(c->data.tokenizer = c->data.own_tokenizer = tokenizer_bytes(err)))
        return -1;
    size_t n = (x ? x : tokens)->shape[0], window = (x ? x : tokens)->shape[1];
    c->data.rows = n * window;
    c->data.window = x ? window : window - 1; /* of tokens; each predicts the one behind it */
    c->data.features = x ? x->shape[2] : 1;
    c->data.series = x ? x->data : NULL;
    c->data.token = x ? NULL : tokens->data;
    c->data.count[PART_TRAIN] = n;
    c->data.start[PART_TRAIN] = calloc(n, sizeof(uint32_t));
    if (!c->data.start[PART_TRAIN])
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < n; i++)
        c->data.start[PART_TRAIN][i] = (uint32_t)(i * window);
    const struct safetensor *clips = safetensors_find(c->st, "clips");
    if (clips && golden_clips(c, clips, err))
        return -1;
    const struct safetensor *noise = safetensors_find(c->st, "noise");
    c->noise = noise ? noise->data : NULL;
    const struct safetensor *y = safetensors_find(c->st, "target");
    return y ? golden_targets(c, y, err) : 0;
}

void golden_close(struct golden *c)
{
    tokenizer_free(c->data.own_tokenizer);
    free(c->data.start[PART_TRAIN]);
    captioned_free(c->data.captioned);
    free(c->data.target);
    free(c->data.target_feature);
    checkpoint_fini(&c->teacher.checkpoint);
    free(c->teacher.path);
    config_free(c->config);
    safetensors_free(c->st);
}
