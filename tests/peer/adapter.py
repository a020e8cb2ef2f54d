#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains an adapter of a model's folder (SmolLM2-135M, say) by seqtrain and by PEFT, from the same
adapter file and on the same windows, and prints both losses before each step.

    adapter.py SEQTRAIN FOLDER [--steps 50] [--windows 4] [--rows 32] [--quantize nf4]

Each step is over all windows, in fp32, with AdamW. Ends with 1 where the losses are more than 1e-3
apart. With --quantize the loss of both is printed, and nothing judged: PEFT's model stays in fp32.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXT = (
    "The tide had gone out while they were talking, and the boats lay on their sides in the mud. "
    "A boy was walking from one to the next with a bucket, and wherever he stopped he bent down, "
    "picked something up, looked at it for a while and put it back. Nobody knew what he was looking "
    "for. His sister said that he counted the crabs, the harbour master that he was paid for the "
    "weed, and the old man on the bench that he had lost a ring there in the spring, before anyone "
    "had given him one. When the water came back he sat down on the steps, took off his boots and "
    "wrote a number on the wall, under all the others, and went home without the bucket."
)
INI = """[run]
output = {run}
[data]
source = {text}
window = {rows}
validation = 0
test = 0
[model]
type = language
base = {folder}
quantize = {quantize}
[adapter]
file = {adapter}
[train]
epochs = {steps}
batch = {windows}
lr = {lr}
weight_decay = 0
clip_norm = 0
schedule = constant
warmup = 0 steps
monitor = train/loss
[plots]
enable = none
"""
LR = 5e-4


def make_adapter(folder, to):
    """One that is not at its beginning: B is no zero."""
    torch.manual_seed(3)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        LoraConfig(
            r=8,
            lora_alpha=16,
            lora_dropout=0,
            target_modules=["q_proj", "v_proj"],
            task_type="CAUSAL_LM",
        ),
    )
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p += 0.01 * torch.randn(p.shape)
    model.save_pretrained(to)


def by_peft(folder, adapter, tokens, args):
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, adapter, is_trainable=True)
    model.train()
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=LR, weight_decay=0
    )
    starts = range(0, args.windows * args.rows, args.rows)
    windows = torch.stack([tokens[s : s + args.rows + 1] for s in starts])
    losses = []
    for _ in range(args.steps):
        logits = model(windows[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def by_seqtrain(work, adapter, text, args):
    ini = os.path.join(work, "run.ini")
    run = os.path.join(work, "run")
    with open(ini, "w") as file:
        file.write(
            INI.format(
                run=run,
                text=text,
                rows=args.rows,
                folder=os.path.abspath(args.folder),
                quantize=args.quantize,
                adapter=adapter,
                steps=args.steps,
                windows=args.windows,
                lr=LR,
            )
        )
    subprocess.run([args.seqtrain, "-q", "-c", ini], check=True)
    with open(os.path.join(run, "log.jsonl")) as file:
        events = [json.loads(line) for line in file]
    return [event["train_loss"] for event in events if event["event"] == "epoch"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seqtrain")
    parser.add_argument("folder")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--quantize", default="none")
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.folder)
    tokens = tokenizer(TEXT, add_special_tokens=False, return_tensors="pt").input_ids[0]
    count = args.windows * args.rows + 1
    if len(tokens) < count:
        sys.exit(f"the text has {len(tokens)} tokens, not {count}")
    tokens = tokens[:count]
    with tempfile.TemporaryDirectory() as work:
        text, adapter = os.path.join(work, "text.txt"), os.path.join(work, "adapter")
        with open(text, "w") as file:
            file.write(tokenizer.decode(tokens))
        make_adapter(args.folder, adapter)
        ours = by_seqtrain(work, adapter, text, args)
    with tempfile.TemporaryDirectory() as work:
        adapter = os.path.join(work, "adapter")
        make_adapter(args.folder, adapter)
        peft = by_peft(args.folder, adapter, tokens, args)
    for step, (a, b) in enumerate(zip(ours, peft)):
        print(f"{step + 1:3d}  {a:.6f}  {b:.6f}  {a - b:+.1e}")
    worst = max(abs(a - b) for a, b in zip(ours, peft))
    print(f"largest difference {worst:.1e}")
    sys.exit(args.quantize == "none" and (len(ours) != args.steps or worst > 1e-3))


if __name__ == "__main__":
    main()
