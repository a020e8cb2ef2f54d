/* SPDX-License-Identifier: MIT */
#include "device/gemm/tuning.h"

#include <stdlib.h>
#include <string.h>

#include "device/gemm/provider.h"
#include "device/opencl.h"
#include "util/file.h"
#include "util/now.h"

struct entry {
    struct gemm_shape shape;
    int add;
    struct tuning_choice choice;
};

struct tuning {
    struct entry *entry;
    size_t count;
    int changed;
};

#define TUNING_LIMIT ((size_t)1 << 20)

/* One line an entry: m n k transposed_a transposed_b add type_a type_b type_c provider tiles. */
static int parse(const char *line, struct entry *e)
{
    char type[3][16], name[16];
    int end = 0;
    *e = (struct entry){0};
    if (sscanf(line, "%zu %zu %zu %d %d %d %15s %15s %15s %15s %zu%n", &e->shape.m, &e->shape.n,
               &e->shape.k, &e->shape.trans_a, &e->shape.trans_b, &e->add, type[0], type[1],
               type[2], name, &e->choice.tiles, &end) != 11 ||
        line[end] != '\n')
        return -1;
    for (int i = 0; i < 3; i++)
        if ((e->shape.type[i] = dtype_of(type[i])) == DTYPES)
            return -1;
    e->choice.provider = gemm_provider_find(name);
    return e->choice.provider && e->choice.provider->tilings && e->choice.tiles <= GEMM_MAX_TILES
               ? 0
               : -1;
}

static int remember(struct tuning *t, const struct entry *e)
{
    struct entry *more = realloc(t->entry, (t->count + 1) * sizeof *more);
    if (!more)
        return -1;
    t->entry = more;
    t->entry[t->count++] = *e;
    return 0;
}

char *tuning_path(const struct device *dev)
{
    return program_cache_path(dev, "tuning", gemm_provider_name(dev, gemm_provider_for(dev, NULL)));
}

struct tuning *tuning_open(const struct device *dev)
{
    struct tuning *t = calloc(1, sizeof *t);
    char *path = tuning_path(dev), *text = NULL;
    struct error ignored;
    if (t && path)
        text = file_read(path, TUNING_LIMIT, NULL, &ignored);
    for (char *line = text, *next; line && *line; line = next) {
        struct entry e;
        next = strchr(line, '\n');
        next = next ? next + 1 : line + strlen(line);
        if (!parse(line, &e) && remember(t, &e))
            break;
    }
    free(text);
    free(path);
    return t;
}

size_t tuning_count(const struct tuning *t)
{
    return t->count;
}

void tuning_free(struct tuning *t)
{
    if (t)
        free(t->entry);
    free(t);
}

void tuning_save(struct tuning *t, const struct device *dev)
{
    if (!t || !t->changed)
        return;
    struct error ignored;
    char *path = tuning_path(dev);
    struct file_draft *draft = path ? file_begin(path, &ignored) : NULL;
    for (size_t i = 0; draft && i < t->count; i++) {
        const struct entry *e = &t->entry[i];
        fprintf(draft->stream, "%zu %zu %zu %d %d %d %s %s %s %s %zu\n", e->shape.m, e->shape.n,
                e->shape.k, e->shape.trans_a, e->shape.trans_b, e->add,
                dtype_name(e->shape.type[0]), dtype_name(e->shape.type[1]),
                dtype_name(e->shape.type[2]), e->choice.provider->name, e->choice.tiles);
    }
    if (draft && !file_commit(draft, &ignored))
        t->changed = 0;
    free(path);
}

/* Best time of some runs, or -1 where this way does not work here. A want of memory is no reason to
 * take another way: then *failed is set. */
static double seconds_of(struct device *dev, const struct entry *e, struct buffer *const matrix[4],
                         int *failed, struct error *err)
{
    struct error ignored;
    struct gemm *gemm =
        gemm_new_as(dev, e->choice.provider, e->choice.tiles, e->shape, matrix, e->add, NULL, err);
    double best = -1;
    *failed = !gemm && err->status == STATUS_FAILED;
    for (int run = 0; gemm && run < 6; run++) {
        double from = now();
        if (gemm_enqueue(gemm, &ignored) || device_finish(dev, &ignored)) {
            best = -1;
            break;
        }
        double took = now() - from;
        if (run && (best < 0 || took < best)) /* the first compiles and warms up */
            best = took;
    }
    gemm_free(gemm);
    return best;
}

/* Times a provider's ways to make the product of `best`, and keeps the fastest there. */
static int try_provider(struct device *dev, const struct gemm_provider *provider,
                        struct buffer *const matrix[4], struct entry *best, double *fastest,
                        struct error *err)
{
    struct entry e = *best;
    for (size_t i = 0; i < provider->tilings; i++) {
        e.choice = (struct tuning_choice){provider, provider->tiling[i]};
        int failed;
        double took = seconds_of(dev, &e, matrix, &failed, err);
        if (failed)
            return -1;
        if (took >= 0 && (*fastest < 0 || took < *fastest)) {
            *fastest = took;
            *best = e;
        }
    }
    return 0;
}

/* The provider of a choice, where only one was a candidate. */
static const struct gemm_provider *only(const struct gemm_provider *provider)
{
    return provider && provider->rounds ? provider : NULL;
}

static const struct entry *recall(const struct tuning *t, const struct gemm_shape *shape, int add,
                                  const struct gemm_provider *wish)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct entry *e = &t->entry[i];
        if (e->add == add && only(e->choice.provider) == wish &&
            !memcmp(&e->shape, shape, sizeof *shape))
            return e;
    }
    return NULL;
}

int tuning_gemm(struct device *dev, const struct gemm_provider *wish, struct gemm_shape shape,
                struct buffer *const matrix[4], int add, struct tuning_choice *choice,
                struct error *err)
{
    struct tuning *t = dev->tuning;
    const struct entry *known = recall(t, &shape, add, wish);
    if (known) {
        *choice = known->choice;
        return 0;
    }
    struct entry best = {.shape = shape, .add = add};
    double fastest = -1;
    int served = 0;
    for (size_t i = 0; i < gemm_provider_count; i++) {
        const struct gemm_provider *provider = gemm_providers[i];
        if ((served && provider->is_dear) || only(provider) != wish)
            continue;
        if (try_provider(dev, provider, matrix, &best, &fastest, err))
            return -1;
        served |= provider->serves && provider->serves(dev);
    }
    if (fastest < 0)
        return error_set(err, STATUS_DEVICE, "no provider can multiply %zux%zux%zu here", shape.m,
                         shape.n, shape.k);
    if (remember(t, &best))
        return error_set(err, STATUS_FAILED, "out of memory");
    t->changed = 1;
    *choice = best.choice;
    return 0;
}
