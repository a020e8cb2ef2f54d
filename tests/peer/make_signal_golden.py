#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the golden numbers of tests/test_signal.c: OpenDPD's own metrics and scipy's Welch of
signals that the test makes anew, bit by bit.

    python3 -m venv venv && venv/bin/pip install numpy scipy
    venv/bin/pip download --no-deps opendpd && unzip opendpd-*.whl 'utils/*' -d opendpd
    venv/bin/python make_signal_golden.py opendpd
"""

import importlib.util
import os
import sys

import numpy as np
from scipy.signal import welch

spec = importlib.util.spec_from_file_location(
    "metrics", os.path.join(sys.argv[1], "utils", "metrics.py"))
metrics = importlib.util.module_from_spec(spec)
spec.loader.exec_module(metrics)

# samples, segment, sampling rate, bandwidth, sub-channels. The last segment of the second is short;
# 2560 at 800 MHz has a bin on the border of the channel.
CASES = [
    (5120, 2560, 800e6, 200e6, 10),
    (3000, 1024, 983.04e6, 200e6, 5),
    (39324, 19662, 983.04e6, 200e6, 5),
    (1500, 250, 1.0, 0.3, 3),
]


def make(samples):
    """Low-pass noise (boxes over a linear congruential generator), what an amplifier makes of it,
    and a model of the amplifier; each [samples, 2]. Only exact sums and single roundings."""
    state, raw = 1, np.empty((samples + 12, 2))
    for i in range(samples + 12):
        for k in range(2):
            state = (state * 1664525 + 1013904223) % 2**32
            raw[i, k] = (state >> 8) / 2**24 - 0.5
    x = raw
    for _ in range(3):
        x = ((x[4:] + x[3:-1]) + x[2:-2]) + x[1:-3]
    x = x[:samples] / 64
    power = x[:, 0] * x[:, 0] + x[:, 1] * x[:, 1]
    actual = x * (1 - 0.5 * power)[:, None]
    model = x * (1 - 0.45 * power)[:, None]
    model[:, 0] += raw[:samples, 1] / 4096
    return x, actual, model


def segments(x, n):
    return np.vstack([x, np.zeros((-len(x) % n, 2))]).reshape(-1, n, 2)


for samples, n, rate, width, subs in CASES:
    x, actual, model = make(samples)
    a, m = segments(actual, n), segments(model, n)
    pooled = metrics.NMSE(model[None], actual[None])
    left, right = metrics.ACLR(a, fs=rate, nperseg=n, bw_main_ch=width, n_sub_ch=subs)
    evm = metrics.EVM(m, a, sample_rate=rate, bw_main_ch=width, n_sub_ch=subs, nperseg=n)
    f, p = welch(actual[:, 0] + 1j * actual[:, 1], fs=rate, nperseg=n, return_onesided=False,
                 scaling="spectrum")
    f, p = np.fft.fftshift(f), np.fft.fftshift(p)
    numbers = [metrics.NMSE(m, a), pooled, left, right, evm, f[0], f[n // 3],
               10 * np.log10(p[0]), 10 * np.log10(p[n // 3]), 10 * np.log10(p[n // 2 + 1]),
               10 * np.log10(p.sum())]
    print("    {%d, {%r, %r, %d, %d},\n     {%s}}," % (
        samples, rate, width, subs, n, ", ".join("%.17g" % v for v in numbers)))
