#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/quant/: matrices as bitsandbytes quantises and stores them.

matrices.safetensors: for each case NAME the matrix `NAME.input`, and what bitsandbytes makes of it on a
CPU: `NAME.nf4` and its tensors, `NAME.nested` (double quantisation) and its tensors, and
`NAME.int8.weight` with `NAME.int8.SCB`; but for the largest, `.values` are the numbers again.

NAME_FORM/: models of tests/base/ as transformers quantises and writes them (FORM is nf4, nested or int8),
with golden.safetensors: `tokens` [B, T] of that model, and the `logits` in fp32 from the numbers that the
weights stand for, since bitsandbytes multiplies in bfloat16 on a CPU, and by rounded activations in int8.
"""

import os

import bitsandbytes.functional as F
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER, BASE = os.path.join(HERE, "..", "golden", "quant"), os.path.join(HERE, "..", "base")
MODELS = (("qwen3", "nested"), ("llama", "nf4"), ("qwen3_untied", "int8"))


def cases():
    torch.manual_seed(13)
    yield "short", torch.randn(37, 50)  # rows are no blocks, the last block is begun
    yield "odd", torch.randn(3, 45) * 0.02  # an odd number of elements
    yield "groups", torch.randn(200, 96) * torch.rand(200, 1)  # 300 blocks: two groups
    zeros = torch.randn(4, 64)
    zeros[1] = 0
    yield "zeros", zeros
    yield "tiny", torch.randn(2, 64) * 1e-5
    code = F.get_4bit_type("nf4", device="cpu")
    ties = torch.zeros(2, 64)
    ties[0, :15] = (code[:-1] + code[1:]) / 2  # in the middle between two codes
    ties[0, 15] = 1
    ties[1, :16] = code
    yield "ties", ties


def numbers(codes, state):
    """As F.dequantize_4bit, whose kernel for AVX-512 is wrong where rows of 32 are half a block (0.50.2)."""
    scale = state.absmax
    if state.nested:
        scale = F.dequantize_blockwise(scale, state.state2) + state.offset
    codes = torch.cat([codes >> 4, codes & 15], 1).flatten().long()
    values = state.code[codes] * scale.repeat_interleave(state.blocksize)[: len(codes)]
    return values[: state.shape.numel()].view(state.shape)


def plain(model, base):
    """The model with the numbers that the quantised weights stand for."""
    whole = AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32)
    for name, layer in model.named_modules():
        weight = getattr(layer, "weight", None)
        if weight is None or weight.dtype not in (torch.int8, torch.uint8):
            continue
        if weight.dtype == torch.int8:
            values = F.int8_vectorwise_dequant(weight.data, layer.state_dict()["SCB"])
        else:
            values = numbers(weight.data, weight.quant_state)
        whole.get_submodule(name).weight.data = values.float()
    return whole


def write_model(name, form):
    folder = os.path.join(FOLDER, f"{name}_{form}")
    how = BitsAndBytesConfig(
        load_in_4bit=form != "int8",
        load_in_8bit=form == "int8",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=form == "nested",
        bnb_4bit_compute_dtype=torch.float32,
    )
    base = os.path.join(BASE, name)
    model = AutoModelForCausalLM.from_pretrained(base, quantization_config=how, torch_dtype=torch.float32)
    model.save_pretrained(folder)
    tokens = load_file(os.path.join(base, "golden.safetensors"))["tokens"]
    with torch.no_grad():
        logits = plain(model, base)(tokens.long()).logits
    save_file({"tokens": tokens, "logits": logits.float().contiguous()}, os.path.join(folder, "golden.safetensors"))
    generation = os.path.join(folder, "generation_config.json")
    if os.path.exists(generation):
        os.remove(generation)


def main():
    for model in MODELS:
        write_model(*model)
    out = {}
    for name, x in cases():
        out[f"{name}.input"] = x
        for form, nested in (("nf4", False), ("nested", True)):
            codes, state = F.quantize_4bit(x, quant_type="nf4", compress_statistics=nested)
            out[f"{name}.{form}"] = codes
            for part, value in state.as_dict(packed=True).items():
                out[f"{name}.{form}.{part}"] = value
            if name != "groups":
                out[f"{name}.{form}.values"] = F.dequantize_4bit(codes, state)
        codes, scales, _ = F.int8_vectorwise_quant(x.half())
        out[f"{name}.int8.weight"], out[f"{name}.int8.SCB"] = codes, scales
        out[f"{name}.int8.weight_format"] = torch.tensor(0, dtype=torch.uint8)  # as Linear8bitLt stores it
        if name != "groups":
            out[f"{name}.int8.values"] = F.int8_vectorwise_dequant(codes, scales)
    os.makedirs(FOLDER, exist_ok=True)
    save_file({k: v.contiguous().clone() for k, v in out.items()}, os.path.join(FOLDER, "matrices.safetensors"))


if __name__ == "__main__":
    main()
