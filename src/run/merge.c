/* SPDX-License-Identifier: MIT */
#include "run/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "models/model.h"
#include "train/checkpoint.h"

/* A weight with its adapter; `value` is there while the weight is written. */
struct folded {
    const struct safetensors *st;
    const struct safetensor *weight, *a, *b;
    double scale; /* alpha / r */
    int in_out;   /* the weight is [in, out] */
    float *value;
};

/* A tensor's numbers, which the caller frees; NULL with an error. */
static float *numbers(const struct safetensors *st, const struct safetensor *t, struct error *err)
{
    float *x = malloc(t->bytes + 1);
    if (!x)
        error_set(err, STATUS_FAILED, "%s: out of memory", t->name);
    else if (!safetensors_copy(st, t, x, err))
        return x;
    free(x);
    return NULL;
}

/* W += scale B A; `row` has room for the columns of A. */
static void add_product(const struct folded *f, const float *a, const float *b, double *row)
{
    const size_t rank = f->a->shape[0], in = f->a->shape[1], out = f->b->shape[0];
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++)
            row[i] = 0;
        for (size_t k = 0; k < rank; k++)
            for (size_t i = 0; i < in; i++)
                row[i] += (double)b[o * rank + k] * a[k * in + i];
        for (size_t i = 0; i < in; i++) {
            float *w = f->value + (f->in_out ? i * out + o : o * in + i);
            *w = (float)(*w + f->scale * row[i]);
        }
    }
}

static int fold(struct folded *f, struct error *err)
{
    float *a = numbers(f->st, f->a, err), *b = a ? numbers(f->st, f->b, err) : NULL;
    double *row = malloc(f->a->shape[1] * sizeof *row);
    f->value = b && row ? numbers(f->st, f->weight, err) : NULL;
    if (b && !row)
        error_set(err, STATUS_FAILED, "%s: out of memory", f->weight->name);
    if (f->value)
        add_product(f, a, b, row);
    free(a);
    free(b);
    free(row);
    return f->value ? 0 : -1;
}

/* A safetensors_fetch: from its beginning to its end, once. */
static int fetch_folded(void *from, size_t offset, size_t bytes, void *to, struct error *err)
{
    struct folded *f = from;
    if (!f->value && fold(f, err))
        return -1;
    memcpy(to, (char *)f->value + offset, bytes);
    if (offset + bytes == f->weight->bytes) {
        free(f->value);
        f->value = NULL;
    }
    return 0;
}

/* The matrix of a layer's adapter; NULL: there is none. */
static const struct safetensor *matrix(const struct safetensors *st, const char *weight,
                                       const char *which)
{
    char name[320];
    snprintf(name, sizeof name, "%.*s%s", (int)adapter_path(weight), weight, which);
    return safetensors_find(st, name);
}

static int is_matrix(const struct safetensor *t)
{
    return t->dtype == DTYPE_F32 && t->rank == 2 && t->shape[0] && t->shape[1];
}

/* Whether the matrices make a product of the weight's shape. */
static int fits(const struct folded *f)
{
    if (!is_matrix(f->weight) || !is_matrix(f->a) || !is_matrix(f->b))
        return 0;
    return f->a->shape[0] == f->b->shape[1] && f->b->shape[0] == f->weight->shape[f->in_out] &&
           f->a->shape[1] == f->weight->shape[!f->in_out];
}

static int nothing(void *to, size_t offset, size_t bytes, const void *piece, struct error *err)
{
    (void)to;
    (void)offset;
    (void)bytes;
    (void)piece;
    (void)err;
    return 0;
}

static int add(struct safetensors *to, const struct safetensor *t, safetensors_fetch *how,
               void *from, size_t at, struct error *err)
{
    return safetensors_add_far(to, t->name, t->dtype, t->rank, t->shape, how, from, at, err);
}

/* Adds the tensors of the model; each is read once before, against its sum. */
static int add_tensors(const struct checkpoint *c, struct safetensors *to, struct folded *folded,
                       size_t *layers, const char *path, struct error *err)
{
    const struct config *config = c->config;
    const double rank = (double)config->adapter.r;
    const double alpha = config->adapter.alpha > 0 ? config->adapter.alpha : rank;
    for (size_t i = 0; i < c->st->count; i++) {
        const struct safetensor *t = &c->st->tensor[i];
        struct folded f = {.st = c->st,
                           .weight = t,
                           .a = matrix(c->st, t->name, ADAPTER_A),
                           .b = matrix(c->st, t->name, ADAPTER_B),
                           .scale = alpha / rank,
                           .in_out = model_in_out(config)};
        if (adapter_owns(t->name) || !strncmp(t->name, "optimizer.", 10) ||
            !strncmp(t->name, "state.", 6))
            continue;
        const int is_weight = t->rank > 1 && f.a && f.b;
        if (is_weight && (t->dtype == DTYPE_U8 || t->dtype == DTYPE_I8))
            return error_set(err, STATUS_INPUT,
                             "%s: %s is quantised (model.quantize), and an adapter cannot be folded "
                             "into it",
                             path, t->name);
        if (is_weight && !fits(&f))
            return error_set(err, STATUS_INPUT, "%s: the adapter of %s does not fit it", path,
                             t->name);
        if (safetensors_each(c->st, t, nothing, NULL, err))
            return -1;
        folded[*layers] = f;
        if (is_weight ? add(to, t, fetch_folded, &folded[*layers], 0, err)
                      : add(to, t, t->fetch, t->from, t->at, err))
            return -1;
        *layers += (size_t)is_weight;
    }
    return 0;
}

/* The configuration of the model without adapter. */
static int forget_adapter(struct config *config, struct error *err)
{
    static const struct {
        const char *key, *value;
    } keys[] = {{"r", "0"}, {"alpha", "0"}, {"dropout", "0"}, {"target", "all"}, {"file", ""}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (config_set(config, "adapter", keys[i].key, keys[i].value, err))
            return -1;
    return 0;
}

/* What the metadata say of the model; the plan and the state of a run are not of this one. */
static int add_meta(const struct checkpoint *c, struct safetensors *to, struct error *err)
{
    char *config = config_text(c->config);
    int failed = config ? safetensors_set(to, "config", config, err)
                        : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < c->st->metas && !failed; i++) {
        const char *key = c->st->meta[i].key;
        if (strcmp(key, "config") != 0 && strcmp(key, "plan") != 0 && strcmp(key, "state") != 0)
            failed = safetensors_set(to, key, c->st->meta[i].value, err);
    }
    free(config);
    return failed;
}

static int write_merged(struct checkpoint *c, const char *from, const char *to, size_t *layers,
                        struct error *err)
{
    struct safetensors *st = safetensors_new();
    struct folded *folded = calloc(c->st->count + 1, sizeof *folded);
    int failed = st && folded ? add_tensors(c, st, folded, layers, from, err)
                              : error_set(err, STATUS_FAILED, "%s: out of memory", to);
    failed = failed || forget_adapter(c->config, err) || add_meta(c, st, err) ||
             safetensors_write(st, to, err);
    for (size_t i = 0; folded && i < *layers; i++)
        free(folded[i].value);
    free(folded);
    safetensors_free(st);
    return failed ? -1 : 0;
}

/* That another file is written than is read, and no folder. */
static int check_files(const char *from, const char *to, struct error *err)
{
    struct stat in, out;
    if (stat(to, &out))
        return 0;
    if (S_ISDIR(out.st_mode))
        return error_set(err, STATUS_USAGE, "-o %s: this is a folder, and merge writes a file", to);
    if (!stat(from, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
        return error_set(err, STATUS_USAGE,
                         "-o %s: this is the checkpoint, which would be overwritten", to);
    return 0;
}

int merge(const char *from, const char *to, size_t *layers, struct error *err)
{
    struct checkpoint c;
    *layers = 0;
    if (check_files(from, to, err) || checkpoint_read(&c, from, NULL, 0, model_check, err))
        return -1;
    int failed = c.config->adapter.r
                     ? write_merged(&c, from, to, layers, err)
                     : error_set(err, STATUS_USAGE, "%s: the model has no adapter", from);
    checkpoint_fini(&c);
    return failed;
}
