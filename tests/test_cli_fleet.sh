#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain sweep: runs side by side equal runs alone; what is journaled; failures, stops and kills.
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

# table FILE: a sweep.csv without failures and seconds.
table()
{
    cut -d, -f1-5,7-10,12 "$1"
}

# events FOLDER NAME: how many there are in the journals.
events()
{
    cat "$1"/journal/*.jsonl | grep -c "\"event\":\"$2\""
}

# until COMMAND...: waits until the command succeeds, at most a minute.
until_true()
{
    tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "not within a minute: $*" && return 1; }
        sleep 0.1
    done
}

# --- whole

fleet 2 'train.lr = 1e-3, 2e-3, 3e-3' 'run.seed = 1, 2' | sed 's/^enable .*/enable = loss_curves/' >fleet.ini
runs="1e-3-1 1e-3-2 2e-3-1 2e-3-2 3e-3-1 3e-3-2"
whole()
{
    run 0 sweep -c fleet.ini && [ ! -s err ] &&
        has out "^Run 1 \(1e-3-1\) begins in slot 0, device 0\.$" "^Run 2 .* begins in slot 1" \
            "^Run 6 \(3e-3-2\) ended: val_loss 0\.[0-9]* in epoch [12] of 2, 0:" \
            "^6 of 6 runs ended: fleet/sweep.csv$" && lines out 13
}
point "a sweep trains its runs in two slots" whole
alone()
{
    run 0 sweep -c fleet.ini --list -o alone && mv out commands && sh commands >told 2>&1 || { cat told && return 1; }
    for name in $runs; do
        same_weights "fleet/$name/best.safetensors" "alone/$name/best.safetensors" &&
            state "fleet/$name/last.safetensors" >a && state "alone/$name/last.safetensors" >b &&
            cmp a b || return 1
    done
}
point "each run equals the same run alone, bit for bit" alone
results()
{
    [ "$(head -n 1 fleet/sweep.csv)" = run,name,train.lr,run.seed,state,failures,epochs,best_epoch,figure,best,seconds,folder,changed ] &&
        lines fleet/sweep.csv 7 &&
        has fleet/sweep.csv '^4,2e-3-2,2e-3,2,ended,0,2,[12],val_loss,0\.[0-9]+,[0-9.]+,fleet/2e-3-2,$' &&
        has fleet/sweep.json '"label": "lr = 2e-3, seed = 2"' '"values": \{' &&
        [ "$(grep -c '"state": "ended"' fleet/sweep.json)" -eq 6 ] &&
        has fleet/1e-3-1/console.log '^run 1 of 6: ' '^Epoch 0002/2 '
}
point "sweep.csv, sweep.json and consoles tell of them" results
pictures()
{
    for name in timeline parallel_coordinates figure_by_key key_importance learning_curves; do
        [ "$(head -c 8 fleet/$name.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || return 1
    done
}
point "pictures show them" pictures
status()
{
    cp fleet/sweep.csv before.csv
    run 0 sweep -c fleet.ini --status && lines out 8 &&
        has out '^ +6  3e-3-2 +ended +2 +0\.[0-9]+ +0:[0-9]+$' '^6 of 6 runs ended, 0 running, 0 failed\.$'
}
point "--status tells of them" status
best()
{
    best=$(sed 1d fleet/sweep.csv | LC_ALL=C sort -t, -k10,10g | head -n 1 | cut -d, -f2)
    run 0 sweep -c fleet.ini --best -o best.ini && has out "^The best is run [1-6] \($best\)\.$" &&
        cmp best.ini "fleet/$best/config.ini" && run 0 sweep -c fleet.ini --best && cmp out best.ini
}
point "--best writes the configuration of the best run" best
again()
{
    run 0 sweep -c fleet.ini && lines out 1 && [ "$(events fleet started)" -eq 6 ] && cmp fleet/sweep.csv before.csv
}
point "a sweep that is at its end has nothing to do" again
changed()
{
    run 2 sweep -c fleet.ini -s train.clip_norm=0.5 && lines err 1 && [ ! -s out ] &&
        has err "^seqtrain: fleet holds another sweep: 'clip_norm = 0.5' was 'clip_norm = .*--overwrite begins anew" &&
        run 2 sweep -c fleet.ini -s train.lr=1e-3 && has err 'holds another sweep' &&
        run 2 sweep -c fleet.ini --status -s train.clip_norm=0.5 && cmp fleet/sweep.csv before.csv &&
        run 0 sweep -c fleet.ini -s device.threads=1 --status
}
point "another sweep in the folder is refused, but for what changes no result" changed
overwritten()
{
    run 0 sweep -c fleet.ini -s train.lr=1e-3 -s train.clip_norm=0.5 --overwrite &&
        lines fleet/sweep.csv 3 && has out '^2 of 2 runs ended' && [ "$(events fleet cleared)" -eq 1 ] &&
        has "fleet/1/log.jsonl" '"event":"end"' && [ "$(events fleet started)" -eq 8 ]
}
point "--overwrite begins anew" overwritten

# --- side by side

together()
{
    rm -rf fleet
    "$seqtrain" sweep -c fleet.ini >out.1 2>err.1 &
    one=$!
    run 0 sweep -c fleet.ini && wait $one &&
        [ "$(cat fleet/journal/*.jsonl | sed -n 's/.*"event":"ended".*"run":\([0-9]*\).*/\1/p' | sort -u | wc -l)" -eq 6 ] &&
        [ "$(find fleet/journal -name '*.jsonl' | wc -l)" -eq 2 ] || { cat out.1 err.1 out && return 1; }
    table before.csv >before && table fleet/sweep.csv | cmp - before
}
point "two supervisors share a folder" together
single()
{
    rm -rf fleet
    run 0 sweep -c fleet.ini --run 5 && has out '^run 5 of 6: ' && [ "$(events fleet ended)" -eq 1 ] &&
        has fleet/sweep.csv '^4,.*,waiting,0,0,0,val_loss,,,' '^5,3e-3-1,.*,ended,0,2' &&
        run 0 sweep -c fleet.ini --run 5 && has out 'finished already'
}
point "--run N journals its run" single
# The slots' devices, not that of -d, are the workers'; and no worker takes its supervisor's launcher
# for its own.
workers()
{
    export OMPI_COMM_WORLD_SIZE=2
    run 2 sweep -c fleet.ini -o workers --run 1 && has err "^seqtrain: --run trains in one process" && [ ! -e workers ] &&
        run 0 sweep -c fleet.ini -o workers -s run.seed=1 -s device.select=cpu && has out '^3 of 3 runs ended' &&
        [ "$(cat workers/*/config.ini | grep -c '^select = 0$')" -eq 3 ]
}
point "workers have the device of their slot, and are no ranks" workers
unset OMPI_COMM_WORLD_SIZE
listed()
{
    rm -rf fleet
    run 2 sweep -c fleet.ini -s sweep.assign=list && has err "no slot.N holds the value '1e-3' of train.lr$" &&
        run 2 sweep -c fleet.ini -s sweep.slot.0=1e-3 && has err 'slot.0 needs assign = list$' &&
        run 2 sweep -c fleet.ini -s sweep.assign=list -s 'sweep.slot.2=1e-3' && has err 'there are the slots 0 to 1$' &&
        run 2 sweep -c fleet.ini -s sweep.assign=list -s 'sweep.slot.0=1e-3, 7' && has err "train.lr does not take the value '7'$" &&
        [ ! -e fleet/journal ] &&
        run 0 sweep -c fleet.ini -s run.seed=1 -s sweep.assign=list -s 'sweep.slot.0=2e-3' -s 'sweep.slot.1=3e-3, 1e-3' &&
        [ "$(grep -c 'begins in slot 0' out)" -eq 1 ] && has out '2e-3\) begins in slot 0' && [ "$(grep -c 'begins in slot 1' out)" -eq 2 ]
}
point "assign = list" listed

# --- failures

# Two runs cannot write a file: a folder is in its place.
failing()
{
    fleet 2 'train.lr = 1e-3, 2e-3' 'run.seed = 1, 2' >failing.ini
    rm -rf fleet
    mkdir -p fleet/2e-3-1/plan.json fleet/2e-3-2/plan.json
    run 1 sweep -c failing.ini && [ "$(grep -c "^Run 3 .* failed: .*/plan.json: .*: it is tried again$" out)" -eq 1 ] &&
        [ "$(grep -c "^Run 3 .* failed: .*/plan.json: [^:]*$" out)" -eq 1 ] && has err '^seqtrain: 2 of 4 runs failed for good; the first: run 3 ' &&
        has fleet/sweep.csv '^1,.*,ended,0,2' '^2,.*,ended' '^3,.*,failed,2,0' '^4,.*,failed,2,0' &&
        run 0 sweep -c failing.ini --status && has out '^ +3 .* failed .*plan.json' &&
        run 1 sweep -c failing.ini -s sweep.retries=0 && has fleet/sweep.csv '^3,.*,failed,3,0'
}
point "a run that fails is tried again, and told" failing
# A claim that cannot be read ends the sweep, and its workers.
unreadable()
{
    rm -rf fleet
    mkdir -p fleet/claim/2.1
    timeout -s KILL 100 "$seqtrain" sweep -c failing.ini >out 2>err
    got=$?
    [ "$got" -eq 1 ] && lines err 1 && has err '^seqtrain: fleet/claim/2\.1: ' && rm -r fleet/claim/2.1 &&
        run 0 sweep -c failing.ini && has out '^4 of 4 runs ended'
}
point "a claim that cannot be read" unreadable
# A message of several lines is one in the table.
long_message()
{
    rm -rf fleet
    run 2 sweep -c failing.ini --run 1 -s device.memory=1MiB -s train.batch=32 -s model.d_model=512 && [ "$(grep -c . err)" -gt 4 ] &&
        run 0 sweep -c failing.ini --status -s train.batch=32 -s model.d_model=512 && lines out 6 && has out '^ +1 .* failed .* bytes of '
}
point "a failure of several lines is told in one" long_message
# lasting STATUS KEY WORDS: runs 2 and 4 fail by it at once, whatever sweep.retries is.
lasting()
{
    fleet 2 'train.lr = 1e-3, 2e-3' "$2" >lasting.ini
    rm -rf fleet
    run 1 sweep -c lasting.ini -s device.memory=16MiB -s sweep.retries=5 && ! grep 'tried again' out && [ "$(grep -Ec "^Run [24] .* failed: .*$3" out)" -eq 2 ] &&
        [ "$(cat fleet/journal/*.jsonl | grep '"event":"failed"' | grep -c "\"status\":$1,")" -eq 2 ] && has fleet/sweep.csv '^1,.*,ended,0,2' '^2,.*,failed,1,0' '^3,.*,ended' '^4,.*,failed,1,0' &&
        run 1 sweep -c lasting.ini -s device.memory=16MiB && has fleet/sweep.csv '^2,.*,failed,2,0'
}
point "a fault of the data is told and not tried again" lasting 3 'data.features = "close", "nowhere"' nowhere
point "nor is one of the configuration" lasting 2 'device.memory_fraction = 0.95, 0.01' 'the plan needs [0-9]+ bytes of [0-9]+ that device\.memory_fraction'

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
        run 0 sweep -c gone.ini -s run.seed=1 -s sweep.slots=0 -o fleet.later && has out '^3 of 3 runs ended'
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

# --- stops and kills

long='train.lr = 1e-3, 2e-3'
fleet 40 "$long" >long.ini
reference()
{
    run 0 sweep -c long.ini -o reference
}
point "a sweep that nobody disturbs" reference
undisturbed()
{
    for name in 1e-3 2e-3; do
        same_weights "fleet/$name/best.safetensors" "reference/$name/best.safetensors" &&
            state "fleet/$name/last.safetensors" >a && state "reference/$name/last.safetensors" >b && cmp a b || return 1
    done
}
# start: begins it in the background and waits for the first epoch of both.
start()
{
    "$seqtrain" sweep -c long.ini >out 2>err </dev/null &
    supervisor=$!
    until_true grep -q '"event":"epoch"' fleet/1e-3/log.jsonl && until_true grep -q '"event":"epoch"' fleet/2e-3/log.jsonl
}
# stop SIGNAL: its status; a sweep that was at its end before the signal came is begun again.
stop()
{
    for try in 1 2 3 4 5; do
        rm -rf fleet
        start && kill -"$1" $supervisor
        wait $supervisor
        got=$?
        [ "$got" -eq 0 ] || return 0
    done
    echo "ended before the signal $try times"
    return 1
}
stopped()
{
    stop "$1" || return 1
    [ "$got" -eq "$2" ] || { echo "status $got" && cat out err && return 1; }
    has out '^Stopping [12] runs?, with checkpoints' && [ "$(events fleet stopped)" -ge 1 ] && [ "$(events fleet failed)" -eq 0 ] &&
        has fleet/sweep.csv ',stopped,0,' &&
        run 0 sweep -c long.ini && has out '^2 of 2 runs ended' && undisturbed && [ "$(events fleet started)" -gt 2 ]
}
point "SIGTERM stops all with checkpoints; the next call goes on" stopped TERM 143
point "SIGINT does so too" stopped INT 130
# Another command has begun the folder anew, between two runs of this one.
overtaken()
{
    for try in 1 2 3 4 5; do
        rm -rf fleet
        start && echo '{"n":1000000,"event":"overwrite","text":"another","runs":1}' >fleet/journal/other.jsonl
        wait $supervisor
        got=$?
        [ "$got" -eq 0 ] || break
    done
    [ "$got" -eq 2 ] && [ "$(events fleet failed)" -eq 0 ] && [ "$(events fleet started)" -eq 2 ] &&
        has err "^seqtrain: fleet holds another sweep: '\[run\]' was 'another'" || { echo "status $got" && cat out err && return 1; }
}
point "a folder that another command has begun anew is left to it" overtaken
killed()
{
    for try in 1 2 3 4 5; do
        rm -rf fleet
        start || return 1
        worker=$(sed 's/ .*//' "/proc/$supervisor/task/$supervisor/children")
        kill -KILL "$worker" 2>/dev/null
        wait $supervisor || { cat out err && return 1; }
        [ "$(events fleet failed)" -eq 0 ] || break
    done
    echo "$try times"
    has out '^Run [12] .* failed: killed by signal 9 \(perhaps the kernel, for want of host memory\): it is tried again$' &&
        has fleet/sweep.csv ',ended,1,40,' && undisturbed
}
point "a worker that is killed is told, and goes on" killed
instants()
{
    (cd "${seqtrain%/seqtrain}" && srcdir=${srcdir-.} sh "${srcdir-.}/tests/fleet_kills.sh" 3 $$)
}
point "random instants: workers, supervisors, journals that are cut" instants

echo "1..$points"
