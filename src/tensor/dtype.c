/* SPDX-License-Identifier: MIT */
#include "tensor/dtype.h"

#include <string.h>

/* A type is stored in blocks of `elems` numbers that take `bytes`. */
static const struct {
    const char *name;
    size_t elems, bytes;
} types[] = {
    [DTYPE_F32] = {"F32", 1, 4}, [DTYPE_F64] = {"F64", 1, 8},   [DTYPE_BF16] = {"BF16", 1, 2},
    [DTYPE_F16] = {"F16", 1, 2}, [DTYPE_I8] = {"I8", 1, 1},     [DTYPE_U8] = {"U8", 1, 1},
    [DTYPE_I32] = {"I32", 1, 4}, [DTYPE_U32] = {"U32", 1, 4},   [DTYPE_I64] = {"I64", 1, 8},
    [DTYPE_U64] = {"U64", 1, 8}, [DTYPE_NF4] = {"NF4", 64, 32},
};
_Static_assert(sizeof types / sizeof *types == DTYPES, "one line a type");

const char *dtype_name(enum dtype dtype)
{
    return types[dtype].name;
}

enum dtype dtype_of(const char *name)
{
    enum dtype dtype = 0;
    while (dtype < DTYPES && strcmp(name, types[dtype].name))
        dtype++;
    return dtype;
}

int dtype_stored(enum dtype dtype)
{
    return dtype == DTYPE_BF16 ? 1 : dtype == DTYPE_F16 ? 2 : 0;
}

size_t dtype_bytes(enum dtype dtype, size_t elems)
{
    size_t block = types[dtype].elems;
    return (elems / block + (elems % block != 0)) * types[dtype].bytes;
}
