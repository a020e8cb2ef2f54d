/* SPDX-License-Identifier: MIT */
#include "task/categories.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analysis/kmeans.h"
#include "tensor/safetensors.h"
#include "util/file.h"

#define CATEGORY_WINDOWS 1000000

uint32_t *categories_spread(const uint32_t *start, size_t count, size_t most, size_t *n)
{
    *n = count < most ? count : most;
    uint32_t *to = malloc((*n + 1) * sizeof *to);
    for (size_t i = 0; to && i < *n; i++)
        to[i] = start[(size_t)((double)i * (double)count / (double)*n)];
    return to;
}

void grouping_fini(struct grouping *g)
{
    free(g->start);
    free(g->latent);
    free(g->category);
    free(g->size);
    free(g->centroid);
}

int categories_write(const struct grouping *g, long epoch, const char *folder, struct error *err)
{
    struct safetensors *st = safetensors_new();
    char *path = file_join(folder, "categories.safetensors"), of[32];
    const uint64_t shape[] = {g->k, g->d};
    snprintf(of, sizeof of, "%ld", epoch);
    int result = -1;
    if (!st || !path)
        error_set(err, STATUS_FAILED, "out of memory");
    else if (!safetensors_add(st, "centroids", DTYPE_F32, 2, shape, g->centroid, err) &&
             !safetensors_add(st, "sizes", DTYPE_U64, 1, shape, g->size, err) &&
             !safetensors_set(st, "format", "pt", err) && !safetensors_set(st, "epoch", of, err))
        result = safetensors_write(st, path, err);
    safetensors_free(st);
    free(path);
    return result;
}

int categories_read(struct categories *c, const char *folder, size_t latent, struct error *err)
{
    memset(c, 0, sizeof *c);
    char *path = file_join(folder, "categories.safetensors");
    if (!path)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct stat status;
    if (lstat(path, &status) && errno == ENOENT) { /* whatever else is wrong is told below */
        free(path);
        return 0;
    }
    struct safetensors *st = safetensors_read(path, err);
    const struct safetensor *t = st ? safetensors_find(st, "centroids") : NULL;
    int result = -1, finite = 1;
    if (st && (!t || t->dtype != DTYPE_F32 || t->rank != 2 || t->shape[1] != latent ||
               !t->shape[0] || t->shape[0] > 1000000))
        error_set(err, STATUS_INPUT, "%s: its centroids do not fit a latent vector of %zu numbers",
                  path, latent);
    else if (st && (c->centroids = malloc(t->bytes))) {
        memcpy(c->centroids, t->data, t->bytes);
        c->k = t->shape[0];
        c->latent = latent;
        for (size_t i = 0; i < c->k * latent; i++)
            finite &= isfinite(c->centroids[i]) != 0;
        result =
            finite ? 0 : error_set(err, STATUS_INPUT, "%s: its centroids are not finite", path);
    } else if (st)
        error_set(err, STATUS_FAILED, "out of memory");
    const char *epoch = st ? safetensors_get(st, "epoch") : NULL;
    c->epoch = epoch ? strtol(epoch, NULL, 10) : 0;
    c->summed = st && st->summed;
    safetensors_free(st);
    free(path);
    return result;
}

void categories_fini(struct categories *c)
{
    free(c->centroids);
    memset(c, 0, sizeof *c);
}

int grouping_init(struct grouping *g, struct engine *e, struct log *log, struct error *err)
{
    const struct dataset *data = e->data;
    const struct config *c = e->config;
    g->d = (size_t)c->model.latent;
    g->k = (size_t)c->cluster.categories;
    g->start = categories_spread(data->start[PART_TRAIN], data->count[PART_TRAIN], CATEGORY_WINDOWS,
                                 &g->n);
    if (g->n < data->count[PART_TRAIN])
        log_say(log, "Categories are made from %zu of %zu training windows, evenly spaced.", g->n,
                data->count[PART_TRAIN]);
    g->latent = malloc(g->n * g->d * sizeof *g->latent);
    g->category = calloc(g->n + 1, sizeof *g->category);
    g->size = calloc(g->k + 1, sizeof *g->size);
    g->centroid = malloc((g->k * g->d + 1) * sizeof *g->centroid);
    if (!g->start || !g->latent || !g->category || !g->size || !g->centroid)
        return error_set(err, STATUS_FAILED, "out of memory");
    struct evaluation ignored;
    if (engine_evaluate(e, g->start, g->n, &(struct outputs){.latent = g->latent}, &ignored, err))
        return -1;
    double inertia = 0;
    if (!g->k)
        return 0;
    return kmeans_fit(e->dev, g->latent, g->n, g->d, &g->k, (uint64_t)c->run.seed,
                      c->cluster.iterations, g->centroid, g->category, g->size, &inertia, log, err);
}
