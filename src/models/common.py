# What the PyTorch twins share: a checkpoint's configuration, weights and scaler. seqtrain puts this
# file in place of the line that imports it, so that a run folder's model.py stands alone.
import configparser
import json
import re

import torch
from safetensors import safe_open
from safetensors.torch import load_file


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


def read_checkpoint(path):
    """(configuration, metadata, {name: weights}, Scaler) of a checkpoint."""
    with safe_open(path, framework="pt") as file:
        meta = file.metadata()
    scaler = json.loads(meta["scaler"])
    scaler = Scaler(scaler["kind"], scaler["offset"], scaler["scale"])
    return read_ini(meta["config"]), meta, load_file(path), scaler
