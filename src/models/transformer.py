# SPDX-License-Identifier: MIT
"""The transformer encoder that seqtrain trained, for PyTorch.

    from model import load
    model, scaler = load("best.safetensors")    # in eval mode
    y = model(scaler(windows))                  # windows: raw features, [B, T, F]; y [B, R, K]

y is in the unit in which the model was trained: after data.target_transform, and of loss.target = bce
before the sigmoid. With data.channels = apart a window of F features is F windows to the model: y
[B F, R, 1], feature by feature. From a shell:
python model.py best.safetensors windows.npy > predictions.csv
Needs torch, numpy and safetensors, nothing of seqtrain.
"""

import math

import torch
from torch import nn

from common import attention_mask, encoder_config, make_encoder
from supervised import WithHead, head_config, load_model, main


def sinusoids(T, D):
    """[T, D]: sin(t / 10000^(2i/D)) in the even columns 2i, cos in the odd (Vaswani 2017)."""
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * torch.exp(torch.arange(0, D, 2, dtype=torch.float64) * (-math.log(10000.0) / D))
    table = torch.empty(T, D, dtype=torch.float64)
    table[:, 0::2] = torch.sin(angle)
    table[:, 1::2] = torch.cos(angle[:, : D // 2])
    return table.to(torch.get_default_dtype())


def rotary(x):
    """x [..., T, d]: row t's pairs (2i, 2i + 1) turned by t / 10000^(2i/d) (Su et al. 2021); a last
    odd element stays."""
    T, d = x.shape[-2:]
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * 10000.0 ** (-2 * torch.arange(d // 2, dtype=torch.float64) / d)
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    a, b = x[..., 0 : d - d % 2 : 2], x[..., 1::2]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
    return torch.cat([turned, x[..., d - d % 2 :]], -1)


class Transformer(WithHead):
    """Windows [B, T, F] -> [B, R, K], or [B, T, K]; see WithHead.

    config: features (their number F), window (T), d_model (D), heads, kv_heads, layers, feedforward, dropout,
    activation, norm, norm_first, positions, attention, as in the INI file, and what WithHead takes.
    """

    def __init__(self, config):
        super().__init__()
        T, D = config["window"], config["d_model"]
        self.causal = config["attention"] == "causal"
        self.input = nn.Linear(config["features"], D)
        if config["positions"] == "learned":
            self.positions = nn.Parameter(torch.randn(T, D) * 0.02)
        elif config["positions"] == "sinusoidal":
            self.register_buffer("positions", sinusoids(T, D), persistent=False)
        else:
            self.positions = None
        turn = rotary if config["positions"] == "rotary" else None
        self.encoder = make_encoder(config, D, config["layers"], config["norm_first"], turn)
        self.make_head(config, D)

    def forward(self, x):
        x = self.enter(x)
        T, h = x.shape[1], self.input(x)
        if self.positions is not None:
            h = h + self.positions
        return self.leave(self.predict(self.encoder(h, attention_mask(self.causal, x))))


def model_config(ini):
    """The dict that Transformer takes, from a complete INI."""
    model = ini["model"]
    config = encoder_config(ini)
    config.update({key: model.getint(key) for key in ("d_model", "layers")})
    config.update({key: model[key].strip() for key in ("positions", "head")})
    config.update(head_config(ini))
    return config


def make(config):
    """The model of a configuration, untrained."""
    return Transformer(config)


def load(path):
    return load_model(path, model_config, make)


if __name__ == "__main__":
    main(load)
