# SPDX-License-Identifier: MIT
# What the PyTorch twins share: a checkpoint's configuration, weights and scaler. seqtrain puts this
# file in place of the line that imports it, so that a run folder's model.py stands alone.
import configparser
import json
import re

import torch
import torch.nn.functional as F
from torch import nn
from safetensors import safe_open
from safetensors.torch import load_file


class Scaler:
    """scaled = (x - offset) / scale per feature, with the training part's statistics, or each
    window's own where the scaler is `window`; where it is `relative`, the last value of feature
    number `base` in the window and its size. With data.channels = apart each feature of a window
    becomes a window of its own: x [B, T, F] -> [B F, T, 1]."""

    def __init__(self, kind, offset=0.0, scale=1.0, apart=False, base=0):
        self.kind, self.apart, self.base = kind, apart, base
        self.offset = torch.as_tensor(offset, dtype=torch.float64)
        self.scale = torch.as_tensor(scale, dtype=torch.float64)

    def statistics(self, x):
        """Offset and scale for raw windows x [B, T, F]: [F], or for `window` [B, 1, F], for
        `relative` [B, 1, 1]."""
        if self.kind not in ("window", "relative"):
            return self.offset, self.scale
        x = torch.as_tensor(x, dtype=torch.float64)
        if self.kind == "relative":
            last = x[:, -1:, self.base : self.base + 1]
            return last, last.abs()
        mean = x.mean(1, keepdim=True)
        std = x.std(1, keepdim=True, correction=0)
        constant = std <= 1e-7 * mean.abs()  # as the kernel that gathers windows
        return mean, torch.where(constant, torch.ones_like(std), std)

    def __call__(self, x):
        offset, scale = self.statistics(x)
        x = torch.as_tensor(x, dtype=torch.float64)
        x = ((x - offset) / scale).to(torch.get_default_dtype())
        return x.transpose(1, 2).flatten(0, 1).unsqueeze(2) if self.apart else x

    def undo(self, y, x):
        """Back to raw units: y, as many rows and columns as the scaled ones, was made from the raw
        windows x; [B, T, F]."""
        offset, scale = self.statistics(x)
        if self.apart:
            y = y.squeeze(2).unflatten(0, (len(x), -1)).transpose(1, 2)
        return y.to(torch.float64) * scale + offset


class EncoderLayer(nn.TransformerEncoderLayer):
    """PyTorch's encoder layer, without its fast path, which knows layer norms and its own
    attention only. Where `key_heads` is set, as many heads of queries share each head of keys and
    values; `turn` is done to queries and keys."""

    key_heads, turn = None, None

    def share(self, key_heads):
        own, D = self.self_attn, self.self_attn.embed_dim
        rows = D + 2 * (D // own.num_heads) * key_heads
        self.key_heads = key_heads
        own.in_proj_weight = nn.Parameter(torch.empty(rows, D))
        own.in_proj_bias = nn.Parameter(torch.zeros(rows))
        nn.init.xavier_uniform_(own.in_proj_weight)

    def _sa_block(self, x, attn_mask, key_padding_mask, is_causal=False):
        if not self.key_heads and not self.turn:
            return super()._sa_block(x, attn_mask, key_padding_mask, is_causal)
        own, (B, T, D) = self.self_attn, x.shape
        H, K = own.num_heads, self.key_heads or own.num_heads
        qkv = F.linear(x, own.in_proj_weight, own.in_proj_bias)
        q, k, v = qkv.view(B, T, H + 2 * K, -1).transpose(1, 2).split([H, K, K], 1)
        if self.turn:
            q, k = self.turn(q), self.turn(k)
        k, v = (part.repeat_interleave(H // K, 1) for part in (k, v))
        dropout = own.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=attn_mask, dropout_p=dropout)
        return self.dropout1(own.out_proj(y.transpose(1, 2).reshape(B, T, D)))

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        x = src
        if self.norm_first:
            x = x + self._sa_block(self.norm1(x), src_mask, None)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(x + self._sa_block(x, src_mask, None))
        return self.norm2(x + self._ff_block(x))


def make_norm(config, D):
    """A norm of rows of D, as config's norm says."""
    return nn.RMSNorm(D, eps=1e-5) if config["norm"] == "rms" else nn.LayerNorm(D)


def make_encoder(config, D, layers, final, turn=None):
    """`layers` encoder layers of width D, and a norm behind them if `final`; `turn` is done to
    queries and keys. config: heads, kv_heads, feedforward, dropout, activation, norm, norm_first, as
    in the INI file."""
    rms, shared = config["norm"] == "rms", config["kv_heads"] != config["heads"]
    kind = EncoderLayer if rms or shared or turn else nn.TransformerEncoderLayer
    stack = [
        kind(
            D,
            config["heads"],
            config["feedforward"],
            config["dropout"],
            config["activation"],
            batch_first=True,
            norm_first=config["norm_first"],
        )
        for _ in range(layers)
    ]
    for layer in stack if rms else ():
        layer.norm1, layer.norm2 = make_norm(config, D), make_norm(config, D)
    for layer in stack if shared else ():
        layer.share(config["kv_heads"])
    for layer in stack if turn else ():
        layer.turn = turn
    norm = make_norm(config, D) if final else None
    encoder = nn.TransformerEncoder(stack[0], layers, norm, enable_nested_tensor=False)
    encoder.layers = nn.ModuleList(stack)  # TransformerEncoder starts all layers from one copy
    return encoder


def attention_mask(causal, x):
    """For the rows of x [B, T, columns], each of which sees itself and those before if `causal`."""
    if not causal:
        return None
    return nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)


def read_ini(text, comments=True):
    """An INI file's text as a configparser; `;` after a blank begins a comment, but in the text of a
    checkpoint, which has none."""
    prefixes = (";",) if comments else None
    ini = configparser.ConfigParser(
        inline_comment_prefixes=prefixes, interpolation=None, strict=False
    )
    ini.read_string(text)
    return ini


def split_features(text):
    """'close, ma(close,10)' -> ['close', 'ma(close,10)']: commas inside () and "" do not separate. A
    column's name in quotes loses them."""
    parts, item, depth, quoted = [], "", 0, False
    for c in text.replace("\n", " ") + ",":
        quoted ^= c == '"'
        depth += 0 if quoted else (c == "(") - (c == ")")
        if c == "," and not quoted and not depth:
            parts.append(item.strip())
            item = ""
        else:
            item += c
    whole = re.compile(r'"((?:[^"]|"")*)"')
    names = [whole.fullmatch(part) for part in parts]
    names = [m[1].replace('""', '"') if m else part for m, part in zip(names, parts)]
    return [name for name in names if name]


def are_apart(ini):
    """Whether each feature is a series of its own, all of which one model serves."""
    return ini["data"].get("channels", "together").strip() == "apart"


def count_features(ini):
    """Columns of a window as the model takes it."""
    return 1 if are_apart(ini) else len(split_features(ini["data"]["features"]))


def encoder_config(ini):
    """What make_encoder takes from a complete INI, and whether rows see all others."""
    model = ini["model"]
    config = {"heads": model.getint("heads")}
    width = model["feedforward"].strip()
    config["feedforward"] = 256 if width == "auto" else int(width)
    config.update({key: model[key].strip() for key in ("activation", "attention")})
    shared = model.get("kv_heads", "auto").strip()
    config["kv_heads"] = config["heads"] if shared == "auto" else int(shared)
    config["norm"] = model.get("norm", "layer").strip()
    config["norm_first"] = model.getboolean("norm_first")
    config["dropout"] = model.getfloat("dropout")
    return config


def unpack(state):
    """{name: weights}, those that are quantised, as bitsandbytes stores them, as numbers."""
    text, whole = ".quant_state.bitsandbytes__nf4", {}
    parts = (text, ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", "SCB", "_format")
    for name, x in state.items():
        if name + text in state:
            about = json.loads(bytes(state[name + text].tolist()))
            scale = state[name + ".absmax"]
            if "nested_offset" in about:
                groups = state[name + ".nested_absmax"].repeat_interleave(256)[: len(scale)]
                scale = state[name + ".nested_quant_map"][scale.long()] * groups
                scale = scale + about["nested_offset"]
            codes = torch.cat([x >> 4, x & 15], 1).flatten().long()
            values = state[name + ".quant_map"][codes] * scale.repeat_interleave(64)[: len(codes)]
            rows, columns = about["shape"]
            whole[name] = values[: rows * columns].view(rows, columns)
        elif x.dtype == torch.int8:
            whole[name] = x * (state[re.sub("weight$", "SCB", name)] / 127).unsqueeze(1)
        elif not name.endswith(parts):
            whole[name] = x
    return whole


def read_file(path):
    """(configuration, metadata, {name: weights}) of a checkpoint."""
    with safe_open(path, framework="pt") as file:
        meta = file.metadata()
    return read_ini(meta["config"], comments=False), meta, unpack(load_file(path))


def read_checkpoint(path):
    """The same of a model of series, and its Scaler."""
    ini, meta, state = read_file(path)
    scaler = json.loads(meta["scaler"])
    scaler = Scaler(
        scaler["kind"], scaler["offset"], scaler["scale"], are_apart(ini), scaler.get("base", 0)
    )
    return ini, meta, state, scaler
