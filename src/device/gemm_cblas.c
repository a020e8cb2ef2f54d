/*
 * A host BLAS on CPU devices. A product is cut into tiles of C, or along K where C is small, as
 * fixed by its shape; each is a host function in the device's queue, so that the device's own
 * threads run them side by side. The BLAS itself must stay one-threaded: its threads would fight
 * the device's for the cores.
 */
#include "device/gemm_providers.h"

#ifdef HAVE_CBLAS

#include <dlfcn.h>
#ifdef HAVE_CBLAS_H
#include <cblas.h>
#else
#include <flexiblas/cblas.h>
#endif

/* Every BLAS has its own switch; the one that is linked in is found by name. */
static void one_thread(void)
{
    static const char *const switches[] = {"openblas_set_num_threads", "bli_thread_set_num_threads",
                                           "MKL_Set_Num_Threads", "flexiblas_set_num_threads"};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        void *symbol = dlsym(RTLD_DEFAULT, switches[i]);
        if (!symbol)
            continue;
        if (i == 1)
            (*(void (**)(long)) & symbol)(1); /* BLIS takes its dim_t */
        else
            (*(void (**)(int)) & symbol)(1);
    }
}

const char *gemm_cblas_identity(void)
{
    static char name[256];
    if (!name[0]) {
        void *config = dlsym(RTLD_DEFAULT, "openblas_get_config");
        void *core = dlsym(RTLD_DEFAULT, "openblas_get_corename");
        snprintf(name, sizeof name, "cblas %s%s%s", config ? (*(char *(**)(void)) & config)() : "",
                 core ? " core " : "", core ? (*(char *(**)(void)) & core)() : "");
    }
    return name;
}

struct tile {
    struct gemm_shape shape;
    size_t from, to; /* rows of C, or columns where it is wider than high */
    int by_rows;
    float beta;
};

static void run_tile(void **memory, const void *arg)
{
    const struct tile *t = arg;
    const struct gemm_shape *s = &t->shape;
    const float *a = memory[0], *b = memory[1];
    float *c = memory[2];
    size_t m = s->m, n = s->n, part = t->to - t->from;
    if (t->by_rows) {
        a += s->trans_a ? t->from : t->from * s->k;
        c += t->from * s->n;
        m = part;
    } else {
        b += s->trans_b ? t->from * s->k : t->from;
        c += t->from;
        n = part;
    }
    cblas_sgemm(CblasRowMajor, s->trans_a ? CblasTrans : CblasNoTrans,
                s->trans_b ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)s->k, 1, a,
                (int)(s->trans_a ? s->m : s->k), b, (int)(s->trans_b ? s->k : s->n), t->beta, c,
                (int)s->n);
}

/*
 * Parts of a deep product, C = A^T B with a small C: the gradient of a weight, K being the rows of
 * a batch. Each part sums its share of K in steps so short that the BLAS takes its path for small
 * matrices, which packs nothing, and that a step's rows of A and B are read from cache.
 */
#define PARTS 8
#define PART_LEAST 256            /* of K */
#define SMALL_C ((size_t)1 << 16) /* elements */
#define SMALL_WORK 1000000        /* m n k of OpenBLAS's small matrices */

struct part {
    struct gemm_shape shape;
    size_t number, parts;
    int add; /* in the end: to C */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void run_part(void **memory, const void *arg)
{
    const struct part *p = arg;
    const struct gemm_shape *s = &p->shape;
    const float *a = memory[0], *b = memory[1];
    float *c = (float *)memory[2] + p->number * s->m * s->n;
    size_t rows = s->n > 128 ? 32 : 64, step = SMALL_WORK / (rows * s->n);
    size_t from = s->k * p->number / p->parts, to = s->k * (p->number + 1) / p->parts;
    step = least(step, 768);
    for (size_t k = from; k < to; k += step)
        for (size_t i = 0; i < s->m; i += rows)
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)least(rows, s->m - i),
                        (int)s->n, (int)least(step, to - k), 1, a + k * s->m + i, (int)s->m,
                        b + k * s->n, (int)s->n, k > from ? 1 : 0, c + i * s->n, (int)s->n);
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
    gemm->tiles = least(PARTS, s->k / PART_LEAST);
    gemm->parts = buffer_new(gemm->dev, gemm->tiles * s->m * s->n * 4, "parts of a product", err);
    return gemm->parts ? 0 : -1;
}

static int enqueue_parts(struct gemm *gemm, struct error *err)
{
    struct buffer *const from[] = {gemm->matrix[0], gemm->matrix[1], gemm->parts};
    struct buffer *const to[] = {gemm->parts, gemm->matrix[2]};
    struct part part = {gemm->shape, 0, gemm->tiles, gemm->add};
    int result = 0;
    device_fork(gemm->dev);
    for (; part.number < part.parts && !result; part.number++)
        result = device_enqueue_native(gemm->dev, run_part, &part, sizeof part, from, 3, err);
    if (device_join(gemm->dev, err) || result)
        return -1;
    return device_enqueue_native(gemm->dev, add_parts, &part, sizeof part, to, 2, err);
}

/* A tile is worth a command from about 8 MFLOP on. None is thinner than 32, and thinner than 128
 * only where there would not be two: each packs for itself what it shares with the others. */
int gemm_cblas_init(struct gemm *gemm, struct error *err)
{
    if (!device_info(gemm->dev)->has_native)
        return error_set(err, STATUS_DEVICE,
                         "device.gemm = cblas: this device does not run host functions");
    one_thread();
    const struct gemm_shape *s = &gemm->shape;
    if (!gemm->tiles && s->trans_a && !s->trans_b && s->m * s->n <= SMALL_C && s->n <= 512 &&
        s->k >= 2048)
        return init_parts(gemm, err);
    size_t extent = s->m >= s->n ? s->m : s->n;
    size_t by_work = (size_t)(2.0 * (double)s->m * (double)s->n * (double)s->k / 8e6);
    size_t most = least(by_work, extent / (extent >= 256 ? 128 : 32));
    if (!gemm->tiles)
        for (gemm->tiles = 1; gemm->tiles * 2 <= most && gemm->tiles < 16;)
            gemm->tiles *= 2;
    gemm->tiles = least(gemm->tiles, least(extent / 32, 16));
    if (gemm->tiles < 1)
        gemm->tiles = 1;
    return 0;
}

static int enqueue_tiles(struct gemm *gemm, struct error *err)
{
    struct tile tile = {.shape = gemm->shape, .beta = gemm->add ? 1.0f : 0.0f};
    tile.by_rows = tile.shape.m >= tile.shape.n;
    size_t extent = tile.by_rows ? tile.shape.m : tile.shape.n;
    int result = 0;
    if (gemm->tiles > 1)
        device_fork(gemm->dev);
    for (size_t i = 0; i < gemm->tiles && !result; i++) {
        tile.from = extent * i / gemm->tiles;
        tile.to = extent * (i + 1) / gemm->tiles;
        result =
            device_enqueue_native(gemm->dev, run_tile, &tile, sizeof tile, gemm->matrix, 3, err);
    }
    return device_join(gemm->dev, err) || result ? -1 : 0;
}

int gemm_cblas_enqueue(struct gemm *gemm, struct error *err)
{
    return gemm->parts ? enqueue_parts(gemm, err) : enqueue_tiles(gemm, err);
}

#else

const char *gemm_cblas_identity(void)
{
    return NULL;
}

int gemm_cblas_init(struct gemm *gemm, struct error *err)
{
    (void)gemm;
    return error_set(err, STATUS_DEVICE,
                     "device.gemm = cblas: seqtrain was built without a host BLAS");
}

int gemm_cblas_enqueue(struct gemm *gemm, struct error *err)
{
    return gemm_cblas_init(gemm, err);
}

#endif
