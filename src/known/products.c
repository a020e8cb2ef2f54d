/* SPDX-License-Identifier: MIT */
/* Products by each provider that serves a device, in the types that it multiplies. */
#include <math.h>
#include <stdlib.h>

#include "device/gemm/instance.h"
#include "device/gemm/provider.h"
#include "known/case.h"
#include "known/pieces.h"
#include "util/now.h"

struct shape {
    int trans_a, trans_b;
    size_t m, n, k;
    int stored; /* bits: A, B, C are of the factors' type */
};

/* Odd sizes, a transposed factor each, and a long sum, as a weight's gradient is. */
static const struct shape odd[] = {
    {0, 0, 37, 44, 53, 0}, {0, 1, 65, 20, 70, 0}, {1, 0, 24, 33, 700, 0}};

/* The products of a linear layer: its output, the gradients of its input and of its weight, whose K
 * is cut. Rows are whole pieces of 16 bytes, which every instance takes; tiles of none are whole.
 */
static const struct shape whole[] = {
    {0, 1, 264, 136, 40, 5}, {0, 0, 264, 136, 72, 7}, {1, 0, 136, 72, 1032, 3}};

enum { ODD = sizeof odd / sizeof *odd, WHOLE = sizeof whole / sizeof *whole };
enum { WITH_ODD = 1, WITH_WHOLE = 2, WITH_BOTH = 3 };

/* Of products of rounded factors, summed up in fp32 in whatever order. Factors that are cut off
 * instead make it ten times as much. */
#define ALLOWED_ROUNDED 0x1p-13

struct product {
    struct gemm_shape shape;
    enum dtype factor; /* F32: factors are not rounded, or with `tf32` to TF32 */
    int tf32;
    float *matrix[3]; /* A, B, C as it comes back */
    struct buffer *buffer[4];
};

static size_t elems_of(const struct gemm_shape *s, int matrix)
{
    return matrix == 0 ? s->m * s->k : matrix == 1 ? s->k * s->n : s->m * s->n;
}

static struct gemm_shape shape_of(const struct shape *of, enum dtype factor)
{
    struct gemm_shape s = gemm_shape_of(of->trans_a, of->trans_b, of->m, of->n, of->k);
    for (int i = 0; i < 3; i++)
        s.type[i] = of->stored >> i & 1 ? factor : DTYPE_F32;
    return s;
}

static void product_fini(struct product *p)
{
    for (int i = 0; i < 4; i++)
        buffer_free(p->buffer[i]);
    for (int i = 0; i < 3; i++)
        free(p->matrix[i]);
}

/* --- numbers as matrices hold them */

/* What becomes of a factor: TF32 has 11 digits, ties away from zero. */
static float factor_of(const struct product *p, float x)
{
    int exponent;
    const double part = frexp((double)x, &exponent);
    return p->tf32 ? (float)ldexp(round(ldexp(part, 11)), exponent - 11)
                   : known_rounded(x, p->factor);
}

/* Matrix i to its buffer; what is left of it are the factors. */
static int put_matrix(struct product *p, int i, struct error *err)
{
    const enum dtype type = p->shape.type[i];
    const size_t n = elems_of(&p->shape, i), bytes = dtype_bytes(type, n);
    void *held = malloc(bytes);
    if (!held)
        return error_set(err, STATUS_FAILED, "out of memory");
    for (size_t j = 0; j < n; j++) {
        const double x = (double)p->matrix[i][j];
        dtype_of_doubles(type, &x, 1, (char *)held + dtype_bytes(type, j));
        p->matrix[i][j] = factor_of(p, p->matrix[i][j]);
    }
    const int failed = buffer_write(p->buffer[i], 0, bytes, held, err);
    free(held);
    return failed;
}

static int get_product(struct product *p, struct error *err)
{
    const enum dtype type = p->shape.type[2];
    const size_t n = elems_of(&p->shape, 2), bytes = dtype_bytes(type, n);
    void *held = malloc(bytes);
    if (!held)
        return error_set(err, STATUS_FAILED, "out of memory");
    const int failed = buffer_read(p->buffer[2], 0, bytes, held, err);
    if (!failed)
        dtype_floats(type, held, n, p->matrix[2]);
    free(held);
    return failed;
}

/* Factors, and memory of the device. */
static int product_init(struct product *p, struct device *dev, struct error *err)
{
    for (int i = 0; i < 3; i++) {
        const size_t n = elems_of(&p->shape, i), bytes = dtype_bytes(p->shape.type[i], n);
        p->matrix[i] = malloc(n * sizeof(float));
        if (!p->matrix[i])
            return error_set(err, STATUS_FAILED, "out of memory");
        for (size_t j = 0; j < n; j++)
            p->matrix[i][j] = known_draw((uint32_t)(40 + i), j, -1, 1);
        if (!(p->buffer[i] = buffer_new(dev, bytes, "known product", err)) || put_matrix(p, i, err))
            return -1;
    }
    const size_t parts = gemm_room(dev, &p->shape);
    if (parts && !(p->buffer[3] = buffer_new(dev, parts * sizeof(float), "known product", err)))
        return -1;
    return 0;
}

/* --- judging them */

/* The largest deviation of C beyond its own rounding, relative to the size of its sums. */
static double judge(const struct product *p)
{
    const struct gemm_shape *s = &p->shape;
    const double rounds = s->type[2] == DTYPE_BF16 ? 0x1p-8 : s->type[2] == DTYPE_F16 ? 0x1p-11 : 0;
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
            apart = isfinite(off) ? fmax(apart, (off - rounds * fabs(sum)) / sqrt(size)) : INFINITY;
        }
    return apart;
}

/* `tiles` as in struct gemm. */
static int multiply(struct product *p, struct device *dev, const struct gemm_provider *provider,
                    size_t tiles, double *apart, struct error *err)
{
    if (product_init(p, dev, err))
        return -1;
    struct gemm *gemm = gemm_new_as(dev, provider, tiles, p->shape, p->buffer, 0, NULL, err);
    const int failed = !gemm || gemm_enqueue(gemm, err) || get_product(p, err);
    gemm_free(gemm);
    if (!failed)
        *apart = fmax(*apart, judge(p));
    return failed ? -1 : 0;
}

/* Whether fp32 is rounded: by whom a product is made, if by nobody else then by our own kernels. */
static int takes_tf32(const struct device *dev, const struct known_tiling *by,
                      const struct gemm_shape *s)
{
    const struct gemm_instance *of = by->tiles ? &gemm_instances[by->tiles - 1] : NULL;
    if (!by->tiles && by->provider == gemm_provider_find("own"))
        of = gemm_instance_for(dev, s, DTYPE_F32);
    return by->provider->factor == DTYPE_F32 && of && of->matrix;
}

/* Products of these shapes, until one fails. */
static int multiply_all(struct device *dev, const struct known_tiling *by,
                        const struct shape *shapes, size_t count, double *apart, struct error *err)
{
    const enum dtype factor = by->provider->factor;
    int failed = 0;
    for (size_t i = 0; i < count && !failed; i++) {
        struct product p = {.shape = shape_of(&shapes[i], factor), .factor = factor};
        p.tf32 = takes_tf32(dev, by, &p.shape);
        failed = multiply(&p, dev, by->provider, by->tiles, apart, err);
        product_fini(&p);
    }
    return failed;
}

/* --- by whom they are made */

/* Whether an instance makes all products of a layer, and no other units would. */
static int serves(const struct device *dev, const struct gemm_provider *provider,
                  const struct gemm_instance *of)
{
    const enum dtype factor = provider->factor;
    for (int i = 0; i < WHOLE; i++) {
        const struct gemm_shape s = shape_of(&whole[i], factor);
        if (!gemm_instance_fits(of, dev, &s, factor) ||
            (!of->matrix && (factor != DTYPE_F32 || gemm_mma_fits(dev, &s, factor))))
            return 0;
    }
    return 1;
}

size_t known_tilings(const struct device *dev, struct known_tiling to[KNOWN_TILINGS])
{
    static const char *const ours[] = {"own", "bf16_products", "fp16_products"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        const struct gemm_provider *provider = gemm_provider_find(ours[i]);
        for (size_t tiles = 1; tiles <= gemm_instance_count; tiles++)
            if (count < KNOWN_TILINGS && serves(dev, provider, &gemm_instances[tiles - 1]))
                to[count++] = (struct known_tiling){provider, tiles};
    }
    return count;
}

static int count_of(const struct known_tiling *all, size_t count,
                    const struct gemm_provider *provider)
{
    int found = 0;
    for (size_t i = 0; i < count; i++)
        found += all[i].provider == provider;
    return found;
}

/* Both kinds of shapes by a provider or an instance, `with`: which; fp32 is exact but as TF32. */
static void try_shapes(struct device *dev, const struct known_tiling *by, int with,
                       known_teller *tell, void *ctx)
{
    const struct gemm_instance *of = by->tiles ? &gemm_instances[by->tiles - 1] : NULL;
    const int tf32 = device_info(dev)->tf32, rounds = tf32 || by->provider->factor != DTYPE_F32;
    struct error err;
    char what[KNOWN_WHAT], tiles[32] = "";
    struct known_piece piece = {
        .family = "product", .what = what, .allowed = rounds ? ALLOWED_ROUNDED : 1e-5};
    const double before = now();
    if (of)
        snprintf(tiles, sizeof tiles, ", %zux%zu%s", of->m, of->n,
                 of->matrix ? ", matrix units" : "");
    snprintf(what, sizeof what, "%s%s%s", by->provider->name, tf32 ? ", TF32" : "", tiles);
    const int failed =
        (with & WITH_ODD && multiply_all(dev, by, odd, ODD, &piece.apart, &err)) ||
        (with & WITH_WHOLE && multiply_all(dev, by, whole, WHOLE, &piece.apart, &err));
    piece.err = failed ? &err : NULL;
    piece.seconds = now() - before;
    tell(ctx, &piece);
}

/* Of a device that may round to TF32 whoever does. */
static int is_tried(const struct device *dev, const struct gemm_provider *provider, int served)
{
    if (device_info(dev)->tf32 && provider != gemm_provider_find("own"))
        return 0;
    return gemm_provider_serves(provider, dev) && !(provider->is_dear && served);
}

void known_products(struct device *dev, known_teller *tell, void *ctx)
{
    struct known_tiling tilings[KNOWN_TILINGS];
    const size_t count = known_tilings(dev, tilings);
    int served = 0;
    for (size_t i = 0; i < gemm_provider_count; i++) {
        const struct known_tiling by = {gemm_providers[i], 0};
        if (!is_tried(dev, by.provider, served))
            continue;
        served |= by.provider->serves != NULL;
        try_shapes(dev, &by, count_of(tilings, count, by.provider) ? WITH_ODD : WITH_BOTH, tell,
                   ctx);
    }
    for (size_t i = 0; i < count; i++)
        if (is_tried(dev, tilings[i].provider, 0))
            try_shapes(dev, &tilings[i], WITH_WHOLE, tell, ctx);
}
