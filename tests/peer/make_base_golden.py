#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/base/NAME/: small random models as transformers writes them, and what it computes.

Each folder has config.json and weights, in one file or in two, and golden.safetensors: `tokens` [B, T]
int32 and their `logits` [B, T, V], computed in float64 from the weights as they are stored. tokenizer.json
of qwen3 has a token for each of its characters; cross_entropy holds, a line each, that of the windows of
text.txt, 16 tokens each, in nats; greedy is how the model goes on with its first 9 characters.

    make_base_golden.py [NAME...]

Needs torch, transformers, tokenizers and safetensors.
"""

import os
import shutil
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "base")
CHARACTERS = "\n ,.'" + "abcdefghijklmnopqrstuvwxyz" + "ABCDE"
TEXT = "the quick brown fox jumps over the lazy dog.\na bad cab, a deaf ace.\n" * 6

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.5}

# one head of keys, heads that are not as wide as the model together, odd vocabularies, tied and not,
# each type of weights
CASES = {
    "qwen3": (
        Qwen3ForCausalLM,
        Qwen3Config(
            vocab_size=37,
            hidden_size=20,
            intermediate_size=28,
            num_hidden_layers=2,
            num_attention_heads=3,
            num_key_value_heads=1,
            head_dim=8,
            max_position_embeddings=64,
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
        {},
    ),
    "qwen3_untied": (
        Qwen3ForCausalLM,
        Qwen3Config(
            vocab_size=41,
            hidden_size=16,
            intermediate_size=20,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=6,
            rms_norm_eps=1e-3,
            tie_word_embeddings=False,
        ),
        torch.float32,
        {"max_shard_size": "6KB"},
    ),
    "llama": (
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=33,
            hidden_size=24,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=1,
            rope_parameters=LLAMA3,
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
        ),
        torch.float16,
        {"max_shard_size": "6KB"},
    ),
    "llama_linear": (
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=35,
            hidden_size=18,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=3,
            num_key_value_heads=3,
            head_dim=4,
            rope_parameters=LINEAR,
            tie_word_embeddings=True,
        ),
        torch.bfloat16,
        {},
    ),
    "gpt2": (
        GPT2LMHeadModel,
        GPT2Config(vocab_size=35, n_embd=12, n_head=3, n_layer=2, n_positions=19, n_inner=20),
        torch.float32,
        {},
    ),
    "gpt2_untied": (
        GPT2LMHeadModel,
        GPT2Config(
            vocab_size=29,
            n_embd=10,
            n_head=2,
            n_layer=1,
            n_positions=12,
            activation_function="gelu",
            layer_norm_epsilon=1e-3,
            tie_word_embeddings=False,
        ),
        torch.float16,
        {},
    ),
}


def make(name):
    kind, config, dtype, save = CASES[name]
    folder = os.path.join(FOLDER, name)
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(sum(name.encode()))
    model = kind(config)
    with torch.no_grad():  # larger than models begin with, so that all parts of a layer are seen
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.to(dtype).save_pretrained(folder, **save)
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    exact = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    tokens = torch.randint(0, config.vocab_size, (2, 12))
    with torch.no_grad():
        logits = exact(tokens).logits
    save_file(
        {"tokens": tokens.to(torch.int32), "logits": logits.to(torch.float32)},
        os.path.join(folder, "golden.safetensors"),
    )
    if name == "qwen3":
        add_text(folder, exact)


def add_text(folder, model):
    vocabulary = {c: i for i, c in enumerate(CHARACTERS)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    tokens = torch.tensor(tokenizer.encode(TEXT).ids)
    assert [CHARACTERS[i] for i in tokens] == list(TEXT)
    with open(os.path.join(folder, "text.txt"), "w") as out:
        out.write(TEXT)
    with open(os.path.join(folder, "cross_entropy"), "w") as out, torch.no_grad():
        for at in range(0, len(tokens) - 16, 16):
            logits = model(tokens[None, at : at + 16]).logits[0]
            loss = torch.nn.functional.cross_entropy(logits, tokens[at + 1 : at + 17])
            out.write(f"{loss.item():.9g}\n")
    made = tokens[:9]
    for _ in range(40):
        made = torch.cat((made, model(made[None]).logits[0, -1].argmax()[None]))
    with open(os.path.join(folder, "greedy"), "w") as out:
        out.write("".join(CHARACTERS[i] for i in made[9:]))


if __name__ == "__main__":
    for each in sys.argv[1:] or CASES:
        make(each)
