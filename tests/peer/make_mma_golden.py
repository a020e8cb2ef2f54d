#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints tests/mma/places.tsv: which element of a fragment each work-item of a warp holds, as
CUTLASS describes NVIDIA's instructions.

    git clone --depth 1 https://github.com/NVIDIA/cutlass
    python3 make_mma_golden.py cutlass >../mma/places.tsv

A layout of cute is a shape and strides, nested alike: a number is taken apart by the shape, first
part first, and each part multiplied by its stride. A line: instruction, operand, lane, then for each of
its values a pair. mma (bf16, fp16, tf32): row and K of A, K and column of B, row and column of C.
ldmatrix (plain, across): number of the matrix times 8 plus row, and column, of each half.
"""

import re
import sys

MMA = {
    "bf16": "SM80_16x8x16_F32BF16BF16F32_TN",
    "fp16": "SM80_16x8x16_F32F16F16F32_TN",
    "tf32": "SM80_16x8x8_F32TF32TF32F32_TN",
}
MOVES = {"plain": "SM75_U32x4_LDSM_N", "across": "SM75_U16x8_LDSM_T"}


def read(path):
    with open(f"{sys.argv[1]}/include/cute/atom/{path}") as file:
        return re.sub(r"//[^\n]*", "", file.read())


def nested(text):
    """(numbers, nested as in Shape<_4, Shape<_2,_2>>)"""
    text = re.sub(r"(Shape|Stride)\s*<", "(", text).replace(">", ",)")
    return eval(re.sub(r"_(\d+)", r"\1", text))


def layout(text):
    """(shape, strides) of Layout<Shape<...>, Stride<...>>"""
    inner = re.sub(r"\s+", "", text)
    assert inner.startswith("Layout<") and inner.endswith(">")
    inner = inner[len("Layout<"):-1]
    at = inner.index(",Stride<")
    return nested(inner[:at]), nested(inner[at + 1:])


def size(shape):
    total = 1
    for part in shape if isinstance(shape, tuple) else ():
        total *= size(part)
    return total if isinstance(shape, tuple) else shape


def offset(number, shape, stride):
    if not isinstance(shape, tuple):
        return number * stride
    total = 0
    for part, step in zip(shape, stride):
        total += offset(number % size(part), part, step)
        number //= size(part)
    return total


def traits(text, name):
    """The body of a struct, behind that of the one it inherits from."""
    found = re.search(r"struct (?:MMA|Copy)_Traits<" + name + r">\s*(?::\s*\w+<(\w+)>)?\s*{(.*?)};", text, re.S)
    return (traits(text, found[1]) if found[1] else "") + found[2]


def member(text, body, name):
    value = re.findall(r"using " + name + r"\s*=\s*([^;]+);", body)[-1].strip()
    return layout(value if "<" in value else re.search(r"using " + value + r"\s*=\s*([^;]+);", text)[1])


def show(instruction, operand, of, pair):
    threads, values = of[0]
    for lane in range(size(threads)):
        pairs = []
        for value in range(size(values)):
            at = offset(lane, threads, of[1][0]) + offset(value, values, of[1][1])
            pairs.append("%d %d" % pair(at))
        print(instruction, operand, lane, *pairs)


def main():
    text = read("mma_traits_sm80.hpp")
    for instruction, name in MMA.items():
        body = traits(text, name)
        show(instruction, "a", member(text, body, "ALayout"), lambda at: (at % 16, at // 16))
        show(instruction, "b", member(text, body, "BLayout"), lambda at: (at // 8, at % 8))
        show(instruction, "c", member(text, body, "CLayout"), lambda at: (at % 16, at // 16))
    text = read("copy_traits_sm75.hpp")
    for move, name in MOVES.items():
        threads = member(text, traits(text, name), "DstLayout")
        for lane in range(32):
            halves = []
            for value in range(0, size(threads[0][1]), 16):
                at = offset(lane, threads[0][0], threads[1][0]) + offset(value, threads[0][1], threads[1][1])
                halves.append(f"{at // 128} {at % 128 // 16}")
            print(move, "m", lane, *halves)


main()
