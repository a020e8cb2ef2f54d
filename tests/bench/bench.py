#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the cases of tests/bench/RESULTS.md, seqtrain and its peer in turn.

    bench.py [--seqtrain PROGRAM] [--parts PROGRAM] [--pairs 3] [--threads N] [--modes eager,compile]
             [--device SPEC] [--peer-device cpu|cuda] [--set SECTION.KEY=VALUE ...] [--longer N] [--small]
             [--seconds N] [CASE ...]
    bench.py --write FOLDER [--steps N] [CASE ...]

Training (A1 .. L2): the peer is the PyTorch twin of the same model. Each peer is first tried in all its
variants: the modes, one and all threads, glibc's allocator as it is and so set that it keeps memory
(KEEPS); the fastest runs in the pairs, and its name is printed. Printed are samples/s of both (medians), the median ratio of the pairs, GF/s, the share of the machine's
measured rates and the gaps between launches (all three of --profile), the largest resident memory, and
the seconds from a process's start (ours: from main(), which comes some 10 ms later) to the end of its
first step: cold, with empty caches of compiled programs of its own, and warm. K1, S1, D1 (k-means, t-SNE, CSV): the seconds that the work takes in a
running process. Q1: products of quantised weights, against ours in fp32. V1: a captioner of clips of
eight frames behind a random tower of ViT-S's shape: an epoch with the cache of features and without, and
images/s of the tower against transformers. --small: sizes that try the script, not the machine.
--seconds: of each case; the peer's variants share half of it, and pairs behind the first are left out
where they would not end in time (but in Q1 and V1). --longer: so many times the steps of each epoch, of both, for a GPU. --write: only leaves the configurations of the trainings
in FOLDER, each with data for three steps (--steps) an epoch, and needs nothing but Python.

Needs torch, numpy, safetensors; V1 transformers, K1 scikit-learn, S1 openTSNE, D1 pyarrow and 4 GiB in the temporary
folder. Nothing else should run meanwhile.
"""

import argparse
import ctypes
import dataclasses
import datetime
import json
import math
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "..", "peer")

CANDLES = {"features": "f0, f1, f2, f3, f4, f5", "window": 50, "scaler": "none"}
MANY = {"features": ", ".join(f"f{i}" for i in range(23)), "targets": "f0", "scaler": "none"}
SIGNAL = {
    "features": "f0, f1",
    "targets": "f2, f3",
    "target_rows": "window",
    "window": 200,
    "scaler": "none",
}
TEXT = {"tokenizer": "characters"}


def autoencoder(width):
    return {
        "type": "autoencoder", "d_model": width, "heads": 4, "layers": 2, "feedforward": 4 * width,
        "latent": 32, "dropout": 0.1,
    }  # fmt: skip


def transformer(width, layers):
    return {
        "type": "transformer", "d_model": width, "heads": width // 32, "layers": layers,
        "feedforward": 4 * width, "dropout": 0.1, "head": "last",
    }  # fmt: skip


def lstm(hidden, layers, **more):
    return {"type": "recurrent", "cell": "lstm", "hidden": hidden, "layers": layers, "dropout": 0} | more


# name: ([data], [model], batch, accumulate, steps of ours, steps of the peer)
def language(width, heads, layers):
    return {"type": "language", "d_model": width, "heads": heads, "layers": layers, "dropout": 0}


CASES = {
    "A1": (CANDLES, autoencoder(64), 256, 1, 40, 20),
    "A2": (CANDLES, autoencoder(64), 512, 16, 4, 1),
    "A3": (CANDLES, autoencoder(128), 256, 1, 20, 6),
    "R1": (MANY | {"window": 96}, lstm(128, 2, bidirectional="yes"), 64, 1, 30, 10),
    "R2": (MANY | {"window": 96}, lstm(1024, 4, bidirectional="yes"), 128, 1, 2, 1),
    "R3": (MANY | {"window": 240}, lstm(256, 2, layer_norm="yes"), 64, 1, 10, 4),
    "G1": (SIGNAL, {"type": "recurrent", "cell": "gru", "hidden": 23, "layers": 1}, 64, 1, 400, 30),
    "G2": (SIGNAL, {"type": "dgru", "hidden": 23, "layers": 1}, 64, 1, 400, 30),
    "T1": (MANY | {"window": 200}, transformer(128, 4), 32, 1, 20, 6),
    "T2": (MANY | {"window": 256}, transformer(512, 6), 8, 1, 4, 2),
    "C1": (
        MANY | {"window": 60},
        {"type": "cnn_recurrent", "cell": "gru", "conv_channels": 64, "conv_kernel": 3, "hidden": 64,
         "layers": 1, "dropout": 0},
        256, 1, 40, 10,
    ),
    # nanoGPT's settings for tinyshakespeare, for a CPU and, without dropout, for a GPU
    "L1": (TEXT | {"window": 64}, language(128, 4, 4), 12, 1, 200, 60),
    "L2": (TEXT | {"window": 256}, language(384, 6, 6), 64, 1, 2, 1),
}  # fmt: skip
WARM = 2  # epochs before the clock starts
# glibc gives large blocks back to the system each time they are freed, and each touch of them costs a
# page fault again: PyTorch's steps take up to 1.7 times as long.
KEEPS = {
    "MALLOC_MMAP_THRESHOLD_": str(8 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 30),
    "MALLOC_TOP_PAD_": str(256 << 20),
}
OTHERS = ("K1", "S1", "D1", "Q1", "V1")


class Failed(Exception):
    pass


def write_series(path, rows):
    """24 columns of smooth noise; the same numbers each time."""
    state, level = 1, [0.0] * 24
    with open(path, "w") as out:
        out.write(",".join(f"f{i}" for i in range(24)) + "\n")
        for _ in range(rows):
            for i in range(24):
                state = state * 6364136223846793005 + 1442695040888963407 & 2**64 - 1
                level[i] = 0.9 * level[i] + (state >> 40) / 2**24 - 0.5
            out.write(",".join(f"{x:.4f}" for x in level) + "\n")


def write_text(path, characters):
    """A text of 65 different characters; the same each time."""
    state, text = 1, []
    for _ in range(characters):
        state = state * 6364136223846793005 + 1442695040888963407 & 2**64 - 1
        text.append(chr(48 + (state >> 40) % 65))
    with open(path, "w") as out:
        out.write("".join(text))


def write_ini(path, sections):
    with open(path, "w") as out:
        for section, keys in sections.items():
            out.write(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))


def small(case):
    """The same of a few windows, four steps of ours, one of the peer's."""
    return (*case[:2], 4, min(2, case[3]), 4, 1)


def write_case(folder, name, case):
    data, model, batch, accumulate, steps, _ = case
    horizon = data.get("target_rows") != "window" and "targets" in data
    rows = batch * accumulate * steps + data["window"] - 1 + horizon
    series = os.path.join(folder, f"{name}.csv")
    if "tokenizer" in data:
        write_text(series, batch * accumulate * steps * data["window"] + 1)
    else:
        write_series(series, rows)
    path = os.path.join(folder, f"{name}.ini")
    write_ini(path, {
        "run": {"name": name, "output": os.path.join(folder, name)},
        "data": {"source": series, "validation": 0, "test": 0} | data,
        "model": model,
        "train": {
            "epochs": WARM + (1 if steps < 4 or accumulate > 1 else 3), "batch": batch, "accumulate": accumulate, "lr": 1e-4, "warmup": "0 steps",
            "monitor": "train_loss", "patience": 0, "schedule": "constant",
        },
        "plots": {"enable": "none"},
        "cluster": {"categories": 0},
    })  # fmt: skip
    return path


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a peer runs; `caches` is the folder of its compiled programs, `limit` the seconds of a run."""

    mode: str
    threads: int
    keeps: bool
    caches: str = None
    limit: float = math.inf

    def __str__(self):
        mode = f"{self.mode}, " if self.mode else ""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{mode}{threads}{', memory kept' if self.keeps else ''}"

    @property
    def env(self):
        return {"OMP_NUM_THREADS": str(self.threads)} | (KEEPS if self.keeps else {})


def variants(arguments, modes, folder, cuda=False):
    """All of them; those of one mode and number of threads share their compiled programs. On a GPU
    neither threads nor the host's allocator matter."""
    return [
        Variant(mode, threads, keeps, os.path.join(folder, f"peer-{mode}-{threads}"))
        for mode in modes
        for threads in ([arguments.threads] if cuda else dict.fromkeys((arguments.threads, 1)))
        for keeps in ([False] if cuda else [True, False])
    ]


def fastest(arguments, tries, speed):
    """The one of `tries` whose speed(variant) is the largest; what fails is told, its reason first. Each
    may take half of the time that is left, the last one all of it: one that hangs leaves time to others.
    What follows with the fastest one has no limit."""
    found, until = {}, time.monotonic() + arguments.seconds / 2
    for i, variant in enumerate(tries):
        try:
            variant = dataclasses.replace(variant, limit=max(1, (until - time.monotonic()) / min(2, len(tries) - i)))
            found[variant] = speed(variant)
            print(f"peer, {variant}: {found[variant]:.5g}/s", file=sys.stderr, flush=True)
        except Failed as failed:
            lines = str(failed).strip().splitlines()
            print(f"peer, {variant}: failed: {lines[-1]}", *lines[:-1], sep="\n", file=sys.stderr, flush=True)
    if not found:
        sys.exit("the peer runs in none of its variants")
    return dataclasses.replace(max(found, key=found.get), limit=math.inf)


def in_pairs(arguments, one, other):
    """[(one(), other()), ...]: fewer than --pairs where one fails behind the first, or another as long as the
    longest would come too late for what follows, which takes about as long as one()."""
    pairs, longest = [], 0
    while len(pairs) < arguments.pairs:
        start = time.monotonic()
        if pairs and start + longest > arguments.until:
            break
        try:
            a = one()
            took = time.monotonic() - start
            pairs.append((a, other()))
        except Failed as failed:
            if not pairs:
                raise
            print(f"pair {len(pairs) + 1}: {failed}", file=sys.stderr, flush=True)
            break
        longest = max(longest, time.monotonic() - start + took)
    return pairs


def run(command, caches=None, more={}, limit=math.inf):
    """(standard output, seconds, largest resident MiB) of a process. `caches`: the folder that all
    compiled programs are kept in, of seqtrain, PoCL, NVIDIA's driver and PyTorch; `more`: what is added
    to its environment. It fails where it does not end in `limit` seconds."""
    env = os.environ | more
    if caches:
        env |= {"XDG_CACHE_HOME": caches}
        for key in ("POCL_CACHE_DIR", "CUDA_CACHE_PATH", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
            env[key] = os.path.join(caches, key)
            os.makedirs(env[key], exist_ok=True)
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        env["BENCH_STARTED"] = str(start)
        process = timer = None
        try:
            process = subprocess.Popen(command, stdout=out, stderr=err, env=env)
            timer = threading.Timer(min(limit, threading.TIMEOUT_MAX), process.kill)
            timer.daemon = True
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
        except ChildProcessError:  # it ended as its time did
            raise Failed(f"{' '.join(command)}: failed\ndid not end in its {limit:.0f} s") from None
        except BaseException:  # a signal: nothing goes on in the folder that is removed
            if process:
                process.kill()
                process.wait()
            raise
        finally:
            if timer:
                timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        out.seek(0)
        err.seek(0)
        if status and seconds >= limit:
            raise Failed(f"{' '.join(command)}: failed\ndid not end in its {limit:.0f} s")
        if status:
            raise Failed(f"{' '.join(command)}: failed\n{err.read()[-2000:]}")
        return out.read(), seconds, usage.ru_maxrss / 1024


def run_json(command, caches=None, more={}, limit=math.inf):
    """(the object that a process prints last, MiB)"""
    text, _, memory = run(command, caches, more, limit)
    return json.loads(text.splitlines()[-1]), memory


# --- training


def seqtrain(arguments, *words):
    command = [arguments.seqtrain, *words, "-d", arguments.device]
    if arguments.threads != os.cpu_count():
        command += ["-s", f"device.threads={arguments.threads}"]
    return command + [word for setting in arguments.set for word in ("-s", setting)]


def ours(arguments, ini, caches, case, *settings):
    """(samples/s: the median of the epochs after the first ones, seconds to the end of the first step,
    MiB, MiB on the device)"""
    command = seqtrain(arguments, "-c", ini, "--overwrite", "-q")
    _, _, memory = run(command + [word for s in settings for word in ("-s", s)], caches)
    with open(os.path.join(ini[:-4], "log.jsonl")) as log:
        epochs = [e for e in map(json.loads, log) if e["event"] == "epoch"]
    speeds = [math.prod(case[2:5]) / e["seconds"] for e in epochs[WARM:]] or [0]
    start, device = epochs[0]["start_seconds"], epochs[0]["device_bytes"] / 2**20
    return statistics.median(speeds), start, memory, device


def peer(arguments, ini, variant, steps):
    result, memory = run_json([
        arguments.python, os.path.join(PEERS, "bench_peer.py"), ini, variant.mode, str(steps),
        str(variant.threads), arguments.peer_device,
    ], variant.caches, variant.env, variant.limit)  # fmt: skip
    return result["samples_per_second"], result["start_seconds"], memory, result["device_mib"]


def profile(arguments, ini, caches):
    """Of a step: GFLOP, ms of the floor, share of gaps (%, None: not to be seen); GF/s of a product."""
    text = run(seqtrain(arguments, "-c", ini, "--overwrite", "--profile"), caches)[0]
    check = run(seqtrain(arguments, "check", "-c", ini), caches)[0]
    ceiling = re.search(r"measured now: ([\d.]+) GF/s", text)[1]
    floor, gaps = re.search(r"at the floor ([\d.]+) ms: (?:gaps ([\d.]+)%)?", text).groups()
    gflop = re.search(r"([\d.]+) GFLOP; ", check)[1]
    return float(gflop), float(floor), gaps and float(gaps), float(ceiling)


def modelled(arguments, ini, card):
    """(ms of a step, samples/s, its launches by a card's model)"""
    text = run(seqtrain(arguments, "check", "-c", ini, "--roofline", card))[0]
    step, launches = re.search(r"a step: ([\d.]+) ms, of which [\d.]+ ms start (\d+) launches", text).groups()
    return float(step), float(re.search(r"([\d.]+) samples/s", text)[1]), int(launches)


def print_cards(arguments, folder, names):
    """What the model of each card says of the cases."""
    cards = arguments.roofline.split(",")
    print("Samples/s by `seqtrain check --roofline`, a model, not a measurement\n")
    print(f"| case | {' | '.join(cards)} | launches |\n|---|{'---:|' * (len(cards) + 1)}")
    for name in names:
        ini = write_case(folder, name, (*CASES[name][:4], 3, 1))
        told = [modelled(arguments, ini, card) for card in cards]
        print(f"| {name} | {' | '.join(f'{t[1]:,.0f}' for t in told)} | {told[0][2]} |", flush=True)


def print_modelled(arguments, folder, names):
    """The model of this device, whose ceilings are measured, against measured steps."""
    print("| case | ms by the model | ms measured | model / measured |\n|---|---:|---:|---:|")
    caches = os.path.join(folder, "caches")
    for name in names:
        ini = write_case(folder, name, small(CASES[name]) if arguments.small else CASES[name])
        ratios, told, took = [], [], []
        for _ in range(arguments.pairs):
            told.append(modelled(arguments, ini, "measured")[0])
            text = run(seqtrain(arguments, "-c", ini, "--overwrite", "--profile"), caches)[0]
            took.append(float(re.search(r"a step takes ([\d.]+) ms", text)[1]))
            ratios.append(told[-1] / took[-1])
        print(
            f"| {name} | {statistics.median(told):.3f} | {statistics.median(took):.3f} "
            f"| {statistics.median(ratios):.2f} |",
            flush=True,
        )


def fewer(arguments, pairs):
    return f" ({len(pairs)} pair{'s' if len(pairs) > 1 else ''})" if len(pairs) < arguments.pairs else ""


def bench_training(arguments, folder, name):
    case = CASES[name]
    case = (*case[:4], case[4] * arguments.longer, case[5] * arguments.longer)
    if arguments.small:
        case = small(case)
    ini = write_case(folder, name, case)
    data, _, batch, accumulate, _, peer_steps = case
    cold_start = {}  # of the first run with these caches

    def first(variant):
        speed, start, _, _ = peer(arguments, ini, variant, peer_steps)
        cold_start.setdefault(variant.caches, start)
        return speed

    cuda = arguments.peer_device == "cuda"
    best = fastest(arguments, variants(arguments, arguments.modes.split(","), folder, cuda), first)
    caches, samples = os.path.join(folder, "caches"), batch * accumulate
    rows = f"data.rows={samples + data['window']}"
    one_step = ["train.steps=1"] if "tokenizer" in data else ["train.epochs=1", rows]
    cold = ours(arguments, ini, caches, case, *one_step)[1]
    warm = statistics.median(
        ours(arguments, ini, caches, case, *one_step)[1] for _ in range(arguments.pairs)
    )
    a, b = zip(*in_pairs(
        arguments, lambda: ours(arguments, ini, caches, case), lambda: peer(arguments, ini, best, peer_steps)
    ))  # fmt: skip
    speed = statistics.median(x[0] for x in a)
    ratio = statistics.median(x[0] / y[0] for x, y in zip(a, b))
    gflop, floor, gaps, ceiling = profile(arguments, ini, caches)
    rate = gflop * speed / samples
    memory = 3 if cuda else 2  # of the GPU, or resident
    print(
        f"| {name}{fewer(arguments, a)} | {speed:,.0f} | {statistics.median(y[0] for y in b):,.0f} ({best}) | {ratio:.2f} "
        f"| {rate:.1f} | {100 * rate / ceiling:.0f}% of {ceiling:.0f} | {floor * speed / samples / 10:.0f}% "
        f"| {'none seen' if gaps is None else f'{gaps:.1f}%'} "
        f"| {max(x[memory] for x in a):.0f} | {max(y[memory] for y in b):.0f} | {cold:.2f}, {warm:.2f} "
        f"| {cold_start[best.caches]:.2f}, {statistics.median(y[1] for y in b):.2f} |",
        flush=True,
    )


# --- the rest


def libraries(arguments, *words, variant=None):
    command = [arguments.python, os.path.join(PEERS, "bench_libraries.py"), *map(str, words)]
    return run_json(command, more=variant.env, limit=variant.limit) if variant else run_json(command)


def versus(arguments, name, one, other, *figures):
    """A line about two calls, which give (object, MiB), in turn, the second in its fastest variant;
    figures() is asked behind them."""
    tries = variants(arguments, [""], "")
    best = fastest(arguments, tries, lambda variant: 1 / other(variant)[0]["seconds"])
    pairs = in_pairs(arguments, one, lambda: other(best))
    a, b = ([p[side][0]["seconds"] for p in pairs] for side in (0, 1))
    merit = figures[0]() if figures else [pairs[-1][side][0]["figure"] for side in (0, 1)]
    print(
        f"| {name}{fewer(arguments, pairs)} | {statistics.median(a):.3f} | {statistics.median(b):.3f} ({best}) "
        f"| {statistics.median(y / x for x, y in zip(a, b)):.2f} | {merit[0]:.10g} | {merit[1]:.10g} "
        f"| {max(p[0][1] for p in pairs):.0f} | {max(p[1][1] for p in pairs):.0f} |",
        flush=True,
    )
    return pairs


def bench_kmeans(arguments, folder):
    n, k, iterations = (5000, 50, 10) if arguments.small else (200000, 1000, 100)
    path = os.path.join(folder, "kmeans.bin")
    libraries(arguments, "points", path, n)
    words = [arguments.parts, "kmeans", arguments.device, path, str(n), "32", str(k), str(iterations)]
    versus(
        arguments, f"K1 k-means, {n:,} x 32 into {k:,}", lambda: run_json(words),
        lambda variant: libraries(arguments, "kmeans", path, k, iterations, variant=variant),
    )  # fmt: skip


def bench_tsne(arguments, folder):
    n, iterations = (500, 250) if arguments.small else (10000, 1000)
    path, maps = os.path.join(folder, "tsne.bin"), [os.path.join(folder, m) for m in ("a.map", "b.map")]
    libraries(arguments, "points", path, n)
    words = [arguments.parts, "tsne", arguments.device, path, str(n), "32", str(iterations), maps[0]]
    versus(
        arguments, f"S1 t-SNE, {n:,} points", lambda: run_json(words),
        lambda variant: libraries(
            arguments, "tsne", path, n, iterations, maps[1], variant.threads, variant=variant),
        lambda: libraries(arguments, "divergence", path, n, *maps)[0]["figures"],
    )  # fmt: skip


def bench_products(arguments, folder):
    """
    Products of frozen weights in 4 and 8 bits against those of the same shape in fp32, and of one row
    against a copy: the figures are GB/s of W, and of what a copy reads and writes.
    """
    out, in_ = (256, 320) if arguments.small else (4096, 4096)

    def pairs(name, one, other):
        took = [[run_json([arguments.parts, words[0], arguments.device, *map(str, words[1:])]) for words in (one, other)]
                for _ in range(arguments.pairs)]  # fmt: skip
        a, b = ([p[side][0]["seconds"] for p in took] for side in (0, 1))
        merit = [statistics.median(p[side][0]["figure"] for p in took) for side in (0, 1)]
        print(
            f"| Q1 {name} | {statistics.median(a):.5f} | {statistics.median(b):.5f} "
            f"| {statistics.median(y / x for x, y in zip(a, b)):.2f} | {merit[0]:.4g} | {merit[1]:.4g} "
            f"| {max(p[0][1] for p in took):.0f} | {max(p[1][1] for p in took):.0f} |",
            flush=True,
        )

    forms = ("NF4", "NF4_NESTED", "INT8")
    for rows, what in ((64, "product"), (64, "back"), (512, "product"), (512, "back")):
        for form in forms:
            name = f"{form} {'dx = dy W' if what == 'back' else 'y = x W^T'}, {rows} rows, [{out}, {in_}]"
            pairs(name, (what, form, rows, out, in_), (what, "F32", rows, out, in_))
    for form in forms:
        copy = ("copy", 4 if arguments.small else 256)
        pairs(f"{form} of a row, [{out}, {in_}], and a copy", ("product", form, 1, out, in_), copy)


CLIPS_INI = """[run]
output = {folder}/run
[data]
source = {folder}/clips.csv
prompt = "<|english|>"
end_of_text = <|end|>
window = 24
frames = 8
validation = 0.1
[encoder]
base = {folder}/tower
frames = mean
precision = fp32
cache = {folder}/cache
[model]
type = captioner
base = {data}/scenes_decoder
[adapter]
r = 8
target = q_proj, v_proj
[train]
epochs = 4
batch = 8
[caption]
samples = 0
[plots]
enable = none
"""


def seconds_of_epochs(folder):
    """Of a run, from the end of each epoch to the end of the next."""
    with open(os.path.join(folder, "run", "log.jsonl")) as log:
        ends = [e["time"] for e in map(json.loads, log) if e["event"] == "epoch"]
    ends = [datetime.datetime.fromisoformat(end.replace("Z", "+00:00")).timestamp() for end in ends]
    return [b - a for a, b in zip(ends, ends[1:])]


def bench_clips(arguments, folder):
    """
    Epochs with the cache and without, in turn; then images/s of the tower, ours with their reading and
    resizing: the difference of filling a cache for all clips and for a few.
    """
    clips, few = (6, 2) if arguments.small else (36, 6)
    data = os.path.abspath(os.path.join(HERE, "..", "..", "configs", "data"))
    peer_script = os.path.join(PEERS, "bench_tower.py")
    run([arguments.python, peer_script, "make", os.path.join(folder, "tower"), *["--small"] * arguments.small])
    ini, caches = os.path.join(folder, "clips.ini"), os.path.join(folder, "caches")
    with open(ini, "w") as out:
        out.write(CLIPS_INI.format(folder=folder, data=data))

    def table(count):
        with open(os.path.join(data, "synthetic_looks", "english.csv")) as all_of_them:
            rows = all_of_them.read().splitlines()[: count + 1]
        with open(os.path.join(folder, "clips.csv"), "w") as out:
            out.write("\n".join([rows[0]] + [os.path.join(data, "synthetic_looks", row) for row in rows[1:]]) + "\n")

    def epochs(*settings):
        run(seqtrain(arguments, "-c", ini, "--overwrite", "-q", *settings), caches)
        return statistics.median(seconds_of_epochs(folder))

    def encoding():
        took = []
        for count in (few, clips):
            table(count)
            words = ("encode", "-c", ini, "-q", "-s", f"encoder.cache={folder}/{count}")
            took.append(run(seqtrain(arguments, *words), caches)[1])
            shutil.rmtree(os.path.join(folder, str(count)))
        return 8 * (clips - few) / (took[1] - took[0])

    table(clips)
    epochs("-s", "train.epochs=2")  # fills the cache, builds programs
    pairs = [(epochs(), epochs("-s", "encoder.cache=none", "-s", "train.epochs=2")) for _ in range(arguments.pairs)]
    print(
        f"| V1 epoch of {clips} clips, 8 frames | {statistics.median(a for a, _ in pairs):.3f} "
        f"| {statistics.median(b for _, b in pairs):.3f} (no cache) "
        f"| {statistics.median(b / a for a, b in pairs):.1f} | | | | |",
        flush=True,
    )

    def theirs(variant):
        words = [arguments.python, peer_script, "run", os.path.join(folder, "tower"), variant.mode,
                 str(variant.threads), "16" if arguments.small else "64"]  # fmt: skip
        return run_json(words, variant.caches, variant.env, variant.limit)[0]["images_per_second"]

    best = fastest(arguments, variants(arguments, arguments.modes.split(","), folder), theirs)
    encoding()
    pairs = [(encoding(), theirs(best)) for _ in range(arguments.pairs)]
    print(
        f"| V1 an image | {statistics.median(1 / a for a, _ in pairs):.4f} "
        f"| {statistics.median(1 / b for _, b in pairs):.4f} ({best}) "
        f"| {statistics.median(a / b for a, b in pairs):.2f} | | | | |",
        flush=True,
    )


def bench_csv(arguments, folder):
    """
    Parsing: both make a time of 64 bits and ten columns of doubles of every row of the same file, in the
    page cache of the system, by as many threads; ours also sees to it that times rise and numbers are
    finite. From the cache: ours reads its file of parsed columns, with its checksum, into memory;
    pyarrow its own Feather file (not compressed) or Parquet file, whichever it reads faster, into
    memory. Sums of all numbers show that both read the same.
    """
    size, columns = (16 if arguments.small else 1024) << 20, [f"f{i}" for i in range(10)]
    free, need = shutil.disk_usage(folder).free, 4 * size
    if free < need:
        print(f"D1: needs {need >> 20} MiB in {folder}, there are {free >> 20}; TMPDIR names another")
        return
    caches = os.path.join(folder, "columns")
    os.makedirs(caches)
    path, threads = os.path.join(folder, "table.csv"), arguments.threads
    libraries(arguments, "table", path, size, len(columns))
    with open(path, "rb") as file:  # into the page cache
        while file.read(1 << 24):
            pass
    time.sleep(3)  # a file that has just changed is not kept in the cache
    words = [path, "time", *columns]
    pairs = versus(
        arguments, f"D1 CSV of {size >> 20} MiB, parsed",
        lambda: run_json([arguments.parts, "parse", *words]),
        lambda variant: libraries(arguments, "csv", path, variant.threads, variant=variant),
    )  # fmt: skip
    one, other = (pairs[0][side][0] for side in (0, 1))
    if one["rows"] != other["rows"] or abs(one["figure"] - other["figure"]) > 1e-9 * one["rows"]:
        sys.exit(f"D1: {one} is not {other}")
    run_json([arguments.parts, "cached", *words], caches)  # writes it
    stored = {kind: os.path.join(folder, "table." + kind) for kind in ("feather", "parquet")}
    first = {}
    for kind, file in stored.items():
        libraries(arguments, kind, path, threads, file)
        first[kind] = libraries(arguments, kind, path, threads, file)[0]["seconds"]
    kind = min(first, key=first.get)
    versus(
        arguments, f"D1 its columns, from the cache ({kind})",
        lambda: run_json([arguments.parts, "cached", *words], caches),
        lambda variant: libraries(arguments, kind, path, variant.threads, stored[kind], variant=variant),
    )  # fmt: skip
    ini = os.path.join(folder, "table.ini")
    write_ini(ini, {
        "data": {"source": path, "time": "time", "features": ", ".join(columns)},
        "model": autoencoder(64),
        "plots": {"enable": "none"},
    })  # fmt: skip
    for what, cache in (("parsed", "no"), ("from the cache", "yes")):
        check = seqtrain(arguments, "check", "-c", ini, "-s", f"data.cache={cache}")
        run(check, caches)  # compiles, and fills the cache
        seconds, mib = zip(*[run(check, caches)[1:] for _ in range(arguments.pairs)])
        print(
            f"| D1 `seqtrain check`, {what} | {statistics.median(seconds):.3f} | | | | | {max(mib):.0f} | |",
            flush=True,
        )


# --- what it runs on


def blas_of(program):
    """The BLAS that the program is linked with: its name, and OpenBLAS's core for this processor."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    names = re.findall(r"=> (\S*(?:blas|blis|mkl)\S*)", re.sub(r"\S*clblast\S*", "", text))
    for name in names:
        try:
            library = ctypes.CDLL(name)
            core, config = library.openblas_get_corename, library.openblas_get_config
        except (OSError, AttributeError):
            continue
        core.restype = config.restype = ctypes.c_char_p
        return f"{config().decode().strip()}; core {core().decode()}"
    return ", ".join(names) or "none"


def describe(arguments):
    with open("/proc/cpuinfo") as file:
        model = re.search(r"^model name\s*: (.*)$", file.read(), re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    print(f"CPU: {model[1] if model else os.uname().machine}; {arguments.threads} threads of {os.cpu_count()}; "
          f"{memory:.0f} GiB; {os.uname().sysname} {os.uname().release}")  # fmt: skip
    devices = run([arguments.seqtrain, "devices", "-d", arguments.device])[0]
    chosen = re.search(r"^\* \d+: (.*)\n +(.*)", devices, re.M)
    print(f"{run([arguments.seqtrain, '-V'])[0].strip()}; {chosen[1]}; {chosen[2].strip()}")
    print(f"BLAS: {blas_of(arguments.seqtrain)}")
    print("Python:", run([arguments.python, "-c", """
import importlib.metadata as m, platform
def version(name):
    try:
        return name + " " + m.version(name)
    except m.PackageNotFoundError:
        return "no " + name
print(platform.python_version(), *map(version, "torch numpy scikit-learn openTSNE pyarrow".split()), sep=", ")
"""])[0].strip())  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seqtrain", default="./seqtrain")
    parser.add_argument("--parts", default="tests/bench/bench_parts")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--modes")
    parser.add_argument("--device", default="auto", help="seqtrain's -d")
    parser.add_argument("--peer-device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--set", action="append", default=[], help="seqtrain's -s, such as device.gemm=bf16_products")
    parser.add_argument("--longer", type=int, default=1, metavar="N")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seconds", type=float, default=math.inf, metavar="N")
    parser.add_argument("--write", metavar="FOLDER")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--roofline", metavar="CARD,...", help="cards, or measured: what check --roofline says")
    parser.add_argument("case", nargs="*")
    arguments = parser.parse_args()
    cuda = arguments.peer_device == "cuda"
    arguments.modes = arguments.modes or (
        "eager-tf32,eager-bf16,compile-tf32,compile-bf16,graphs-tf32,graphs-bf16" if cuda else "eager,compile"
    )
    names = arguments.case or [*CASES, *OTHERS]
    for name in names:
        if name not in CASES and name not in OTHERS:
            sys.exit(f"{name}: no case; there are {', '.join([*CASES, *OTHERS])}")
    if arguments.write:
        for name in [name for name in names if name in CASES]:
            case = small(CASES[name]) if arguments.small else CASES[name]
            write_case(arguments.write, name, (*case[:4], arguments.steps, 1))
        return
    os.environ.pop("OPENBLAS_CORETYPE", None)
    for name in KEEPS:
        os.environ.pop(name, None)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    if hasattr(os, "sched_setaffinity"):  # for all that is started from here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    folder = tempfile.mkdtemp(prefix="seqtrain-bench-")
    try:
        describe(arguments)
        if arguments.roofline:
            tell = print_modelled if arguments.roofline == "measured" else print_cards
            tell(arguments, folder, [name for name in names if name in CASES])
        else:
            bench(arguments, folder, names)
    except Failed as failed:
        sys.exit(str(failed))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bench(arguments, folder, names):
    training = [name for name in names if name in CASES]
    others = {"K1": bench_kmeans, "S1": bench_tsne, "D1": bench_csv, "Q1": bench_products, "V1": bench_clips}
    if training:
        print("Peer:", run([
            arguments.python, os.path.join(PEERS, "bench_peer.py"), "versions", arguments.peer_device
        ])[0].strip())  # fmt: skip
        print(
            f"\nSamples/s, medians of {arguments.pairs} pairs; MiB "
            f"{'on the device' if arguments.peer_device == 'cuda' else 'resident'}; start: seconds to the "
            "end of the first step, cold and warm\n\n"
            "| case | seqtrain | PyTorch | ratio | GF/s | of the GEMM ceiling | of the roofline | gaps "
            "| MiB | PyTorch's | start | PyTorch's |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
        )
    for name in training:
        own = tempfile.mkdtemp(dir=folder)
        arguments.until = time.monotonic() + arguments.seconds
        bench_training(arguments, own, name)
        shutil.rmtree(own)
    if len(training) < len(names):
        print(
            f"\nSeconds, medians of {arguments.pairs} pairs; figure: inertia, divergence, sum of numbers\n\n"
            "| case | seqtrain | peer | ratio | figure | peer's | MiB | peer's |\n"
            "|---|---|---|---|---|---|---|---|"
        )
    for name in names:
        if name in OTHERS:
            own = tempfile.mkdtemp(dir=folder)
            arguments.until = time.monotonic() + arguments.seconds
            others[name](arguments, own)
            shutil.rmtree(own)


if __name__ == "__main__":
    main()
