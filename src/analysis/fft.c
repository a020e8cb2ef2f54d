/* SPDX-License-Identifier: MIT */
#include "analysis/fft.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fft {
    size_t n, m;            /* length; power of two that is transformed: n or at least 2 n - 1 */
    double complex *root;   /* [m / 2] exp(-2 pi i k / m) */
    double complex *chirp;  /* [n] exp(-pi i k^2 / n); NULL where n is a power of two */
    double complex *kernel; /* [m] transform of the conjugate chirp, divided by m */
    double complex *room;   /* [m] */
};

/* Radix 2, decimation in time (Cooley and Tukey 1965), on x [m]. */
static void radix2(const struct fft *fft, double complex *x)
{
    size_t m = fft->m;
    for (size_t i = 1, j = 0; i < m; i++) { /* j: i with its bits reversed */
        size_t bit = m >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        if (i < j) {
            double complex swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
    for (size_t half = 1; half < m; half *= 2)
        for (size_t i = 0; i < m; i += 2 * half)
            for (size_t k = 0; k < half; k++) {
                double complex a = x[i + k], b = x[i + k + half] * fft->root[k * (m / 2 / half)];
                x[i + k] = a + b;
                x[i + k + half] = a - b;
            }
}

/* exp(-pi i k / n) */
static double complex turn(double k, double n)
{
    double angle = acos(-1) * k / n;
    return cos(angle) - I * sin(angle);
}

/*
 * Bluestein: j k = (j^2 + k^2 - (k - j)^2) / 2 makes the transform a convolution with the conjugate
 * chirp. k^2 is taken modulo 2 n, which keeps the angles small and exact.
 */
static int chirp_init(struct fft *fft)
{
    size_t n = fft->n, m = fft->m;
    fft->chirp = malloc(n * sizeof *fft->chirp);
    fft->kernel = calloc(m, sizeof *fft->kernel);
    fft->room = malloc(m * sizeof *fft->room);
    if (!fft->chirp || !fft->kernel || !fft->room)
        return -1;
    for (size_t k = 0; k < n; k++) {
        fft->chirp[k] = turn((double)((uint64_t)k * k % (2 * (uint64_t)n)), (double)n);
        fft->kernel[k] = conj(fft->chirp[k]) / (double)m;
        fft->kernel[k ? m - k : 0] = fft->kernel[k];
    }
    radix2(fft, fft->kernel);
    return 0;
}

struct fft *fft_new(size_t n)
{
    if (!n || n > SIZE_MAX / 4 / sizeof(double complex) || n > UINT32_MAX)
        return NULL;
    struct fft *fft = calloc(1, sizeof *fft);
    if (!fft)
        return NULL;
    fft->n = n;
    int power_of_two = !(n & (n - 1));
    for (fft->m = 1; fft->m < (power_of_two ? n : 2 * n - 1);)
        fft->m *= 2;
    fft->root = malloc((fft->m / 2 + 1) * sizeof *fft->root);
    if (fft->root)
        for (size_t k = 0; k < fft->m / 2; k++)
            fft->root[k] = turn(2 * (double)k, (double)fft->m);
    if (fft->root && (power_of_two || !chirp_init(fft)))
        return fft;
    fft_free(fft);
    return NULL;
}

void fft_free(struct fft *fft)
{
    if (!fft)
        return;
    free(fft->root);
    free(fft->chirp);
    free(fft->kernel);
    free(fft->room);
    free(fft);
}

void fft_run(struct fft *fft, double complex *x)
{
    if (!fft->chirp) {
        radix2(fft, x);
        return;
    }
    size_t n = fft->n, m = fft->m;
    double complex *room = fft->room;
    memset(room, 0, m * sizeof *room);
    for (size_t k = 0; k < n; k++)
        room[k] = x[k] * fft->chirp[k];
    radix2(fft, room);
    for (size_t k = 0; k < m; k++) /* the inverse as the conjugate of a transform */
        room[k] = conj(room[k] * fft->kernel[k]);
    radix2(fft, room);
    for (size_t k = 0; k < n; k++)
        x[k] = conj(room[k]) * fft->chirp[k];
}
