#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/peft: a tiny GPT-2 of transformers, an adapter that PEFT has written for it, and
what PEFT's training of that adapter comes to in float64.

- `text.txt`: bytes are the tokens; windows of 16 follow each other, each predicts the byte behind
  each of its own.
- `base.safetensors`: the model's weights; `adapter_config.json`, `adapter_model.safetensors`: what
  save_pretrained() wrote; `bfloat16/`: the same in bfloat16.
- `losses.txt`: the loss of all windows before each of 20 steps of AdamW (lr 1e-2, no decay, no
  clipping), each over all windows, and behind the last.

    make_adapter.py            writes the files
    make_adapter.py --check RUN  loads RUN/adapter with PEFT and prints the loss that it gives
"""

import argparse
import os
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "peft")
STEPS, WINDOW = 20, 16
TEXT = "".join(f"{i * i % 97} is what {i} squared leaves of 97.\n" for i in range(24))


def model(state=None):
    config = GPT2Config(
        vocab_size=256,
        n_positions=WINDOW,
        n_embd=12,
        n_layer=2,
        n_head=3,
        n_inner=20,
        activation_function="gelu",
        resid_pdrop=0,
        embd_pdrop=0,
        attn_pdrop=0,
        bos_token_id=0,
        eos_token_id=0,
    )
    gpt2 = GPT2LMHeadModel(config)
    if state:
        gpt2.load_state_dict(state, strict=False)
    return gpt2


def windows():
    tokens = torch.tensor(list(TEXT.encode()))
    starts = range(0, len(tokens) - WINDOW, WINDOW)
    return torch.stack([tokens[s : s + WINDOW + 1] for s in starts])


def loss_of(adapted, tokens):
    logits = adapted(tokens[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def make():
    torch.manual_seed(1)
    base = model()
    with torch.no_grad():
        for p in base.parameters():
            p += 0.05 * torch.randn(p.shape)
    state = {k: v.clone() for k, v in base.state_dict().items() if k != "lm_head.weight"}
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    save_file(state, os.path.join(FOLDER, "base.safetensors"))
    with open(os.path.join(FOLDER, "text.txt"), "w") as file:
        file.write(TEXT)
    how = LoraConfig(
        r=3,
        lora_alpha=6,
        lora_dropout=0,
        target_modules=["c_attn", "mlp.c_proj"],
        fan_in_fan_out=True,
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(base, how)
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if "lora_B" in name:
                p += 0.2 * torch.randn(p.shape)
    adapted.save_pretrained(FOLDER)
    narrow = os.path.join(FOLDER, "bfloat16")
    os.makedirs(narrow)
    matrices = load_file(os.path.join(FOLDER, "adapter_model.safetensors"))
    save_file(
        {name: value.bfloat16() for name, value in matrices.items()},
        os.path.join(narrow, "adapter_model.safetensors"),
    )
    shutil.copy(os.path.join(FOLDER, "adapter_config.json"), narrow)
    os.remove(os.path.join(FOLDER, "README.md"))
    for folder, _, files in os.walk(FOLDER):
        for name in files:
            os.chmod(os.path.join(folder, name), 0o644)
    adapted.double()
    tokens, losses = windows(), []
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0)
    for _ in range(STEPS):
        loss = loss_of(adapted, tokens)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses.append(loss_of(adapted, tokens).item())
    with open(os.path.join(FOLDER, "losses.txt"), "w") as file:
        file.writelines(f"{value:.9f}\n" for value in losses)


def check(run):
    base = model(load_file(os.path.join(FOLDER, "base.safetensors")))
    adapted = PeftModel.from_pretrained(base, os.path.join(run, "adapter")).double().eval()
    with torch.no_grad():
        print(f"{loss_of(adapted, windows()).item():.9f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="RUN")
    args = parser.parse_args()
    torch.set_num_threads(1)
    check(args.check) if args.check else make()


if __name__ == "__main__":
    main()
