#!/bin/sh
# SPDX-License-Identifier: MIT
# Memory: train.batch = auto under a budget, what stands of it in the run folder, and how a run resumes.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

candles 1200 >some.csv
sed -e 's/candles\.csv/some.csv/' -e 's/^warmup.*/&\nschedule = constant/' tiny.ini >some.ini
auto='-s train.effective_batch=96 -s train.batch=auto -s train.accumulate=auto'

# value KEY FILE: of a key in an INI.
value()
{
    sed -n "s/^$1 = //p" "$2"
}

# check_auto BATCH ACCUMULATE WHY ARGUMENT...: what auto becomes, as check tells it.
check_auto()
{
    auto_batch=$1 auto_accumulate=$2 auto_why=$3
    shift 3
    # shellcheck disable=SC2086 # words
    run 0 check -c some.ini $auto "$@" &&
        has out "^train\\.batch = auto is $auto_batch, accumulate = $auto_accumulate: $auto_why" \
            "^steps: .*; $auto_accumulate x $auto_batch windows each$"
}
point "auto takes the whole step where it fits" check_auto 96 1 'all at once'
# budget BATCH ACCUMULATE ARGUMENT...: sets $small to the memory that these need.
budget()
{
    budget_batch=$1 budget_accumulate=$2
    shift 2
    run 0 check -q -c some.ini -s device.memory=256MiB -s train.batch="$budget_batch" \
        -s train.accumulate="$budget_accumulate" "$@" || return 1
    needed=$(sed -n 's/^ *\([0-9.]*\) MiB of .* MiB that device\.memory_fraction allows$/\1/p' out)
    small="-s device.memory=16MiB -s device.memory_fraction=$(awk -v mib="$needed" 'BEGIN { printf "%.6f", (mib + 0.01) / 16 }')"
}
in_less()
{
    # shellcheck disable=SC2086 # words
    budget 48 2 -d none && check_auto 48 2 'the next larger divisor does not fit' -d none $small
}
point "and what fits into a smaller memory" in_less
point "the micro-batch changes what the contrastive term sees, which is told" has out \
    '^the contrastive term is that of each micro-batch of 48 windows$'
small_data()
{
    run 0 check -q -c some.ini && windows=$(sed -n 's/^windows: \([0-9]*\) training.*/\1/p' out) &&
        [ "$windows" -gt 100 ] && step=$((2 * windows)) && half=$windows &&
        run 0 check -c some.ini $auto -s train.effective_batch=$step &&
        has out "auto is $half, accumulate = 2: no more than the training windows" &&
        run 0 check -c some.ini -s train.effective_batch=$step -s train.batch=$step -s train.accumulate=auto &&
        has out "^train.batch = $step is cut to $half, the number" "; 2 x $half windows each"
}
point "never more than the training windows, and always a divisor" small_data
prime()
{
    # shellcheck disable=SC2086 # words
    budget 48 2 -d none && run 0 check -c some.ini $auto -s train.effective_batch=97 -d none $small &&
        has out 'auto is 1, accumulate = 97: the next larger'
}
point "where only 1 and the step itself divide it" prime
nothing_fits()
{
    run 2 check -q -c some.ini $auto -d none -s device.memory=1MiB -s device.memory_fraction=0.05 &&
        has err 'not even batch = 1 fits'
}
point "where not even one window fits" nothing_fits

# A run under a budget keeps its numbers, in config.ini and checkpoint, and goes on with them where more
# memory is there.
trained()
{
    # shellcheck disable=SC2086 # words
    budget 32 3 && run 0 -q -c some.ini $auto $small -s train.epochs=1 -s cluster.categories=0 &&
        [ "$(value batch run/config.ini)" = 32 ] && [ "$(value accumulate run/config.ini)" = 3 ] &&
        [ "$(value effective_batch run/config.ini)" = 96 ] &&
        header run/last.safetensors | grep -q 'batch = 32\\naccumulate = 3\\n'
}
point "a run has numbers in config.ini and checkpoint" trained
resumed()
{
    # shellcheck disable=SC2086 # words
    run 0 -q -r -c some.ini $auto -s train.epochs=2 -s cluster.categories=0 && [ "$(value batch run/config.ini)" = 32 ] &&
        run 0 -q -c some.ini -o twice -s train.effective_batch=96 -s train.batch=32 -s train.accumulate=3 \
            -s train.epochs=2 -s cluster.categories=0 &&
        state run/last.safetensors >a && state twice/last.safetensors >b && diff a b
}
point "it resumes with them, to the same bits" resumed
other_step()
{
    # shellcheck disable=SC2086 # words
    run 2 -q -r -c some.ini $auto -s train.effective_batch=192 -s train.epochs=3 &&
        has err '^seqtrain: --resume: train\.effective_batch: .96. in the checkpoint, .192. here'
}
point "not with another step" other_step
evaluated()
{
    run 0 evaluate -c some.ini -o plain -s train.effective_batch=96 -s train.batch=96 -s train.accumulate=1 && run 0 evaluate -c some.ini -o by_auto -s train.effective_batch=96 -s train.batch=auto -s train.accumulate=auto &&
        cmp plain by_auto
}
point "evaluate takes auto as well" evaluated

# --- recomputation

# remade PATTERN ARGUMENT...: what check says of it for the plan of the autoencoder.
remade()
{
    pattern=$1
    shift
    run 0 check -q -c some.ini -d none -s model.layers=3 "$@" && has out "^made again for the backward pass: $pattern"
}
point "yes makes all again that is cheap, at a cost that is told" remade \
    '([1-9][0-9]*) of \1 operations that can be, [0-9.]+ GFLOP a step, [0-9.]+% of it$' -s train.recompute=yes
point "layers makes whole layers again as well" remade \
    '([1-9][0-9]*) of \1 operations that can be and 5 of 5 layers, [0-9.]+ GFLOP a step, [1-9][0-9.]+% of it$' \
    -s train.recompute=layers
saved()
{
    has out '^ +activations take [0-9.]+ MiB so, not [0-9.]+ MiB$' && awk '/^ +activations take/ { exit !($3 < $7 / 2) }' out
}
point "and says what that saves" saved
point "auto nothing where all fits" remade 'nothing, all of it fits$' -s train.recompute=auto
some_remade()
{
    budget 32 1 -d none -s model.layers=3 && all=$needed && budget 32 1 -d none -s model.layers=3 -s train.recompute=yes &&
        half="-s device.memory=16MiB -s device.memory_fraction=$(awk -v a="$all" -v b="$needed" 'BEGIN { printf "%.6f", (a + b) / 32 }')" &&
        run 2 check -q -c some.ini -d none -s model.layers=3 $half && has err '^seqtrain: fits: -s train\.recompute=yes ' &&
        remade '[1-9][0-9]* of [1-9]' -s train.recompute=auto $half &&
        awk '/^made again/ { exit !($7 < $9) }' out
}
point "and else no more than it takes" some_remade
layers_remade()
{
    budget 32 1 -d none -s model.layers=3 -s train.recompute=yes && all=$needed &&
        budget 32 1 -d none -s model.layers=3 -s train.recompute=layers &&
        half="-s device.memory=16MiB -s device.memory_fraction=$(awk -v a="$all" -v b="$needed" 'BEGIN { printf "%.6f", (a + b) / 32 }')" &&
        run 2 check -q -c some.ini -d none -s model.layers=3 $half -s train.recompute=yes &&
        has err '^seqtrain: fits: -s train\.recompute=layers \(makes the same step, most of its forward pass twice\)$' &&
        remade '([1-9][0-9]*) of \1 operations that can be and [1-4] of 5 layers' -s train.recompute=auto $half
}
point "layers where operations are not enough" layers_remade
traced()
{
    run 0 check -q -c some.ini -d none -v --plan -s model.layers=3 -s train.recompute=layers &&
        has out '^  attention .*: .*made again with its layer$'
}
point "the list of operations tells which" traced

# --- a model of full width on a card of 12 GiB, as MEMORY of seqtrain.ini(5) has it

configs=${srcdir-.}/configs
case $configs in /*) ;; *) configs=$OLDPWD/$configs ;; esac
card="-d none -s device.memory=12GiB"
# full RESAMPLE WINDOW BATCH ACCUMULATE MIB
full()
{
    # shellcheck disable=SC2086 # words
    run 0 check -c "$configs/fleet.ini" $card -s train.effective_batch=1024 -s train.batch=auto \
        -s train.accumulate=auto -s data.resample="$1" -s data.window="$2" &&
        has out "auto is $3, accumulate = $4: the next larger divisor does not fit" \
            "^ *$5 MiB of 11673\.60 MiB that device\.memory_fraction allows"
}
point "4 x 1024 with windows of 240" full 1m 240 128 8 8289.86
point "of 144" full 5m 144 256 4 9689.59
point "of 96" full 15m 96 256 4 6904.21
full_layers()
{
    # shellcheck disable=SC2086 # words
    run 0 check -c "$configs/fleet.ini" $card -s train.effective_batch=1024 -s train.batch=auto -s train.accumulate=auto \
        -s data.resample=1m -s data.window=240 -s train.recompute=layers &&
        has out "auto is 256, accumulate = 4: the next larger divisor does not fit" '^ *6621\.56 MiB of' \
            'and 3 of 3 layers, [0-9.]+ GFLOP a step, 18\.99% of it$'
}
point "of 240 with layers made again" full_layers
original()
{
    wide='-s model.layers=5 -s model.hidden=1536'
    # shellcheck disable=SC2086 # words
    run 2 check -q -c "$configs/fleet.ini" $card $wide -s train.batch=2048 -s train.accumulate=1 &&
        has err 'activations +207[0-9]{3}\.' && words=$(sed -n 's/^seqtrain: fits: \(.*train\.batch.*\) (.*)$/\1/p' err) &&
        [ "$words" = '-s train.batch=64 -s train.accumulate=32' ] &&
        run 0 check -q -c "$configs/fleet.ini" $card $wide -s train.batch=2048 -s train.accumulate=1 $words
}
point "5 x 1536 with a batch of 2048 is refused, and the batch that is named fits" original

# --- the device has less memory than the plan could know: another process took it

fault=${seqtrain%/seqtrain}/seqtrain-fault
# short CALL: half of what the plan needs is there, and this call of OpenCL tells.
short()
{
    rm -rf run
    budget 32 3 || return 1
    half=$(awk -v mib="$needed" 'BEGIN { printf "%d", mib * 524288 }')
    SEQTRAIN_FAULT_MEMORY=$half:$1 SEQTRAIN_FAULT_REPORT=report "$fault" -q -c some.ini -s train.batch=32 \
        -s train.accumulate=3 >out 2>err </dev/null
    got=$?
    [ $got -eq 4 ] && lines err 1 && has err "^seqtrain: .*the device's memory ran out in spite of the plan .*: $1: CL_" &&
        [ "$(wc -w <report)" -eq 5 ]
}
# in_log: the log has the cause, and what was tried.
in_log()
{
    grep '"event":"error"' run/log.jsonl >event && has event '"cause":"device_memory"' '"batch":32' '"accumulate":3'
}
if [ -x "$fault" ]; then
    point "no memory for a buffer" short clCreateBuffer
    point "the folder is not begun" [ ! -e run ]
    point "none behind a buffer, when it is used first" short clEnqueueFillBuffer
    point "none for a kernel" short clEnqueueNDRangeKernel
    point "the log tells it from other failures" in_log
else
    skip "a device that is short of memory" "seqtrain-fault needs glibc"
fi

echo "1..$points"
