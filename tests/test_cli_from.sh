#!/bin/sh
# SPDX-License-Identifier: MIT
# train --from: another run's weights, scaler and transforms, with other data.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# series ROWS LEVEL: values about a level.
series()
{
    awk -v rows="$1" -v level="$2" 'BEGIN {
        print "time,x,y"
        for (i = 0; i < rows; i++)
            printf "%d,%.6f,%.6f\n", 1600000200 + 300 * i, level * (1 + 0.1 * sin(i / 3)), level * cos(i / 5)
    }'
}
series 200 10 >old.csv
series 200 50 >new.csv
cat >data.ini <<'INI'
[data]
source   = old.csv
time     = time
features = x, y
targets  = x
window   = 8
scaler   = standard
target_transform = standard

[model]
type     = recurrent
hidden   = 8
layers   = 1

[train]
epochs   = 2
batch    = 16

[plots]
enable   = none

[run]
output   = old
INI
# fitted FOLDER: what was fitted, as the checkpoint's head has it.
fitted()
{
    head -c 20000 "$1/best.safetensors" | tr '{}' '\n\n' | grep -a -o '\\"offset.*'
}
same_fit() { fitted "$1" >one && fitted "$2" >two && [ -s one ] && cmp one two; }
point "a run is trained" run 0 train -c data.ini -q
kept()
{
    run 0 train --from old -o new -s data.source=new.csv -q && same_fit old new &&
        has new/config.ini '^fitted_by = .*/old/best.safetensors$' '^init = .*/old/best.safetensors$'
}
point "--from keeps scaler and transforms" kept
begins()
{
    run 0 train --from old -o still -s data.source=new.csv -s train.epochs=1 -s train.lr=1e-12 \
        -s train.ema=0 -q && run 0 predict -m old -i old.csv && cp out before &&
        run 0 predict -m still -i old.csv || return 1
    paste -d, before out | awk -F, 'NR > 1 { d = $3 - $7; if (d * d > 1e-8) exit 1 }'
}
point "and begins with the weights" begins
refit()
{
    run 0 train --from old -o other -s data.source=new.csv --refit -q && ! same_fit old other
}
point "--refit fits them anew" refit
with_config()
{
    run 0 train --from old -c data.ini -o ours -s data.source=new.csv -q && same_fit old ours
}
point "a configuration may say the rest" with_config
goes_on()
{
    run 0 train -c new/config.ini --resume -s train.epochs=3 -q && same_fit old new
}
point "--resume keeps them" goes_on
in_place()
{
    cp -r old place && run 0 train --from place -o place --overwrite -s data.source=new.csv -q &&
        same_fit old place && run 0 predict -m place -i new.csv
}
point "the folder may be its own" in_place
refused()
{
    status=$1
    pattern=$2
    shift 2
    run "$status" train "$@" && has err "$pattern"
}
point "other features are named" refused 2 'data.features is not that of' --from old -o no -s data.features=x
point "another scaler is named" refused 2 'data.scaler is not that of' --from old -o no -s data.scaler=robust
point "other layers are named" refused 3 'weight_ih_l0 has not the shape' --from old -o no -s model.hidden=4
point "its own folder is occupied" refused 2 'holds a run already' --from old
point "--refit needs --from" refused 2 '^seqtrain: --refit is for --from' -c data.ini --refit
point "--from begins a run" refused 2 '^seqtrain: --from begins a run' --from old --resume
point "no such checkpoint" refused 3 'none' --from none -o no
echo nothing >garbage
point "what is no checkpoint" refused 3 'garbage' --from garbage -o no
point "train without either" refused 2 '^seqtrain: train needs -c FILE' -o no

echo "1..$points"
