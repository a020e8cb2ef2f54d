/* SPDX-License-Identifier: MIT */
/* Initialisers. */
#include <stdlib.h>
#include <string.h>

#include "onnx/parts.h"
#include "util/array.h"

static int has_name(const struct onnx *o, const char *name)
{
    for (size_t i = 0; i < o->initials; i++)
        if (!strcmp(o->initial[i]->name, name))
            return 1;
    return 0;
}

struct onnx_initial *onnx_initial(struct onnx *o, const char *name, enum onnx_type type,
                                  size_t rank, const size_t *dim, const void *value)
{
    const char *called = has_name(o, name) ? onnx_named(o, "%s.%zu", name, o->initials) : name;
    struct onnx_initial *t =
        o->failed ? NULL : array_append((void ***)&o->initial, &o->initials, sizeof *t);
    if (!t) {
        onnx_no_memory(o);
        return NULL;
    }
    *t = (struct onnx_initial){.type = type, .rank = rank, .elems = 1};
    for (size_t r = 0; r < rank; r++)
        t->elems *= t->dim[r] = dim[r];
    const size_t bytes = t->elems * (type == ONNX_FLOAT ? sizeof(float) : sizeof(int64_t));
    t->name = strdup(called);
    t->value = value ? malloc(bytes + 1) : NULL;
    if (!t->name || (value && !t->value)) {
        onnx_no_memory(o);
        return NULL;
    }
    if (value)
        memcpy(t->value, value, bytes);
    return t;
}

/* One that is there already, with a name that begins so; NULL: there is none. */
static const char *same(const struct onnx *o, const char *name, enum onnx_type type, size_t rank,
                        const size_t *dim, const void *value, size_t bytes)
{
    for (size_t i = 0; i < o->initials; i++) {
        const struct onnx_initial *t = o->initial[i];
        if (t->type == type && t->rank == rank && !memcmp(t->dim, dim, rank * sizeof *dim) &&
            t->value && !strncmp(t->name, name, strlen(name)) && !memcmp(t->value, value, bytes))
            return t->name;
    }
    return NULL;
}

static const char *name_of(const struct onnx_initial *t)
{
    return t ? t->name : "";
}

/* One of these contents, made once. */
static const char *once(struct onnx *o, const char *name, enum onnx_type type, size_t rank,
                        const size_t *dim, const void *value)
{
    size_t bytes = type == ONNX_FLOAT ? sizeof(float) : sizeof(int64_t);
    if (o->failed)
        return "";
    for (size_t r = 0; r < rank; r++)
        bytes *= dim[r];
    const char *there = same(o, name, type, rank, dim, value, bytes);
    return there ? there : name_of(onnx_initial(o, name, type, rank, dim, value));
}

const char *onnx_number(struct onnx *o, double value)
{
    const float number = (float)value;
    return once(o, "number", ONNX_FLOAT, 0, (const size_t[]){0}, &number);
}

const char *onnx_wholes(struct onnx *o, size_t count, const int64_t *value)
{
    return once(o, "numbers", ONNX_INT64, 1, &count, value);
}

const char *onnx_table(struct onnx *o, const char *name, size_t rank, const size_t *dim,
                       const float *value)
{
    return once(o, name, ONNX_FLOAT, rank, dim, value);
}

size_t onnx_floats(const struct onnx *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->initials; i++)
        count += o->initial[i]->type == ONNX_FLOAT ? o->initial[i]->elems : 0;
    return count;
}
