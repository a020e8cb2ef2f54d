#!/bin/sh
# SPDX-License-Identifier: MIT
# make.sh SEQTRAIN: writes into the current folder what tests/test_cli_old.sh resumes: candles.csv and, for
# each model, NAME/ with a run of two epochs as SEQTRAIN leaves it, and NAME/expected, what becomes of it
# when the same program goes on for two more. The folders beside this script were made so by 0.1.0, at
# commit 80c28db; they are made again only where a fault of that version must not be kept.
set -eu
seqtrain=$1
LC_ALL=C awk 'BEGIN {
    print "time,open,close,volume"
    for (i = 0; i < 160; i++)
        printf "%d,%.4f,%.4f,%.3f\n", 1600000020 + 60 * i, 100 + 8 * sin(i / 9) + 3 * sin(i / 2.3),
            100 + 8 * sin(i / 9) + 3 * sin(i / 2.3) + 2 * sin(i * i), 5 + 3 * cos(i / 4)
}' >candles.csv

# Standard input has the same name wherever a run is resumed; our own products need no certain BLAS.
ini()
{
    cat <<'INI'
[device]
gemm = own

[data]
source   = -
time     = time
features = open, close, volume
window   = 10

[train]
epochs   = 2
batch    = 16
lr       = 3e-3
warmup   = 1 steps
schedule = plateau
monitor  = train_loss

[cluster]
categories = 0

[plots]
enable = none
INI
}

# made NAME SETTING...
made()
{
    name=$1
    shift
    ini >old.ini
    for setting; do
        set -- "$@" -s "$setting"
        shift
    done
    "$seqtrain" train -q -c old.ini -o "$name" "$@" <candles.csv
    cp -r "$name" more
    "$seqtrain" train -q -c "$name/config.ini" -o more -r -s train.epochs=4 <candles.csv
    size=$(od -An -tu8 -N8 more/best.safetensors | tr -d ' ')
    {
        tail -n 1 more/log.jsonl | sed 's/.*"best_epoch":\([0-9]*\).*/best \1/'
        tail -c +$((size + 9)) more/best.safetensors | cksum
        sed -n 's/^{"event":"epoch",.*"epoch":\([0-9]*\),.*"val_loss":\([^,}]*\).*/\1 \2/p' more/log.jsonl
    } >"$name/expected"
    rm -r more old.ini "$name/best.safetensors" "$name/last.1.safetensors" \
        "$name/model.py" "$name/plan.json" "$name/run.lock"
    gzip -9n "$name/last.safetensors"
}

made autoencoder model.d_model=4 model.heads=2 model.layers=1 model.feedforward=8 model.latent=4
made forecast model.type=cnn_recurrent model.cell=gru model.hidden=8 model.layers=1 model.conv_channels=6 \
    model.conv_norm=batch model.head=attention data.targets=close data.target_transform=standard
