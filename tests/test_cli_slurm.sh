#!/bin/sh
# SPDX-License-Identifier: MIT
# The example of a Slurm array, with stand-ins for sbatch, srun and scontrol.
top=$(cd "${srcdir-.}" && pwd)
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
script=$top/doc/slurm-array.sh

point "its syntax" sh -n "$script"
if command -v shellcheck >/dev/null; then
    point "shellcheck" shellcheck "$script"
else
    skip "shellcheck" "not installed"
fi

# sbatch --array=FROM-TO SCRIPT ARGUMENT...: all tasks, one after the other, as Slurm starts them, each
# with a job number of its own. The statuses go to the file "statuses".
# srun [--OPTION...] COMMAND...: the command; with SIGNAL=FOLDER it gets the signal that the script asks
# for as soon as FOLDER has a checkpoint of this start.
# scontrol ARGUMENT...: noted in the file "requeued".
mkdir bin
cat >bin/sbatch <<'SH'
#!/bin/sh
range=${1#--array=}
shift
: >statuses
task=${range%-*}
while [ "$task" -le "${range#*-}" ]; do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_JOB_ID=70 SLURM_JOB_ID=$((70 + task)) SLURM_CPUS_PER_TASK=$(
        sed -n 's/^#SBATCH --cpus-per-task=//p' "$1") SENT=$(
        sed -n 's/^#SBATCH --signal=\([A-Z0-9]*\)@120$/\1/p' "$1") sh "$@"
    echo $? >>statuses
    task=$((task + 1))
done
SH
cat >bin/srun <<'SH'
#!/bin/sh
[ "$1" = --cpus-per-task=4 ] || exit 99
shift
[ -n "${SIGNAL-}" ] || exec "$@"
had=$(grep -cs '"event":"checkpoint"' "$SIGNAL/log.jsonl")
"$@" &
tries=0
until [ "$(grep -cs '"event":"checkpoint"' "$SIGNAL/log.jsonl")" -gt "${had:-0}" ] 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || break
    sleep 0.1
done
task=$!
sleep 1 # a signal within 0.1 s after a driver has first compiled something may be lost, see main.c
kill "-$SENT" $task
{ sleep 60 && kill -KILL $task; } >/dev/null 2>&1 &
guard=$!
wait $task
status=$?
kill $guard
exit $status
SH
cat >bin/scontrol <<'SH'
#!/bin/sh
echo "$*" >>requeued
SH
cat >bin/seqtrain <<SH
#!/bin/sh
exec "$seqtrain" "\$@"
SH
chmod +x bin/*
PATH=$dir/bin:$PATH
export PATH

{
    sed -e '/^output/d' -e 's/^epochs = 2/epochs = 1/' tiny.ini
    printf '\n[sweep]\noutput = fleet\nmodel.latent = 3, 4\n'
} >fleet.ini

# submitted STATUSES ARGUMENT...: an array of the runs that --list has; its tasks end so.
submitted()
{
    wanted=$1
    shift
    rm -f requeued
    seqtrain sweep --list -c fleet.ini >commands && sbatch --array=1-"$(wc -l <commands)" "$script" fleet.ini "$@" >out 2>err
    [ "$(tr '\n' ' ' <statuses)" = "$wanted" ] || { echo "statuses $(cat statuses), not $wanted" && return 1; }
}
whole()
{
    submitted '0 0 ' -q && lines commands 2 && [ ! -e requeued ] && lines err 0 || return 1
    for n in 1 2; do
        sh -c "$(sed -n ${n}p commands)" >out && has out "/fleet/$((n + 2)): finished already: " || return 1
    done
}
point "each task trains the run of its line" whole
again()
{
    submitted '0 0 ' && [ "$(grep -c ': finished already: ' out)" -eq 2 ]
}
point "an array that is started again leaves what has ended" again
failing()
{
    submitted '2 2 ' -s model.heads=3 && [ ! -e requeued ]
}
point "a run that fails keeps its status and is not put back" failing
# A sweep of one run, which has more epochs than there is time.
put_back()
(
    sed -e 's/^model.latent = 3, 4/model.latent = 3/' -e 's/^epochs = 1/epochs = 100000/' fleet.ini >one.ini &&
        mv one.ini fleet.ini && SIGNAL=$(seqtrain sweep --list -c fleet.ini -o slow | sed 's/.* -s run.output=\([^ ]*\).*/\1/')
    export SIGNAL
    submitted '138 ' -q -o slow && [ "$(cat requeued)" = 'requeue 71' ] && ! grep '"event":"resume"' "$SIGNAL/log.jsonl" &&
        submitted '138 ' -q -o slow && [ "$(cat requeued)" = 'requeue 71' ] && grep '"event":"resume"' "$SIGNAL/log.jsonl"
)
point "before its time is over a task saves, is put back and goes on" put_back
alone()
{
    sh "$script" fleet.ini >out 2>err
    [ $? -eq 2 ] && lines err 1 && has err '^usage: sbatch '
}
point "without an array it says how it is used" alone

echo "1..$points"
