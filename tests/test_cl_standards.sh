#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of the shipped configurations and of the cases in tests/golden/, cut as for a CPU and as
# for a GPU, are valid without a warning in OpenCL C 1.2, 2.0 and 3.0, with and without a generic address
# space, so that no driver's default matters: all of them in 1.2, which is asked for, a part of them in
# the others; half of these in CI (tests/part.sh). Every kernel file is valid alone, with the defaults of its
# constants. Clang's front end is the judge: CLANG names one; else it is clang, or the newest clang-N.
srcdir=${srcdir-.}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
export XDG_CACHE_HOME="$folder/cache" # no program comes from a cache
points=0

find_clang()
{
    for name in "${CLANG-}" clang clang-22 clang-21 clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do
        echo 'kernel void k(global int *x) { x[get_global_id(0)] = 1; }' >"$folder/try.cl"
        if [ -n "$name" ] && "$name" -x cl -cl-std=CL3.0 -fsyntax-only "$folder/try.cl" 2>"$folder/why"; then
            echo "$name"
            return
        fi
    done
}

skip_all()
{
    echo "1..0 # SKIP $1"
    exit 0
}

clang=$(find_clang)
[ -n "$clang" ] || skip_all "no clang that knows OpenCL C 3.0 (Debian: package clang)"
./seqtrain devices >"$folder/why" 2>&1 || skip_all "no OpenCL device, for which kernels are cut"

# point NAME FILE: passes if the file is there and empty.
point()
{
    points=$((points + 1))
    if [ -e "$2" ] && [ ! -s "$2" ]; then
        echo "ok $points - $1"
    else
        echo "not ok $points - $1"
        sed 's/^/# /' "$2" | head -60
    fi
}

# list FILE [SETTING...]: its programs into $folder/programs; what fails is said in $folder/failed.
list()
{
    for cut in '' -g $matrix; do
        # shellcheck disable=SC2086 # nothing, or an option
        tests/list_programs $cut "$folder/programs" "$@" 2>"$folder/why" ||
            { echo "list_programs $cut $*:" && cat "$folder/why"; } >>"$folder/failed"
    done
}

matrix=
mkdir "$folder/programs"
: >"$folder/failed"
for ini in "$srcdir"/configs/*.ini; do
    list "$ini" device.gemm=own
done
list "$srcdir/configs/demo.ini" device.gemm=bf16_products model.dropout=0 train.optimizer=sgd
list "$srcdir/configs/demo.ini" device.gemm=own train.optimizer=lion train.ema=0.99 train.shards=2
for precision in bf16 fp16; do
    matrix=-m # as with matrix units, too
    list "$srcdir/configs/demo.ini" train.precision=$precision
    list "$srcdir/configs/demo.ini" train.precision=$precision data.window=128 model.d_model=64 model.heads=2
    list "$srcdir/configs/stocks.ini" train.precision=$precision model.type=cnn_recurrent model.hidden=300
    matrix=
done
list "$srcdir/configs/stocks.ini" device.gemm=own model.type=cnn_recurrent model.cell=gru
list "$srcdir/configs/amplifier.ini" device.gemm=own model.type=dgru
list "$srcdir/configs/amplifier.ini" "data.augment=noise(0.1), flip(0.5)"
list "$srcdir/configs/amplifier.ini" "data.augment=noise(0.1), flip(0.5)" "data.augment_where=I > 0"
for rows in 8 64; do # few of them, and many
    for form in nf4 int8; do
        list "$srcdir/configs/stocks.ini" model.type=transformer "model.freeze=encoder.*" \
            model.quantize=$form data.window=$rows train.batch=1 train.evaluate_batch=1
    done
    list "$srcdir/configs/stocks.ini" model.type=transformer "model.freeze=encoder.*" model.quantize=nf4 \
        model.double_quantization=no data.window=$rows train.batch=1 train.evaluate_batch=1 train.precision=bf16
done
for golden in "$srcdir"/tests/golden/*.safetensors; do
    list "$golden"
done
point "programs are listed" "$folder/failed"
for file in "$srcdir"/cl/*.cl; do
    name=${file##*/}
    case $name in
    norm_blocks.cl) continue ;; # where a buffer holds not all parameters: tests/test_optim
    attend_cached.cl) continue ;; # of generate: tests/test_ops
    grid.cl) continue ;;          # when a GPU is opened: tests/test_barrier
    mma.cl) continue ;; # matrix units are tried before there is a plan: tests/test_mma
    cross_entropy.cl | elementwise.cl | embedding.cl | gate.cl | head.cl | softmax.cl) continue ;; # tests/test_ops alone
    esac
    ls "$folder/programs/$name"-* >/dev/null 2>&1 || echo "no configuration above uses $file"
done >"$folder/unused"
point "all kernel files are used" "$folder/unused"

# The defaults of constants are for who reads a file alone: a program has all of its own. VEC, LANES
# and TEAMS are 1 where a kernel has no vectors, or a work-item a row, or a group a row; STORED is 0 where all is fp32; KV is
# H where heads share no keys, PARTS is 0 without shards, HALVES is 0 where rotary pairs are neighbours, BACK is 1,
# SPREAD is 0 where vectors are neighbours, HEAT is 1 in losses without a teacher: plans stay what they were before these were. The same holds of
# products that are no tiles (WIDE_A, WIDE_B, WIDE_C), and of those without a tail (TAIL and what only a tail reads).
for file in "$folder"/programs/*.cl; do
    awk -v file="${file##*/}" '
        !behind && /^#define / { given[$2] = 1; next }
        { behind = 1 }
        /^#ifndef / { name = $2; next }
        /^#define / && $2 != name { given[$2] = 1 } # the file itself gives it
        name != "" && $1 == "#define" && $2 == name && NF == 3 && !given[name] &&
            name != "VEC" && name != "LANES" && name != "TEAMS" && name != "STORED" && name != "KV" && name != "PARTS" && name != "PACKED" &&
            name != "HALVES" && name != "BACK" && name != "SPREAD" &&
            !(file ~ /^loss/ && name == "HEAT" && given["KIND"]) &&
            !(file ~ /^gemm/ && name ~ /^WIDE_[ABC]$/) &&
            !(file ~ /^gemm/ && !given["TAIL"] && name ~ /^(TAIL|ACT|DROP|BIAS|POS|KEEP)$/) { print file ": " name }
        { name = "" }' "$file"
done >"$folder/defaults"
point "no program takes a default" "$folder/defaults"

for file in "$srcdir"/cl/*.cl; do
    "$clang" -x cl -fsyntax-only -I "$srcdir/cl" "$file" &&
        "$clang" -x cl -target spir64 -cl-std=CL1.2 -fsyntax-only -Wall -Wextra -Werror -Wno-unused \
            -Wno-unused-parameter -I "$srcdir/cl" "$file" || echo "$file is not valid alone"
done >"$folder/alone" 2>&1
point "kernel files are valid alone" "$folder/alone"

# valid NAME EVERY OPTION...: clang says nothing about any program of this part, or of each kernel file about
# one in EVERY. What is not used is no fault: #if takes out what a configuration does not need.
valid()
{
    name=$1 every=$2
    shift 2
    find "$folder/programs" -name '*.cl' | sort |
        awk -v every="$every" -v part="$part" '
            { file = $0; sub(/-[^-]*$/, "", file); n = seen[file]++ }
            part == "" ? n % every == 0 : !n || n % (2 * every) == part * every' >"$folder/some"
    tr '\n' '\0' <"$folder/some" |
        xargs -0 -n 1 -P "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)" \
            "$clang" -x cl -fsyntax-only -Wall -Wextra -Werror -Wno-unused -Wno-unused-parameter "$@" \
            >"$folder/invalid" 2>&1 || echo "clang failed" >>"$folder/invalid"
    sed -n 's/^\([^ ]*\.cl\):.* error: .*/\1/p' "$folder/invalid" | sort -u | while read -r file; do
        echo "${file##*/}:" && sed -n '/^#define/!q;p' "$file"
    done >"$folder/options"
    cat "$folder/options" >>"$folder/invalid"
    point "$name: $(wc -l <"$folder/some") programs" "$folder/invalid"
}

part=$(sh "$srcdir/tests/part.sh" 2)
without=-__opencl_c_generic_address_space,-__opencl_c_device_enqueue,-__opencl_c_pipes
without=$without,-__opencl_c_program_scope_global_variables,-__opencl_c_3d_image_writes,-cl_khr_3d_image_writes
without=$without,-__opencl_c_read_write_images,-__opencl_c_fp64,-cl_khr_fp64
valid "OpenCL C 1.2" 1 -target spir64 -cl-std=CL1.2
valid "OpenCL C 2.0" 8 -target spir64 -cl-std=CL2.0
valid "OpenCL C 3.0, generic address space" 4 -target spir64 -cl-std=CL3.0
valid "OpenCL C 3.0, no generic address space" 4 -target spir64 -cl-std=CL3.0 -Xclang -cl-ext=$without
valid "OpenCL C 3.0, NVIDIA" 4 -target nvptx64 -cl-std=CL3.0
echo "1..$points"
