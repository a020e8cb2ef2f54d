#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ETTh1 in PyTorch: 96 hours from 96, channels apart, reversible instance norm.

The usual protocol: the first 8640 rows train, 2880 validation, 2880 test; standardised with the
training part's mean and standard deviation; windows of a part may begin in the part before; the
figure is the mean over all windows, hours and seven channels. Keys as in seqtrain's INI file:

    ett_twin.py ETTh1.csv.gz model=cnn_recurrent conv_kernel=16 conv_stride=8 hidden=64
"""

import gzip
import math
import sys
import time

import numpy as np
import torch
from torch import nn

from pa_twin import Transformer, groups, rate, read_settings

DEFAULTS = dict(
    model="cnn_recurrent", cell="gru", hidden=64, layers=1, conv_channels=64, conv_kernel=16,
    conv_stride=8, conv_padding=0, head="flatten", window=96, horizon=96, stride=1, batch=256, lr=1e-3,
    weight_decay=0.01, decay_all=0, clip_norm=1.0, schedule="cosine", warmup=0, lr_min=0.0, epochs=5,
    dropout=0.0, activation="gelu", reversible_norm=1, seed=0, threads=1, beta2=0.999, d_model=16, heads=2,
    feedforward=32, attention="full", positions="learned", norm_first=1, final_norm=0,
    rotary_base=10000.0, loss="mse", straddle=1,
)  # fmt: skip


class Core(nn.Module):
    """x [B, T, 1] -> rows [B, T', H] of the model's family."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        T, width = c["window"], 1
        if c["model"] == "cnn_recurrent":
            width = c["conv_channels"]
            self.conv = nn.Conv1d(1, width, c["conv_kernel"], c["conv_stride"], c["conv_padding"])
            T = (T + 2 * c["conv_padding"] - c["conv_kernel"]) // c["conv_stride"] + 1
        if c["model"] == "transformer":
            self.core, self.width = Transformer(1, c, 1), c["d_model"]
        else:
            kind = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}[c["cell"]]
            self.core, self.width = kind(width, c["hidden"], c["layers"], batch_first=True), c["hidden"]
        self.rows = T

    def forward(self, x):
        if self.c["model"] == "transformer":
            return self.core.encode(x)
        if self.c["model"] == "cnn_recurrent":
            act = nn.functional.gelu if self.c["activation"] == "gelu" else torch.relu
            x = act(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.core(x)[0]


class Forecaster(nn.Module):
    """x [B, T] -> [B, horizon], of one channel."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        if c["model"] == "linear":
            self.head = nn.Linear(c["window"], c["horizon"])
            return
        self.core = Core(c)
        rows = self.core.rows if c["head"] == "flatten" else 1
        self.score = nn.Linear(self.core.width, 1) if c["head"] == "attention" else None
        self.drop = nn.Dropout(c["dropout"])
        self.head = nn.Linear(rows * self.core.width, c["horizon"])

    def forward(self, x):
        if self.c["reversible_norm"]:
            mean = x.mean(1, keepdim=True)
            sd = (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
            x = (x - mean) / sd
        if self.c["model"] == "linear":
            y = self.head(x)
        else:
            h = self.core(x[..., None])
            pool = {
                "flatten": lambda: h.flatten(1),
                "last": lambda: h[:, -1],
                "mean": lambda: h.mean(1),
                "attention": lambda: (self.score(h).softmax(1) * h).sum(1),
            }
            y = self.head(self.drop(pool[self.c["head"]]()))
        return y * sd + mean if self.c["reversible_norm"] else y


def main():
    path, c = sys.argv[1], read_settings(sys.argv[2:], DEFAULTS)
    torch.set_num_threads(c["threads"])
    torch.manual_seed(c["seed"])
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1, usecols=range(1, 8))[:14400]
    table = (table - table[:8640].mean(0)) / table[:8640].std(0)
    series = torch.tensor(table, dtype=torch.float32).T.contiguous()  # [7, rows]
    T, N = c["window"], c["horizon"]
    windows = series.unfold(1, T + N, 1)  # [7, starts, T + N]
    back = T * c["straddle"]  # 0: windows lie wholly in their part
    first = dict(train=0, val=8640 - back, test=11520 - back)
    last = dict(train=8640, val=11520, test=14400)
    parts = {p: windows[:, first[p] : last[p] - T - N + 1] for p in first}
    model = Forecaster(c)
    count = parts["train"].shape[1]
    starts = torch.arange(0, 7 * count)
    starts = starts[starts % count % c["stride"] == 0]
    steps = c["epochs"] * math.ceil(len(starts) / c["batch"])
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {steps} steps", flush=True)
    optimizer = torch.optim.AdamW(groups(model, c), lr=c["lr"], betas=(0.9, c["beta2"]))

    def evaluate(part):
        """Mean square and absolute error over all windows, hours and channels."""
        model.eval()
        square = total = 0.0
        with torch.no_grad():
            for w in parts[part].flatten(0, 1).split(4096):
                e = model(w[:, :T]) - w[:, T:]
                square, total = square + e.square().sum().item(), total + e.abs().sum().item()
        model.train()
        n = parts[part][:, :, T:].numel()
        return square / n, total / n

    step, best, begin = 0, math.inf, time.time()
    lossf = dict(mse=nn.functional.mse_loss, mae=nn.functional.l1_loss, huber=nn.functional.huber_loss)
    for epoch in range(c["epochs"]):
        losses = []
        for pick in starts[torch.randperm(len(starts))].split(c["batch"]):
            for group in optimizer.param_groups:
                group["lr"] = rate(c, step, steps)
            w = parts["train"][pick // count, pick % count]
            optimizer.zero_grad()
            loss = lossf[c["loss"]](model(w[:, :T]), w[:, T:])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), c["clip_norm"])
            optimizer.step()
            losses.append(loss.item())
            step += 1
        val, (test, mae) = evaluate("val")[0], evaluate("test")
        if val < best:
            best, chosen = val, (epoch + 1, test, mae)
        print(f"epoch {epoch + 1} {time.time() - begin:.0f} s loss {np.mean(losses):.4f} val {val:.4f} "
              f"test {test:.4f} mae {mae:.4f}; best epoch {chosen[0]}: {chosen[1]:.4f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
