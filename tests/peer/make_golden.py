#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/*.safetensors: what PyTorch computes, in float64, for small models.

Each file holds a case: `input` [n, T, F] (scaled windows), `param.NAME` before training, and

- of 20 optimizer steps with dropout 0 over all n windows in their order (micro-batches of
  train.batch, the last one short; the order starts over at the end): `losses`, `reconstruction`,
  `contrastive` and `norms` (of the gradient before clipping), each [20] float64;
- of the first step: `grad.NAME`, before clipping;
- of its first micro-batch: `output` [B, T, F] and `latent` [B, latent], in eval mode;
- `after.NAME`: running statistics (among `param.NAME` as well) after the last step, and all
  parameters of another optimizer than AdamW or beside frozen ones;
- `averaged.NAME`: with train.ema, all of torch.optim.swa_utils.AveragedModel then.

NT-Xent has `noise` [n, T, F], which is added to the windows as it stands. Models with targets have
`target` [n, R, K], no `latent`, and an `output` [B, R, K], with bce between 0 and 1;
`reconstruction` is their loss. Models of text have `tokens` [n, T + 1] in place of `input`, each
with 2^31 added where it begins a text and is not to be predicted; their `output` [B] is the
cross-entropy of each window. Metadata: `config`, the INI. A case with a teacher (loss.teacher) has
that one's INI in `teacher` and its parameters in `teacher.NAME`; it gives what it gives in eval
mode, whatever its dropout. Inputs and parameters are rounded to
float32 before anything is computed from them.

    make_golden.py [NAME...]  writes the files, or some of them
    make_golden.py --check    runs PyTorch in float32 on the files, prints its largest deviations
"""

import argparse
import glob
import io
import math
import os
from fnmatch import fnmatchcase

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from twin import (
    Autoencoder,
    defaults,
    losses,
    make_optimizer,
    model_config,
    optimizer_step,
    read_ini,
    target_losses,
)

import cnn_recurrent  # found where twin looks for models
import language
import recurrent
import tcn
import transformer

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
STEPS = 20

# What a case does not name. n: windows, F: features, K: targets; the rest are INI keys.
BASE = dict(
    n=10,
    F=3,
    K=0,
    window=7,
    d_model=12,
    heads=3,
    layers=1,
    feedforward=20,
    latent=5,
    dropout=0,
    activation="gelu",
    norm_first="yes",
    positions="learned",
    normalize_latent="yes",
    reconstruction="mse",
    contrastive="mean_similarity",
    contrastive_weight=0.01,
    temperature=0.1,
    noise=0.05,
    batch=4,
    accumulate=1,
    lr=1e-3,
    weight_decay=0.01,
    decay_all="no",
    clip_norm=1,
    schedule="constant",
)

CASES = {
    "plain": dict(F=6, window=50, d_model=16, heads=4, layers=2, feedforward=32, latent=8, n=6),
    "post-norm": dict(norm_first="no", layers=2),
    "post-norm-relu-sinusoidal": dict(norm_first="no", activation="relu", positions="sinusoidal"),
    "sinusoidal-odd-width": dict(positions="sinusoidal", d_model=9, heads=3, F=5),
    "mae-none": dict(reconstruction="mae", contrastive="none"),
    "huber-free-latent": dict(
        reconstruction="huber", normalize_latent="no", contrastive_weight=0.1
    ),
    "nt-xent": dict(contrastive="nt_xent", contrastive_weight=0.5, n=9),
    "nt-xent-free-latent": dict(contrastive="nt_xent", temperature=0.5, normalize_latent="no"),
    "one-row": dict(
        window=1, F=1, d_model=4, heads=1, feedforward=3, latent=1, normalize_latent="no"
    ),
    "one-in-batch": dict(batch=1, n=3, layers=2),
    "last-batch-of-one": dict(n=9, contrastive_weight=0.2, heads=12),
    "accumulate": dict(
        accumulate=2, n=19, contrastive_weight=0.3, decay_all="yes", weight_decay=0.5
    ),
    "language": dict(
        type="language", tokenizer="bytes", window=11, d_model=12, heads=3, layers=2, n=9, feedforward=21
    ),
    "language-shared-keys": dict(
        type="language",
        tokenizer="bytes",
        window=6,
        d_model=16,
        heads=4,
        kv_heads=1,
        layers=2,
        accumulate=2,
        n=11,
        activation="relu",
        decay_all="yes",
        weight_decay=0.3,
    ),
    "captioner": dict(
        type="captioner",
        tokenizer="bytes",
        window=7,
        d_model=12,
        heads=3,
        layers=2,
        n=10,
        encoder_rows=3,
        encoder_columns=5,
        frames=2,
        tied="yes",
    ),
    "captioner-adapter": dict(
        type="captioner",
        tokenizer="bytes",
        window=6,
        shape="llama",
        positions="rotary",
        activation="swiglu",
        projector="linear",
        d_model=16,
        heads=4,
        kv_heads=2,
        layers=2,
        accumulate=2,
        n=11,
        encoder_rows=1,
        encoder_columns=7,
        frames=3,
        encoder_frames="mean",
        adapter_r=2,
        adapter_alpha=3,
        adapter_target="q_proj, down_proj",
        lr=1e-2,
        weight_decay=0.3,
    ),
    "captioner-queries": dict(
        type="captioner",
        tokenizer="bytes",
        window=5,
        projector="queries",
        queries=3,
        d_model=12,
        heads=3,
        layers=1,
        n=7,
        encoder_rows=4,
        encoder_columns=6,
        frames=2,
        batch=3,
        tied="yes",
    ),
    "lstm": dict(type="recurrent", layers=2, hidden=9, K=2),
    "bilstm": dict(type="recurrent", bidirectional="yes", hidden=10, K=1, layers=2, target="mae"),
    "bilstm-attention": dict(
        type="recurrent", bidirectional="yes", head="attention", hidden=7, K=1, layers=1
    ),
    "gru-norm": dict(
        type="recurrent", cell="gru", layer_norm="yes", layers=2, hidden=17, K=2, target_rows="window"
    ),
    "bigru-norm": dict(
        type="recurrent", cell="gru", bidirectional="yes", layer_norm="yes", layers=2, hidden=5, K=1
    ),
    "rnn-mean": dict(
        type="recurrent", cell="rnn", head="mean", hidden=6, K=2, target_rows="each", horizon=3
    ),
    "gru-flatten": dict(type="recurrent", cell="gru", head="flatten", hidden=5, K=1, target="huber"),
    "dgru": dict(type="dgru", F=2, K=2, hidden=11, window=13, target_rows="window", clip_norm=200),
    "transformer": dict(
        type="transformer", K=2, attention="causal", positions="rotary", layers=2, dropout=0
    ),
    "transformer-rows": dict(
        type="transformer", K=1, attention="causal", target_rows="window", norm_first="no", window=19
    ),
    "transformer-reversible": dict(
        type="transformer",
        K=2,
        positions="rotary",
        heads=2,
        d_model=10,
        head="flatten",
        target_rows="each",
        horizon=4,
        reversible_norm="yes",
        activation="relu",
    ),
    "transformer-sinusoidal": dict(
        type="transformer", K=3, positions="sinusoidal", head="attention", target="bce", accumulate=2
    ),
    "transformer-long": dict(
        type="transformer", K=1, positions="none", window=150, n=3, batch=2, head="mean"
    ),
    "rms-post-norm": dict(norm="rms", norm_first="no", layers=2),
    "transformer-rms": dict(
        type="transformer", K=2, norm="rms", layers=2, d_model=14, heads=2, attention="causal"
    ),
    "shared-keys": dict(heads=6, kv_heads=2, layers=2, norm="rms"),
    "transformer-shared-keys": dict(
        type="transformer",
        K=2,
        heads=4,
        kv_heads=1,
        positions="rotary",
        attention="causal",
        target_rows="window",
        n=9,
    ),
    "cnn-lstm": dict(
        type="cnn_recurrent",
        K=2,
        window=41,
        conv_channels="5, 8",
        conv_kernel=4,
        conv_stride=2,
        conv_pool=2,
        hidden=6,
        layer_norm="yes",
    ),
    "cnn-gru-batch": dict(
        type="cnn_recurrent",
        K=2,
        cell="gru",
        window=11,
        conv_channels=7,
        conv_norm="batch",
        activation="relu",
        target_rows="window",
        hidden=6,
        layers=2,
        reversible_norm="yes",
    ),
    "cnn-rnn-layer": dict(
        type="cnn_recurrent",
        K=1,
        cell="rnn",
        window=13,
        conv_channels="4, 3",
        conv_norm="layer",
        conv_padding=0,
        conv_pool=2,
        conv_kernel=2,
        hidden=5,
        bidirectional="yes",
    ),
    "tcn": dict(type="tcn", K=2, window=17, layers=3, hidden=5, conv_kernel=3),
    "tcn-rows": dict(
        type="tcn",
        F=4,
        K=2,
        window=6,
        layers=4,
        hidden=4,
        conv_kernel=2,
        target_rows="window",
        target="huber",
        reversible_norm="yes",
    ),
    "gru-attention": dict(
        type="recurrent",
        cell="gru",
        K=2,
        hidden=6,
        bidirectional="yes",
        attention_layers=2,
        heads=3,
        feedforward=7,
        head="attention",
    ),
    "cnn-attention": dict(
        type="cnn_recurrent",
        K=1,
        window=11,
        conv_channels=4,
        cell="lstm",
        hidden=10,
        layers=2,
        attention_layers=1,
        heads=2,
        norm_first="no",
        activation="relu",
        attention="causal",
        target_rows="window",
    ),
    "sgd": dict(
        type="recurrent",
        cell="gru",
        hidden=6,
        K=1,
        layers=1,
        optimizer="sgd",
        momentum=0.8,
        nesterov="yes",
        lr=0.05,
        weight_decay=0.1,
    ),
    "lion": dict(
        type="recurrent",
        cell="rnn",
        hidden=7,
        K=1,
        layers=1,
        optimizer="lion",
        beta2=0.95,
        lr=2e-3,
        weight_decay=0.1,
    ),
    "ema": dict(
        type="cnn_recurrent",
        K=1,
        window=11,
        conv_channels=4,
        conv_norm="batch",
        cell="gru",
        hidden=5,
        layers=1,
        ema=0.9,
        lr=1e-2,
    ),
    "frozen": dict(
        d_model=6,
        heads=2,
        feedforward=8,
        n=6,
        freeze="input.*, encoder_positions, encoder.layers.0.*, decoder.layers.0.norm1.weight, "
        "decoder.layers.0.linear2.bias, decoder.layers.0.self_attn.in_proj_*, bottleneck.4.bias",
        clip_norm=0.05,
        weight_decay=0.5,
    ),
    "frozen-cnn": dict(
        type="cnn_recurrent",
        K=1,
        window=11,
        conv_channels="4, 3",
        conv_norm="batch",
        cell="gru",
        hidden=5,
        layers=2,
        freeze="conv.0.*, conv_norm.?.bias, gru.weight_hh_l1, *.bias_ih_l0",
        clip_norm=0.05,
    ),
    "adapter": dict(
        type="transformer",
        K=2,
        layers=2,
        attention="causal",
        norm_first="no",
        adapter_r=3,
        adapter_alpha=4.5,
        adapter_target="linear2, encoder.layers.1.linear1, input",
        lr=1e-2,
        weight_decay=0.5,
        clip_norm=0.3,
    ),
    "rounded": dict(
        type="recurrent",
        cell="gru",
        hidden=7,
        layers=2,
        K=2,
        window=13,
        target_rows="window",
        quantize_aware="w8a16",
        lr=1e-2,
        accumulate=2,
        n=9,
    ),
    "rounded-tcn": dict(
        type="tcn",
        hidden=6,
        layers=2,
        conv_kernel=3,
        K=2,
        target_rows="window",
        quantize_aware="w16a16",
        dropout=0,
    ),
    "teacher": dict(
        type="recurrent",
        cell="gru",
        hidden=5,
        K=2,
        window=11,
        target="huber",
        teacher_weight=0.3,
        taught_by=dict(
            type="cnn_recurrent",
            hidden=8,
            layers=2,
            conv_channels=6,
            conv_norm="batch",
            dropout=0.5,
            reversible_norm="yes",
        ),
    ),
    "teacher-bce": dict(
        type="recurrent",
        hidden=6,
        K=2,
        target="bce",
        accumulate=2,
        n=9,
        teacher_weight=0.6,
        teacher_temperature=3,
        taught_by=dict(type="transformer", layers=2, dropout=0.2),
    ),
    "teacher-language": dict(
        type="language",
        tokenizer="bytes",
        window=7,
        d_model=12,
        heads=3,
        layers=1,
        n=9,
        tied="yes",
        teacher_weight=0.7,
        taught_by=dict(tied="no", d_model=16, heads=4, layers=2, dropout=0.3),
    ),
    "teacher-autoencoder": dict(
        contrastive_weight=0.3,
        reconstruction="mae",
        n=9,
        taught_by=dict(d_model=18, latent=7, dropout=0.4, reconstruction="mse"),
    ),
    "no-clip": dict(clip_norm=0, d_model=17, heads=1, latent=3, window=11, feedforward=5),
}


def case_ini(case):
    """The INI text of a case: the option table's keys that the case sets, by section."""
    values = dict(BASE, **case)
    values["features"] = ", ".join(f"f{i}" for i in range(values["F"]))
    if values["K"]:
        values["targets"] = ", ".join(f"f{i}" for i in range(values["K"]))
        values["contrastive"] = "none"
    if "taught_by" in values:
        values["teacher"] = "teacher.safetensors"
    values["scaler"] = "none"
    text = ""
    for section, keys in defaults().items():
        prefix = f"{section}_" if section in ("adapter", "encoder") else ""  # others' names, too
        lines = [f"{key} = {values[prefix + key]}\n" for key in keys if prefix + key in values]
        if section == "data":  # its noise is another than the loss's
            lines = [line for line in lines if not line.startswith("noise")]
        text += f"[{section}]\n" + "".join(lines) if lines else ""
    return text


def make_ini(text):
    ini = read_ini("")
    ini.read_dict(defaults())
    ini.read_file(io.StringIO(text))
    return ini


BORDER = 1 << 31
TEXTS = ("language", "captioner")  # types of models that read tokens


def window_losses(model, tokens, clip=None):
    """The mean cross-entropy of each window's tokens that are to be predicted, [B]."""
    tokens = tokens.long()
    logits = model(tokens[:, :-1] % BORDER, clip)[:, 1 - tokens.shape[1] :]
    target = torch.where(tokens[:, 1:] >= BORDER, -100, tokens[:, 1:])
    each = F.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none")
    return each.view(target.shape).sum(1) / (target >= 0).sum(1).clamp(min=1)


def language_losses(model, tokens, loss, clip=None):
    """(L, L, 0) of a micro-batch of tokens [B, T + 1], of a captioner with clips [B, R, C]."""
    L = window_losses(model, tokens, clip).mean()
    return L, L, L.new_zeros(())


def soft_loss(kind, y, given, T):
    """The loss of each sample of outputs y to what a teacher has given: of logits at temperature T
    T^2 KL(teacher | y) (Hinton et al., 2015)."""
    if kind == "cross_entropy":
        p = F.softmax(given / T, -1)
        return T**2 * (p * (F.log_softmax(given / T, -1) - F.log_softmax(y / T, -1))).sum(-1)
    if kind == "bce":
        pair = lambda u: torch.stack([u, torch.zeros_like(u)], -1)
        return soft_loss("cross_entropy", pair(y), pair(given), T)
    kinds = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}
    return kinds[kind](y, given, reduction="none")


def taught(terms, teacher, kind):
    """terms() with a teacher: (1 - w) of the loss, and w of that to what the teacher gives."""

    def both(model, x, loss, extra=None):
        L, R, C = terms(model, x, loss, extra)
        with torch.no_grad():
            given = outputs(teacher.eval(), x, kind)
        each = soft_loss(kind, outputs(model, x, kind), given, loss.getfloat("teacher_temperature"))
        if kind == "cross_entropy":  # of the rows that are to be predicted
            counts = (x[:, 1:].long() < BORDER).to(each)
            each = (each * counts).sum(1) / counts.sum(1).clamp(min=1)
        w, D = loss.getfloat("teacher_weight"), each.mean()
        return (1 - w) * L + w * D, R, C if terms is losses else D

    return both


def outputs(model, x, kind):
    """What a model gives for windows or tokens: targets, rebuilt windows or logits."""
    if kind == "cross_entropy":
        return model(x.long()[:, :-1] % BORDER, None)
    y = model(x)
    return y[0] if isinstance(y, tuple) else y


def vocabulary(data):
    """Different tokens of a text, by its bytes or characters."""
    if data["tokenizer"] == "bytes":
        return 256
    with open(data["source"]) as file:
        return len(set(file.read()))


def make_model(ini):
    """The untrained model of a configuration, with its adapter."""
    model = make_plain(ini)
    adapter = ini["adapter"]
    if not adapter.getint("r"):
        return model
    from peft import LoraConfig, inject_adapter_in_model

    how = LoraConfig(
        r=adapter.getint("r"),
        lora_alpha=adapter.getfloat("alpha"),
        target_modules=[target.strip() for target in adapter["target"].split(",")],
    )
    model = inject_adapter_in_model(how, model)
    for name, p in model.named_parameters():  # it trains beside the adapter
        if name.startswith("projector."):
            p.requires_grad_(True)
    return model


def plain(name):
    """The name in a file of what PEFT wraps."""
    return name.replace(".base_layer.", ".").replace(".default.", ".")


def wrapped(model, values):
    """The same the other way round: a state_dict."""
    return {name: values[plain(name)] for name in model.state_dict()}


def make_plain(ini):
    """The model without adapter."""
    if ini["model"]["type"] in TEXTS:
        return language.make(language.model_config(ini, vocabulary(ini["data"])))
    if ini["model"]["type"] == "autoencoder":
        return Autoencoder(model_config(ini))
    kind = {"transformer": transformer, "cnn_recurrent": cnn_recurrent, "tcn": tcn}
    kind = kind.get(ini["model"]["type"], recurrent)
    return kind.make(kind.model_config(ini))


def running(model):
    """(name, value) of the running statistics, which are in state_dict() but no parameters."""
    params = dict(model.named_parameters())
    return [(name, b) for name, b in model.state_dict().items() if name not in params]


def round_weights(model, bits):
    """Has the model compute with weights of so many bits, each output's in a format of its own:
    PyTorch's fake quantisation, straight through. Returns what a step of the optimizer begins with,
    which changes the weights that it has."""
    kept, largest = {}, 2 ** (bits - 1) - 1

    def rounded(w):
        most = w.flatten(1).abs().amax(1).tolist()
        step = [2.0 ** max(-20, math.ceil(math.log2(m / largest))) if m else 1.0 for m in most]
        zero = torch.zeros(len(step), dtype=torch.int32)
        quantize = torch.fake_quantize_per_channel_affine
        return quantize(w.float(), torch.tensor(step), zero, 0, -largest, largest).to(w.dtype)

    def begin(*_):
        for p in model.parameters():
            if p.ndim > 1:
                kept[p] = kept.get(p, p.data)
                p.data = rounded(kept[p])

    def end(*_):
        for p, w in kept.items():
            p.data = w
        kept.clear()

    model.register_forward_pre_hook(begin)
    return end


def run(model, ini, x, extra, teacher=None):
    """Trains STEPS steps; returns the case's tensors apart from input and parameters."""
    B, group = ini["train"].getint("batch"), ini["train"].getint("accumulate")
    xs = x.split(B)
    extras = extra.split(B) if extra is not None else [None] * len(xs)
    out, own = {}, ini["model"]["type"] == "autoencoder"
    bits = {"w16a16": 16, "w8a16": 8}.get(ini["train"].get("quantize_aware", "none"))
    end = round_weights(model, bits) if bits else None
    text = ini["model"]["type"] in TEXTS
    terms = losses if own else language_losses if text else target_losses
    if teacher:
        kind = ini["loss"]["reconstruction" if own else "target"]
        terms = taught(terms, teacher, "cross_entropy" if text else kind)
    with torch.no_grad():
        y = window_losses(model.eval(), xs[0], extras[0]) if text else model.eval()(xs[0])
        y = torch.sigmoid(y) if ini["loss"]["target"] == "bce" else y
        out.update({"output": y[0], "latent": y[1]} if own else {"output": y})
    model.train()
    frozen = [pattern.strip() for pattern in ini["model"]["freeze"].split(",")]
    for name, p in model.named_parameters():
        if any(fnmatchcase(name, pattern) for pattern in frozen):
            p.requires_grad_(False)
    n, kept = sum(len(part) for part in xs[:group]), [b.clone() for b in model.buffers()]
    for part, with_part in zip(xs[:group], extras):
        (terms(model, part, ini["loss"], with_part)[0] * (len(part) / n)).backward()
    for name, p in model.named_parameters():
        if p.requires_grad:
            out["grad." + plain(name)] = p.grad.clone()
    for buffer, before in zip(model.buffers(), kept):
        buffer.copy_(before)
    optimizer = make_optimizer(model, ini["train"])
    if end:
        optimizer.register_step_pre_hook(end)
    figures, decay, average = [], ini["train"].getfloat("ema"), None
    if decay:
        average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    while len(figures) < STEPS:
        for i in range(0, len(xs), group)[: STEPS - len(figures)]:
            figures.append(
                optimizer_step(
                    model,
                    optimizer,
                    ini["loss"],
                    ini["train"],
                    xs[i : i + group],
                    extras[i : i + group],
                    terms,
                )
            )
            if average:
                average.update_parameters(model)
    columns = torch.tensor(figures[:STEPS], dtype=torch.float64).T
    out.update(zip(("losses", "reconstruction", "contrastive", "norms"), columns))
    usual = ini["train"]["optimizer"] == "adamw" and not ini["model"]["freeze"]
    usual = usual and not ini["adapter"].getint("r")
    after = running(model) if usual else model.state_dict().items()
    out.update({"after." + plain(name): b.detach().clone() for name, b in after})
    for name, b in average.module.state_dict().items() if average else ():
        out["averaged." + name] = b.detach().clone()
    return out


def draw(key, buffer):
    """Running statistics to begin with, so that they are neither 0 nor 1."""
    return torch.rand(buffer.shape) + 0.5 if buffer.is_floating_point() else buffer


def extra_of(tensors):
    """What a step takes beside its input: sample i is of clip n - 1 - i."""
    if "clips" in tensors:
        return tensors["clips"].flip(0)
    return tensors.get("noise", tensors.get("target"))


def make_teacher(case, tensors):
    """(INI, model) of a case's teacher, whose parameters go into tensors."""
    text = case_ini({k: v for k, v in (case | case["taught_by"]).items() if k != "taught_by"})
    model = make_model(make_ini(text))
    with torch.no_grad():
        for p in model.parameters():
            p += 0.2 * torch.randn(p.shape)
        model.load_state_dict({key: draw(key, b) for key, b in running(model)}, strict=False)
    tensors.update({"teacher." + k: p.detach().float() for k, p in model.state_dict().items()})
    return text, model.double()


def make(name, case):
    """One golden file."""
    text = case_ini(case)
    ini = make_ini(text)
    n, T, features = dict(BASE, **case)["n"], ini["data"].getint("window"), dict(BASE, **case)["F"]
    torch.manual_seed(sum(name.encode()))
    model = make_model(ini)
    with torch.no_grad():
        for key, p in model.named_parameters():
            if p.ndim == 1 or "lora_B" in key:  # so that no bias is 0 and no norm's weight is 1
                p += 0.1 * torch.randn(p.shape)
            if key.startswith("projector"):  # so that the clip matters beside the tokens
                p += torch.randn(p.shape)
    walk = torch.randn(n, T, features).cumsum(1) / T**0.5 + 0.3 * torch.randn(n, T, features)
    tensors = {"input": walk.float()}
    if ini["model"]["type"] in TEXTS:
        tokens = torch.randint(0, 256, (n, T + 1)) % torch.randint(1, 256, (n, 1))
        tensors = {"tokens": tokens + BORDER * (torch.rand(n, T + 1) < 0.1)}
    if ini["model"]["type"] == "captioner":
        rows = ini["encoder"].getint("rows") * (
            1 if ini["encoder"]["frames"] == "mean" else ini["data"].getint("frames")
        )
        tensors["clips"] = torch.randn(n, rows, ini["encoder"].getint("columns"))
    if ini["loss"]["contrastive"] == "nt_xent":
        tensors["noise"] = torch.randn(n, T, features) * ini["loss"].getfloat("noise")
    if ini["model"]["type"] == "dgru":
        tensors["input"][0, 1] = 0  # where an amplitude has no phase
    if ini["data"]["targets"]:
        y = model(tensors["input"])
        tensors["target"] = torch.randn(y.shape)
        model.load_state_dict({key: draw(key, b) for key, b in running(model)}, strict=False)
    tensors.update({"param." + plain(key): p.detach().clone() for key, p in model.state_dict().items()})
    tensors = {key: value if key == "tokens" else value.float() for key, value in tensors.items()}
    extra, metadata, teacher = extra_of(tensors), {"config": text}, None
    extra = extra if extra is None else extra.double()
    if "taught_by" in case:
        metadata["teacher"], teacher = make_teacher(case, tensors)
    if "tokens" in tensors:
        x = tensors["tokens"]
        tensors["tokens"] = x.to(torch.uint32)
    else:
        x = tensors["input"].double()
    for key, value in run(model.double(), ini, x, extra, teacher).items():
        figures = key in ("losses", "reconstruction", "contrastive", "norms")
        tensors[key] = value if figures else value.float()
    path = os.path.join(FOLDER, name + ".safetensors")
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata)
    os.chmod(path, 0o644)


def check(path):
    """Prints the largest deviations of a float32 run from the file; those of the steps' figures are
    relative (below 1e-3, in units of 1e-3)."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        ini, metadata = make_ini(file.metadata()["config"]), file.metadata()
    model, teacher = make_model(ini), None
    params = {key[6:]: value for key, value in tensors.items() if key.startswith("param.")}
    model.load_state_dict(wrapped(model, params), strict=True)
    x = tensors["input"] if "input" in tensors else tensors["tokens"].long()
    if "teacher" in metadata:
        teacher = make_model(make_ini(metadata["teacher"]))
        teacher.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("teacher.")})
    got = run(model, ini, x, extra_of(tensors), teacher)

    def deviation(key):
        return float(((got[key] - tensors[key]).abs() / tensors[key].abs().clamp(min=1e-3)).max())

    total, worst, failed = float(tensors["norms"][0]), 0.0, 0
    for key in (key for key in tensors if key.startswith("grad.")):
        error, norm = (float(t.double().norm()) for t in (got[key] - tensors[key], tensors[key]))
        worst = max(worst, error / total)
        failed += error > 1e-4 * norm and error > 1e-6 * total
    keys = ("losses", "reconstruction", "contrastive", "norms")
    print(
        f"{os.path.basename(path):40s} "
        + " ".join(f"{key} {deviation(key):.1e}" for key in keys)
        + f" gradients {worst:.1e} of the global norm, {failed} beyond the bounds"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare float32 with the files")
    parser.add_argument("names", nargs="*", help="cases to write; none: all")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # it does not see adapters
    if args.check:
        for path in sorted(glob.glob(os.path.join(FOLDER, "*.safetensors"))):
            check(path)
        return
    os.makedirs(FOLDER, exist_ok=True)
    for name in args.names or CASES:
        make(name, CASES[name])


if __name__ == "__main__":
    main()
