/* SPDX-License-Identifier: MIT */
/* Blocks of products by a host BLAS, and how it is asked. */
#include "device/gemm/provider.h"

#ifdef HAVE_CBLAS

#include <dlfcn.h>
#if __has_include(<cblas.h>)
#include <cblas.h>
#else
#include <flexiblas/cblas.h>
#endif

/* One thread: every BLAS has its own switch; the one that is linked in is found by name. */
void gemm_blas_ready(void)
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

const char *gemm_blas_identity(void)
{
    static _Thread_local char name[256];
    if (!name[0]) {
        void *config = dlsym(RTLD_DEFAULT, "openblas_get_config");
        void *core = dlsym(RTLD_DEFAULT, "openblas_get_corename");
        snprintf(name, sizeof name, "cblas %s%s%s", config ? (*(char *(**)(void)) & config)() : "",
                 core ? " core " : "", core ? (*(char *(**)(void)) & core)() : "");
    }
    return name;
}

#define SMALL_WORK 1000000 /* m n k of OpenBLAS's small matrices */

static void sgemm(const struct gemm_block *t, size_t row, size_t rows, size_t from, size_t to,
                  int add)
{
    const struct gemm_shape *s = &t->shape;
    const float *a = (const float *)t->a + (s->trans_a ? from * t->lda + row : row * t->lda + from);
    const float *b = (const float *)t->b + (s->trans_b ? from : from * t->ldb);
    cblas_sgemm(CblasRowMajor, s->trans_a ? CblasTrans : CblasNoTrans,
                s->trans_b ? CblasTrans : CblasNoTrans, (int)rows, (int)s->n, (int)(to - from), 1,
                a, (int)t->lda, b, (int)t->ldb, add ? 1 : 0, (float *)t->c + row * t->ldc,
                (int)t->ldc);
}

/* A deep block goes in steps along K so short that the BLAS takes its path for small matrices,
 * which packs nothing, and that a step's rows of A and B are read from cache. */
void gemm_blas(const struct gemm_block *t)
{
    const struct gemm_shape *s = &t->shape;
    if (!t->deep) {
        sgemm(t, 0, s->m, 0, s->k, t->add);
        return;
    }
    size_t rows = s->n > 128 ? 32 : 64, step = least(SMALL_WORK / (rows * s->n), 768);
    for (size_t k = 0; k < s->k; k += step)
        for (size_t i = 0; i < s->m; i += rows)
            sgemm(t, i, least(rows, s->m - i), k, least(k + step, s->k), k > 0 || t->add);
}

#else

const char *gemm_blas_identity(void)
{
    return NULL;
}

void gemm_blas_ready(void)
{
}

void gemm_blas(const struct gemm_block *t)
{
    (void)t;
}

#endif
