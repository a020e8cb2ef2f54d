/* SPDX-License-Identifier: MIT */
/* The pictures of an autoencoder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/kmeans.h"
#include "analysis/tsne.h"
#include "task/label.h"
#include "task/picture.h"
#include "task/reconstruct.h"

#define HELD_OUT 5

static int reconstructs(const struct picture_of *of)
{
    return reconstruct_of(of->result) != NULL;
}

static int has_categories(const struct picture_of *of)
{
    return reconstructs(of) && reconstruct_of(of->result)->grouping.k;
}

static const char *const part_names[PARTS] = {"training part", "validation part", "test part"};

/* Five windows of a part, evenly spaced, beside their reconstructions. */
static int windows_draw(const struct picture_of *of, const char *path, struct error *err)
{
    struct engine *e = of->result->e;
    const struct grouping *g = &reconstruct_of(of->result)->grouping;
    const struct dataset *data = e->data;
    size_t n, elems = data->window * data->features;
    uint32_t *start = categories_spread(data->start[of->part], data->count[of->part], HELD_OUT, &n);
    float *x = malloc((n * elems + 1) * sizeof *x), *y = malloc((n * elems + 1) * sizeof *y);
    float *z = malloc((n * g->d + 1) * sizeof *z);
    uint32_t category[HELD_OUT] = {0};
    char titles[HELD_OUT][96], *title[HELD_OUT];
    struct evaluation ignored;
    int failed = 0;
    if (!start || !x || !y || !z)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    if (!failed)
        failed = engine_evaluate(
            e, start, n, &(struct outputs){.input = x, .output = y, .latent = z}, &ignored, err);
    if (!failed && g->k)
        failed = kmeans_assign(e->dev, z, n, g->d, g->centroid, g->k, category, err);
    for (size_t i = 0; !failed && i < n; i++) {
        char at[64];
        label_row(at, sizeof at, data, start[i]);
        if (g->k)
            snprintf(titles[i], sizeof titles[i], "%s, category %u", at, category[i]);
        else
            snprintf(titles[i], sizeof titles[i], "%s", at);
        title[i] = titles[i];
    }
    if (!failed)
        failed = plot_reconstruction_quality(
            path, &of->about,
            &(struct plot_reconstruction){n, data->window, data->features, x, y, data->names, title,
                                          part_names[of->part]},
            err);
    free(start);
    free(x);
    free(y);
    free(z);
    return failed ? -1 : 0;
}

static int map_draw(const struct picture_of *of, const char *path, struct error *err)
{
    struct engine *e = of->result->e;
    const struct grouping *g = &reconstruct_of(of->result)->grouping;
    struct log *log = of->to->log;
    const struct config *c = e->config;
    size_t most = (size_t)c->plots.tsne_points, n = g->n < most ? g->n : most;
    float *x = malloc((n * g->d + 1) * sizeof *x), *xy = malloc((2 * n + 1) * sizeof *xy);
    uint32_t *category = malloc((n + 1) * sizeof *category);
    double kl = 0;
    int failed = 0;
    if (!x || !xy || !category)
        failed = error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; !failed && i < n; i++) {
        size_t from = (size_t)((double)i * (double)g->n / (double)n);
        memcpy(x + i * g->d, g->latent + from * g->d, g->d * sizeof *x);
        category[i] = g->category[from];
    }
    if (!failed)
        failed = tsne_fit(e->dev, x, n, g->d, c->plots.tsne_perplexity, c->plots.tsne_iterations,
                          (uint64_t)c->run.seed, xy, &kl, log, err);
    if (!failed)
        failed = plot_latent_space_tsne(path, &of->about,
                                        &(struct plot_map){n, xy, g->k ? category : NULL, g->k, kl,
                                                           c->plots.tsne_perplexity, g->n,
                                                           "training part"},
                                        err);
    if (!failed)
        log_event(log, "map",
                  json_pack("{s:I, s:f}", "points", (json_int_t)n, "kl_divergence", kl));
    free(x);
    free(xy);
    free(category);
    return failed;
}

static int categories_draw(const struct picture_of *of, const char *path, struct error *err)
{
    const struct grouping *g = &reconstruct_of(of->result)->grouping;
    return plot_category_distribution(
        path, &of->about, &(struct plot_categories){g->k, g->size, "training part"}, err);
}

const struct picture picture_reconstruction_quality = {reconstructs, windows_draw};
const struct picture picture_latent_space_tsne = {reconstructs, map_draw};
const struct picture picture_category_distribution = {has_categories, categories_draw};
