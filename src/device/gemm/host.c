/* SPDX-License-Identifier: MIT */
/*
 * Products by host functions on CPU devices. A product is cut into tiles of C, or along K where C
 * is small, as fixed by its shape; each is a command in the device's queue, so that the device's
 * own threads run them side by side. Who multiplies a block is chosen once: a host BLAS, or our own
 * multiplication of factors in bfloat16.
 */
#include <stdlib.h>

#include "device/gemm/provider.h"
#include "tensor/packed.h"

struct host {
    gemm_multiply *multiply;
    size_t tiles;         /* or parts */
    struct buffer *parts; /* the sums of the parts of a deep product; NULL for others */
};

/* All of a product as a block. */
static struct gemm_block whole(const struct gemm_shape *s, void **memory)
{
    return (struct gemm_block){.shape = *s,
                               .a = memory[0],
                               .b = memory[1],
                               .c = memory[2],
                               .lda = s->trans_a ? s->m : s->k,
                               .ldb = s->trans_b ? s->k : s->n,
                               .ldc = s->n,
                               .b_rows = s->trans_b ? s->n : s->k};
}

struct tile {
    gemm_multiply *multiply;
    struct gemm_shape shape;
    size_t from, to; /* rows of C, or columns where it is wider than high */
    int by_rows, add;
};

static void run_tile(void **memory, const void *arg)
{
    const struct tile *t = arg;
    struct gemm_block block = whole(&t->shape, memory);
    block.add = t->add;
    if (t->by_rows) {
        block.a =
            gemm_at(block.a, t->shape.type[0], t->shape.trans_a ? t->from : t->from * block.lda);
        block.c = gemm_at(block.c, t->shape.type[2], t->from * block.ldc);
        block.shape.m = t->to - t->from;
    } else {
        block.b_from = t->shape.trans_b ? t->from * block.ldb : t->from;
        if (!packed_is(t->shape.type[1]))
            block.b = gemm_at(block.b, t->shape.type[1], block.b_from);
        block.c = gemm_at(block.c, t->shape.type[2], t->from);
        block.shape.n = t->to - t->from;
    }
    t->multiply(&block);
}

/* Parts of a deep product, C = A^T B with a small C: the gradient of a weight, K being the rows of
 * a batch. Each part sums its share of K in a C of its own. */
#define PARTS 8
#define PART_LEAST 256            /* of K */
#define SMALL_C ((size_t)1 << 16) /* elements */

struct part {
    gemm_multiply *multiply;
    struct gemm_shape shape;
    size_t number, parts;
    int add; /* in the end: to C */
};

static void run_part(void **memory, const void *arg)
{
    const struct part *p = arg;
    struct gemm_block block = whole(&p->shape, memory);
    size_t k = p->shape.k, from = k * p->number / p->parts;
    block.a = gemm_at(block.a, p->shape.type[0], from * block.lda);
    block.b = gemm_at(block.b, p->shape.type[1], from * block.ldb);
    block.c = (float *)block.c + p->number * p->shape.m * p->shape.n;
    block.deep = 1;
    block.shape.k = k * (p->number + 1) / p->parts - from;
    p->multiply(&block);
}

static void add_parts(void **memory, const void *arg)
{
    const struct part *p = arg;
    size_t elems = p->shape.m * p->shape.n;
    const float *part = memory[0];
    float *c = memory[1];
    for (size_t i = 0; i < elems; i++) {
        float sum = p->add ? c[i] : 0;
        for (size_t n = 0; n < p->parts; n++)
            sum += part[n * elems + i];
        c[i] = sum;
    }
}

static int init_parts(struct gemm *gemm, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    struct host *host = gemm->state;
    host->tiles = least(PARTS, s->k / PART_LEAST);
    host->parts = buffer_new(gemm->dev, host->tiles * s->m * s->n * 4, "parts of a product", err);
    return host->parts ? 0 : -1;
}

static int enqueue_parts(struct gemm *gemm, struct error *err)
{
    const struct host *host = gemm->state;
    struct buffer *const from[] = {gemm->matrix[0], gemm->matrix[1], host->parts};
    struct buffer *const to[] = {host->parts, gemm->matrix[2]};
    struct part part = {host->multiply, gemm->shape, 0, host->tiles, gemm->add};
    int result = 0;
    device_fork(gemm->dev);
    for (; part.number < part.parts && !result; part.number++)
        result = device_enqueue_native(gemm->dev, run_part, &part, sizeof part, from, 3, err);
    if (device_join(gemm->dev, err) || result)
        return -1;
    return device_enqueue_native(gemm->dev, add_parts, &part, sizeof part, to, 2, err);
}

/* Whether tiles are rows of C. They are columns where B is packed, so that each of its numbers is
 * unpacked for one tile. */
static int is_by_rows(const struct gemm_shape *s)
{
    return s->m >= s->n && !packed_is(s->type[1]);
}

static size_t cut_extent(const struct gemm_shape *s)
{
    return is_by_rows(s) ? s->m : s->n;
}

/* A tile is worth a command from about 8 MFLOP on. None is thinner than 32, and thinner than 128
 * only where there would not be two: each packs for itself what it shares with the others. */
static size_t tiles_of(const struct gemm_shape *s)
{
    size_t extent = cut_extent(s), tiles = 1;
    size_t by_work = (size_t)(2.0 * (double)s->m * (double)s->n * (double)s->k / 8e6);
    size_t most = least(by_work, extent / (extent >= 256 ? 128 : 32));
    while (tiles * 2 <= most && tiles < 16)
        tiles *= 2;
    return tiles;
}

int gemm_host_init(struct gemm *gemm, gemm_multiply *multiply, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    struct host *host = gemm->state = calloc(1, sizeof *host);
    if (!host)
        return error_set(err, STATUS_FAILED, "gemm: out of memory");
    host->multiply = multiply;
    if (!gemm->tiles && s->trans_a && !s->trans_b && s->type[2] == DTYPE_F32 &&
        !packed_is(s->type[1]) && s->m * s->n <= SMALL_C && s->n <= 512 && s->k >= 2048)
        return init_parts(gemm, err);
    size_t extent = cut_extent(s);
    host->tiles = least(gemm->tiles ? gemm->tiles : tiles_of(s), least(extent / 32, 16));
    if (host->tiles < 1)
        host->tiles = 1;
    return 0;
}

static int enqueue_tiles(struct gemm *gemm, struct error *err)
{
    const struct host *host = gemm->state;
    struct tile tile = {.multiply = host->multiply, .shape = gemm->shape, .add = gemm->add};
    tile.by_rows = is_by_rows(&tile.shape);
    size_t extent = cut_extent(&tile.shape);
    int result = 0;
    if (host->tiles > 1)
        device_fork(gemm->dev);
    for (size_t i = 0; i < host->tiles && !result; i++) {
        tile.from = extent * i / host->tiles;
        tile.to = extent * (i + 1) / host->tiles;
        result =
            device_enqueue_native(gemm->dev, run_tile, &tile, sizeof tile, gemm->matrix, 3, err);
    }
    return device_join(gemm->dev, err) || result ? -1 : 0;
}

int gemm_host_enqueue(struct gemm *gemm, struct error *err)
{
    const struct host *host = gemm->state;
    return host->parts ? enqueue_parts(gemm, err) : enqueue_tiles(gemm, err);
}

void gemm_host_fini(struct gemm *gemm)
{
    struct host *host = gemm->state;
    if (host)
        buffer_free(host->parts);
    free(host);
}

void gemm_host_describe(const struct gemm *gemm, char *to, size_t size)
{
    const struct host *host = gemm->state;
    snprintf(to, size, "%zu %s", host->tiles, host->parts ? "parts" : "tiles");
}
