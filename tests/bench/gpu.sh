#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests and bench on a machine with a GPU, from the build folder:
#
#   ../tests/bench/gpu.sh [CASE ...]        PYTHON=venv/bin/python with PyTorch for CUDA
#
# Where the OpenCL loader does not know the GPU, as in containers, NVIDIA's library is looked for and
# named to it. The tests are those of kernels and engine; `make check` is for CPUs. Exit status 1 if a
# test fails. UNTESTED: written without a GPU, tried up to "no GPU" and with SEQTRAIN_TEST_DEVICE=cpu.
top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
device=${SEQTRAIN_TEST_DEVICE-gpu}
[ -x ./seqtrain ] || { echo "gpu.sh: no ./seqtrain here: run it in the build folder" >&2; exit 2; }

if ! ./seqtrain devices -d "$device" 2>/dev/null | grep -q '^\*'; then
    library=$({ ldconfig -p | sed 's/.*=> //' && find /usr /opt /run -name 'libnvidia-opencl.so*'; } 2>/dev/null |
        grep libnvidia-opencl.so | head -n 1)
    [ -n "$library" ] || { echo "gpu.sh: no $device, and no libnvidia-opencl.so" >&2; exit 1; }
    mkdir "$folder/icd" && echo "$library" >"$folder/icd/nvidia.icd"
    OCL_ICD_VENDORS=$folder/icd
    export OCL_ICD_VENDORS
fi
./seqtrain devices -v -d "$device"
./seqtrain devices -d "$device" | grep -q '^\*' || { echo "gpu.sh: $device is no device" >&2; exit 1; }

failed=0
SEQTRAIN_TEST_DEVICE=$device
export SEQTRAIN_TEST_DEVICE
tests='tests/test_ops tests/test_gemm tests/test_golden tests/test_engine tests/test_kmeans tests/test_tsne'
make check TESTS="$tests" >"$folder/check" 2>&1 || failed=1
grep -E '^(FAIL|ERROR|SKIP|# (TOTAL|PASS|FAIL|SKIP|ERROR))' "$folder/check"

cuda=cpu
"${PYTHON:-python3}" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null && cuda=cuda
[ $cuda = cuda ] || echo "gpu.sh: no PyTorch that finds CUDA: its twin runs on the CPU" >&2
make tests/bench/bench_parts >"$folder/make" 2>&1 || { cat "$folder/make" && exit 1; }
"${PYTHON:-python3}" "$top/tests/bench/bench.py" --device "$device" --peer-device $cuda "$@" || failed=1
exit $failed
