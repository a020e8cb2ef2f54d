/* SPDX-License-Identifier: MIT */
#include "train/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/exec.h"
#include "hf/folder.h"
#include "lower/lower.h"
#include "lower/step.h"
#include "models/tower.h"
#include "train/base.h"
#include "util/file.h"

struct encoder {
    struct encoder_options with;
    struct hf_tower tower;
    struct encoder_shape shape;
    struct params *params;
    struct tower_io io;
    struct plan *plan;
    size_t batch;   /* of the plan */
    float *patches; /* [batch, N, C p p] */
    float *numbers; /* [batch, N, D] as they come, for rows of another type or a part of a batch */
};

/* --- what is known beforehand */

static void describe(const struct hf_tower *t, enum encoder_of of, struct encoder_shape *to)
{
    *to = (struct encoder_shape){.pad = -1, .has_texts = t->has_text && t->vision.has_head};
    if (of == ENCODER_TEXTS) {
        to->tokens = t->text.positions;
        to->vocabulary = t->text.vocabulary;
        to->pad = t->text.pad;
        to->pooled = t->text.projection;
        return;
    }
    to->channels = t->vision.channels;
    to->height = t->vision.height;
    to->width = t->vision.width;
    to->rows = hf_tower_patches(t);
    to->columns = t->vision.layers.width;
    to->pooled = t->kind == HF_TOWER_VIT || t->vision.has_head ? to->columns : 0;
}

static int read_tower(const char *folder, enum encoder_of of, struct hf_tower *to,
                      struct error *err)
{
    if (hf_tower_read(to, folder, err))
        return -1;
    if (of == ENCODER_TEXTS && !to->has_text)
        return error_set(err, STATUS_INPUT, "%s: there is no encoder of texts", folder);
    return 0;
}

int encoder_describe(const char *folder, enum encoder_of of, struct encoder_shape *to,
                     struct error *err)
{
    struct hf_tower tower;
    if (read_tower(folder, of, &tower, err))
        return -1;
    describe(&tower, of, to);
    return 0;
}

static int has_tokenizer(const char *folder, struct error *err)
{
    char *path = file_join(folder, "tokenizer.json");
    if (!path) {
        error_set(err, STATUS_FAILED, "%s: out of memory", folder);
        return 0;
    }
    const int is_there = !access(path, R_OK), why = errno;
    if (!is_there)
        error_errno(err, STATUS_INPUT, path);
    if (!is_there && why == ENOENT)
        error_cause(err, CAUSE_UNFIT);
    free(path);
    return is_there;
}

int encoder_compares(const char *folder, struct error *err)
{
    struct encoder_shape images, texts;
    if (encoder_describe(folder, ENCODER_IMAGES, &images, err) ||
        encoder_describe(folder, ENCODER_TEXTS, &texts, err))
        return 0;
    if (!images.has_texts || images.pooled != texts.pooled) {
        error_set(err, STATUS_INPUT, "%s: images have no pooled vector that texts compare with",
                  folder);
        error_cause(err, CAUSE_UNFIT);
        return 0;
    }
    return has_tokenizer(folder, err);
}

/* --- opening */

static int make_plan(struct encoder *e, struct error *err)
{
    static char *all[] = {"*"};
    const enum dtype stored = e->with.stored;
    if (!(e->params = params_new(0)))
        return error_set(err, STATUS_FAILED, "out of memory");
    params_freeze(e->params, all, 1);
    params_quantize(e->params, stored, DTYPE_F32);
    struct graph *g = (e->with.of == ENCODER_TEXTS ? tower_texts : tower_images)(
        e->params, &e->tower, e->batch, stored, &e->io);
    if (!g)
        return error_set(err, STATUS_FAILED, "out of memory");
    if (!(e->plan = lower_graph(g, e->with.session->dev, err)))
        return -1;
    params_place(e->params, params_align(e->with.session->dev));
    return plan_place(e->plan, err);
}

/* What it takes, before it does. */
static void count(struct encoder *e)
{
    struct encoder_shape *s = &e->shape;
    for (size_t i = 0; i < e->plan->launch_count; i++)
        s->flops += e->plan->launches[i]->flops / (double)e->batch;
    s->parameters = params_count(e->params);
    s->parameter_bytes = e->params->frozen + 4 * (uint64_t)e->params->elems;
    s->bytes = s->parameter_bytes + exec_bytes(e->plan, NULL, 0);
}

static int check_budget(const struct encoder *e, struct error *err)
{
    const struct device *dev = e->with.session->dev;
    const struct encoder_shape *s = &e->shape;
    const uint64_t there = device_bytes(dev), budget = device_budget(dev);
    if (there + s->bytes <= budget)
        return 0;
    error_set(
        err, STATUS_USAGE,
        "%s: the encoder needs %llu bytes of the device, in batches of %zu, but %llu are left",
        e->with.folder, (unsigned long long)s->bytes, e->batch,
        (unsigned long long)(budget > there ? budget - there : 0));
    return error_cause(err, CAUSE_BUDGET);
}

static const struct gemm_provider *products_of(const struct encoder_options *with)
{
    const struct gemm_provider *wish =
        with->stored == DTYPE_BF16 ? gemm_provider_find("bf16_products") : with->gemm;
    return gemm_provider_for(with->session->dev, wish);
}

static int make_room(struct encoder *e, struct error *err)
{
    struct device *dev = e->with.session->dev;
    const struct encoder_shape *s = &e->shape;
    const size_t widest = s->rows * s->columns > s->pooled ? s->rows * s->columns : s->pooled;
    e->numbers = device_host_new(dev, (e->batch * widest + 1) * sizeof *e->numbers);
    if (e->io.patches)
        e->patches = device_host_new(dev, e->io.patches->elems * sizeof *e->patches);
    if (e->patches) /* a batch may have fewer images */
        memset(e->patches, 0, e->io.patches->elems * sizeof *e->patches);
    return e->numbers && (e->patches || !e->io.patches)
               ? 0
               : error_set(err, STATUS_FAILED, "out of memory");
}

/* Memory, kernels and weights. */
static int make_ready(struct encoder *e, struct error *err)
{
    struct device *dev = e->with.session->dev;
    const struct step step = {.count = (uint32_t)e->batch, .group = (uint32_t)e->batch};
    return make_room(e, err) || params_allocate(e->params, dev, 0, err) ||
                   base_load_part(e->params, e->with.folder, tower_passes_over,
                                  e->with.of == ENCODER_TEXTS, err) ||
                   exec_prepare(e->plan, NULL, products_of(&e->with), err) ||
                   tensor_write(e->plan->step, &step, err)
               ? -1
               : 0;
}

/* A CPU takes one after the other, of which each has rows enough: how a host BLAS adds up a row
 * depends on the rows beside it. */
static size_t batch_of(const struct encoder_options *with)
{
    return device_info(with->session->dev)->is_cpu ? 1 : with->batch;
}

/* The plan, and what it takes; NULL with an error. */
static struct encoder *plan_encoder(const struct encoder_options *options, struct error *err)
{
    struct encoder *e = calloc(1, sizeof *e);
    if (!e) {
        error_set(err, STATUS_FAILED, "out of memory");
        return NULL;
    }
    e->with = *options;
    e->batch = batch_of(options);
    if (read_tower(options->folder, options->of, &e->tower, err)) {
        encoder_close(e);
        return NULL;
    }
    describe(&e->tower, options->of, &e->shape);
    if (make_plan(e, err)) {
        encoder_close(e);
        return NULL;
    }
    count(e);
    return e;
}

struct encoder *encoder_open(const struct encoder_options *options, struct error *err)
{
    struct encoder *e = plan_encoder(options, err);
    if (!e ||
        (!check_budget(e, err) && (device_counts(options->session->dev) || !make_ready(e, err))))
        return e;
    encoder_close(e);
    return NULL;
}

uint64_t encoder_bytes(const struct encoder_options *options)
{
    struct error ignored;
    struct session twin = {device_twin(options->session->dev, 1, &ignored), 0};
    struct encoder_options with = *options;
    with.session = &twin;
    struct encoder *e = twin.dev ? plan_encoder(&with, &ignored) : NULL;
    const uint64_t bytes = e ? e->shape.bytes : 0;
    encoder_close(e);
    device_close(twin.dev);
    return bytes;
}

void encoder_close(struct encoder *e)
{
    struct error ignored;
    if (!e)
        return;
    device_finish(e->with.session->dev, &ignored); /* what still runs reads what is freed here */
    plan_free(e->plan);
    params_free(e->params);
    device_host_free(e->with.session->dev, e->patches);
    device_host_free(e->with.session->dev, e->numbers);
    free(e);
}

const struct encoder_shape *encoder_shape(const struct encoder *e)
{
    return &e->shape;
}

/* --- running */

/* The first `n` samples of an output as `type`. */
static int take(struct encoder *e, const struct tensor *t, size_t n, void *to, enum dtype type,
                struct error *err)
{
    if (!to)
        return 0;
    const size_t elems = n * (t->elems / e->batch);
    float *numbers = type == DTYPE_F32 ? to : e->numbers;
    if (buffer_read(tensor_base((struct tensor *)(uintptr_t)t)->buffer, 0, elems * sizeof *numbers,
                    numbers, err))
        return -1;
    if (type == DTYPE_BF16)
        dtype_bfloats(numbers, elems, to);
    return 0;
}

static int start_images(struct encoder *e, const float *images, size_t n, struct error *err)
{
    const struct encoder_shape *s = &e->shape;
    for (size_t i = 0; i < n; i++)
        tower_cut(&e->tower, images + i * s->channels * s->height * s->width,
                  e->patches + i * (e->io.patches->elems / e->batch));
    return tensor_write(e->io.patches, e->patches, err) ||
                   exec_run(e->plan, 0, e->plan->launch_count, err)
               ? -1
               : 0;
}

int encoder_run(struct encoder *e, const float *images, size_t n, void *rows, enum dtype rows_type,
                float *pooled, struct error *err)
{
    const struct encoder_shape *s = &e->shape;
    for (size_t i = 0, now; i < n; i += now) {
        now = n - i < e->batch ? n - i : e->batch;
        char *to = rows ? (char *)rows + dtype_bytes(rows_type, i * s->rows * s->columns) : NULL;
        if (start_images(e, images + i * s->channels * s->height * s->width, now, err) ||
            take(e, e->io.rows, now, to, rows_type, err) ||
            (s->pooled &&
             take(e, e->io.pooled, now, pooled ? pooled + i * s->pooled : NULL, DTYPE_F32, err)))
            return -1;
    }
    return 0;
}

int encoder_run_texts(struct encoder *e, const uint32_t *tokens, size_t n, float *pooled,
                      struct error *err)
{
    const struct encoder_shape *s = &e->shape;
    for (size_t i = 0, now; i < n; i += now) {
        now = n - i < e->batch ? n - i : e->batch;
        if (buffer_write(e->io.tokens->buffer, 0, now * s->tokens * sizeof *tokens,
                         tokens + i * s->tokens, err) ||
            exec_run(e->plan, 0, e->plan->launch_count, err) ||
            take(e, e->io.pooled, now, pooled + i * s->pooled, DTYPE_F32, err))
            return -1;
    }
    return 0;
}

/* --- comparing */

static int read_scalar(const struct hf_folder *folder, const char *name, double *to,
                       struct error *err)
{
    float x;
    const struct safetensor *t = hf_folder_find(folder, name);
    if (!t)
        return error_set(err, STATUS_INPUT, "%s: no tensor %s is there", folder->path, name);
    if (t->bytes != dtype_bytes(t->dtype, 1))
        return error_set(err, STATUS_INPUT, "%s: %s is not one number", folder->path, name);
    if (hf_folder_floats(folder, t, 0, 1, &x, err))
        return -1;
    *to = (double)x;
    return 0;
}

int encoder_logits(const char *path, double *scale, double *bias, struct error *err)
{
    struct hf_folder *folder = hf_folder_open(path, err);
    const int failed = !folder || read_scalar(folder, "logit_scale", scale, err) ||
                       read_scalar(folder, "logit_bias", bias, err);
    hf_folder_close(folder);
    return failed ? -1 : 0;
}
