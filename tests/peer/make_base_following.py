#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make_base_following.py: writes tests/base/NAME/following, the tokens that transformers' generate() puts behind
others: lines of a prompt and of what follows, in turn. Prompts are taken at which no two tokens are about
equally probable."""

import glob
import os
import sys

import torch
from transformers import AutoModelForCausalLM

BASE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "base")
TOKENS, PROMPTS, MARGIN = 16, 3, 1e-3


def follow(model, prompt, count):
    """What follows, and by how much the second best token was behind at the closest step."""
    text, closest = list(prompt), float("inf")
    with torch.no_grad():
        got = model.generate(
            torch.tensor([prompt]), max_new_tokens=count, min_new_tokens=count, do_sample=False,
            pad_token_id=0, eos_token_id=None,
        )[0].tolist()[len(prompt):]  # fmt: skip
        for token in got:
            best = model(torch.tensor([text])).logits[0, -1].topk(2).values
            closest = min(closest, float(best[0] - best[1]))
            text.append(token)
    return got, closest


def main():
    torch.manual_seed(5)
    for folder in sorted(glob.glob(os.path.join(BASE, "*", ""))):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        lines = []
        while len(lines) < 2 * PROMPTS:
            length = 1 + len(lines)
            prompt = torch.randint(model.config.vocab_size, (length,)).tolist()
            count = min(TOKENS, model.config.max_position_embeddings - length)
            got, closest = follow(model, prompt, count)
            if closest > MARGIN:
                lines += [prompt, got]
        with open(os.path.join(folder, "following"), "w") as out:
            out.write("".join(" ".join(map(str, line)) + "\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
