#!/bin/sh
# SPDX-License-Identifier: MIT
# Ranks: processes that mpirun starts train one model together, to the bits of one process, whatever
# their number; what goes wrong in one of them ends all.
# shellcheck source=tests/cli.sh
plugin=$PWD/seqtrain-mpi.so
. "${srcdir-.}/tests/cli.sh"

reason=
command -v mpirun >/dev/null || reason="no mpirun (Debian: openmpi-bin)"
[ -e "$plugin" ] || reason="no plug-in of ranks (Debian: libopenmpi-dev)"
if [ -n "$reason" ]; then
    echo "1..0 # SKIP $reason"
    exit 0
fi
SEQTRAIN_RANKS=$plugin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# more ranks than cores; Open MPI's sockets lie in a short path
OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe TMPDIR=/tmp
export SEQTRAIN_RANKS OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM
export OMPI_MCA_rmaps_base_oversubscribe PRTE_MCA_rmaps_default_mapping_policy TMPDIR
if ! timeout 60 mpirun -n 2 true >out 2>&1; then
    echo "1..0 # SKIP mpirun starts nothing here: $(head -n 1 out)"
    exit 0
fi

sharded 8 >ranks.ini

# ranks COUNT STATUS ARGUMENT...: as run, by so many ranks.
ranks()
{
    count=$1 wanted=$2
    shift 2
    timeout 120 mpirun -n "$count" "$seqtrain" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] && return
    echo "exit status $got, not $wanted: $count ranks, seqtrain $*"
    return 1
}

point "one process computes all shards" run 0 -c ranks.ini -q -s run.output=one
for count in 2 3 4 8; do
    point "$count ranks train" ranks "$count" 0 -c ranks.ini -q -s run.output=by$count
    point "$count ranks: the same bits" same_training one by$count
done

augmented()
{
    set -- -c ranks.ini -q -s 'data.augment=noise(0.1), step(0.5), crop(3), warp(1.5)' \
        -s 'data.augment_where=close > open'
    run 0 "$@" -s run.output=augmented && ranks 3 0 "$@" -s run.output=augmented3 &&
        ! cmp -s one/best.safetensors augmented/best.safetensors && same_training augmented augmented3
}
point "3 ranks, windows that are augmented: the same bits" augmented

normed()
{
    set -- -c ranks.ini -q -s model.type=cnn_recurrent -s 'model.conv_channels=5, 4' -s model.conv_norm=batch \
        -s model.hidden=24 -s 'data.targets=ret(close)' -s loss.contrastive=none
    run 0 "$@" -s run.output=normed && ranks 3 0 "$@" -s run.output=normed3 && same_training normed normed3
}
point "3 ranks, batch norm: the same bits" normed

# Four batches of validation, dealt to three ranks, and figures of samples and of batches.
evaluates()
{
    for term in none nt_xent; do
        set -- -c ranks.ini -q -s loss.contrastive=$term -s train.evaluate_batch=3
        run 0 "$@" -s run.output=whole-$term && ranks 3 0 "$@" -s run.output=dealt-$term &&
            same_training whole-$term dealt-$term || return 1
    done
}
point "ranks evaluate together: the same figures" evaluates
told()
{
    ranks 2 0 -c ranks.ini -s run.output=told && has out '^Ranks: 2 train together, each micro-batch in 8 shards' &&
        [ "$(grep -c '^Epoch' out)" -eq 3 ] && [ "$(grep -c '"event":"end"' told/log.jsonl)" -eq 1 ]
}
point "one of them tells" told

# Ended amid the run, then gone on with by another number of ranks.

# started FOLDER COUNT [SETTING]: so many ranks train in the folder, without an end; waits for checkpoints. $pid is
# mpirun, $rank one of the ranks, no matter which.
started()
{
    mpirun -n "$2" "$seqtrain" -c ranks.ini -q -s run.output="$1" -s train.epochs=100000 -s "${3-ranks.timeout=30s}" >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ ! -e "$1/last.1.safetensors" ]; do
        sleep 0.02
    done
    rank=$(ps -e -o pid= -o ppid= -o comm= | awk -v p=$pid '$2 == p && $3 == "seqtrain" { print $1 }' | tail -n 1)
    [ -n "$rank" ] || { echo "no rank among the children of mpirun"; return 1; }
}
killed()
{
    started part 3 && kill -KILL "$rank" || return 1
    wait $pid
    [ $? -ne 0 ] && [ -e part/last.safetensors ]
}
terminated()
{
    started term 2 && kill -TERM "$rank" || return 1 # one rank alone: the others hear of it
    wait $pid
    [ -e term/last.safetensors ]
}

# goes_on FOLDER: two ranks train two epochs more, and one process as many from the start.
goes_on()
{
    most=$(($(grep -c '^{"event":"epoch"' "$1/log.jsonl") + 2))
    ranks 2 0 -c ranks.ini -q -r -s run.output="$1" -s train.epochs=$most &&
        run 0 -c ranks.ini -q -s run.output="$1.whole" -s train.epochs=$most && same_training "$1.whole" "$1"
}
point "a rank is killed: all end" killed
point "two ranks go on, to the bits of one process" goes_on part
point "one rank is interrupted: all end, with a checkpoint" terminated
point "two ranks go on, to the bits of one process" goes_on term

refused()
{
    ranks "$1" 2 -c ranks.ini -q -s run.output=none -s "$2" && has err "$3" && [ ! -e none/last.safetensors ]
}
# A rank that is stopped answers nothing; one that waits for its data answers.
hung()
{
    started hung 3 ranks.timeout=2s && kill -STOP "$rank" || return 1
    wait $pid
    got=$?
    [ $got -eq 1 ] || { echo "exit status $got"; return 1; }
    grep -q 'rank [0-9] on .* has not answered for 2 s (ranks.timeout)' err || return 1
    for _ in 1 2 3 4 5 6 7 8 9 10; do # mpirun may be gone before it
        case $(ps -o stat= -p "$rank") in '' | Z*) return ;; esac
        sleep 1
    done
    echo "process $rank is left"
    return 1
}
point "a rank is stopped: all end, and it is named" hung
silent()
{
    mkfifo pipe.csv || return 1
    (sleep 2.5 && cat candles.csv >pipe.csv) &
    cat >silent.sh <<EOF
case \${OMPI_COMM_WORLD_RANK-\$PMI_RANK} in 1) set -- -s data.source=pipe.csv ;; *) set -- ;; esac
exec "$seqtrain" -c ranks.ini -q -s run.output=silent -s ranks.timeout=1s "\$@"
EOF
    timeout 60 mpirun -n 2 sh silent.sh >out 2>err </dev/null || { cat err; return 1; }
    same_training one silent
}
point "a rank that is busy for longer than ranks.timeout is none" silent
point "more ranks than shards" refused 3 train.shards=2 '3 ranks need train.shards = 3 or more'
point "a batch that shards do not divide" refused 2 train.shards=3 'batch = 16 cannot be cut into 3 equal shards'
no_plugin()
{
    SEQTRAIN_RANKS=/nowhere.so ranks 2 2 -c ranks.ini -q -s run.output=none && has err 'needs the plug-in seqtrain-mpi.so'
}
point "without the plug-in" no_plugin
beside()
{
    (unset SEQTRAIN_RANKS && ranks 2 0 -c ranks.ini -q -s run.output=beside) && same_training one beside
}
point "the plug-in lies beside the program that is not installed" beside

# With srun no size is set but Slurm's own.
srun_env()
{
    SEQTRAIN_RANKS=/nowhere.so PMIX_RANK=0 SLURM_STEP_NUM_TASKS=4 run 2 -c ranks.ini -q -s run.output=none &&
        has err 'needs the plug-in seqtrain-mpi.so'
}
point "without the plug-in, started by srun" srun_env

# Rank 1 has something else than rank 0: neither writes anything.
unlike()
{
    rm -rf unlike
    timeout 60 mpirun -n 1 "$seqtrain" -c ranks.ini -q -s run.output=unlike : \
        -n 1 "$seqtrain" -c ranks.ini -q -s run.output=unlike -s "$1" >out 2>err </dev/null
    [ $? -eq 1 ] && has err "^seqtrain: rank 1 has $2" && [ ! -e unlike/config.ini ]
}
sed '$d' candles.csv >fewer.csv
point "a rank with another learning rate" unlike train.lr=0.5 "'lr = 0.5' in its configuration, where rank 0 has 'lr = "
point "a rank with another seed" unlike run.seed=77 "'seed = 77' in its configuration"
point "a rank with another number of epochs" unlike train.epochs=77 "'epochs = 77' in its configuration"
point "a rank with other data" unlike data.source=fewer.csv 'other data than rank 0'
point "a rank with other weights" unlike model.init=one/best.safetensors 'other weights'
# Rank 1 has another card: its sensors are told, and its limit is set and put back.
cards()
{
    for card in 1 2; do
        printf '%s\n' "address 00000000:4$card:00.0" "name Card $card" "temperature 6$card" 'limit 300000' \
            'least 100000' 'most 350000' >nvml$card
    done
    cat >cards.sh <<EOF
case \${OMPI_COMM_WORLD_RANK-\$PMI_RANK} in 1) card=2 ;; *) card=1 ;; esac
STAND_IN_NVML=$dir/nvml\$card SEQTRAIN_TEST_CARD=0000:4\$card:00.0
LD_LIBRARY_PATH=${seqtrain%/seqtrain}/tests/stand_in\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
export STAND_IN_NVML SEQTRAIN_TEST_CARD LD_LIBRARY_PATH
exec "$seqtrain" -c ranks.ini -q -s run.output=cards -s device.power_limit=250
EOF
    timeout 60 mpirun -n 2 sh cards.sh >out 2>err </dev/null || return 1
    for card in 1 2; do
        [ "$(paste -s -d ' ' nvml$card.set)" = '250000 300000' ] || { cat nvml$card.set; return 1; }
    done
    grep '"event":"epoch"' cards/log.jsonl >epochs && [ "$(wc -l <epochs)" -eq 3 ] &&
        [ "$(grep -c '"telemetry":{.*"temperature":61.0,.*"telemetry_ranks":\[{"rank":1,.*"temperature":62.0,' epochs)" -eq 3 ]
}
point "each rank limits its own card, and its sensors are told" cards
point "several devices, one a rank" ranks 2 0 -c ranks.ini -q -s run.output=devices -s "ranks.devices=cpu, 0"
point "with the same bits" same_training one devices
echo "1..$points"
