# SPDX-License-Identifier: MIT
# Parts of the PyTorch twins of models with targets; like common.py put in place of its import.
import sys

import torch
from torch import nn

from common import are_apart, attention_mask, count_features, encoder_config, make_encoder
from common import read_checkpoint, split_features


class WithHead(nn.Module):
    """A model's end: `output` on each row of its core, or on one row made of them, and `attention`
    if that weighs the rows.

    config: window (T), head, rows (R of a sample; 0 where each row of the window gives its own)
    and targets (K), as in the INI file; feature_of, with reversible_norm the feature that each
    target is, or -1, else None.
    """

    def make_head(self, config, columns, reverse=0):
        """For rows of `columns`, the last `reverse` of which a layer made walking backward."""
        self.head, self.rows, self.targets = config["head"], config["rows"], config["targets"]
        self.feature_of = config.get("feature_of")
        self.reverse = reverse
        if self.rows and self.head == "attention":
            self.attention = nn.Linear(columns, 1)
        flat = self.rows and self.head == "flatten"
        self.output = nn.Linear(
            columns * (config["window"] if flat else 1), (self.rows or 1) * self.targets
        )

    def enter(self, x):
        """x [B, T, F], or with reversible_norm each window's features standardised (RevIN)."""
        if self.feature_of is None:
            return x
        self.mean = x.mean(1, keepdim=True)
        self.sd = (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
        return (x - self.mean) / self.sd

    def leave(self, y):
        """y [B, R, K] with the targets that are features put back into the units of enter()'s x."""
        if self.feature_of is None:
            return y
        columns = [
            y[..., k] if f < 0 else y[..., k] * self.sd[..., f] + self.mean[..., f]
            for k, f in enumerate(self.feature_of)
        ]
        return torch.stack(columns, -1)

    def predict(self, y):
        """y [B, T, columns] -> [B, R, K], or [B, T, K]"""
        if not self.rows:
            return self.output(y)
        if self.head == "last":
            forward = y.shape[2] - self.reverse
            y = torch.cat([y[:, -1, :forward], y[:, 0, forward:]], 1)
        elif self.head == "mean":
            y = y.mean(1)
        elif self.head == "attention":
            y = (torch.softmax(self.attention(y), 1) * y).sum(1)
        else:
            y = y.flatten(1)
        return self.output(y).unflatten(1, (self.rows, self.targets))


class WithCore(WithHead):
    """A model with recurrent layers: one module `lstm`, `gru` or `rnn`, or with layer_norm one of a
    single layer each and `norm` behind it; with attention_layers `encoder` behind all.

    config: cell, hidden (H), layers, bidirectional, layer_norm, dropout, attention_layers and, with
    these, attention and what make_encoder takes, as in the INI file.
    """

    def make_core(self, config, columns):
        """For rows of `columns`; returns (columns, how many of them go backward) of its own."""
        H, layers, both = config["hidden"], config["layers"], config["bidirectional"]
        kind = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[config["cell"]]
        self.cell, self.drop = config["cell"], nn.Dropout(config["dropout"])
        width = H * (2 if both else 1)
        if config["layer_norm"]:
            sizes = [columns] + [width] * (layers - 1)
            core = [kind(n, H, bidirectional=both, batch_first=True) for n in sizes]
            self.add_module(self.cell, nn.ModuleList(core))
            self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        else:
            drop = config["dropout"] if layers > 1 else 0.0
            core = kind(columns, H, layers, dropout=drop, bidirectional=both, batch_first=True)
            self.add_module(self.cell, core)
        self.causal, self.encoder = config["attention"] == "causal", None
        if not config["attention_layers"]:
            return width, H if both else 0
        final = config["norm_first"]
        self.encoder = make_encoder(config, width, config["attention_layers"], final)
        return width, 0

    def core(self, x):
        """x [B, T, columns] -> [B, T, H], or with both directions [B, T, 2 H]"""
        x = self.recur(x)
        return self.encoder(x, attention_mask(self.causal, x)) if self.encoder else x

    def recur(self, x):
        """The same without the layers behind it."""
        core = getattr(self, self.cell)
        if not isinstance(core, nn.ModuleList):
            return core(x)[0]
        for i, layer in enumerate(core):
            x = self.norm[i](layer(x)[0])
            x = self.drop(x) if i + 1 < len(core) else x
        return x


def core_config(ini):
    """What WithCore takes from a complete INI, and the head's name."""
    model = ini["model"]
    config = encoder_config(ini)
    config.update({key: model.getint(key) for key in ("hidden", "layers")})
    config.update({key: model.getboolean(key) for key in ("bidirectional", "layer_norm")})
    config.update({key: model[key].strip() for key in ("cell", "head")})
    config["attention_layers"] = model.getint("attention_layers", fallback=0)
    return config


def feature_of(ini):
    """For reversible_norm the feature of the same text as each target, or -1; else None."""
    data = ini["data"]
    if not ini["model"].getboolean("reversible_norm"):
        return None
    features = ["channel"] if are_apart(ini) else split_features(data["features"])
    return [features.index(t) if t in features else -1 for t in split_features(data["targets"])]


def rows_of(ini):
    """R of a sample's targets; 0 where each row of the window gives its own."""
    data = ini["data"]
    which = data["target_rows"].strip()
    return {"horizon": 1, "each": data.getint("horizon"), "window": 0}[which]


def head_config(ini):
    """What WithHead takes from a complete INI, but for the head's name."""
    return {
        "window": ini["data"].getint("window"),
        "features": count_features(ini),
        "targets": len(split_features(ini["data"]["targets"])),
        "rows": rows_of(ini),
        "feature_of": feature_of(ini),
    }


def rounded(w, bits):
    """A weight [out, ...] as train.quantize_aware computes with it: each output's numbers are
    multiples of a power of two, at most 2^(bits - 1) - 1 of them."""
    largest = 2.0 ** (bits - 1) - 1
    most = w.abs().flatten(1).amax(1)
    step = torch.exp2(torch.ceil(torch.log2(torch.clamp(most.double() / largest, min=2.0**-20))))
    step = step.clamp(max=2.0**15).to(w.dtype).view(-1, *[1] * (w.ndim - 1))
    return torch.clamp(torch.round(w / step), -largest, largest) * step


def load_model(path, model_config, make):
    """(model in eval mode, scaler) from a checkpoint; model.features and model.names name
    features and targets."""
    ini, meta, state, scaler = read_checkpoint(path)
    model = make(model_config(ini))
    bits = {"w16a16": 16, "w8a16": 8}.get(ini["train"].get("quantize_aware", "none").strip())
    if bits:
        state = {key: rounded(w, bits) if w.ndim > 1 else w for key, w in state.items()}
    model.load_state_dict(state, strict=True)
    model.features = split_features(ini["data"]["features"])
    model.names = split_features(ini["data"]["targets"])
    return model.eval(), scaler


def main(load):
    if len(sys.argv) != 3:
        sys.exit("usage: python model.py best.safetensors windows.npy   (raw windows, [B, T, F])")
    import numpy

    model, scaler = load(sys.argv[1])
    with torch.no_grad():
        y = model(scaler(numpy.load(sys.argv[2])))
    numpy.savetxt(sys.stdout, y.flatten(1).numpy(), fmt="%.9g", delimiter=",")
