/* SPDX-License-Identifier: MIT */
/* Matrix units: tried by products whose results are known before they are relied on. */
#include <string.h>

#include "device/opencl.h"

/* The sizes of mma_product in cl/mma.cl. */
enum { M = 32, N = 24, MOST_K = 16, LANES = 64, WARPS = LANES / 32 };

/* Small whole numbers, which every type of factors holds. */
static float number(int row, int column)
{
    return (float)((row * 7 + column * 3) % 11 - 5);
}

/* The matrices of mma_product, and what it must make of them. */
static void known(float a[M * MOST_K], float b[MOST_K * N], float c[M * N], int k, int across)
{
    for (int i = 0; i < M * k; i++)
        a[i] = across ? number(i % M, i / M) : number(i / k, i % k);
    for (int i = 0; i < N * k; i++)
        b[i] = across ? number(i / N + 9, i % N) : number(i % k + 9, i / k);
    for (int i = 0; i < M * N; i++) {
        c[i] = 0;
        for (int e = 0; e < k; e++)
            c[i] += 2 * number(i / N, e) * number(e + 9, i % N);
    }
}

static int launch(struct kernel *k, struct buffer *const m[3], float *c, size_t bytes,
                  struct error *err)
{
    for (unsigned i = 0; i < 3; i++)
        kernel_set_buffer(k, i, m[i]);
    return kernel_enqueue(k, 1, LANES, err) || buffer_read(m[2], 0, bytes, c, err) ? -1 : 0;
}

/* The product of buffers of `bytes` by this program; 0 if it is the known one. */
static int try_product(struct device *dev, struct buffer *const m[3], const char *options, int k,
                       int across, struct error *err)
{
    float a[M * MOST_K], b[MOST_K * N], want[M * N], got[WARPS][M * N];
    struct kernel *kernel = kernel_new(dev, "mma.cl", "mma_product", options, err);
    known(a, b, want, k, across);
    int failed = !kernel || buffer_write(m[0], 0, sizeof a, a, err) ||
                 buffer_write(m[1], 0, sizeof b, b, err) ||
                 launch(kernel, m, got[0], sizeof got, err);
    for (int w = 0; w < WARPS && !failed; w++)
        failed = memcmp(got[w], want, sizeof want) != 0;
    kernel_free(kernel);
    return failed ? -1 : 0;
}

int matrix_try(struct device *dev, enum device_matrix how)
{
    struct error ignored;
    struct buffer *m[3] = {0};
    const size_t bytes[3] = {M * MOST_K * 4, MOST_K * N * 4, WARPS * M * N * 4};
    int failed = 0;
    for (int i = 0; i < 3 && !failed; i++)
        failed = !(m[i] = buffer_new(dev, bytes[i], "matrix units", &ignored));
    for (int type = 1; type <= 3; type++)
        for (int across = 0; across < 2 && !failed; across++) {
            char options[128];
            snprintf(options, sizeof options,
                     "-DMMA=%d -DMMA_TYPE=%d -DACROSS_A=%d -DACROSS_B=%d -DLANES=%d", (int)how,
                     type, across, across, LANES);
            failed = try_product(dev, m, options, type == 3 ? 8 : 16, across, &ignored);
        }
    for (int i = 0; i < 3; i++)
        buffer_free(m[i]);
    return failed ? -1 : 0;
}

/* Cards for computing (8.0, 9.0, 10.0) have 16, others 4, and a GeForce half of that. */
enum { RATE = 16, RATE_OF_OTHERS = 2 };

void matrix_find(struct device *dev)
{
    dev->info.matrix_rate = dev->info.card.compute_minor ? RATE_OF_OTHERS : RATE;
    if (dev->info.card.compute_major < DEVICE_MATRIX_FROM)
        return;
    dev->info.matrix = matrix_try(dev, MATRIX_PTX) ? MATRIX_NONE : MATRIX_PTX;
    program_save_all(dev);
    program_free_all(dev);
}

void device_emulate_matrix(struct device *dev)
{
    dev->info.matrix = MATRIX_EMULATED;
    dev->info.matrix_rate = RATE;
}

const char *device_matrix_name(enum device_matrix matrix)
{
    static const char *const names[] = {"none", "mma.sync", "mma.sync, emulated"};
    return names[matrix];
}
