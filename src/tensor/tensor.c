/* SPDX-License-Identifier: MIT */
#include "tensor/tensor.h"

#include <stdint.h>

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
    return dtype_bytes(t->dtype, t->elems);
}
