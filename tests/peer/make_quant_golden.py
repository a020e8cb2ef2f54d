#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes tests/golden/quant/: matrices as bitsandbytes quantises and stores them.

matrices.safetensors: for each case NAME the matrix `NAME.input`, and what bitsandbytes makes of it on a
CPU: `NAME.nf4` and its tensors, `NAME.nested` (double quantisation) and its tensors, and
`NAME.int8.weight` with `NAME.int8.SCB`; but for the largest, `.values` are the numbers again. Inputs
fit into half, into which bitsandbytes puts what it makes INT8 of.
"""

import os

import bitsandbytes.functional as F
import torch
from safetensors.torch import save_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "quant")


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


def main():
    out = {}
    for name, x in cases():
        if name != "ties":
            x = x.half().float()
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
