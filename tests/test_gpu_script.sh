#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/bench/gpu.sh, rehearsed without a GPU: a stand-in for the library of a driver that no .icd file
# names, stand-ins for the tests, and one small training. Its report is whole whatever becomes of them.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
built=${seqtrain%/seqtrain}
case ${srcdir-.} in /*) top=$srcdir ;; *) top=$built/${srcdir-.} ;; esac
script=$top/tests/bench/gpu.sh
SEQTRAIN_DEBUG=gpu
export SEQTRAIN_DEBUG
unset SEQTRAIN_TEST_DEVICE OCL_ICD_FILENAMES

# A build folder whose tests say what they are told to.
mkdir -p fake/tests none root/usr/local/nvidia/lib64
printf '#!/bin/sh\nexec "%s" "$@"\n' "$seqtrain" >fake/seqtrain
says()
{
    printf '#!/bin/sh\n%s\n' "$2" >"fake/tests/$1"
    chmod +x fake/seqtrain "fake/tests/$1"
}
says test_gemm 'echo 1..3; echo "ok 1 - a"; echo "not ok 2 - b | c"; echo "ok 3 # SKIP no native"; exit 1'
says test_ops 'echo 1..4; echo "ok 1 - a"; exit 3'
says test_golden 'echo 1..2; echo "ok 1 - a"; exec sleep 100'
says test_engine 'echo 1..2; echo "ok 1 - a"; echo "not ok 2 # SKIP no host BLAS"'

# gpu STATUS ARGUMENT...: the script's exit status is STATUS.
gpu()
{
    wanted=$1
    shift
    sh "$script" --build fake --report gpu.md "$@" >out 2>err </dev/null
    got=$?
    [ $got -eq "$wanted" ] || { echo "exit status $got, not $wanted: gpu.sh $*" && return 1; }
}

usage()
{
    gpu 2 --parts all && has err '^gpu.sh: --parts all: there are tests, ' && lines err 1 &&
        gpu 2 --seconds 1m && has err '^gpu.sh: --seconds 1m: not a number' &&
        gpu 2 --report && has err 'wants a value' && gpu 2 --other && has err 'no option'
}
point "usage" usage

# A tree whose configure fails, as where a library is missing.
no_build()
{
    mkdir -p bare/tests/bench && cp "$script" bare/tests/bench/ &&
        printf '#!/bin/sh\necho checking; echo "configure: error: CLBlast is missing" >&2; exit 1\n' >bare/configure &&
        chmod +x bare/configure || return 1
    sh bare/tests/bench/gpu.sh --report bare/gpu.md >out 2>err
    [ $? -eq 2 ] && has err '^gpu.sh: no build: configure: error: CLBlast is missing \(./bootstrap '
}
point "what a build lacks" no_build

no_driver()
{
    OCL_ICD_VENDORS=$dir/none gpu 4 --root "$dir/none" && has err 'no library of a driver' 'gpu is no device: '
}
point "no driver" no_driver

no_use()
{
    echo nothing >root/usr/local/nvidia/lib64/libnvidia-opencl.so.1
    OCL_ICD_VENDORS=$dir/none gpu 4 --root "$dir/root" &&
        has err 'nvidia/lib64/libnvidia-opencl.so.1: .*cannot be loaded' 'gpu is no device: '
}
point "a driver that cannot be loaded" no_use

if ! "$seqtrain" devices -d cpu >out 2>&1; then
    echo "1..$points"
    exit 0
fi

# The stand-in: a library with another name that is PoCL's, and a part of it that is only found beside it.
pocl=$(cat "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"/pocl.icd 2>/dev/null)
case $pocl in /* | '') ;; *) pocl=-l:$pocl ;; esac
rm -f root/usr/local/nvidia/lib64/*
if [ -n "$pocl" ] && : >empty.c &&
    ${CC:-cc} -shared -Wl,-soname,libbeside.so -o root/usr/local/nvidia/lib64/libbeside.so empty.c 2>err &&
    ${CC:-cc} -shared -o root/usr/local/nvidia/lib64/libnvidia-opencl.so.1 \
    empty.c -Wl,--no-as-needed "$pocl" root/usr/local/nvidia/lib64/libbeside.so 2>err; then
    OCL_ICD_VENDORS=$dir/none
    export OCL_ICD_VENDORS
fi
if [ "${OCL_ICD_VENDORS-}" = "$dir/none" ]; then
    finds()
    {
        gpu 1 --root "$dir/root" --device cpu --parts tests --seconds 3 &&
            has gpu.md '^## .*, 20' 'rehearsal on a CPU' "told: $dir/root/usr/local/nvidia/lib64/libnvidia-opencl.so.1" \
                '^Not run, or not to its end: test_gemm ' 'not to its end: test_cli_run.sh' 'not to its end: .*G1'
    }
    point "a driver that no .icd file names; no time" finds
else
    skip "a driver that no .icd file names; no time" "PoCL or a C compiler is missing"
fi

parts()
{
    gpu 1 --root "$dir/root" --device cpu --parts tests --limit 2 --only test_gemm,test_mma,test_ops,test_golden,test_engine &&
        has gpu.md '^\| test_gemm \| 1 \| 1 \| 1 \| [0-9]* \| b / c \|$' \
            '^\| test_mma \|.*\| not built: make.*test_mma' \
            '^\| test_ops \| 1 \| 0 \| 0 \| [0-9]* \| ended early, status 3 \|$' \
            '^\| test_golden \| 1 \| 0 \| 0 \| [2-7] \| did not end in its time \|$' \
            '^\| test_engine \| 1 \| 0 \| 1 \| [0-9]* \|  \|$' 'not to its end: .* test_kmeans' || return
    # what was cut is not tried again, but with a longer limit
    gpu 0 --root "$dir/root" --device cpu --parts tests --limit 1 --only test_golden && ! has err tests.test_golden >/dev/null &&
        says test_golden 'echo 1..1; echo "ok 1 - a"' &&
        gpu 0 --root "$dir/root" --device cpu --parts tests --limit 3 --only test_golden && has gpu.md '^\| test_golden \| 1 \| 0 \| 0 '
}
point "tests that fail, end early, hang" parts

# Items with an end are not tried again; what their outcome was stays in the report.
goes_on()
{
    says test_gemm 'echo 1..1; echo "ok 1 - a"'
    gpu 0 --root "$dir/root" --device cpu --parts tests --only test_gemm && has gpu.md '^\| test_gemm \| 1 \| 1 ' &&
        has gpu.md '^\| test_ops ' && gpu 2 --root "$dir/root" --device cpu --parts tests --small --set train.lr=1 &&
        has err 'has items of .* on [^,]*, --pairs 3, SEQTRAIN_DEBUG=gpu: --again drops them, another --report keeps them$' && gpu 0 --root "$dir/root" --device cpu --again --parts tests --only test_gemm &&
        has gpu.md '^\| test_gemm \| 1 \| 0 \| 0 ' && ! grep '^| test_ops ' gpu.md
}
point "goes on, and again" goes_on

killed()
{
    says test_gemm 'sleep 100 & echo $! >sleeper; wait'
    sh "$script" --build fake --report gpu.md --root "$dir/root" --device cpu --again --parts tests >out 2>err </dev/null &
    pid=$!
    until_true test -s fake/sleeper && kill $pid && { wait $pid; [ $? -eq 1 ]; } && has gpu.md 'to its end: test_gemm ' &&
        has err 'ended by a signal' && until_true sh -c "! kill -0 $(cat fake/sleeper)"
}
point "killed: the report is whole, nothing goes on running" killed

# Killed so that nothing can be done: the next call ends what is left, and no two write one report.
killed_at_once()
{
    rm -f fake/sleeper
    sh "$script" --build fake --report gpu.md --root "$dir/root" --device cpu --again --parts tests >out 2>err </dev/null &
    pid=$!
    until_true test -s fake/sleeper && sleeper=$(cat fake/sleeper) || return
    ! command -v flock >/dev/null || { gpu 2 --parts tests && has err '^gpu.sh: another call writes .*gpu.md$'; } || return
    kill -9 $pid && wait $pid
    says test_gemm 'echo 1..1; echo "ok 1 - a"'
    kill -0 "$sleeper" && gpu 0 --root "$dir/root" --device cpu --parts tests --only test_gemm && ! kill -0 "$sleeper" &&
        has err 'ends what another call has left' && has gpu.md '^\| test_gemm \| 1 \| 0 '
}
point "killed at once: the next call goes on" killed_at_once

# What the device's end has cut is no failed test; the next call has it.
lost()
{
    says test_gemm 'echo 1..1; mv seqtrain away; exit 1'
    gpu 4 --root "$dir/root" --device cpu --again --parts tests --only test_gemm,test_ops
    ended=$?
    mv fake/away fake/seqtrain
    [ $ended = 0 ] && has err '^gpu.sh: The device was gone at the end of tests.test_gemm: ' &&
        ! has err tests.test_ops >/dev/null && has gpu.md '^The device was gone at ' 'to its end: test_gemm ' &&
        says test_gemm 'echo 1..1; echo "ok 1 - a"' &&
        gpu 0 --root "$dir/root" --device cpu --parts tests --only test_gemm &&
        has gpu.md '^\| test_gemm \| 1 \| 0 ' && ! has gpu.md '^The device was gone' >/dev/null
}
point "a device that is gone" lost

# A report that is not to be written ends all; one that has no room does not replace the one before.
not_written()
{
    says test_gemm 'echo 1..1; echo "ok 1 - a"'
    mkdir gpu.md.new && gpu 1 --root "$dir/root" --device cpu --again --parts tests --only test_gemm,test_ops &&
        has err '^gpu.sh: .*/gpu.md cannot be written: ended here' && ! has err '^gpu.sh: tests' >/dev/null &&
        rmdir gpu.md.new && gpu 0 --root "$dir/root" --device cpu --parts tests --only test_gemm && cp gpu.md before || return 1
    # room for items, not for a report
    (trap '' XFSZ && ulimit -f 1 && gpu 1 --root "$dir/root" --device cpu --again --parts tests --only test_gemm) &&
        has err 'gpu.md cannot be written' && cmp before gpu.md
}
point "a report that cannot be written" not_written

trains()
{
    gpu 0 --root "$dir/root" --device cpu --again --parts profile --small G1 &&
        has gpu.md '^\| G1 \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| .*gaps' 'kernel  *launches' \
            '^ *a step takes'
}
tunes()
{
    gpu 0 --root "$dir/root" --device cpu --parts tune --small G1 &&
        has gpu.md '^\| G1 \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| .* [0-9]+ x [0-9]+ x [0-9]+: [a-z]+.*;  *\|$'
}
# Of processes that are killed: of one that must not be run here, and of one that is.
kills()
{
    # as a CPU, whose programs are compiled in seconds
    (SEQTRAIN_DEBUG='' && gpu 0 --root "$dir/root" --device cpu --again --parts resume --only fleet_kills.sh,ranks_kills.sh --small) &&
        has gpu.md '^\| fleet_kills.sh \| 1 \| 0 \| 0 \| [0-9]+ \| .*1 ' '^\| ranks_kills.sh \| .*left out: there is no MPI' &&
        (SEQTRAIN_DEBUG='' && gpu 1 --root "$dir/root" --device cpu --again --parts resume --limit 1 --only fleet_kills.sh --small) &&
        has gpu.md '^\| fleet_kills.sh \| 0 \| 0 \| 0 \| [0-9]+ \| did not end in its time \|$'
}
too_long()
{
    gpu 1 --root "$dir/root" --device cpu --again --parts profile --limit 1 --small A1 && [ ! -e gpu.md.d/ini/G1.ini ] &&
        has gpu.md '^\| A1 \| did not end in its time \|'
}
# A stand-in for a Python whose PyTorch has CUDA, unless $cuda is 1.
cat >python <<'EOF'
#!/bin/sh
case "$*" in
*cuda.is_available*) exit "${cuda-0}" ;;
*torch.__version__*) echo 9.9 ;;
*bench_peer.py\ versions*) echo PyTorch 9.9 ;;
*bench_peer.py*graphs-*) echo "out of memory | 3 GiB" >&2 && exit 1 ;;
*bench_peer.py*) echo '{"samples_per_second": 10, "start_seconds": 1.5, "device_mib": 77}' ;;
*) exec python3 "$@" ;;
esac
EOF
chmod +x python
# The peer in bf16: one variant fails; the case has its row all the same.
benches()
{
    # as a CPU, whose programs are compiled in seconds
    (SEQTRAIN_DEBUG='' && gpu 0 --root "$dir/root" --device cpu --again --parts bench --python ./python --pairs 1 --small --only G1.bf16 G1) &&
        has gpu.md '^\| G1.bf16 \| [0-9,]+ \| 10 \((eager|compile)-bf16, [0-9]+ threads?\) \| [0-9.]+ \|.* 77 \| [0-9.]+, [0-9.]+ \| 1.50, 1.50 \|$' \
            '^\| G1.bf16 \| eager-bf16, .*: 10/s \|$' \
            '^\| G1.bf16 \| graphs-bf16, .* failed: out of memory / 3 GiB \|$'
}
# Of three variants in 12 s one hangs and one fails; pairs behind the first only where there is time.
in_time()
{
    cat >in_time.py <<'EOF'
import sys, time, types
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import bench
arguments = types.SimpleNamespace(seconds=12, pairs=3)
def speed(variant):
    bench.run({"hangs": ["sleep", "30"], "fails": ["sh", "-c", "echo no | tee /dev/stderr; exit 1"], "runs": ["true"]}[variant.mode],
              limit=variant.limit)
    return 5
start = time.monotonic()
best = bench.fastest(arguments, bench.variants(types.SimpleNamespace(threads=1), ["hangs", "fails", "runs"], "", True), speed)
assert best.mode == "runs" and time.monotonic() - start < 29
one = lambda: time.sleep(0.1) or 1
for until, pairs in ((time.monotonic() + 60, 3), (time.monotonic() + 0.1, 1)):
    arguments.until = until
    assert bench.in_pairs(arguments, one, one) == [(1, 1)] * pairs, until
arguments.until, left = time.monotonic() + 60, [1, 1]
def fails_third():
    if not left:
        raise bench.Failed("lost")
    return left.pop()
assert bench.in_pairs(arguments, one, fails_third) == [(1, 1)] * 2
assert bench.fewer(arguments, [1]) == " (1 pair)" and not bench.fewer(arguments, [1] * 3)
EOF
    python3 in_time.py "$top/tests/bench" 2>err && has err '^peer, hangs, 1 thread: failed: did not end in its [0-9] s$' \
        '^peer, fails, 1 thread: failed: no$' '^peer, runs, 1 thread: 5/s$'
}
# Ended by a signal, bench.py leaves neither its folder nor a process.
leaves_nothing()
{
    mkdir temporary && printf '#!/bin/sh\necho $$ >%s/started\nexec sleep 100\n' "$dir" >sleeps && chmod +x sleeps
    TMPDIR=$dir/temporary python3 "$top/tests/bench/bench.py" --seqtrain ./sleeps G1 >out 2>err </dev/null &
    pid=$!
    until_true test -s started && kill $pid && ! wait $pid && ! kill -0 "$(cat started)" && rmdir temporary
}
no_cuda()
{
    cp fake/seqtrain fake/real
    printf '#!/bin/sh\n./real "$@" | sed "s/ CPU, / GPU, /"\n' >fake/seqtrain
    (cuda=1 && export cuda && gpu 1 --root "$dir/root" --device cpu --again --parts bench --python ./python G1)
    ended=$?
    mv fake/real fake/seqtrain
    [ $ended = 0 ] && has err 'no training beside PyTorch: PyTorch 9.9 of .*/python finds no CUDA device' &&
        has gpu.md '^No training is run beside PyTorch: PyTorch 9.9' &&
        gpu 1 --root "$dir/root" --device cpu --parts tune,bench --python ./nothing --again G1 &&
        has err 'nothing is no Python, .*no part tune' 'nothing has no PyTorch: .*(not found|No such file)' && has gpu.md 'not to its end: G1\.$'
}
if command -v python3 >/dev/null; then
    point "beside PyTorch" benches
    point "PyTorch without CUDA, no Python" no_cuda
    point "variants and pairs in their time" in_time
    point "the bench ended by a signal" leaves_nothing
    point "the profile of a case" trains
    point "what measuring chooses" tunes
    point "killed, gone on with" kills
    point "one that takes too long" too_long
else
    skip "one that takes too long" "Python is missing"
    skip "beside PyTorch" "Python is missing"
    skip "PyTorch without CUDA, no Python" "Python is missing"
    skip "variants and pairs in their time" "Python is missing"
    skip "the bench ended by a signal" "Python is missing"
    skip "the profile of a case" "Python is missing"
    skip "what measuring chooses" "Python is missing"
    skip "killed, gone on with" "Python is missing"
fi
echo "1..$points"
