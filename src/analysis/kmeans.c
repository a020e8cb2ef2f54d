/* SPDX-License-Identifier: MIT */
#include "analysis/kmeans.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/points.h"

enum {
    TILE = 8,        /* centroids, and candidates of the start, that a kernel handles at once */
    PARTS = 256,     /* about as many groups share the start's sums */
    CHUNK = 1 << 16, /* points that kmeans_assign() puts on the device at once */
    COUNT_LIMIT = 1 << 30 /* points and centroids are numbered with an int on the device */
};

/* Points on the device, and what finds their nearest centroids. */
struct assign {
    size_t n, d, k, block, blocks, tiles;
    int lanes;
    char options[96];
    struct buffer *points;    /* [blocks, d, block] */
    struct buffer *centroids; /* [tiles, d, TILE] */
    struct buffer *norm;      /* [tiles * TILE] */
    struct buffer *category;  /* [blocks * block] */
    struct kernel *kernel;
    float *packed_points, *packed_centroids, *packed_norm;
};

static void assign_fini(struct assign *a)
{
    kernel_free(a->kernel);
    buffer_free(a->points);
    buffer_free(a->centroids);
    buffer_free(a->norm);
    buffer_free(a->category);
    free(a->packed_points);
    free(a->packed_centroids);
    free(a->packed_norm);
}

/* Makes room for n points; the caller calls assign_fini() even after a failure. */
static int assign_init(struct assign *a, struct device *dev, size_t n, size_t d, size_t k,
                       struct error *err)
{
    memset(a, 0, sizeof *a);
    if (!n || !d || !k)
        return error_set(err, STATUS_FAILED, "k-means: there are no points");
    if (n >= COUNT_LIMIT || k >= COUNT_LIMIT || d >= COUNT_LIMIT)
        return error_set(err, STATUS_FAILED, "k-means: %zu points are too many", n);
    int vec, vectors = 2;
    points_tuning(dev, &a->lanes, &vec);
    a->n = n;
    a->d = d;
    a->k = k;
    a->block = (size_t)(a->lanes * vec * vectors);
    a->blocks = (n + a->block - 1) / a->block;
    a->tiles = (k + TILE - 1) / TILE;
    snprintf(a->options, sizeof a->options, "-DD=%zu -DLANES=%d -DVEC=%d -DP=%d -DC=%d", d,
             a->lanes, vec, vectors, TILE);

    a->packed_points = malloc(a->blocks * a->block * d * sizeof(float));
    a->packed_centroids = malloc(a->tiles * TILE * d * sizeof(float));
    a->packed_norm = malloc(a->tiles * TILE * sizeof(float));
    if (!a->packed_points || !a->packed_centroids || !a->packed_norm)
        return error_set(err, STATUS_FAILED, "k-means: out of memory");
    size_t points = a->blocks * a->block;
    if (!(a->points = buffer_new(dev, points * d * sizeof(float), "k-means points", err)) ||
        !(a->centroids = buffer_new(dev, a->tiles * TILE * d * sizeof(float), "centroids", err)) ||
        !(a->norm = buffer_new(dev, a->tiles * TILE * sizeof(float), "centroid norms", err)) ||
        !(a->category = buffer_new(dev, points * sizeof(int32_t), "categories", err)) ||
        !(a->kernel = kernel_new(dev, "kmeans.cl", "kmeans_assign", a->options, err)))
        return -1;
    kernel_set_buffer(a->kernel, 0, a->points);
    kernel_set_buffer(a->kernel, 1, a->centroids);
    kernel_set_buffer(a->kernel, 2, a->norm);
    kernel_set_int(a->kernel, 3, (int32_t)a->tiles);
    kernel_set_buffer(a->kernel, 4, a->category);
    return 0;
}

/* Puts n points on the device, n at most that of assign_init(). */
static int assign_points(struct assign *a, const struct points_frame *frame, const float *x,
                         size_t n, struct error *err)
{
    points_pack(frame, x, n, a->d, a->block, a->packed_points);
    a->n = n;
    a->blocks = (n + a->block - 1) / a->block;
    return buffer_write(a->points, 0, a->blocks * a->block * a->d * sizeof(float), a->packed_points,
                        err);
}

/* Puts centroids on the device. */
static int assign_centroids(struct assign *a, const struct points_frame *frame,
                            const float *centroids, struct error *err)
{
    points_pack(frame, centroids, a->k, a->d, TILE, a->packed_centroids);
    for (size_t c = 0; c < a->tiles * TILE; c++) {
        double square = 0;
        for (size_t j = 0; j < a->d; j++) {
            double value = a->packed_centroids[(c / TILE * a->d + j) * TILE + c % TILE];
            square += value * value;
        }
        a->packed_norm[c] = c < a->k ? (float)(square / 2) : FLT_MAX;
    }
    size_t count = a->tiles * TILE;
    if (buffer_write(a->centroids, 0, count * a->d * sizeof(float), a->packed_centroids, err))
        return -1;
    return buffer_write(a->norm, 0, count * sizeof(float), a->packed_norm, err);
}

static int assign_run(struct assign *a, uint32_t *category, struct error *err)
{
    if (kernel_enqueue(a->kernel, a->blocks, (size_t)a->lanes, err))
        return -1;
    return buffer_read(a->category, 0, a->n * sizeof *category, category, err);
}

int kmeans_assign(struct device *dev, const float *x, size_t n, size_t d, const float *centroids,
                  size_t k, uint32_t *category, struct error *err)
{
    if (!n)
        return 0;
    struct assign a;
    struct points_frame frame = {0};
    int result = -1;
    if (assign_init(&a, dev, n < CHUNK ? n : CHUNK, d, k, err) ||
        points_frame_init(&frame, centroids, k, d, "k-means: centroids", err) ||
        assign_centroids(&a, &frame, centroids, err))
        goto out;
    for (size_t first = 0; first < n; first += CHUNK) {
        size_t count = n - first < CHUNK ? n - first : CHUNK;
        if (assign_points(&a, &frame, x + first * d, count, err) ||
            assign_run(&a, category + first, err))
            goto out;
    }
    result = 0;
out:
    points_frame_fini(&frame);
    assign_fini(&a);
    return result;
}

/* |a - b|^2 of vectors of d numbers. */
static double distance2(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double difference = (double)a[j] - (double)b[j];
        sum += difference * difference;
    }
    return sum;
}

/* What the greedy k-means++ start keeps on the device. */
struct start {
    struct kernel *near, *pick;
    struct buffer *nearest[2]; /* [TILE, points], of this step and the one before */
    struct buffer *partial;    /* [TILE, groups] */
    struct buffer *uniform;    /* [k, TILE] */
    struct buffer *state;      /* [1 + TILE] */
    struct buffer *taken;      /* [k] */
    struct buffer *candidate;  /* [d, TILE] */
    float *host;               /* scratch for what is sent */
};

static void start_fini(struct start *s)
{
    kernel_free(s->near);
    kernel_free(s->pick);
    buffer_free(s->nearest[0]);
    buffer_free(s->nearest[1]);
    buffer_free(s->partial);
    buffer_free(s->uniform);
    buffer_free(s->state);
    buffer_free(s->taken);
    buffer_free(s->candidate);
    free(s->host);
}

/* Sends what the first step starts from: all points infinitely far, one random first centroid. */
static int start_send(struct start *s, const struct assign *a, uint64_t seed, struct error *err)
{
    size_t points = a->blocks * a->block;
    for (size_t i = 0; i < points; i++)
        s->host[i] = i < a->n ? FLT_MAX : 0;
    if (buffer_write(s->nearest[1], 0, points * sizeof(float), s->host, err))
        return -1;
    for (size_t i = 0; i < a->k * TILE; i++)
        s->host[i] = (float)points_uniform(seed, i + 1);
    if (buffer_write(s->uniform, 0, a->k * TILE * sizeof(float), s->host, err))
        return -1;

    size_t first = (size_t)(points_uniform(seed, 0) * (double)a->n);
    int32_t state[1 + TILE] = {0};
    for (size_t c = 0; c < TILE; c++) {
        state[1 + c] = (int32_t)first;
        for (size_t j = 0; j < a->d; j++)
            s->host[j * TILE + c] =
                a->packed_points[(first / a->block * a->d + j) * a->block + first % a->block];
    }
    if (buffer_write(s->state, 0, sizeof state, state, err))
        return -1;
    return buffer_write(s->candidate, 0, a->d * TILE * sizeof(float), s->host, err);
}

static int start_init(struct start *s, struct device *dev, const struct assign *a, size_t span,
                      size_t groups, struct error *err)
{
    memset(s, 0, sizeof *s);
    size_t points = a->blocks * a->block;
    size_t most = points > a->k * TILE ? points : a->k * TILE;
    s->host = malloc((most > a->d * TILE ? most : a->d * TILE) * sizeof(float));
    if (!s->host)
        return error_set(err, STATUS_FAILED, "k-means: out of memory");
    for (int i = 0; i < 2; i++)
        if (!(s->nearest[i] = buffer_new(dev, TILE * points * sizeof(float), "k-means++", err)))
            return -1;
    if (!(s->partial = buffer_new(dev, TILE * groups * sizeof(float), "k-means++", err)) ||
        !(s->uniform = buffer_new(dev, TILE * a->k * sizeof(float), "k-means++", err)) ||
        !(s->state = buffer_new(dev, (1 + TILE) * sizeof(int32_t), "k-means++", err)) ||
        !(s->taken = buffer_new(dev, a->k * sizeof(int32_t), "k-means++", err)) ||
        !(s->candidate = buffer_new(dev, TILE * a->d * sizeof(float), "k-means++", err)) ||
        !(s->near = kernel_new(dev, "kmeans.cl", "kmeans_near", a->options, err)) ||
        !(s->pick = kernel_new(dev, "kmeans.cl", "kmeans_pick", a->options, err)))
        return -1;
    kernel_set_buffer(s->near, 0, a->points);
    kernel_set_buffer(s->near, 1, s->candidate);
    kernel_set_buffer(s->near, 3, s->state);
    kernel_set_int(s->near, 4, (int32_t)a->blocks);
    kernel_set_int(s->near, 5, (int32_t)span);
    kernel_set_buffer(s->near, 7, s->partial);
    kernel_set_buffer(s->pick, 0, a->points);
    kernel_set_buffer(s->pick, 2, s->partial);
    kernel_set_buffer(s->pick, 3, s->uniform);
    kernel_set_int(s->pick, 5, (int32_t)a->blocks);
    kernel_set_int(s->pick, 6, (int32_t)span);
    kernel_set_int(s->pick, 7, (int32_t)groups);
    kernel_set_buffer(s->pick, 8, s->state);
    kernel_set_buffer(s->pick, 9, s->taken);
    kernel_set_buffer(s->pick, 10, s->candidate);
    return 0;
}

/* Chooses a->k of the points; fills taken [a->k], and k with how many differ from all before. */
static int start_run(struct device *dev, const struct assign *a, uint64_t seed, int32_t *taken,
                     size_t *k, struct log *log, struct error *err)
{
    size_t span = (a->blocks + PARTS - 1) / PARTS;
    size_t groups = (a->blocks + span - 1) / span;
    struct start s;
    int result = -1;
    if (start_init(&s, dev, a, span, groups, err) || start_send(&s, a, seed, err))
        goto out;
    for (size_t step = 0; step < a->k; step++) {
        kernel_set_buffer(s.near, 2, s.nearest[(step + 1) % 2]);
        kernel_set_buffer(s.near, 6, s.nearest[step % 2]);
        kernel_set_buffer(s.pick, 1, s.nearest[step % 2]);
        kernel_set_int(s.pick, 4, (int32_t)step);
        if (kernel_enqueue(s.near, groups, (size_t)a->lanes, err) ||
            kernel_enqueue(s.pick, 1, TILE, err))
            goto out;
        if (step % 32 == 31) {
            if (device_pace(dev, 2, err))
                goto out;
            log_progress(log, "k-means++", step + 1, a->k);
        }
    }
    if (buffer_read(s.taken, 0, a->k * sizeof *taken, taken, err))
        goto out;
    for (*k = 0; *k < a->k && taken[*k] >= 0; ++*k)
        ;
    result = 0;
out:
    log_progress(log, "k-means++", 0, 0);
    start_fini(&s);
    return result;
}

struct far {
    double distance;
    size_t point;
};

/* Descending distance, then ascending point. */
static int compare_far(const void *a, const void *b)
{
    const struct far *p = a, *q = b;
    if (p->distance != q->distance)
        return p->distance > q->distance ? -1 : 1;
    return p->point < q->point ? -1 : p->point > q->point;
}

/*
 * Gives each empty category the point that lies farthest from its centroid, leaving no other
 * category empty. Categories stay empty where no point is left that lies off its centroid.
 */
static int fill_empty(const float *x, size_t n, size_t d, size_t k, const float *centroids,
                      uint32_t *category, uint64_t *size, struct error *err)
{
    struct far *far = NULL;
    size_t next = 0;
    for (size_t c = 0; c < k; c++) {
        if (size[c])
            continue;
        if (!far) {
            far = malloc(n * sizeof *far);
            if (!far)
                return error_set(err, STATUS_FAILED, "k-means: out of memory");
            for (size_t i = 0; i < n; i++)
                far[i] = (struct far){distance2(x + i * d, centroids + category[i] * d, d), i};
            qsort(far, n, sizeof *far, compare_far);
        }
        while (next < n && size[category[far[next].point]] < 2)
            next++;
        if (next == n || far[next].distance <= 0)
            break;
        size[category[far[next].point]]--;
        category[far[next++].point] = (uint32_t)c;
        size[c]++;
    }
    free(far);
    return 0;
}

/* sum[c] +-= x_i for each point that went from the category `old` to another. */
static uint64_t move_points(const float *x, size_t n, size_t d, const uint32_t *old,
                            const uint32_t *category, double *sum)
{
    uint64_t moved = 0;
    for (size_t i = 0; i < n; i++) {
        if (old[i] == category[i])
            continue;
        moved++;
        double *to = sum + category[i] * d;
        for (size_t j = 0; j < d; j++)
            to[j] += x[i * d + j];
        if (old[i] == UINT32_MAX)
            continue;
        double *from = sum + old[i] * d;
        for (size_t j = 0; j < d; j++)
            from[j] -= x[i * d + j];
    }
    return moved;
}

/* Lloyd's iterations from centroids [k, d]; old [n] and sum [k, d] are scratch. */
static int lloyd(struct device *dev, struct assign *a, const struct points_frame *frame,
                 const float *x, long iterations, float *centroids, uint32_t *category,
                 uint32_t *old, double *sum, uint64_t *size, struct log *log, struct error *err)
{
    size_t n = a->n, d = a->d, k = a->k;
    memset(old, 0xff, n * sizeof *old);
    memset(sum, 0, k * d * sizeof *sum);
    long iteration = 0;
    uint64_t moved = n;
    while (moved && iteration < iterations) {
        if (device_stopped(dev))
            return 1;
        if (assign_centroids(a, frame, centroids, err) || assign_run(a, category, err))
            return -1;
        memset(size, 0, k * sizeof *size);
        for (size_t i = 0; i < n; i++)
            size[category[i]]++;
        if (fill_empty(x, n, d, k, centroids, category, size, err))
            return -1;
        moved = move_points(x, n, d, old, category, sum);
        memcpy(old, category, n * sizeof *old);
        for (size_t c = 0; c < k; c++)
            for (size_t j = 0; j < d && size[c]; j++)
                centroids[c * d + j] = (float)(sum[c * d + j] / (double)size[c]);
        log_progress(log, "k-means", (uint64_t)++iteration, (uint64_t)iterations);
    }
    log_progress(log, "k-means", 0, 0);
    log_detail(log, "k-means: %ld iterations, %llu of %zu points moved in the last", iteration,
               (unsigned long long)moved, n);
    return 0;
}

int kmeans_fit(struct device *dev, const float *x, size_t n, size_t d, size_t *k, uint64_t seed,
               long iterations, float *centroids, uint32_t *category, uint64_t *size,
               double *inertia, struct log *log, struct error *err)
{
    size_t wanted = *k;
    *k = wanted < n ? wanted : n;
    struct assign a;
    struct points_frame frame = {0};
    int32_t *taken = malloc((*k + 1) * sizeof *taken);
    uint32_t *old = malloc((n + 1) * sizeof *old);
    double *sum = malloc((*k * d + 1) * sizeof *sum);
    int result = assign_init(&a, dev, n, d, *k, err);
    if (!result && (!taken || !old || !sum))
        result = error_set(err, STATUS_FAILED, "k-means: out of memory");
    if (result || (result = points_frame_init(&frame, x, n, d, "k-means", err)) ||
        (result = assign_points(&a, &frame, x, n, err)) ||
        (result = start_run(dev, &a, seed, taken, k, log, err)))
        goto out;
    a.k = *k;
    a.tiles = (*k + TILE - 1) / TILE; /* what lies behind was never written */
    kernel_set_int(a.kernel, 3, (int32_t)a.tiles);
    if (*k < wanted)
        log_say(log, "k-means: %zu categories instead of %zu: there are no more different points",
                *k, wanted);
    for (size_t c = 0; c < *k; c++)
        memcpy(centroids + c * d, x + (size_t)taken[c] * d, d * sizeof *centroids);
    result = lloyd(dev, &a, &frame, x, iterations, centroids, category, old, sum, size, log, err);
    if (result)
        goto out;

    /* what kmeans_assign() will say of these points, to the bit */
    result = kmeans_assign(dev, x, n, d, centroids, *k, category, err);
    memset(size, 0, *k * sizeof *size);
    *inertia = 0;
    for (size_t i = 0; i < n && !result; i++) {
        size[category[i]]++;
        *inertia += distance2(x + i * d, centroids + category[i] * d, d);
    }
out:
    points_frame_fini(&frame);
    free(taken);
    free(old);
    free(sum);
    assign_fini(&a);
    return result;
}
