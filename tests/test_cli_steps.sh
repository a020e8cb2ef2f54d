#!/bin/sh
# SPDX-License-Identifier: MIT
# train.steps, train.evaluate = N steps and data.sampling: where epochs end, and that a run that was
# killed amid one goes on to the same bits.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# steps_are STEP...: the steps at which the epochs of the log end.
steps_are()
{
    [ "$(epochs run step | tr '\n' ' ')" = "$* " ] || { epochs run step && return 1; }
}

# tiny.ini has 151 training windows and 5 steps an epoch.
ends()
{
    run 0 -c tiny.ini -s train.steps=12 && steps_are 5 10 12 &&
        has out '^3 epochs of 5 steps, each 1 x 32 windows$' '^Epoch 0003/3 '
}
point "train.steps ends the last epoch early" ends
apart()
{
    run 0 -c tiny.ini --overwrite -s train.steps=12 -s 'train.evaluate=7 steps' && steps_are 7 12 &&
        [ "$(epochs run epochs | tr '\n' ' ')" = '2 2 ' ]
}
point "train.evaluate makes epochs of N steps" apart
longer()
{
    run 0 -q -c tiny.ini -r -s train.steps=20 -s 'train.evaluate=7 steps' && steps_are 7 12 19 20 &&
        run 0 -q -c tiny.ini -r -s train.steps=15 -s 'train.evaluate=7 steps' && steps_are 7 12 19 20
}
point "a resumed run may have more steps, or fewer than are done" longer
counted()
{
    run 0 -q -c tiny.ini --overwrite -s train.epochs=3 -s 'train.evaluate=2 steps' && steps_are 2 4 6
}
point "train.epochs then counts these" counted
point "check says so" eval 'run 0 check -c tiny.ini -s train.steps=12 -s "train.evaluate=7 steps" &&
    has out "^steps: 7 an epoch, 12 in all, "'
for bad in '2 epochs' '0.5 epochs' '10%' '3 minutes' '0 steps'; do
    point "train.evaluate = $bad is refused" eval 'run 2 check -c tiny.ini -s "train.evaluate=$bad" &&
        has err "train.evaluate: give 1 epochs, or N steps"'
done
point "so many windows that 32 bits do not count them" eval \
    'run 2 check -c tiny.ini -s "train.evaluate=100000000 steps" && has err "more than 2\^31 windows"'
point "another train.evaluate is refused on resume" eval \
    'run 2 -q -c tiny.ini -r -s "train.evaluate=3 steps" && has err "train.evaluate"'

differ()
{
    run 0 -q -c tiny.ini --overwrite -s train.steps=8 -s 'train.evaluate=4 steps' && epochs run train_loss >a &&
        run 0 -q -c tiny.ini --overwrite -s train.steps=8 -s 'train.evaluate=4 steps' -s data.sampling=random &&
        epochs run train_loss >b && [ -s a ] && ! cmp -s a b
}
point "random draws other windows" differ

# killed STEP ARGUMENT...: killed as soon as the log has a checkpoint at or behind that step.
killed()
{
    at=$1
    shift
    "$seqtrain" -q -c tiny.ini -r "$@" >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null; do
        sed -n 's/^{"event":"checkpoint",.*"step":\([0-9]*\).*/\1/p' run/log.jsonl 2>/dev/null |
            awk -v at="$at" '$1 >= at { found = 1 } END { exit !found }' && kill -KILL $pid 2>/dev/null
        sleep 0.01
    done
    wait $pid 2>/dev/null
    rm -f run/*.tmp
}
for sampling in shuffled random; do
    set -- -s train.steps=60 -s 'train.evaluate=7 steps' -s data.sampling=$sampling -s model.dropout=0.1 \
        -s 'train.checkpoint=2 steps' -s train.accumulate=2 -s train.batch=8
    rm -rf run whole
    point "$sampling: a run that nothing interrupts" run 0 -q -c tiny.ini "$@"
    mv run whole
    for at in 2 18 33 46; do
        killed $at "$@"
    done
    point "killed amid epochs, it is resumed to its end" run 0 -q -c tiny.ini -r "$@"
    point "$sampling: the same bits" same_training whole run
done
echo "1..$points"
