#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer of case V1 of tests/bench/bench.py: a frozen encoder of images in transformers.

    bench_tower.py make FOLDER [--small]       writes a random SigLIP tower of ViT-S's shape
    bench_tower.py run FOLDER MODE THREADS IMAGES

run prints a JSON object: the images that it encodes in a second, in fp32, 16 at a time, without reading or
resizing any. MODE is eager or compile.
"""

import json
import os
import sys
import time

import torch
from transformers import SiglipVisionConfig, SiglipVisionModel


def make(folder, small):
    torch.manual_seed(1)
    width, layers = (64, 2) if small else (384, 12)
    SiglipVisionModel(SiglipVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=width // 64 or 1, image_size=224, patch_size=16)).save_pretrained(folder)  # fmt: skip
    with open(os.path.join(folder, "preprocessor_config.json"), "w") as out:
        json.dump({
            "image_processor_type": "SiglipImageProcessor", "do_convert_rgb": True, "do_resize": True,
            "size": {"height": 224, "width": 224}, "resample": 3, "do_rescale": True,
            "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        }, out)  # fmt: skip


@torch.inference_mode()
def run(folder, mode, threads, images):
    torch.set_num_threads(threads)
    model = SiglipVisionModel.from_pretrained(folder, dtype=torch.float32).eval()
    if mode == "compile":
        model = torch.compile(model)
    batch = torch.randn(16, 3, 224, 224)
    for _ in range(2):
        model(pixel_values=batch)
    passes = max(1, images // 16)
    start = time.monotonic()
    for _ in range(passes):
        model(pixel_values=batch)
    print(json.dumps({"images_per_second": 16 * passes / (time.monotonic() - start)}))


if sys.argv[1] == "make":
    make(sys.argv[2], "--small" in sys.argv)
else:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
