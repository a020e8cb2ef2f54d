/* SPDX-License-Identifier: MIT */
/* Our own kernels, which run everywhere: gemm.cl on CPUs, an instance of instance.h on GPUs. */
#include <stdlib.h>
#include <string.h>

#include "device/gemm/instance.h"
#include "device/gemm/provider.h"
#include "tensor/packed.h"

struct own {
    const struct gemm_instance *instance; /* NULL: gemm.cl */
    struct kernel *kernel, *sum;          /* sum: of the parts of K, NULL if there is one */
    size_t groups, lanes, parts, chunk, sum_groups;
};

#define SUM_LANES 64

/* -D of all kernels: TYPE_A ... are as in gemm.cl. */
static void write_types(const struct gemm *gemm, enum dtype factor, char *to, size_t size)
{
    const struct gemm_shape *s = &gemm->shape;
    int type[3], stored = dtype_stored(factor); /* a product has one type beside fp32 */
    for (int i = 0; i < 3; i++) {
        type[i] = dtype_stored(s->type[i]);
        stored |= type[i];
    }
    if (packed_is(s->type[1]))
        type[1] = 3 + (int)(s->type[1] - DTYPE_NF4);
    snprintf(to, size,
             "-DTA=%d -DTB=%d -DADD=%d -DSTORED=%d -DTYPE_A=%d -DTYPE_B=%d -DTYPE_C=%d -DFACTOR=%d",
             s->trans_a, s->trans_b, gemm->add, stored, type[0], type[1], type[2],
             dtype_stored(factor));
}

/* -D of vectors and of a tail, where there is one. */
static void write_tail(const struct gemm *gemm, const struct gemm_instance *of, char *to,
                       size_t size)
{
    const struct gemm_tail *t = &gemm->tail;
    const int used = snprintf(to, size, " -DVEC=4 -DSPREAD=%d", of->matrix == MATRIX_PTX);
    if (gemm->has_tail)
        snprintf(to + used, size - (size_t)used,
                 " -DTAIL=%d -DACT=%d -DBIAS=%d -DPOS=%d -DKEEP=%d -DDROP=%d", t->slope ? 2 : 1,
                 t->act, t->biased, t->placed, t->keeps, t->drops);
}

/* Arguments of a tail from this number on; the next number. */
static unsigned set_tail(const struct gemm_tail *t, struct kernel *k, unsigned at)
{
    for (int i = 0; i < TAIL_BUFFERS; i++)
        kernel_set_buffer(k, at++, t->buffer[i]);
    kernel_set_int(k, at++, (int32_t)t->period);
    kernel_set_int(k, at++, (int32_t)t->path);
    kernel_set_int(k, at++, (int32_t)t->threshold);
    kernel_set_float(k, at++, t->scale);
    return at;
}

/* A, B, what the sums are written to, and a tail; the next argument's number. */
static unsigned set_arguments(const struct gemm *gemm, struct kernel *k, struct buffer *to,
                              int has_tail)
{
    const struct gemm_shape *s = &gemm->shape;
    kernel_set_buffer(k, 0, gemm->matrix[0]);
    kernel_set_buffer(k, 1, gemm->matrix[1]);
    kernel_set_buffer(k, 2, to);
    unsigned at = has_tail ? set_tail(&gemm->tail, k, 3) : 3;
    kernel_set_int(k, at++, (int32_t)s->m);
    kernel_set_int(k, at++, (int32_t)s->n);
    kernel_set_int(k, at++, (int32_t)s->k);
    return at;
}

/* On CPUs, and GPUs with groups too small for any instance, in which a work-item makes a tile. Its
 * tiles take 48 KiB of local memory where there is so much, else 24 KiB. */
static int init_tile(struct gemm *gemm, const char *types, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    const struct device_info *info = device_info(gemm->dev);
    struct own *own = gemm->state;
    const size_t side = 64;
    char options[256];
    snprintf(options, sizeof options,
             "%s -DTM=%zu -DTN=%zu -DTK=%d -DRM=8 -DNV=2 -DVEC=16 -DLANES=1", types, side, side,
             info->is_cpu && info->local_bytes >= 48 << 10 ? 64 : 16);
    own->lanes = 1;
    own->groups = (s->m + side - 1) / side * ((s->n + side - 1) / side);
    own->kernel = kernel_new(gemm->dev, "gemm.cl", "gemm", options, err);
    if (!own->kernel)
        return -1;
    set_arguments(gemm, own->kernel, gemm->matrix[2], 0);
    return 0;
}

/* Adds up the parts of K. */
static int init_sum(struct gemm *gemm, const char *options, struct error *err)
{
    struct own *own = gemm->state;
    own->sum = kernel_new(gemm->dev, own->instance->file, "gemm_sum", options, err);
    if (!own->sum)
        return -1;
    const size_t elems = gemm->shape.m * gemm->shape.n;
    const size_t each = gemm->has_tail ? 4 : 1;
    own->sum_groups = (elems / each + SUM_LANES - 1) / SUM_LANES;
    kernel_set_buffer(own->sum, 0, gemm->matrix[3]);
    kernel_set_buffer(own->sum, 1, gemm->matrix[2]);
    unsigned at = gemm->has_tail ? set_tail(&gemm->tail, own->sum, 2) : 2;
    kernel_set_int(own->sum, at++, (int32_t)elems);
    kernel_set_int(own->sum, at, (int32_t)gemm->shape.n);
    return 0;
}

static int init_instance(struct gemm *gemm, enum dtype factor, const char *types, struct error *err)
{
    const struct gemm_shape *s = &gemm->shape;
    struct own *own = gemm->state;
    const struct gemm_instance *of = own->instance;
    const size_t wide = gemm_wide(of, factor);
    char options[512], matrix[16] = "", tail[128];
    if (of->matrix)
        snprintf(matrix, sizeof matrix, " -DMMA=%d", (int)device_info(gemm->dev)->matrix);
    write_tail(gemm, of, tail, sizeof tail);
    own->parts = gemm->matrix[3] ? gemm_parts(s) : 1;
    own->chunk = gemm_chunk(s, own->parts);
    own->lanes = of->lanes;
    own->groups = (s->m + of->m - 1) / of->m * ((s->n + of->n - 1) / of->n) * own->parts;
    snprintf(options, sizeof options,
             "%s -DWIDE_A=%d -DWIDE_B=%d -DWIDE_C=%d -DTM=%zu -DTN=%zu -DTK=%zu -DRM=%zu -DRN=%zu "
             "-DPARTS=%zu -DLANES=%zu%s%s%s",
             types, (s->trans_a ? s->m : s->k) % wide == 0,
             !packed_is(s->type[1]) && (s->trans_b ? s->k : s->n) % wide == 0, s->n % 4 == 0, of->m,
             of->n, of->k, of->rows, of->columns, own->parts, of->lanes, of->options, matrix, tail);
    own->kernel = kernel_new(gemm->dev, of->file, of->kernel, options, err);
    if (!own->kernel)
        return -1;
    const unsigned at = set_arguments(gemm, own->kernel, gemm->matrix[own->parts > 1 ? 3 : 2],
                                      gemm->has_tail && own->parts == 1);
    kernel_set_int(own->kernel, at, (int32_t)own->chunk);
    return own->parts > 1 ? init_sum(gemm, options, err) : 0;
}

/* The instance that gemm->tiles asks for; there is one on GPUs at most. */
static int choose(struct gemm *gemm, enum dtype factor, struct error *err)
{
    struct own *own = gemm->state;
    const size_t asked = gemm->tiles;
    own->instance = gemm_instance_for(gemm->dev, &gemm->shape, factor);
    if (!asked)
        return 0;
    if (asked > gemm_instance_count ||
        !gemm_instance_fits(&gemm_instances[asked - 1], gemm->dev, &gemm->shape, factor))
        return error_set(err, STATUS_DEVICE, "gemm: instance %zu does not fit", asked);
    own->instance = &gemm_instances[asked - 1];
    return 0;
}

int gemm_own_init(struct gemm *gemm, enum dtype factor, struct error *err)
{
    struct own *own = gemm->state = calloc(1, sizeof *own);
    char types[128];
    if (!own)
        return error_set(err, STATUS_FAILED, "gemm: out of memory");
    if (choose(gemm, factor, err))
        return -1;
    write_types(gemm, factor, types, sizeof types);
    return own->instance ? init_instance(gemm, factor, types, err) : init_tile(gemm, types, err);
}

int gemm_own_enqueue(struct gemm *gemm, struct error *err)
{
    const struct own *own = gemm->state;
    if (kernel_enqueue(own->kernel, own->groups, own->lanes, err))
        return -1;
    return own->sum ? kernel_enqueue(own->sum, own->sum_groups, SUM_LANES, err) : 0;
}

void gemm_own_fini(struct gemm *gemm)
{
    struct own *own = gemm->state;
    if (own) {
        kernel_free(own->kernel);
        kernel_free(own->sum);
    }
    free(own);
}

void gemm_own_describe(const struct gemm *gemm, char *to, size_t size)
{
    const struct own *own = gemm->state;
    if (!own->instance)
        return;
    snprintf(to, size, "%zux%zu%s%s", own->instance->m, own->instance->n,
             own->instance->matrix ? ", matrix units" : "", gemm->has_tail ? ", tail" : "");
    if (own->parts > 1)
        snprintf(to + strlen(to), size - strlen(to), ", %zu parts", own->parts);
}

void gemm_own_cut(const struct gemm *gemm, struct gemm_cut *to)
{
    const struct own *own = gemm->state;
    const struct gemm_instance *of = own->instance;
    const struct gemm_shape *s = &gemm->shape;
    if (!of)
        return;
    const double depth = (double)least(own->chunk, s->k) * (double)own->groups;
    const double across = (double)gemm_bytes(of, s);
    *to = (struct gemm_cut){
        .kernel = of->kernel,
        .groups = own->groups,
        .lanes = own->lanes,
        .local_bytes = depth * (double)of->loaded,
        .load = across * (double)gemm_under_way(of, s) / (double)own->lanes,
        .cache_bytes = depth * across,
        .sum_bytes = own->sum ? 8.0 * (double)(own->parts * s->m * s->n) : 0,
        .matrix = of->matrix != MATRIX_NONE,
    };
}

/* A tail takes so many columns at once, by NVIDIA's matrix units pairs of 16 (SPREAD of
 * cl/common.h). */
int gemm_own_tails(const struct device *dev, const struct gemm_shape *s, enum dtype factor)
{
    const int spread =
        gemm_mma_fits(dev, s, factor) && device_matrix_kind(device_info(dev)->matrix) == MATRIX_PTX;
    return !packed_is(s->type[1]) && s->n % (spread ? 16 : 4) == 0 &&
           gemm_instance_for(dev, s, factor) != NULL;
}

static int own_serves(const struct device *dev)
{
    (void)dev;
    return 1;
}

static const char *own_identity(const struct device *dev)
{
    const struct device_info *info = device_info(dev);
    static _Thread_local char name[64];
    if (!info->tf32 || device_matrix_kind(info->matrix) != MATRIX_PTX)
        return "own";
    snprintf(name, sizeof name, "own TF32 %s", device_matrix_name(info->matrix));
    return name;
}

static int own_init(struct gemm *gemm, struct error *err)
{
    return gemm_own_init(gemm, DTYPE_F32, err);
}

static int own_tails(const struct device *dev, const struct gemm_shape *shape)
{
    return gemm_own_tails(dev, shape, DTYPE_F32);
}

const struct gemm_provider gemm_own = {
    .name = "own",
    .serves = own_serves,
    .identity = own_identity,
    .init = own_init,
    .enqueue = gemm_own_enqueue,
    .fini = gemm_own_fini,
    .describe = gemm_own_describe,
    .cut = gemm_own_cut,
    .tails = own_tails,
    GEMM_OWN_TILINGS,
    .unpacks = 1,
};
