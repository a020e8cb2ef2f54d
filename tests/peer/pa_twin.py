#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Power-amplifier models in PyTorch: the yardstick of seqtrain's dgru, recurrent and transformer.

Trains on a folder of OpenDPD's (train|val|test_{input,output}.csv, or .csv.gz, with columns I,Q) by
the rules that OPENDPD.md writes down. Keys are named as in seqtrain's INI file:

    pa_twin.py DATA model=gru                               # OpenDPD's recipe, 1,911 parameters
    pa_twin.py DATA model=dgru epochs=2 stride=4
    pa_twin.py DATA model=transformer d_model=16 lr=3e-3 clip_norm=1 schedule=cosine warmup=300

standard=1 gives features and targets mean 0 and deviation 1 over the training rows (seqtrain's scaler
and target_transform = standard); the figures are about targets as they were.
"""

import gzip
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DEFAULTS = dict(
    model="gru", features="IQ", hidden=23, cell="gru", window=200, eval_window=0, stride=1, batch=64,
    lr=5e-3, weight_decay=0.01, decay_all=1, clip_norm=200.0, schedule="plateau", warmup=0,
    plateau_patience=10, lr_min=5e-5, epochs=240, steps=0, beta2=0.999, seed=0, threads=1,
    d_model=16, heads=4, layers=2, feedforward=32, attention="causal", positions="rotary",
    norm_first=1, activation="gelu", final_norm=1, rotary_base=10000.0, seconds=0, log=1, save="",
    standard=0,
)  # fmt: skip


def read_settings(words, defaults):
    """key=value words over the defaults, each with its default's type."""
    c = dict(defaults)
    for word in words:
        key, value = word.split("=", 1)
        if key not in c:
            sys.exit(f"{word}: unknown key")
        c[key] = type(c[key])(float(value)) if isinstance(c[key], int) else type(c[key])(value)
    return c


# --- models


def start_recurrent(rnn, hidden):
    """OpenDPD's initial weights: each gate's block by itself; biases zero."""
    for name, p in rnn.named_parameters():
        if "bias" in name:
            nn.init.zeros_(p)
        for gate in p.split(hidden) if "weight" in name else ():
            (nn.init.xavier_uniform_ if "ih_l0" in name else nn.init.orthogonal_)(gate.data)


class Recurrent(nn.Module):
    """x [B, T, F] -> [B, T, 2]: one recurrent layer and a linear layer on every row."""

    def __init__(self, F_in, hidden):
        super().__init__()
        self.rnn = nn.GRU(F_in, hidden, batch_first=True)
        self.fc_out = nn.Linear(hidden, 2)
        start_recurrent(self.rnn, hidden)
        nn.init.xavier_uniform_(self.fc_out.weight)
        nn.init.zeros_(self.fc_out.bias)

    def forward(self, x):
        return self.fc_out(self.rnn(x)[0])


class DGRU(nn.Module):
    """x [B, T, 6] (I, Q, a, a^3, sin, cos) -> [B, T, 2]."""

    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.GRU(6, hidden, batch_first=True)
        self.fc_out = nn.Linear(hidden + 6, 2)
        self.fc_hid = nn.Linear(hidden, hidden)
        start_recurrent(self.rnn, hidden)
        nn.init.xavier_uniform_(self.fc_out.weight)
        nn.init.kaiming_uniform_(self.fc_hid.weight)
        nn.init.zeros_(self.fc_out.bias)
        nn.init.zeros_(self.fc_hid.bias)

    def forward(self, x):
        h = torch.relu(self.fc_hid(self.rnn(x)[0]))
        return self.fc_out(torch.cat((h, x), -1))


def rotate(x, base):
    """x [B, H, T, d]: pairs (i, i + d/2) turned by t / base^(2i/d) (Su et al. 2021)."""
    T, d = x.shape[-2:]
    angle = torch.arange(T)[:, None] * base ** (-torch.arange(0, d, 2) / d)
    sin, cos, a, b = angle.sin(), angle.cos(), *x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def sinusoids(T, D):
    """[T, D]: sin(t / 10000^(2i/D)) in the even columns 2i, cos in the odd (Vaswani 2017)."""
    angle = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(0, D, 2) / D)
    return torch.stack((angle.sin(), angle.cos()), -1).flatten(1)[:, :D]


class Layer(nn.Module):
    """One encoder layer, parameters as nn.TransformerEncoderLayer's; h [B, T, D]."""

    def __init__(self, c):
        super().__init__()
        D = c["d_model"]
        self.c = c
        self.self_attn = nn.MultiheadAttention(D, c["heads"], batch_first=True)
        self.linear1 = nn.Linear(D, c["feedforward"])
        self.linear2 = nn.Linear(c["feedforward"], D)
        self.norm1 = nn.LayerNorm(D)
        self.norm2 = nn.LayerNorm(D)

    def attend(self, h):
        c, a = self.c, self.self_attn
        qkv = F.linear(h, a.in_proj_weight, a.in_proj_bias).unflatten(-1, (3, c["heads"], -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if c["positions"] == "rotary":
            q, k = rotate(q, c["rotary_base"]), rotate(k, c["rotary_base"])
        y = F.scaled_dot_product_attention(q, k, v, is_causal=c["attention"] == "causal")
        return a.out_proj(y.transpose(1, 2).flatten(2))

    def forward(self, h):
        act = F.gelu if self.c["activation"] == "gelu" else F.relu
        if self.c["norm_first"]:
            h = h + self.attend(self.norm1(h))
            return h + self.linear2(act(self.linear1(self.norm2(h))))
        h = self.norm1(h + self.attend(h))
        return self.norm2(h + self.linear2(act(self.linear1(h))))


class Transformer(nn.Module):
    """x [B, T, F] -> [B, T, outputs], a value for every row."""

    def __init__(self, F_in, c, outputs=2):
        super().__init__()
        D = c["d_model"]
        self.c = c
        self.input = nn.Linear(F_in, D)
        if c["positions"] == "learned":
            self.positions = nn.Parameter(torch.randn(c["window"], D) * 0.02)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["layers"]))
        self.norm = nn.LayerNorm(D) if c["final_norm"] else nn.Identity()
        self.output = nn.Linear(D, outputs)

    def encode(self, x):
        h = self.input(x)
        if self.c["positions"] == "learned":
            h = h + self.positions
        if self.c["positions"] == "sinusoidal":
            h = h + sinusoids(*h.shape[1:])
        for layer in self.layers:
            h = layer(h)
        return self.norm(h)

    def forward(self, x):
        return self.output(self.encode(x))


# --- data and figures


def read_part(folder, part):
    """Input and output [N, 2] of a part."""
    both = []
    for side in ("input", "output"):
        path = os.path.join(folder, f"{part}_{side}.csv")
        file = open(path) if os.path.exists(path) else gzip.open(path + ".gz", "rt")
        with file:
            both.append(torch.tensor(np.loadtxt(file, delimiter=",", skiprows=1, dtype=np.float32)))
    return both


def make_features(x, names):
    """[N, 2] -> [N, F]: IQ, then a (amplitude), 3 (its cube), p (phase as sin, cos), 1..9 times d:
    "dN" adds I and Q of N rows before."""
    a = x.norm(dim=1, keepdim=True)
    columns = [x]
    for name in names[2:].replace("+", " ").split():
        if name == "a":
            columns.append(a)
        elif name[0] == "a":
            columns.append(a ** int(name[1:]))
        elif name == "p":
            columns.append((x / torch.where(a == 0, 1, a)).flip(1))
        elif name[0] == "d":
            columns.append(F.pad(x, (0, 0, int(name[1:]), 0))[: len(x)])
        else:
            sys.exit(f"features: {name}: not known")
    return torch.cat(columns, 1)


def standardise(parts, side):
    """Features (side 0) or targets (1) of all parts to mean 0, deviation 1 of training; (mean, std)."""
    std, mean = torch.std_mean(parts["train"][side], 0, correction=0)
    for both in parts.values():
        both[side] = (both[side] - mean) / std
    return mean, std


def nmse(model, x, y, window, segment, unit):
    """dB, mean over segments; the model sees stretches of `window` rows, one after the other."""
    model.eval()
    with torch.no_grad():
        whole = len(x) // window * window
        out = [model(x[:whole].unflatten(0, (-1, window)).contiguous()).flatten(0, 1)]
        if whole < len(x):  # the last stretch ends with the part: its first rows are known already
            out.append(model(x[-window:][None])[0, window - (len(x) - whole) :])
    model.train()
    error = ((torch.cat(out) - y) * unit[1]).square().sum(1)
    energy = (y * unit[1] + unit[0]).square().sum(1)
    parts = zip(error.split(segment), energy.split(segment))
    return float(np.mean([10 * math.log10(e.sum() / s.sum()) for e, s in parts]))


# --- training


def groups(model, c):
    """AdamW's groups: decay on everything, or on matrices alone."""
    matrices = [p for p in model.parameters() if p.dim() > 1 or c["decay_all"]]
    rest = [p for p in model.parameters() if p.dim() < 2 and not c["decay_all"]]
    return [dict(params=matrices, weight_decay=c["weight_decay"]), dict(params=rest, weight_decay=0)]


def rate(c, step, steps):
    """Learning rate of a step: linear warm-up, then constant or cosine."""
    if step < c["warmup"]:
        return c["lr"] * (step + 1) / c["warmup"]
    if c["schedule"] != "cosine":
        return c["lr"]
    done = (step - c["warmup"]) / max(1, steps - c["warmup"])
    return c["lr_min"] + (c["lr"] - c["lr_min"]) * 0.5 * (1 + math.cos(math.pi * done))


def main():
    folder, c = sys.argv[1], read_settings(sys.argv[2:], DEFAULTS)
    torch.set_num_threads(c["threads"])
    torch.manual_seed(c["seed"])
    if c["model"] == "dgru":
        c["features"] = "IQ+a+a3+p"
    parts = {part: read_part(folder, part) for part in ("train", "val", "test")}
    parts = {part: [make_features(x, c["features"]), y] for part, (x, y) in parts.items()}
    unit = (torch.zeros(2), torch.ones(2))
    if c["standard"]:
        standardise(parts, 0)
        unit = standardise(parts, 1)
    x, y = parts["train"]
    T = c["window"]
    if c["model"] == "dgru":
        model = DGRU(c["hidden"])
    elif c["model"] == "gru":
        model = Recurrent(x.shape[1], c["hidden"])
    else:
        model = Transformer(x.shape[1], c)
    eval_window = c["eval_window"] or (T if c["model"] == "transformer" else len(parts["val"][0]))
    segment = len(parts["val"][0])
    starts = torch.arange(0, len(x) - T + 1, c["stride"])
    steps_per_epoch = math.ceil(len(starts) / c["batch"])
    steps = c["steps"] or c["epochs"] * steps_per_epoch
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {steps_per_epoch} steps an epoch,"
          f" {steps} steps", flush=True)  # fmt: skip
    optimizer = torch.optim.AdamW(groups(model, c), lr=c["lr"], betas=(0.9, c["beta2"]))
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=c["plateau_patience"], min_lr=c["lr_min"]
    )
    rows = torch.arange(T)
    step, epoch, best, best_test, begin = 0, 0, math.inf, math.inf, time.time()
    while step < steps:
        losses, norms = [], []
        for pick in starts[torch.randperm(len(starts))].split(c["batch"]):
            if c["schedule"] != "plateau":
                for group in optimizer.param_groups:
                    group["lr"] = rate(c, step, steps)
            at = pick[:, None] + rows
            optimizer.zero_grad()
            loss = F.mse_loss(model(x[at]), y[at])
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), c["clip_norm"]).item())
            optimizer.step()
            losses.append(loss.item())
            step += 1
            if step == steps:
                break
        epoch += 1
        value = nmse(model, *parts["val"], eval_window, segment, unit)
        if c["schedule"] == "plateau":
            plateau.step(value)
        if value < best:
            best, best_test = value, nmse(model, *parts["test"], eval_window, segment, unit)
            if c["save"]:
                torch.save(model.state_dict(), c["save"])
        seconds = time.time() - begin
        out_of_time = c["seconds"] and seconds > c["seconds"]
        if epoch % c["log"] == 0 or step >= steps or out_of_time:
            print(f"epoch {epoch} step {step} {seconds:.0f} s lr {optimizer.param_groups[0]['lr']:.2e} "
                  f"loss {np.mean(losses):.3e} norm {np.mean(norms):.2g} max {max(norms):.2g} "
                  f"val {value:.2f} dB best {best:.2f} test {best_test:.2f}", flush=True)  # fmt: skip
        if out_of_time:
            break


if __name__ == "__main__":
    main()
