#!/bin/sh
# SPDX-License-Identifier: MIT
# A captioner that is killed while it encodes, trains or writes captions goes on to the same bits, and
# encodes nothing twice; processes that want one cache take turns. tests/captions_kills.sh kills at random.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
scenes 40 || exit 1
sed -e 's/^epochs.*/epochs = 6\
checkpoint = 3 steps\
min_delta = 0.13/' captions.ini >killed.ini

# count EVENT: how often the log has it. entries: how many clips the cache has.
count()
{
    { cat run/log.jsonl 2>/dev/null; } | grep -c "^{\"event\":\"$1\""
}
entries()
{
    echo $((($(cat cache/*/index 2>/dev/null | wc -c) + 63) / 64 - 1))
}
# captions FOLDER: its figures of captions and its last verdict, without times.
captions()
{
    { grep '"event":"captions"' "$1/log.jsonl" && grep '"event":"verdict"' "$1/log.jsonl" | tail -n 1; } |
        sed 's/"time":"[^"]*",//'
}
same()
{
    same_training whole run 1000 && captions whole >captions.a && captions run | cmp - captions.a &&
        [ "$(epochs run epoch | tr '\n' ' ')" = '1 2 3 4 5 6 ' ] && ! ls run/*.tmp 2>/dev/null
}
# begun ARGUMENT...: seqtrain in the background, its number in $pid.
begun()
{
    "$seqtrain" "$@" >out 2>err </dev/null &
    pid=$!
}
# ends SIGNAL STATUS: the process gets the signal, and had this status or was done already.
ends()
{
    kill -"$1" "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    ended=$?
    [ "$ended" -eq "$2" ] || [ "$ended" -eq 0 ] || { echo "exit status $ended, not $2" && cat err && return 1; }
}
# reached COMMAND...: waits until the command succeeds or the process is gone.
reached()
{
    until "$@" 2>/dev/null || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.01
    done
}
has_events()
{
    [ "$(count "$1")" -ge "$2" ]
}
has_entries()
{
    [ "$(entries)" -ge "$1" ]
}

point "a run that nothing interrupts" run 0 -q -c killed.ini
mv run whole
mv cache cache.whole
encoding()
{
    begun -q -c killed.ini && reached ls cache/*/index && ends TERM 143 && lines err 0 &&
        begun -q -c killed.ini -r && reached ls cache/*/data-0000 && ends KILL 137 && lines err 0
}
point "ended while it encodes" encoding
# amid SIGNAL EVENT COUNT STATUS
amid()
{
    begun -q -c killed.ini -r && reached has_events "$2" "$3" && ends "$1" "$4"
}
point "killed amid an epoch" amid KILL checkpoint 1 137
point "killed between an epoch's captions and its checkpoint" amid KILL captions 2 137
point "ended while it trains" amid TERM checkpoint 5 143
point "killed behind captions again" amid KILL captions 5 137
goes_on()
{
    run 0 -q -c killed.ini -r && same && cmp cache.whole/*/data-0000 cache/*/data-0000
}
point "the run that goes on has the same bits, and so has the cache" goes_on
early()
{
    rm -rf run && run 0 -c killed.ini -s train.patience=1 && has out '^Stopped early' && has_events epoch 2 &&
        ! has_events epoch 6 && run 0 -q -c killed.ini -r && same
}
point "a run that has stopped early goes on with more patience, to the same bits" early

# --- the cache

scenes="-s data.source=$drawn/synthetic_scenes/english.csv -s data.frames=8 -s encoder.frames=mean"
mid_cache()
{
    # shellcheck disable=SC2086 # words
    rm -rf cache && run 0 encode -q -c captions.ini $scenes && mv cache cache.all &&
        begun encode -q -c captions.ini $scenes && reached has_entries 1 && ends KILL 137 && there=$(entries) &&
        run 0 encode -c captions.ini $scenes && cmp cache.all/*/data-0000 cache/*/data-0000 &&
        cmp cache.all/*/index cache/*/index || return 1
    [ "$there" -ge 1 ] || { echo "no clip was left" && return 1; }
    [ "$ended" -eq 0 ] || has out "features: $there of 600 clips are in"
}
point "a cache goes on behind what a killed process has left" mid_cache
if command -v flock >/dev/null; then
    rm -rf run cache && cp -R cache.whole cache && rm cache/*/index cache/*/data-0000
    lock=$(echo cache/*/lock)
    # held: another process has the lock. In $holder.
    held()
    {
        rm -f ready
        flock "$lock" sh -c ': >ready && exec sleep 600' &
        holder=$!
        until_true [ -e ready ]
    }
    # let_go: it is killed.
    let_go()
    {
        sleeper=$(cat "/proc/$holder/task/$holder/children")
        # shellcheck disable=SC2086 # numbers
        kill -KILL $sleeper $holder && wait $holder 2>/dev/null
        return 0
    }
    waits()
    {
        held && begun -c captions.ini && until_true has out 'another process adds to cache/.*: waiting for its end' &&
            sleep 0.3 && kill -0 "$pid" && ! has out 'of 40 clips are in' && let_go && wait "$pid" && lines err 0 &&
            has out 'features: 0 of 40 clips are in' && [ "$(entries)" -eq 40 ]
    }
    point "who wants to add to a cache waits for who does, until that one is killed" waits
    done_by_other()
    {
        rm -rf run && rm cache/*/index && held && begun -c captions.ini && until_true has out 'waiting for its end' &&
            cp cache.whole/*/index cache/*/ && let_go && wait "$pid" && ! has out 'of 40 clips are in' &&
            has run/log.jsonl '"event":"encode".*"computed":0,"reused":40'
    }
    point "and computes nothing that the other has" done_by_other
    ended_waiting()
    {
        rm -rf run && rm cache/*/index && held && begun -c captions.ini && until_true has out 'waiting for its end' &&
            kill -TERM "$pid" && { wait "$pid"; [ $? -eq 143 ]; } && lines err 0 && has out '^Interrupted' &&
            [ ! -e run/log.jsonl ] && let_go
    }
    point "a signal ends who waits" ended_waiting
else
    skip "waiting for a cache" "no flock(1)"
fi
sweeps()
{
    sed -e '/^output/d' captions.ini >fleet.ini && printf '%s\n' '[sweep]' 'output = fleet' 'slots = 0, 1' \
        'train.lr = 5e-3, 2e-3' >>fleet.ini && rm -rf cache run && run 0 sweep -c fleet.ini && [ "$(entries)" -eq 40 ] &&
        [ "$(sed -n 's/.*"event":"encode".*"computed":\([0-9]*\).*/\1/p' fleet/*/log.jsonl | sort -n | tr '\n' ' ')" = '0 40 ' ] &&
        run 0 -q -c captions.ini && same_weights run/best.safetensors fleet/5e-3/best.safetensors
}
if shows 2; then
    point "runs of a sweep on two devices fill one cache" sweeps
else
    skip "a sweep on two devices" "PoCL shows one device only"
fi
echo "1..$points"
