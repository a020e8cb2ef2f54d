#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The PyTorch twin: trains seqtrain's autoencoder from the same INI file, as the yardstick.

Written from the description of seqtrain's behaviour, not from its code: the data pipeline is numpy,
the model is src/models/autoencoder.py, gradients are autograd's. README.md tells its uses.
"""

import argparse
import gzip
import math
import os
import re
import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
sys.path.insert(0, os.path.join(SOURCE, "models"))
from autoencoder import Autoencoder, model_config  # noqa: E402
from common import Scaler, read_ini, split_features  # noqa: E402

# --- configuration


def defaults():
    """{section: {key: default}} from seqtrain's option table."""
    table = {}
    with open(os.path.join(SOURCE, "config", "options.def")) as file:
        for line in file:
            match = re.match(r'[A-Z]+\((\w+), (\w+), F[A-Z]+, "([^"]*)"', line)
            if match:
                table.setdefault(match[1], {})[match[2]] = match[3]
    return table


def load_config(path, settings=()):
    """A complete configparser: the defaults, then the file, then "section.key=value" settings."""
    ini = read_ini("")
    ini.read_dict(defaults())
    with open(path) as file:
        text = file.read()
    given = read_ini(text)
    for section in given.sections():
        for key, value in given[section].items():
            if not ini.has_option(section, key):
                sys.exit(f"{path}: [{section}] {key}: unknown key")
            ini[section][key] = value.strip().strip('"')
    source = ini["data"]["source"]
    ini["data"]["source"] = os.path.join(os.path.dirname(os.path.abspath(path)), source)
    for setting in settings:
        name, value = setting.split("=", 1)
        section, key = name.split(".", 1)
        if not ini.has_option(section, key):
            sys.exit(f"-s {name}: unknown key")
        ini[section][key] = value
    return ini


UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def duration(text):
    """'3m' -> 180000 (ms); 'none' -> 0."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.strip())
    return round(float(match[1]) * UNITS[match[2]]) if match else 0


# --- data: file -> table -> resampled -> features -> parts -> scaled series and starts of windows


def parse_time(text):
    """ms since 1970 from ms, s or ISO 8601 (UTC unless it says otherwise)."""
    try:
        number = np.array(text, dtype=np.float64)
    except ValueError:
        return np.array([t.replace("Z", "") for t in text], dtype="datetime64[ms]").astype(np.int64)
    return np.round(number if np.abs(number).max() > 1e11 else number * 1000).astype(np.int64)


def read_table(path, time_column):
    """(columns {name: [rows] float64}, time [rows] int64 ms or None)."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8-sig") as file:
        names = [name.strip() for name in file.readline().split(",")]
        rows = [line.rstrip("\r\n").split(",") for line in file if line.strip()]
    text = dict(zip(names, zip(*rows)))
    when = parse_time(text.pop(time_column)) if time_column else None
    columns = {}
    for name, values in text.items():
        try:
            columns[name] = np.array(values, dtype=np.float64)
        except ValueError:
            pass  # a column of text that no feature may name
    return columns, when


def resample(columns, when, length):
    """Candles of `length` ms aligned to the epoch; buckets without rows give none."""
    bucket = when // length
    first = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    last = np.r_[first[1:], len(bucket)] - 1
    merge = {
        "open": lambda x: x[first],
        "high": lambda x: np.maximum.reduceat(x, first),
        "low": lambda x: np.minimum.reduceat(x, first),
        "volume": lambda x: np.add.reduceat(x, first),
    }
    merged = {name: merge.get(name.lower(), lambda x: x[last])(x) for name, x in columns.items()}
    return merged, bucket[first] * length


def feature(text, columns):
    """A column or function of columns, [rows]; NaN where it is not yet defined."""
    match = re.fullmatch(r"(\w+)\s*\((.*)\)", text)
    if not match:
        return columns[text]
    name, (inner, *rest) = match[1], split_features(match[2])
    x = feature(inner, columns)
    n = int(rest[0]) if rest else 1
    if name == "log":
        return np.log(x)
    y = np.full(len(x), np.nan)
    if name == "ma":
        total = np.cumsum(np.r_[0.0, x])
        y[n - 1 :] = (total[n:] - total[:-n]) / n
    elif name == "ema":  # y[t] = a x[t] + (1 - a) y[t-1], a = 2 / (n + 1)
        y[0] = x[0]
        for t in range(1, len(x)):
            y[t] = y[t - 1] + 2.0 / (n + 1) * (x[t] - y[t - 1])
    elif name == "diff":
        y[n:] = x[n:] - x[:-n]
    elif name == "ret":
        y[n:] = x[n:] / x[:-n] - 1.0
    elif name == "logret":
        y[n:] = np.log(x[n:] / x[:-n])
    else:
        sys.exit(f"feature '{text}': unknown function")
    return y


def fit_scaler(kind, x):
    """Scaler from the training rows x [rows, F]; a constant feature has scale 1."""
    if kind in ("none", "window"):
        return Scaler(kind)
    if kind == "standard":
        offset, scale = x.mean(0), x.std(0)
    elif kind == "minmax":
        offset, scale = x.min(0), x.max(0) - x.min(0)
    else:  # robust: median and interquartile range
        low, offset, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
        scale = high - low
    scale = np.where(scale > 1e-8 * np.maximum(1.0, np.abs(offset)), scale, 1.0)
    return Scaler(kind, offset, scale)


class Data:
    """series [rows, F] float32 (raw for the scaler window), and where each part's windows start."""

    def __init__(self, ini):
        data = ini["data"]
        columns, when = read_table(data["source"], data["time"])
        if duration(data["resample"]):
            columns, when = resample(columns, when, duration(data["resample"]))
        self.names = split_features(data["features"])
        x = np.stack([feature(name, columns) for name in self.names], axis=1)
        known = np.flatnonzero(np.isfinite(x).all(1))[0]  # rows before it lack a moving average
        x, when = x[known:], when if when is None else when[known:]

        # Rows, not windows, are dealt to the parts in order of time.
        if data["split"] != "chronological":
            sys.exit("the twin knows only the chronological split")
        n = len(x)
        validation, test = (int(n * data.getfloat(key)) for key in ("validation", "test"))
        train = n - validation - test
        self.bounds = {"train": (0, train), "validation": (train, n - test), "test": (n - test, n)}

        self.window, stride = data.getint("window"), data.getint("stride")
        gap = duration(data["gap"])
        holes = np.flatnonzero(np.diff(when) > gap) + 1 if gap and when is not None else []
        self.starts = {}
        for part, (begin, end) in self.bounds.items():
            edges = [begin, *(h for h in holes if begin < h < end), end]
            runs = [np.arange(a, b - self.window + 1, stride) for a, b in zip(edges, edges[1:])]
            self.starts[part] = torch.as_tensor(np.concatenate(runs))

        self.scaler = fit_scaler(data["scaler"], x[:train])
        if data["scaler"] != "window":
            x = (x - self.scaler.offset.numpy()) / self.scaler.scale.numpy()
        self.series = torch.as_tensor(x.astype(np.float32))
        self.offsets = torch.arange(self.window)

    def batch(self, starts):
        """Scaled windows [B, T, F] that begin at rows starts [B]."""
        x = self.series[starts[:, None] + self.offsets]
        return self.scaler(x) if self.scaler.kind == "window" else x


# --- loss


def reconstruction_loss(kind, y, x):
    """Mean over elements, hence over samples. Huber bends at 1: e^2/2 inside, |e| - 1/2 outside."""
    return {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}[kind](y, x)


def mean_similarity(z):
    """Mean cosine over ordered pairs i != j: (|sum of unit vectors|^2 - n) / (n (n - 1))."""
    n = len(z)
    if n < 2:
        return z.new_zeros(())
    return (F.normalize(z, dim=1).sum(0).square().sum() - n) / (n * (n - 1))


def nt_xent(a, b, temperature):
    """SimCLR's loss (Chen et al. 2020, eq. 1): 2n views, the partner against the 2n - 2 others."""
    n = len(a)
    if n < 2:
        return a.new_zeros(())
    z = F.normalize(torch.cat([a, b]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-math.inf)
    partner = torch.arange(2 * n).roll(n)
    return F.cross_entropy(logits, partner)


def losses(model, x, loss, noise=None):
    """(R + weight C, R, C) of a micro-batch x [B, T, F]; noise [B, T, F] is added for NT-Xent."""
    y, z = model(x)
    R = reconstruction_loss(loss["reconstruction"], y, x)
    if loss["contrastive"] == "mean_similarity":
        C = mean_similarity(z)
    elif loss["contrastive"] == "nt_xent":
        if noise is None:
            noise = torch.randn_like(x) * loss.getfloat("noise")
        C = nt_xent(z, model.encode(x + noise), loss.getfloat("temperature"))
    else:
        C = x.new_zeros(())
    return R + loss.getfloat("contrastive_weight") * C, R, C


# --- optimizer and schedule


class Lion(torch.optim.Optimizer):
    """Chen et al. (2023), "Symbolic discovery of optimization algorithms", algorithm 2."""

    def __init__(self, params, lr, betas, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for p in (p for p in group["params"] if p.grad is not None):
                m = self.state[p].setdefault("exp_avg", torch.zeros_like(p))
                update = (beta1 * m + (1 - beta1) * p.grad).sign()
                p.sub_(lr * (update + group["weight_decay"] * p))
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


def make_optimizer(model, train):
    """That of train.optimizer; biases, norms (rank 1) and positions are not decayed unless
    decay_all."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    everything = train.getboolean("decay_all")
    decayed = [p for name, p in named if everything or (p.ndim > 1 and "positions" not in name)]
    plain = [p for name, p in named if not (everything or (p.ndim > 1 and "positions" not in name))]
    groups = [
        {"params": decayed, "weight_decay": train.getfloat("weight_decay")},
        {"params": plain, "weight_decay": 0.0},
    ]
    lr, betas = train.getfloat("lr"), (train.getfloat("beta1"), train.getfloat("beta2"))
    if train["optimizer"] == "sgd":
        momentum, nesterov = train.getfloat("momentum"), train.getboolean("nesterov")
        return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=nesterov)
    if train["optimizer"] == "lion":
        return Lion(groups, lr=lr, betas=betas)
    return torch.optim.AdamW(groups, lr=lr, eps=train.getfloat("epsilon"), betas=betas)


def span_steps(text, steps_per_epoch, total):
    """'5 epochs', '100 steps' or '3%' as a number of optimizer steps."""
    value = float(re.match(r"[\d.]+", text)[0])
    if "%" in text:
        return round(value / 100 * total)
    return round(value * (steps_per_epoch if "epoch" in text else 1))


def learning_rate(train, step, warmup, total, factor=1.0):
    """Rate of optimizer step 0 .. total - 1: linear rise to lr, then the schedule down to lr_min;
    `factor` is what plateau has come to."""
    high, low = train.getfloat("lr"), train.getfloat("lr_min")
    if step < warmup:
        return high * (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    if train["schedule"] == "cosine":
        return low + (high - low) * 0.5 * (1 + math.cos(math.pi * done))
    if train["schedule"] == "linear":
        return low + (high - low) * (1 - done)
    return max(high * factor, low) if train["schedule"] == "plateau" else high


def target_losses(model, x, loss, target):
    """(L, L, 0) of a micro-batch x [B, T, F] with targets [B, R, K]: L is loss.target."""
    kinds = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}
    kinds["bce"] = F.binary_cross_entropy_with_logits
    L = kinds[loss["target"]](model(x), target)
    return L, L, x.new_zeros(())


def optimizer_step(model, optimizer, loss, train, batches, extras=None, terms=losses, told=True):
    """One step over the micro-batches of an accumulation group, each weighted by its samples; what
    terms() takes besides a micro-batch, noise or targets, is in extras.

    Returns (loss, R, C, gradient norm before clipping) as floats, unless they are not to be told.
    """
    samples = sum(len(x) for x in batches)
    sums = torch.zeros(3, dtype=torch.float64, device=batches[0].device)
    optimizer.zero_grad()
    for x, extra in zip(batches, extras or [None] * len(batches)):
        values = terms(model, x, loss, extra)
        (values[0] * (len(x) / samples)).backward()
        sums += torch.stack([t.detach().double() for t in values]) * (len(x) / samples)
    clip = train.getfloat("clip_norm")
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), clip if clip > 0 else math.inf)
    optimizer.step()
    return (*sums.tolist(), float(norm)) if told else None


# --- training


def evaluate(model, data, part, ini):
    """(loss, R, C) over a part, no matter the batch: mean_similarity is taken over all its pairs,
    NT-Xent over consecutive blocks of train.batch windows, weighted by their samples."""
    loss, starts, B = ini["loss"], data.starts[part], ini["train"].getint("batch")
    total, R, C, direction = len(starts), 0.0, 0.0, 0.0
    model.eval()
    with torch.no_grad():
        for chunk in starts.split(B):
            x = data.batch(chunk)
            y, z = model(x)
            R += float(reconstruction_loss(loss["reconstruction"], y.double(), x.double())) * len(x)
            if loss["contrastive"] == "mean_similarity":
                direction = direction + F.normalize(z.double(), dim=1).sum(0)
            elif loss["contrastive"] == "nt_xent":
                view = model.encode(x + torch.randn_like(x) * loss.getfloat("noise"))
                C += float(nt_xent(z, view, loss.getfloat("temperature"))) * len(x) / total
    model.train()
    if loss["contrastive"] == "mean_similarity" and total > 1:
        C = float(direction.square().sum() - total) / (total * (total - 1))
    R /= max(1, total)
    return R + loss.getfloat("contrastive_weight") * C, R, C


def baselines(data, part, B=4096):
    """Mean square of always emitting 0, and of always emitting the window's mean."""
    zero = mean = 0.0
    for chunk in data.starts[part].split(B):
        x = data.batch(chunk).double()
        zero += float(x.square().mean()) * len(x)
        mean += float((x - x.mean(1, keepdim=True)).square().mean()) * len(x)
    return zero / len(data.starts[part]), mean / len(data.starts[part])


def quality(model, data, part, B=1024):
    """Mean square error and, per feature, R2 = 1 - SSE / sum of (x - window mean)^2."""
    sse = total = torch.zeros(len(data.names), dtype=torch.float64)
    model.eval()
    with torch.no_grad():
        for chunk in data.starts[part].split(B):
            x = data.batch(chunk)
            error = model(x)[0].double() - x.double()
            sse = sse + error.square().sum((0, 1))
            total = total + (x.double() - x.double().mean(1, keepdim=True)).square().sum((0, 1))
    model.train()
    count = len(data.starts[part]) * data.window * len(data.names)
    return float(sse.sum()) / count, (1 - sse / total).tolist()


def read_order(path):
    """Micro-batches as tensors of window starts: .npy [steps, B] padded with -1, or text with one
    micro-batch a line."""
    if path.endswith(".npy"):
        rows = np.atleast_2d(np.load(path)).astype(np.int64)
        return [torch.as_tensor(row[row >= 0]) for row in rows]
    with open(path) as file:
        lines = [re.split(r"[\s,]+", line.strip()) for line in file if line.strip()]
    return [torch.tensor([int(row) for row in line]) for line in lines]


def micro_batches(data, B, generator, order):
    """One epoch's micro-batches of window starts."""
    if order is not None:
        return order
    starts = data.starts["train"]
    return list(starts[torch.randperm(len(starts), generator=generator)].split(B))


def train(model, data, ini, args):
    train_, loss = ini["train"], ini["loss"]
    B, group = train_.getint("batch"), train_.getint("accumulate")
    order = read_order(args.order) if args.order else None
    generator = torch.Generator().manual_seed(ini["run"].getint("seed"))
    batches = len(order) if order else math.ceil(len(data.starts["train"]) / B)
    per_epoch = math.ceil(batches / group)
    epochs = train_.getint("epochs")
    total, step = epochs * per_epoch, 0
    warmup = span_steps(train_["warmup"], per_epoch, total)
    optimizer = make_optimizer(model, train_)
    plateau, factor = 0, 1.0
    best, best_epoch, best_state = math.inf, 0, None
    sign = -1.0 if train_["mode"] == "max" else 1.0

    for epoch in range(1, epochs + 1):
        begin, windows, sums, norms = time.perf_counter(), 0, np.zeros(3), []
        micro = micro_batches(data, B, generator, order)
        for i in range(0, len(micro), group):
            for entry in optimizer.param_groups:
                entry["lr"] = learning_rate(train_, step, warmup, total, factor)
            xs = [data.batch(starts) for starts in micro[i : i + group]]
            if step == 0 and args.gradients:
                dump_gradients(model, loss, xs, args.gradients)
            *terms, norm = optimizer_step(model, optimizer, loss, train_, xs)
            n = sum(len(x) for x in xs)
            sums, windows, step = sums + np.array(terms) * n, windows + n, step + 1
            norms.append(norm)
            if step <= args.print:
                print(
                    "step {} loss {:.9g} R {:.9g} C {:.9g} norm {:.9g}".format(step, *terms, norm)
                )
            if step == args.steps:
                return
        seconds = time.perf_counter() - begin
        mean = sums / windows
        part = "validation" if len(data.starts["validation"]) else "train"
        value = evaluate(model, data, part, ini)
        monitored = {
            "val/loss": value[0],
            "val/reconstruction": value[1],
            "val/contrastive": value[2],
            "train/loss": mean[0],
        }[train_["monitor"].replace("_", "/", 1)] * sign
        improved = monitored < best - train_.getfloat("min_delta")
        if improved:
            best, best_epoch, plateau = monitored, epoch, 0
            best_state = {name: p.detach().clone() for name, p in model.state_dict().items()}
        else:
            plateau += 1
            if train_["schedule"] == "plateau" and plateau > train_.getint("plateau_patience"):
                factor, plateau = factor * train_.getfloat("plateau_factor"), 0
        print(
            f"Epoch {epoch:04d}/{epochs} | LR {optimizer.param_groups[0]['lr']:.2e} | "
            f"train {mean[0]:.6f} (R {mean[1]:.6f} C {mean[2]:.6f}) | "
            f"val {value[0]:.6f} (R {value[1]:.6f} C {value[2]:.6f}) | "
            f"grad {np.mean(norms):.2f} (max {max(norms):.2f}) | {windows / seconds:,.0f} win/s"
            + (" | best" if improved else ""),
            flush=True,
        )
        if train_.getint("patience") and epoch - best_epoch >= train_.getint("patience"):
            print(f"stopped: no improvement for {epoch - best_epoch} epochs")
            break
    if best_state is None:
        sys.exit(f"{train_['monitor']} was never finite")
    model.load_state_dict(best_state)
    print(f"best epoch {best_epoch}: {train_['monitor']} {best * sign:.6f}")


def dump_gradients(model, loss, xs, path):
    """Unclipped gradients of the first step, by parameter name."""
    samples = sum(len(x) for x in xs)
    state = torch.get_rng_state()
    for x in xs:
        (losses(model, x, loss)[0] * (len(x) / samples)).backward()
    save_file({name: p.grad.contiguous() for name, p in model.named_parameters()}, path)
    model.zero_grad()
    torch.set_rng_state(state)


def peak_memory():
    """Largest resident size so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench(model, data, ini, mode, steps):
    """Windows trained per second over `steps` micro-batches, after 5 that warm up; peak RSS."""
    B, starts = ini["train"].getint("batch"), data.starts["train"]
    optimizer = make_optimizer(model, ini["train"])
    generator = torch.Generator().manual_seed(0)
    before = peak_memory()
    forward = torch.compile(model) if mode == "compile" else model
    clip = ini["train"].getfloat("clip_norm")

    def step():
        x = data.batch(starts[torch.randint(len(starts), (B,), generator=generator)])
        optimizer.zero_grad()
        losses(forward, x, ini["loss"])[0].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()

    for _ in range(5):
        step()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    seconds = time.perf_counter() - begin
    print(
        f"{mode}: torch {torch.__version__} threads {torch.get_num_threads()} batch {B} "
        f"{steps * B / seconds:.0f} win/s {1000 * seconds / steps:.1f} ms/step "
        f"peak {peak_memory():.0f} MiB ({before:.0f} MiB before the first step)"
    )


def main():
    parser = argparse.ArgumentParser(description="PyTorch twin of seqtrain")
    parser.add_argument("-c", "--config", required=True, help="seqtrain's INI file")
    parser.add_argument("-s", "--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    parser.add_argument("--init", help="start from the weights of this safetensors file")
    parser.add_argument("--save-init", help="write the initial weights to this safetensors file")
    parser.add_argument("--save", help="write the best weights to this safetensors file")
    parser.add_argument("--order", help="window starts of an epoch's micro-batches (.npy, text)")
    parser.add_argument("--write-order", help="write the first epoch's order as text, and stop")
    parser.add_argument("--print", type=int, default=0, metavar="N", help="print N steps' losses")
    parser.add_argument("--gradients", help="write step 1's gradients to this safetensors file")
    parser.add_argument("--steps", type=int, default=0, help="stop after N optimizer steps")
    parser.add_argument("--bench", choices=("eager", "compile"), help="measure speed and memory")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    ini = load_config(args.config, args.set)
    torch.manual_seed(ini["run"].getint("seed"))
    data = Data(ini)
    model = Autoencoder(model_config(ini))
    init = args.init or ini["model"]["init"]
    if init:
        model.load_state_dict(load_file(init), strict=True)
    if args.save_init:
        save_file({name: p.contiguous() for name, p in model.state_dict().items()}, args.save_init)
    print(
        f"{len(data.series)} rows, windows "
        + ", ".join(f"{part} {len(starts)}" for part, starts in data.starts.items())
        + f"; {sum(p.numel() for p in model.parameters())} parameters"
    )
    if args.write_order:
        generator = torch.Generator().manual_seed(ini["run"].getint("seed"))
        with open(args.write_order, "w") as file:
            for starts in micro_batches(data, ini["train"].getint("batch"), generator, None):
                file.write(" ".join(map(str, starts.tolist())) + "\n")
        return
    if args.bench:
        return bench(model, data, ini, args.bench, args.steps or 50)
    part = "validation" if len(data.starts["validation"]) else "train"
    zero, mean = baselines(data, part)
    print(f"{part} mean square of all zeros {zero:.6f}, of each window's mean {mean:.6f}")
    train(model, data, ini, args)
    if not args.steps:
        for part in (p for p in data.starts if len(data.starts[p])):
            error, r2 = quality(model, data, part)
            print(
                f"{part}: mse {error:.6f} (window mean {baselines(data, part)[1]:.6f}), R2",
                ", ".join(f"{name} {value:.3f}" for name, value in zip(data.names, r2)),
            )
    if args.save:
        save_file({name: p.contiguous() for name, p in model.state_dict().items()}, args.save)


if __name__ == "__main__":
    main()
