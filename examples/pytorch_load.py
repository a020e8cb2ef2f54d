#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A checkpoint of seqtrain in PyTorch: each parameter has its place, and none is left (strict=True).

    seqtrain data --features -m RUN -o features.csv
    python3 pytorch_load.py RUN features.csv >predictions.csv

RUN/model.py, which each run folder has, is the model's module; it needs torch, numpy and safetensors, and
nothing of seqtrain. Predictions are in the unit in which the model was trained: data.target_transform is
not undone.
"""
import csv
import os
import sys

import numpy as np
import torch

if len(sys.argv) != 3:
    sys.exit(__doc__)
run, path = sys.argv[1:]
sys.path.insert(0, run)
import model as twin  # noqa: E402

model, scaler = twin.load(os.path.join(run, "best.safetensors"))
with open(path, newline="") as file:
    header, *lines = csv.reader(file)
rows = np.array([line[header.index("row") + 1 :] for line in lines], float)
ini = twin.read_checkpoint(os.path.join(run, "best.safetensors"))[0]
window = ini["data"].getint("window")
windows = np.lib.stride_tricks.sliding_window_view(rows, window, 0).swapaxes(1, 2)
with torch.no_grad():
    y = model(scaler(windows.copy()))
np.savetxt(sys.stdout, y.flatten(1).numpy(), fmt="%.9g", delimiter=",")
