#!/bin/sh
# SPDX-License-Identifier: MIT
# Every kernel of cl/ under oclgrind, which tells data races and accesses beyond a buffer: the op
# tests at odd shapes, then whole small trainings with k-means and t-SNE. Each tensor has a buffer
# of its own, filled with NaNs, so that overruns between tensors are seen and a value that is read
# before it is written ends the run. Kernels are cut as for a CPU and as for a GPU.
srcdir=${srcdir-.}
command -v oclgrind >/dev/null || {
    echo "1..0 # SKIP no oclgrind (Debian: package oclgrind)"
    exit 0
}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
XDG_CACHE_HOME=$folder/cache
export XDG_CACHE_HOME
unset OCL_ICD_VENDORS OCL_ICD_FILENAMES
# its library comes first by LD_PRELOAD, and is not leak-free
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:detect_leaks=0
export ASAN_OPTIONS
points=0

# point STATUS NAME FILE...: on failure the files say why.
point()
{
    points=$((points + 1))
    if [ "$1" = 0 ]; then
        echo "ok $points - $2"
    else
        echo "not ok $points - $2"
        shift 2
        sed 's/^/# /' "$@" | head -60
    fi
}

# grind COMMAND...: passes if the command does and oclgrind has nothing to say.
grind()
{
    oclgrind --data-races --max-errors 5 --log "$folder/log" "$@" >"$folder/output" 2>&1 </dev/null
    status=$?
    [ ! -s "$folder/log" ] || status=1
    return $status
}

# ops NAME...: op tests, as on a CPU and as on a GPU; a name with a * fits both. One that there is
# not fails.
ops()
{
    for name; do
        op "$name"
        [ "${name#*\*}" != "$name" ] || op "$name, as on a GPU"
    done
}

op()
{
    grind "tests/$program" "$1" && grep -q '^ok' "$folder/output" && ! grep -q '^not ok' "$folder/output"
    point $? "$program: $1" "$folder/log" "$folder/output"
}

# train NAME DEBUG SETTING...: a few windows in batches of 3, the last one short. The log names the
# device: proof that it was oclgrind's.
train()
{
    name=$1
    SEQTRAIN_DEBUG=$2
    export SEQTRAIN_DEBUG
    shift 2
    for setting; do
        shift
        set -- "$@" -s "$setting"
    done
    grind ./seqtrain -q -c "$srcdir/configs/demo.ini" --overwrite -o "$folder/run" \
        -s device.select=auto -s device.gemm=own -s data.window=5 -s data.stride=3000 \
        -s train.epochs=1 -s train.batch=3 -s model.layers=1 -s model.d_model=8 -s model.heads=2 \
        -s model.feedforward=16 -s model.latent=4 -s cluster.categories=2 \
        -s plots.tsne_points=10 -s plots.tsne_perplexity=2 -s plots.tsne_iterations=50 \
        -s plots.enable=latent_space_tsne "$@" &&
        grep -q '"event":"start".*"platform":"Oclgrind"' "$folder/run/log.jsonl" &&
        grep -q '"event":"end"' "$folder/run/log.jsonl" &&
        [ -s "$folder/run/$picture.png" ]
    point $? "$name" "$folder/log" "$folder/output"
}

# targets NAME DEBUG SETTING...: the same for models with targets.
targets()
{
    name=$1 debug=$2
    shift 2
    picture=predictions
    train "$name" "$debug" plots.enable=predictions 'data.features=ret(close), volume' data.scaler=standard \
        'data.targets=ret(close)' data.target_transform=standard model.hidden=5 "$@"
}

picture=latent_space_tsne
train "a training as on a CPU" scattered
train "a training as on a GPU, odd widths" "scattered gpu" data.stride=4000 data.scaler=standard \
    model.d_model=9 model.heads=3 model.feedforward=7 model.latent=5 model.norm_first=no \
    model.activation=relu model.positions=sinusoidal loss.contrastive=nt_xent \
    loss.reconstruction=huber
targets "a recurrent training" scattered model.type=recurrent model.cell=lstm model.bidirectional=yes \
    model.layer_norm=yes model.head=attention data.balance=weight data.balance_bins=2 data.noise=0.1
targets "a recurrent training over convolutions, as on a GPU" "scattered gpu" model.type=cnn_recurrent \
    model.cell=gru 'model.conv_channels=3, 4' model.conv_norm=batch model.conv_pool=2 \
    model.activation=rrelu model.dropout=0.1 loss.target=mae \
    train.optimizer=lion train.ema=0.9 'model.freeze=conv.0.*, conv_norm.*.bias, gru.*hh*'
targets "a transformer's training, as on a GPU" "scattered gpu" model.type=transformer model.attention=causal \
    model.positions=rotary model.reversible_norm=yes data.target_rows=each data.horizon=2 loss.target=huber
unset SEQTRAIN_DEBUG # test_ops has devices of both kinds by itself
if [ -x tests/test_ops ]; then # the larger shapes would take minutes
    program=test_ops
    tests/test_ops -w >"$folder/watched"
    part=$(sh "$srcdir/tests/part.sh" 2)
    awk -v part="$part" 'part == "" || NR % 2 == part' "$folder/watched" >"$folder/chosen"
    while read -r name; do
        op "$name"
    done <"$folder/chosen"
    for file in attention attention_over batch_norm conv linear max_pool norm nt_xent pool reconstruction recurrent window_norm; do
        grep -q "^$file.* [0-9]*, as on a GPU$" "$folder/watched"
        point $? "problems of $file are watched in both cuts" "$folder/watched"
    done
    ops 'bias *' "batch norm's running statistics" 'join *' 'I/Q features' 'latent *' 'similarity *' \
        'loss_sum' 'sum_rows' 'gather' 'noise' 'small attention with a cache'
    grind tests/test_mma && ! grep -q '^not ok' "$folder/output"
    point $? "matrix units, emulated" "$folder/log" "$folder/output"
    program=test_gemm
    ops 'test_instances*' 'test_parts*' 'test_types*' 'test_tails*'
    program=test_barrier
    op test_steps
    program=test_quantized
    ops 'small NF4' 'small NF4_NESTED' 'small INT8'
    program=test_optim # fifty steps would take minutes
    ops '*stop at a bad step*' '*skip bad steps*' '*adamw, in blocks*'
else
    points=$((points + 1))
    echo "ok $points - ops # SKIP no cmocka, so no op tests"
fi
echo "1..$points"
