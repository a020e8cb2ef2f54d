/*
 * A host BLAS on CPU devices. A product is cut into tiles of C that are fixed by its shape; each is
 * a host function in the device's queue, so that the device's own threads run them side by side.
 * The BLAS itself must stay one-threaded: its threads would fight the device's for the cores.
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

/* A tile is worth a command from about 8 MFLOP on; none is thinner than 32. */
int gemm_cblas_init(struct gemm *gemm, struct error *err)
{
    if (!device_info(gemm->dev)->has_native)
        return error_set(err, STATUS_DEVICE,
                         "device.gemm = cblas: this device does not run host functions");
    one_thread();
    const struct gemm_shape *s = &gemm->shape;
    size_t extent = s->m >= s->n ? s->m : s->n;
    size_t by_work = (size_t)(2.0 * (double)s->m * (double)s->n * (double)s->k / 8e6);
    size_t by_size = extent / 32;
    if (!gemm->tiles)
        gemm->tiles = by_work < by_size ? by_work : by_size;
    if (gemm->tiles > by_size)
        gemm->tiles = by_size;
    if (gemm->tiles > 16)
        gemm->tiles = 16;
    if (gemm->tiles < 1)
        gemm->tiles = 1;
    return 0;
}

int gemm_cblas_enqueue(struct gemm *gemm, struct error *err)
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
