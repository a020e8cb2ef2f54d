#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints tests/mma/places.tsv: which element of a fragment each work-item of a warp holds, as
the makers of the matrix units describe them: NVIDIA's CUTLASS, AMD's calculator, Intel's extension.

    git clone --depth 1 https://github.com/NVIDIA/cutlass
    git clone --depth 1 https://github.com/ROCm/amd_matrix_instruction_calculator
    git clone --depth 1 https://github.com/KhronosGroup/OpenCL-Docs
    pip install tabulate
    python3 make_mma_golden.py cutlass amd_matrix_instruction_calculator OpenCL-Docs >../mma/places.tsv

A layout of cute is a shape and strides, nested alike: a number is taken apart by the shape, first
part first, and each part multiplied by its stride. A line: instruction, operand, lane, then for each of
its values a pair. mma (bf16, fp16, tf32), wmma, dpas8 and dpas16: row and K of A, K and column of B, row
and column of C. ldmatrix (plain, across): number of the matrix times 8 plus row, and column, of each half.

wmma: the calculator prints the places of gfx11 with waves of 32; the script only reads them.
dpas8, dpas16: "Subgroup Matrix Multiply Accumulate Instructions" of the extension says that a component of
`a` is a row, of whose K values a work-item has as many as the component has room for; that a work-item has a
column of B, packed into `b`, and a column of C, a component a row. The types are read from its
declarations, and that the values of a row stand in the order of the work-items, from its coding sample.
"""

import re
import subprocess
import sys

MMA = {
    "bf16": "SM80_16x8x16_F32BF16BF16F32_TN",
    "fp16": "SM80_16x8x16_F32F16F16F32_TN",
    "tf32": "SM80_16x8x8_F32TF32TF32F32_TN",
}
WMMA = ["v_wmma_f32_16x16x16_bf16", "v_wmma_f32_16x16x16_f16"]
DPAS = "extensions/cl_intel_subgroup_matrix_multiply_accumulate.asciidoc"
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


def printed(instruction, operand):
    """[lane] of lists of pairs, as the calculator prints them."""
    table = subprocess.run(
        [sys.executable, f"{sys.argv[2]}/matrix_calculator.py", "--architecture", "gfx1100", "--instruction", instruction,
         "--matrix-layout", f"--{operand}-matrix", "--wavefront", "32", "--csv"],
        check=True, capture_output=True, text=True).stdout
    lines = [line.split(",") for line in table.splitlines() if "," in line]
    registers = [f"v{e}" for e in range(8)]
    halves = [f"{register}.[{half}]" for register in registers for half in ("15:0", "31:16")]
    assert lines[0] == ["lane", *(registers if operand in "CD" else halves)]
    assert [line[0] for line in lines[1:]] == [str(lane) for lane in range(32)]
    return [[tuple(map(int, re.fullmatch(operand + r"\[(\d+)\]\[(\d+)\]", cell).groups())) for cell in line[1:]]
            for line in lines[1:]]


def show_wmma():
    for operand in "ABC":
        places = printed(WMMA[0], operand)
        assert all(printed(name, operand) == places for name in WMMA)
        assert operand != "C" or places == printed(WMMA[0], "D")
        for lane, pairs in enumerate(places):
            print("wmma", operand.lower(), lane, *("%d %d" % pair for pair in pairs))


def declared(text, size, kind):
    """(K, rows, bits of a component of a)"""
    part = re.search(rf"// size is {size}\.(.*?)(?:// size is|\n----)", text, re.S)[1]
    name = rf"intel_sub_group_{kind}_{kind}_matrix_mad_k(\d+)"
    found = re.search(rf"^float8\s+{name}\((int|short)8 a, int8 b, float8 acc\);", part, re.M)
    return int(found[1]), 8, {"int": 32, "short": 16}[found[2]]


def show_dpas(size):
    with open(f"{sys.argv[3]}/{DPAS}") as file:
        text = file.read()
    k, rows, bits = declared(text, size, "bf16")
    assert declared(text, size, "f16") == (k, rows, bits)
    each = bits // 16
    assert each * size == k and 8 * 32 // 16 == k
    # The sample: work-item i's part of a row meets component i of b, and component r of a goes to r of the sum.
    met = re.findall(r"sub_group_broadcast\( v, (\d) \) \), as_char4\( b\.s(\d) \)", text)
    assert met == [(str(i), str(i)) for i in range(8)]
    summed = re.findall(r"result\.(\w) = __intel_vector_matrix\w+\( a\.(\w), b, acc\.(\w) \)", text)
    assert summed == [("x", "x", "x"), ("y", "y", "y")]
    for operand, place in (
        ("a", lambda lane: [(row, lane * each + value) for row in range(rows) for value in range(each)]),
        ("b", lambda lane: [(value, lane) for value in range(k)]),
        ("c", lambda lane: [(row, lane) for row in range(rows)]),
    ):
        for lane in range(size):
            print(f"dpas{size}", operand, lane, *("%d %d" % pair for pair in place(lane)))


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
    show_wmma()
    show_dpas(8)
    show_dpas(16)


main()
