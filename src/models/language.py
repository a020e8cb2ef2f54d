# SPDX-License-Identifier: MIT
"""The language model that seqtrain trained, for PyTorch.

    from model import load
    model, tokenizer = load("best.safetensors")    # in eval mode
    logits = model(torch.tensor([tokenizer.encode("To be")]))    # [B, T] -> [B, T, V]
    print(tokenizer.decode(model.generate(tokenizer.encode("To be"), 100)))

A captioner's model(tokens, clip) also takes what the encoder makes of a clip, [B, R, C], and gives
the logits of the R rows in front of the tokens, too. From a shell: python model.py best.safetensors "To be" prints what the model goes on with, greedily.
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


def init_language(model, layers):
    """Draws the weights as seqtrain does."""
    for name, value in model.named_parameters():
        if value.dim() == 2:
            last = name.endswith("c_proj.weight")
            nn.init.normal_(value, std=0.02 / math.sqrt(2 * layers) if last else 0.02)


def attend(module, q, k, v, dropout):
    """Causal attention of q [B, H, T, d] over k and v [B, H / G, T, d]: [B, T, H d]."""
    k, v = (y.repeat_interleave(q.shape[1] // k.shape[1], 1) for y in (k, v))
    p = dropout if module.training else 0.0
    y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
    return y.transpose(1, 2).flatten(2)


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
        q, k, v = (y.view(B, T, -1, self.width).transpose(1, 2) for y in (q, k, v))
        return self.resid_dropout(self.c_proj(attend(self, q, k, v, self.dropout)))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c_fc = Conv1D(config["d_model"], config["feedforward"])
        self.c_proj = Conv1D(config["feedforward"], config["d_model"])
        acts = {"gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"), "relu": nn.ReLU()}
        self.act = acts[config["activation"]]
        self.dropout = nn.Dropout(config["dropout"])

    def forward(self, x):
        return self.dropout(self.c_proj(self.act(self.c_fc(x))))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config["d_model"], config["norm_eps"])
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config["d_model"], config["norm_eps"])
        self.mlp = FeedForward(config)

    def forward(self, h):
        h = h + self.attn(self.ln_1(h))
        return h + self.mlp(self.ln_2(h))


class Queries(nn.Module):
    """Learned queries that attend to the rows of a clip [B, R, C]: [B, K, D]."""

    def __init__(self, config):
        super().__init__()
        D, self.heads = config["d_model"], config["heads"]
        self.queries = nn.Parameter(torch.randn(config["queries"], D) * 0.02)
        self.kv = nn.Linear(config["columns"], 2 * D)
        self.out = nn.Linear(D, D)

    def forward(self, clip):
        q = self.queries.expand(len(clip), -1, -1)
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, *self.kv(clip).chunk(2, -1)))
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Decoder(nn.Module):
    """What the shapes have in common: tokens [B, T] -> logits [B, T, V] of the token behind each."""

    def __init__(self, config):
        super().__init__()
        self.window = config["window"]
        if config["projector"]:
            C, D = config["columns"], config["d_model"]
            self.projector = {
                "linear": lambda: nn.Linear(C, D),
                "mlp": lambda: nn.Sequential(nn.Linear(C, D), nn.GELU(), nn.Linear(D, D)),
                "queries": lambda: Queries(config),
            }[config["projector"]]()
        if not config["tied"]:
            self.lm_head = nn.Linear(config["d_model"], config["vocabulary"], bias=False)

    def embed(self, tokens, table, clip):
        """Rows of the table [V, D], behind those that the projector makes of a clip [B, R, C]."""
        h = table(tokens)
        return h if clip is None else torch.cat((self.projector(clip), h), 1)

    def logits(self, h, table):
        return h @ (self.lm_head.weight if hasattr(self, "lm_head") else table.weight).T

    @torch.no_grad()
    def generate(self, tokens, count):
        """`count` tokens behind these, each the most probable one."""
        made = list(tokens)
        for _ in range(count):
            logits = self(torch.tensor([made[-self.window :]]))
            made.append(int(logits[0, -1].argmax()))
        return made[len(tokens) :]


class GPT2(Decoder):
    """shape = gpt2. config: vocabulary (V), window, context, d_model (D), heads, kv_heads, layers,
    feedforward, activation, norm_eps, tied, dropout, as in the INI file."""

    def __init__(self, config):
        super().__init__(config)
        D = config["d_model"]
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config["vocabulary"], D),
                "wpe": nn.Embedding(config["context"], D),
                "drop": nn.Dropout(config["dropout"]),
                "h": nn.ModuleList(Layer(config) for _ in range(config["layers"])),
                "ln_f": nn.LayerNorm(D, config["norm_eps"]),
            }
        )
        init_language(self, config["layers"])

    def forward(self, tokens, clip=None):
        t = self.transformer
        h = self.embed(tokens, t.wte, clip)
        h = t.drop(h + t.wpe.weight[: h.shape[1]])
        for layer in t.h:
            h = layer(h)
        return self.logits(t.ln_f(h), t.wte)


def frequencies(config):
    """The angle by which each pair of a head's columns turns from row to row."""
    width, scaling = config["head_width"], config["rotary_scaling"]
    f = config["rotary_base"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    kind, *numbers = scaling.rstrip(")").replace("(", ",").split(",")
    if kind == "none":
        return f
    factor, *numbers = map(float, numbers)
    kept = torch.zeros_like(f)
    if kind == "llama3":
        low, high, rows = numbers
        kept = ((rows * f / (2 * math.pi) - low) / (high - low)).clamp(0, 1)
    return (1 - kept) * f / factor + kept * f


class LlamaAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, self.width = config["d_model"], config["head_width"]
        heads, key_heads = config["heads"] * self.width, config["kv_heads"] * self.width
        self.q_proj = nn.Linear(D, heads, bias=False)
        self.k_proj = nn.Linear(D, key_heads, bias=False)
        self.v_proj = nn.Linear(D, key_heads, bias=False)
        self.o_proj = nn.Linear(heads, D, bias=False)
        if config["shape"] == "qwen3":
            self.q_norm = nn.RMSNorm(self.width, config["norm_eps"])
            self.k_norm = nn.RMSNorm(self.width, config["norm_eps"])
        else:
            self.q_norm = self.k_norm = lambda x: x
        self.dropout = config["dropout"]
        self.register_buffer("turning", frequencies(config), persistent=False)

    def turn(self, x):
        """Halves of each head, turned by the angles of their rows: x [B, H, T, d]."""
        angle = torch.outer(torch.arange(x.shape[2], dtype=torch.float64), self.turning)
        cos, sin = (y.to(x.dtype) for y in (angle.cos(), angle.sin()))
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def forward(self, x):
        q, k, v = (
            y.unflatten(-1, (-1, self.width)) for y in (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        )
        q, k = self.q_norm(q), self.k_norm(k)
        q, k, v = (y.transpose(1, 2) for y in (q, k, v))
        return self.o_proj(attend(self, self.turn(q), self.turn(k), v, self.dropout))


class LlamaFeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        D, width = config["d_model"], config["feedforward"]
        self.gate_proj = nn.Linear(D, width, bias=False)
        self.up_proj = nn.Linear(D, width, bias=False)
        self.down_proj = nn.Linear(width, D, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config["d_model"], config["norm_eps"])
        self.self_attn = LlamaAttention(config)
        self.post_attention_layernorm = nn.RMSNorm(config["d_model"], config["norm_eps"])
        self.mlp = LlamaFeedForward(config)
        self.dropout = nn.Dropout(config["dropout"])

    def forward(self, h):
        h = h + self.dropout(self.self_attn(self.input_layernorm(h)))
        return h + self.dropout(self.mlp(self.post_attention_layernorm(h)))


class Llama(Decoder):
    """shape = llama and qwen3. config: as of GPT2, without context, and shape, head_width,
    rotary_base, rotary_scaling."""

    def __init__(self, config):
        super().__init__(config)
        D = config["d_model"]
        self.model = nn.ModuleDict(
            {
                "embed_tokens": nn.Embedding(config["vocabulary"], D),
                "layers": nn.ModuleList(LlamaLayer(config) for _ in range(config["layers"])),
                "norm": nn.RMSNorm(D, config["norm_eps"]),
            }
        )
        init_language(self, config["layers"])

    def forward(self, tokens, clip=None):
        h = self.embed(tokens, self.model.embed_tokens, clip)
        for layer in self.model.layers:
            h = layer(h)
        return self.logits(self.model.norm(h), self.model.embed_tokens)


def model_config(ini, vocabulary):
    """The dict that GPT2 and Llama take, from a complete INI."""
    model, window = ini["model"], ini["data"].getint("window")

    def auto(key, otherwise):
        text = model[key].strip()
        return otherwise if text == "auto" else int(text)

    config = {key: model.getint(key) for key in ("d_model", "heads", "layers")}
    config.update({key: model[key].strip() for key in ("shape", "activation", "rotary_scaling")})
    config.update({key: model.getfloat(key) for key in ("dropout", "norm_eps", "rotary_base")})
    D, gated = config["d_model"], config["shape"] != "gpt2"
    config["feedforward"] = auto("feedforward", (8 * D // 3 + 31) // 32 * 32 if gated else 4 * D)
    config["kv_heads"] = auto("kv_heads", config["heads"])
    config["head_width"] = auto("head_width", D // config["heads"])
    config["vocabulary"] = auto("vocabulary", vocabulary)
    captions = model["type"].strip() == "captioner"
    config["projector"] = model["projector"].strip() if captions else ""
    if captions:
        config["columns"] = ini["encoder"].getint("columns")
        frames = ini["data"].getint("frames") if ini["encoder"]["frames"].strip() == "all" else 1
        config["queries"] = model.getint("queries")
        asks = config["projector"] == "queries"
        window += config["queries"] if asks else frames * ini["encoder"].getint("rows")
    config["context"] = auto("context", window)
    config["tied"] = model.getboolean("tied")
    config["window"] = window
    return config


def make(config):
    """The model of a configuration, untrained."""
    return GPT2(config) if config["shape"] == "gpt2" else Llama(config)


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
