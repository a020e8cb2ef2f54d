/* SPDX-License-Identifier: MIT */
#include "run/folded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "params/adapter.h"
#include "quant/stored.h"
#include "tensor/packed.h"
#include "util/shown.h"

struct folded_weight {
    const struct folded *of;
    const struct safetensor *t;     /* its numbers or codes */
    const struct safetensor *a, *b; /* its adapter; NULL: it has none */
    enum dtype stored;              /* a type of floats, or how it is packed */
    size_t rank, elems;
    uint64_t shape[SAFETENSORS_MAX_RANK];
    enum dtype to;
    char *made; /* while it is written */
};

/* --- what is there */

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

/* Whether the matrices of the adapter make a product of the weight's shape. */
static int fits(const struct folded_weight *w)
{
    const int out = w->of->in_out;
    return w->rank == 2 && is_matrix(w->a) && is_matrix(w->b) && w->a->shape[0] == w->b->shape[1] &&
           w->b->shape[0] == w->shape[out] && w->a->shape[1] == w->shape[!out];
}

/* Type and shape of its numbers. */
static int measure(struct folded_weight *w, struct error *err)
{
    const struct stored_source source = stored_file(w->of->st, w->of->path);
    const struct safetensor *t = w->t;
    size_t rows, columns;
    w->rank = t->rank;
    memcpy(w->shape, t->shape, sizeof w->shape);
    if (stored_finds(&source, t->name, &w->stored)) {
        if (stored_shape(&source, t->name, w->stored, &rows, &columns, err))
            return -1;
        w->rank = 2;
        w->shape[0] = rows;
        w->shape[1] = columns;
    } else if (!dtype_has_floats(w->stored = t->dtype)) {
        return error_set(err, STATUS_INPUT, "%s: %s is of no type of floats", w->of->path,
                         show_name(t->name).text);
    }
    w->elems = 1;
    for (size_t r = 0; r < w->rank; r++)
        w->elems *= w->shape[r];
    return 0;
}

/* Whether a tensor is a weight of the model, not of its adapter, of a run, or a part of a packed
 * one. */
static int is_weight(const struct safetensors *st, const struct safetensor *t)
{
    char weight[320];
    return !adapter_owns(t->name) && strncmp(t->name, "optimizer.", 10) != 0 &&
           strncmp(t->name, "state.", 6) != 0 &&
           !(stored_is_part(t->name, weight, sizeof weight) && safetensors_find(st, weight));
}

int folded_init(struct folded *f, const struct safetensors *st, const char *path, double scale,
                int in_out, struct error *err)
{
    *f = (struct folded){.st = st, .path = path, .scale = scale, .in_out = in_out};
    f->weight = calloc(st->count + 1, sizeof *f->weight);
    if (!f->weight)
        return error_set(err, STATUS_FAILED, "%s: out of memory", path);
    for (size_t i = 0; i < st->count; i++) {
        struct folded_weight *w = &f->weight[f->count];
        if (!is_weight(st, &st->tensor[i]))
            continue;
        *w = (struct folded_weight){.of = f, .t = &st->tensor[i]};
        if (measure(w, err))
            return -1;
        if (w->rank > 1 && (w->a = matrix(st, w->t->name, ADAPTER_A)) &&
            (w->b = matrix(st, w->t->name, ADAPTER_B)) && !fits(w))
            return error_set(err, STATUS_INPUT, "%s: the adapter of %s does not fit it", path,
                             show_name(w->t->name).text);
        f->count++;
        f->layers += (size_t)(w->a && w->b);
        f->packed += (size_t)packed_is(w->stored);
    }
    return 0;
}

void folded_fini(struct folded *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->weight[i].made);
    free(f->weight);
    *f = (struct folded){0};
}

const char *folded_name(const struct folded *f, size_t index)
{
    return f->weight[index].t->name;
}

/* --- making */

static void *out_of_memory(const char *name, struct error *err)
{
    error_set(err, STATUS_FAILED, "%s: out of memory", show_name(name).text);
    return NULL;
}

/* The numbers of a tensor of floats; NULL with an error. The caller frees. */
static float *read_numbers(const struct folded *f, const struct safetensor *t, struct error *err)
{
    const size_t count = t->bytes / dtype_bytes(t->dtype, 1);
    float *x = malloc(count * sizeof *x + 1);
    /* shorter numbers lie in the upper half until they are floats */
    char *read = (char *)x + (count * sizeof *x - t->bytes);
    if (!x)
        return out_of_memory(t->name, err);
    if (!safetensors_copy(f->st, t, read, err)) {
        dtype_floats(t->dtype, read, count, x);
        return x;
    }
    free(x);
    return NULL;
}

/* The same of a packed matrix. */
static float *unpack(const struct folded_weight *w, struct error *err)
{
    const struct stored_source source = stored_file(w->of->st, w->of->path);
    const size_t rows = w->shape[0], columns = w->shape[1];
    void *codes = malloc(packed_form(w->stored, rows, columns).bytes + 1);
    float *x = malloc(w->elems * sizeof *x + 1);
    int failed = -1;
    if (codes && x)
        failed = stored_read(&source, w->t->name, w->stored, rows, columns, codes, err);
    else
        out_of_memory(w->t->name, err);
    if (!failed)
        packed_unpack(w->stored, codes, rows, columns, 0, w->elems, x);
    free(codes);
    if (!failed)
        return x;
    free(x);
    return NULL;
}

/* Row number `at` of W + scale B A, in double precision. */
static void make_row(const struct folded_weight *w, size_t at, const float *x, const float *a,
                     const float *b, double *row)
{
    const size_t rank = w->a->shape[0], in = w->a->shape[1], columns = w->shape[1];
    for (size_t i = 0; i < columns; i++)
        row[i] = 0;
    for (size_t k = 0; k < rank; k++)
        for (size_t i = 0; i < columns; i++)
            row[i] += w->of->in_out ? (double)b[i * rank + k] * a[k * in + at]
                                    : (double)b[at * rank + k] * a[k * in + i];
    for (size_t i = 0; i < columns; i++)
        row[i] = x[at * columns + i] + w->of->scale * row[i];
}

/* All rows, as numbers of its type. */
static int fold(struct folded_weight *w, const float *x, struct error *err)
{
    const size_t columns = w->shape[1], bytes = dtype_bytes(w->to, columns);
    float *a = read_numbers(w->of, w->a, err), *b = a ? read_numbers(w->of, w->b, err) : NULL;
    double *row = malloc(columns * sizeof *row);
    for (size_t at = 0; b && row && at < w->shape[0]; at++) {
        make_row(w, at, x, a, b, row);
        dtype_of_doubles(w->to, row, columns, w->made + at * bytes);
    }
    int failed = b && row ? 0 : -1;
    if (b && !row)
        out_of_memory(w->t->name, err);
    free(a);
    free(b);
    free(row);
    return failed;
}

static int make(struct folded_weight *w, struct error *err)
{
    float *x = packed_is(w->stored) ? unpack(w, err) : read_numbers(w->of, w->t, err);
    w->made = x ? malloc(dtype_bytes(w->to, w->elems) + 1) : NULL;
    if (x && !w->made)
        out_of_memory(w->t->name, err);
    int failed = !w->made ? -1 : w->a && w->b ? fold(w, x, err) : 0;
    for (size_t i = 0; !failed && !(w->a && w->b) && i < w->elems; i++)
        dtype_of_doubles(w->to, &(double){x[i]}, 1, w->made + i * dtype_bytes(w->to, 1));
    free(x);
    return failed;
}

/* A safetensors_fetch: from its beginning to its end, once. */
static int fetch(void *from, size_t offset, size_t bytes, void *to, struct error *err)
{
    struct folded_weight *w = from;
    if (!w->made && make(w, err))
        return -1;
    memcpy(to, w->made + offset, bytes);
    if (offset + bytes == dtype_bytes(w->to, w->elems)) {
        free(w->made);
        w->made = NULL;
    }
    return 0;
}

int folded_add(struct folded *f, size_t index, struct safetensors *to, const char *name,
               enum dtype dtype, struct error *err)
{
    struct folded_weight *w = &f->weight[index];
    w->to = dtype;
    return safetensors_add_far(to, name, dtype, w->rank, w->shape, fetch, w, 0, err);
}
