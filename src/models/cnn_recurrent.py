# SPDX-License-Identifier: MIT
"""The convolutional recurrent model that seqtrain trained, for PyTorch.

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

from common import split_features
from supervised import WithCore, core_config, head_config, load_model, main


class CnnRecurrent(WithCore):
    """Windows [B, T, F] -> [B, R, K]: convolutions, recurrent layers, then a head; see WithCore and
    WithHead.

    config: features (their number F), window (T), conv_channels (a list), conv_kernel, conv_stride,
    conv_padding (a number), conv_norm, conv_pool, activation, as in the INI file, and what WithCore
    and WithHead take.
    """

    def __init__(self, config):
        super().__init__()
        K, stride, pool = config["conv_kernel"], config["conv_stride"], config["conv_pool"]
        padding, channels = config["conv_padding"], config["conv_channels"]
        sizes = [config["features"]] + channels
        bias = config["conv_norm"] != "batch"  # which would take it out again
        self.conv = nn.ModuleList(
            nn.Conv1d(a, b, K, stride, padding, bias=bias) for a, b in zip(sizes, channels)
        )
        if config["conv_norm"] != "none":
            kind = nn.BatchNorm1d if config["conv_norm"] == "batch" else nn.LayerNorm
            self.conv_norm = nn.ModuleList(kind(n) for n in channels)
        self.batch_norm = config["conv_norm"] == "batch"
        acts = {"gelu": nn.GELU(), "relu": nn.ReLU(), "rrelu": nn.RReLU(1 / 8, 1 / 3)}
        self.act, self.pool = acts[config["activation"]], nn.MaxPool1d(pool)
        T = config["window"]
        for _ in channels:
            T = ((T + 2 * padding - K) // stride + 1) // pool
        self.make_head(dict(config, window=T), *self.make_core(config, sizes[-1]))

    def convolve(self, x):
        """x [B, T, F] -> [B, L, C]"""
        x = x.transpose(1, 2)
        for i, conv in enumerate(self.conv):
            x = conv(x)
            if hasattr(self, "conv_norm"):
                norm = self.conv_norm[i]
                x = norm(x) if self.batch_norm else norm(x.transpose(1, 2)).transpose(1, 2)
            x = self.pool(self.act(x))
        return x.transpose(1, 2)

    def forward(self, x):
        return self.leave(self.predict(self.core(self.convolve(self.enter(x)))))


def model_config(ini):
    """The dict that CnnRecurrent takes, from a complete INI."""
    model = ini["model"]
    config = core_config(ini)
    config.update({"conv_" + key: model.getint("conv_" + key) for key in ("kernel", "stride", "pool")})
    auto = model["conv_padding"].strip() == "auto"
    config["conv_padding"] = (config["conv_kernel"] - 1) // 2 if auto else model.getint("conv_padding")
    config["conv_channels"] = [int(n) for n in split_features(model["conv_channels"])]
    config["conv_norm"] = model["conv_norm"].strip()
    config.update(head_config(ini))
    return config


def make(config):
    """The model of a configuration, untrained."""
    return CnnRecurrent(config)


def load(path):
    return load_model(path, model_config, make)


if __name__ == "__main__":
    main(load)
