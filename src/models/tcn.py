# SPDX-License-Identifier: MIT
"""The temporal convolutional network that seqtrain trained, for PyTorch.

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
import torch.nn.functional as F
from torch import nn

from supervised import WithHead, head_config, load_model, main


class Block(nn.Module):
    """x [B, C, T] -> [B, H, T]: two causal convolutions of kernel K and a dilation, and x itself
    (Bai, Kolter and Koltun 2018, without weight norm)."""

    def __init__(self, columns, H, K, dilation, dropout):
        super().__init__()
        self.conv1 = nn.Conv1d(columns, H, K, dilation=dilation)
        self.conv2 = nn.Conv1d(H, H, K, dilation=dilation)
        self.downsample = nn.Conv1d(columns, H, 1) if columns != H else nn.Identity()
        self.zeros, self.drop = (K - 1) * dilation, nn.Dropout(dropout)

    def forward(self, x):
        h = x
        for conv in (self.conv1, self.conv2):
            h = self.drop(torch.relu(conv(F.pad(h, (self.zeros, 0)))))
        return torch.relu(self.downsample(x) + h)


class TCN(WithHead):
    """Windows [B, T, F] -> [B, R, K], or [B, T, K]: blocks of dilation 1, 2, 4 ..., then a head; see
    WithHead.

    config: features (their number F), hidden (H), layers, conv_kernel, dropout, as in the INI file,
    and what WithHead takes.
    """

    def __init__(self, config):
        super().__init__()
        H, layers = config["hidden"], config["layers"]
        self.network = nn.Sequential(
            *(
                Block(H if i else config["features"], H, config["conv_kernel"], 2**i, config["dropout"])
                for i in range(layers)
            )
        )
        self.make_head(config, H)

    def forward(self, x):
        h = self.network(self.enter(x).transpose(1, 2)).transpose(1, 2)
        return self.leave(self.predict(h))


def model_config(ini):
    """The dict that TCN takes, from a complete INI."""
    model = ini["model"]
    config = {key: model.getint(key) for key in ("hidden", "layers", "conv_kernel")}
    config["dropout"] = model.getfloat("dropout")
    config["head"] = model["head"].strip()
    config.update(head_config(ini))
    return config


def make(config):
    """The model of a configuration, untrained."""
    return TCN(config)


def load(path):
    return load_model(path, model_config, make)


if __name__ == "__main__":
    main(load)
