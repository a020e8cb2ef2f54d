#!/bin/sh
# SPDX-License-Identifier: MIT
# The slots of a sweep: devices that are gone, memory that runs share, memory that runs out; a file that is
# changed meanwhile.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# fleet EPOCHS KEY...: a sweep of runs that share their programs.
fleet()
{
    sed -e '/^output/d' -e "s/^epochs = 2/epochs = $1/" tiny.ini
    shift
    printf '[sweep]\noutput = fleet\nslots = 0, 0\n'
    printf '%s\n' "$@"
}

# --- devices that are gone

gone()
{
    fleet 20 'train.lr = 1e-3, 2e-3, 3e-3' 'run.seed = 1, 2' | sed 's/^slots .*/slots = 0, 7/' >gone.ini
    rm -rf fleet
    run 0 sweep -c gone.ini -s sweep.retries=0 && has out '^Device 7 is out of service: 3 runs failed on it in a row: device 7: there are 1' '^6 of 6 runs ended' &&
        [ "$(grep -c '^Run . .* failed by its device, 7: device 7: .*: it is tried on another$' out)" -eq 3 ] && ! grep 'failed: ' out &&
        [ "$(events fleet failed)" -eq 0 ] && [ "$(grep -c ',ended,0,20,' fleet/sweep.csv)" -eq 6 ] && [ "$(events fleet out)" -eq 1 ]
}
point "a device that is gone eats no run" gone
none_left()
{
    rm -rf fleet
    run 1 sweep -c gone.ini -s sweep.retries=0 -s 'sweep.slots=7, 7' && has err '^seqtrain: no slot is left for 6 of 6 runs, which are to be done: device 7: device 7: there are' &&
        [ "$(grep -c ',waiting,0,0,0,' fleet/sweep.csv)" -eq 6 ] && [ "$(events fleet forgiven)" -eq 3 ] &&
        run 0 sweep -c gone.ini -s sweep.slots=0 && has out '^6 of 6 runs ended' && [ "$(events fleet failed)" -eq 3 ] &&
        head -n 1 out | grep '^Run [45] .* begins' # those that no device has failed come first
}
point "where no device is left the sweep ends, and its runs are to be done" none_left
everywhere()
{
    rm -rf fleet
    run 1 sweep -c gone.ini -s run.seed=1 -s train.lr=1e-3 -s 'sweep.slots=7, 8' && has err '1 of 1 runs failed for good' &&
        has out 'Run 1 .* failed by its device, 7: ' 'Run 1 .* failed: device 8: .*: it is tried again$' && has fleet/sweep.csv '^1,.*,failed,2,0,'
}
point "a run that fails on each device fails itself" everywhere

# --- the file is changed

changed_file()
{
    fleet 40 'train.lr = 1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3' >edited.ini
    rm -rf fleet
    "$seqtrain" sweep -c edited.ini >out 2>err </dev/null &
    supervisor=$!
    until_true grep -q '"event":"epoch"' fleet/1e-3/log.jsonl
    sed 's/^epochs = 40/epochs = 41/' edited.ini >new.ini && mv new.ini edited.ini
    wait $supervisor
    got=$?
    [ $got -eq 2 ] && has err '^seqtrain: edited.ini was changed while the sweep ran: [1-4] of 6 runs are to be done$' && [ "$(events fleet failed)" -eq 0 ] || { cat out err && return 1; }
    sed 's/^epochs = 41/epochs = 40/' edited.ini >new.ini && mv new.ini edited.ini
    run 0 sweep -c edited.ini && has out '^6 of 6 runs ended'
}
point "a file that is changed loses no run" changed_file

# --- memory of a device, for all of its runs together

# need CONFIG: the bytes of its plan.
need()
{
    run 0 check -q -c "$1" -s device.memory=256MiB &&
        bytes=$(sed -n 's/^ *\([0-9.]*\) MiB of .* MiB that device\.memory_fraction allows$/\1/p' out | awk '{ printf "%d", $1 * 1048576 }')
}
# budget TIMES: settings of a budget of so many plans.
budget()
{
    awk -v n="$1" -v bytes="$bytes" 'BEGIN { printf "-s device.memory=16MiB -s device.memory_fraction=%.6f", n * bytes / 16777216 }'
}
# order: what was planned and what ended, in the order of the journals.
order()
{
    cat fleet/journal/*.jsonl | grep -E '"event":"(planned|ended)"' | sed 's/^{"n":\([0-9]*\),"event":"\([a-z]*\)".*"run":\([0-9]*\).*/\1 \2 \3/' | sort -n | cut -d' ' -f2- | tr '\n' ';'
}
waiting()
{
    fleet 4 'train.lr = 1e-3, 2e-3, 3e-3' >waiting.ini
    rm -rf fleet
    # shellcheck disable=SC2046 # words
    need waiting.ini && run 0 sweep -c waiting.ini $(budget 1.5) && has out '^3 of 3 runs ended' &&
        has out "^Run [12] \([12]e-3\) waits for memory: its plan needs [0-9.]+ [MG]iB, and 1 other on device 0 has [0-9.]+ [MG]iB of [0-9.]+ [MG]iB\.$" &&
        order | grep -E '^planned (.);ended \1;planned (.);ended \2;planned (.);ended \3;$'
}
point "plans that do not fit together wait for each other" waiting
beside()
{
    rm -rf fleet
    # shellcheck disable=SC2046 # words
    run 0 sweep -c waiting.ini $(budget 2.5) && ! grep waits out && [ "$(events fleet planned)" -eq 3 ]
}
point "those that fit do not" beside
# both: two runs are under way at once.
both()
{
    [ "$(events fleet planned)" -ge 2 ] && has out.auto 'begins in slot 1, device 0'
}
shared()
{
    fleet 4000 'train.lr = 1e-3, 2e-3, 3e-3' | sed 's/^slots .*/slots = auto/' >auto.ini
    rm -rf fleet
    "$seqtrain" sweep -c auto.ini -s device.select=0 -s device.memory=256MiB >out.auto 2>err </dev/null &
    supervisor=$!
    until_true both
    got=$?
    kill -TERM $supervisor
    wait $supervisor
    [ $got -eq 0 ]
}
single_file()
{
    fleet 2 'train.lr = 1e-3, 2e-3, 3e-3' | sed 's/^slots .*/slots = auto/' >auto.ini
    rm -rf fleet
    run 0 sweep -c auto.ini "$@" && ! grep 'slot 1' out &&
        order | grep -E '^planned (.);ended \1;planned (.);ended \2;planned (.);ended \3;$'
}
point "slots = auto: a CPU trains one run at a time" single_file -s device.select=cpu
if [ "$(nproc)" -gt 1 ]; then
    point "as many as fit into the memory that it is given" shared
else
    skip "as many as fit into the memory that it is given" "one core"
fi
one_fits()
{
    # shellcheck disable=SC2046 # words
    need auto.ini && single_file -s device.select=0 $(budget 1.5)
}
point "one where a second would not fit" one_fits
point "one that sets a power limit" single_file -s device.select=0 -s device.memory=256MiB -s device.power_limit=250
two_limits()
{
    rm -rf fleet
    run 2 sweep -c waiting.ini -s device.power_limit=250 && [ ! -e fleet ] &&
        has err '^seqtrain: waiting.ini: slots 0 and 1 are one device, .*nvidia-smi -pl 250'
}
point "two slots of a device cannot both set one" two_limits

# --- the device has less memory than the plan could know: another process took it

fault=${seqtrain%/seqtrain}/seqtrain-fault
# short CONFIG: a sweep on a device that has half of what the plan needs.
short()
{
    run 0 check -q -c "$1" -s device.memory=256MiB || return 1
    half=$(sed -n 's/^ *\([0-9.]*\) MiB of .* MiB that device\.memory_fraction allows$/\1/p' out | awk '{ printf "%d", $1 * 524288 }')
    SEQTRAIN_FAULT_MEMORY=$half:clCreateBuffer "$fault" sweep -c "$1" >out 2>err </dev/null
    got=$?
}
changed_batch='s/^[12],.*,train\.batch=\([0-9]*\)$/\1/p'
smaller()
{
    fleet 2 'train.lr = 1e-3, 2e-3' | sed 's/^batch .*/&\nevaluate_batch = 32/' >short.ini
    rm -rf fleet
    short short.ini
    [ $got -eq 0 ] && has out "^Run 1 \(1e-3\): the device's memory ran out in spite of the plan: it goes on with train.batch = 16, accumulate = 2$" \
        '^2 of 2 runs ended' && [ "$(events fleet failed)" -eq 0 ] && [ "$(events fleet smaller)" -ge 2 ] || { cat out err && return 1; }
    batch=$(sed -n "$changed_batch" fleet/sweep.csv | head -n 1)
    has fleet/sweep.csv '^1,.*,ended,0,2,.*,train\.batch=' '^2,.*,ended,0,2,.*,train\.batch=' &&
        has fleet/sweep.json "\"train.batch\": $batch" "\"train.accumulate\": $((32 / batch))" &&
        has fleet/1e-3/config.ini "^batch = $batch$" "^accumulate = $((32 / batch))$" &&
        run 0 sweep -c short.ini --status && has out "ended .* train.batch = $batch$"
    # and that is the run with this micro-batch
    run 0 -q -c fleet/1e-3/config.ini -o alone.short -s train.batch="$batch" -s train.accumulate=$((32 / batch)) &&
        same_weights fleet/1e-3/best.safetensors alone.short/best.safetensors
}
# resumed: the runs were stopped behind their first epoch; they go on from there.
resumed()
{
    fleet 40 'train.lr = 1e-3, 2e-3' | sed 's/^batch .*/&\nevaluate_batch = 32/' >short.ini
    rm -rf fleet
    "$seqtrain" sweep -c short.ini >out 2>err </dev/null &
    supervisor=$!
    until_true grep -q '"event":"epoch"' fleet/1e-3/log.jsonl && until_true [ -e fleet/1e-3/last.safetensors ] &&
        kill -TERM $supervisor
    wait $supervisor
    done=$(grep -c '"event":"epoch"' fleet/1e-3/log.jsonl)
    short short.ini
    [ $got -eq 0 ] && has out 'Run 1 .* train.batch = 16,' '^2 of 2 runs ended' || { cat out err && return 1; }
    has fleet/sweep.csv '^1,.*,ended,0,40,.*,train\.batch=' && [ "$(grep -c '"event":"epoch"' fleet/1e-3/log.jsonl)" -eq 40 ] &&
        grep '"event":"warning"' fleet/1e-3/log.jsonl | grep -q 'train.batch = [0-9]* with accumulate = .* 32 did before' &&
        [ "$done" -ge 1 ] && has fleet/1e-3/log.jsonl '"event":"resume"'
}
# none: not even a window fits.
none()
{
    rm -rf fleet
    SEQTRAIN_FAULT_MEMORY=1000:clCreateBuffer "$fault" sweep -c short.ini -s sweep.retries=1 >out 2>err </dev/null
    [ $? -eq 1 ] && has out "^Run 1 .* failed: no micro-batch is smaller than train.batch = 1: .*the device's memory ran out" &&
        has fleet/sweep.csv '^1,.*,failed,2,0,.*,train\.batch=1$'
}
if [ -x "$fault" ]; then
    point "a run that is short of memory goes on with a smaller micro-batch" smaller
    point "from its checkpoint" resumed
    point "where none is smaller it fails, and says so" none
else
    skip "a device that is short of memory" "seqtrain-fault needs glibc"
fi

echo "1..$points"
