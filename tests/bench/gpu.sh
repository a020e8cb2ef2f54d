#!/bin/sh
# SPDX-License-Identifier: MIT
# Tests and bench on a machine with a GPU, in one command that installs nothing:
#
#   gpu.sh [--parts tests,resume,tune,profile,bench] [--seconds N] [--limit N] [--report FILE]
#          [--build FOLDER] [--device SPEC] [--python PROGRAM] [--pairs N] [--set SECTION.KEY=VALUE]
#          [--root FOLDER] [--only ITEM,...] [--small] [--again] [CASE ...]
#
# Where the OpenCL loader does not know the GPU, as in containers, the library of its driver is looked
# for, below --root, and named to the loader. FILE (gpu.md) is a whole report in Markdown at any moment,
# also if this is killed; each test and each case is an item with a line of its own, and what is missing
# is said. An item ends after --limit seconds (240), all of them after --seconds (none). FILE.d keeps the
# items, so that the next call goes on with those that are missing and those that a smaller limit has cut
# (--again: with all); one of other settings or for another device is refused. CASE: those of bench.py
# (all, those of the goals first). ITEM: of the tests, of resume, or of the bench, such as A1.bf16.
# PyTorch for CUDA is found by --python (PYTHON, python3); without it no training is run beside PyTorch.
# SEQTRAIN_DEBUG=gpu with --device cpu rehearses it on a CPU.
# Exit status: 0; 1 a test failed or something is missing; 2 usage, or no build; 4 no such device.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
began=$(date +%s)
call="gpu.sh $*"
parts=tests,resume,tune,profile,bench seconds='' limit=240 report=gpu.md build='' root='' only=''
device=${SEQTRAIN_TEST_DEVICE-gpu} python=${PYTHON:-python3} pairs=3 small='' again='' settings=''
goals="A1 R1 T2 R3 T1 C1 A3 G1 G2 L1 L2 R2 A2"
programs="test_gemm test_mma test_barrier test_ops test_optim test_quantized test_launches test_golden test_engine test_kmeans test_tsne test_compose test_layers test_tower test_base"
scripts="test_cli_run.sh test_cli_resume.sh fleet_kills.sh captions_kills.sh ranks_kills.sh"
child='' failed=0 lost=''

stop()
{
    echo "gpu.sh: $2" >&2
    exit "$1"
}

# value OPTION [VALUE]
value()
{
    [ $# -gt 1 ] || stop 2 "$1 wants a value"
    case $1 in
    --seconds | --limit | --pairs)
        case $2 in '' | *[!0-9]* | 0*) stop 2 "$1 $2: not a number" ;; esac
        ;;
    esac
}

while [ $# -gt 0 ]; do
    case $1 in
    --parts | --seconds | --limit | --report | --build | --device | --python | --pairs | --set | --root | --only)
        value "$@"
        case $1 in
        --set) settings="$settings --set $2" ;;
        *) eval "${1#--}=\$2" ;;
        esac
        shift
        ;;
    --small | --again) eval "${1#--}=$1" ;;
    -*) stop 2 "$1: no option; see the head of $0" ;;
    *) break ;;
    esac
    shift
done
for part in $(echo "$parts" | tr , ' '); do
    case $part in
    tests | resume | tune | profile | bench) ;;
    *) stop 2 "--parts $part: there are tests, resume, tune, profile and bench" ;;
    esac
done
cases=${*:-$goals}
others=${*:-K1 S1 Q1}
case $report in /*) ;; *) report=$PWD/$report ;; esac
case $python in /*) ;; */*) python=$PWD/$python ;; esac
case $root in '' | /*) ;; *) root=$PWD/$root ;; esac

# --- a build

# What is missing, in one line: not make's own, if there is another.
missing()
{
    {
        tail -n 1 "$1"
        grep -hF ' *** ' "$1"
        grep -hiE 'error|not found|no such' "$1" | grep -v '^make'
    } | tail -n 1 | cut -c 1-300 | tr '|' /
}

make_build()
{
    {
        { [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi); } && mkdir -p "$build" &&
            cd "$build" && { [ -f config.status ] || "$top/configure" -q; } &&
            make -j"$(getconf _NPROCESSORS_ONLN)" seqtrain
    } >"$kept/build.log" 2>&1
}

kept=$report.d
mkdir -p "$kept" || exit 2
exec 9>"$kept/lock" || exit 2
! command -v flock >/dev/null || flock -n 9 || stop 2 "another call writes $report"
# What a call that was killed could not end. Its environment names this folder: no other process has the number.
GPU_SH_KEPT=$kept
export GPU_SH_KEPT
if read -r child 2>/dev/null <"$kept/child"; then
    if tr '\0' '\n' 2>/dev/null <"/proc/$child/environ" | grep -qxF "GPU_SH_KEPT=$kept"; then
        echo "gpu.sh: ends what another call has left running" >&2
        kill "$child"
        timeout 8 sh -c 'while [ -e "/proc/$1" ]; do sleep 0.2; done' wait "$child"
    fi
    rm -f "$kept/child"
    child=''
fi
[ -z "$again" ] || rm -rf "$kept"/*.end "$kept"/*.rows "$kept"/*.peers "$kept"/*.text "$kept/how" "$kept/ini"
[ -n "$build" ] || { [ -x ./seqtrain ] && build=$PWD || build=$top/build; }
if [ ! -x "$build/seqtrain" ]; then
    echo "gpu.sh: no seqtrain in $build: building" >&2
    (make_build) || stop 2 "no build: $(missing "$kept/build.log") (./bootstrap installs what it needs)"
fi
cd "$build" || exit 2
build=$PWD
if ! ./seqtrain -V >/dev/null 2>"$kept/says"; then
    stop 2 "$build/seqtrain does not run: $(head -n 1 "$kept/says")"
fi
XDG_CACHE_HOME=$build/gpu-cache CUDA_CACHE_PATH=$build/gpu-cache/cuda POCL_CACHE_DIR=$build/gpu-cache/pocl
srcdir=$top/. SEQTRAIN_TEST_DEVICE=$device
export XDG_CACHE_HOME CUDA_CACHE_PATH POCL_CACHE_DIR srcdir SEQTRAIN_TEST_DEVICE
mkdir -p "$CUDA_CACHE_PATH" "$POCL_CACHE_DIR"

# --- a device

# is_there [FILE]: what is said of it goes to the file.
is_there()
{
    timeout -k 5 60 ./seqtrain devices -d "$device" >"$kept/${1-devices}" 2>&1 </dev/null 9>&- &&
        grep -q '^\* [0-9]' "$kept/${1-devices}"
}

# What the linker knows; ldconfig is not in everyone's PATH.
cached()
{
    PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n 's/.*=> //p'
}

# Libraries of drivers, one a line, as the linker names them, then in the folders that containers use.
libraries()
{
    {
        [ -n "$root" ] || cached
        for folder in $(echo "${LD_LIBRARY_PATH-}" | tr : ' '); do
            ls -d "$root${folder}"/lib*
        done
        for folder in /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/lib/*-linux-gnu/nvidia/current \
            /usr/lib/nvidia* /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/local/cuda/compat \
            /usr/lib/wsl/lib /usr/lib/wsl/drivers/* /run/opengl-driver/lib /opt/rocm/lib /opt/rocm/opencl/lib \
            /usr/lib/*-linux-gnu/intel-opencl /usr/lib64/intel-opencl; do
            ls -d "$root$folder"/lib*
        done
    } 2>/dev/null | grep -E '/(libnvidia-opencl|libamdocl64|libigdrcl)\.so[.0-9]*$' | awk '!seen[$0]++'
}

# The loader is told one library after the other until there is the device.
find_device()
{
    is_there && return
    found=0 path=${LD_LIBRARY_PATH-}
    libraries >"$kept/libraries"
    while read -r library; do
        [ -s "$library" ] || continue
        found=1
        mkdir -p "$kept/vendors" && echo "$library" >"$kept/vendors/driver.icd"
        OCL_ICD_VENDORS=$kept/vendors
        export OCL_ICD_VENDORS
        # a driver's parts lie beside it, where the linker may not look
        case ${library%/*} in
        /lib | /lib64 | /usr/lib | /usr/lib64 | /lib/*-linux-gnu | /usr/lib/*-linux-gnu) ;;
        *)
            if [ -n "$root" ] || ! cached | grep -qFx "$library"; then
                LD_LIBRARY_PATH=${path:+$path:}${library%/*}
                export LD_LIBRARY_PATH
            fi
            ;;
        esac
        is_there && return
        echo "gpu.sh: $library: $(head -n 1 "$kept/devices")" >&2
    done <"$kept/libraries"
    [ $found = 1 ] || echo "gpu.sh: no library of a driver (libnvidia-opencl.so, libamdocl64.so, libigdrcl.so)" >&2
    return 1
}

find_device || stop 4 "$device is no device: $(grep -v '^ ' "$kept/devices" | tail -n 1)"
./seqtrain devices -v -d "$device" >"$kept/devices" 2>&1
chosen=$(sed -n 's/^\* [0-9]*: //p' "$kept/devices" | head -n 1)
version="$(./seqtrain -V | head -n 1)$(git -C "$top" rev-parse --short HEAD 2>/dev/null | sed 's/^/, commit /')"
how="$version on $chosen${small:+, $small}$settings, --pairs $pairs${SEQTRAIN_DEBUG:+, SEQTRAIN_DEBUG=$SEQTRAIN_DEBUG}"
if [ -s "$kept/how" ] && [ "$(cat "$kept/how")" != "$how" ]; then
    stop 2 "$kept has items of $(cat "$kept/how"): --again drops them, another --report keeps them"
fi
echo "$how" >"$kept/how"
timeout -k 5 30 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit,ecc.mode.current \
    --format=csv </dev/null 2>/dev/null | sed 's/^/    /' >"$kept/card"
cuda=cpu why_no='' has_python=$("$python" -c 'print("yes")' 2>/dev/null)
timeout 300 "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2>/dev/null 9>&- && cuda=cuda
torch=$(timeout 300 "$python" -c 'import torch; print(torch.__version__)' 2>"$kept/says" 9>&-)
# A GPU's training beside a CPU's says nothing.
if [ -z "$torch" ]; then
    why_no="$python has no PyTorch: $(tail -n 1 "$kept/says" | cut -c 1-200)"
elif [ $cuda = cpu ] && ! sed -n '/^\* [0-9]/,/^[* ] [0-9]/p' "$kept/devices" | grep -q '^ *CPU, '; then
    why_no="PyTorch $torch of $python finds no CUDA device"
fi
longer=5
[ $cuda = cuda ] && [ -z "$small" ] || longer=1

# --- items

# is_done ITEM: it has an end and a row, which what a full disk has cut has not, and no longer limit now.
is_done()
{
    [ -s "$kept/$1.end" ] && [ -s "$kept/$1.rows" ] && read -r was within <"$kept/$1.end" || return
    [ "$was" != 124 ] || [ "$within" -ge "$limit" ]
}

# left: seconds until the end of all.
left()
{
    [ -n "$seconds" ] || { echo 1000000 && return; }
    echo $((began + seconds - $(date +%s) - 2))
}

# timed COMMAND...: until the item's end. A signal to this ends it at once.
timed()
{
    rest=$((allowed - ($(date +%s) - start)))
    [ "$rest" -gt 0 ] || return 124
    timeout -k 5 "$rest" "$@" </dev/null 3>&- 9>&- &
    child=$!
    echo "$child" >"$kept/child"
    wait "$child"
    got=$?
    child=''
    rm -f "$kept/child"
    # killed, since it compiled and took no signal
    [ "$got" != 137 ] || [ $(($(date +%s) - start)) -lt "$allowed" ] || got=124
    return "$got"
}

# why STATUS FILE: what became of a command that printed the file.
why()
{
    if [ "$1" = 124 ]; then
        echo "did not end in its time"
    else
        echo "status $1: $(tail -n 1 "$2" 2>/dev/null | cut -c 1-200 | tr '|' /)"
    fi
}

# item NAME FUNCTION ARGUMENT...: the function prints the item's rows into $rows; 124: its time ended.
item()
{
    name=$1 rows=$kept/$1.rows
    shift
    ! is_done "$name" || return 0
    allowed=$(left)
    [ "$allowed" -gt 3 ] || { failed=1 && return; }
    whole=$([ "$allowed" -ge "$limit" ] && echo yes)
    [ -z "$whole" ] || allowed=$limit
    start=$(date +%s)
    echo "gpu.sh: $name" >&2
    "$@"
    ended=$?
    [ $ended = 0 ] || failed=1
    if [ $ended != 0 ] && ! is_there again; then
        lost="The device was gone at the end of $name: $(tail -n 1 "$kept/again" | cut -c 1-200)"
        rm -f "$rows"
        tell
        stop 4 "$lost"
    fi
    # what the end of all has cut is tried again by the next call
    { [ $ended = 124 ] && [ -z "$whole" ]; } || echo "$ended $limit" >"$kept/$name.end"
    tell
}

# tap NAME COMMAND...: a row about the points of a test.
tap()
{
    test=$1 out=$kept/$1.out
    shift
    timed "$@" >"$out" 2>&1
    status=$?
    awk -v name="$test" -v status="$status" -v seconds=$(($(date +%s) - start)) '
        /^1\.\.[0-9]/ { split($1, a, /\.\./); plan = a[2]; if (plan == 0) why = substr($0, 6) }
        /^(not )?ok / && /# SKIP/ { skipped++; next }
        /^ok / { passed++ }
        /^not ok / { bad++; sub(/^not ok [0-9]* (- )?/, ""); if (bad <= 5) list = list (bad > 1 ? "; " : "") $0 }
        END {
            missing = plan - passed - skipped - bad
            if (status == 124 || status == 137) why = "did not end in its time"
            else if (missing > 0 || plan == "") why = "ended early, status " status
            else if (status && !bad) why = "status " status
            gsub(/\|/, "/", list); sub(/^ *# *(SKIP)? */, "", why)
            if (list != "") why = list (why != "" ? "; " why : "")
            printf "| %s | %d | %d | %d | %d | %s |\n", name, passed, bad, skipped, seconds, why
            exit status == 124 || status == 137 ? 124 : bad > 0 || status != 0 || missing > 0 }' "$out" >"$rows"
}

# made TARGET OUT: builds it. $no is why it is not built; 124: its time ended.
made()
{
    timed make "$1" >"$2" 2>&1
    case $? in
    0) return 0 ;;
    124) no="not built: make did not end in its time" && return 124 ;;
    esac
    no="not built: $(missing "$2")"
    return 1
}

unit()
{
    if [ ! -x "tests/$1" ]; then
        made "tests/$1" "$kept/$1.out"
        status=$?
        [ $status = 0 ] || { echo "| $1 | | | | | $no |" >"$rows" && return $status; }
    fi
    tap "$1" "tests/$1" # nothing between that keeps lines for itself
}

# Scripts of the command line run on what is chosen by itself.
script()
{
    auto=$(./seqtrain devices -d auto 2>/dev/null | sed -n 's/^\* [0-9]*: //p' | head -n 1)
    if [ "$auto" != "$chosen" ]; then
        echo "| $1 | | | | | left out: it runs on $auto |" >"$rows"
        return 0
    fi
    case $1 in
    ranks_kills.sh)
        status=1
        if command -v mpirun >/dev/null; then
            [ -e seqtrain-mpi.so ] || made seqtrain-mpi.so "$kept/$1.out"
            status=$?
        fi
        case $status in
        0) kills "$1" ;;
        124) echo "| $1 | | | | | $no |" >"$rows" && return 124 ;;
        *) echo "| $1 | | | | | left out: there is no MPI |" >"$rows" ;;
        esac
        ;;
    *_kills.sh) kills "$1" ;;
    *) tap "$1" sh "$top/tests/$1" ;;
    esac
}

# kills NAME: processes killed at a few instants, each a line that says what came of it.
kills()
{
    timed sh "$top/tests/$1" "$([ -n "$small" ] && echo 1 || echo 5)" >"$kept/$1.out" 2>&1
    status=$?
    case $status in 0) count='1 | 0' ;; 124) count='0 | 0' ;; *) count='0 | 1' ;; esac
    echo "| $1 | $count | 0 | $(($(date +%s) - start)) |" \
        "$([ "$status" = 0 ] && tail -n 1 "$kept/$1.out" | tr '|' / || why "$status" "$kept/$1.out") |" >"$rows"
    return "$status"
}

# --- tuning

# written CASE OUT: its configuration, for a few steps, and its run folder in $kept/ini
written()
{
    mkdir -p "$kept/ini"
    [ -e "$kept/ini/$1.ini" ] ||
        "$python" "$top/tests/bench/bench.py" --write "$kept/ini" --steps 12 ${small:+$small} "$1" >"$2" 2>&1
}

# profiled CASE TUNING OUT: a training with --profile.
profiled()
{
    written "$1" "$3" || return
    set_words=$(echo "$settings" | sed 's/--set/-s/g')
    # shellcheck disable=SC2086 # words
    timed ./seqtrain -c "$kept/ini/$1.ini" -d "$device" --overwrite --profile -s device.tuning="$2" $set_words >"$3" 2>&1
}

# by_itself OUT: "ms of a step, of its launches, at the floor, gaps, GF/s of the ceiling, GB/s".
by_itself()
{
    sed -n -e 's/^ceilings measured now: \([0-9.]*\) GF\/s, \([0-9.]*\) GB\/s.*/\1 | \2/p' "$1" | tr -d '\n'
    sed -n 's/^ *a step takes \([0-9.]*\) ms by itself, its launches \([0-9.]*\) ms, at the floor \([0-9.]*\) ms: \(.*\)/ | \1 | \2 | \3 | \4/p' "$1"
}

# What device.tuning = measure chooses, product by product.
tuned()
{
    out=$kept/tune.$1.out
    profiled "$1" measure "$out"
    status=$?
    if [ "$status" != 0 ]; then
        echo "| $1 | $(why $status "$out") | | | | | |" >"$rows"
        return "$status"
    fi
    products=$(tr -d '\n' <"$kept/ini/$1/plan.json" | tr '{}' '\n\n' |
        sed -n 's/.*"product": *"\([^"]*\)", *"m, n, k": *\[ *\([0-9]*\), *\([0-9]*\), *\([0-9]*\) *\].*/\2 x \3 x \4: \1; /p' |
        sort -u | tr -d '\n')
    echo "| $1 | $(by_itself "$out") | $products |" >"$rows"
}

# The profile of a case, with the table's products.
profile()
{
    out=$kept/profile.$1.out
    profiled "$1" table "$out"
    status=$?
    if [ "$status" != 0 ]; then
        echo "| $1 | $(why $status "$out") | | | | | |" >"$rows"
        return "$status"
    fi
    echo "| $1 | $(by_itself "$out") |" >"$rows"
    sed -n '/^ *kernel  *launches/,/^ *a step takes/p' "$out" |
        awk 'NR <= 13 || /^ *(all|a step)/' >"$kept/profile.$1.text"
}

# --- the bench

# bench CASE MODES SETTING...: the rows that bench.py prints of a case, and the peer's variants.
bench()
{
    one=$1 modes=$2 out=$kept/$name.out
    shift 2
    if ! trainings | grep -q "^$one$" && [ ! -x tests/bench/bench_parts ]; then
        made tests/bench/bench_parts "$out"
        status=$?
        [ $status = 0 ] || { echo "| $one | $no |" >"$rows" && return $status; }
    fi
    rest=$((allowed - ($(date +%s) - start)))
    # shellcheck disable=SC2086 # words
    timed "$python" "$top/tests/bench/bench.py" --python "$python" --device "$device" --peer-device $cuda \
        --pairs "$pairs" --seconds $((rest > 8 ? rest - rest / 8 : 1)) \
        --modes "$modes" --longer $longer $small $settings "$@" "$one" >"$out" 2>"$out.err"
    status=$?
    what=${name#bench.}
    grep "^| $one " "$out" | sed "s/^| $one /| $what /" >"$rows"
    sed -n -e '/^peer, /y/|/\//' -e "s/^peer, \(.*\)/| $what | \1 |/p" "$out.err" >"$kept/$name.peers"
    if [ "$status" != 0 ] && [ ! -s "$rows" ]; then
        echo "| $what | $(why $status "$out.err") |" >"$rows"
    fi
    return "$status"
}

# --- the report

# rows PART ITEM...: of each item its rows; what has none is said.
rows_of()
{
    part=$1 lacking=''
    shift
    for one; do
        [ ! -s "$kept/$one.rows" ] || cat "$kept/$one.rows"
        is_done "$one" || lacking="$lacking ${one#"$part".}"
    done
    [ -z "$lacking" ] || printf '\nNot run, or not to its end:%s.\n' "$lacking"
}

# named PREFIX WORD...: the words, each behind the prefix.
named()
{
    prefix=$1
    shift
    for word; do
        echo "$prefix.$word"
    done
}

# The goals are of bf16; fp32, where no peer is at its best on a GPU, comes last.
benches()
{
    for one in $(trainings); do
        [ $cuda = cpu ] && echo "bench.$one.fp32" || echo "bench.$one.bf16 bench.$one.tf32"
    done
    for one in $(trainings); do
        [ $cuda = cpu ] && echo "bench.$one.bf16" || echo "bench.$one.fp32"
    done
}

# modes PRECISION: the peer's variants.
modes()
{
    case $1,$cuda in
    fp32,cuda) echo eager,compile ;;
    fp32,*) echo eager ;;
    *,cuda) echo "eager-$1,compile-$1,graphs-$1" ;;
    *) echo "eager-$1" ;;
    esac
}

benches_of_others()
{
    for one in $others; do
        case $one in K1 | S1 | Q1 | D1 | V1) echo "bench.$one" ;; esac
    done
}

trainings()
{
    for one in $cases; do
        case " $goals " in *" $one "*) echo "$one" ;; esac
    done
}

# shellcheck disable=SC2046,SC2086 # lists of words
body()
{
    echo "## $chosen, $(date -u +%Y-%m-%d)"
    echo
    case ${SEQTRAIN_DEBUG-} in
    *gpu*) printf 'A rehearsal on a CPU, cut as for a GPU (SEQTRAIN_DEBUG=gpu): no figure below is of a GPU.\n\n' ;;
    esac
    echo "Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) cores," \
        "$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, $(uname -sr)."
    echo "$version;" \
        "PyTorch ${torch:-not found}${torch:+ (it runs on $cuda)}; OpenCL's loader was told:" \
        "$(cat "${OCL_ICD_VENDORS-/nowhere}"/*.icd 2>/dev/null || echo nothing)."
    echo
    sed 's/^/    /' "$kept/devices"
    cat "$kept/card"
    printf '\n    %s\n' "$call"
    [ -z "$lost" ] || printf '\n%s\n' "$lost"
    printf '\n### Tests\n\n| test | passed | failed | skipped | s | |\n|---|---:|---:|---:|---:|---|\n'
    rows_of tests $(named tests $programs)
    printf '\n### Runs: killed, gone on with\n\n| test | passed | failed | skipped | s | |\n|---|---:|---:|---:|---:|---|\n'
    rows_of resume $(named resume $scripts)
    printf '\n### Tuning\n\n'
    printf 'With device.tuning = measure; ms of a step; products m x n x k and who makes them.\n\n'
    printf '| case | GF/s | GB/s | a step | its launches | at the floor | gaps | products |\n|---|---:|---:|---:|---:|---:|---|---|\n'
    rows_of tune $(named tune $(trainings))
    printf '\n### Profiles\n\nms of a step; the floor is what the ceilings measured in the same run allow.\n\n'
    printf '| case | GF/s | GB/s | a step | its launches | at the floor | gaps |\n|---|---:|---:|---:|---:|---:|---|\n'
    rows_of profile $(named profile $(trainings))
    for one in $(trainings); do
        [ ! -s "$kept/profile.$one.text" ] || { printf '\n%s:\n\n' "$one" && sed 's/^/    /' "$kept/profile.$one.text"; }
    done
    printf '\n### Beside PyTorch\n\n'
    [ -z "$why_no" ] || printf 'No training is run beside PyTorch: %s.\n\n' "$why_no"
    printf 'Samples/s, medians of pairs in turn (%s where a row says no other number), the peer in its fastest variant; bf16: both in bf16; tf32: both in TF32; fp32: both in fp32.\n\n' "$pairs"
    printf '| case | seqtrain | PyTorch | ratio | GF/s | of the GEMM ceiling | of the roofline | gaps | MiB | '
    printf "PyTorch's | start | PyTorch's |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    rows_of bench $(benches)
    printf "\n| case | seqtrain, s | peer, s | ratio | figure | peer's | MiB | peer's |\n|---|---|---|---|---|---|---|---|\n"
    rows_of bench $(benches_of_others)
    printf "\nThe peer's variants, one run each:\n\n| case | samples/s |\n|---|---|\n"
    for one in $(benches) $(benches_of_others); do
        [ ! -s "$kept/$one.peers" ] || cat "$kept/$one.peers"
    done
}

# The report is replaced by one that is whole, or not at all.
tell()
{
    text=$(body)
    if [ -d "$report" ] || ! printf '%s\n' "$text" >"$report.new" || ! mv -f "$report.new" "$report"; then
        stop 1 "$report cannot be written: ended here; $kept keeps the items"
    fi
}

ended()
{
    [ -z "$child" ] || kill "$child" 2>/dev/null
    tell
    echo "gpu.sh: ended by a signal; $report has what there is" >&3
    exit 1
}
exec 3>&2 # a signal may come where standard error goes elsewhere
trap ended HUP INT TERM
tell

# asked WORD: whether --only, a list, has it or there is none.
asked()
{
    [ -z "$only" ] || case ",$only," in *",$1,"*) ;; *) return 1 ;; esac
}

for part in $(echo "$parts" | tr , ' '); do
    case $part,$has_python in
    tune, | profile,)
        echo "gpu.sh: $python is no Python, which writes the cases: no part $part" >&2
        failed=1
        continue
        ;;
    esac
    case $part in
    tests)
        for one in $programs; do
            asked "$one" && item "tests.$one" unit "$one"
        done
        ;;
    resume)
        for one in $scripts; do
            asked "$one" && item "resume.$one" script "$one"
        done
        ;;
    tune)
        for one in $(trainings); do
            item "tune.$one" tuned "$one"
        done
        ;;
    profile)
        for one in $(trainings); do
            item "profile.$one" profile "$one"
        done
        ;;
    bench)
        if [ -n "$why_no" ]; then
            echo "gpu.sh: no training beside PyTorch: $why_no" >&2
            failed=1
        fi
        for one in $([ -n "$why_no" ] || benches); do
            asked "${one#bench.}" || continue
            precision=${one##*.} case=$(echo "$one" | cut -d. -f2)
            if [ "$precision" = bf16 ]; then
                item "$one" bench "$case" "$(modes bf16)" --set train.precision=bf16
            elif [ "$precision" = tf32 ]; then
                item "$one" bench "$case" "$(modes tf32)" --set device.tf32=yes
            else
                item "$one" bench "$case" "$(modes fp32)"
            fi
        done
        for one in $([ -z "$has_python" ] || benches_of_others); do
            asked "${one#bench.}" && item "$one" bench "${one#bench.}" eager
        done
        ;;
    esac
done
tell
echo "gpu.sh: $report" >&2
exit $failed
