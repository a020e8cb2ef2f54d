#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/peft: tiny models of transformers, adapters that PEFT has written for them, and
what PEFT's training of these comes to in float64.

- `text.txt`: bytes are the tokens; windows of 16 follow each other, each predicts the byte behind
  each of its own.
- `SHAPE/model.safetensors`, `config.json`: the model of shape gpt2, llama;
- `SHAPE/adapter/`: what save_pretrained() wrote; `gpt2/bfloat16/`: the same in bfloat16;
- `SHAPE/losses.txt`: the loss of all windows before each of 20 steps of AdamW (lr 1e-2, no decay, no
  clipping), each over all windows, and behind the last.

    make_adapter.py                    writes the files
    make_adapter.py --adapter SHAPE FOLDER  prints the loss of the model with an adapter
    make_adapter.py --model FOLDER     prints that of a model's folder
"""

import argparse
import os
import shutil

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "peft")
STEPS, WINDOW = 20, 16
TEXT = "".join(f"{i * i % 97} is what {i} squared leaves of 97.\n" for i in range(24))


def gpt2():
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
    how = LoraConfig(
        r=3,
        lora_alpha=6,
        lora_dropout=0,
        target_modules=["c_attn", "mlp.c_proj"],
        fan_in_fan_out=True,
        task_type="CAUSAL_LM",
    )
    return GPT2LMHeadModel(config), how


def llama():
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=12,
        intermediate_size=20,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=64,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
        attn_implementation="eager",
        bos_token_id=0,
        eos_token_id=0,
    )
    how = LoraConfig(
        r=2,
        lora_alpha=3,
        lora_dropout=0,
        target_modules=["q_proj", "v_proj", "down_proj"],
        task_type="CAUSAL_LM",
    )
    return LlamaForCausalLM(config), how


SHAPES = {"gpt2": gpt2, "llama": llama}


def windows():
    tokens = torch.tensor(list(TEXT.encode()))
    starts = range(0, len(tokens) - WINDOW, WINDOW)
    return torch.stack([tokens[s : s + WINDOW + 1] for s in starts])


def loss_of(model, tokens):
    logits = model(tokens[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def narrow(folder):
    """The adapter in bfloat16, in a folder beside it."""
    to = os.path.join(os.path.dirname(folder), "bfloat16")
    os.makedirs(to)
    matrices = load_file(os.path.join(folder, "adapter_model.safetensors"))
    save_file(
        {name: value.bfloat16() for name, value in matrices.items()},
        os.path.join(to, "adapter_model.safetensors"),
    )
    shutil.copy(os.path.join(folder, "adapter_config.json"), to)


def train(adapted):
    tokens, losses = windows(), []
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2, weight_decay=0)
    for _ in range(STEPS):
        loss = loss_of(adapted, tokens)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses + [loss_of(adapted, tokens).item()]


def make(shape):
    folder = os.path.join(FOLDER, shape)
    torch.manual_seed(1)
    model, how = SHAPES[shape]()
    with torch.no_grad():
        for p in model.parameters():
            p += 0.05 * torch.randn(p.shape)
    model.save_pretrained(folder)
    adapted = get_peft_model(model, how)
    with torch.no_grad():
        for name, p in adapted.named_parameters():
            if "lora_B" in name:
                p += 0.2 * torch.randn(p.shape)
    adapter = os.path.join(folder, "adapter")
    adapted.save_pretrained(adapter)
    if shape == "gpt2":
        narrow(adapter)
    with open(os.path.join(folder, "losses.txt"), "w") as file:
        file.writelines(f"{value:.9f}\n" for value in train(adapted.double()))


def make_all():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    with open(os.path.join(FOLDER, "text.txt"), "w") as file:
        file.write(TEXT)
    for shape in SHAPES:
        make(shape)
    for folder, _, files in os.walk(FOLDER):
        for name in files:
            path = os.path.join(folder, name)
            os.chmod(path, 0o644)
            if name in ("README.md", "generation_config.json"):
                os.remove(path)


def tell(model):
    with torch.no_grad():
        print(f"{loss_of(model.double().eval(), windows()).item():.9f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adapter", nargs=2, metavar=("SHAPE", "FOLDER"))
    parser.add_argument("--model", metavar="FOLDER")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.model:
        tell(AutoModelForCausalLM.from_pretrained(args.model))
    elif args.adapter:
        shape, adapter = args.adapter
        base = AutoModelForCausalLM.from_pretrained(os.path.join(FOLDER, shape))
        tell(PeftModel.from_pretrained(base, adapter))
    else:
        make_all()


if __name__ == "__main__":
    main()
