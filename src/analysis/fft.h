/* SPDX-License-Identifier: MIT */
/*
 * fft: the discrete Fourier transform of any length in double precision. A plan is made once for a
 * length and used for many transforms; it owns its tables and room, so that one plan serves one
 * thread. Powers of two by radix 2, other lengths by Bluestein's chirp.
 */
#ifndef ANALYSIS_FFT_H
#define ANALYSIS_FFT_H

#include <complex.h>
#include <stddef.h>

struct fft;

/* NULL: memory, or a length of 0. */
struct fft *fft_new(size_t n);
void fft_free(struct fft *fft);

/* x[k] = sum over j of x[j] exp(-2 pi i j k / n), in place, x [n]. */
void fft_run(struct fft *fft, double complex *x);

#endif
