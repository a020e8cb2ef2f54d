#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""live.py SEQTRAIN [ROWS]: how long predict -i - takes to answer a row, as one who waits sees it.

Trains small models for an epoch on rows of its own, then writes rows into a pipe, one by one, each
after the answer to the one before, and times the answers: median, 99%, 99.9% and the worst, in ms.
The first line is a program without any work, which sends each row back: what it waits, the machine makes
each program wait. With real-time priority ("chrt -f 10 python3 live.py ...") other processes do not come
between.
"""
import math
import os
import subprocess
import sys
import tempfile
import time

BASE = """
[data]
source = rows.csv
time = time
features = close, ret(close), ma(close,10), rsi(close), volatility(close,20)
targets = ret(close)
horizon = 5
window = 32
scaler = standard
target_transform = standard
[train]
epochs = 1
batch = 64
[plots]
enable = none
[model]
"""
MODELS = {
    "GRU of 32 units, window 32": "type = recurrent\ncell = gru\nhidden = 32\nlayers = 1\n",
    "LSTM of 48 units, 2 layers, window 32": "type = recurrent\ncell = lstm\nhidden = 48\nlayers = 2\n",
    "CNN+GRU, window 32": "type = cnn_recurrent\ncell = gru\nhidden = 32\nlayers = 1\n",
    "transformer, d_model 32, window 32": "type = transformer\nd_model = 32\nheads = 4\nlayers = 2\n",
    "GRU of 23 units that keeps its state": "type = recurrent\ncell = gru\nhidden = 23\nlayers = 1\n"
    "[data]\ntarget_rows = window\neval_window = 128\nfeatures = close, volume\n",
}


def write_rows(path, count):
    close = 100.0
    with open(path, "w", encoding="utf-8") as out:
        out.write("time,close,volume\n")
        for i in range(count):
            close *= 1 + 0.004 * math.sin(1.3 * i) + 0.002 * math.sin(i * i)
            out.write(f"{1600000200 + 300 * i},{close:.6f},{5 + 3 * math.cos(i / 7):.4f}\n")


def merged(model):
    """The model's own [data] keys take the place of the base's."""
    head, _, data = model.partition("[data]\n")
    keys = [line.split("=")[0].strip() for line in data.splitlines()]
    lines = [l for l in BASE.splitlines() if l.split("=")[0].strip() not in keys]
    at = lines.index("[data]") + 1
    return "\n".join(lines[:at] + data.splitlines() + lines[at:]) + "\n" + head


def answer(fd):
    while not os.read(fd, 1 << 16).endswith(b"\n"):
        pass


def timed(process, lines):
    """The sorted times of the lines' answers, the first 20 left out; the process has ended."""
    times = []
    for line in lines:
        begin = time.perf_counter()
        process.stdin.write(line)
        answer(process.stdout.fileno())
        times.append(1e3 * (time.perf_counter() - begin))
    process.stdin.close()
    process.wait()
    return sorted(times[20:])


def echo(rows):
    """Times of cat, which sends each row back."""
    lines = open("rows.csv", "rb").read().splitlines(keepends=True)
    process = subprocess.Popen(["cat"], bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return timed(process, lines[:rows])


def measure(seqtrain, folder, rows):
    lines = open("rows.csv", "rb").read().splitlines(keepends=True)
    process = subprocess.Popen([seqtrain, "predict", "-m", folder, "-i", "-"], bufsize=0,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    needs = int(process.stderr.readline().split()[7].rstrip(b","))
    process.stdin.write(b"".join(lines[: needs + 1]))
    got = b""
    while got.count(b"\n") < 2:
        got += os.read(process.stdout.fileno(), 1 << 16)
    return timed(process, lines[needs + 1 : needs + 1 + rows])


def show(name, t):
    print(f"| {name} | {t[len(t) // 2]:.3f} | {t[int(len(t) * 0.99)]:.3f} "
          f"| {t[int(len(t) * 0.999)]:.3f} | {t[-1]:.3f} |", flush=True)


def main():
    seqtrain, rows = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores, {rows} rows")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_rows("rows.csv", rows + 600)
        show("no work: cat", echo(rows))
        for number, (name, model) in enumerate(MODELS.items()):
            with open("model.ini", "w", encoding="utf-8") as out:
                out.write(merged(model))
            subprocess.run([seqtrain, "train", "-q", "-c", "model.ini", "-o", f"run{number}"], check=True)
            show(name, measure(seqtrain, f"run{number}", rows))
        os.chdir("/")


if __name__ == "__main__":
    main()
