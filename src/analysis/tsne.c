/* SPDX-License-Identifier: MIT */
#include "analysis/tsne.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/points.h"
#include "analysis/work.h"

enum {
    ROWS = 4,   /* of a group in tsne_forces */
    PAD = 64,   /* maps are padded to a multiple of LANES * VEC and of ROWS */
    GROUP = 64, /* work-items of a group where each is by itself */
    OFTEN = 10, /* steps between progress reports */
    COUNT_LIMIT = 1 << 28,
};

/* Where padding lies: 1 / (1 + distance^2) to it vanishes, and its square is still finite. */
static const float far_away = 1e18f;

/* Standard deviation of the first map. */
static const double start_spread = 1e-4;

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* --- affinities */

/* The k nearest others of each point: square [n, k] distances in units of the frame, index [n, k].
 */
static int neighbours(struct device *dev, const float *x, size_t n, size_t d, size_t k,
                      float *square, int32_t *index, struct error *err)
{
    int lanes, vec, result = -1;
    points_tuning(dev, &lanes, &vec);
    size_t groups = (n + GROUP - 1) / GROUP;
    size_t packed_bytes = round_up(n, (size_t)vec) * d * sizeof(float);
    char options[96];
    snprintf(options, sizeof options, "-DLANES=%d -DVEC=%d -DROWS=%d", lanes, vec, ROWS);
    struct plan *g = NULL;
    struct points_frame frame = {0};
    float *packed = malloc(packed_bytes);
    if (!packed) {
        error_set(err, STATUS_FAILED, "t-SNE: out of memory");
        goto out;
    }
    if (points_frame_init(&frame, x, n, d, "t-SNE", err) || !(g = work_new(dev, "t-SNE", err)))
        goto out;
    points_pack(&frame, x, n, d, (size_t)vec, packed);
    struct tensor *points = plan_state(g, "t-SNE points", packed_bytes / sizeof *packed);
    struct tensor *squares = plan_state(g, "t-SNE distances", n * k);
    struct tensor *indices = plan_state(g, "t-SNE neighbours", n * k);
    struct launch *l = plan_kernel(g, "tsne.cl", "tsne_neighbours", groups, GROUP, "%s", options);
    launch_read(l, points);
    launch_int(l, n);
    launch_int(l, d);
    launch_int(l, k);
    launch_write(l, squares);
    launch_write(l, indices);
    launch_cost(l, 3.0 * (double)n * (double)n * (double)d, "t-SNE");
    if (work_prepare(g, err) || work_write(points, packed_bytes, packed, err) ||
        work_run(g, 0, 1, err) || work_read(squares, n * k * sizeof *square, square, err) ||
        work_read(indices, n * k * sizeof *index, index, err))
        goto out;
    result = 0;
out:
    work_free(g);
    points_frame_fini(&frame);
    free(packed);
    return result;
}

/*
 * p [k] of a point from its squared distances [k], ascending: p_j ~ exp(-beta square_j), with the
 * beta whose entropy is log(perplexity). Where distances are all equal, so is p.
 */
static void calibrate(const float *square, size_t k, double perplexity, double *p)
{
    double target = log(perplexity), low = 0, high = INFINITY;
    double spread = (double)square[k - 1] - (double)square[0];
    double beta = spread > 0 ? 1 / spread : 1;
    for (int step = 0; step < 200; step++) {
        double sum = 0, mean = 0;
        for (size_t e = 0; e < k; e++) {
            double over = (double)square[e] - (double)square[0];
            p[e] = exp(-beta * over);
            sum += p[e];
            mean += over * p[e];
        }
        double entropy = log(sum) + beta * mean / sum;
        for (size_t e = 0; e < k; e++)
            p[e] /= sum;
        if (spread <= 0 || fabs(entropy - target) < 1e-7)
            return;
        if (entropy > target)
            low = beta;
        else
            high = beta;
        beta = isinf(high) ? beta * 2 : (low + high) / 2;
    }
}

struct entry {
    int32_t column;
    float p;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* p_ij = (p_j|i + p_i|j) / 2n from index [n, k] and p [n, k] = p_j|i. */
static int symmetrise(struct affinity *to, size_t n, size_t k, const int32_t *index,
                      const double *p, struct error *err)
{
    to->n = n;
    to->start = calloc(n + 1, sizeof *to->start);
    to->column = malloc(2 * n * k * sizeof *to->column);
    to->p = malloc(2 * n * k * sizeof *to->p);
    struct entry *entry = malloc(2 * n * k * sizeof *entry);
    size_t *begin = calloc(n + 2, sizeof *begin);
    if (!to->start || !to->column || !to->p || !entry || !begin) {
        free(entry);
        free(begin);
        return error_set(err, STATUS_FAILED, "t-SNE: out of memory");
    }
    /* begin[i + 1] runs from the start of row i to its end while the row is filled */
    for (size_t e = 0; e < n * k; e++)
        begin[index[e] + 2]++;
    for (size_t i = 0; i < n; i++)
        begin[i + 2] += begin[i + 1] + k;
    for (size_t i = 0; i < n; i++)
        for (size_t e = i * k; e < (i + 1) * k; e++) {
            float half = (float)(p[e] / (2 * (double)n));
            entry[begin[i + 1]++] = (struct entry){index[e], half};
            entry[begin[index[e] + 1]++] = (struct entry){(int32_t)i, half};
        }
    int32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        qsort(entry + begin[i], begin[i + 1] - begin[i], sizeof *entry, compare_entries);
        to->start[i] = count;
        for (size_t e = begin[i]; e < begin[i + 1]; e++)
            if (count > to->start[i] && to->column[count - 1] == entry[e].column) {
                to->p[count - 1] += entry[e].p;
            } else {
                to->column[count] = entry[e].column;
                to->p[count++] = entry[e].p;
            }
    }
    to->start[n] = count;
    free(entry);
    free(begin);
    return 0;
}

int affinity_init(struct affinity *to, struct device *dev, const float *x, size_t n, size_t d,
                  double perplexity, struct error *err)
{
    memset(to, 0, sizeof *to);
    size_t k = (size_t)(3 * perplexity + 1);
    if (k > n - 1)
        k = n - 1;
    if (n >= COUNT_LIMIT || d >= COUNT_LIMIT || k >= COUNT_LIMIT / n)
        return error_set(err, STATUS_FAILED, "t-SNE: %zu points are too many", n);
    float *square = malloc(n * k * sizeof *square);
    int32_t *index = malloc(n * k * sizeof *index);
    double *p = malloc(n * k * sizeof *p);
    int result = square && index && p ? 0 : error_set(err, STATUS_FAILED, "t-SNE: out of memory");
    if (!result)
        result = neighbours(dev, x, n, d, k, square, index, err);
    for (size_t i = 0; i < n && !result; i++)
        calibrate(square + i * k, k, perplexity, p + i * k);
    if (!result)
        result = symmetrise(to, n, k, index, p, err);
    free(square);
    free(index);
    free(p);
    if (result)
        affinity_fini(to);
    return result;
}

void affinity_fini(struct affinity *affinity)
{
    free(affinity->start);
    free(affinity->column);
    free(affinity->p);
    memset(affinity, 0, sizeof *affinity);
}

/* --- the map and its forces */

enum { EARLY, LATE, PHASES };

/* The work has the launches of a step of each phase: forces, their norm, the step. */
#define STEP_LAUNCHES 3

struct map {
    const struct affinity *affinity;
    size_t n, padded;
    struct plan *work;
    struct tensor *y, *speed, *gain;   /* [2, padded] */
    struct tensor *force;              /* [5, padded]; see tsne.cl */
    struct tensor *norm;               /* [1] */
    struct tensor *start, *column, *p; /* the affinities; start is [padded + 1] */
    float *host;                       /* [5, padded] */
};

static void map_fini(struct map *map)
{
    work_free(map->work);
    free(map->host);
}

/* Sends the affinities; rows of the padding are empty. */
static int map_send_affinity(struct map *map, struct error *err)
{
    const struct affinity *a = map->affinity;
    size_t entries = (size_t)a->start[a->n];
    int32_t *start = malloc((map->padded + 1) * sizeof *start);
    if (!start)
        return error_set(err, STATUS_FAILED, "t-SNE: out of memory");
    for (size_t i = 0; i <= map->padded; i++)
        start[i] = a->start[i < a->n ? i : a->n];
    int result = work_write(map->start, (map->padded + 1) * sizeof *start, start, err);
    free(start);
    if (result || work_write(map->column, entries * sizeof *a->column, a->column, err))
        return -1;
    return work_write(map->p, entries * sizeof *a->p, a->p, err);
}

/* y = xy [n, 2], at rest. */
static int map_send(struct map *map, const float *xy, struct error *err)
{
    for (size_t i = 0; i < map->padded; i++)
        for (size_t j = 0; j < 2; j++)
            map->host[j * map->padded + i] = i < map->n ? xy[i * 2 + j] : far_away;
    if (work_write(map->y, 2 * map->padded * sizeof(float), map->host, err) ||
        buffer_zero(map->speed->buffer, err))
        return -1;
    for (size_t i = 0; i < 2 * map->padded; i++)
        map->host[i] = 1;
    return work_write(map->gain, 2 * map->padded * sizeof(float), map->host, err);
}

/* Appends a step of a phase, with the rates of Belkina et al. 2019: n / exaggeration, for gradients
 * without their factor 4. */
static void map_append(struct map *map, int phase, int lanes, const char *options)
{
    struct plan *g = map->work;
    const double n = (double)map->n, pairs = n * (double)map->padded;
    const double exaggeration = phase == EARLY ? 12 : 1, momentum = phase == EARLY ? 0.5 : 0.8;
    const double entries = (double)map->affinity->start[map->n];
    struct launch *l =
        plan_kernel(g, "tsne.cl", "tsne_forces", map->padded / ROWS, (size_t)lanes, "%s", options);
    launch_read(l, map->y);
    launch_int(l, map->padded);
    launch_read(l, map->start);
    launch_read(l, map->column);
    launch_read(l, map->p);
    launch_write(l, map->force);
    launch_cost(l, 13 * pairs + 12 * entries, "t-SNE");

    l = plan_kernel(g, "tsne.cl", "tsne_norm", 1, (size_t)lanes, "%s", options);
    launch_read(l, map->force);
    launch_int(l, map->n);
    launch_int(l, map->padded);
    launch_write(l, map->norm);
    launch_cost(l, 4 * n, "t-SNE");
    l->bytes = n * sizeof(float); /* the last row of the forces */

    l = plan_kernel(g, "tsne.cl", "tsne_step", 2 * map->padded / GROUP, GROUP, "%s", options);
    launch_update(l, map->y);
    launch_update(l, map->speed);
    launch_update(l, map->gain);
    launch_read(l, map->force);
    launch_read(l, map->norm);
    launch_int(l, map->n);
    launch_int(l, map->padded);
    launch_float(l, exaggeration);
    launch_float(l, momentum);
    launch_float(l, n / exaggeration / 4);
    launch_cost(l, 2 * 12 * n, "t-SNE");
}

/* The caller calls map_fini() even after a failure. */
static int map_init(struct map *map, struct device *dev, const struct affinity *affinity,
                    const float *xy, struct error *err)
{
    const size_t padded = round_up(affinity->n, PAD),
                 entries = (size_t)affinity->start[affinity->n];
    *map = (struct map){.affinity = affinity, .n = affinity->n, .padded = padded};
    map->host = malloc(5 * padded * sizeof *map->host);
    if (!map->host)
        return error_set(err, STATUS_FAILED, "t-SNE: out of memory");
    struct plan *g = map->work = work_new(dev, "t-SNE", err);
    if (!g)
        return -1;
    map->y = plan_state(g, "t-SNE map", 2 * padded);
    map->speed = plan_state(g, "t-SNE map", 2 * padded);
    map->gain = plan_state(g, "t-SNE map", 2 * padded);
    map->force = plan_state(g, "t-SNE forces", 5 * padded);
    map->norm = plan_state(g, "t-SNE norm", 1);
    map->start = plan_state(g, "t-SNE affinities", padded + 1);
    map->column = plan_state(g, "t-SNE affinities", entries);
    map->p = plan_state(g, "t-SNE affinities", entries);
    int lanes, vec;
    points_tuning(dev, &lanes, &vec);
    char options[96];
    snprintf(options, sizeof options, "-DLANES=%d -DVEC=%d -DROWS=%d", lanes, vec, ROWS);
    for (int phase = 0; phase < PHASES; phase++)
        map_append(map, phase, lanes, options);
    if (work_prepare(g, err) || map_send_affinity(map, err))
        return -1;
    return map_send(map, xy, err);
}

static int map_forces(struct map *map, struct error *err)
{
    return work_run(map->work, 0, STEP_LAUNCHES - 1, err);
}

static int map_step(struct map *map, int phase, struct error *err)
{
    const size_t first = (size_t)phase * STEP_LAUNCHES;
    return work_run(map->work, first, first + STEP_LAUNCHES, err);
}

/* Reads xy [n, 2], and the divergence sum_ij p_ij log(p_ij / (w_ij / sum_kl w_kl)). */
static int map_read(struct map *map, float *xy, double *kl, struct error *err)
{
    float norm;
    if (map_forces(map, err) ||
        work_read(map->y, 2 * map->padded * sizeof(float), map->host, err) ||
        work_read(map->norm, sizeof norm, &norm, err))
        return -1;
    for (size_t i = 0; i < map->n; i++)
        for (size_t j = 0; j < 2; j++)
            xy[i * 2 + j] = map->host[j * map->padded + i];
    const struct affinity *a = map->affinity;
    *kl = 0;
    for (size_t i = 0; i < map->n; i++)
        for (int32_t e = a->start[i]; e < a->start[i + 1]; e++) {
            const float *mine = xy + i * 2, *other = xy + (size_t)a->column[e] * 2;
            double d0 = (double)mine[0] - (double)other[0];
            double d1 = (double)mine[1] - (double)other[1];
            double p = (double)a->p[e];
            if (p > 0)
                *kl += p * log(p * (1 + d0 * d0 + d1 * d1) * (double)norm);
        }
    return 0;
}

int tsne_gradient(struct device *dev, const struct affinity *affinity, const float *xy,
                  float *gradient, double *kl, struct error *err)
{
    struct map map;
    int result = -1;
    float norm;
    if (map_init(&map, dev, affinity, xy, err) || map_read(&map, gradient, kl, err) ||
        work_read(map.norm, sizeof norm, &norm, err) ||
        work_read(map.force, 4 * map.padded * sizeof(float), map.host, err))
        goto out;
    for (size_t i = 0; i < map.n; i++)
        for (size_t j = 0; j < 2; j++)
            gradient[i * 2 + j] =
                4 * (map.host[j * map.padded + i] - map.host[(2 + j) * map.padded + i] / norm);
    result = 0;
out:
    map_fini(&map);
    return result;
}

/* --- the start */

/* v [d] -= its part along u [d], then to length 1; to 0 where nothing is left of it. */
static void orthonormalise(double *v, const double *u, size_t d)
{
    double before = 0, along = 0, after = 0;
    for (size_t j = 0; j < d; j++)
        before += v[j] * v[j];
    for (size_t j = 0; j < d && u; j++)
        along += v[j] * u[j];
    for (size_t j = 0; j < d && u; j++)
        v[j] -= along * u[j];
    for (size_t j = 0; j < d; j++)
        after += v[j] * v[j];
    double scale = after > 1e-20 * before && after > 0 ? 1 / sqrt(after) : 0;
    for (size_t j = 0; j < d; j++)
        v[j] *= scale;
}

/*
 * y [n, 2] = the first two principal components of x [n, d], by orthogonal iteration: v <- X^T X v.
 * The largest number of each axis is made positive. axis [4, d] is scratch.
 */
static void principal(const float *x, size_t n, size_t d, const struct points_frame *frame,
                      double *axis, double *y)
{
    double *next = axis + 2 * d;
    for (size_t j = 0; j < 2 * d; j++)
        axis[j] = points_uniform(0, j) - 0.5;
    double change = 1;
    for (int pass = 0; pass < 200 && change > 1e-8; pass++) {
        orthonormalise(axis, NULL, d);
        orthonormalise(axis + d, axis, d);
        memset(next, 0, 2 * d * sizeof *next);
        for (size_t i = 0; i < n; i++) {
            double along[2] = {0, 0};
            for (size_t j = 0; j < d; j++) {
                double value = (x[i * d + j] - frame->offset[j]) * frame->scale;
                along[0] += value * axis[j];
                along[1] += value * axis[d + j];
            }
            y[i * 2] = along[0];
            y[i * 2 + 1] = along[1];
            for (size_t j = 0; j < d; j++) {
                double value = (x[i * d + j] - frame->offset[j]) * frame->scale;
                next[j] += value * along[0];
                next[d + j] += value * along[1];
            }
        }
        orthonormalise(next, NULL, d);
        orthonormalise(next + d, next, d);
        change = 0;
        for (size_t j = 0; j < 2 * d; j++)
            change = fmax(change, fabs(next[j] - axis[j]));
        memcpy(axis, next, 2 * d * sizeof *axis);
    }
    for (size_t c = 0; c < 2; c++) {
        double most = 0;
        for (size_t j = 0; j < d; j++)
            if (fabs(axis[c * d + j]) > fabs(most))
                most = axis[c * d + j];
        for (size_t i = 0; i < n && most < 0; i++)
            y[i * 2 + c] = -y[i * 2 + c];
    }
}

/*
 * xy [n, 2]: principal components, scaled so that the first has the standard deviation `spread`,
 * and a hundredth of that at random, which parts equal points.
 */
static int first_map(const float *x, size_t n, size_t d, double spread, uint64_t seed, float *xy,
                     struct error *err)
{
    struct points_frame frame;
    if (points_frame_init(&frame, x, n, d, "t-SNE", err))
        return -1;
    double *axis = malloc(4 * d * sizeof *axis), *y = malloc(2 * n * sizeof *y);
    int result = axis && y ? 0 : error_set(err, STATUS_FAILED, "t-SNE: out of memory");
    if (!result) {
        principal(x, n, d, &frame, axis, y);
        double square = 0;
        for (size_t i = 0; i < n; i++)
            square += y[i * 2] * y[i * 2];
        double scale = square > 0 ? spread / sqrt(square / (double)n) : 0;
        for (size_t i = 0; i < 2 * n; i++)
            xy[i] = (float)(scale * y[i] + spread / 100 * (2 * points_uniform(seed, i) - 1));
    }
    free(axis);
    free(y);
    points_frame_fini(&frame);
    return result;
}

/* Shifts xy [n, 2] to mean 0; -1 if a number is not finite. */
static int centre(float *xy, size_t n, struct error *err)
{
    double mean[2] = {0, 0};
    for (size_t i = 0; i < 2 * n; i++)
        mean[i % 2] += (double)xy[i] / (double)n;
    for (size_t i = 0; i < 2 * n; i++)
        xy[i] = (float)((double)xy[i] - mean[i % 2]);
    if (!isfinite(mean[0]) || !isfinite(mean[1]))
        return error_set(err, STATUS_FAILED, "t-SNE: the map is not finite");
    return 0;
}

/*
 * Where all points are neighbours, exaggerated attraction draws the map together to a point, from
 * which single precision finds no way out. Then goes back to the first map xy [n, 2].
 */
static int revive(struct map *map, const float *xy, struct error *err)
{
    if (work_read(map->y, 2 * map->padded * sizeof(float), map->host, err))
        return -1;
    float largest = 0;
    for (size_t j = 0; j < 2; j++)
        for (size_t i = 0; i < map->n; i++)
            largest =
                fmaxf(largest, fabsf(map->host[j * map->padded + i] - map->host[j * map->padded]));
    return largest > (float)start_spread ? 0 : map_send(map, xy, err);
}

int tsne_fit(struct device *dev, const float *x, size_t n, size_t d, double perplexity,
             long iterations, uint64_t seed, float *xy, double *kl, struct log *log,
             struct error *err)
{
    *kl = 0;
    if (n < 4) {
        log_say(log, "t-SNE: %zu points are too few, shown by their principal components", n);
        return n ? first_map(x, n, d, 1, seed, xy, err) : 0;
    }
    double most = (double)(n - 1) / 3;
    if (perplexity > most) {
        log_say(log, "t-SNE: perplexity %.1f instead of %.1f, for %zu points", most, perplexity, n);
        perplexity = most;
    }
    if (!(perplexity >= 1))
        perplexity = 1;

    struct affinity affinity;
    struct map map;
    if (first_map(x, n, d, start_spread, seed, xy, err) ||
        affinity_init(&affinity, dev, x, n, d, perplexity, err))
        return -1;
    int result = map_init(&map, dev, &affinity, xy, err);
    long early = iterations / 4 < 250 ? iterations / 4 : 250;
    for (long step = 0; step < iterations && !result; step++) {
        if (step == early)
            result = revive(&map, xy, err);
        if (result)
            break;
        result = map_step(&map, step < early ? EARLY : LATE, err);
        if (!result && step % OFTEN == OFTEN - 1) {
            result = device_pace(dev, 2, err);
            log_progress(log, "t-SNE", (uint64_t)step + 1, (uint64_t)iterations);
            if (!result && device_stopped(dev))
                result = 1;
        }
    }
    log_progress(log, "t-SNE", 0, 0);
    if (!result)
        result = map_read(&map, xy, kl, err);
    if (!result)
        result = centre(xy, n, err);
    map_fini(&map);
    affinity_fini(&affinity);
    return result;
}
