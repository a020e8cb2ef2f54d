/* SPDX-License-Identifier: MIT */
#include "run/features.h"

#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/captioned.h"
#include "data/encoded.h"
#include "data/encoded_tell.h"
#include "run/clips.h"
#include "run/encoding.h"
#include "run/sight.h"
#include "tensor/dtype.h"
#include "util/content.h"
#include "util/file.h"

struct features {
    const struct config *config;
    struct dataset *data;
    struct features_how how;
    struct sight *sight;
    struct encoded_shape shape;
    struct encoded *cache;     /* NULL: encoder.cache = none, */
    struct encoding *encoding; /* what sees clips then, */
    pthread_mutex_t lock;      /* one thread at a time */
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
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const int failed = out && sight_tell(f->sight, out, err);
    const int is_cut = out && ferror(out); /* it would be another key */
    if (out && !fclose(out) && !failed && !is_cut)
        return text;
    free(text);
    if (!failed)
        no_memory(err);
    return NULL;
}

static int was_interrupted(struct error *err)
{
    error_set(err, STATUS_FAILED,
              "Interrupted while features were computed: those that are done stay.");
    return error_cause(err, CAUSE_INTERRUPTED);
}

/* The files of all clips, and their hashes. Clips that cannot be read are told together. */
static int list_clips(struct features *f, struct error *err)
{
    struct error first = {0}, one;
    size_t bad = 0;
    for (size_t i = 0; i < f->clips; i++) {
        if (*f->how.interrupted)
            return was_interrupted(err);
        if (sight_list(f->sight, path_of(f, i), &f->clip[i], &one) ||
            content_of_files(f->clip[i].path, f->clip[i].count, &f->hash[i], &one))
            if (!bad++)
                first = one;
        log_progress(f->how.log, "Reading clips", i + 1, f->clips);
    }
    log_progress(f->how.log, "", 0, 0);
    if (!bad)
        return clips_tell(f->data, f->clip, f->hash, f->how.log) ? no_memory(err) : 0;
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

/* Which clips the cache lacks. What was verified before is not verified again. */
static int list_missing(struct features *f, struct error *err)
{
    f->lacks = 0;
    for (size_t i = 0; i < f->clips; i++) {
        const int found = *f->how.interrupted ? was_interrupted(err) : look_up(f, i, err);
        if (found < 0)
            return -1;
        if (!found)
            f->missing[f->lacks++] = i;
    }
    return 0;
}

#define GLANCE 100 /* ms between two looks at whether another process still adds */

/* The cache is this process's to add to; what another one has added until then is in it. */
static int take_cache(struct features *f, struct error *err)
{
    int busy;
    for (int told = 0; (busy = encoded_take(f->cache, err)) > 0; told = 1) {
        if (!told)
            log_say(f->how.log, "features: another process adds to %s: waiting for its end",
                    encoded_found(f->cache).path);
        if (*f->how.interrupted)
            return was_interrupted(err);
        poll(NULL, 0, GLANCE);
    }
    return busy;
}

/* --- computing */

static struct encoding *open_encoding(const struct features *f,
                                      const volatile sig_atomic_t *interrupted, struct error *err)
{
    const struct encoding_options how = {.config = f->config,
                                         .session = &f->how.session,
                                         .sight = f->sight,
                                         .shape = &f->shape,
                                         .clip = f->clip,
                                         .hash = f->hash,
                                         .interrupted = interrupted};
    return encoding_open(&how, err);
}

/* The clips [first, first + count) of those that are missing, which were just computed. */
static int add_records(struct features *f, const struct encoding *e, size_t first, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct content hash = f->hash[f->missing[first + i]];
        if (encoded_find(f->cache, hash) < 0 &&
            encoded_add(f->cache, hash, encoding_rows(e, i), encoding_pooled(e, i), err))
            return -1;
    }
    return 0;
}

static int run_passes(struct features *f, struct encoding *e, struct error *err)
{
    encoding_order(e, f->missing, f->lacks);
    for (size_t at = 0, count; at < f->lacks; at += count) {
        count = f->lacks - at < encoding_most(e) ? f->lacks - at : encoding_most(e);
        if (*f->how.interrupted)
            return was_interrupted(err);
        const int more = encoding_next(e, count, err);
        if (more <= 0)
            return more ? -1 : was_interrupted(err);
        if (add_records(f, e, at, count, err))
            return -1;
        log_progress(f->how.log, "Encoding", at + count, f->lacks);
    }
    log_progress(f->how.log, "", 0, 0);
    return encoded_sync(f->cache, err);
}

/* The features that the cache lacks. */
static int compute(struct features *f, struct error *err)
{
    struct encoding *e = open_encoding(f, f->how.interrupted, err);
    const int failed = !e || run_passes(f, e, err);
    if (!failed)
        encoding_save(e);
    encoding_close(e);
    return failed ? -1 : 0;
}

/* --- the whole */

static size_t elems_of(const struct features *f)
{
    return f->data->captioned->rows * f->data->captioned->columns;
}

/* Numbers of clips, of records that were verified when they were found. */
static int fetch_kept(void *ctx, const size_t *clip, size_t count, float *to, struct error *err)
{
    const struct features *f = ctx;
    for (size_t i = 0; i < count; i++) {
        const void *rows = encoded_rows(f->cache, (size_t)f->record[clip[i]], err);
        if (!rows)
            return -1;
        dtype_floats(encoding_type(&f->shape), rows, elems_of(f), to + i * elems_of(f));
    }
    return 0;
}

/* The same of clips that the encoder sees now. */
static int see(const struct features *f, const size_t *clip, size_t count, float *to,
               struct error *err)
{
    encoding_order(f->encoding, clip, count);
    for (size_t at = 0, now; at < count; at += now) {
        now = count - at < encoding_most(f->encoding) ? count - at : encoding_most(f->encoding);
        if (encoding_next(f->encoding, now, err) <= 0)
            return -1;
        for (size_t i = 0; i < now; i++)
            dtype_floats(encoding_type(&f->shape), encoding_rows(f->encoding, i), elems_of(f),
                         to + (at + i) * elems_of(f));
    }
    return 0;
}

static int fetch_seen(void *ctx, const size_t *clip, size_t count, float *to, struct error *err)
{
    struct features *f = ctx;
    pthread_mutex_lock(&f->lock);
    const int failed = see(f, clip, count, to, err);
    encoding_order(f->encoding, NULL, 0); /* nobody reads `clip` from here on */
    pthread_mutex_unlock(&f->lock);
    return failed;
}

static size_t pooled_bytes(const struct features *f)
{
    return f->shape.pooled * f->shape.pooled_width * sizeof(float);
}

static int pooled_kept(void *ctx, size_t clip, float *to, struct error *err)
{
    const struct features *f = ctx;
    const float *pooled = encoded_pooled(f->cache, (size_t)f->record[clip], err);
    if (!pooled)
        return -1;
    memcpy(to, pooled, pooled_bytes(f));
    return 0;
}

static int pooled_seen(void *ctx, size_t clip, float *to, struct error *err)
{
    struct features *f = ctx;
    pthread_mutex_lock(&f->lock);
    encoding_order(f->encoding, &clip, 1);
    const int failed = encoding_next(f->encoding, 1, err) <= 0;
    if (!failed)
        memcpy(to, encoding_pooled(f->encoding, 0), pooled_bytes(f));
    encoding_order(f->encoding, NULL, 0); /* nobody reads `clip` from here on */
    pthread_mutex_unlock(&f->lock);
    return failed ? -1 : 0;
}

/* Refuses a cache that the disk has no room for. */
static int check_room(const struct features *f, const char *folder, struct error *err)
{
    const uint64_t needed = encoded_bytes(&f->shape, f->lacks);
    uint64_t there;
    if (file_free_space(folder, &there, err))
        return -1;
    log_say(f->how.log, "features: %zu of %zu clips are in %s; %zu take %.2f GiB of disk",
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

/* What becomes another number where clips change, or what would be the cache's key. */
static uint64_t hash_of(const struct features *f, const char *key)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < f->clips; i++)
        hash = (hash ^ f->hash[i].low ^ f->hash[i].high) * UINT64_C(0x100000001b3);
    char name[CONTENT_TEXT];
    content_text(content_of(key, strlen(key)), name);
    for (size_t i = 0; name[i]; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Computes what the cache lacks when it is this process's turn; others may have computed some. */
static int add_missing(struct features *f, const char *folder, size_t *computed, struct error *err)
{
    if (take_cache(f, err))
        return -1;
    encoded_tell(f->cache, f->how.log);
    if (list_missing(f, err))
        return -1;
    *computed = f->lacks;
    if (f->lacks && (check_room(f, folder, err) || compute(f, err)))
        return -1;
    return encoded_leave(f->cache, err) || list_missing(f, err) ? -1 : 0;
}

/* Others may use the cache as well: it is held for writing only while it grows. */
static int fill_cache(struct features *f, const char *folder, const char *key, struct error *err)
{
    const size_t all = f->clips;
    size_t computed = 0;
    if (!(f->cache = encoded_open(folder, key, &f->shape, 0, err)) || list_missing(f, err))
        return -1;
    if (!f->lacks)
        encoded_tell(f->cache, f->how.log);
    else if (add_missing(f, folder, &computed, err))
        return -1;
    if (f->lacks) { /* list_missing() has left why */
        err->status = STATUS_FAILED;
        return error_prefix(err, "features that were just written");
    }
    log_event(f->how.log, "encode",
              json_pack("{s:I, s:I, s:I}", "clips", (json_int_t)all, "computed",
                        (json_int_t)computed, "reused", (json_int_t)(all - computed)));
    return 0;
}

/* What is kept of a clip. */
static int shape_of(const struct config *c, const struct sight *sight, struct encoded_shape *to,
                    struct error *err)
{
    const struct sight_shape *seen = sight_shape(sight);
    *to = (struct encoded_shape){
        .frames = c->encoder.frames == FRAMES_MEAN ? 1 : (size_t)c->data.frames,
        .rows = seen->rows,
        .width = seen->columns,
        .type = c->encoder.precision == FEATURES_BF16 ? ENCODED_BF16 : ENCODED_FP32,
        .pooled = seen->pooled ? (size_t)c->data.frames : 0, /* texts can be compared with them */
        .pooled_width = seen->pooled};
    return encoded_shape_check(to, err);
}

int features_are_kept(const struct config *c)
{
    return strcmp(c->encoder.cache, "none") != 0;
}

int features_shape(const struct config *c, struct encoded_shape *to, struct error *err)
{
    struct sight *sight = sight_open(c, 0, err);
    const int failed = !sight || shape_of(c, sight, to, err);
    sight_close(sight);
    return failed ? -1 : 0;
}

/* Where the data take from then on what the encoder makes of clips. */
static void give(struct features *f,
                 int (*fetch)(void *ctx, const size_t *clip, size_t count, float *to,
                              struct error *err),
                 int (*pooled)(void *ctx, size_t clip, float *to, struct error *err))
{
    struct captioned *c = f->data->captioned;
    c->fetch = fetch;
    c->ctx = f;
    c->fetch_pooled = f->shape.pooled ? pooled : NULL;
    c->pooled = f->shape.pooled;
    c->pooled_width = f->shape.pooled_width;
}

/* Clips come out of the cache, which is made full before. */
static int keep(struct features *f, const char *key, struct error *err)
{
    char *folder = cache_folder(f->config);
    const int failed = folder ? fill_cache(f, folder, key, err) : no_memory(err);
    free(folder);
    give(f, fetch_kept, pooled_kept);
    return failed;
}

/* Nothing is kept: each batch is computed when it is made. */
static int watch(struct features *f, struct error *err)
{
    if (!(f->encoding = open_encoding(f, NULL, err)))
        return -1;
    log_say(f->how.log,
            "features: encoder.cache = none: the encoder computes the clips of each batch again, "
            "and needs %.1f MiB of the device in addition to the model",
            (double)encoding_bytes(f->encoding) / 0x1p20);
    give(f, fetch_seen, pooled_seen);
    return 0;
}

/* What the model takes of a clip is what the encoder makes of one: that may have changed since the
 * model was trained. */
static int check_shape(const struct features *f, struct error *err)
{
    const struct config *c = f->config;
    if ((size_t)c->encoder.rows == f->shape.rows && (size_t)c->encoder.columns == f->shape.width)
        return 0;
    return error_set(err, STATUS_INPUT,
                     "%s: it computes %zu x %zu numbers from a frame, but the captioner reads %ld "
                     "x %ld: encoder.base is another encoder than in the training",
                     c->encoder.base, f->shape.rows, f->shape.width, c->encoder.rows,
                     c->encoder.columns);
}

static int open_all(struct features *f, struct error *err)
{
    const size_t clips = f->clips;
    f->clip = calloc(clips + 1, sizeof *f->clip);
    f->hash = calloc(clips + 1, sizeof *f->hash);
    f->record = calloc(clips + 1, sizeof *f->record);
    f->missing = calloc(clips + 1, sizeof *f->missing);
    if (!f->clip || !f->hash || !f->record || !f->missing)
        return no_memory(err);
    if (!(f->sight = sight_open(f->config, 1, err)) ||
        shape_of(f->config, f->sight, &f->shape, err) || check_shape(f, err))
        return -1;
    f->data->captioned->is_series = sight_is_series(f->sight);
    char *key = list_clips(f, err) ? NULL : key_text(f, err);
    char *whole = key ? encoded_key_text(&f->shape, key) : NULL;
    if (key && !whole)
        no_memory(err);
    const int failed = !whole || (features_are_kept(f->config) ? keep(f, key, err) : watch(f, err));
    if (!failed)
        f->data->captioned->hash = hash_of(f, whole);
    free(whole);
    free(key);
    return failed ? -1 : 0;
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
    f->how = *how;
    pthread_mutex_init(&f->lock, NULL);
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
    if (f->encoding)
        encoding_save(f->encoding);
    encoding_close(f->encoding);
    sight_close(f->sight);
    pthread_mutex_destroy(&f->lock);
    for (size_t i = 0; f->clip && i < f->clips; i++)
        clip_fini(&f->clip[i]);
    free(f->clip);
    free(f->hash);
    free(f->record);
    free(f->missing);
    free(f);
}
