/* SPDX-License-Identifier: MIT */
#include "run/features.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "data/encoded.h"
#include "data/encoded_tell.h"
#include "data/loader.h"
#include "image/clip.h"
#include "image/processor.h"
#include "image/read.h"
#include "tensor/dtype.h"
#include "train/encoder.h"
#include "util/content.h"
#include "util/file.h"

struct features {
    const struct config *config;
    struct dataset *data;
    const struct features_how *how;
    struct processor processor;
    struct encoded_shape shape;
    struct encoded *cache;
    size_t clips;
    struct clip *clip;      /* [clips] their frames' files */
    struct content *hash;   /* [clips] */
    int64_t *record;        /* [clips] */
    size_t *missing, lacks; /* [lacks] clips that the cache does not have */
};

static int no_memory(struct error *err)
{
    return error_set(err, STATUS_FAILED, "features: out of memory");
}

static const char *path_of(const struct features *f, size_t clip)
{
    return f->data->captioned->captions.clip[clip].path;
}

/* --- the cache */

/* encoder.cache, or the folder features beside that of the run; the caller frees. */
static char *cache_folder(const struct config *c)
{
    if (*c->encoder.cache)
        return strdup(c->encoder.cache);
    char *run = strdup(c->run.output), *folder = run ? file_join(dirname(run), "features") : NULL;
    free(run);
    return folder;
}

/* All on which the bytes of a record depend, beside its shape. */
static char *key_text(const struct features *f, struct error *err)
{
    struct content weights;
    char hash[CONTENT_TEXT], processor[PROCESSOR_TEXT], *text = NULL;
    size_t size;
    if (content_of_weights(f->config->encoder.base, &weights, err))
        return NULL;
    FILE *out = open_memstream(&text, &size);
    if (out) {
        fprintf(out, "encoder.weights = %s\n", content_text(weights, hash));
        fprintf(out, "encoder.precision = %s\n",
                config_choice("encoder", "precision", f->config->encoder.precision));
        fprintf(out, "encoder.frames = %s\n",
                config_choice("encoder", "frames", f->config->encoder.frames));
        fprintf(out, "data.frames = %ld\n", f->config->data.frames);
        fprintf(out, "preprocessing = %s\n", processor_text(&f->processor, processor));
        fclose(out);
    }
    if (!text)
        no_memory(err);
    return text;
}

/* The files of all clips, and their hashes. Clips that cannot be read are told together. */
static int list_clips(struct features *f, struct error *err)
{
    struct error first = {0}, one;
    size_t bad = 0;
    for (size_t i = 0; i < f->clips; i++) {
        if (clip_open(&f->clip[i], path_of(f, i), (size_t)f->config->data.frames, &one) ||
            content_of_files(f->clip[i].path, f->clip[i].count, &f->hash[i], &one))
            if (!bad++)
                first = one;
        log_progress(f->how->log, "Reading clips", i + 1, f->clips);
    }
    log_progress(f->how->log, "", 0, 0);
    if (!bad)
        return 0;
    *err = first;
    return bad == 1
               ? -1
               : error_prefix(err, "%zu of %zu clips cannot be read; the first", bad, f->clips);
}

/* Whether the cache has a clip's features, undamaged; -1 with an error. */
static int look_up(struct features *f, size_t clip, struct error *err)
{
    const int64_t record = f->record[clip] = encoded_find(f->cache, f->hash[clip]);
    if (record < 0 || encoded_rows(f->cache, (size_t)record, err))
        return record >= 0;
    f->record[clip] = -1;
    return err->damaged ? 0 : -1;
}

/* Which clips the cache lacks. */
static int list_missing(struct features *f, struct error *err)
{
    for (size_t i = 0; i < f->clips; i++) {
        const int found = look_up(f, i, err);
        if (found < 0)
            return -1;
        if (!found)
            f->missing[f->lacks++] = i;
    }
    return 0;
}

/* --- computing */

#define FRAMES_AT_ONCE 16
#define INTERRUPTED "interrupted while features were computed; those that are done stay"

/* What a pass of the encoder works on: some clips. */
struct pass {
    struct features *f;
    struct encoder *encoder;
    struct loader *loader;
    size_t clips;  /* at most, in a pass */
    size_t pixels; /* numbers of a clip's frames */
    float *image;  /* [clips, frames, 3, H, W] */
    float *rows;   /* [clips, frames, N, D] */
    float *pooled; /* [clips, frames, P]; NULL: there are none */
    double *mean;  /* rows of one clip, */
    void *record;  /* and as they are stored */
};

/* The frames of a clip as the encoder takes them, [frames, 3, H, W]. */
static int load_clip(void *ctx, size_t worker, size_t item, void *to, struct error *err)
{
    const struct pass *p = ctx;
    (void)worker;
    const struct features *f = p->f;
    const struct clip *clip = &f->clip[item];
    const size_t each = p->pixels / clip->count;
    for (size_t i = 0; i < clip->count; i++) {
        struct image image;
        if (image_read(&image, clip->path[i], err))
            return -1;
        const int failed =
            processor_apply(&f->processor, &image, clip->path[i], (float *)to + i * each, err);
        image_fini(&image);
        if (failed)
            return -1;
    }
    return 0;
}

/* How the rows of records are stored. */
static enum dtype stored(const struct features *f)
{
    return f->shape.type == ENCODED_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

/* The rows of a clip as its record holds them: the mean over frames, or all. */
static void store_rows(const struct pass *p, const float *rows)
{
    const struct encoded_shape *s = &p->f->shape;
    const size_t elems = s->frames * s->rows * s->width;
    const size_t frames = (size_t)p->f->config->data.frames / s->frames;
    for (size_t i = 0; i < elems; i++) {
        double sum = 0;
        for (size_t k = 0; k < frames; k++)
            sum += (double)rows[k * elems + i];
        p->mean[i] = sum / (double)frames;
    }
    dtype_of_doubles(stored(p->f), p->mean, elems, p->record);
}

static int add_records(struct pass *p, size_t first, size_t count, struct error *err)
{
    struct features *f = p->f;
    const size_t frames = (size_t)f->config->data.frames;
    for (size_t i = 0; i < count; i++) {
        const size_t clip = f->missing[first + i];
        if (encoded_find(f->cache, f->hash[clip]) >= 0)
            continue;
        store_rows(p, p->rows + i * frames * f->shape.rows * f->shape.width);
        if (encoded_add(f->cache, f->hash[clip], p->record,
                        p->pooled ? p->pooled + i * frames * f->shape.pooled_width : NULL, err))
            return -1;
    }
    return 0;
}

/* The clips [first, first + count) of those that are missing. */
static int run_pass(struct pass *p, size_t first, size_t count, struct error *err)
{
    const size_t frames = (size_t)p->f->config->data.frames;
    for (size_t i = 0; i < count; i++) {
        struct loader_item item;
        const int more = loader_next(p->loader, &item, err);
        if (more <= 0)
            return more ? -1 : error_set(err, STATUS_FAILED, INTERRUPTED);
        memcpy(p->image + i * p->pixels, item.buffer, p->pixels * sizeof *p->image);
        loader_done(p->loader);
    }
    return encoder_run(p->encoder, p->image, count * frames, p->rows, DTYPE_F32, p->pooled, err) ||
                   add_records(p, first, count, err)
               ? -1
               : 0;
}

static int run_passes(struct pass *p, struct error *err)
{
    const struct features *f = p->f;
    for (size_t at = 0, count; at < f->lacks; at += count) {
        count = f->lacks - at < p->clips ? f->lacks - at : p->clips;
        if (*f->how->interrupted)
            return error_set(err, STATUS_FAILED, INTERRUPTED);
        if (run_pass(p, at, count, err))
            return -1;
        log_progress(f->how->log, "Encoding", at + count, f->lacks);
    }
    log_progress(f->how->log, "", 0, 0);
    return encoded_sync(f->cache, err);
}

static void pass_fini(struct pass *p)
{
    loader_free(p->loader);
    encoder_close(p->encoder);
    free(p->image);
    free(p->rows);
    free(p->pooled);
    free(p->mean);
    free(p->record);
}

static int pass_init(struct pass *p, struct session *session, struct error *err)
{
    struct features *f = p->f;
    const struct config *c = f->config;
    const struct encoded_shape *s = &f->shape;
    const size_t frames = (size_t)c->data.frames, elems = s->rows * s->width;
    p->clips = frames < FRAMES_AT_ONCE ? FRAMES_AT_ONCE / frames : 1;
    p->pixels = frames * 3 * f->processor.height * f->processor.width;
    const struct loader_settings ahead = {.workers = (size_t)c->data.workers,
                                          .prefetch = (size_t)c->data.prefetch,
                                          .bytes = p->pixels * sizeof *p->image,
                                          .make = load_clip,
                                          .ctx = p,
                                          .interrupted = f->how->interrupted};
    const struct encoder_options how = {.session = session,
                                        .folder = c->encoder.base,
                                        .of = ENCODER_IMAGES,
                                        .stored = stored(f),
                                        .batch = p->clips * frames};
    p->image = malloc(p->clips * p->pixels * sizeof *p->image);
    p->rows = malloc(p->clips * frames * elems * sizeof *p->rows);
    p->pooled = s->pooled ? malloc(p->clips * frames * s->pooled_width * sizeof *p->pooled) : NULL;
    p->mean = malloc(s->frames * elems * sizeof *p->mean);
    p->record = malloc(encoded_rows_bytes(s));
    if (!p->image || !p->rows || (s->pooled && !p->pooled) || !p->mean || !p->record)
        return no_memory(err);
    if (!(p->encoder = encoder_open(&how, err)))
        return -1;
    if (!(p->loader = loader_new(&ahead)))
        return no_memory(err);
    loader_order(p->loader, f->missing, f->lacks);
    return 0;
}

/* The features that the cache lacks. */
static int compute(struct features *f, struct error *err)
{
    struct pass p = {.f = f};
    struct session *session = session_open(f->config, &f->how->session, err);
    const int failed = !session || pass_init(&p, session, err) || run_passes(&p, err);
    if (session && !failed)
        device_save_programs(session->dev);
    pass_fini(&p);
    session_close(session);
    return failed ? -1 : 0;
}

/* --- the whole */

/* Numbers of a clip; its record was verified when it was found. */
static void fetch(const void *ctx, size_t clip, float *to)
{
    const struct features *f = ctx;
    struct error err;
    const size_t elems = f->data->captioned->rows * f->data->captioned->columns;
    const void *rows = encoded_rows(f->cache, (size_t)f->record[clip], &err);
    if (rows)
        dtype_floats(stored(f), rows, elems, to);
    else
        memset(to, 0xff, elems * sizeof *to); /* not a number: the step is left out or stops */
}

/* Refuses a cache that the disk has no room for. */
static int check_room(const struct features *f, const char *folder, struct error *err)
{
    const uint64_t needed = encoded_bytes(&f->shape, f->lacks);
    uint64_t there;
    if (file_free_space(folder, &there, err))
        return -1;
    log_say(f->how->log, "features: %zu of %zu clips are in %s; %zu take %.2f GiB of disk",
            f->clips - f->lacks, f->clips, encoded_found(f->cache).path, f->lacks,
            (double)needed / 0x1p30);
    if (needed <= there)
        return 0;
    return error_set(err, STATUS_FAILED,
                     "%s: features of %zu clips take %.2f GiB, and the disk has %.2f GiB free: "
                     "encoder.cache names a folder on another one, encoder.frames = mean and "
                     "encoder.precision = bf16 take less",
                     folder, f->lacks, (double)needed / 0x1p30, (double)there / 0x1p30);
}

/* What becomes another cache where clips change. */
static uint64_t hash_of(const struct features *f)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < f->clips; i++)
        hash = (hash ^ f->hash[i].low ^ f->hash[i].high) * UINT64_C(0x100000001b3);
    for (const char *name = encoded_found(f->cache).name; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash;
}

/* Opens the cache, in place of how it is open, and finds the clips that it lacks. */
static int look(struct features *f, const char *folder, const char *key, int writes,
                struct error *err)
{
    if (f->cache && encoded_close(f->cache, err)) {
        f->cache = NULL;
        return -1;
    }
    f->lacks = 0;
    f->cache = encoded_open(folder, key, &f->shape, writes, err);
    return f->cache ? list_missing(f, err) : -1;
}

/* Others may use the cache as well: it is held for writing only while it grows. */
static int fill_cache(struct features *f, const char *folder, const char *key, struct error *err)
{
    if (look(f, folder, key, 0, err))
        return -1;
    encoded_tell(f->cache, f->how->log);
    const size_t all = f->clips, computed = f->lacks;
    if (computed && (look(f, folder, key, 1, err) || check_room(f, folder, err) ||
                     (f->lacks && compute(f, err)) || look(f, folder, key, 0, err)))
        return -1;
    if (f->lacks)
        return error_set(err, STATUS_FAILED, "%s: features that were just written are gone",
                         encoded_found(f->cache).path);
    log_event(f->how->log, "encode",
              json_pack("{s:I, s:I, s:I}", "clips", (json_int_t)all, "computed",
                        (json_int_t)computed, "reused", (json_int_t)(all - computed)));
    return 0;
}

/* What is kept of a clip that this tower sees. */
static int shape_of(const struct config *c, const struct encoder_shape *tower,
                    struct encoded_shape *to, struct error *err)
{
    *to = (struct encoded_shape){
        .frames = c->encoder.frames == FRAMES_MEAN ? 1 : (size_t)c->data.frames,
        .rows = tower->rows,
        .width = tower->columns,
        .type = c->encoder.precision == FEATURES_BF16 ? ENCODED_BF16 : ENCODED_FP32};
    if (tower->has_texts) { /* texts can be compared with them */
        to->pooled = (size_t)c->data.frames;
        to->pooled_width = tower->pooled;
    }
    return encoded_shape_check(to, err);
}

int features_shape(const struct config *c, struct encoded_shape *to, struct error *err)
{
    struct encoder_shape tower;
    return encoder_describe(c->encoder.base, ENCODER_IMAGES, &tower, err) ||
                   shape_of(c, &tower, to, err)
               ? -1
               : 0;
}

/* What is done to images makes those of the tower. */
static int read_processor(struct features *f, const struct encoder_shape *tower, struct error *err)
{
    const char *base = f->config->encoder.base;
    if (processor_read(&f->processor, base, tower->height, err))
        return -1;
    if (f->processor.height == tower->height && f->processor.width == tower->width)
        return 0;
    return error_set(err, STATUS_INPUT,
                     "%s: images are made %zu x %zu, and the tower takes %zu x %zu", base,
                     f->processor.width, f->processor.height, tower->width, tower->height);
}

static int open_all(struct features *f, struct error *err)
{
    const size_t clips = f->clips;
    struct encoder_shape tower;
    f->clip = calloc(clips + 1, sizeof *f->clip);
    f->hash = calloc(clips + 1, sizeof *f->hash);
    f->record = calloc(clips + 1, sizeof *f->record);
    f->missing = calloc(clips + 1, sizeof *f->missing);
    if (!f->clip || !f->hash || !f->record || !f->missing)
        return no_memory(err);
    if (encoder_describe(f->config->encoder.base, ENCODER_IMAGES, &tower, err) ||
        shape_of(f->config, &tower, &f->shape, err) || read_processor(f, &tower, err))
        return -1;
    char *folder = cache_folder(f->config), *key = folder ? key_text(f, err) : NULL;
    if (!folder)
        no_memory(err);
    const int failed = !key || list_clips(f, err) || fill_cache(f, folder, key, err);
    free(folder);
    free(key);
    if (failed)
        return -1;
    f->data->captioned->fetch = fetch;
    f->data->captioned->ctx = f;
    f->data->captioned->hash = hash_of(f);
    return 0;
}

struct features *features_open(const struct config *config, struct dataset *data,
                               const struct features_how *how, struct error *err)
{
    struct features *f = calloc(1, sizeof *f);
    if (!f) {
        no_memory(err);
        return NULL;
    }
    f->config = config;
    f->data = data;
    f->clips = data->captioned->captions.clips;
    f->how = how;
    if (!open_all(f, err))
        return f;
    features_close(f);
    return NULL;
}

void features_close(struct features *f)
{
    struct error ignored;
    if (!f)
        return;
    encoded_close(f->cache, &ignored);
    for (size_t i = 0; f->clip && i < f->clips; i++)
        clip_fini(&f->clip[i]);
    free(f->clip);
    free(f->hash);
    free(f->record);
    free(f->missing);
    free(f);
}
