#!/bin/sh
# SPDX-License-Identifier: MIT
# Killed at any moment, a run folder stays readable, and --resume gives the bits of a run that was
# never interrupted.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# A run with all that a checkpoint must keep: dropout, groups of micro-batches, a plateau's factor.
epochs=40
sed -e "s/^epochs .*/epochs = $epochs/" -e 's/^batch .*/batch = 16\
accumulate = 2\
schedule = plateau\
plateau_patience = 1\
min_delta = 0.004/' tiny.ini >long.ini

# same_run A B: the same bits in all that two runs left.
same_run()
{
    cmp "$1/categories.safetensors" "$2/categories.safetensors" && same_training "$1" "$2"
}

# count FOLDER EVENT: how often the log has it.
count()
{
    { cat "$1/log.jsonl" 2>/dev/null; } | grep -c "^{\"event\":\"$2\""
}

# readable: whatever checkpoints there are can be used, the log is of whole lines.
readable()
{
    for file in best last last.1; do
        [ ! -e run/$file.safetensors ] || run 0 evaluate -m run/$file.safetensors || return 1
    done
    [ ! -e run/log.jsonl ] || ! grep -Ev '^\{"event":.*\}$' run/log.jsonl
}

# expect: how many lines the next run says on standard error, into $said: one, where a kill fell between
# the two renames of a checkpoint, so that the run goes on from the checkpoint before.
expect()
{
    said=0
    [ -e run/last.safetensors ] || [ ! -e run/last.1.safetensors ] || said=1
}

# interrupted SIGNAL EVENT COUNT ARGUMENT...: the run gets the signal as soon as its log has so many of
# these events. Its exit status is in $ended.
interrupted()
{
    signal=$1 event=$2 most=$3
    shift 3
    expect
    cat run/log.jsonl >log.before 2>/dev/null
    "$seqtrain" -q -c long.ini "$@" >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ "$(count run "$event")" -lt "$most" ]; do
        sleep 0.01 2>/dev/null || sleep 1
    done
    kill -"$signal" $pid 2>/dev/null
    wait $pid 2>/dev/null
    ended=$?
}

# stopped STATUS ...: as interrupted, with this exit status (or 0: it was too quick) nothing said
# that was not expected, and nothing torn.
stopped()
{
    wanted=$1
    shift
    interrupted "$@"
    [ ! -s err ] || lines err "$said" || return 1
    [ "$ended" -eq "$wanted" ] || [ "$ended" -eq 0 ] || { echo "exit status $ended, not $wanted" && return 1; }
    readable
}

finished()
{
    expect
    run 0 -q -c long.ini -r "$@" && lines err "$said" && tail -n 1 run/log.jsonl | grep '^{"event":"end"' &&
        ! ls run/*.tmp
}

point "a run that nothing interrupts" run 0 -q -c long.ini
mv run whole
point "again, without a checkpoint to resume from: starts afresh" finished
mkdir -p occupied && cp whole/best.safetensors occupied
afresh()
{
    run 0 -c long.ini -r -o occupied -s train.epochs=1 && lines err 0 &&
        has out '^occupied holds no checkpoint to go on from: the run starts afresh\.$' &&
        run 0 -c long.ini -r -o occupied -s train.epochs=1 && ! grep afresh out
}
point "and says so" afresh
point "the same bits" same_run whole run
point "the same file, metadata and all" cmp whole/best.safetensors run/best.safetensors

# --- SIGKILL, again and again

rm -rf run
killed=0
for at in 0 1 2 5 9 14 20 27 35; do
    point "killed after $at epochs: what is there is whole" stopped 137 KILL epoch $at -r
    [ "$ended" -ne 137 ] || killed=$((killed + 1))
done
point "most of these kills met a running run" [ $killed -ge 5 ]
point "then it is resumed to its end" finished
point "with the bits of the run that was never killed" same_run whole run
point "the same best.safetensors, metadata and all" cmp whole/best.safetensors run/best.safetensors
log_tells()
{
    [ "$(count run resume)" -ge 1 ] && has run/log.jsonl '^\{"event":"resume".*"epoch":[0-9]+,"step":[0-9]+' &&
        [ "$(epochs run epoch | tr '\n' ' ')" = "$(awk -v n=$epochs 'BEGIN { for (i = 1; i <= n; i++) printf "%d ", i }')" ]
}
point "the log tells of resuming; each epoch is in it once" log_tells

# --- checkpoints amid an epoch (5 steps), and each signal that ends with one

rm -rf run
# last_is EVENT...: the log ends with one of these.
last_is()
{
    tail -n 1 run/log.jsonl | sed 's/^{"event":"\([a-z]*\)".*/\1/' >last
    for event; do
        grep -qx "$event" last && return
    done
    cat last
    return 1
}

amid=-strain.checkpoint=3\ steps
for kill in 'KILL checkpoint 1 137' 'KILL checkpoint 4 137' 'TERM epoch 3 143' 'KILL checkpoint 17 137' \
    'HUP epoch 8 129' 'USR1 checkpoint 25 138' 'INT epoch 14 130' 'TERM checkpoint 40 143' 'KILL checkpoint 55 137'; do
    # shellcheck disable=SC2086 # words
    set -- $kill
    point "$1 at $2 $3" stopped "$4" "$1" "$2" "$3" -r "$amid"
    # where the log is as it was, the signal met the start-up
    if [ "$ended" -gt 128 ] && [ "$1" != KILL ] && ! cmp -s run/log.jsonl log.before; then
        point "$1: a checkpoint was saved last (or pictures were drawn)" last_is checkpoint verdict \
            categories
    fi
done
amid_epoch()
{
    grep '"event":"resume"' run/log.jsonl | sed 's/.*"step":\([0-9]*\).*/\1/' | awk '$1 % 5 { n++ }
        END { exit !n }'
}
point "resumed amid an epoch at least once" amid_epoch
point "then it is resumed to its end, with checkpoints at epochs" finished
point "with the bits of the run that was never killed" same_run whole run

# --- without a terminal, and more than once

# patiently COMMAND...: waits for a minute until it succeeds.
patiently()
{
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] && sleep 0.1 || return 1
    done
}
# waiting COMMAND...: a training that reads candles.csv from a pipe as soon as there is a file called go.
# Its number is in $pid.
waiting()
{
    rm -rf run pipe.csv go opened
    mkfifo pipe.csv
    { : >opened && while [ -p pipe.csv ] && [ ! -e go ]; do sleep 0.1; done && cat candles.csv; } >pipe.csv 2>/dev/null &
    writer=$!
    "$@" "$seqtrain" -c tiny.ini -s data.source=pipe.csv >output 2>err </dev/null &
    pid=$!
    patiently [ -e opened ]
}
# ends STATUS: the training ends so.
ends()
{
    wait $pid
    ended=$?
    : >go
    wait $writer
    [ "$ended" -eq "$1" ] || { echo "exit status $ended, not $1" && return 1; }
}
twice()
{
    waiting env || return 1
    while kill -"$1" $pid && sleep 0.1; do :; done 2>/dev/null & # until it is gone
    ends "$2" && [ ! -e run/last.safetensors ]
}
point "a second SIGTERM ends at once" twice TERM 143
point "a second SIGUSR1 ends at once" twice USR1 138
hangs_up()
{
    waiting env && kill -HUP $pid && sleep 0.2 && kill -HUP $pid && sleep 0.2 && kill -0 $pid && : >go && ends 129 &&
        run 0 evaluate -m run/last.safetensors -i candles.csv
}
point "a terminal may hang up twice" hangs_up
ignored()
(
    trap '' HUP
    waiting env && kill -HUP $pid && sleep 0.2 && : >go && ends 0 && [ -e run/best.safetensors ]
)
point "nohup ignores it" ignored
# logged EVENT COUNT: waits until the log has so many of these events, however long that takes; 1: the
# training ended before.
logged()
{
    until [ "$(count run "$1")" -ge "$2" ]; do
        kill -0 $pid 2>/dev/null && sleep 0.1 || return 1
    done
}
deaf()
{
    rm -rf run
    "$seqtrain" -c long.ini -s train.epochs=100000 >/dev/full 2>err </dev/null &
    pid=$!
    logged checkpoint 1 && kill -HUP $pid
    wait $pid
    ended=$?
    [ $ended -eq 129 ] && ! grep 'standard output' err && readable
}
if [ -c /dev/full ]; then
    point "the status is the signal's where the terminal is gone" deaf
else
    skip "the status is the signal's where the terminal is gone" "there is no /dev/full"
fi
# A driver that compiles may take signals for itself. A run that goes on for 1000 epochs has lost it.
cold()
(
    rm -rf run cold
    XDG_CACHE_HOME=$dir/cold POCL_CACHE_DIR=$dir/cold/pocl
    export XDG_CACHE_HOME POCL_CACHE_DIR
    "$seqtrain" -q -c long.ini -s train.epochs=100000 >out 2>err </dev/null &
    pid=$!
    logged epoch 3 && kill -USR1 $pid && logged epoch $(($(count run epoch) + 1000)) && kill -KILL $pid
    wait $pid
    ended=$?
    [ $ended -eq 138 ] || { echo "exit status $ended, not 138" && return 1; }
    readable
)
point "SIGUSR1 after programs were compiled" cold
closed()
{
    rm -rf run && "$seqtrain" -q -c long.ini <&- >&- 2>&- && same_run whole run
}
point "no standard streams" closed

# --- in start-up, and in the pictures

rm -rf run
early()
{
    "$seqtrain" -q -c long.ini >out 2>err </dev/null &
    pid=$!
    sleep 0.1 2>/dev/null || sleep 1
    kill -TERM $pid
    wait $pid
    ended=$?
    [ "$ended" -eq 143 ] || { echo "exit status $ended, not 143" && return 1; }
    readable
}
point "SIGTERM in start-up" early
pictures='-splots.enable=latent_space_tsne -splots.tsne_iterations=5000 -splots.tsne_points=150'
# shellcheck disable=SC2086 # words
set -- $pictures
point "killed while it draws" stopped 137 KILL verdict 1 -r "$@"
point "interrupted while it draws" stopped 143 TERM verdict 2 -r "$@"
point "resumed without pictures" finished
point "with the bits of the run that was never killed" same_run whole run

# --- what --resume does to a finished run, and what it refuses

sums()
{
    (cd run && cksum ./*)
}
nothing_to_do()
{
    before=$(sums)
    run 0 -c long.ini -r "$@" && lines err 0 && has out '^run: finished already: best epoch [0-9]+, val_loss [0-9.]+$' &&
        [ "$(sums)" = "$before" ]
}
point "a finished run: does nothing and says so" nothing_to_do
refuses()
{
    before=$(sums)
    run 2 -c long.ini -r -s train.epochs=50 -s "$1" && lines err 1 && has err "^seqtrain: --resume: $2: " &&
        [ "$(sums)" = "$before" ]
}
for setting in 'model.freeze=input.*' train.optimizer=sgd train.ema=0.9 train.lr=2e-3 train.batch=8 run.seed=7 model.dropout=0 data.stride=2 train.min_delta=0; do
    point "another ${setting%=*} is refused" refuses "$setting" "$(echo "${setting%=*}" | sed 's/\./\\./')"
done
point "all that may differ" run 0 -q -c long.ini -r -s train.epochs=$((epochs + 1)) -s train.patience=1000 \
    -s train.checkpoint='7 steps' -s plots.enable=loss_curves -s run.name=other -s data.cache=no \
    -s device.memory_fraction=0.9 -s device.threads=1
longer()
{
    run 0 -q -c long.ini -r -s train.epochs=$((epochs + 2)) && mv run longer &&
        run 0 -q -c long.ini -s train.epochs=$((epochs + 2)) && same_run longer run
}
recomputing()
{
    run 0 -q -c long.ini -o again -s train.epochs=2 && run 0 -q -c long.ini -o again -r -s train.epochs=4 -s train.recompute=yes &&
        run 0 -q -c long.ini -o again -r -s train.epochs=6 -s train.recompute=layers && run 0 -q -c long.ini -o never -s train.epochs=6 &&
        same_run again never && rm -r again never
}
point "recomputing for two epochs: the bits of a run that never did" recomputing
point "two epochs more, one by one: the bits of a run that was meant to be so long" longer

rm -rf run
patience='-strain.lr=0 -strain.patience=2'
# shellcheck disable=SC2086 # words
set -- $patience
point "a run that stops early" run 0 -q -c long.ini "$@"
point "is finished" nothing_to_do "$@"
more_patience()
{
    run 0 -c long.ini -r -s train.lr=0 -s train.patience=4 && has out '^Resuming after epoch 3, step 15\.$' &&
        [ "$(epochs run epoch | tr '\n' ' ')" = '1 2 3 4 5 ' ]
}
point "and goes on with more patience" more_patience

# --- what other optimizers keep

cp long.ini adamw.ini
# optimizer NAME LINE...: whole and killed runs with these lines in [train].
optimizer()
{
    name=$1
    shift
    for line; do
        printf '%s\n' "$line"
    done >lines
    sed -e '/^\[train\]/r lines' -e 's/^epochs .*/epochs = 12/' adamw.ini >long.ini
    rm -rf run whole
    point "$name: a run that nothing interrupts" run 0 -q -c long.ini
    mv run whole
    point "$name: killed amid an epoch" stopped 137 KILL checkpoint 8 -r "$amid"
    point "$name: interrupted" stopped 143 TERM epoch 7 -r "$amid"
    point "$name: resumed to its end" finished
    point "$name: the bits of the run that was never killed" same_run whole run
    point "$name: the same best.safetensors" cmp whole/best.safetensors run/best.safetensors
}
optimizer sgd 'optimizer = sgd' 'nesterov = yes' 'momentum = 0.8'
optimizer lion 'optimizer = lion' 'beta2 = 0.99'
optimizer 'an average' 'ema = 0.9'

echo "1..$points"
