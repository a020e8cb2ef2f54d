/* SPDX-License-Identifier: MIT */
/*
 * builtins: OpenCL C 1.2's functions that the kernels call, with the qualifiers of clang's
 * opencl-c.h. PoCL's compiler reads that header of 17,000 lines twice for every program, which is
 * most of what a program costs. program.c has it left out and these lines in its place, and builds
 * a program the usual way where that fails: a kernel that calls what is not here only takes longer.
 */
#define IS __attribute__((overloadable, const))
#define READS __attribute__((overloadable, pure))
#define DOES __attribute__((overloadable))

/* GIVE(name, type) for each width of a type, alone or with each further argument. */
#define WIDTHS(GIVE, ...) \
    GIVE(, __VA_ARGS__)   \
    GIVE(2, __VA_ARGS__)  \
    GIVE(4, __VA_ARGS__)  \
    GIVE(8, __VA_ARGS__)  \
    GIVE(16, __VA_ARGS__)

IS size_t get_global_id(uint);
IS size_t get_local_id(uint);
IS size_t get_group_id(uint);
IS size_t get_num_groups(uint);
DOES __attribute__((convergent)) void barrier(cl_mem_fence_flags);

/* Functions of numbers, element by element. */
#define OF_1(n, name) IS float##n name(float##n);
#define OF_2(n, name) IS float##n name(float##n, float##n);
#define OF_3(n, name) IS float##n name(float##n, float##n, float##n);
#define OF_FLOAT_INT(n, name) IS float##n name(float##n, int##n);
#define INT_OF(n, name) IS int##n name(float##n);
#define OF_2_INTS(n, name)             \
    IS int##n name(int##n, int##n);    \
    IS uint##n name(uint##n, uint##n); \
    IS long##n name(long##n, long##n); \
    IS ulong##n name(ulong##n, ulong##n);
#define SELECTS(n, name)                           \
    IS float##n name(float##n, float##n, int##n);  \
    IS float##n name(float##n, float##n, uint##n); \
    IS int##n name(int##n, int##n, int##n);        \
    IS int##n name(int##n, int##n, uint##n);       \
    IS uint##n name(uint##n, uint##n, int##n);     \
    IS uint##n name(uint##n, uint##n, uint##n);    \
    IS ushort##n name(ushort##n, ushort##n, short##n);
WIDTHS(OF_1, cospi)
WIDTHS(OF_1, erf)
WIDTHS(OF_1, exp)
WIDTHS(OF_1, exp2)
WIDTHS(OF_1, fabs)
WIDTHS(OF_1, log)
WIDTHS(OF_1, log1p)
WIDTHS(OF_1, log2)
WIDTHS(OF_1, rint)
WIDTHS(OF_1, sign)
WIDTHS(OF_1, sinpi)
WIDTHS(OF_1, sqrt)
WIDTHS(OF_1, tanh)
WIDTHS(OF_2, copysign)
WIDTHS(OF_2, fmax)
WIDTHS(OF_2, fmin)
WIDTHS(OF_2, max)
WIDTHS(OF_2, min)
WIDTHS(OF_3, fma)
WIDTHS(OF_FLOAT_INT, ldexp)
WIDTHS(INT_OF, ilogb)
WIDTHS(INT_OF, isfinite)
WIDTHS(INT_OF, isnan)
WIDTHS(OF_2_INTS, max)
WIDTHS(OF_2_INTS, min)
WIDTHS(OF_2_INTS, mul_hi)
WIDTHS(SELECTS, select)
IS int clamp(int, int, int);
#define ANY_OF(n, name) IS int name(int##n);
WIDTHS(ANY_OF, any)

/* Conversions: to a type from each. */
#define CONVERTS_FROM(n, to, from) IS to##n convert_##to##n(from##n);
#define CONVERTS(to)                  \
    WIDTHS(CONVERTS_FROM, to, char)   \
    WIDTHS(CONVERTS_FROM, to, uchar)  \
    WIDTHS(CONVERTS_FROM, to, short)  \
    WIDTHS(CONVERTS_FROM, to, ushort) \
    WIDTHS(CONVERTS_FROM, to, int)    \
    WIDTHS(CONVERTS_FROM, to, uint)   \
    WIDTHS(CONVERTS_FROM, to, float)
CONVERTS(float)
CONVERTS(int)
CONVERTS(uint)
CONVERTS(ushort)

/* Vectors from and to memory. */
#define LOADS_IN(n, type, space) READS type##n vload##n(size_t, const space type *);
#define STORES_IN(n, type, space) DOES void vstore##n(type##n, size_t, space type *);
#define VECTORS(GIVE, type, space) \
    GIVE(2, type, space)           \
    GIVE(4, type, space)           \
    GIVE(8, type, space)           \
    GIVE(16, type, space)
#define MOVES(type)                     \
    VECTORS(LOADS_IN, type, __constant) \
    VECTORS(LOADS_IN, type, __global)   \
    VECTORS(LOADS_IN, type, __local)    \
    VECTORS(LOADS_IN, type, __private)  \
    VECTORS(STORES_IN, type, __global)  \
    VECTORS(STORES_IN, type, __local)   \
    VECTORS(STORES_IN, type, __private)
MOVES(char)
MOVES(uchar)
MOVES(short)
MOVES(ushort)
MOVES(int)
MOVES(uint)
MOVES(float)
