#!/bin/sh
# SPDX-License-Identifier: MIT
# oracle.sh record FOLDER [PATTERN]: what the build in the working folder launches, where it puts
# tensors and what comes out, for each shipped configuration, each case of tests/golden/ and each
# training of tests/bench/bench.py, into FOLDER. PATTERN, as `case` has it, chooses cases by name:
# 'golden-*', 'bench-A1-cpu'.
# oracle.sh compare FOLDER [PATTERN]: the same into a temporary folder; tells what differs from FOLDER.
# Exit status 1: something does. Launches that differ only in names are told as such.
#
# A change that moves code leaves all as it was. Needs python3; run in a build folder after
# `make tests/oracle`.
set -u
LC_ALL=C
export LC_ALL
here=$(dirname "$0")
here=$(cd "$here" && pwd) || exit 1
top=${here%/tests}
case ${1-} in
record | compare) ;;
*)
    echo "usage: oracle.sh record|compare FOLDER [PATTERN]" >&2
    exit 2
    ;;
esac
if [ $# -lt 2 ] || [ ! -x tests/oracle ]; then
    echo "oracle.sh: names a folder, and is run in a build folder that has tests/oracle" >&2
    exit 2
fi
task=$1 folder=$2 pattern=${3-*}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
XDG_CACHE_HOME=${XDG_CACHE_HOME-$PWD/tests/cli-cache}
POCL_CACHE_DIR=${POCL_CACHE_DIR-$XDG_CACHE_HOME/pocl}
export XDG_CACHE_HOME POCL_CACHE_DIR
mkdir -p "$POCL_CACHE_DIR" || exit 1
status=0

# one NAME ARGUMENT...: a case, recorded and, with compare, held against what there is.
one()
{
    case_name=$1
    shift
    # shellcheck disable=SC2254 # a pattern
    case $case_name in
    $pattern) ;;
    *) return ;;
    esac
    to=$folder/$case_name
    [ "$task" = record ] || to=$work/$case_name
    options=
    while [ "${1#-}" != "$1" ]; do
        options="$options $1"
        shift
    done
    # shellcheck disable=SC2086 # options
    if ! tests/oracle $options "$to" "$@" </dev/null >"$work/said" 2>&1; then
        echo "$case_name: failed: $(head -3 "$work/said")"
        status=1
    elif [ "$task" = compare ]; then
        compare "$case_name"
    fi
}

# compare NAME: tells which parts differ, with the first lines that do.
compare()
{
    for part in launches places results; do
        new=$work/$1.$part old=$folder/$1.$part
        [ -e "$new" ] || [ -e "$old" ] || continue
        cmp -s "$old" "$new" && continue
        status=1
        sed 's/"[^"]*"/""/g' "$old" >"$work/old" 2>"$work/said"
        sed 's/"[^"]*"/""/g' "$new" >"$work/new" 2>"$work/said"
        if [ -s "$work/old" ] && cmp -s "$work/old" "$work/new"; then
            echo "$1: $part differ in names"
        else
            echo "$1: $part differ"
        fi
        diff "$old" "$new" 2>&1 | grep '^[<>]' | head -"${ORACLE_LINES-4}" | cut -c 1-400
    done
}

mkdir -p "$folder" "$work/bench" || exit 1
for golden in "$top"/tests/golden/*.safetensors; do
    name=${golden##*/}
    one "golden-${name%.safetensors}-cpu" "$golden"
    one "golden-${name%.safetensors}-gpu" -g "$golden"
done

# configuration NAME INI SETTING...: trained in both cuts
configuration()
{
    name=$1 ini=$2
    shift 2
    one "$name-cpu" "$ini" "$@"
    one "$name-gpu" -g "$ini" device.gemm=own "$@"
}

# planned NAME INI SETTING...: the same without training as for a GPU, which takes a CPU long
planned()
{
    name=$1 ini=$2
    shift 2
    one "$name-cpu" "$ini" "$@"
    one "$name-gpu" -p "$ini" device.select=none "$@"
}

configs=$top/configs
configuration config-demo "$configs/demo.ini"
configuration config-amplifier "$configs/amplifier.ini" data.eval_window=512
configuration config-amplifier-dgru "$configs/amplifier.ini" model.type=dgru data.eval_window=512
configuration config-amplifier_tcn "$configs/amplifier_tcn.ini" data.eval_window=512
configuration config-amplifier_transformer "$configs/amplifier_transformer.ini"
configuration config-etth1 "$configs/etth1.ini" data.rows=4000
configuration config-language "$configs/language.ini" train.steps=40
configuration config-stocks "$configs/stocks.ini"
configuration config-stocks-cnn "$configs/stocks.ini" model.type=cnn_recurrent model.cell=gru
configuration config-stocks-transformer "$configs/stocks.ini" model.type=transformer model.attention=causal
configuration config-demo-recompute "$configs/demo.ini" model.dropout=0.1 train.recompute=yes
configuration config-demo-masks "$configs/demo.ini" model.dropout=0.1 loss.contrastive=nt_xent
planned config-autoencoder "$configs/autoencoder.ini" train.accumulate=2 data.rows=5000

python3 "$top/tests/bench/bench.py" --write "$work/bench" || exit 1
for ini in "$work"/bench/*.ini; do
    name=${ini##*/}
    name=${name%.ini}
    case $name in
    R2) # seconds a step
        one bench-R2-cpu -p "$ini"
        one bench-R2-gpu -p "$ini" device.select=none
        ;;
    A2) planned bench-A2 "$ini" train.accumulate=2 ;;
    *) planned "bench-$name" "$ini" ;;
    esac
done
exit $status
