#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The small frozen models of configs/captions.ini, trained on scenes and sentences of ours.

    make_scenes_models.py tower GENERATOR FOLDER     a SigLIP of vision and text, for model.encoder
    make_scenes_models.py decoder GENERATOR FOLDER   a Llama that knows sentences of scenes, for model.base

GENERATOR is configs/data/make_synthetic_scenes, compiled. It draws scenes whose groups and places none
of the shipped scenes has. Each command takes some minutes on one thread and writes a folder as
transformers does, in bf16, of less than 1 MB. Needs torch, transformers, tokenizers and pillow.

The tower learns two things at once: the sigmoid loss of SigLIP on pictures and captions in English and
Korean, and, of each patch, which kind of object covers it (a linear layer that is thrown away), as
SigLIP2's own training asks more of patches than the pooled vector alone does. The decoder never sees a picture.
It learns captions and other sentences, and captions behind pictures that are spelt in words: 8 x 8
tokens, each the kind of object that covers the cell in a picture that the generator has drawn.
"""

import argparse
import csv
import json
import math
import os
import random
import re
import subprocess
import tempfile
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, SiglipConfig, SiglipModel

LANGUAGES = ("english", "korean")
COUNTS = {"a": 1, "two": 2, "three": 3}
COLOURS, SHAPES = ("red", "green", "blue", "yellow"), ("circle", "square", "triangle")
KOREAN = {"red": "빨간", "green": "초록", "blue": "파란", "yellow": "노란", "circle": "원",
          "square": "사각형", "triangle": "삼각형", 1: "한 개", 2: "두 개", 3: "세 개"}  # fmt: skip
GRID, TEXT, SCENES = 8, 32, 12000


def others(generator, count, looks=()):
    """Pictures [count, 64, 64, 3] and captions by language that the generator draws."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([generator, folder, str(count), "1", *looks], check=True)
        captions = {}
        for language in LANGUAGES:
            with open(os.path.join(folder, language + ".csv"), encoding="utf-8") as table:
                rows = list(csv.DictReader(table))
            captions[language] = [row["caption"] for row in rows]
        images = [np.asarray(Image.open(os.path.join(folder, row["file"]))) for row in rows]
    return torch.from_numpy(np.stack(images)), captions


def pixels(images):
    return (images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def parse(caption):
    """Groups (count, kind) of a caption in English, and how they lie."""
    group = r"(a|two|three) (\w+) (\w+?)s?"
    m = re.fullmatch(f"{group}(?: (left of|above) {group})?", caption)
    def kind(i):
        return 3 * COLOURS.index(m[i]) + SHAPES.index(m[i + 1])
    groups = [(COUNTS[m[1]], kind(2))] + ([(COUNTS[m[5]], kind(6))] if m[4] else [])
    return groups, m[4]


def covered(images, captions):
    """Of each patch of 8 x 8, the kind of object that covers a seventh of it or more, or 12: [N, 64]."""
    ground = images[:, :1, :1].int()  # no object touches the corner
    differs = ((images.int() - ground).abs().sum(-1) > 0).float()
    share = F.avg_pool2d(differs[:, None], 8)[:, 0]
    first = torch.zeros(len(captions), GRID, GRID, dtype=torch.long)
    for i, caption in enumerate(captions):
        groups, how = parse(caption)
        first[i] = groups[0][1]
        if how == "above":
            first[i, GRID // 2 :] = groups[1][1]
        elif how:
            first[i, :, GRID // 2 :] = groups[1][1]
    return torch.where(share > 1 / 7, first, 12).flatten(1)


def train_tokenizer(texts, specials):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=400, special_tokens=specials, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))  # fmt: skip
    return tokenizer


def write_json(folder, name, content):
    with open(os.path.join(folder, name), "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")


class Training:
    """AdamW with warm-up of 100 steps and cosine."""

    def __init__(self, parameters, lr, steps):
        self.parameters, self.lr, self.steps, self.step, self.start = list(parameters), lr, steps, 0, time.time()
        self.optimizer = torch.optim.AdamW(self.parameters, lr=lr, betas=(0.9, 0.98), weight_decay=0.05)

    def update(self, loss):
        s = self.step
        lr = self.lr * ((s + 1) / 100 if s < 100 else 0.5 * (1 + math.cos(math.pi * (s - 100) / (self.steps - 100))))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        if self.step % 50 == 0:
            print(f"step {self.step}: {loss.item():.4f}, {time.time() - self.start:.0f} s", flush=True)


def tower(generator, folder, steps, begin, looks, batch=64, width=64):
    torch.manual_seed(1 if begin is None else 3)
    images, captions = others(generator, SCENES, ["looks"] if looks else [])
    if begin:
        tokenizer = Tokenizer.from_file(os.path.join(begin, "tokenizer.json"))
    else:
        tokenizer = train_tokenizer([t for l in LANGUAGES for t in captions[l]], ["<pad>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    text = {l: torch.tensor([e.ids + [0] * (TEXT - len(e.ids)) for e in tokenizer.encode_batch(captions[l])])
            for l in LANGUAGES}  # fmt: skip
    model = SiglipModel(SiglipConfig(
        text_config=dict(vocab_size=tokenizer.get_vocab_size(), hidden_size=48, intermediate_size=96,
                         num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=TEXT,
                         projection_size=width, pad_token_id=0, bos_token_id=None, eos_token_id=1),
        vision_config=dict(hidden_size=width, intermediate_size=4 * width, num_hidden_layers=4,
                           num_attention_heads=4, image_size=64, patch_size=8)))  # fmt: skip
    with torch.no_grad():
        model.logit_scale.fill_(math.log(10))
        model.logit_bias.fill_(-10)
    if begin:
        model = SiglipModel.from_pretrained(begin, dtype=torch.float32)
    dense, weight = torch.nn.Linear(width, 13), torch.tensor([1.0] * 12 + [0.2])
    kinds = covered(images, captions["english"])
    number = {caption: i for i, caption in enumerate(dict.fromkeys(captions["english"]))}
    scene = torch.tensor([number[caption] for caption in captions["english"]])
    training = Training([*model.parameters(), *dense.parameters()], 2e-3, steps)
    for _ in range(steps):
        i = torch.randint(len(images), (batch,))
        korean = torch.rand(batch, 1) < 0.5
        out = model(input_ids=torch.where(korean, text["korean"][i], text["english"][i]), pixel_values=pixels(images[i]))
        same = torch.where(scene[i][:, None] == scene[i][None], 1.0, -1.0)
        loss = -F.logsigmoid(same * out.logits_per_image).sum(1).mean()
        patches = dense(out.vision_model_output.last_hidden_state)
        fault = F.cross_entropy(patches.flatten(0, 1), kinds[i].flatten(), weight)
        if (training.step + 1) % 50 == 0:
            print(f"contrastive {loss.item():.4f}, patches {fault.item():.4f}")
        training.update(loss + 8 * fault)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": TEXT, "eos_token": "</s>",
        "pad_token": "<pad>"})  # fmt: skip
    write_json(folder, "preprocessor_config.json", {
        "image_processor_type": "SiglipImageProcessor", "do_convert_rgb": True, "do_resize": True,
        "size": {"height": 64, "width": 64}, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3})  # fmt: skip


def group(language, count, kind):
    colour, shape = COLOURS[kind // 3], SHAPES[kind % 3]
    if language:
        return f"{KOREAN[colour]} {KOREAN[shape]} {KOREAN[count]}"
    return f"{list(COUNTS)[count - 1]} {colour} {shape}{'s' if count > 1 else ''}"


def sentence(r):
    """A sentence of this world that is no caption of a scene, and its language."""
    a, b = [(r.randint(1, 3), r.randrange(12)) for _ in range(2)]
    english, korean = [group(0, *a), group(0, *b)], [group(1, *a), group(1, *b)]
    return r.choice([
        (0, f"there {'are' if a[0] > 1 else 'is'} {english[0]} and {english[1]}"),
        (0, f"the {SHAPES[a[1] % 3]} is {COLOURS[a[1] // 3]}"),
        (0, f"{english[0]} {r.choice(['below', 'right of'])} {english[1]}"),
        (0, f"{group(0, 1, a[1])} moves {r.choice(['left to right', 'right to left', 'down', 'up'])}"),
        (1, f"{korean[0]}와 {korean[1]}가 있다"),
        (1, f"{KOREAN[SHAPES[a[1] % 3]]}은 {KOREAN[COLOURS[a[1] // 3]]} 색이다"),
        (1, f"{korean[0]}가 {korean[1]} {r.choice(['아래에', '오른쪽에'])} 있다"),
        (1, f"{group(1, 1, a[1])}가 {r.choice(['왼쪽에서 오른쪽으로', '오른쪽에서 왼쪽으로', '아래로', '위로'])} 움직인다"),
    ])  # fmt: skip


def decoder(generator, folder, steps, begin, _, width=64):
    torch.manual_seed(2)
    r = random.Random(2)
    images, captions = others(generator, SCENES)
    spelt = (3 + (covered(images, captions["english"]) + 1) % 13).tolist()  # 3: nothing
    plain = [(i, text) for i, l in enumerate(LANGUAGES) for text in captions[l][:4000]]
    plain += [sentence(r) for _ in range(8000)]
    words = ["<|.|>"] + [f"<|{c} {s}|>" for c in COLOURS for s in SHAPES]
    tokenizer = train_tokenizer([t for _, t in plain], ["<|end|>", "<|english|>", "<|korean|>", *words])
    def encode(language, text):
        return [1 + language, *tokenizer.encode(text).ids, 0]
    plain = [([], encode(*p)) for p in plain]
    tokens = [[encode(i, text) for text in captions[l]] for i, l in enumerate(LANGUAGES)]
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=width, intermediate_size=160, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=True,
        rms_norm_eps=1e-6, bos_token_id=None, eos_token_id=0, pad_token_id=0))  # fmt: skip
    if begin:
        model = LlamaForCausalLM.from_pretrained(begin, dtype=torch.float32)
        r.seed(4)
    training = Training(model.parameters(), 3e-3, steps)
    for step in range(steps):
        batch = r.sample(plain, 64) if step % 8 == 7 else []
        while len(batch) < 32:
            i = r.randrange(SCENES)
            batch.append((spelt[i], tokens[r.randrange(2)][i]))
        longest = max(len(a) + len(b) for a, b in batch)
        x = torch.tensor([a + b + [0] * (longest - len(a) - len(b)) for a, b in batch])
        y = torch.tensor([[-100] * (len(a) + 1) + b[1:] + [-100] * (longest - len(a) - len(b)) for a, b in batch])
        training.update(model(input_ids=x, labels=y).loss)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "eos_token": "<|end|>",
        "pad_token": "<|end|>"})  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("tower", "decoder"))
    parser.add_argument("generator")
    parser.add_argument("folder")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--begin", metavar="FOLDER", help="go on with these weights")
    parser.add_argument("--looks", action="store_true", help="tower: of pictures as a camera sees them")
    args = parser.parse_args()
    torch.set_num_threads(1)
    make, steps = (tower, 700) if args.what == "tower" else (decoder, 2200)
    make(os.path.abspath(args.generator), args.folder, args.steps or steps, args.begin, args.looks)
