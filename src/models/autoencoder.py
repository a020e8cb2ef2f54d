# SPDX-License-Identifier: MIT
"""The transformer autoencoder that seqtrain trained, for PyTorch.

    from model import load
    model, scaler = load("best.safetensors")        # in eval mode
    reconstruction, z = model(scaler(windows))      # windows: raw features, [B, T, F]

or, from a shell: python model.py best.safetensors windows.npy > latent.csv
Needs torch, numpy and safetensors, nothing of seqtrain.
"""

import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

from common import count_features, encoder_config, make_encoder, read_checkpoint, split_features


def sinusoids(T, D):
    """[T, D]: sin(t / 10000^(2i/D)) in the even columns 2i, cos in the odd (Vaswani 2017)."""
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * torch.exp(torch.arange(0, D, 2, dtype=torch.float64) * (-math.log(10000.0) / D))
    table = torch.empty(T, D, dtype=torch.float64)
    table[:, 0::2] = torch.sin(angle)
    table[:, 1::2] = torch.cos(angle[:, : D // 2])
    return table.to(torch.get_default_dtype())


class Autoencoder(nn.Module):
    """Windows [B, T, F] -> latent z [B, latent] -> windows [B, T, F].

    config: features (their number F), window (T), d_model (D), heads, layers, feedforward, latent,
    dropout, activation, norm, norm_first, positions, normalize_latent, as in the INI file.
    """

    def __init__(self, config):
        super().__init__()
        T, D, dropout = config["window"], config["d_model"], config["dropout"]
        self.config = dict(config)
        self.input = nn.Linear(config["features"], D)
        self.make_positions("encoder_positions")
        self.encoder = self.make_layers()
        self.bottleneck = nn.Sequential(
            nn.Linear(T * D, 2 * D),
            nn.LayerNorm(2 * D),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(2 * D, D),
            nn.LayerNorm(D),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(D, config["latent"]),
        )
        self.expand = nn.Linear(config["latent"], T * D)
        self.make_positions("decoder_positions")
        self.decoder = self.make_layers()
        self.output = nn.Linear(D, config["features"])

    def make_positions(self, name):
        T, D = self.config["window"], self.config["d_model"]
        if self.config["positions"] == "learned":
            self.register_parameter(name, nn.Parameter(torch.randn(T, D) * 0.02))
        else:
            self.register_buffer(name, sinusoids(T, D), persistent=False)

    def make_layers(self):
        c = self.config
        return make_encoder(c, c["d_model"], c["layers"], False)

    def encode(self, x):
        h = self.encoder(self.input(x) + self.encoder_positions)
        z = self.bottleneck(h.flatten(1))
        return F.normalize(z, dim=1, eps=1e-12) if self.config["normalize_latent"] else z

    def decode(self, z):
        h = self.expand(z).unflatten(1, self.decoder_positions.shape)
        return self.output(self.decoder(h + self.decoder_positions))

    def forward(self, x):
        z = self.encode(x)
        return self.decode(z), z


def model_config(ini):
    """The dict that Autoencoder takes, from a complete INI."""
    model = ini["model"]
    config = encoder_config(ini)
    config.update({key: model.getint(key) for key in ("d_model", "layers", "latent")})
    config["normalize_latent"] = model.getboolean("normalize_latent")
    config["positions"] = model["positions"].strip()
    config["window"] = ini["data"].getint("window")
    config["features"] = count_features(ini)
    return config


def load(path):
    """(model in eval mode, scaler) from a checkpoint; model.features names the features."""
    ini, meta, state, scaler = read_checkpoint(path)
    model = Autoencoder(model_config(ini))
    model.load_state_dict(state, strict=True)
    model.features = split_features(ini["data"]["features"])
    return model.eval(), scaler


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: python model.py best.safetensors windows.npy   (raw windows, [B, T, F])")
    import numpy

    model, scaler = load(sys.argv[1])
    with torch.no_grad():
        z = model.encode(scaler(numpy.load(sys.argv[2])))
    numpy.savetxt(sys.stdout, z.numpy(), fmt="%.9g", delimiter=",")


if __name__ == "__main__":
    main()
