/* SPDX-License-Identifier: MIT */
/*
 * packed.h: numbers of a packed matrix [rows, columns], which lies as src/tensor/packed.h says.
 * PACKED: 1 NF4, 2 NF4_NESTED, 3 INT8.
 */
#ifndef PACKED_H
#define PACKED_H

#include "packed_maps.h"

#ifndef PACKED
#define PACKED 1
#endif

__constant float packed_nf4[16] = {PACKED_NF4};
#if PACKED == 2
__constant float packed_dynamic[256] = {PACKED_DYNAMIC};
#endif

struct packed_form {
    size_t scales, nested; /* where they begin, in bytes */
    size_t columns;
};

static inline struct packed_form packed_form_of(int rows, int columns)
{
    const size_t elems = (size_t)rows * columns, blocks = (elems + 63) / 64;
    struct packed_form form;
    form.scales = PACKED == 3 ? (elems + 3) / 4 * 4 : blocks * 32;
    form.nested = form.scales + (blocks + 3) / 4 * 4;
    form.columns = columns;
    return form;
}

/* What the codes of a block of 64, or of INT8's row, are multiplied with. */
static inline float packed_scale(__global const uchar *w, const struct packed_form *form, size_t of)
{
#if PACKED == 2
    __global const float *nested = (__global const float *)(w + form->nested);
    return packed_dynamic[w[form->scales + of]] * nested[1 + of / 256] + nested[0];
#elif PACKED == 3
    return ((__global const float *)(w + form->scales))[of] * (1.0f / 127);
#else
    return ((__global const float *)(w + form->scales))[of];
#endif
}

/* Number i of the flat matrix. */
static inline float packed_at(__global const uchar *w, const struct packed_form *form, size_t i)
{
#if PACKED == 3
    return (float)(char)w[i] * packed_scale(w, form, i / form->columns);
#else
    const uchar pair = w[i / 2];
    return packed_nf4[i % 2 ? pair & 15 : pair >> 4] * packed_scale(w, form, i / 64);
#endif
}

#endif
