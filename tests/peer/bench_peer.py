#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Times training steps of the PyTorch twin of a configuration: bench_peer.py INI MODE STEPS THREADS [DEVICE].

MODE is eager, compile or graphs (compiled and, on CUDA, recorded as a graph), with -tf32 (products of
fp32 with TF32's digits on CUDA) or -bf16 (autocast) behind it. Samples are drawn from a series in
memory, as seqtrain does. On CUDA cuDNN tries its convolutions, AdamW is PyTorch's fused one, and nothing is read back from the device
until the last step is done; elsewhere it is the one that PyTorch chooses. Prints {"samples_per_second": ..., "start_seconds": ..., "device_mib":
...}: start_seconds goes from the start of the process, which BENCH_STARTED tells in seconds of
CLOCK_MONOTONIC (else from the first line on), to the end of the first step; unlike seqtrain's it has
no file to read. bench_peer.py versions [DEVICE] prints a line.
"""

import os
import time

STARTED = float(os.environ.get("BENCH_STARTED", time.monotonic()))

import json  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402

import torch  # noqa: E402

from make_golden import language_losses, make_model  # noqa: E402
from twin import load_config, losses, make_optimizer, optimizer_step, target_losses  # noqa: E402


def versions(device):
    config = torch.__config__.show()
    blas = re.search(r"BLAS_INFO=(\w+)", config)
    line = f"PyTorch {torch.__version__}, BLAS {blas[1] if blas else 'unknown'}"
    line += f", {torch.backends.cpu.get_cpu_capability()}"
    if device == "cuda":
        line += f", CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}"
    print(line)


def main():
    path, mode, steps, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    device = torch.device(sys.argv[5] if len(sys.argv) > 5 else "cpu")
    mode, _, precision = mode.partition("-")
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = device.type == "cuda"
    ini = load_config(path)
    data, train = ini["data"], ini["train"]
    B, group = train.getint("batch"), train.getint("accumulate")
    T = data.getint("window")
    F = len(data["features"].split(","))
    text = ini["model"]["type"] == "language"
    supervised = ini["model"]["type"] != "autoencoder" and not text
    K = len(data["targets"].split(",")) if supervised else 0
    by_row = data["target_rows"] == "window"
    series = torch.randn(20000, F + K, device=device)
    offsets = torch.arange(T + 1, device=device)
    model = make_model(ini).to(device).train()
    optimizer = make_optimizer(model, train)
    cuda = device.type == "cuda"
    if cuda and train["optimizer"] == "adamw":
        for settings in optimizer.param_groups:
            settings.update(fused=True, foreach=False)
    how = {"eager": None, "compile": "default", "graphs": "reduce-overhead"}[mode]
    step_model = torch.compile(model, mode=how) if how else model
    kind = target_losses if supervised else language_losses if text else losses
    tokens = torch.randint(model.transformer.wte.num_embeddings if text else 1, (20000,), device=device)

    def terms(*what):
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            return kind(*what)

    def step():
        xs, extras = [], []
        for _ in range(group):
            first = torch.randint(20000 - T - 1, (B,), device=device)
            if text:
                xs.append(tokens[first[:, None] + offsets])
                extras.append(None)
                continue
            rows = series[first[:, None] + offsets]
            xs.append(rows[:, :T, :F])
            target = rows[:, :T, F:] if by_row else rows[:, T:, F:]
            extras.append(target if supervised else None)
        if mode == "graphs":
            torch.compiler.cudagraph_mark_step_begin()
        return optimizer_step(step_model, optimizer, ini["loss"], train, xs, extras, terms, told=not cuda)

    def finish():
        if cuda:
            torch.cuda.synchronize()

    step()
    finish()
    started = time.monotonic() - STARTED
    # a graph is first warmed up, then recorded, then replayed
    for _ in range(0 if mode == "eager" and device.type == "cpu" else 3):
        step()
    finish()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    finish()
    seconds = time.perf_counter() - start
    mib = torch.cuda.max_memory_reserved() / 2**20 if cuda else 0
    print(json.dumps({
        "samples_per_second": B * group * steps / seconds, "start_seconds": started, "device_mib": mib,
    }))  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] == "versions":
        versions(sys.argv[2] if len(sys.argv) > 2 else "cpu")
    else:
        main()
