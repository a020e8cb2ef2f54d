/* SPDX-License-Identifier: MIT */
#include "analysis/kmeans.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/points.h"
#include "analysis/work.h"

enum {
    TILE = 8,        /* centroids, and candidates of the start, that a kernel handles at once */
    PARTS = 256,     /* about as many groups share the start's sums */
    CHUNK = 1 << 16, /* points that kmeans_assign() puts on the device at once */
    PICK_STEP = 4,   /* argument of kmeans_pick */
    COUNT_LIMIT = 1 << 30 /* points and centroids are numbered with an int on the device */
};

/* Points on the device: room for as many as it was made for. */
struct set {
    size_t n, d, block, blocks; /* points that are there; blocks that there is room for */
    int lanes;
    char options[96];
    struct buffer *points; /* [blocks, d, block] */
    float *packed;
};

static void set_fini(struct set *s)
{
    buffer_free(s->points);
    free(s->packed);
}

/* Makes room for n points, of which there will be k centroids; the caller calls set_fini() even
 * after a failure. */
static int set_init(struct set *s, struct device *dev, size_t n, size_t d, size_t k,
                    struct error *err)
{
    memset(s, 0, sizeof *s);
    if (!n || !d || !k)
        return error_set(err, STATUS_FAILED, "k-means: there are no points");
    if (n >= COUNT_LIMIT || k >= COUNT_LIMIT || d >= COUNT_LIMIT)
        return error_set(err, STATUS_FAILED, "k-means: %zu points are too many", n);
    int vec, vectors = 2;
    points_tuning(dev, &s->lanes, &vec);
    s->d = d;
    s->block = (size_t)(s->lanes * vec * vectors);
    s->blocks = (n + s->block - 1) / s->block;
    snprintf(s->options, sizeof s->options, "-DD=%zu -DLANES=%d -DVEC=%d -DP=%d -DC=%d", d,
             s->lanes, vec, vectors, TILE);
    size_t bytes = s->blocks * s->block * d * sizeof(float);
    if (!(s->packed = malloc(bytes)))
        return error_set(err, STATUS_FAILED, "k-means: out of memory");
    return (s->points = buffer_new(dev, bytes, "k-means points", err)) ? 0 : -1;
}

/* Puts n points there, in the place of those that were; n at most that of set_init(). */
static int set_send(struct set *s, const struct points_frame *frame, const float *x, size_t n,
                    struct error *err)
{
    points_pack(frame, x, n, s->d, s->block, s->packed);
    s->n = n;
    size_t blocks = (n + s->block - 1) / s->block;
    return buffer_write(s->points, 0, blocks * s->block * s->d * sizeof(float), s->packed, err);
}

/* What finds the nearest centroids of a set's points. */
struct assign {
    const struct set *set;
    size_t k, tiles;
    struct plan *work;
    struct tensor *centroids; /* [tiles, d, TILE] */
    struct tensor *norm;      /* [tiles * TILE] */
    struct tensor *category;  /* [blocks * block] */
    float *packed, *packed_norm;
};

static void assign_fini(struct assign *a)
{
    work_free(a->work);
    free(a->packed);
    free(a->packed_norm);
}

/* The caller calls assign_fini() even after a failure. */
static int assign_init(struct assign *a, struct device *dev, const struct set *set, size_t k,
                       struct error *err)
{
    const size_t tiles = (k + TILE - 1) / TILE, points = set->blocks * set->block;
    *a = (struct assign){.set = set, .k = k, .tiles = tiles};
    a->packed = malloc(tiles * TILE * set->d * sizeof(float));
    a->packed_norm = malloc(tiles * TILE * sizeof(float));
    if (!a->packed || !a->packed_norm)
        return error_set(err, STATUS_FAILED, "k-means: out of memory");
    struct plan *g = a->work = work_new(dev, "k-means", err);
    if (!g)
        return -1;
    a->centroids = plan_state(g, "centroids", tiles * TILE * set->d);
    a->norm = plan_state(g, "centroid norms", tiles * TILE);
    a->category = plan_state(g, "categories", points);
    struct launch *l = plan_kernel(g, "kmeans.cl", "kmeans_assign", set->blocks, (size_t)set->lanes,
                                   "%s", set->options);
    launch_read(l, plan_borrow(g, "k-means points", set->points));
    launch_read(l, a->centroids);
    launch_read(l, a->norm);
    launch_int(l, tiles);
    launch_write(l, a->category);
    launch_cost(l, 2.0 * (double)points * (double)(tiles * TILE) * (double)set->d, "k-means");
    return work_prepare(g, err);
}

/* Puts centroids on the device. */
static int assign_centroids(struct assign *a, const struct points_frame *frame,
                            const float *centroids, struct error *err)
{
    const size_t count = a->tiles * TILE, d = a->set->d;
    points_pack(frame, centroids, a->k, d, TILE, a->packed);
    for (size_t c = 0; c < count; c++) {
        double square = 0;
        for (size_t j = 0; j < d; j++) {
            double value = a->packed[(c / TILE * d + j) * TILE + c % TILE];
            square += value * value;
        }
        a->packed_norm[c] = c < a->k ? (float)(square / 2) : FLT_MAX;
    }
    if (work_write(a->centroids, count * d * sizeof(float), a->packed, err))
        return -1;
    return work_write(a->norm, count * sizeof(float), a->packed_norm, err);
}

static int assign_run(struct assign *a, uint32_t *category, struct error *err)
{
    if (work_run(a->work, 0, 1, err))
        return -1;
    return work_read(a->category, a->set->n * sizeof *category, category, err);
}

int kmeans_assign(struct device *dev, const float *x, size_t n, size_t d, const float *centroids,
                  size_t k, uint32_t *category, struct error *err)
{
    if (!n)
        return 0;
    /* as many at once as there is room for, and in each turn about as many as in the others */
    const size_t turns = (n + CHUNK - 1) / CHUNK, chunk = (n + turns - 1) / turns;
    struct set set;
    struct assign a = {0};
    struct points_frame frame = {0};
    int result = -1;
    if (set_init(&set, dev, chunk, d, k, err) || assign_init(&a, dev, &set, k, err) ||
        points_frame_init(&frame, centroids, k, d, "k-means: centroids", err) ||
        assign_centroids(&a, &frame, centroids, err))
        goto out;
    for (size_t first = 0; first < n; first += chunk) {
        size_t count = n - first < chunk ? n - first : chunk;
        if (set_send(&set, &frame, x + first * d, count, err) ||
            assign_run(&a, category + first, err))
            goto out;
    }
    result = 0;
out:
    points_frame_fini(&frame);
    assign_fini(&a);
    set_fini(&set);
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

/* The greedy k-means++ start. Its work has the launches of two steps, which take turns. */
struct start {
    const struct set *set;
    size_t k;
    struct plan *work;
    struct launch *pick[2];
    struct tensor *nearest[2]; /* [TILE, points], of this step and the one before */
    struct tensor *uniform;    /* [k, TILE] */
    struct tensor *state;      /* [1 + TILE], see kmeans.cl */
    struct tensor *taken;      /* [k] */
    struct tensor *candidate;  /* [d, TILE] */
    float *host;               /* scratch for what is sent */
};

static void start_fini(struct start *s)
{
    work_free(s->work);
    free(s->host);
}

/* Sends what the first step starts from: all points infinitely far, one random first centroid. */
static int start_send(struct start *s, uint64_t seed, struct error *err)
{
    const struct set *set = s->set;
    size_t points = set->blocks * set->block;
    for (size_t i = 0; i < points; i++)
        s->host[i] = i < set->n ? FLT_MAX : 0;
    if (work_write(s->nearest[1], points * sizeof(float), s->host, err))
        return -1;
    for (size_t i = 0; i < s->k * TILE; i++)
        s->host[i] = (float)points_uniform(seed, i + 1);
    if (work_write(s->uniform, s->k * TILE * sizeof(float), s->host, err))
        return -1;

    size_t first = (size_t)(points_uniform(seed, 0) * (double)set->n);
    int32_t state[1 + TILE] = {0};
    for (size_t c = 0; c < TILE; c++) {
        state[1 + c] = (int32_t)first;
        for (size_t j = 0; j < set->d; j++)
            s->host[j * TILE + c] =
                set->packed[(first / set->block * set->d + j) * set->block + first % set->block];
    }
    if (work_write(s->state, sizeof state, state, err))
        return -1;
    return work_write(s->candidate, set->d * TILE * sizeof(float), s->host, err);
}

/* Appends a step that leaves its distances in nearest[turn]. */
static void start_step(struct start *s, int turn, struct tensor *points, size_t span, size_t groups)
{
    const struct set *set = s->set;
    struct plan *g = s->work;
    const size_t count = set->blocks * set->block;
    struct tensor *partial = plan_tensor2(g, "k-means++ sums", TILE, groups);
    struct launch *l =
        plan_kernel(g, "kmeans.cl", "kmeans_near", groups, (size_t)set->lanes, "%s", set->options);
    launch_read(l, points);
    launch_read(l, s->candidate);
    launch_read(l, s->nearest[1 - turn]);
    launch_read(l, s->state);
    launch_int(l, set->blocks);
    launch_int(l, span);
    launch_write(l, s->nearest[turn]);
    launch_write(l, partial);
    launch_cost(l, (3.0 * (double)set->d + 2) * TILE * (double)count, "k-means++");
    l->bytes -= (TILE - 1) * (double)count * sizeof(float); /* it reads one row of the nearest */

    l = s->pick[turn] = plan_kernel(g, "kmeans.cl", "kmeans_pick", 1, TILE, "%s", set->options);
    launch_read(l, points);
    launch_read(l, s->nearest[turn]);
    launch_read(l, partial);
    launch_read(l, s->uniform);
    launch_int(l, 0); /* the step, see start_run() */
    launch_int(l, set->blocks);
    launch_int(l, span);
    launch_int(l, groups);
    launch_update(l, s->state);
    launch_update(l, s->taken);
    launch_update(l, s->candidate);
    launch_cost(l, 2.0 * TILE * (double)(groups + span * set->block), "k-means++");
    l->bytes = (double)(groups + span * set->block + 2 * set->d) * TILE * sizeof(float);
}

/* The caller calls start_fini() even after a failure. */
static int start_init(struct start *s, struct device *dev, const struct set *set, size_t k,
                      struct error *err)
{
    *s = (struct start){.set = set, .k = k};
    const size_t points = set->blocks * set->block, d = set->d;
    const size_t span = (set->blocks + PARTS - 1) / PARTS;
    const size_t most = points > k * TILE ? points : k * TILE;
    s->host = malloc((most > d * TILE ? most : d * TILE) * sizeof(float));
    if (!s->host)
        return error_set(err, STATUS_FAILED, "k-means: out of memory");
    struct plan *g = s->work = work_new(dev, "k-means", err);
    if (!g)
        return -1;
    struct tensor *there = plan_borrow(g, "k-means points", set->points);
    for (int i = 0; i < 2; i++)
        s->nearest[i] = plan_state(g, "k-means++ distances", TILE * points);
    s->uniform = plan_state(g, "k-means++ shares", TILE * k);
    s->state = plan_state(g, "k-means++ state", 1 + TILE);
    s->taken = plan_state(g, "k-means++ points", k);
    s->candidate = plan_state(g, "k-means++ candidates", TILE * d);
    for (int turn = 0; turn < 2; turn++)
        start_step(s, turn, there, span, (set->blocks + span - 1) / span);
    return work_prepare(g, err);
}

/* Chooses k of the points; fills taken [k], and *found with how many differ from all before. */
static int start_run(struct device *dev, const struct set *set, size_t k, uint64_t seed,
                     int32_t *taken, size_t *found, struct log *log, struct error *err)
{
    struct start s;
    int result = -1;
    if (start_init(&s, dev, set, k, err) || start_send(&s, seed, err))
        goto out;
    for (size_t step = 0; step < k; step++) {
        const size_t turn = step % 2, first = 2 * turn;
        work_set_int(s.pick[turn], PICK_STEP, step);
        if (work_run(s.work, first, first + 2, err))
            goto out;
        if (step % 32 == 31) {
            if (device_pace(dev, 2, err))
                goto out;
            log_progress(log, "k-means++", step + 1, k);
        }
    }
    if (work_read(s.taken, k * sizeof *taken, taken, err))
        goto out;
    for (*found = 0; *found < k && taken[*found] >= 0; ++*found)
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
    size_t n = a->set->n, d = a->set->d, k = a->k;
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
    struct set set;
    struct assign a = {0};
    struct points_frame frame = {0};
    int32_t *taken = malloc((*k + 1) * sizeof *taken);
    uint32_t *old = malloc((n + 1) * sizeof *old);
    double *sum = malloc((*k * d + 1) * sizeof *sum);
    int result = set_init(&set, dev, n, d, *k, err);
    if (!result && (!taken || !old || !sum))
        result = error_set(err, STATUS_FAILED, "k-means: out of memory");
    if (result || (result = points_frame_init(&frame, x, n, d, "k-means", err)) ||
        (result = set_send(&set, &frame, x, n, err)) ||
        (result = start_run(dev, &set, *k, seed, taken, k, log, err)) ||
        (result = assign_init(&a, dev, &set, *k, err)))
        goto out;
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
    set_fini(&set);
    return result;
}
