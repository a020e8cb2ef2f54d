#!/bin/sh
# SPDX-License-Identifier: MIT
# A sweep as a Slurm array, a task for each run. Copy this file, set what your cluster needs, and:
#
#   sbatch --array=1-"$(seqtrain sweep --list -c fleet.ini | wc -l)" slurm-array.sh fleet.ini
#
# What follows the configuration goes to seqtrain, such as -s train.epochs=50.
# Two minutes before a task's time is over, Slurm sends SIGUSR1. seqtrain then saves a checkpoint and
# ends with status 138; the task goes back into the queue and goes on from there. It does so as well
# when Slurm itself puts it back, after a node failed or a more urgent job came.
#
#SBATCH --job-name=seqtrain
#SBATCH --time=04:00:00
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --signal=USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%A_%a.out
# For a GPU, one # less:
##SBATCH --gres=gpu:1

if [ $# -lt 1 ] || [ -z "${SLURM_ARRAY_TASK_ID-}" ]; then
    echo "usage: sbatch --array=1-RUNS slurm-array.sh FILE.ini [OPTION...]" >&2
    exit 2
fi
config=$1
shift
srun ${SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"} \
    seqtrain sweep --run "$SLURM_ARRAY_TASK_ID" -c "$config" "$@"
status=$?
if [ $status -eq 138 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
