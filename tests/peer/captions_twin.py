#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A captioner in PyTorch: what model.type = captioner trains, by transformers' own towers and decoders.

    captions_twin.py TOWER DECODER captions.csv --prompt '<|english|>'

TOWER and DECODER are Hugging Face folders (SigLIP, Llama), captions.csv has columns file and caption. The
frozen tower makes last_hidden_state [N, D_v] of each picture, once; a projector makes N rows of the
decoder's width, which stand in front of the prompt, the caption and the token of its end. The loss is
mean over a batch of each caption's mean cross-entropy, over its tokens and the end. Trained are the projector and adapters of the
frozen decoder. Prints loss and captions of the last --test share of the files: how many are exactly
right, and distinct ones / captions.

    --save-init FILE   writes the first values: projector.*, and X.lora_A.weight, X.lora_B.weight of
                       each linear layer X of the decoder
    --init FILE        begins with these
    --order FILE       batches of the run: rows of the table (from 0), a line a batch, instead of our own
    --by-token         the loss is the mean over all tokens of a batch, as transformers has it
    --losses           prints the loss of each step

A projector of type linear is projector.{weight,bias}; mlp is projector.0.*, GELU, projector.2.*.
Needs torch, transformers, tokenizers, safetensors and pillow.
"""

import argparse
import csv
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaForCausalLM, SiglipModel


class Adapted(nn.Module):
    """y = W x + (alpha / r) B A x, with W frozen."""

    def __init__(self, base, r, alpha):
        super().__init__()
        self.base, self.scale = base, alpha / r
        self.lora_A = nn.Linear(base.in_features, r, bias=False)  # Kaiming uniform, a = sqrt(5)
        self.lora_B = nn.Linear(r, base.out_features, bias=False)
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x):
        return self.base(x) + self.scale * self.lora_B(self.lora_A(x))


class Captioner(nn.Module):
    def __init__(self, decoder, columns, args):
        super().__init__()
        width = decoder.config.hidden_size
        self.decoder = decoder.requires_grad_(False)
        if args.projector == "linear":
            self.projector = nn.Linear(columns, width)
        else:
            self.projector = nn.Sequential(nn.Linear(columns, width), nn.GELU(), nn.Linear(width, width))
        for layer in decoder.model.layers if args.r else []:
            for block in (layer.self_attn, layer.mlp):
                for name, module in list(block.named_children()):
                    if isinstance(module, nn.Linear):
                        setattr(block, name, Adapted(module, args.r, args.alpha))

    def trained(self):
        """By the names that seqtrain gives them."""
        return {name.removeprefix("decoder."): p for name, p in self.named_parameters() if p.requires_grad}

    def forward(self, features, tokens):
        """Logits [B, T, V] of features [B, N, D_v] and tokens [B, T]."""
        rows = torch.cat([self.projector(features), self.decoder.model.embed_tokens(tokens)], 1)
        hidden = self.decoder.model(inputs_embeds=rows).last_hidden_state
        return self.decoder.lm_head(hidden[:, features.shape[1] :])


def features_of(folder, base, names):
    tower = SiglipModel.from_pretrained(folder, dtype=torch.float32).eval()
    side = tower.config.vision_config.image_size
    rows = {}
    for name in dict.fromkeys(names):
        image = Image.open(os.path.join(base, name)).convert("RGB").resize((side, side), Image.BICUBIC)
        x = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            rows[name] = tower.vision_model(pixel_values=(x - 0.5) / 0.5).last_hidden_state[0]
    return torch.stack([rows[name] for name in names])


def greedy(model, features, prompt, end, most):
    tokens = torch.tensor([prompt] * len(features))
    with torch.no_grad():
        for _ in range(most):
            following = model(features, tokens)[:, -1].argmax(-1, keepdim=True)
            tokens = torch.cat([tokens, following], 1)
    texts = [row[len(prompt) :] for row in tokens.tolist()]
    return [row[: row.index(end)] if end in row else row for row in texts]


def loss_of(logits, y, by_token):
    if by_token:
        return F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-100)
    each = F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-100, reduction="none")
    return (each.view(y.shape).sum(1) / (y != -100).sum(1)).mean()


def batches(args, count):
    """Rows of each step."""
    if args.order:
        with open(args.order) as file:
            return [torch.tensor([int(x) for x in line.split()]) for line in file]
    found = []
    for _ in range(args.epochs):
        order = torch.randperm(count)
        found += [order[at : at + args.batch] for at in range(0, count - args.batch + 1, args.batch)]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tower")
    parser.add_argument("decoder")
    parser.add_argument("captions")
    parser.add_argument("--prompt", default="")
    parser.add_argument("--projector", choices=("linear", "mlp"), default="mlp")
    parser.add_argument("--r", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=4)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--warmup", type=float, default=0.1, help="share of the steps")
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--test", type=float, default=0.2, help="share of the files, the last")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--init")
    parser.add_argument("--save-init")
    parser.add_argument("--order")
    parser.add_argument("--by-token", action="store_true")
    parser.add_argument("--losses", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    with open(args.captions, encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    start = time.time()
    features = features_of(args.tower, os.path.dirname(args.captions), [row["file"] for row in table])
    print(f"features {list(features.shape)}: {time.time() - start:.1f} s", flush=True)
    tokenizer = Tokenizer.from_file(os.path.join(args.decoder, "tokenizer.json"))
    decoder = LlamaForCausalLM.from_pretrained(args.decoder, dtype=torch.float32)
    end = decoder.config.eos_token_id
    prompt = tokenizer.encode(args.prompt).ids
    texts = [tokenizer.encode(row["caption"], add_special_tokens=False).ids for row in table]
    longest = len(prompt) + max(map(len, texts)) + 1
    x = torch.tensor([prompt + t + [end] * (longest - len(prompt) - len(t)) for t in texts])
    y = torch.tensor([[-100] * len(prompt) + t + [end] + [-100] * (longest - len(prompt) - len(t) - 1) for t in texts])

    model = Captioner(decoder, features.shape[-1], args)
    trained = model.trained()
    if args.init:
        values = load_file(args.init)
        with torch.no_grad():
            for name, parameter in trained.items():
                parameter.copy_(values[name])
    if args.save_init:
        save_file({name: p.detach().contiguous() for name, p in trained.items()}, args.save_init)
    decayed = [p for p in trained.values() if p.dim() > 1]
    plain = [p for p in trained.values() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": args.weight_decay},
                                   {"params": plain, "weight_decay": 0}], lr=args.lr)  # fmt: skip
    held = int(len(table) * args.test)
    count = len(table) - held
    steps = batches(args, count)
    each, warmup, start, total = max(1, count // args.batch), math.ceil(args.warmup * len(steps)), time.time(), 0.0
    for step, rows in enumerate(steps):
        lr = args.lr * ((step + 1) / warmup if step < warmup else
                        0.5 * (1 + math.cos(math.pi * (step - warmup) / (len(steps) - warmup))))  # fmt: skip
        for entry in optimizer.param_groups:
            entry["lr"] = lr
        logits = model(features[rows], x[rows, :-1])
        loss = loss_of(logits, y[rows, 1:], args.by_token)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        total += loss.item()
        if args.losses:
            print(f"step {step + 1}: {loss.item():.6f}", flush=True)
        if (step + 1) % each == 0:
            print(f"epoch {(step + 1) // each}: loss {total / each:.4f}, {time.time() - start:.1f} s", flush=True)
            total = 0.0
    if held:
        start = time.time()
        got = [tokenizer.decode(t) for t in greedy(model, features[count:], prompt, end, longest)]
        right = sum(a == row["caption"] for a, row in zip(got, table[count:]))
        for a, row in list(zip(got, table[count:]))[:8]:
            print(f"{row['file']}: {a} ({row['caption']})")
        print(f"{right} of {held} right ({right / held:.3f}), distinct {len(set(got)) / held:.3f}, {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
