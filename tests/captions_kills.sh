#!/bin/sh
# SPDX-License-Identifier: MIT
# captions_kills.sh [COUNT [SEED]], in a build folder: trains a captioner from clips that are yet to be
# encoded, and ends it at two random instants, COUNT (50) times: by SIGKILL or SIGTERM, while it encodes,
# trains, evaluates or reports. The run that goes on must come to the bits and the figures of one that
# nobody disturbed, and encode no clip again whose features were on disk. Prints a line for each and a sum.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
count=${1-50}
random=${2-1}
failed=0
scenes 120 || exit 1
# an encoding as long as the training; checkpoints amid epochs; an early stop
sed -e 's/^window.*/&\
frames = 8/' -e 's/^\[encoder\]/&\
frames = mean/' -e 's/^epochs.*/epochs = 6\
checkpoint = 5 steps\
patience = 2\
min_delta = 0.05/' captions.ini >killed.ini

# entries: how many clips the cache's index has.
entries()
{
    bytes=$(cat cache/*/index 2>/dev/null | wc -c)
    echo $((bytes / 64 > 0 ? bytes / 64 - 1 : 0))
}
# captions FOLDER: its figures of captions and its last verdict, without times.
captions()
{
    { grep '"event":"captions"' "$1/log.jsonl" && grep '"event":"verdict"' "$1/log.jsonl" | tail -n 1; } |
        sed 's/"time":"[^"]*",//'
}
same()
{
    same_training whole run 1000 && captions whole >captions.a && captions run >captions.b &&
        cmp captions.a captions.b && cmp cache.whole/*/data-0000 cache/*/data-0000 &&
        cmp cache.whole/*/index cache/*/index && ! ls run/*.tmp cache/*/*.tmp 2>/dev/null
}
# ended SIGNAL MILLISECONDS: the run gets the signal after so long.
ended()
{
    "$seqtrain" -q -c killed.ini -r >out 2>err </dev/null &
    pid=$!
    sleep "$(awk -v ms="$2" 'BEGIN { printf "%.3f", ms / 1000 }')"
    kill -"$1" $pid 2>/dev/null
    wait $pid 2>/dev/null
    status=$?
    case $1$status in KILL137 | TERM143 | TERM0 | KILL0) ;; *) echo "$1: status $status" && cat err && return 1 ;; esac
    what="$1 after $2 ms ($(entries) clips, $(epochs run epoch 2>/dev/null | wc -l) epochs)"
}
# completed: goes on to the end, with the features that there are.
completed()
{
    there=$(entries)
    run 0 -c killed.ini -r || return 1
    [ "$there" -eq 120 ] || has out "features: $there of 120 clips are in"
}

run 0 -q -c killed.ini || exit 1 # programs are compiled
rm -rf run cache
began=$(milliseconds)
run 0 -q -c killed.ini || exit 1
took=$(($(milliseconds) - began))
mv run whole && mv cache cache.whole || exit 1
echo "# undisturbed: $took ms, $(epochs whole epoch | wc -l) epochs"
instant=0
while [ "$instant" -lt "$count" ]; do
    instant=$((instant + 1))
    rm -rf run cache
    told=
    good=1
    for _ in 1 2; do
        below 3
        signal=$(echo KILL TERM KILL | cut -d' ' -f$((drawn + 1)))
        below 32768
        ended "$signal" $((drawn * took / 32768)) >failure 2>&1 || { good=0 && what="$what $(cat failure)"; }
        told="$told$what, "
    done
    if [ $good = 1 ] && completed >failure 2>&1 && same >>failure 2>&1; then
        echo "$instant: ${told}as if undisturbed"
    else
        echo "$instant: ${told}FAILED"
        sed 's/^/# /' failure err
        failed=$((failed + 1))
    fi
done
echo "$((count - failed)) of $count runs are as if undisturbed"
[ "$failed" -eq 0 ]
