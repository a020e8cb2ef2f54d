#!/usr/bin/env python3
"""Times training steps of the PyTorch twin of a configuration: bench_peer.py INI MODE STEPS THREADS.

MODE is eager or compile. Samples are drawn from a series in memory, as seqtrain does; AdamW is PyTorch's
fused or multi-tensor one as it chooses. Prints {"samples_per_second": ...}.
"""

import json
import sys
import time

import torch

from make_golden import make_model
from twin import load_config, losses, make_optimizer, optimizer_step, target_losses


def main():
    path, mode, steps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    ini = load_config(path)
    data, train = ini["data"], ini["train"]
    B, group = train.getint("batch"), train.getint("accumulate")
    T = data.getint("window")
    F = len(data["features"].split(","))
    supervised = ini["model"]["type"] != "autoencoder"
    K = len(data["targets"].split(",")) if supervised else 0
    by_row = data["target_rows"] == "window"
    series = torch.randn(20000, F + K)
    offsets = torch.arange(T + 1)
    model = make_model(ini).train()
    optimizer = make_optimizer(model, train)
    step_model = torch.compile(model) if mode == "compile" else model

    def step():
        xs, extras = [], []
        for _ in range(group):
            rows = series[torch.randint(20000 - T - 1, (B,))[:, None] + offsets]
            xs.append(rows[:, :T, :F])
            target = rows[:, :T, F:] if by_row else rows[:, T:, F:]
            extras.append(target if supervised else None)
        optimizer_step(
            step_model, optimizer, ini["loss"], train, xs, extras, target_losses if supervised else losses
        )

    for _ in range(3 if mode == "compile" else 1):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    seconds = time.perf_counter() - start
    print(json.dumps({"samples_per_second": B * group * steps / seconds}))


if __name__ == "__main__":
    main()
