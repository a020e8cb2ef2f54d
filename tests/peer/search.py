#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Pruners and samplers of a sweep against Optuna's (figures in RESULTS.md: optuna 5.0.0, scipy 1.17.1).

    search.py build/tests/play_search [--studies 2000] [--seeds 20] [--trials 60]
    search.py --golden > tests/golden/pruners.txt

Pruners: random learning curves, several trials side by side, with ties, NaN, infinities, gaps, different
lengths and failures, are played through Optuna's MedianPruner and SuccessiveHalvingPruner; play_search
judges them again. Every decision must be the same.

Samplers: TPE searches known landscapes, also with trials that are pruned, running or failed. At each step
Optuna's TPESampler is given the same history and the same random numbers, and must choose the same point.
Then both search with numbers of their own, one trial after the other. A one-sided Wilcoxon signed-rank test
over the seeds asks whether the best figure of ours is worse.

Status 1 if a decision or a point differs or a p-value is below 0.05."""

import argparse
import math
import random
import statistics
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import numpy as np
import optuna
from optuna.samplers._tpe import parzen_estimator
from optuna.samplers._tpe import probability_distributions as distributions
from scipy.stats import truncnorm, wilcoxon

optuna.logging.set_verbosity(optuna.logging.ERROR)


# --- pruners


def make_pruner(rng, kind, is_default):
    """The pruner and its line in the file."""
    if kind == "median":
        v = [5, 0, 1, 1] if is_default else [rng.choice([0, 1, 3, 5]), rng.choice([0, 2, 5]),
                                             rng.choice([1, 2, 3]), rng.choice([1, 2, 4])]
        return v, optuna.pruners.MedianPruner(v[0], v[1], v[2], n_min_trials=v[3])
    v = [1, 4, 0] if is_default else [rng.choice([1, 2, 3]), rng.choice([2, 3, 4]), rng.choice([0, 1])]
    return v, optuna.pruners.SuccessiveHalvingPruner(v[0], v[1], v[2])


def make_curve(rng, longest, style):
    """Epochs and figures of a trial."""
    level, speed = rng.uniform(0, 1), rng.uniform(0.02, 0.6)
    gap = rng.choice([2, 5, 10]) if style == "gaps" else 1
    curve = []
    for epoch in range(gap, rng.randint(1, longest) + gap, gap):
        figure = level + math.exp(-speed * epoch) + rng.gauss(0, 0.05)
        if style == "ties":
            figure = round(figure * 5) / 5
        if style == "broken" and rng.random() < 0.15:
            figure = rng.choice([math.nan, math.nan, math.inf, -math.inf])
        if style == "dead" and epoch > 3:
            figure = math.nan
        curve.append((epoch, figure))
    return curve


def write(number):
    return f"{number:.17g}"


def play_study(rng, out, longest=40, most=30):
    kind, direction = rng.choice(["median", "asha"]), rng.choice(["min", "max"])
    numbers, pruner = make_pruner(rng, kind, rng.random() < 0.4)
    print("study", kind, direction, *numbers, file=out)
    study = optuna.create_study(direction=direction + "imize", pruner=pruner)
    waiting = [make_curve(rng, longest, rng.choice(["plain", "ties", "gaps", "broken", "dead"]))
               for _ in range(rng.randint(5, most))]
    side_by_side, running = rng.choice([1, 2, 4, 8]), []
    while waiting or running:
        while waiting and len(running) < side_by_side:
            running.append((study.ask(), waiting.pop(), []))
        item = rng.choice(running)
        trial, curve, seen = item
        if curve and rng.random() < 0.99:
            epoch, figure = curve.pop(0)
            seen.append(figure)
            trial.report(figure, epoch)
            ends = trial.should_prune()
            print(trial.number, epoch, write(figure), int(ends), file=out)
            if not ends:
                continue
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif curve or not seen or math.isnan(seen[-1]):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            print(trial.number, "failed", file=out)
        else:
            study.tell(trial, seen[-1])
            print(trial.number, "done", write(seen[-1]), file=out)
        running.remove(item)


def compare_pruners(program, studies, seed):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as out:
        rng = random.Random(seed)
        for _ in range(studies):
            play_study(rng, out)
        out.flush()
        return subprocess.run([program, "curves", out.name]).returncode


# --- samplers


def sphere(t):
    return sum((t.suggest_float(name, -5, 5) - 1) ** 2 for name in "abcd")


def rosenbrock(t):
    a, b = t.suggest_float("a", -2, 2), t.suggest_float("b", -1, 3)
    return (1 - a) ** 2 + 100 * (b - a * a) ** 2


def branin(t):
    a, b = t.suggest_float("a", -5, 10), t.suggest_float("b", 0, 15)
    valley = b - 5.1 / (4 * math.pi**2) * a * a + 5 / math.pi * a - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10


def mixed(t):
    a = t.suggest_categorical("a", [0, 1, 2, 3])
    b = math.log10(t.suggest_float("b", 1e-6, 1, log=True))
    c = t.suggest_categorical("c", [0, 1, 2, 3, 4])
    return (b - [-3, -2, -1, -4][a]) ** 2 + [0, 0.5, 1, 0.8][a] + [0.7, 0.2, 0, 0.4, 1][c]


def whole(t):
    a, b, c = t.suggest_int("a", 1, 8), t.suggest_int("b", 8, 512), t.suggest_float("c", 0, 0.8)
    return 0.3 * (a - 3) ** 2 + math.log2(b / 96) ** 2 + 10 * (c - 0.2) ** 2


LANDSCAPES = sphere, rosenbrock, branin, mixed, whole


def run_ours(program, kind, function, seed, trials):
    """Figure and parameters of each trial."""
    lines = subprocess.run([program, kind, function.__name__, str(seed), str(trials)], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == trials
    found = []
    for line in lines:
        figure, *point = map(float, line.split())
        point = [int(x) if x == int(x) else x for x in point]
        found.append((figure, dict(zip("abcd", point))))
        told = function(optuna.trial.FixedTrial(found[-1][1]))
        assert math.isclose(figure, told, rel_tol=1e-9, abs_tol=1e-12), (line, told)
    return found


def philox(c0, c1, c2, c3, seed):
    """First word of src/util/philox.c."""
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(7):
        p0, p1 = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0


def path(name):
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def draw_as_ours(mixture, key, size):
    """In place of Optuna's mixture.sample(): its distributions at the random numbers of sampler.c."""
    number, seed = key
    points = np.empty((size, len(mixture.distributions)))
    for c in range(size):
        def unit(name):
            return (philox(number, c, path(name), path("tpe"), seed) + 0.5) / 2**32
        kernel = int(np.searchsorted(np.cumsum(mixture.weights)[:-1], unit("")))
        for i, (name, d) in enumerate(zip("abcd", mixture.distributions)):
            u = unit(name)
            if isinstance(d, distributions._BatchedCategoricalDistributions):
                points[c, i] = np.searchsorted(np.cumsum(d.weights[kernel])[:-1], u)
                continue
            cut = [(end - d.mu[kernel]) / d.sigma[kernel] for end in (d.adapted_low, d.adapted_high)]
            x = d.mu[kernel] + d.sigma[kernel] * truncnorm.ppf(u, *cut)
            x = math.exp(x) if d.is_log else x
            points[c, i] = d.low + round((x - d.low) / d.step) * d.step if d.step else x
    return points


def state_of(kind, number):
    state = optuna.trial.TrialState
    if kind != "states":
        return state.COMPLETE
    return (state.PRUNED if number % 3 == 1 else state.RUNNING if number % 7 == 3
            else state.FAIL if number % 11 == 5 else state.COMPLETE)


class StableNumpy:
    """numpy, but that equal values stay in order: argsort()'s own order of them depends on the processor."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def argsort(a):
        return np.argsort(a, kind="stable")


def differing_points(ours, kind, function, seed):
    """How many points TPESampler would have chosen, and how many of them otherwise."""
    space_of = optuna.create_study(sampler=optuna.samplers.RandomSampler())
    space_of.optimize(function, n_trials=1)
    space = space_of.trials[0].distributions
    study, sampler = optuna.create_study(), optuna.samplers.TPESampler()
    chosen = differ = 0
    for number, (figure, params) in enumerate(ours):
        state = state_of(kind, number)
        trial = optuna.trial.create_trial(
            state=state, params=params, distributions=space, intermediate_values={1 + number % 2: figure},
            value=figure if state == optuna.trial.TrialState.COMPLETE else None)
        trial.number = number
        if sum(t.state.name in ("COMPLETE", "PRUNED") for t in study.trials) >= 10:
            sampler._rng = SimpleNamespace(rng=(number + 1, seed))
            theirs = sampler._sample(study, trial, space)
            chosen += 1
            differ += any(not math.isclose(theirs[k], params[k], rel_tol=6e-6) for k in params)  # 6 digits
        study.add_trial(trial)
    return chosen, differ


def compare_points(program, seeds, trials):
    own, differ = distributions._MixtureOfProductDistribution.sample, 0
    distributions._MixtureOfProductDistribution.sample = draw_as_ours
    parzen_estimator.np = StableNumpy()
    for kind in "tpe", "states":
        for function in LANDSCAPES:
            counts = [differing_points(run_ours(program, kind, function, seed, trials), kind, function, seed)
                      for seed in range(1, seeds + 1)]
            chosen, others = map(sum, zip(*counts))
            differ += others
            print(f"{function.__name__}, {kind}: points {chosen}, differ {others}", flush=True)
    distributions._MixtureOfProductDistribution.sample = own
    parzen_estimator.np = np
    return differ


def run_optuna(sampler, function, trials):
    study = optuna.create_study(sampler=sampler)
    study.optimize(function, n_trials=trials)
    return study.best_value


def compare_samplers(program, seeds, trials):
    worse = 0
    peers = {
        "tpe": [("TPE", lambda seed: optuna.samplers.TPESampler(seed=seed)),
                ("univariate TPE", lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False))],
        "random": [("random", lambda seed: optuna.samplers.RandomSampler(seed=seed))],
    }
    print("| landscape | ours | median | Optuna's | median | p (ours worse) |\n|---|---|---:|---|---:|---:|")
    for function in LANDSCAPES:
        for kind, others in peers.items():
            ours = [min(figure for figure, _ in run_ours(program, kind, function, seed, trials))
                    for seed in range(1, seeds + 1)]
            for name, make in others:
                theirs = [run_optuna(make(seed), function, trials) for seed in range(1, seeds + 1)]
                p = wilcoxon(ours, theirs, alternative="greater").pvalue
                worse += p < 0.05
                print(f"| {function.__name__} | {kind} | {statistics.median(ours):.3g} | {name} | "
                      f"{statistics.median(theirs):.3g} | {p:.3f} |", flush=True)
    return worse


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", help="build/tests/play_search")
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1, help="of the curves")
    parser.add_argument("--golden", action="store_true")
    args = parser.parse_args()
    if args.golden:
        rng = random.Random(7)
        for _ in range(30):
            play_study(rng, sys.stdout, longest=20, most=16)
        return 0
    if not args.program:
        parser.error("play_search?")
    print(f"optuna {optuna.__version__}")
    differ = compare_pruners(args.program, args.studies, args.seed)
    differ += compare_points(args.program, min(args.seeds, 5), args.trials)
    return 1 if compare_samplers(args.program, args.seeds, args.trials) or differ else 0


if __name__ == "__main__":
    sys.exit(main())
