#!/bin/sh
# SPDX-License-Identifier: MIT
# A run's resident size grows by at most 256 KiB in the 4800 steps that follow step 200, with the cache
# of parsed columns and without it. Pages that are touched for the first time late (a stack, a heap of
# another thread) come once: where it grew by more, the next 4800 steps must not. A leak shows in both.
# The size is that of smaps_rollup, which counts pages; VmHWM and
# VmRSS are sums of counters that each processor keeps for itself and can be off by as much.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

if ! grep -q '^Rss:' /proc/self/smaps_rollup 2>/dev/null; then
    echo "1..0 # SKIP no /proc/self/smaps_rollup"
    exit 0
fi

# A file that is large and old enough for the cache. Epochs of 20 steps, so that the log tells them.
candles 800 >long.csv
touch -t 202001010000 long.csv
cat >recurrent.ini <<'INI'
[run]
output = run

[data]
source   = long.csv
time     = time
features = ret(close), volume
targets  = ret(close)
target_transform = standard
window   = 8
noise    = 0.1

[model]
type   = recurrent
hidden = 4
layers = 1

[train]
epochs   = 100000
batch    = 32
lr       = 1e-3
schedule = constant
warmup   = 5 steps

[plots]
enable = none
INI
sed -e '/^target/d; /^noise/d' -e 's/^type .*/type = autoencoder/' -e 's/^hidden .*/d_model = 4\
heads = 2\
feedforward = 8\
latent = 2/' recurrent.ini >autoencoder.ini

# The last step that the log tells of.
step()
{
    { epochs run step 2>/dev/null || echo; } | tail -n 1
}

# wait_for STEP: waits until the log tells of this step; prints the step and the resident size in KiB.
# Fails where the run has ended.
wait_for()
{
    while kill -0 $pid 2>/dev/null; do
        at=$(step)
        size=$(awk '$1 == "Rss:" { print $2 }' /proc/$pid/smaps_rollup)
        if [ "${at:-0}" -ge "$1" ]; then
            echo "$at $size"
            return
        fi
        sleep 0.02 2>/dev/null || sleep 1
    done
    return 1
}

# grows NAME ARGUMENT...: by how much the size grows. What compiling kernels takes would hide it: a
# run before leaves them compiled.
grows()
{
    name=$1
    shift
    point "$name: a short run" run 0 -q "$@" --overwrite -s train.epochs=1
    rm -rf run
    "$seqtrain" -v "$@" >out 2>err </dev/null &
    pid=$!
    before=$(wait_for 200) && after=$(wait_for $((${before% *} + 4800)))
    once=
    if [ -n "$after" ] && [ $((${after#* } - ${before#* })) -gt 256 ]; then
        once=" (before: $before)"
        before=$after
        after=$(wait_for $((${before% *} + 4800)))
    fi
    kill $pid
    wait $pid 2>/dev/null
    points=$((points + 1))
    # shellcheck disable=SC2086 # numbers
    set -- $before $after
    if [ $# -eq 4 ] && [ $(($4 - $2)) -le 256 ]; then
        echo "ok $points - $name: $2 KiB at step $1, $4 KiB at step $3$once"
    else
        echo "not ok $points - $name: at steps and KiB: $*$once"
        sed 's/^/# /' err
    fi
}

grows "recurrent, without cache" -c recurrent.ini -s data.cache=no
grows "recurrent, with the cache" -c recurrent.ini
point "the cache was used" has out '^data: long\.csv: from the cache, '
grows "autoencoder" -c autoencoder.ini

echo "1..$points"
