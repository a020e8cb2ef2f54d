"""The transformer autoencoder that seqtrain trained, for PyTorch.

    from model import load
    model, scaler = load("best.safetensors")        # in eval mode
    reconstruction, z = model(scaler(windows))      # windows: raw features, [B, T, F]

or, from a shell: python model.py best.safetensors windows.npy > latent.csv
Needs torch, numpy and safetensors, nothing of seqtrain.
"""

import configparser
import json
import math
import re
import sys

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn


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
    dropout, activation, norm_first, positions, normalize_latent, as in the INI file.
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
        layers = [
            nn.TransformerEncoderLayer(
                c["d_model"],
                c["heads"],
                c["feedforward"],
                c["dropout"],
                c["activation"],
                batch_first=True,
                norm_first=c["norm_first"],
            )
            for _ in range(c["layers"])
        ]
        stack = nn.TransformerEncoder(layers[0], c["layers"], enable_nested_tensor=False)
        stack.layers = nn.ModuleList(layers)  # TransformerEncoder starts all layers from one copy
        return stack

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


class Scaler:
    """scaled = (x - offset) / scale per feature, with the training part's statistics, or each
    window's own where the scaler is `window`."""

    def __init__(self, kind, offset=0.0, scale=1.0):
        self.kind = kind
        self.offset = torch.as_tensor(offset, dtype=torch.float64)
        self.scale = torch.as_tensor(scale, dtype=torch.float64)

    def statistics(self, x):
        """Offset and scale for raw windows x [B, T, F]: [F], or [B, 1, F] for `window`."""
        if self.kind != "window":
            return self.offset, self.scale
        x = torch.as_tensor(x, dtype=torch.float64)
        mean = x.mean(1, keepdim=True)
        std = x.std(1, keepdim=True, correction=0)
        constant = std <= 1e-7 * mean.abs()  # as the kernel that gathers windows
        return mean, torch.where(constant, torch.ones_like(std), std)

    def __call__(self, x):
        offset, scale = self.statistics(x)
        x = torch.as_tensor(x, dtype=torch.float64)
        return ((x - offset) / scale).to(torch.get_default_dtype())

    def undo(self, y, x):
        """Back to raw units: y [B, T, F] was made from the raw windows x."""
        offset, scale = self.statistics(x)
        return y.to(torch.float64) * scale + offset


def read_ini(text):
    """An INI file's text as a configparser; `;` after a blank begins a comment."""
    ini = configparser.ConfigParser(
        inline_comment_prefixes=(";",), interpolation=None, strict=False
    )
    ini.read_string(text)
    return ini


def split_features(text):
    """'close, ma(close,10)' -> ['close', 'ma(close,10)']: commas inside () do not separate."""
    names = re.findall(r"(?:[^,(]|\((?:[^()]|\([^()]*\))*\))+", text)
    return [name.strip() for name in names if name.strip()]


def model_config(ini):
    """The dict that Autoencoder takes, from a complete INI."""
    model = ini["model"]
    whole = ("d_model", "heads", "layers", "feedforward", "latent")
    config = {key: model.getint(key) for key in whole}
    config.update({key: model.getboolean(key) for key in ("norm_first", "normalize_latent")})
    config.update({key: model[key].strip() for key in ("activation", "positions")})
    config["dropout"] = model.getfloat("dropout")
    config["window"] = ini["data"].getint("window")
    config["features"] = len(split_features(ini["data"]["features"]))
    return config


def load(path):
    """(model in eval mode, scaler) from a checkpoint; model.features names the features."""
    with safe_open(path, framework="pt") as file:
        meta = file.metadata()
    ini = read_ini(meta["config"])
    model = Autoencoder(model_config(ini))
    model.load_state_dict(load_file(path), strict=True)
    model.features = json.loads(meta["features"])
    scaler = json.loads(meta["scaler"])
    return model.eval(), Scaler(scaler["kind"], scaler["offset"], scaler["scale"])


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
