#!/usr/bin/env python3
"""Trains the cases of tests/bench/RESULTS.md for a few steps, seqtrain and PyTorch in turn.

    bench.py [--seqtrain PROGRAM] [--pairs 3] [--threads N] [--no-compile] [CASE ...]

Prints for each case samples/s of both (medians), the median ratio of the pairs, GF/s and the share
of the machine's roofline (--profile's floor over the step's time), largest resident memory, and
when after the program's start its first step begins and ends with warm caches. The peer is the
PyTorch twin of the same model, eager or compiled, whichever is faster; needs torch, numpy and
safetensors. Nothing else should run meanwhile.
"""

import argparse
import datetime
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

CANDLES = {"features": "f0, f1, f2, f3, f4, f5", "window": 50, "scaler": "none"}
MANY = {"features": ", ".join(f"f{i}" for i in range(23)), "targets": "f0", "scaler": "none"}
SIGNAL = {
    "features": "f0, f1",
    "targets": "f2, f3",
    "target_rows": "window",
    "window": 200,
    "scaler": "none",
}


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
}  # fmt: skip
WARM = 2  # steps (ours: epochs) before the clock starts


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


def rows_of(name, steps):
    """Rows that make an epoch of so many steps."""
    data, _, batch, accumulate, _, _ = CASES[name]
    horizon = data.get("target_rows") != "window" and "targets" in data
    return batch * accumulate * steps + data["window"] - 1 + horizon


def write_case(folder, name):
    data, model, batch, accumulate, steps, _ = CASES[name]
    series = os.path.join(folder, f"{name}.csv")
    write_series(series, rows_of(name, steps))
    sections = {
        "run": {"name": name, "output": os.path.join(folder, name)},
        "data": {"source": series, "validation": 0, "test": 0} | data,
        "model": model,
        "train": {
            "epochs": WARM + 3, "batch": batch, "accumulate": accumulate, "lr": 1e-4, "warmup": "0 steps",
            "monitor": "train_loss", "patience": 0, "schedule": "constant",
        },
        "plots": {"enable": "none"},
        "cluster": {"categories": 0},
    }  # fmt: skip
    path = os.path.join(folder, f"{name}.ini")
    with open(path, "w") as out:
        for section, keys in sections.items():
            out.write(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))
    return path


def run(command, **more):
    """(standard output, largest resident MiB) of a process."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, **more)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        err.seek(0)
        if status:
            sys.exit(f"{' '.join(command)}: failed\n{err.read()[-2000:]}")
        return out.read() + err.read(), usage.ru_maxrss / 1024


def ours(program, ini, folder, name):
    """(samples/s, MiB): the epochs after the first ones, each timed by itself; the fastest."""
    _, memory = run([program, "-c", ini, "--overwrite", "-q"])
    with open(os.path.join(folder, name, "log.jsonl")) as log:
        epochs = [e for e in map(json.loads, log) if e["event"] == "epoch"]
    samples = CASES[name][2] * CASES[name][3] * CASES[name][4]
    return statistics.median(samples / e["seconds"] for e in epochs[WARM:]), memory


def peer(python, ini, mode, steps, threads):
    text, memory = run([
        python, os.path.join(HERE, "..", "peer", "bench_peer.py"), ini, mode, str(steps), str(threads)
    ])  # fmt: skip
    return json.loads(text.splitlines()[0])["samples_per_second"], memory


def start(program, ini, folder, name):
    """Seconds from the start of a run of one step to where its first step begins, and to its end."""
    began = time.time()
    run([program, "-c", ini, "--overwrite", "-q", "-s", "train.epochs=1", "-s", f"data.rows={rows_of(name, 1)}"])
    with open(os.path.join(folder, name, "log.jsonl")) as log:
        events = {e["event"]: e for e in map(json.loads, log)}
    begins = datetime.datetime.fromisoformat(events["start"]["time"].replace("Z", "+00:00")).timestamp() - began
    return begins, begins + events["epoch"]["seconds"]


def profile(program, ini):
    """(ceilings, GFLOP of a step, ms of the floor of a step)"""
    text, _ = run([program, "-c", ini, "--overwrite", "--profile", "-s", "train.epochs=1"])
    check, _ = run([program, "check", "-c", ini])
    ceilings = re.search(r"ceilings measured now: ([\d.]+) GF/s, ([\d.]+) GB/s", text)
    floor = re.search(r"at the floor ([\d.]+) ms", text)
    flop = re.search(r"([\d.]+) ([GM])FLOP; ", check)
    return ceilings, float(flop[1]) / (1 if flop[2] == "G" else 1000), float(floor[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seqtrain", default="./seqtrain")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("case", nargs="*")
    arguments = parser.parse_args()
    os.environ.pop("OPENBLAS_CORETYPE", None)
    names = arguments.case or list(CASES)
    for name in names:
        if name not in CASES:
            sys.exit(f"{name}: no case; there are {', '.join(CASES)}")
    folder = tempfile.mkdtemp(prefix="seqtrain-bench-")
    print(f"{platform.machine()}, {arguments.threads} threads; samples/s, medians of {arguments.pairs} pairs")
    print(
        "| case | seqtrain | PyTorch | ratio | GF/s | of GEMM ceiling | of roofline | MiB | peer's MiB "
        "| first step, warm |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    try:
        for name in names:
            bench(arguments, folder, name)
    finally:
        shutil.rmtree(folder)


def bench(arguments, folder, name):
    ini = write_case(folder, name)
    _, _, batch, accumulate, steps, peer_steps = CASES[name]
    program, python, threads = arguments.seqtrain, arguments.python, arguments.threads
    modes = ["eager"] if arguments.no_compile else ["eager", "compile"]
    probe = {mode: peer(python, ini, mode, peer_steps, threads)[0] for mode in modes}
    mode = max(probe, key=probe.get)
    pairs = []
    for _ in range(arguments.pairs):
        pairs.append((ours(program, ini, folder, name), peer(python, ini, mode, peer_steps, threads)))
    speed = statistics.median(p[0][0] for p in pairs)
    ratio = statistics.median(p[0][0] / p[1][0] for p in pairs)
    ceilings, gflop, floor = profile(program, ini)
    start(program, ini, folder, name)  # fills the caches for its number of samples
    begins, ends = map(statistics.median, zip(*(start(program, ini, folder, name) for _ in range(7))))
    rate = gflop * speed / (batch * accumulate)
    print(
        f"| {name} | {speed:,.0f} | {statistics.median(p[1][0] for p in pairs):,.0f} ({mode}) | {ratio:.2f} "
        f"| {rate:.1f} | {100 * rate / float(ceilings[1]):.0f}% of {ceilings[1]} "
        f"| {100 * floor / 1000 * speed / (batch * accumulate * steps):.0f}% "
        f"| {max(p[0][1] for p in pairs):.0f} | {max(p[1][1] for p in pairs):.0f} | {begins:.2f} to {ends:.2f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()
