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
        run 0 sweep -c fleet.ini -s device.threads=1 -s plots.enable=none -s ranks.timeout=60s -s log.slow=0 --status
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
point "SIGHUP" stopped HUP 129
point "SIGUSR1" stopped USR1 138
without_terminal()
{
    rm -rf fleet
    TERM= setsid -w "$seqtrain" sweep -c long.ini -s train.epochs=2 -o bare <&- >/dev/null 2>&1 && has bare/sweep.csv '^1,.*,ended,0,2,' '^2,.*,ended,0,2,'
}
point "no terminal is needed" without_terminal
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
