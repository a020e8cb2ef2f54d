#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Starts a training of seqtrain from a module of PyTorch.

    python3 pytorch_start.py 4 8 1 start.safetensors
    seqtrain train -c data.ini -s model.init=start.safetensors -s model.hidden=8 -s model.layers=1

The module has the names and shapes that seqtrain-models(7) lists for an LSTM of 4 features, 8 numbers of
state and 1 layer, with one target. Any module with these names does, whatever trained it.
"""
import sys

import torch
from safetensors.torch import save_file


class Forecast(torch.nn.Module):
    def __init__(self, features, hidden, layers, targets=1):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, hidden, layers, batch_first=True)
        self.output = torch.nn.Linear(hidden, targets)

    def forward(self, x):
        return self.output(self.lstm(x)[0][:, -1])


if len(sys.argv) != 5:
    sys.exit(__doc__)
features, hidden, layers = map(int, sys.argv[1:4])
torch.manual_seed(1)
save_file(Forecast(features, hidden, layers).state_dict(), sys.argv[4])
