#!/bin/sh
# SPDX-License-Identifier: MIT
# Parts of a device: the bits of the whole, another part's checkpoints, cores of their own.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# The first device that can be cut, and into how many parts at least.
"$seqtrain" devices >devices
index=$(sed -n '/^[* ] [0-9]*:/h; /^     can be cut into/{x;s/^[* ] \([0-9]*\):.*/\1/p;q;}' devices)
parts=$(sed -n 's/^     can be cut into \([0-9]*\).* equal parts: .*/\1/p' devices | head -n 1)
units=$(sed -n 's/^     can be cut into .* is the first of \([0-9]*\)$/\1/p' devices | head -n 1)
if [ -z "$index" ]; then
    echo "1..0 # SKIP no device can be cut into parts"
    exit 0
fi
first=$index.0/$parts last=$index.$((parts - 1))/$parts

# refused STATUS SPEC PATTERN: one line, whoever opens the device.
refused()
{
    run "$1" devices -d "$2" && lines err 1 && has err "$3" && run "$1" -c tiny.ini -d "$2" &&
        lines err 1 && has err "$3" && [ ! -e run/last.safetensors ]
}
point "a part that is none" refused 2 "$index.$parts/$parts" \
    "^seqtrain: $index\.$parts/$parts: $parts parts are numbered from 0 to $((parts - 1))\$"
point "no parts" refused 2 "$index.0/0" "^seqtrain: $index\.0/0: a device has at least one part; "
point "too many parts" refused 4 "$index.0/9999" \
    "^seqtrain: device $index \(.*\) has $units compute units, which 9999 equal parts do not divide: it can have 1, "
point "no such device" refused 4 "999.0/$parts" '^seqtrain: device 999\.0/[0-9]+: there are [0-9]+, numbered from 0$'
point "no number" refused 2 "$index.x/2" "^seqtrain: '$index\.x/2' is no part of a device: INDEX\.PART/PARTS is; "
two()
{
    run 0 devices -d "$first, $last" && has out '^\* would be used: each was asked for$' &&
        run 2 -c tiny.ini -d "$first, $last" && lines err 1 &&
        has err '^seqtrain: device\.select names 2 devices, .* and train\.shards is 1: '
}
point "two parts, and one shard" two
picked()
{
    run 0 devices -d "$last" && has out "^\* $index: " '^\* would be used: a part of it was asked for$'
}
point "devices says which device a part is of" picked
share()
{
    run 0 check -c tiny.ini -d "$index" && sed -n 's/.* MiB of \([0-9]*\)\..* MiB that device.memory_f.*/\1/p' out >all &&
        run 0 check -c tiny.ini -d "$last" && has out "^device: $last, part of " &&
        sed -n 's/.* MiB of \([0-9]*\)\..* MiB that device.memory_f.*/\1/p' out >part &&
        awk -v n="$parts" 'NR == FNR { all = $1; next } { d = all / n - $1 } END { exit !(d >= 0 && d < 2) }' all part
}
point "a part may plan with its share of the memory" share

sed 's/^epochs .*/&\
schedule = constant/' tiny.ini >long.ini
# trained NAME ARGUMENT...: into the folder NAME.
trained()
{
    name=$1
    shift
    run 0 -q -c long.ini -o "$name" "$@" && lines err 0
}
same()
{
    for run; do
        same_weights whole/best.safetensors "$run/best.safetensors" && epochs whole train_loss >a &&
            epochs "$run" train_loss >b && [ -s a ] && cmp a b || return 1
    done
}
point "on all of a device" trained whole -d "$index"
point "on a part" trained first -d "$first"
point "on another part" trained last -d "$last"
point "on so many threads" trained threads -d "$index" -s device.threads=$((units / parts))
point "on a thread of a part" trained thread -d "$last" -s device.threads=1
point "give the same bits" same first last threads thread
told()
{
    has last/log.jsonl "\"event\":\"start\".*\"part\":\"$last\"" && ! grep '"event":"start".*"part"' whole/log.jsonl
}
point "the log tells the part" told
# PoCL keeps its programs itself.
compiled()
{
    find cache '(' -name '*.bin' -o -name program.bc ')' | sort
}
programs()
(
    XDG_CACHE_HOME=$dir/cache POCL_CACHE_DIR=$dir/cache/pocl # other tests add to those that all share
    export XDG_CACHE_HOME POCL_CACHE_DIR
    trained again -d "$first" --overwrite -s train.epochs=1 && compiled >before && [ -s before ] &&
        trained again -d "$last" --overwrite -s train.epochs=1 && compiled | cmp - before
)
point "parts share compiled programs" programs
moved()
{
    trained moved -d "$first" -s train.epochs=1 && trained moved -r -d "$last" && same moved
}
point "a run goes on on another part" moved

# cores PID: the cores that its threads may use, one a line, each once.
cores()
{
    cat /proc/"$1"/task/*/status | sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' | tr , '\n' |
        awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }' | sort -u
}
# started FOLDER PID: waits until the run trains.
started()
{
    tries=0
    until grep -q '"event":"start"' "$1/log.jsonl" 2>/dev/null; do
        kill -0 "$2" && [ $tries -lt 600 ] || return 1
        tries=$((tries + 1))
        sleep 0.1
    done
}
beside()
{
    "$seqtrain" -q -c tiny.ini -o left -d "$first" -s train.epochs=100000 >out 2>err &
    left=$!
    "$seqtrain" -q -c tiny.ini -o right -d "$last" -s train.epochs=100000 >out2 2>err2 &
    right=$!
    started left $left && started right $right && cores $left >a && cores $right >b
    went=$?
    kill -TERM $left $right
    wait $left
    [ $? -eq 143 ] || went=1
    wait $right
    [ $? -eq 143 ] || went=1
    [ $went -eq 0 ] && [ -s a ] && [ -s b ] && sort a b | uniq -d >both && [ ! -s both ] &&
        [ $(($(wc -l <a) * parts)) -le "$(cores $$ | wc -l)" ]
}
if [ -r /proc/self/status ] && [ "$(cores $$ | wc -l)" -ge "$parts" ] && grep -q "^     CPU, $units compute" devices; then
    point "runs side by side keep to cores of their own" beside
else
    skip "runs side by side keep to cores of their own" "too few cores"
fi
kept=${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}/rusticl.icd
whole_only()
(
    OCL_ICD_VENDORS=$kept RUSTICL_ENABLE=llvmpipe
    export OCL_ICD_VENDORS RUSTICL_ENABLE
    run 4 devices -d 0.1/2 && lines err 1 &&
        has err '^seqtrain: device 0 \(.*\) cannot be cut into parts: device\.select = 0 takes it whole$'
)
if [ -r "$kept" ]; then
    point "a device that cannot be cut" whole_only
else
    skip "a device that cannot be cut" "no rusticl"
fi

echo "1..$points"
