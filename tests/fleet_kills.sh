#!/bin/sh
# SPDX-License-Identifier: MIT
# fleet_kills.sh [COUNT [SEED [search]]], in a build folder: kills a sweep at COUNT (100) random instants:
# a worker, the supervisor, or the supervisor with its journal then cut in the middle of a line. The next
# call must complete the sweep, as if nothing had been. Of a search, which draws points and prunes runs by
# what has ended when, each run that ended must equal the same run alone, and the journals must give the
# same decisions again (tests/replay_search). Prints a line for each instant and a sum.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
count=${1-100}
seed=${2-1}
kind=${3-grid}
well="as if undisturbed"
[ "$kind" = grid ] || well="runs as alone, decisions as before"
failed=0

{
    sed -e '/^output/d' -e 's/^epochs = 2/epochs = 8/' tiny.ini
    cat <<'INI'
[sweep]
output   = fleet
slots    = 0, 0
INI
    if [ "$kind" = search ]; then
        printf '%s\n' 'sampler = tpe' 'samples = 8' 'tpe_startup_trials = 3' 'pruner = asha' \
            'reduction_factor = 2' 'train.lr = log(1e-4, 3e-2)'
    else
        echo 'train.lr = 1e-3, 2e-3, 3e-3'
    fi
} >fleet.ini

random=$seed

# table FOLDER: sweep.csv without what time and failures change.
table()
{
    cut -d, -f1-4,6-9 "$1/sweep.csv"
}

# same FOLDER: all runs are as in the sweep that nobody disturbed.
same()
{
    if [ "$kind" = search ]; then
        searched "$1"
        return
    fi
    table "$1" | cmp - undisturbed.csv || return 1
    for run in 1e-3 2e-3 3e-3; do
        same_weights "$1/$run/best.safetensors" "undisturbed/$run/best.safetensors" &&
            state "$1/$run/last.safetensors" >a && state "undisturbed/$run/last.safetensors" >b &&
            cmp a b || return 1
    done
}

# searched FOLDER: all runs are at their end; those that ended are what each is alone.
searched()
{
    [ "$(grep -Ec '^[1-8],.*,(ended|pruned),' "$1/sweep.csv")" -eq 8 ] || { cat "$1/sweep.csv" && return 1; }
    "${seqtrain%/seqtrain}/tests/replay_search" fleet.ini >replayed || { cat replayed && return 1; }
    for run in $(sed -n 's/^[1-8],\([0-9]*\),.*,ended,.*/\1/p' "$1/sweep.csv"); do
        "$seqtrain" -q -c "$1/$run/config.ini" -o alone --overwrite 2>err || return 1
        same_weights "$1/$run/best.safetensors" alone/best.safetensors &&
            state "$1/$run/last.safetensors" >a && state alone/last.safetensors >b && cmp a b || return 1
    done
}

# gone PID...: these processes have ended within five seconds.
gone()
{
    for tick in 1 2 3 4 5 6 7 8 9 10; do
        left=
        for pid; do
            case $(sed 's/.*) \(.\).*/\1/' "/proc/$pid/stat" 2>/dev/null) in '' | Z | X) ;; *) left="$left $pid" ;; esac
        done
        [ -z "$left" ] && return
        sleep 0.5
    done
    echo "left after $tick half seconds:$left"
    return 1
}

workers()
{
    cat "/proc/$1/task/$1/children" 2>/dev/null
}

# disturb WHAT MILLISECONDS: begins a sweep, does WHAT after so long, completes the sweep.
disturb()
{
    rm -rf fleet
    "$seqtrain" sweep -c fleet.ini >out 2>err &
    supervisor=$!
    sleep "$(awk -v ms="$2" 'BEGIN { printf "%.3f", ms / 1000 }')"
    # shellcheck disable=SC2046 # a list of numbers
    set -- "$1" $(workers $supervisor)
    if [ "$1" = worker ]; then
        [ $# -lt 2 ] || kill -KILL "$2" 2>/dev/null
        wait $supervisor || { cat out err && return 1; }
        return
    fi
    kill -KILL $supervisor 2>/dev/null
    wait $supervisor 2>/dev/null
    what=$1
    shift
    gone "$@" || return 1
    if [ "$what" = cut ] && journal=$(ls fleet/journal/*.jsonl 2>/dev/null); then
        bytes=$(wc -c <"$journal")
        below 200
        [ "$drawn" -ge "$bytes" ] && drawn=$((bytes - 1))
        truncate -s "$((bytes - drawn - 1))" "$journal"
    fi
    "$seqtrain" sweep -c fleet.ini >out 2>err || { cat out err && return 1; }
}

"$seqtrain" sweep -c fleet.ini -o undisturbed >out 2>err || { cat out err && exit 1; } # programs are compiled
rm -rf undisturbed
began=$(milliseconds)
"$seqtrain" sweep -c fleet.ini -o undisturbed >out 2>err || exit 1
took=$(($(milliseconds) - began))
table undisturbed >undisturbed.csv
echo "# undisturbed: $took ms; seed $seed"
instant=0
while [ "$instant" -lt "$count" ]; do
    instant=$((instant + 1))
    below 3
    what=$(echo worker supervisor cut | cut -d' ' -f$((drawn + 1)))
    below 32768
    after=$((drawn * took / 32768))
    if disturb "$what" "$after" >told 2>&1 && same fleet >>told 2>&1; then
        echo "$instant: $what after $after ms: $well"
    else
        echo "$instant: $what after $after ms: FAILED"
        sed 's/^/# /' told
        failed=$((failed + 1))
    fi
done
echo "$((count - failed)) of $count sweeps: $well"
[ "$failed" -eq 0 ]
