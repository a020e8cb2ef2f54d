#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the kernels take of a GPU, without one: registers, spills, stack, local memory, occupancy.

    lint.py [--all] [--write | --compare] [--table FILE] [--cases PATTERN] [--part K/N]

Each program of the shipped configurations and of the trainings of tests/bench/bench.py, and those of
GOLDEN, cut as for a GPU, are compiled with clang and libclc for AMD (gfx906) and for NVIDIA, whose PTX
ptxas then compiles for sm_86 and sm_90. So are the kernels of matrix units, those of MATRIX and those that
the trainings UNITS ask for, for NVIDIA alone and for sm_80 too; without ptxas clang only reads them.
Printed is for each kernel the worst of all programs; with --all each program's.
--write puts that into the table, tests/lint.tsv; --compare names what is worse than there, with exit
status 1; --cases takes a part of the cases, by name, --part of each kernel file's programs every Nth from
the Kth on, counted from 0. It depends on the compilers, so that the table names them, and only the part that
the same compilers make is compared. Exit status 77: what is needed is not here, or is another version.

Columns: registers of a work-item (AMD: vector registers); spill: bytes that NVIDIA's spill stores and
loads move, AMD's spilled registers (where there is no stack they went to other registers' lanes); bytes
of stack of a work-item; bytes of local memory of a work-group; occupancy: the share of the resident
work-items that a processor can hold, in percent.

CLANG names the compiler, PTXAS the assembler. Run in a build folder that has tests/list_programs.
"""

import argparse
import concurrent.futures
import dataclasses
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
CLC = "/usr/lib/clc"
NVIDIA_CLC, AMD_CLC = f"{CLC}/nvptx64--nvidiacl.bc", f"{CLC}/amdgcn--amdhsa.bc"
AMD = "gfx906"
COLUMNS = ("registers", "spill", "stack", "local", "occupancy")
# What the comments of the configurations offer, one more product, the other updates.
VARIANTS = {
    "stocks": (
        ["model.type=cnn_recurrent", "model.cell=gru"],
        ["model.type=transformer"],
        ["model.type=transformer", "model.freeze=encoder.*", "model.quantize=nf4"],
        [
            "model.type=transformer",
            "model.freeze=encoder.*",
            "model.quantize=nf4",
            "data.window=8",
            "train.batch=1",
        ],
        ["train.precision=bf16", "model.hidden=300"],
        ["model.type=cnn_recurrent", "model.cell=gru", "model.conv_norm=batch"],
        ["model.type=transformer", "model.d_model=320", "model.heads=2"],
        ["model.type=transformer", "model.d_model=320", "model.heads=1"],
        ["model.type=transformer", "model.d_model=256", "model.heads=1", "data.window=70"],
        ["model.type=transformer", "model.d_model=101", "model.heads=1", "data.window=70"],
        [
            "model.type=transformer",
            "model.d_model=320",
            "model.heads=1",
            "model.attention=causal",
            "train.precision=bf16",
            "data.window=200",
        ],
        ["model.type=transformer", "model.d_model=320", "model.heads=1", "data.window=8"],
        ["train.shards=4"],
    ),
    "captions": (["model.projector=queries", "model.queries=16"],),
    "amplifier": (
        ["train.quantize_aware=w8a16"],
        ["model.type=dgru"],
        ["data.augment=noise(0.1), flip(0.5)", "data.augment_where=I > 0"],
    ),
    "demo": (
        ["device.gemm=bf16_products", "model.dropout=0.1", "train.optimizer=sgd"],
        ["train.optimizer=lion", "train.ema=0.99"],
        ["loss.contrastive=nt_xent"],
        ["train.precision=bf16"],
    ),
}
# Cases of tests/golden/ with a kernel that no configuration has (a teacher is a trained model, which is not
# shipped), and its file. Other kernels are left out: what is cut for so small a case says nothing of them.
GOLDEN = {"teacher-language": "distill.cl"}

# Kernels of matrix units: no program here has them, as no device does. (case, file, kernel and its name
# in the table, what is defined beside MMA = 1) Their occupancy is low by design: a product of fragments
# takes a processor's quarter 8 clocks (sm_80) to 32 (a GeForce), and a warp has 32 of them in a row that do
# not wait for each other (8 in a tile of 64), so that two warps for each quarter keep it busy, while sums in
# registers save the traffic of local memory that bounds the rate (the head of cl/gemm_mma.cl).
WIDE = "WIDE_A=1 WIDE_B=1 WIDE_C=1"
BF16 = "FACTOR=1 STORED=1 TYPE_A=1 TYPE_B=1 TYPE_C=1"
LARGE = "TM=128 TN=128 WM=2 WN=2 LANES=128 VEC=4 SPREAD=1"
LARGEST = "TM=256 TN=128 STEPS=1 WM=4 WN=2 LANES=256 VEC=4 SPREAD=1"
SMALL = "TM=64 TN=64 WM=2 WN=2 LANES=128 VEC=4 SPREAD=1"
TILES = "H=1024 DIRS=2 LANES=256 recurrent_tiles_pack=recurrent_tiles_mma_pack recurrent_tiles_keep=recurrent_tiles_mma_keep"
MATRIX = [
    ("matrix tried", "mma.cl", "mma_product", "mma_product", "MMA_TYPE=2 LANES=64"),
    ("matrix tried across", "mma.cl", "mma_product", "mma_product", "MMA_TYPE=1 ACROSS_A=1 ACROSS_B=1 LANES=64"),
    ("matrix tried TF32", "mma.cl", "mma_product", "mma_product", "MMA_TYPE=3 ACROSS_A=1 LANES=64"),
    (
        "matrix 64 parts with a tail",
        "gemm_mma.cl",
        "gemm_mma_64x64",
        "gemm_mma_64x64",
        f"{SMALL} {WIDE} {BF16} TB=1 PARTS=4 TAIL=2 BIAS=1 ACT=2 DROP=1",
    ),
    *(
        (f"matrix {tile} {types}", "gemm_mma.cl", kernel, f"{kernel}{odd}", f"{options} {types} {more}")
        for tile, kernel, odd, options in (
            ("256", "gemm_mma_256x128", "", f"{LARGEST} {WIDE}"),
            ("128", "gemm_mma_128x128", "", f"{LARGE} {WIDE}"),
            ("64", "gemm_mma_64x64", "", f"{SMALL} {WIDE}"),
            ("64 odd", "gemm_mma_64x64", "_odd", SMALL),
        )
        for types, more in (
            (BF16, "TB=1"),
            (BF16, "TA=1 ADD=1"),
            (BF16, "TA=1 PARTS=4"),
            (BF16, "TB=1 TAIL=1 BIAS=1 KEEP=1 ACT=2 DROP=1"),
            (BF16, "TAIL=2 BIAS=1 ACT=2 DROP=1"),
            ("FACTOR=2 STORED=2", ""),
            ("FACTOR=1 STORED=1 TYPE_B=1", "TB=1 ADD=1"),
            ("FACTOR=0", "TB=1"),
            ("FACTOR=0", "TA=1 ADD=1"),
        )
    ),
    *(
        (
            f"matrix attention {options}", "attention_mma.cl", "attention_mma_fwd", "attention_mma_fwd",
            f"{options} BIAS=1 DROP=1 LANES=128",
        )
        for options in (
            *(f"STORED=1 ND={columns} HV={whole}" for columns in (1, 2, 4, 8) for whole in (8, 1)),
            *(f"STORED=0 ND={columns} HV={whole}" for columns in (1, 2, 4) for whole in (4, 1)),
            "STORED=2 ND=4 HV=8",
        )
    ),  # fmt: skip
    *(
        (f"matrix recurrent {options}", "recurrent_tiles.cl", f"recurrent_tiles_{way}",
         f"recurrent_tiles_mma_{way}", f"{TILES} {options} {walk}")
        for way, options in (
            ("fwd", "STORED=1 CELL=0 BACK=0 BT=128 UNITS=16 TK=64 WM=4 WN=2 SLICES=1"),
            ("fwd", "STORED=1 CELL=1 BACK=0 BT=128 UNITS=16 TK=64 WM=4 WN=2 SLICES=1"),
            ("fwd", "STORED=1 CELL=2 BACK=0 BT=128 UNITS=16 TK=64 WM=4 WN=1 SLICES=2"),
            ("fwd", "STORED=2 CELL=0 BACK=0 BT=16 UNITS=16 TK=64 WM=1 WN=2 SLICES=4"),
            ("bwd", "STORED=1 CELL=0 BACK=1 BT=64 UNITS=32 TK=128 WM=2 WN=1 SLICES=4"),
            ("bwd", "STORED=2 CELL=1 BACK=1 BT=64 UNITS=32 TK=128 WM=2 WN=1 SLICES=4"),
            ("bwd", "STORED=1 CELL=2 BACK=1 BT=64 UNITS=32 TK=128 WM=2 WN=1 SLICES=4"),
        )
        for walk in ("GRID=0", f"GRID=2 KEEP={14 if way == 'bwd' else 16}")
    ),  # fmt: skip
]


# Trainings whose programs of matrix units are compiled, too: a pattern of cases, and their settings.
UNITS = [
    ("[ACLRT][12]", ["train.precision=bf16"]),
    ("[AT]2", ["train.precision=fp16"]),
    ("[AT]1", ["device.tf32=yes"]),
    ("fleet", ["train.precision=bf16"]),
    ("captions", ["train.precision=bf16"]),
]


class Missing(Exception):
    """Something that is not here; the test is skipped."""


@dataclasses.dataclass(frozen=True)
class Figures:
    registers: int
    spill: int
    stack: int
    local: int
    occupancy: int

    def worst(self, other):
        a, b = dataclasses.astuple(self), dataclasses.astuple(other)
        return Figures(*map(max, a[:4], b[:4]), min(a[4], b[4]))

    def worse_than(self, other):
        """The columns that are worse than in `other`."""
        worse = [c for c in COLUMNS[:4] if getattr(self, c) > getattr(other, c)]
        return worse + ["occupancy"] * (self.occupancy < other.occupancy)


# --- occupancy


@dataclasses.dataclass(frozen=True)
class Processor:
    """Limits of a multiprocessor (NVIDIA: CUDA's occupancy calculator) or of a compute unit (AMD: as
    LLVM has them; its scalar registers are left out)."""

    warps: int
    groups: int
    warp: int  # work-items; in AMD's words a wave
    registers: int  # of a lane of all resident warps
    grain: int  # registers come in so many
    local: int
    reserved: int  # local memory that the system takes of each group


PROCESSORS = {
    "sm_80": Processor(64, 32, 32, 65536 // 32, 8, 164 << 10, 1 << 10),
    "sm_86": Processor(48, 16, 32, 65536 // 32, 8, 100 << 10, 1 << 10),
    "sm_90": Processor(64, 32, 32, 65536 // 32, 8, 228 << 10, 1 << 10),
    AMD: Processor(40, 16, 64, 4 * 256, 4, 64 << 10, 0),
}


def occupancy(arch, registers, local, items):
    """Percent of the warps that can be resident, for groups of `items` work-items."""
    p = PROCESSORS[arch]
    of_group = -(-items // p.warp)
    most = p.warps if arch == AMD and of_group == 1 else p.groups  # a wave alone has no barrier to keep
    by_registers = p.registers // max(p.grain, -(-registers // p.grain) * p.grain)
    by_registers -= by_registers % 4  # warps are dealt to four schedulers
    groups = min(most, p.warps // of_group, by_registers // of_group)
    if local:
        groups = min(groups, p.local // (local + p.reserved))
    return 100 * groups * of_group // p.warps


# --- compilers


def run(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)}: failed\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def to_amd(clang, source, out):
    return [
        clang, "-x", "cl", "-cl-std=CL1.2", "-O3", "-w", "-target", "amdgcn--amdhsa", "-nogpulib",
        f"-mcpu={AMD}", "-Xclang", "-mlink-builtin-bitcode", "-Xclang", AMD_CLC, "-S", "-o", out, source,
    ]  # fmt: skip


def to_ptx(clang, source, out):
    return [
        clang, "-x", "cl", "-cl-std=CL1.2", "-O3", "-w", "-target", "nvptx64-nvidia-nvcl",
        "-Xclang", "-target-cpu", "-Xclang", "sm_80", "-Xclang", "-mlink-builtin-bitcode",
        "-Xclang", NVIDIA_CLC, "-S", "-o", out, source,
    ]  # fmt: skip


def find_clang(folder, wanted):
    """(a clang that reads libclc's files, its version), the version `wanted` first"""
    source = os.path.join(folder, "try.cl")
    with open(source, "w") as file:
        file.write("kernel void k(global float *x) { x[get_global_id(0)] = exp(x[0]); }\n")
    if not os.path.exists(AMD_CLC):
        raise Missing("no libclc (Debian: package libclc-15)")
    major = wanted.split(".")[0] if wanted else ""
    names = [os.environ.get("CLANG"), f"clang-{major}", "clang", *(f"clang-{n}" for n in range(22, 13, -1))]
    for name in filter(shutil.which, filter(None, names)):
        command = to_amd(name, source, os.path.join(folder, "try.s"))
        if subprocess.run(command, capture_output=True).returncode == 0:
            return name, re.search(r"version (\d+\.\d+\.\d+)", run([name, "--version"]))[1]
    raise Missing("no clang that reads libclc's files (Debian: clang-15 beside libclc-15)")


def find_ptxas():
    """(ptxas, its release), or (None, None)"""
    places = [os.environ.get("PTXAS"), "ptxas", "/usr/local/cuda/bin/ptxas"]
    for name in filter(shutil.which, filter(None, places)):
        return name, re.search(r"release (\d+\.\d+)", run([name, "--version"]))[1]
    return None, None


# --- programs


def items_of(source):
    """Work-items of a group: LANES, of which a group has TEAMS; 64 where the program has none."""
    with open(source) as file:
        options = re.match(r"(#define [^\n]*\n)*", file.read())[0]  # defaults stand behind
    found = dict(re.findall(r"^#define (LANES|TEAMS) (\d+)", options, re.M))
    return int(found.get("LANES", 64)) * int(found.get("TEAMS", 1))


def walks(source):
    """Whether the program has a barrier of all work-groups, by PTX."""
    with open(source) as file:
        return "#define GRID 2\n" in file.read()


def is_wide(source):
    """Whether a program is of attention over heads wider than 64, whose kernels have rows of their own: half
    of the work-items of others are resident"""
    with open(source) as file:
        options = re.match(r"(#define [^\n]*\n)*", file.read())[0]
    return bool(re.search(r"^#define TILE .*(.|\n)*^#define ND (8|12|16)$", options, re.M))


def cases(folder):
    """(name, file, settings) of all configurations, bench trainings and GOLDEN"""
    bench = os.path.join(folder, "bench")
    os.mkdir(bench)
    run([sys.executable, os.path.join(HERE, "bench", "bench.py"), "--write", bench])
    for ini in sorted(glob.glob(os.path.join(TOP, "configs", "*.ini"))) + sorted(glob.glob(bench + "/*.ini")):
        name = os.path.basename(ini)[:-4]
        for settings in ([], *VARIANTS.get(name, ())):
            yield " ".join([name, *settings]), ini, settings
    for name in GOLDEN:
        yield name, os.path.join(HERE, "golden", name + ".safetensors"), []


def read_kernels(name):
    """A file of cl/ with what it includes"""
    with open(os.path.join(TOP, "cl", name)) as file:
        return re.sub(r'^#include "(.*)"$', lambda part: read_kernels(part[1]), file.read(), flags=re.M)


def write_matrix(folder, pattern):
    """{program: the cases that use it} of the kernels of matrix units"""
    used = {}
    for case, name, kernel, shown, options in MATRIX:
        if not fnmatch.fnmatch(case, pattern):
            continue
        program = f"matrix-{len(used)}.cl"
        defined = ["MMA=1", "gemm_sum=gemm_mma_sum", *options.split()]
        if kernel != shown:
            defined.append(f"{kernel}={shown}")
        with open(os.path.join(folder, program), "w") as file:
            file.write("".join(f"#define {d.replace('=', ' ')}\n" for d in defined) + read_kernels(name))
        used[program] = [case]
    return used


def list_case(folder, cut, ini, settings):
    """The paths of the programs of a training"""
    to = os.path.join(folder, f"programs{cut}-{len(os.listdir(folder))}")
    os.mkdir(to)
    run(["tests/list_programs", cut, to, ini, "device.gemm=own", *settings])
    return [os.path.join(to, program) for program in os.listdir(to)]


def for_units(path):
    """Whether a program is one of matrix units; it then has the names that MATRIX gives"""
    with open(path) as file:
        text = file.read()
    if not re.search(r"^#define MMA [1-9]", text, re.M):
        return False
    names = ["gemm_sum gemm_mma_sum"]
    names += [f"recurrent_tiles_{part} recurrent_tiles_mma_{part}" for part in ("fwd", "bwd", "pack", "keep")]
    if not re.search(r"^#define WIDE_A 1$(.|\n)*^#define WIDE_B 1$", text, re.M):
        names.append("gemm_mma_64x64 gemm_mma_64x64_odd")
    with open(path, "w") as file:
        file.write("".join(f"#define {name}\n" for name in names) + text)
    return True


def list_programs(folder, pattern):
    """{program: the cases that use it}"""
    used = write_matrix(folder, pattern)

    def take(path, program, name):
        used.setdefault(program, []).append(name)
        os.replace(path, os.path.join(folder, program))

    for name, ini, settings in cases(folder):
        if not fnmatch.fnmatch(name, pattern):
            continue
        for path in list_case(folder, "-g", ini, settings):
            if fnmatch.fnmatch(os.path.basename(path), f"{GOLDEN.get(name, '')}*"):
                take(path, os.path.basename(path), name)
        for path in filter(walks, list_case(folder, "-w", ini, settings)):
            take(path, os.path.basename(path), name)
        for of, more in UNITS:
            if fnmatch.fnmatch(name, of):
                for path in filter(for_units, list_case(folder, "-n", ini, [*settings, *more])):
                    take(path, f"matrix-{os.path.basename(path)}", " ".join([name, *more]))
    for file in GOLDEN.values():
        if pattern == "*" and not fnmatch.filter(used, f"{file}-*"):
            sys.exit(f"{file}: no program")
    if not used:
        sys.exit(f"{pattern}: no case")
    return used


def take_part(used, first, step):
    """Of each kernel file's programs every step-th, from the one at `first` on"""
    files = {}
    for program in sorted(used):
        files.setdefault(program.rsplit("-", 1)[0], []).append(program)
    return {program: used[program] for of in files.values() for program in of[first::step]}


def read_amd(text, items):
    """{kernel: Figures} from the metadata behind the assembly"""
    found = {}
    for part in text.split("  - .args:")[1:]:
        value = {key: int(x) for key, x in re.findall(r"^    \.(\w+): +(\d+)$", part, re.M)}
        name = re.search(r"^    \.name: +(\w+)$", part, re.M)[1]
        needed = re.search(r"^    \.reqd_workgroup_size:\n +- (\d+)", part, re.M)
        registers, local = value["vgpr_count"], value["group_segment_fixed_size"]
        found[name] = Figures(
            registers, value["vgpr_spill_count"] + value["sgpr_spill_count"],
            value["private_segment_fixed_size"], local,
            occupancy(AMD, registers, local, int(needed[1]) if needed else items),
        )  # fmt: skip
    return found


def read_nvidia(text, ptx, arch, items):
    """{kernel: Figures} from what ptxas -v says"""
    found = {}
    needed = {k: int(n) for k, n in re.findall(r"\.entry (\w+)\([^)]*\)\s*\.reqntid (\d+)", ptx)}
    for part in text.split("Compiling entry function '")[1:]:
        name = part.split("'")[0]
        stack, stores, loads = map(int, re.search(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part).groups())  # fmt: skip
        registers = int(re.search(r"Used (\d+) registers", part)[1])
        smem = re.search(r"(\d+) bytes smem", part)
        local = int(smem[1]) if smem else 0
        share = occupancy(arch, registers, local, needed.get(name, items))
        found[name] = Figures(registers, stores + loads, stack, local, share)
    return found


def compile_program(clang, ptxas, source):
    """{(kernel, arch): Figures}"""
    items, found, walk = items_of(source), {}, walks(source)
    more = " walking" * walk + " wide" * is_wide(source)
    is_matrix = os.path.basename(source).startswith("matrix-")
    if not (walk or is_matrix):
        run(to_amd(clang, source, source + ".s"))
        with open(source + ".s") as file:
            found |= {(k + more, AMD): f for k, f in read_amd(file.read(), items).items()}
    if ptxas:
        run(to_ptx(clang, source, source + ".ptx"))
        with open(source + ".ptx") as file:
            ptx = file.read()
        for arch in ("sm_80", "sm_86", "sm_90")[0 if is_matrix else 1 :]:
            text = run([ptxas, "-v", f"-arch={arch}", source + ".ptx", "-o", os.devnull])
            figures = read_nvidia(text, ptx, arch, items)
            found |= {(k + more, arch): f for k, f in figures.items()}
    elif walk or is_matrix:
        run([*to_ptx(clang, source, source + ".ptx"), "-fsyntax-only"])
    return found


# --- the table


def read_table(path):
    """({"clang": version, "ptxas": version}, {(kernel, arch): Figures})"""
    if not os.path.exists(path):
        return {}, {}
    with open(path) as file:
        lines = file.read().splitlines()
    tools = dict(re.findall(r"(clang|ptxas) ([\d.]+)", lines[0]))
    rows = {}
    for line in lines[2:]:
        kernel, arch, *figures = line.split("\t")
        rows[kernel, arch] = Figures(*map(int, figures))
    return tools, rows


def print_table(out, rows):
    print("kernel", "arch", *COLUMNS, sep="\t", file=out)
    for kernel, arch in sorted(rows):
        print(kernel, arch, *dataclasses.astuple(rows[kernel, arch]), sep="\t", file=out)


def write_table(path, tools, rows):
    with open(path, "w") as out:
        print("# clang {clang}, ptxas {ptxas}; written by make lint".format(**tools), file=out)
        print_table(out, rows)


def compare(rows, wanted):
    """The number of figures that are worse than in the table, and of rows in one of the two only; they
    are told."""
    faults = 0
    for key in sorted({**rows, **wanted}):
        name = " for ".join(key)
        if key not in wanted or key not in rows:
            print(f"{name}: {'not in the table' if key in rows else 'no program has it'}")
            faults += 1
            continue
        for column in rows[key].worse_than(wanted[key]):
            faults += 1
            print(f"{name}: {column} {getattr(rows[key], column)}, was {getattr(wanted[key], column)}")
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--table", default=os.path.join(HERE, "lint.tsv"))
    parser.add_argument("--cases", default="*")
    parser.add_argument("--part", default="0/1")
    arguments = parser.parse_args()
    written, wanted = read_table(arguments.table)
    with tempfile.TemporaryDirectory(prefix="seqtrain-lint-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder  # no program comes from a cache
        clang, version = find_clang(folder, written.get("clang"))
        ptxas, release = find_ptxas()
        if arguments.compare and version != written["clang"]:
            raise Missing(f"the table is of clang {written['clang']}, this is {version}")
        if arguments.compare and release and release != written["ptxas"]:
            print(f"# the table is of ptxas {written['ptxas']}, this is {release}: NVIDIA is left out")
            ptxas = None
        if arguments.write and not ptxas:
            raise Missing("no ptxas: the table would lose its part of NVIDIA (PTXAS names one)")
        used = list_programs(folder, arguments.cases)
        used = take_part(used, *map(int, arguments.part.split("/")))
        rows = {}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            sources = {p: os.path.join(folder, p) for p in sorted(used)}
            made = pool.map(lambda s: compile_program(clang, ptxas, s), sources.values())
            for program, found in zip(sources, made):
                if arguments.all:
                    with open(sources[program]) as file:
                        options = re.match(r"(#define [^\n]*\n)*", file.read())[0]
                    print(f"{program} of {', '.join(used[program])}:",
                          " ".join(re.findall(r"#define (.*)", options)))  # fmt: skip
                    print_table(sys.stdout, found)
                for key, figures in found.items():
                    rows[key] = rows[key].worst(figures) if key in rows else figures
    if arguments.compare:
        archs = set(PROCESSORS) if ptxas else {AMD}
        print(f"# {len(rows)} rows of {len(used)} programs; {', '.join(sorted(archs))}")
        whole = arguments.cases == "*" and arguments.part == "0/1"
        return compare(rows, {k: f for k, f in wanted.items() if k[1] in archs and (whole or k in rows)}) > 0
    if arguments.write:
        write_table(arguments.table, {"clang": version, "ptxas": release}, rows)
    print_table(sys.stdout, rows)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as missing:
        print(missing)
        sys.exit(77)
