#!/bin/sh
# SPDX-License-Identifier: MIT
# compress: units of a model are left out, and the rest is trained on. tests/test_pruned.c has the
# wiring of each kind of model.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

awk 'BEGIN {
    print "time,x,y"
    for (i = 0; i < 400; i++)
        printf "%d,%.6f,%.6f\n", 1600000200 + 300 * i, 10 + sin(i / 3), 10 * cos(i / 5)
}' >data.csv
cat >large.ini <<'INI'
[data]
source   = data.csv
time     = time
features = x, y
targets  = x, y
window   = 8
scaler   = standard

[model]
type     = recurrent
cell     = gru
hidden   = 12
layers   = 2

[train]
epochs   = 4
batch    = 16
schedule = constant
warmup   = 0 steps
lr       = 0.01

[plots]
enable   = none

[run]
output   = large
INI
point "a model is trained" run 0 train -c large.ini -q
table() { grep -E '^(before|pruned|fine-tuned) +[0-9]+ +[0-9]+ +[0-9]+ +[0-9.e+-]+$' "$1" >rows && lines rows 3; }
# GRUs of 12, then 6 columns, and a head: 3 H (in + H + 2), 2 H + 2.
compresses()
{
    run 0 compress -m large -s train.epochs=3 && has out '^model\.hidden: 6 of 12 units stay in each of 2 sets$' &&
        table out && has out '^before +1538 +6152 ' && has out '^pruned +446 +1784 ' &&
        has out '^fine-tuned +446 +1784 ' && [ -e large-compressed/best.safetensors ] &&
        awk '$1 == "pruned" { pruned = $5 } $1 == "fine-tuned" { exit !($5 < pruned) }' out
}
point "it is half as wide, and comes back by training" compresses
figures()
{
    want=$(awk '$1 == "fine-tuned" { print $5 }' out)
    run 0 evaluate -m large-compressed && tr -d ' ,' <out | awk -F: -v want="$want" '
        /validation/ { found = 1 }
        found && $1 == "\"loss\"" { d = $2 - want; exit !(d * d <= 1e-8 * want * want) }'
}
point "the figure is that of evaluate" figures
taught()
{
    has large-compressed/config.ini '^teacher = .*/large/best.safetensors$' '^hidden = 6$' \
        '^init = .*large-compressed-pruned.safetensors$'
}
point "its teacher is the model" taught
goes_on()
{
    run 0 compress -m large -o whole -q -s train.epochs=3 && run 0 compress -m large -o parts -q -s train.epochs=1 &&
        run 0 compress -m large -o parts -q --resume -s train.epochs=3 && table out &&
        run 0 predict -m whole -i data.csv && mv out whole.csv && run 0 predict -m parts -i data.csv &&
        cmp out whole.csv
}
point "--resume goes on to the same bits" goes_on
narrow()
{
    run 0 compress -m large -o narrow -q --keep 0.2 -s train.epochs=1 && has narrow/config.ini '^hidden = 2$'
}
point "--keep" narrow
started()
{
    run 0 train -c large.ini -o begun -q -s model.hidden=6 -s model.init=whole-pruned.safetensors -s train.epochs=1 &&
        run 0 predict -m whole-pruned.safetensors -i data.csv
}
point "what is left is a checkpoint" started
# refused NAME STATUS PATTERN OPTION ...
refused()
{
    status=$1
    pattern=$2
    shift 2
    run "$status" compress "$@" && lines err 1 && has err "$pattern"
}
point "no model" refused 2 'compress needs -m' -o no
point "a part that is none" refused 2 '^seqtrain: --keep 1: a number' -m large -o no --keep 1
point "a part that is no number" refused 2 '^seqtrain: --keep half' -m large -o no --keep half
point "a part that leaves nothing out" refused 2 'none of the 12 units' -m large -o no --keep 0.99
point "what is there already" refused 2 'whole-pruned.safetensors is there already' -m large -o whole
point "no checkpoint" refused 3 'none' -m none -o no
point "several devices" refused 2 'one device' -m large -o no -s 'device.select=0, 1' -s train.shards=2
norms()
{
    run 0 train -c large.ini -o normed -q -s model.layer_norm=yes -s train.epochs=1 &&
        refused 2 'layer_norm: it is over all units' -m normed -o no && [ ! -e no-pruned.safetensors ]
}
point "a layer norm" norms

echo "1..$points"
