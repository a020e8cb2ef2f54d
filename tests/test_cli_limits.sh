#!/bin/sh
# SPDX-License-Identifier: MIT
# check answers within 10 s of the processor and 500 MiB, or refuses and names the key.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
awk 'BEGIN { print "time,open,close,volume"
    for (i = 0; i < 50000; i++) print 1600000020 + 60 * i "," i % 7 + 1 "," i % 5 + 1 "," i % 3 + 1 }' >long.csv

# within STATUS ARGUMENT...: as run(), and in time.
within()
{
    # shellcheck disable=SC3045 # dash and bash know -t
    (ulimit -t 10 && run "$@") || { cat err && return 1; }
}
deep()
{
    within 0 check -q -d none -c tiny.ini -s model.layers=1024 "$@" &&
        has out '^a step: [67][0-9]{4} launches '
}
point "1024 layers" deep
point "1024 layers, made again" deep -s train.recompute=yes

# The plan is made before the first line comes; what follows does not fit into the pipe.
small()
{
    mkfifo pipe || return 1
    "$seqtrain" check -q -d none -c tiny.ini -s model.layers=1024 >pipe 2>err &
    small_pid=$!
    {
        read -r line
        peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$small_pid/status)
        cat >/dev/null
    } <pipe
    wait $small_pid || return 1
    echo "$line, $peak KiB"
    [ "$peak" -lt 512000 ]
}
if grep -q __asan_init "$seqtrain" || [ ! -r /proc/self/status ]; then
    skip "in 500 MiB" "a sanitizer's own memory is not ours"
else
    point "in 500 MiB" small
fi

long="-s data.source=long.csv -s data.validation=0 -s data.test=0 -s train.monitor=train_loss"
# refused PATTERN ARGUMENT...
refused()
{
    pattern=$1
    shift
    # shellcheck disable=SC2086 # several words
    within 2 check -q -d none -c tiny.ini $long "$@" && lines err 1 && has err "$pattern"
}
recurrent="-s model.type=recurrent -s model.hidden=512 -s data.targets=close -s train.batch=1"
# shellcheck disable=SC2086 # several words
point "as many launches as rows and layers" refused \
    'more than 200000 launches: fewer model\.layers or a shorter data\.window' \
    $recurrent -s data.window=10000 -s model.layers=1024
# shellcheck disable=SC2086
point "one layer fewer would do" refused 'more than 200000 launches' $recurrent \
    -s data.window=20000 -s model.layers=5
# shellcheck disable=SC2086
point "as it does" within 0 check -q -d none -c tiny.ini $long $recurrent \
    -s data.window=20000 -s model.layers=4
point "a table of sines" refused 'encoder_positions .*: a shorter data\.window, a smaller model\.d_model' \
    -s data.window=6000 -s model.d_model=16384 -s model.positions=sinusoidal -s train.batch=1
point "a table of turns" refused 'rotary .*: a shorter data\.window or more model\.heads' \
    -s data.window=6000 -s model.d_model=16384 -s model.heads=1 -s model.positions=rotary -s train.batch=1 \
    -s model.type=transformer -s data.targets=close
halved()
{
    # shellcheck disable=SC2086
    within 2 check -q -d none -c tiny.ini $long -s model.layers=256 -s train.batch=32768 -s train.accumulate=3 \
        -s device.memory=2GiB && has err '^seqtrain: fits: -s train\.batch=[0-9]+ -s train\.accumulate=[0-9]+ '
}
point "what fits is looked for by halving" halved

# --- a batch beyond the windows is cut to them
cut()
{
    run 0 check -d none -c tiny.ini -s train.batch=1048576 &&
        has out '^train\.batch = 1048576 is cut to 151, the number of training windows$' \
            '1 x 151 windows each$' && sed '/is cut to/d' out >cut.out &&
        run 0 check -d none -c tiny.ini -s train.batch=151 && cmp out cut.out
}
point "a batch of more windows than there are" cut
if "$seqtrain" devices >/dev/null 2>&1; then
    trains()
    {
        run 0 -c tiny.ini -s train.batch=1048576 &&
            has out '^train\.batch = 1048576 is cut to 151, the number of training windows' &&
            has run/config.ini '^batch *= 151' && run 0 -q -c run/config.ini -o again &&
            same_weights run/best.safetensors again/best.safetensors
    }
    point "a training with it is the one of config.ini" trains
    resumes()
    {
        run 0 -q -c tiny.ini -o part -s train.batch=1048576 -s train.epochs=1 &&
            run 0 -q -c tiny.ini -o part -s train.batch=1048576 --resume
    }
    point "and goes on" resumes
    point "evaluate takes it" run 0 evaluate -m run/best.safetensors
else
    skip "a training with it" "no OpenCL device"
fi

echo "1..$points"
