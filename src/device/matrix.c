/* SPDX-License-Identifier: MIT */
/* Matrix units: tried by products whose results are known before they are relied on. */
#include <string.h>

#include "device/opencl.h"

/* The sizes of mma_product in cl/mma.cl. */
enum { M = 32, N = 48, MOST_K = 16, WARPS = 2 };

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

static int launch(struct kernel *k, struct buffer *const m[3], size_t lanes, float *c, size_t bytes,
                  struct error *err)
{
    for (unsigned i = 0; i < 3; i++)
        kernel_set_buffer(k, i, m[i]);
    return kernel_enqueue(k, 1, lanes, err) || buffer_read(m[2], 0, bytes, c, err) ? -1 : 0;
}

/* Tells the first number that is not the known one. */
static int compare(const float *got, const float *want, struct error *err)
{
    for (int i = 0; i < M * N; i++)
        if (memcmp(&got[i], &want[i], sizeof *want) != 0)
            return error_set(err, STATUS_DEVICE, "number %d, %d of a product is %g, not %g", i / N,
                             i % N, (double)got[i], (double)want[i]);
    return 0;
}

/* The product of these buffers by this program, of `lanes` work-items; 0 if it is the known one. */
static int try_product(struct device *dev, struct buffer *const m[3], const char *options,
                       size_t lanes, int k, int across, struct error *err)
{
    float a[M * MOST_K], b[MOST_K * N], want[M * N], got[WARPS][M * N];
    struct kernel *kernel = kernel_new(dev, "mma.cl", "mma_product", options, err);
    known(a, b, want, k, across);
    int failed = !kernel || buffer_write(m[0], 0, sizeof a, a, err) ||
                 buffer_write(m[1], 0, sizeof b, b, err) ||
                 launch(kernel, m, lanes, got[0], sizeof got, err);
    for (int w = 0; w < WARPS && !failed; w++)
        failed = compare(got[w], want, err);
    kernel_free(kernel);
    return failed ? -1 : 0;
}

/* MMA_WARP of cl/mma.h. */
static size_t warp_of(enum device_matrix how)
{
    const enum device_matrix kind = device_matrix_kind(how);
    return kind == MATRIX_DPAS_8 ? 8 : kind == MATRIX_DPAS_16 ? 16 : 32;
}

int matrix_try(struct device *dev, enum device_matrix how, struct error *err)
{
    static const char *const types[] = {"", "bfloat16", "fp16", "TF32"};
    struct buffer *m[3] = {0};
    const size_t bytes[3] = {M * MOST_K * 4, MOST_K * N * 4, WARPS * M * N * 4};
    const int last = device_matrix_kind(how) == MATRIX_PTX ? 3 : 2; /* TF32 is NVIDIA's */
    int failed = 0;
    for (int i = 0; i < 3 && !failed; i++)
        failed = !(m[i] = buffer_new(dev, bytes[i], "matrix units", err));
    const size_t lanes = WARPS * warp_of(how);
    for (int type = 1; type <= last; type++)
        for (int across = 0; across < 2 && !failed; across++) {
            char options[128];
            snprintf(options, sizeof options,
                     "-DMMA=%d -DMMA_TYPE=%d -DACROSS_A=%d -DACROSS_B=%d -DLANES=%zu", (int)how,
                     type, across, across, lanes);
            failed = try_product(dev, m, options, lanes, type == 3 ? 8 : 16, across, err);
            if (failed)
                error_prefix(err, "%s%s", types[type], across ? ", across" : "");
        }
    for (int i = 0; i < 3; i++)
        buffer_free(m[i]);
    return failed ? -1 : 0;
}

enum device_matrix device_matrix_kind(enum device_matrix matrix)
{
    return matrix == MATRIX_NONE || matrix % 2 ? matrix : matrix - 1;
}

/* --- who has some */

enum { SUB_GROUP_SIZES_INTEL = 0x4108 }; /* a key of cl_intel_required_subgroup_size */

/* By the smallest sub-groups, which the extension takes. */
static enum device_matrix of_intel(cl_device_id id)
{
    size_t size[16], bytes = 0, least = 0;
    if (clGetDeviceInfo(id, SUB_GROUP_SIZES_INTEL, sizeof size, size, &bytes) != CL_SUCCESS)
        return MATRIX_NONE;
    for (size_t i = 0; i < bytes / sizeof *size; i++)
        least = i && least < size[i] ? least : size[i];
    return least == 8 ? MATRIX_DPAS_8 : least == 16 ? MATRIX_DPAS_16 : MATRIX_NONE;
}

enum device_matrix matrix_offered(cl_device_id id, const struct device_info *info,
                                  const char *extensions)
{
    if (info->card.compute_major >= 8)
        return MATRIX_PTX;
    if (strstr(extensions, "cl_intel_subgroup_matrix_multiply_accumulate"))
        return of_intel(id);
    return !strncmp(info->name, "gfx11", 5) ? MATRIX_WMMA : MATRIX_NONE;
}

/* For one multiplication of vector units: NVIDIA's cards for computing (8.0, 9.0, 10.0) have 16,
 * others 4, and a GeForce half of that. */
enum { MAJOR_LAST = 10, RATE = 16, RATE_OF_OTHERS = 2, RATE_OF_WMMA = 2, RATE_OF_DPAS = 8 };

static unsigned rate_of(const struct device *dev)
{
    switch (dev->info.matrix_offered) {
    case MATRIX_WMMA:
        return RATE_OF_WMMA;
    case MATRIX_DPAS_8:
    case MATRIX_DPAS_16:
        return RATE_OF_DPAS;
    default:
        return dev->info.card.compute_minor || dev->info.card.compute_major > MAJOR_LAST
                   ? RATE_OF_OTHERS
                   : RATE;
    }
}

void matrix_find(struct device *dev)
{
    const enum device_matrix offered = dev->info.matrix_offered;
    struct error err;
    dev->info.matrix_rate = rate_of(dev);
    if (offered == MATRIX_NONE)
        return;
    dev->info.matrix = offered;
    if (matrix_try(dev, offered, &err)) {
        dev->info.matrix = MATRIX_NONE;
        snprintf(dev->doubts.matrix, sizeof dev->doubts.matrix, "%.180s", err.text);
    }
    program_save_all(dev);
    program_free_all(dev);
}

void device_emulate_matrix(struct device *dev, enum device_matrix how)
{
    dev->info.matrix = how;
    dev->info.matrix_rate = RATE;
}

const char *device_matrix_name(enum device_matrix matrix)
{
    static const char *const names[] = {
        [MATRIX_NONE] = "none",
        [MATRIX_PTX] = "mma.sync",
        [MATRIX_EMULATED] = "mma.sync, emulated",
        [MATRIX_WMMA] = "WMMA",
        [MATRIX_WMMA_EMULATED] = "WMMA, emulated",
        [MATRIX_DPAS_8] = "XMX of sub-groups of 8",
        [MATRIX_DPAS_8_EMULATED] = "XMX of sub-groups of 8, emulated",
        [MATRIX_DPAS_16] = "XMX of sub-groups of 16",
        [MATRIX_DPAS_16_EMULATED] = "XMX of sub-groups of 16, emulated",
    };
    return names[matrix];
}
