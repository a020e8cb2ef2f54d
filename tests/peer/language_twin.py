#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A language model in PyTorch, step by step beside seqtrain: the same weights to begin with, the same
windows in the same order, the same schedule.

    language_twin.py FOLDER [--seqtrain PROGRAM] [--steps 300] [--threads 2] [--double] [KEY=VALUE ...]

trains both on a text (data.source) by nanoGPT's GPU setting for tinyshakespeare, without dropout: 6
layers, 6 heads, width 384, windows of 256, batches of 64. KEY=VALUE sets other keys of the INI,
"train.batch=8". Prints the loss of each step of both, and the largest difference. With --double a third
training follows, PyTorch's in double precision, and the largest distance of each of the two from it is
printed as well: where both grow alike, rounding grows, not a fault. FOLDER gets init.safetensors,
twin.ini and the run.
"""

import argparse
import copy
import json
import os
import subprocess
import sys

import numpy as np
import torch
from safetensors.torch import save_file

from make_golden import language_losses, make_model
from twin import learning_rate, load_config, make_optimizer, optimizer_step, span_steps

SETTING = {
    "data.tokenizer": "characters", "data.window": "256", "data.sampling": "random",
    "data.validation": "0", "data.test": "0", "model.type": "language", "model.d_model": "384",
    "model.heads": "6", "model.layers": "6", "model.dropout": "0", "train.batch": "64",
    "train.lr": "1e-3", "train.lr_min": "1e-4", "train.warmup": "100 steps", "train.beta2": "0.99",
    "train.weight_decay": "0.1", "train.schedule": "cosine", "train.monitor": "train/loss",
    "train.evaluate": "1 steps", "train.patience": "0", "plots.enable": "none",
}  # fmt: skip


def philox(c0, c1, c2, c3, seed):
    """Philox4x32-7 (Salmon et al. 2011), c0 an array: two words of it."""
    mask, k0, k1 = np.uint64(0xFFFFFFFF), seed & 0xFFFFFFFF, seed >> 32
    c = [np.asarray(x, dtype=np.uint64) + np.zeros_like(c0, dtype=np.uint64) for x in (c0, c1, c2, c3)]
    for _ in range(7):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        high = np.uint64(32)
        c = [(p1 >> high) ^ c[1] ^ np.uint64(k0), p1 & mask, (p0 >> high) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = k0 + 0x9E3779B9 & 0xFFFFFFFF, k1 + 0xBB67AE85 & 0xFFFFFFFF
    return c[0], c[1]


def stream(name):
    """FNV-1a of a name."""
    hashed = 2166136261
    for byte in name.encode():
        hashed = (hashed ^ byte) * 16777619 & 0xFFFFFFFF
    return hashed


def drawn(count, epoch, windows, seed):
    """The windows that data.sampling = random draws in an epoch."""
    high, low = philox(np.arange(count), epoch, stream("sampling"), 0, seed)
    share = (high.astype(np.float64) + low.astype(np.float64) * 2.0**-32) * 2.0**-32
    return np.minimum((share * windows).astype(np.int64), windows - 1)


def write_ini(path, settings):
    sections = {}
    for name, value in settings.items():
        section, key = name.split(".", 1)
        sections.setdefault(section, {})[key] = value
    with open(path, "w") as out:
        for section, keys in sections.items():
            out.write(f"[{section}]\n" + "".join(f"{k} = {v}\n" for k, v in keys.items()))


def ours(program, path, folder, *more):
    """The loss of each step, from the log; leaves the complete config.ini."""
    subprocess.run([program, "-q", "-c", path, "--overwrite", *more], check=True)
    with open(os.path.join(folder, "run", "log.jsonl")) as log:
        return [e["train_loss"] for e in map(json.loads, log) if e["event"] == "epoch"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--seqtrain", default="./seqtrain")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--double", action="store_true")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    args = parser.parse_intermixed_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    os.makedirs(args.folder, exist_ok=True)
    folder = os.path.abspath(args.folder)
    path, init = os.path.join(folder, "twin.ini"), os.path.join(folder, "init.safetensors")
    settings = SETTING | {"run.output": os.path.join(folder, "run"), "train.steps": str(args.steps),
                          "model.init": init}  # fmt: skip
    settings |= dict(setting.split("=", 1) for setting in args.settings)
    settings["data.source"] = os.path.abspath(settings.get("data.source", "input.txt"))
    write_ini(path, settings)
    ours(args.seqtrain, path, folder, "-s", "train.steps=1", "-s", "model.init=")
    ini = load_config(os.path.join(folder, "run", "config.ini"))
    model = make_model(ini).train()
    save_file({key: p.contiguous() for key, p in model.named_parameters()}, init)
    losses = ours(args.seqtrain, path, folder)

    with open(settings["data.source"]) as file:
        text = file.read()
    number = {c: i for i, c in enumerate(sorted(set(text)))}
    tokens = torch.tensor([number[c] for c in text])
    T, B, seed = ini["data"].getint("window"), ini["train"].getint("batch"), ini["run"].getint("seed")
    twins = [copy.deepcopy(model).double()] if args.double else []
    twins = [(m, make_optimizer(m, ini["train"])) for m in [model, *twins]]
    warmup, worst = span_steps(ini["train"]["warmup"], 1, args.steps), [0.0, 0.0, 0.0]
    for step in range(args.steps):
        first = torch.from_numpy(drawn(B, step + 1, len(tokens) - T, seed))
        x = tokens[first[:, None] + torch.arange(T + 1)]
        found = [losses[step]]
        for twin, optimizer in twins:
            for entry in optimizer.param_groups:
                entry["lr"] = learning_rate(ini["train"], step, warmup, args.steps, 1.0)
            found.append(optimizer_step(twin, optimizer, ini["loss"], ini["train"], [x], None, language_losses)[0])
        pairs = [(0, 1), (0, 2), (1, 2)][: 3 if args.double else 1]
        worst = [max(worst[i], abs(found[a] - found[b])) for i, (a, b) in enumerate(pairs)]
        print(f"step {step + 1}: seqtrain {found[0]:.6f}, PyTorch {found[1]:.6f}, largest difference {worst[0]:.2e}"
              + (f"; double {found[2]:.6f}, from it seqtrain {worst[1]:.2e}, PyTorch {worst[2]:.2e}" if args.double else ""),
              flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
