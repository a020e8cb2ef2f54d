#!/bin/sh
# SPDX-License-Identifier: MIT
# ranks_kills.sh [COUNT [SEED]], in a build folder: trains by ranks and kills one of them, COUNT (20)
# times: any rank of any number of ranks, at any instant. All must end, and another number of ranks goes
# on, to the bits of one process that nobody disturbed. Prints a line for each instant and a sum.
# shellcheck source=tests/cli.sh
plugin=$PWD/seqtrain-mpi.so
. "${srcdir-.}/tests/cli.sh"
count=${1-20}
seed=${2-1}
failed=0
SEQTRAIN_RANKS=$plugin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=/tmp
OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export SEQTRAIN_RANKS OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM TMPDIR
export OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy

sed -e 's/^epochs .*/epochs = 250/' -e 's/^batch .*/batch = 16\
accumulate = 2\
shards = 4/' tiny.ini >ranks.ini

random=$seed

# train COUNT ARGUMENT...: by so many ranks.
train()
{
    number=$1
    shift
    timeout 120 mpirun -n "$number" "$seqtrain" -c ranks.ini -q "$@" >out 2>err </dev/null
}

# the ranks of this mpirun, which still run
left()
{
    for pid; do
        case $(ps -o stat= -p "$pid") in '' | Z*) ;; *) echo "$pid" ;; esac
    done
}

# disturb COUNT WHICH MILLISECONDS THEN: so many ranks train; one of them is killed; then as many go on.
disturb()
{
    rm -rf part
    mpirun -n "$1" "$seqtrain" -c ranks.ini -q -s run.output=part >out 2>err </dev/null &
    launcher=$!
    sleep "$(awk -v ms="$3" 'BEGIN { printf "%.3f", ms / 1000 }')"
    ranks=$(ps -e -o pid= -o ppid= -o comm= | awk -v p=$launcher '$2 == p && $3 == "seqtrain" { print $1 }')
    victim=$(echo "$ranks" | sed -n "$(($2 + 1))p")
    # before there is a rank: the launcher
    kill -KILL "${victim:-$launcher}" 2>/dev/null || echo "it had ended"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        # shellcheck disable=SC2086 # a list
        [ -z "$(left $ranks)" ] && break
        sleep 0.5
    done
    # shellcheck disable=SC2086
    [ -z "$(left $ranks)" ] || { echo "ranks are left"; return 1; }
    for _ in 1 2 3 4 5 6 7 8 9 10; do # Open MPI 4.1 may hang in its own end
        [ -z "$(left $launcher)" ] && break
        sleep 1
    done
    kill -KILL $launcher 2>/dev/null && echo "mpirun hangs, though all ranks have ended"
    wait $launcher
    told=$?
    epochs=$(grep -c '"event":"epoch"' part/log.jsonl 2>/dev/null)
    echo "exit status $told, ${epochs:-0} epochs"
    train "$4" -r -s run.output=part || { cat out err && return 1; }
}

run 0 -c ranks.ini -q -s run.output=whole || exit 1
train 4 -s run.output=part || { cat err && exit 1; }
same_training whole part || exit 1
rm -rf part
began=$(milliseconds)
train 2 -s run.output=part || exit 1
took=$(($(milliseconds) - began))
echo "# undisturbed: $took ms by two ranks; seed $seed"
instant=0
while [ "$instant" -lt "$count" ]; do
    instant=$((instant + 1))
    below 3
    number=$((drawn + 2))
    below $number
    which=$drawn
    below 4
    next=$((drawn + 1))
    below 32768
    after=$((drawn * took / 32768))
    what="rank $which of $number after $after ms, then $next"
    if disturb $number $which $after $next >told 2>&1 && same_training whole part >>told 2>&1; then
        echo "$instant: $what: as if undisturbed ($(tail -n 1 told))"
    else
        echo "$instant: $what: FAILED"
        sed 's/^/# /' told
        failed=$((failed + 1))
    fi
done
echo "$((count - failed)) of $count trainings are as if undisturbed"
[ "$failed" -eq 0 ]
