/* SPDX-License-Identifier: MIT */
#include "params/params.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/packed.h"
#include "util/philox.h"

struct params *params_new(int decay_all)
{
    struct params *params = calloc(1, sizeof *params);
    if (params)
        params->decay_all = decay_all;
    return params;
}

void params_free(struct params *params)
{
    if (!params)
        return;
    for (size_t i = 0; i < params->count; i++) {
        buffer_free(params->list[i]->value.buffer);
        buffer_free(params->list[i]->grad.buffer);
        free(params->list[i]->value.name);
        free(params->list[i]);
    }
    arena_free(params->values);
    arena_free(params->grads);
    free(params->device);
    free(params->from);
    free(params->named);
    free(params->list);
    free(params);
}

static int same_shape(const struct tensor *t, int rank, const size_t *dim)
{
    return t->rank == rank && !memcmp(t->dim, dim, (size_t)rank * sizeof *dim);
}

/* The slot of a name: that of the parameter, or a free one (NULL). There is one. */
static struct param **slot_of(const struct params *params, const char *name)
{
    size_t at = philox_path(name) & (params->slots - 1);
    while (params->named[at] && strcmp(params->named[at]->value.name, name))
        at = (at + 1) & (params->slots - 1);
    return &params->named[at];
}

/* Room for one more, with half of the slots free. */
static int make_slots(struct params *params)
{
    if (2 * (params->count + 1) <= params->slots)
        return 0;
    struct param **old = params->named;
    struct param **named = calloc(params->slots ? 2 * params->slots : 64, sizeof *named);
    if (!named)
        return -1;
    params->named = named;
    params->slots = params->slots ? 2 * params->slots : 64;
    for (size_t i = 0; i < params->count; i++)
        *slot_of(params, params->list[i]->value.name) = params->list[i];
    free(old);
    return 0;
}

void params_freeze(struct params *params, char *const *pattern, size_t count)
{
    params->freeze = pattern;
    params->freezes = count;
}

int params_owns(const struct params *params, const char *name)
{
    return adapter_owns(name) || (params->own && !fnmatch(params->own, name, 0));
}

static int is_frozen(const struct params *params, const char *name)
{
    const int is_base = params->adapter.rank || (params->own && params->packs != DTYPE_F32);
    if (is_base && !params_owns(params, name))
        return 1;
    for (size_t i = 0; i < params->freezes; i++)
        if (!fnmatch(params->freeze[i], name, 0))
            return 1;
    return 0;
}

const char *params_unfrozen(const struct params *params)
{
    for (size_t i = 0; i < params->freezes; i++) {
        int fits = 0;
        for (size_t k = 0; k < params->count && !fits; k++)
            fits = params->list[k]->group == PARAM_FROZEN &&
                   !fnmatch(params->freeze[i], params->list[k]->value.name, 0);
        if (!fits)
            return params->freeze[i];
    }
    return NULL;
}

void params_adapt(struct params *params, const struct adapter *adapter)
{
    params->adapter = *adapter;
}

int params_adapts(struct params *params, const char *weight)
{
    struct param *p = params->slots ? *slot_of(params, weight) : NULL;
    if (!p)
        return 0;
    p->is_linear = 1;
    return !params_owns(params, weight) && adapter_wants(&params->adapter, weight);
}

const char *params_unadapted(const struct params *params)
{
    const struct adapter *a = &params->adapter;
    for (size_t i = 0; a->rank && i < a->targets; i++) {
        int fits = 0;
        for (size_t k = 0; k < params->count && !fits; k++)
            fits = params->list[k]->is_linear &&
                   adapter_fits(a->target[i], params->list[k]->value.name);
        if (!fits)
            return a->target[i];
    }
    return NULL;
}

void params_quantize(struct params *params, enum dtype dtype, enum dtype tables)
{
    params->packs = dtype;
    params->tables = tables;
}

/* A frozen parameter; NULL: it is none, or not of these. */
static const struct param *frozen_of(const struct params *params, const struct tensor *t)
{
    const struct param *p = params->slots ? *slot_of(params, t->name) : NULL;
    return p && p->group == PARAM_FROZEN ? p : NULL;
}

void params_table(struct params *params, struct tensor *table)
{
    if (frozen_of(params, table))
        table->dtype = params->tables;
}

void params_pack(struct params *params, struct tensor *weight)
{
    if (params->packs != DTYPE_F32 && frozen_of(params, weight) && weight->rank == 2 &&
        strcmp(weight->name, "output.weight") && strcmp(weight->name, "lm_head.weight"))
        weight->dtype = params->packs;
}

void params_offload(struct params *params)
{
    params->offloads = 1;
}

int params_host(struct params *params, const struct tensor *weight)
{
    struct param *p = params->slots ? *slot_of(params, weight->name) : NULL;
    if (p && params->offloads && p->group == PARAM_FROZEN)
        p->is_hosted = 1;
    return p && p->is_hosted;
}

struct params_packed params_packed(const struct params *params)
{
    struct params_packed packed = {0};
    for (size_t i = 0; i < params->count; i++) {
        const struct tensor *t = &params->list[i]->value;
        packed.elems += packed_is(t->dtype) ? t->elems : 0;
        packed.bytes += packed_is(t->dtype) ? tensor_bytes(t) : 0;
    }
    return packed;
}

/* Makes it one of a group that has no gradients. */
static void leave_out(struct param *p, enum param_group group)
{
    p->group = group;
    p->decay = 0;
    p->value.needs_grad = 0;
    p->value.grad = NULL;
}

struct tensor *params_get(struct params *params, const char *name, int rank, const size_t *dim,
                          int decay, enum init_kind init, double scale)
{
    size_t elems;
    if (make_slots(params)) {
        params->failed = 1;
        return NULL;
    }
    struct param **slot = slot_of(params, name);
    if (*slot)
        return same_shape(&(*slot)->value, rank, dim) ? &(*slot)->value : NULL;
    if (strlen(name) > PARAM_MAX_NAME || tensor_count(rank, dim, &elems))
        return NULL;
    struct param **list = realloc(params->list, (params->count + 1) * sizeof *list);
    struct param *p = calloc(1, sizeof *p);
    char *copy = strdup(name);
    if (list)
        params->list = list;
    if (!list || !p || !copy) {
        params->failed = 1;
        free(copy);
        free(p);
        return NULL;
    }
    struct tensor *t = &p->value;
    t->name = copy;
    t->kind = TENSOR_PARAM;
    t->rank = rank;
    t->elems = elems;
    t->dim[0] = 1; /* of a scalar, whose rank is 0 */
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    t->needs_grad = 1;
    p->grad = *t;
    p->grad.kind = TENSOR_PARAM_GRAD;
    p->grad.grad_written = 1;
    t->grad = &p->grad;
    t->grad_written = 1; /* parameters' gradients always add up */
    p->decay = decay || params->decay_all;
    p->init = init;
    p->scale = scale;
    if (is_frozen(params, name))
        leave_out(p, PARAM_FROZEN);
    *slot = params->list[params->count++] = p;
    return t;
}

struct tensor *params_get_running(struct params *params, const char *name, int rank,
                                  const size_t *dim, double initial)
{
    size_t before = params->count;
    struct tensor *t = params_get(params, name, rank, dim, 0, INIT_CONSTANT, initial);
    if (!t)
        return NULL;
    struct param *p = *slot_of(params, name);
    if (params->count > before)
        leave_out(p, PARAM_RUNNING);
    return p->group == PARAM_RUNNING ? t : NULL;
}

struct params *params_twin(const struct params *of)
{
    struct params *twin = params_new(of->decay_all);
    if (twin) {
        twin->shares = of;
        twin->own = of->own;
        params_freeze(twin, of->freeze, of->freezes);
        params_adapt(twin, &of->adapter);
        params_quantize(twin, of->packs, of->tables);
        twin->offloads = of->offloads;
    }
    for (size_t i = 0; twin && i < of->count; i++) {
        const struct param *p = of->list[i];
        const struct tensor *t = &p->value;
        struct tensor *its =
            p->group == PARAM_RUNNING
                ? params_get_running(twin, t->name, t->rank, t->dim, p->scale)
                : params_get(twin, t->name, t->rank, t->dim, p->decay, p->init, p->scale);
        if (!its) {
            params_free(twin);
            return NULL;
        }
        its->dtype = t->dtype;
        if (p->is_hosted)
            params_host(twin, its);
    }
    return twin;
}

size_t params_count_of(const struct params *params, enum param_group group)
{
    size_t n = 0;
    for (size_t i = 0; i < params->count; i++)
        n += params->list[i]->group == group ? params->list[i]->value.elems : 0;
    return n;
}

size_t params_count(const struct params *params)
{
    return params_count_of(params, PARAM_TRAINED) + params_count_of(params, PARAM_FROZEN);
}

void params_shift(struct params *params, const char *name, size_t from, size_t count, double by)
{
    struct param *p = params->slots ? *slot_of(params, name) : NULL;
    if (!p)
        return;
    p->shift_from = from;
    p->shift_count = count;
    p->shift = by;
}

static void take_out(double *row, const double *of, size_t columns)
{
    double dot = 0;
    for (size_t c = 0; c < columns; c++)
        dot += row[c] * of[c];
    for (size_t c = 0; c < columns; c++)
        row[c] -= dot * of[c];
}

/* Gram and Schmidt's way on normal rows, each taken out twice (Giraud et al., 2005); of the Haar
 * measure. Fewer columns than rows: the same of the transposed. -1 without memory. */
static int make_orthogonal(float *x, size_t rows, size_t columns)
{
    size_t n = rows < columns ? rows : columns, length = rows < columns ? columns : rows;
    size_t down = rows < columns ? columns : 1, along = rows < columns ? 1 : columns;
    double *q = malloc(n * length * sizeof *q);
    if (!q)
        return -1;
    for (size_t i = 0; i < n; i++) {
        double *row = q + i * length, square = 0;
        for (size_t c = 0; c < length; c++)
            row[c] = x[i * down + c * along];
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++)
                take_out(row, q + j * length, length);
        for (size_t c = 0; c < length; c++)
            square += row[c] * row[c];
        for (size_t c = 0; c < length; c++) {
            row[c] /= sqrt(square);
            x[i * down + c * along] = (float)row[c];
        }
    }
    free(q);
    return 0;
}

/* Draws one parameter's values; the one place that knows every kind. */
static int draw(const struct param *p, uint64_t seed, float *x)
{
    const size_t *dim = p->value.dim, n = p->value.elems;
    enum init_kind kind = p->init;
    double scale = p->scale, stacked = kind > INIT_CONSTANT ? scale : 1;
    double fan_in = (double)n / (double)dim[0];
    double fan_out = (double)n / (p->value.rank > 1 ? (double)dim[1] : 1) / stacked;
    double xavier = sqrt(2 / (fan_in + fan_out)), kaiming = sqrt(2 / fan_in); /* deviations */
    if (kind == INIT_XAVIER_UNIFORM || kind == INIT_KAIMING_UNIFORM) {
        scale = sqrt(3) * (kind == INIT_XAVIER_UNIFORM ? xavier : kaiming);
        kind = INIT_UNIFORM;
    } else if (kind != INIT_UNIFORM && kind != INIT_NORMAL && kind != INIT_CONSTANT) {
        scale = kind == INIT_XAVIER_NORMAL ? xavier : kind == INIT_KAIMING_NORMAL ? kaiming : 1;
        kind = INIT_NORMAL;
    }
    uint32_t path = philox_path(p->value.name);
    for (size_t j = 0; j < n; j++) {
        uint32_t r[4];
        philox(r, (uint32_t)j, (uint32_t)(j >> 32), path, 0, seed);
        x[j] = (float)(kind == INIT_CONSTANT  ? scale
                       : kind == INIT_UNIFORM ? (2 * philox_unit(r[0]) - 1) * scale
                                              : philox_normal(r[0], r[1]) * scale);
    }
    size_t rows = dim[0] / (size_t)stacked, columns = n / dim[0];
    for (size_t i = 0; p->init == INIT_ORTHOGONAL && i < (size_t)stacked; i++)
        if (make_orthogonal(x + i * rows * columns, rows, columns))
            return -1;
    for (size_t j = 0; j < p->shift_count; j++)
        x[p->shift_from + j] += (float)p->shift;
    return 0;
}

static int init(struct params *params, int adapter, uint64_t seed, struct error *err)
{
    for (size_t i = 0; i < params->count; i++) {
        const struct param *p = params->list[i];
        if (adapter && !params_owns(params, p->value.name))
            continue;
        float *x = malloc(p->value.elems * sizeof *x);
        if (!x || draw(p, seed, x)) {
            free(x);
            return error_set(err, STATUS_FAILED, "%s: out of memory", p->value.name);
        }
        int failed = params_put(params, i, params->values, x, err);
        free(x);
        if (failed)
            return -1;
    }
    return 0;
}

int params_init(struct params *params, uint64_t seed, struct error *err)
{
    return init(params, 0, seed, err);
}

int params_init_adapter(struct params *params, uint64_t seed, struct error *err)
{
    return init(params, 1, seed, err);
}
