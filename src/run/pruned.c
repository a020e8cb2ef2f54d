/* SPDX-License-Identifier: MIT */
#include "run/pruned.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/model.h"
#include "run/trained.h"

struct pruning {
    const char *path;
    struct checkpoint checkpoint;
    struct units units;
    double *in, *out;    /* [sets, size] squares of norms */
    unsigned char *stay; /* [sets, size] */
    size_t kept;
};

static const struct unit_slice *slice_at(const struct pruning *p, const char *name, int axis,
                                         size_t from)
{
    for (size_t i = from; i < p->units.slices; i++)
        if (p->units.slice[i].axis == axis && !strcmp(p->units.slice[i].name, name))
            return &p->units.slice[i];
    return NULL;
}

static size_t blocks_of(const struct unit_slice *s, const struct safetensor *t)
{
    return s->blocks ? s->blocks : t->shape[s->axis] / s->stride;
}

/* That a slice lies within its parameter, of numbers in fp32. */
static int check_slice(const struct pruning *p, const struct unit_slice *s,
                       const struct safetensor *t, struct error *err)
{
    const size_t last = (blocks_of(s, t) - 1) * s->stride + s->offset + p->units.size;
    if (t->bytes && t->dtype == DTYPE_F32 && (size_t)s->axis < t->rank && blocks_of(s, t) &&
        last <= t->shape[s->axis])
        return 0;
    return error_set(err, STATUS_INPUT, "%s: %s has not the shape that its configuration asks for",
                     p->path, t->name);
}

/* Adds up the squares of what belongs to each unit. */
static int measure(struct pruning *p, const struct unit_slice *s, struct error *err)
{
    const struct safetensor *t = safetensors_find(p->checkpoint.st, s->name);
    if (!t)
        return 0;
    if (check_slice(p, s, t, err))
        return -1;
    float *x = malloc(t->bytes + 1);
    if (!x)
        return error_set(err, STATUS_FAILED, "%s: out of memory", s->name);
    const int failed = safetensors_copy(p->checkpoint.st, t, x, err);
    double *sum = (s->is_out ? p->out : p->in) + s->set * p->units.size;
    const size_t rows = t->shape[0], columns = t->bytes / 4 / rows;
    const size_t inner = s->axis ? columns / t->shape[1] : columns;
    for (size_t i = 0; !failed && i < rows * columns; i++) {
        const size_t at = s->axis ? i % columns / inner : i / columns;
        const size_t in_block = at < s->offset ? SIZE_MAX : (at - s->offset) % s->stride;
        if (in_block < p->units.size && (at - s->offset) / s->stride < blocks_of(s, t))
            sum[in_block] += (double)x[i] * x[i];
    }
    free(x);
    return failed ? -1 : 0;
}

/* Marks the units of a set that stay: the first of those that are equal. */
static void choose(struct pruning *p, size_t set)
{
    const size_t n = p->units.size;
    const double *in = p->in + set * n, *out = p->out + set * n;
    for (size_t u = 0; u < n; u++) {
        size_t ahead = 0;
        for (size_t v = 0; v < n; v++)
            ahead += in[v] * out[v] > in[u] * out[u] || (v < u && in[v] * out[v] >= in[u] * out[u]);
        p->stay[set * n + u] = ahead < p->kept;
    }
}

/* --- writing */

/* Whether place `at` of an axis stays. */
static int stays(const struct pruning *p, const struct safetensor *t, int axis, size_t at)
{
    const struct unit_slice *s = slice_at(p, t->name, axis, 0);
    while (s) {
        const size_t in_block = at < s->offset ? SIZE_MAX : (at - s->offset) % s->stride;
        if (in_block < p->units.size && (at - s->offset) / s->stride < blocks_of(s, t) &&
            !p->stay[s->set * p->units.size + in_block])
            return 0;
        s = slice_at(p, t->name, axis, (size_t)(s - p->units.slice) + 1);
    }
    return 1;
}

/* The places of an axis that stay, in place[]: how many. */
static size_t places_of(const struct pruning *p, const struct safetensor *t, int axis,
                        size_t *place)
{
    const size_t n = (size_t)axis < t->rank ? t->shape[axis] : 1;
    size_t count = 0;
    for (size_t at = 0; at < n; at++)
        if ((size_t)axis >= t->rank || stays(p, t, axis, at))
            place[count++] = at;
    return count;
}

/* Adds what stays of a parameter. */
static int add_cut(const struct pruning *p, const struct safetensor *t, struct safetensors *to,
                   struct error *err)
{
    const size_t rows = t->shape[0], columns = t->rank > 1 ? t->shape[1] : 1;
    const size_t inner = t->bytes / 4 / rows / columns;
    float *x = malloc(t->bytes + 1), *y = malloc(t->bytes + 1);
    size_t *row = malloc(rows * sizeof *row), *column = malloc(columns * sizeof *column);
    uint64_t shape[SAFETENSORS_MAX_RANK];
    int failed = x && y && row && column ? safetensors_copy(p->checkpoint.st, t, x, err)
                                         : error_set(err, STATUS_FAILED, "out of memory");
    if (!failed) {
        const size_t m = places_of(p, t, 0, row), n = places_of(p, t, 1, column);
        for (size_t i = 0; i < m * n; i++)
            memcpy(y + i * inner, x + (row[i / n] * columns + column[i % n]) * inner,
                   inner * sizeof *y);
        memcpy(shape, t->shape, sizeof shape);
        shape[0] = m;
        if (t->rank > 1)
            shape[1] = n;
        failed = safetensors_add(to, t->name, t->dtype, t->rank, shape, y, err);
    }
    free(x);
    free(y);
    free(row);
    free(column);
    return failed ? -1 : 0;
}

/* Adds a parameter as it is. */
static int add_whole(const struct pruning *p, const struct safetensor *t, struct safetensors *to,
                     struct error *err)
{
    void *x = malloc(t->bytes + 1);
    const int failed = !x ? error_set(err, STATUS_FAILED, "%s: out of memory", t->name)
                          : safetensors_copy(p->checkpoint.st, t, x, err) ||
                                safetensors_add(to, t->name, t->dtype, t->rank, t->shape, x, err);
    free(x);
    return failed ? -1 : 0;
}

/* The parameters; what an optimizer keeps is not of this model. */
static int add_params(const struct pruning *p, struct safetensors *to, struct error *err)
{
    const struct safetensors *st = p->checkpoint.st;
    for (size_t i = 0; i < st->count; i++) {
        const struct safetensor *t = &st->tensor[i];
        if (!strncmp(t->name, "optimizer.", 10) || !strncmp(t->name, "state.", 6))
            continue;
        const int is_cut = slice_at(p, t->name, 0, 0) || slice_at(p, t->name, 1, 0);
        if (is_cut ? add_cut(p, t, to, err) : add_whole(p, t, to, err))
            return -1;
    }
    return 0;
}

/* What the metadata say of the model, with its size. */
static int add_meta(const struct pruning *p, struct safetensors *to, struct error *err)
{
    const struct checkpoint *c = &p->checkpoint;
    char number[24];
    snprintf(number, sizeof number, "%zu", p->kept);
    if (config_set(c->config, "model", p->units.key, number, err))
        return -1;
    return trained_meta(c, to, err);
}

static int write_all(struct pruning *p, const char *to, struct error *err)
{
    const size_t all = p->units.sets * p->units.size;
    p->in = calloc(all, sizeof *p->in);
    p->out = calloc(all, sizeof *p->out);
    p->stay = calloc(all, 1);
    struct safetensors *st = safetensors_new();
    int failed =
        p->in && p->out && p->stay && st ? 0 : error_set(err, STATUS_FAILED, "out of memory");
    for (size_t i = 0; i < p->units.slices && !failed; i++)
        failed = measure(p, &p->units.slice[i], err);
    for (size_t set = 0; set < p->units.sets && !failed; set++)
        choose(p, set);
    failed =
        failed || add_params(p, st, err) || add_meta(p, st, err) || safetensors_write(st, to, err);
    safetensors_free(st);
    return failed ? -1 : 0;
}

int pruned_write(const char *from, const char *to, double keep, struct pruned *pruned,
                 struct error *err)
{
    struct pruning p = {.path = from};
    if (checkpoint_read(&p.checkpoint, from, NULL, 0, model_check, err))
        return -1;
    int failed = model_units(p.checkpoint.config, &p.units, err);
    if (failed)
        error_prefix(err, "%s", from);
    if (!failed) {
        const size_t n = p.units.size, kept = (size_t)lround(keep * (double)n);
        p.kept = kept ? kept : 1;
        p.kept += p.kept == p.units.avoid;
        *pruned = (struct pruned){.sets = p.units.sets, .size = n, .kept = p.kept};
        snprintf(pruned->key, sizeof pruned->key, "%s", p.units.key);
        failed = p.kept < n
                     ? write_all(&p, to, err)
                     : error_set(err, STATUS_USAGE,
                                 "--keep %g leaves none of the %zu units of a layer out", keep, n);
    }
    free(p.in);
    free(p.out);
    free(p.stay);
    units_fini(&p.units);
    checkpoint_fini(&p.checkpoint);
    return failed ? -1 : 0;
}
