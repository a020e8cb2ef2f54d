/* SPDX-License-Identifier: MIT */
/* Products by each provider that serves a device, in the types that it multiplies. */
#include <math.h>
#include <stdlib.h>

#include "device/gemm/provider.h"
#include "known/case.h"
#include "known/pieces.h"
#include "util/now.h"

/* Odd sizes, a transposed factor each, and a long sum, as a weight's gradient is. */
static const struct {
    int trans_a, trans_b;
    size_t m, n, k;
} shapes[] = {{0, 0, 37, 44, 53}, {0, 1, 65, 20, 70}, {1, 0, 24, 33, 700}};

enum { SHAPES = sizeof shapes / sizeof *shapes };

struct product {
    struct gemm_shape shape;
    float *matrix[3]; /* A, B, C as it comes back */
    struct buffer *buffer[4];
};

static size_t elems_of(const struct gemm_shape *s, int matrix)
{
    return matrix == 0 ? s->m * s->k : matrix == 1 ? s->k * s->n : s->m * s->n;
}

static void product_fini(struct product *p)
{
    for (int i = 0; i < 4; i++)
        buffer_free(p->buffer[i]);
    for (int i = 0; i < 3; i++)
        free(p->matrix[i]);
}

/* Factors, and memory of the device. */
static int product_init(struct product *p, struct device *dev, struct error *err)
{
    for (int i = 0; i < 3; i++) {
        const size_t n = elems_of(&p->shape, i);
        p->matrix[i] = malloc(n * sizeof(float));
        if (!p->matrix[i])
            return error_set(err, STATUS_FAILED, "out of memory");
        for (size_t j = 0; j < n; j++)
            p->matrix[i][j] = known_draw((uint32_t)(40 + i), j, -1, 1);
        if (!(p->buffer[i] = buffer_new(dev, n * sizeof(float), "known product", err)) ||
            buffer_write(p->buffer[i], 0, n * sizeof(float), p->matrix[i], err))
            return -1;
    }
    const size_t parts = gemm_room(dev, &p->shape);
    if (parts && !(p->buffer[3] = buffer_new(dev, parts * sizeof(float), "known product", err)))
        return -1;
    return 0;
}

/* The largest deviation of C, relative to the size of its sums. */
static double judge(const struct product *p)
{
    const struct gemm_shape *s = &p->shape;
    double apart = 0;
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0, size = 0;
            for (size_t e = 0; e < s->k; e++) {
                const double a = p->matrix[0][s->trans_a ? e * s->m + i : i * s->k + e];
                const double b = p->matrix[1][s->trans_b ? j * s->k + e : e * s->n + j];
                sum += a * b;
                size += a * b * a * b;
            }
            const double off = fabs((double)p->matrix[2][i * s->n + j] - sum);
            apart = isfinite(off) ? fmax(apart, off / sqrt(size)) : INFINITY;
        }
    return apart;
}

static int multiply(struct product *p, struct device *dev, const struct gemm_provider *provider,
                    double *apart, struct error *err)
{
    if (product_init(p, dev, err))
        return -1;
    struct gemm *gemm = gemm_new(dev, provider, p->shape, p->buffer[0], p->buffer[1], p->buffer[2],
                                 p->buffer[3], 0, NULL, err);
    const int failed =
        !gemm || gemm_enqueue(gemm, err) ||
        buffer_read(p->buffer[2], 0, elems_of(&p->shape, 2) * sizeof(float), p->matrix[2], err);
    gemm_free(gemm);
    if (!failed)
        *apart = fmax(*apart, judge(p));
    return failed ? -1 : 0;
}

/* All shapes by a provider; those that round their factors are further off. */
static void try_provider(struct device *dev, const struct gemm_provider *provider,
                         known_teller *tell, void *ctx)
{
    struct error err;
    struct known_piece piece = {
        .family = "product", .what = provider->name, .allowed = provider->serves ? 1e-5 : 0x1p-6};
    const double before = now();
    int failed = 0;
    for (int i = 0; i < SHAPES && !failed; i++) {
        struct product p = {.shape = gemm_shape_of(shapes[i].trans_a, shapes[i].trans_b,
                                                   shapes[i].m, shapes[i].n, shapes[i].k)};
        failed = multiply(&p, dev, provider, &piece.apart, &err);
        product_fini(&p);
    }
    piece.err = failed ? &err : NULL;
    piece.seconds = now() - before;
    tell(ctx, &piece);
}

void known_products(struct device *dev, known_teller *tell, void *ctx)
{
    int served = 0;
    for (size_t i = 0; i < gemm_provider_count; i++) {
        const struct gemm_provider *provider = gemm_providers[i];
        if (!gemm_provider_serves(provider, dev) || (provider->is_dear && served))
            continue;
        served |= provider->serves != NULL;
        try_provider(dev, provider, tell, ctx);
    }
}
