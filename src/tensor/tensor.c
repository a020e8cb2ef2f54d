/* SPDX-License-Identifier: MIT */
#include "tensor/tensor.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/packed.h"
#include "util/array.h"

int tensor_count(int rank, const size_t *dim, size_t *elems)
{
    size_t n = 1;
    for (int r = 0; r < rank; r++)
        if (__builtin_mul_overflow(n, dim[r], &n))
            return *elems = 1, -1;
    *elems = n <= SIZE_MAX / 16 ? n : 1; /* room to count bytes, aligned */
    return n <= SIZE_MAX / 16 ? 0 : -1;
}

size_t tensor_bytes(const struct tensor *t)
{
    return packed_is(t->dtype) ? packed_form(t->dtype, tensor_rows(t), tensor_columns(t)).bytes
                               : dtype_bytes(t->dtype, t->elems);
}

struct tensor *tensor_base(struct tensor *t)
{
    while (t && t->of)
        t = t->of;
    return t;
}

size_t tensor_columns(const struct tensor *t)
{
    return t->rank ? t->dim[t->rank - 1] : 1;
}

size_t tensor_rows(const struct tensor *t)
{
    size_t columns = tensor_columns(t);
    return columns ? t->elems / columns : 0;
}

const char *tensor_shape_text(const struct tensor *t, char *to, size_t size)
{
    size_t used = (size_t)snprintf(to, size, "[");
    for (int r = 0; r < t->rank && used < size; r++)
        used += (size_t)snprintf(to + used, size - used, "%s%zu", r ? ", " : "", t->dim[r]);
    if (used < size)
        snprintf(to + used, size - used, "]");
    return to;
}

struct tensor *tensors_add(struct tensors *list, const char *name, enum tensor_kind kind,
                           enum dtype dtype, int rank, const size_t *dim, int *fits)
{
    char *copy = strdup(name);
    struct tensor *t = copy ? array_append((void ***)&list->item, &list->count, sizeof *t) : NULL;
    if (!t) {
        free(copy);
        return NULL;
    }
    t->name = copy;
    t->kind = kind;
    t->dtype = dtype;
    t->rank = rank;
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    *fits = !tensor_count(rank, dim, &t->elems);
    t->first = t->last = -1;
    return t;
}

void tensors_free(struct tensors *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->item[i]->name);
        free(list->item[i]->initial);
        free(list->item[i]);
    }
    free(list->item);
    *list = (struct tensors){0};
}
