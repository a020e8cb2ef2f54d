/* SPDX-License-Identifier: MIT */
/*
 * signal: figures of complex signals, as power-amplifier models are judged by them. Signals are
 * pairs I, Q behind each other, [samples, 2]. NMSE, ACLR and EVM are defined as in OpenDPD (Wu et
 * al., "OpenDPD", ISCAS 2024; utils/metrics.py): the signal is cut into segments, and the last is
 * filled up with zeros. Nothing is owned; what fails, fails with STATUS_USAGE (a channel that the
 * sampling rate or the segment cannot hold) or STATUS_FAILED (memory).
 */
#ifndef ANALYSIS_SIGNAL_H
#define ANALYSIS_SIGNAL_H

#include <stddef.h>

#include "error.h"

struct signal_channel {
    double sample_rate, bandwidth; /* Hz; the main channel lies around 0 */
    size_t sub_channels;           /* of the main channel; the adjacent ones are as wide */
    size_t segment;                /* samples */
};

/*
 * NMSE in dB: mean over segments of 10 log10(mean |p - a|^2 / mean |a|^2). Segments whose actual
 * signal is 0 have none and are left out; NaN if that leaves nothing; -inf for a perfect segment.
 * With segment = samples it is the pooled NMSE.
 */
double signal_nmse(const double *prediction, const double *actual, size_t samples, size_t segment);

/*
 * Power spectrum by Welch's method (1967) with the periodic Hann window, each segment's mean taken
 * off, scaled so that a tone of amplitude 1 has a peak of 1. frequency[segment] ascends through 0;
 * the centre is segment / 2. With `overlap` segments overlap by half and a tail is left out, as in
 * scipy.signal.welch; without, they lie behind each other, as in OpenDPD. A signal shorter than a
 * segment is filled up with zeros.
 */
int signal_spectrum(const double *iq, size_t samples, size_t segment, int overlap,
                    double sample_rate, double *frequency, double *power, struct error *err);

/* Whether signal_aclr() and signal_evm() can measure in this channel; told in `err` if not. */
int signal_check(const struct signal_channel *channel, struct error *err);

/* Adjacent-channel leakage ratios in dB, below and above the main channel: the power of a
 * sub-channel's width beside it over that of the strongest sub-channel. */
int signal_aclr(const double *iq, size_t samples, const struct signal_channel *channel,
                double *left, double *right, struct error *err);

/* Error vector magnitude in dB: 20 log10 of the mean over segments and sub-channels of mean
 * |P - A| / mean |A| over the bins of the unwindowed spectra. */
int signal_evm(const double *prediction, const double *actual, size_t samples,
               const struct signal_channel *channel, double *evm, struct error *err);

#endif
