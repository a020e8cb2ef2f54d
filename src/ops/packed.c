/* SPDX-License-Identifier: MIT */
/*
 * Products of packed matrices (tensor/packed.h). One to eight rows are multiplied by a kernel that
 * reads the codes; more by a provider of products, which unpacks blocks of W on a CPU and gets W
 * unpacked, in scratch memory, elsewhere.
 */
#include "tensor/packed.h"
#include "lower/cut.h"
#include "ops/classes.h"

#define FEW ((size_t)8)

/* PACKED of cl/packed.h. */
static int kind_of(const struct tensor *w)
{
    return 1 + (int)(w->dtype - DTYPE_NF4);
}

static void few_rows(struct plan *p, const char *label, const struct gemm_shape *s,
                     struct tensor *x, struct tensor *w, struct tensor *y)
{
    const int int8 = w->dtype == DTYPE_INT8, cpu = cut_for_cpu(p);
    const int wide = s->k % (int8 ? 16 : PACKED_BLOCK) == 0;
    const int vec = !wide ? 1 : cpu ? 16 : int8 ? 4 : 1;
    /* as many as CPUs with vectors of 512 bits have registers for (tests/bench/RESULTS.md) */
    const size_t tile = !cpu || !wide || int8 ? 1 : s->m < 3 ? 4 : 2;
    const struct chunks tiles =
        cpu ? cut_rows(p, (s->n + tile - 1) / tile) : (struct chunks){1, s->n};
    const unsigned lanes = cut_group(p, 64);
    struct launch *l =
        plan_kernel(p, "quantized.cl", "few_rows", tiles.groups, lanes,
                    "-DPACKED=%d -DROWS=%zu -DWIDE=%d -DVEC=%d -DTILE=%zu -DLANES=%u", kind_of(w),
                    s->m, wide, vec, tile, lanes);
    launch_read(l, x);
    launch_read(l, w);
    launch_write(l, y);
    launch_int(l, s->n);
    launch_int(l, s->k);
    launch_int(l, tiles.chunk * tile);
    launch_cost(l, 2.0 * (double)s->m * (double)s->n * (double)s->k, label);
}

/* The numbers of W in scratch memory. */
static struct tensor *unpacked(struct plan *p, struct tensor *w)
{
    const size_t rows = tensor_rows(w), columns = tensor_columns(w), pairs = (w->elems + 1) / 2;
    struct tensor *to = plan_tensor2(p, w->name, rows, columns);
    const unsigned lanes = cut_group(p, 64);
    const size_t chunk = 8 * (size_t)lanes;
    struct launch *l =
        plan_kernel(p, "quantized.cl", "unpack", (pairs + chunk - 1) / chunk, lanes,
                    "-DPACKED=%d -DROWS=1 -DWIDE=0 -DVEC=1 -DTILE=1 -DLANES=%u", kind_of(w), lanes);
    launch_read(l, w);
    launch_write(l, to);
    launch_int(l, rows);
    launch_int(l, columns);
    launch_int(l, chunk);
    launch_cost(l, (double)w->elems, w->name);
    return to;
}

void packed_product(struct plan *p, const char *label, struct gemm_shape shape, struct tensor *a,
                    struct tensor *w, struct tensor *c, int add)
{
    if (shape.m <= FEW && shape.trans_b && !add)
        few_rows(p, label, &shape, a, w, c);
    else
        plan_gemm(p, label, shape, a, cut_for_cpu(p) ? w : unpacked(p, w), c, add);
}
