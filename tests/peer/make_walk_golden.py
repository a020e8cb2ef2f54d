#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints tests/golden/walk.txt: the windows of the parts of walk-forward folds, found row by row from
what seqtrain.ini(5) says, with scikit-learn's TimeSeriesSplit for the pieces of the axis. A line is

    folds fold window validation purge embargo length target horizon look_back gap warm|SERIES|TRAINING|VALIDATION|TEST

window is expanding or rolling, target is horizon, each or window, purge -1 is auto; gap and times are
minutes, 0 without times. SERIES are first:rows:step:hole:at, with `hole` minutes more before row `at`.
Parts are the ranges of their windows' first rows, all series behind each other. The file in the tree
was made with scikit-learn 1.9.1.

    venv/bin/pip install scikit-learn && venv/bin/python make_walk_golden.py"""
import itertools
import math
import random

import numpy as np
from sklearn.model_selection import TimeSeriesSplit


def cut(n, folds, fold, rolling):
    """First and last position of the training span, of the test: [begin, test), [test, end)."""
    piece = n // (folds + 1)
    split = TimeSeriesSplit(n_splits=folds, max_train_size=n - folds * piece if rolling else None)
    train, test = list(split.split(np.zeros(n)))[fold - 1]
    assert train[-1] + 1 == test[0]
    return int(train[0]), int(test[0]), int(test[-1]) + 1


def parts_of(n, c, gap):
    """Where training, validation and test begin on an axis, before rows are purged, and the end."""
    begin, test, end = cut(n, c["folds"], c["fold"], c["window"] == "rolling")
    span = max(test - begin - gap, 0)
    validation = math.floor(c["validation"] * span + 0.5)
    most = n - c["folds"] * (end - test) - gap
    if gap and most > 0:  # both together are what scikit-learn trains on with this gap
        split = TimeSeriesSplit(n_splits=c["folds"], gap=gap,
                                max_train_size=most if c["window"] == "rolling" else None)
        train, _ = list(split.split(np.zeros(n)))[c["fold"] - 1]
        assert list(train) == list(range(begin, test - gap))
    return begin, test - gap - validation if validation else test, test, end


def rows_of(series, warm, gap):
    """(time, run) of each usable row."""
    first, count, step, hole, at = series
    times = [first + i * step + (hole if at and i >= at else 0) for i in range(count)]
    runs, run = [], 0
    for i, t in enumerate(times):
        run += i > 0 and gap > 0 and t - times[i - 1] > gap
        runs.append(run)
    return [(t, r) for i, (t, r) in enumerate(zip(times, runs)) if i >= warm and runs[i - warm] == r]


def windows(c):
    timed = c["timed"]
    series = [rows_of(s, c["warm"], c["gap"]) for s in c["series"]]
    length, horizon = c["length"], c["horizon"]
    targets = {"horizon": [length - 1 + horizon], "each": list(range(length, length + horizon)),
               "window": list(range(length))}[c["target"]]
    reach = max(targets[-1] + 1 - length, 0)
    gap = (reach if c["purge"] < 0 else c["purge"]) + c["embargo"]
    axis = sorted({t for rows in series for t, _ in rows})
    found, base = [[], [], []], 0
    for rows in series:
        own = axis if timed else list(range(len(rows)))
        at = [t for t, _ in rows] if timed else own
        edges = [own[p] if p < len(own) else math.inf for p in parts_of(len(own), c, gap)]
        part = [None] * len(rows)
        for k, (low, high) in enumerate(zip(edges, edges[1:])):
            inside = [i for i, t in enumerate(at) if low <= t < high]
            for i in inside[:len(inside) - gap] if k < 2 and gap else inside:
                part[i] = k
        for start in range(len(rows)):
            for k in range(3):
                need = {start + i for i in targets}
                if not (c["look_back"] and k):
                    need |= set(range(start, start + length))
                every = need | set(range(start, start + length))
                if (max(every) < len(rows) and len({rows[i][1] for i in every}) == 1
                        and all(part[i] == k for i in need)):
                    found[k].append(base + start)
        base += len(rows)
    return found


def ranges(rows):
    out = []
    for _, group in itertools.groupby(enumerate(rows), lambda pair: pair[1] - pair[0]):
        group = [row for _, row in group]
        out.append(f"{group[0]}-{group[-1]}")
    return " ".join(out)


random.seed(7)
kept = 0
while kept < 120:
    timed = random.random() < 0.75
    several = random.random() < 0.5
    step = random.choice([1, 5, 1440])
    one = (28401120, random.randint(60, 400), step, 0, 0)
    series = [one]
    for _ in range(random.randint(1, 3) if several else 0):
        shift = random.randint(-40, 80) * step
        series.append((one[0] + shift, random.randint(30, 300), random.choice([step, step, 2 * step]),
                       0, 0))
    gap = 0
    if timed and random.random() < 0.4:
        gap = 2 * step
        series = [(f, n, s, 7 * step, random.randint(20, n - 5)) for f, n, s, _, _ in series]
    target = random.choice(["horizon", "horizon", "each", "window"])
    folds = random.randint(2, 7)
    c = dict(folds=folds, fold=random.randint(1, folds), window=random.choice(["expanding", "rolling"]),
             validation=random.choice([0, 0.1, 0.25, 0.5]), purge=random.choice([-1, -1, 0, 1, 6]),
             embargo=random.choice([0, 0, 2]), length=random.choice([1, 2, 5, 8]), target=target,
             horizon=random.choice([1, 3, 5]), look_back=int(target != "window" and random.random() < 0.5),
             gap=gap, warm=random.choice([0, 0, 3]), series=series, timed=timed)
    if not timed:
        c["series"] = [(0, n, 1, 0, 0) for _, n, _, _, _ in series]
    found = windows(c) if min(n for _, n, _, _, _ in c["series"]) > c["warm"] + folds else [[]]
    if not found[0] or not found[2] or (c["validation"] and not found[1]):
        continue  # seqtrain refuses these
    kept += 1
    print(*(c[k] for k in ("folds", "fold", "window", "validation", "purge", "embargo", "length", "target",
                           "horizon", "look_back", "gap", "warm")),
          sep=" ", end="|")
    print(" ".join(":".join(str(x) for x in s) for s in c["series"]), *(ranges(f) for f in found), sep="|")
