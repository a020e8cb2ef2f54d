#!/bin/sh
# SPDX-License-Identifier: MIT
# Several devices from one call train one model together, to the bits of one device, whatever their
# number; what goes wrong in one of their processes ends all, and no process is left.
# shellcheck source=tests/cli.sh
plugin=$PWD/seqtrain-mpi.so
. "${srcdir-.}/tests/cli.sh"

if ! shows 4; then
    echo "1..0 # SKIP PoCL alone can show four devices on one CPU"
    exit 0
fi

sharded 4 >several.ini

point "one device" run 0 -c several.ini -q -s run.output=one -d 0
for devices in 0,1 "2, 0, 1" 0,1,2,3; do
    point "devices $devices train" run 0 -c several.ini -q -s run.output="on $devices" -d "$devices"
    point "devices $devices: the same bits" same_training one "on $devices"
done
if (unset POCL_DEVICES; "$seqtrain" devices | grep -q 'can be cut into .*2'); then
    parts()
    {
        (unset POCL_DEVICES; run 0 -c several.ini -q -s run.output=parts -d 0.0/2,0.1/2) && same_training one parts
    }
    point "two parts of a device: the same bits" parts
else
    skip "two parts of a device: the same bits" "the device cannot be cut in two"
fi

told()
{
    run 0 -c several.ini -s run.output=told -s 'device.select="0", 1' &&
        has out '^Devices: 0, 1 train together, each micro-batch in 4 shards\.' && [ ! -s err ] &&
        [ "$(grep -c '^Epoch' out)" -eq 3 ] && [ "$(grep -c '"event":"end"' told/log.jsonl)" -eq 1 ] &&
        has told/config.ini '^select = 0, 1$'
}
point "the first tells, once" told
uses_first()
{
    run 0 evaluate -m told && has err 'device\.select names 2 devices: evaluate uses the first of them, 0$' &&
        lines err 1 && run 0 evaluate -m told -q && [ ! -s err ]
}
point "evaluate uses the first, and says so" uses_first
checked()
{
    run 0 check -c several.ini -d 0,1,2 && [ "$(grep -c '^device: ' out)" -eq 3 ] &&
        [ "$(grep -c '^device memory: ' out)" -eq 3 ] &&
        has out '^devices: 3 train together, 2 of 4 shards on 0, 1 of 4 shards on 1, 1 of 4 shards on 2$'
}
point "check plans for each" checked
listed()
{
    run 0 devices -d 1,3 && [ "$(grep -c '^\* [13]: ' out)" -eq 2 ] && [ "$(grep -c '^  [02]: ' out)" -eq 2 ]
}
point "devices marks each" listed

# --- ends

# started FOLDER DEVICES: they train in the folder, without an end; waits for checkpoints. $pid is the
# process that was started, $children the others.
started()
{
    "$seqtrain" -c several.ini -q -s run.output="$1" -d "$2" -s train.epochs=100000 >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ ! -e "$1/last.1.safetensors" ]; do
        sleep 0.02
    done
    children=$(ps -e -o pid= -o ppid= | awk -v p=$pid '$2 == p { print $1 }')
    [ -n "$children" ] || { echo "no process but the first"; return 1; }
}

# nobody_left: the processes are gone, or zombies that nobody waits for, within 30 s.
nobody_left()
{
    tries=0
    while [ $tries -lt 600 ]; do
        left=
        for child in $children; do
            case $(ps -o stat= -p "$child") in '' | Z*) ;; *) left="$left $child" ;; esac
        done
        [ -z "$left" ] && return
        sleep 0.05
        tries=$((tries + 1))
    done
    echo "left:$left"
    return 1
}

# ended STATUS: the first process ends so, and all others with it.
ended()
{
    wait "$pid"
    got=$?
    sed -i '/warning: at this speed/d' err # where much else is done
    [ $got -eq "$1" ] || { echo "exit status $got, not $1"; return 1; }
    nobody_left
}
killed()
{
    started part 0,1,2 && kill -KILL "${children##*[!0-9]}" && ended 1 && lines err 1 &&
        has err '^seqtrain: device 2: its process was killed \(SIGKILL\)' &&
        [ "$(tail -n 1 part/log.jsonl | grep -c '"event":"error".*device 2: its process')" -eq 1 ]
}
parent_killed()
{
    started orphans 0,1,2 && kill -KILL $pid && ended 137
}
ctrl_c()
{
    # shellcheck disable=SC2086 # a terminal sends it to all
    started int 0,1 && kill -INT $pid $children && ended 130 && [ ! -s err ]
}
terminated()
{
    started term 0,1 && kill -TERM $pid && ended 143 && [ ! -s err ]
}
one_terminated()
{
    started alone 0,1 && kill -TERM "$children" && ended 143 && [ ! -s err ]
}

# goes_on FOLDER DEVICES: these train two epochs more, and one device as many from the start.
goes_on()
{
    most=$(($(grep -c '^{"event":"epoch"' "$1/log.jsonl") + 2))
    run 0 -c several.ini -q -r -s run.output="$1" -d "$2" -s train.epochs=$most &&
        run 0 -c several.ini -q -s run.output="$1.whole" -d 0 -s train.epochs=$most && same_training "$1.whole" "$1"
}
point "a process is killed: all end, and it is told" killed
point "two devices go on, to the bits of one" goes_on part 0,1
point "the first process is killed: none is left" parent_killed
point "four devices go on at once, to the bits of one" goes_on orphans 0,1,2,3
point "Ctrl-C" ctrl_c
point "one device goes on, to the bits of one" goes_on int 1
point "SIGTERM" terminated
point "SIGTERM to a further process alone" one_terminated

# --- refused

refused()
{
    status=$1
    shift
    pattern=$1
    shift
    run "$status" "$@" && lines err 1 && has err "$pattern" && [ ! -e none/last.safetensors ]
}
point "a device that is not there is told by its process" refused 4 '^seqtrain: device 7: there are 4' \
    -c several.ini -q -s run.output=none -d 0,7
point "more devices than shards" refused 2 \
    'device\.select names 3 devices, .* and train\.shards is 2: train\.shards = 4 would do' \
    -c several.ini -q -s run.output=none -d 0,1,2 -s train.shards=2
point "check says so, too" refused 2 'and train\.shards is 1: train\.shards = 2 would do' \
    check -c several.ini -q -d 0,1 -s train.shards=1
point "a batch that is too small" refused 2 'a larger train\.batch is needed, too' \
    -c several.ini -q -s run.output=none -d 0,1,2 -s train.batch=2 -s train.shards=2
point "a device twice" refused 2 "'1' stands there twice" -c several.ini -q -s run.output=none -d 1,0,1
point "none among others" refused 2 "'none' stands for no device, and not among" check -c several.ini -d 0,none

# The second is of another kind: it has one compute unit.
other_kind()
{
    (POCL_DEVICES='pthread basic' && [ "$(count_devices)" -eq 2 ] || exit 0
    refused 1 '^seqtrain: device 1 has other launches \(another kind of device\?\) than rank 0' \
        -c several.ini -q -s run.output=none -d 0,1 &&
        refused 2 'device 1: its launches are others than those of the first' check -c several.ini -q -d 0,1)
}
point "devices of two kinds" other_kind

sed 's/^output .*//' several.ini >sweep.ini
cat >>sweep.ini <<'INI'
[sweep]
output = fleet
train.lr = 1e-3, 1e-4
INI
point "a sweep has a device for each run" refused 2 \
    'device\.select names 2 devices, and a run of a sweep has one: sweep\.slots names' sweep -c sweep.ini -q -d 0,1
point "so has one of its runs" refused 2 'device\.select names 2 devices, and a run of a sweep has one: -d names' \
    sweep -c sweep.ini -q -d 0,1 --run 1

if command -v mpirun >/dev/null && [ -e "$plugin" ]; then
    mpi()
    {
        (SEQTRAIN_RANKS=$plugin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=/tmp
        OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
        export SEQTRAIN_RANKS OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM TMPDIR
        export OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy
        timeout 60 mpirun -n 2 "$seqtrain" "$@" >out 2>err </dev/null)
    }
    both_ways()
    {
        mpi -c several.ini -q -s run.output=none -d 0,1
        [ $? -eq 2 ] && has err 'a launcher has started 2 ranks: .* ranks\.devices'
    }
    by_mpi()
    {
        mpi -c several.ini -q -s run.output=mpi -s ranks.devices=0,1 && same_training one mpi
    }
else
    both_ways() { :; }
fi
if command -v mpirun >/dev/null && [ -e "$plugin" ] && (mpi -V); then
    point "ranks of a launcher and several devices at once" both_ways
    point "ranks of a launcher: the same bits" by_mpi
else
    skip "ranks of a launcher and several devices at once" "no mpirun, or no plug-in"
    skip "ranks of a launcher: the same bits" "no mpirun, or no plug-in"
fi
echo "1..$points"
