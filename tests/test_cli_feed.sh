#!/bin/sh
# SPDX-License-Identifier: MIT
# data.feed: windows that are brought to the device batch by batch give the bits of those that lie
# there, from the first step to the last, and whatever the run was before it goes on.
configs=$(cd "${srcdir-.}/configs" && pwd) || exit 1
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
ln -s "$configs/data" data

# verdict FOLDER: figures of the evaluation at the end, without the time of day.
verdict()
{
    sed -n '/^{"event":"verdict",/s/"time":[^,]*,//p' "$1/log.jsonl"
}

# both FILE ARGUMENT...: trains by either feed; the same weights, optimizer and figures.
both()
{
    for feed in resident stream; do
        run 0 train -c "$@" -s data.feed=$feed -o $feed --overwrite || return 1
        grep -c 'windows of each batch are brought to the device' out >told.$feed
    done
    [ "$(cat told.resident told.stream)" = "0
1" ] || { echo "what is told: $(cat told.resident told.stream)" && return 1; }
    same_weights resident/best.safetensors stream/best.safetensors &&
        state resident/last.safetensors >state.a && state stream/last.safetensors >state.b &&
        [ "$(wc -l <state.a)" -gt 500 ] && cmp state.a state.b || return 1
    for key in step train_loss val_loss grad_norm best; do
        epochs resident $key >log.a && epochs stream $key | cmp - log.a || return 1
    done
    verdict resident >log.a
    [ -s log.a ] && verdict stream | cmp - log.a
}

for name in stocks etth1; do
    point "$name.ini: the same bits by either feed" both "$configs/$name.ini" -s train.epochs=1 \
        -s plots.enable=none
done
# A window of validation is longer than one of training, and goes on where the one before ended.
point "amplifier.ini: the same bits by either feed" both "$configs/amplifier.ini" -s train.epochs=1 \
    -s plots.enable=none -s data.stride=60
point "an autoencoder with groups of batches and a short last one: the same bits" both tiny.ini \
    -s train.batch=16 -s train.accumulate=2 -s model.dropout=0.2

series()
{
    awk 'BEGIN { print "t,a,b"
        for (i = 0; i < 4000; i++) print 1600000000 + 60 * i "," sin(i / 9) + sin(i / 70) "," cos(i * i) }'
}
series >series.csv
cat >small.ini <<'INI'
[run]
output = run
[data]
source   = series.csv
time     = t
features = a, b
targets  = a
window   = 16
horizon  = 2
noise    = 0.1
balance  = weight
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
batch  = 64
epochs = 2
schedule = constant
warmup = 1 steps
[plots]
enable = none
INI
point "weighted windows, noise: the same bits" both small.ini

# goes_on FEED OTHER: one epoch by one feed, the next one by the other, is two by any.
goes_on()
{
    run 0 train -c small.ini -o part --overwrite -s train.epochs=1 -s data.feed="$1" &&
        run 0 train -c small.ini -o part --resume -s train.epochs=2 -s data.feed="$2" &&
        same_weights part/best.safetensors resident/best.safetensors
}
point "a run goes on as a stream" goes_on resident stream
point "a stream goes on as a resident run" goes_on stream resident

# Series and targets of 4,000 rows take 48,000 bytes and more: too much where buffers may take 42 KB.
refused()
{
    run "$1" check -c small.ini -d none -s device.memory=1MiB -s device.memory_fraction=0.04 \
        -s data.balance=none -s data.feed="$2" -s train.batch=4 -s train.evaluate_batch=4
}
stream_is_told='the windows of each batch are brought to the device'
too_large()
{
    refused 2 resident &&
        has err 'do not fit: .*; data\.feed = stream brings the windows of each batch' || return 1
    for feed in auto stream; do
        refused 0 $feed && has out "$stream_is_told" || return 1
    done
    run 0 check -c small.ini -d none && ! has out "$stream_is_told"
}
point "series that do not fit the device are streamed" too_large

# 1,000,000 rows: read, 32 MB in four columns; series of six features, 24 MB; a target, 20 MB.
awk 'BEGIN { print "t,a,b,c"
    for (i = 0; i < 1000000; i++)
        printf "%d,%d,%d.5,%d\n", 1600000000 + 60 * i, i * 7919 % 1009, i * i % 8191, i % 97 }' >long.csv
sed -e 's/series.csv/long.csv/' -e 's/^features .*/features = a, b, c, ret(b), ma(a,20), lag(c,3)/' \
    -e 's/^window .*/window = 16\
stride = 100\
scaler = robust/' small.ini >long.ini

# fits KB FILE FEED: whether so much memory of its own is enough to load the data; what files are mapped
# to is none. On one core: each thread takes memory for its stack.
cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status 2>/dev/null)
fits()
{
    (ulimit -d "$1" && OPENBLAS_NUM_THREADS=1 exec taskset -c "$cpu" timeout 60 "$seqtrain" check \
        -c "$2" -d none -s device.memory=1GiB -s data.cache=no -s data.feed="$3") >out 2>err
}

# The least memory, in steps of 1 MB, that 4,000 rows are loaded in.
base=2000
while [ $base -lt 64000 ] && ! fits $base small.ini resident; do
    base=$((base + 1000))
done
bounded()
{
    echo "4,000 rows take $base KB"
    fits $((base + 200000)) long.ini resident && ! fits $((base + 2000)) long.ini resident &&
        has err 'out of memory' && fits $((base + 2000)) long.ini stream
}
name="1,000,000 rows are loaded in 2 MB more than 4,000: less than an array of them"
if [ $base -lt 64000 ]; then
    point "$name" bounded
else
    skip "$name" "seqtrain does not start in 64 MB of memory here, or there is no taskset"
fi
point "1,000,000 rows: the same bits" both long.ini -s train.epochs=1

# A cache folder that cannot be made.
no_cache_folder()
{
    touch occupied
    (XDG_CACHE_HOME=$PWD/occupied && export XDG_CACHE_HOME &&
        run 1 check -c small.ini -d none -s data.feed=stream) &&
        lines err 1 && has err 'data\.feed = stream: .*/occupied/seqtrain: '
}
point "a stream without a cache folder is refused" no_cache_folder
too_large_a_file()
{
    (ulimit -f 1000 && run 1 check -c small.ini -d none -s data.feed=stream) &&
        lines err 1 && has err 'data\.feed = stream: .*/seqtrain: File too large'
}
point "a stream whose file may not be as large as it has to be is refused" too_large_a_file

echo "1..$points"
