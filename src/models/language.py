# SPDX-License-Identifier: MIT
"""The language model that seqtrain trained, for PyTorch.

    from model import load
    model, tokenizer = load("best.safetensors")    # in eval mode
    logits = model(torch.tensor([tokenizer.encode("To be")]))    # [B, T] -> [B, T, V]
    print(tokenizer.decode(model.generate(tokenizer.encode("To be"), 100)))

From a shell: python model.py best.safetensors "To be" prints what the model goes on with, greedily.
Needs torch and safetensors, nothing of seqtrain.
"""

import json
import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

from common import read_file


class Tokenizer:
    """Text to numbers and back, of data.tokenizer = characters or bytes."""

    def __init__(self, kept):
        self.kind = kept["kind"]
        self.points = kept.get("points", [])
        self.number = {point: i for i, point in enumerate(self.points)}
        self.count = 256 if self.kind == "bytes" else len(self.points)

    def encode(self, text):
        return list(text.encode()) if self.kind == "bytes" else [self.number[ord(c)] for c in text]

    def decode(self, numbers):
        if self.kind == "bytes":
            return bytes(numbers).decode(errors="replace")
        return "".join(chr(self.points[n]) for n in numbers)


class Conv1D(nn.Module):
    """x W + b with W [in, out], as transformers' GPT-2 has it."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.02)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, self.heads, self.key_heads = config["d_model"], config["heads"], config["kv_heads"]
        self.width = D // self.heads
        self.c_attn = Conv1D(D, D + 2 * self.width * self.key_heads)
        self.c_proj = Conv1D(D, D)
        self.dropout = config["dropout"]
        self.resid_dropout = nn.Dropout(config["dropout"])

    def forward(self, x):
        B, T, D = x.shape
        keys = self.width * self.key_heads
        q, k, v = self.c_attn(x).split([D, keys, keys], -1)
        q = q.view(B, T, self.heads, self.width).transpose(1, 2)
        k, v = (
            y.view(B, T, self.key_heads, self.width)
            .repeat_interleave(self.heads // self.key_heads, 2)
            .transpose(1, 2)
            for y in (k, v)
        )
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).reshape(B, T, D)))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c_fc = Conv1D(config["d_model"], config["feedforward"])
        self.c_proj = Conv1D(config["feedforward"], config["d_model"])
        self.act = {"gelu": F.gelu, "relu": F.relu}[config["activation"]]
        self.dropout = nn.Dropout(config["dropout"])

    def forward(self, x):
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(config["d_model"]), Attention(config)
        self.ln_2, self.mlp = nn.LayerNorm(config["d_model"]), FeedForward(config)

    def forward(self, h):
        h = h + self.attn(self.ln_1(h))
        return h + self.mlp(self.ln_2(h))


class Language(nn.Module):
    """Tokens [B, T] -> logits [B, T, V] of the token behind each.

    config: vocabulary (V), window, d_model (D), heads, kv_heads, layers, feedforward, activation,
    dropout, as in the INI file.
    """

    def __init__(self, config):
        super().__init__()
        D = config["d_model"]
        self.window = config["window"]
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config["vocabulary"], D),
                "wpe": nn.Embedding(config["window"], D),
                "drop": nn.Dropout(config["dropout"]),
                "h": nn.ModuleList(Layer(config) for _ in range(config["layers"])),
                "ln_f": nn.LayerNorm(D),
            }
        )
        for name, value in self.named_parameters():
            if name.endswith("c_proj.weight"):
                nn.init.normal_(value, std=0.02 / math.sqrt(2 * config["layers"]))
            elif name.endswith(("wte.weight", "wpe.weight")):
                nn.init.normal_(value, std=0.02)

    def forward(self, tokens):
        t = self.transformer
        h = t.drop(t.wte(tokens) + t.wpe.weight[: tokens.shape[1]])
        for layer in t.h:
            h = layer(h)
        return t.ln_f(h) @ t.wte.weight.T

    @torch.no_grad()
    def generate(self, tokens, count):
        """`count` tokens behind these, each the most probable one."""
        made = list(tokens)
        for _ in range(count):
            logits = self(torch.tensor([made[-self.window :]]))
            made.append(int(logits[0, -1].argmax()))
        return made[len(tokens) :]


def model_config(ini, vocabulary):
    """The dict that Language takes, from a complete INI."""
    model = ini["model"]
    config = {key: model.getint(key) for key in ("d_model", "heads", "layers")}
    heads, width = model["kv_heads"].strip(), model["feedforward"].strip()
    config["kv_heads"] = config["heads"] if heads == "auto" else int(heads)
    config["feedforward"] = 4 * config["d_model"] if width == "auto" else int(width)
    config["activation"] = model["activation"].strip()
    config["dropout"] = model.getfloat("dropout")
    config["window"] = ini["data"].getint("window")
    config["vocabulary"] = vocabulary
    return config


def make(config):
    """The model of a configuration, untrained."""
    return Language(config)


def load(path):
    """(model in eval mode, tokenizer) from a checkpoint."""
    ini, meta, state = read_file(path)
    tokenizer = Tokenizer(json.loads(meta["tokenizer"]))
    model = make(model_config(ini, tokenizer.count))
    model.load_state_dict(state, strict=True)
    return model.eval(), tokenizer


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python model.py best.safetensors TEXT")
    model, tokenizer = load(sys.argv[1])
    print(tokenizer.decode(model.generate(tokenizer.encode(sys.argv[2]), 200)))
