#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/tower/NAME/: small random encoders as transformers writes them, and what they make of images.

Each folder has config.json, model.safetensors and golden.safetensors: `images` [n, C, H, W], `rows`
[n, N, D] and, where there is one, `pooled` [n, D]; with a text tower `tokens` [m, T] int32, `texts` [m, D]
and the `scores` [m, n], sigmoids. All is computed in float64 from the weights as they are stored. Of vit
`rows` are without the class token, which is `pooled`.

    make_tower_golden.py [NAME...]

Needs torch, transformers and safetensors.
"""

import json
import os
import shutil
import sys

import torch
from safetensors.torch import save_file
from transformers import (
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
    ViTConfig,
    ViTModel,
)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tower")

# one layer and two, one head and three, widths that are no multiple of 16, images that patches leave
# something over of, sizes that differ by direction, each type of weights
CASES = {
    "siglip": (
        SiglipModel,
        SiglipConfig(
            vision_config=dict(hidden_size=36, intermediate_size=50, num_hidden_layers=2, num_attention_heads=3,
                               image_size=30, patch_size=7),
            text_config=dict(hidden_size=20, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2,
                             vocab_size=37, max_position_embeddings=9, projection_size=36, pad_token_id=1,
                             bos_token_id=None, eos_token_id=None),
        ),
        torch.float32,
    ),
    "siglip_vision": (
        SiglipVisionModel,
        SiglipVisionConfig(hidden_size=22, intermediate_size=33, num_hidden_layers=1, num_attention_heads=1,
                           image_size=17, patch_size=5, hidden_act="gelu", layer_norm_eps=1e-5,
                           vision_use_head=False),
        torch.bfloat16,
    ),
    "vit": (
        ViTModel,
        ViTConfig(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                  image_size=20, patch_size=6, qkv_bias=False),
        torch.float16,
    ),
}


def fill(model, seed=3, scale=0.7, bias=-0.3):
    """Weights that make every part count; transformers' own leave much near 0. Of the logits scale and bias."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif name.startswith("logit"):
                p.copy_(torch.tensor([scale if "scale" in name else bias]).reshape(p.shape))
            else:
                p.copy_(noise * (0.3 if p.dim() < 2 else min(0.6, 1.2 / p[0].numel() ** 0.5)))


def make(name):
    kind, config, dtype = CASES[name]
    to = os.path.join(FOLDER, name)
    shutil.rmtree(to, ignore_errors=True)
    model = kind(config)
    fill(model)
    model.to(dtype).save_pretrained(to)
    path = os.path.join(to, "config.json")
    with open(path) as file:
        kept = json.load(file)
    kept.pop("transformers_version", None)
    with open(path, "w") as file:
        json.dump(kept, file, indent=1, sort_keys=True)
        file.write("\n")
    model = model.to(torch.float64).eval()
    vision = config.vision_config if kind is SiglipModel else config
    size = vision.image_size
    generator = torch.Generator().manual_seed(4)
    images = torch.rand((3, 3, size, size), generator=generator) * 2 - 1
    golden = {"images": images}
    with torch.no_grad():
        pixels = images.to(torch.float64)
        if kind is SiglipModel:
            tokens = torch.randint(0, 37, (2, 9), generator=generator)
            tokens[1, 4:] = 1
            out = model(input_ids=tokens, pixel_values=pixels)
            golden["rows"] = out.vision_model_output.last_hidden_state
            golden["pooled"] = out.vision_model_output.pooler_output
            golden["texts"] = out.text_model_output.pooler_output
            golden["scores"] = torch.sigmoid(out.logits_per_text)
            golden["tokens"] = tokens.to(torch.int32)
        else:
            rows = model(pixel_values=pixels).last_hidden_state
            golden["rows"] = rows[:, 1:] if kind is ViTModel else rows
            if kind is ViTModel:
                golden["pooled"] = rows[:, 0]
    golden = {k: (v if v.dtype == torch.int32 else v.to(torch.float32)).contiguous() for k, v in golden.items()}
    save_file(golden, os.path.join(to, "golden.safetensors"))


if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        make(case)
