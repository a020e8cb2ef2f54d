#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A recurrent model that seqtrain trained, computed with NumPy alone: nothing of seqtrain is needed.

    seqtrain data --features -m RUN -o features.csv
    python3 numpy_forward.py RUN features.csv >predictions.csv

It reads the checkpoint byte by byte, as seqtrain-checkpoint(5) has it. It knows LSTM and GRU layers in one
direction with model.head = last, and data.target_transform = none and standard.
"""
import configparser
import csv
import json
import os
import sys

import numpy as np


def read_checkpoint(path):
    """({name: array}, metadata) of a safetensors file, or of a run folder's best one."""
    path = os.path.join(path, "best.safetensors") if os.path.isdir(path) else path
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    meta = header.pop("__metadata__")
    state = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        if about["dtype"] == "F32":
            state[name] = np.frombuffer(data[begin:end], "<f4").reshape(about["shape"])
    return state, meta


def read_config(meta):
    """The configuration of the training: {section: {key: text}}."""
    ini = configparser.ConfigParser(interpolation=None, strict=False)
    ini.read_string(meta["config"])
    return ini


def read_rows(path):
    """[rows, features] of what `seqtrain data --features` printed: behind time and row."""
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    first = header.index("row") + 1
    return np.array([row[first:] for row in rows], float)


def windows_of(rows, config, meta):
    """[windows, window, features] of rows, one row further each, scaled as in training."""
    scaler = json.loads(meta["scaler"])
    rows = ((rows - scaler["offset"]) / scaler["scale"]).astype(np.float32)
    window = int(config["data"]["window"])
    return np.lib.stride_tricks.sliding_window_view(rows, window, 0).swapaxes(1, 2)


def sigmoid(x, xp=np):
    return 1 / (1 + xp.exp(-x))


def lstm(x, h, c, weights, xp=np):
    """A step: x [B, F], h and c [B, H]; the gates are i, f, g, o."""
    w, u, b, d = weights
    i, f, g, o = xp.split(x @ w.T + b + h @ u.T + d, 4, 1)
    c = sigmoid(f, xp) * c + sigmoid(i, xp) * xp.tanh(g)
    return sigmoid(o, xp) * xp.tanh(c), c


def gru(x, h, c, weights, xp=np):
    """A step: the gates are r, z, n; c is none of its own."""
    w, u, b, d = weights
    (r, z, n), (s, y, m) = xp.split(x @ w.T + b, 3, 1), xp.split(h @ u.T + d, 3, 1)
    z = sigmoid(z + y, xp)
    return (1 - z) * xp.tanh(n + sigmoid(r + s, xp) * m) + z * h, c


def layer_weights(state, cell, layer):
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return [state[f"{cell}.{kind}_l{layer}"] for kind in kinds]


def forward(state, config, x):
    """x [B, T, F] -> [B, targets]"""
    cell = config["model"]["cell"]
    step = {"lstm": lstm, "gru": gru}[cell]
    for layer in range(int(config["model"]["layers"])):
        weights = layer_weights(state, cell, layer)
        h = c = np.zeros((len(x), weights[1].shape[1]), np.float32)
        rows = []
        for t in range(x.shape[1]):
            h, c = step(x[:, t], h, c, weights)
            rows.append(h)
        x = np.stack(rows, 1)
    return x[:, -1] @ state["output.weight"].T + state["output.bias"]


def original_units(y, meta):
    """Undoes data.target_transform."""
    for k, steps in enumerate(json.loads(meta.get("transforms", "[]"))):
        for step in reversed(steps):
            if step["step"] != "standard":
                sys.exit(f"the transform {step['step']} is not among those that are undone here")
            y[:, k] = y[:, k] * step["scale"] + step["offset"]
    return y


def main(forward):
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    state, meta = read_checkpoint(sys.argv[1])
    config = read_config(meta)
    model = config["model"]
    if model["type"] != "recurrent" or model["head"] != "last" or model["bidirectional"] != "no":
        sys.exit("this is no recurrent model in one direction with model.head = last")
    y = forward(state, config, windows_of(read_rows(sys.argv[2]), config, meta))
    np.savetxt(sys.stdout, original_units(np.array(y, float), meta), fmt="%.9g", delimiter=",")


if __name__ == "__main__":
    main(forward)
