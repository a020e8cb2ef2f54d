# SPDX-License-Identifier: MIT
"""The recurrent model that seqtrain trained, for PyTorch.

    from model import load
    model, scaler = load("best.safetensors")    # in eval mode
    y = model(scaler(windows))                  # windows: raw features, [B, T, F]; y [B, R, K]

y is in the unit in which the model was trained: after data.target_transform, and of loss.target = bce
before the sigmoid. With data.channels = apart a window of F features is F windows to the model: y
[B F, R, 1], feature by feature. From a shell:
python model.py best.safetensors windows.npy > predictions.csv
Needs torch, numpy and safetensors, nothing of seqtrain.
"""

import torch
from torch import nn

from supervised import WithCore, core_config, head_config, load_model, main


class Recurrent(WithCore):
    """Windows [B, T, F] -> [B, R, K]: LSTM, GRU or tanh RNN, then a head; see WithCore and WithHead."""

    def __init__(self, config):
        super().__init__()
        self.make_head(config, *self.make_core(config, config["features"]))

    def forward(self, x):
        return self.leave(self.predict(self.core(self.enter(x))))


class DGRU(nn.Module):
    """I/Q windows [B, T, 2] -> [B, T, K], as in OpenDPD; config: hidden, layers, targets."""

    def __init__(self, config):
        super().__init__()
        H = config["hidden"]
        self.rnn = nn.GRU(6, H, config["layers"], batch_first=True)
        self.fc_hid = nn.Linear(H, H)
        self.fc_out = nn.Linear(H + 6, config["targets"])

    def forward(self, x):
        size = x.square().sum(-1, keepdim=True).sqrt()
        phase = x / torch.where(size == 0, torch.ones_like(size), size)
        f = torch.cat([x, size, size**3, phase[..., 1:], phase[..., :1]], -1)
        h = torch.relu(self.fc_hid(self.rnn(f)[0]))
        return self.fc_out(torch.cat([h, f], -1))


def model_config(ini):
    """The dict that the models take, from a complete INI."""
    return dict(core_config(ini), type=ini["model"]["type"].strip(), **head_config(ini))


def make(config):
    """The model of a configuration, untrained."""
    return (DGRU if config["type"] == "dgru" else Recurrent)(config)


def load(path):
    return load_model(path, model_config, make)


if __name__ == "__main__":
    main(load)
