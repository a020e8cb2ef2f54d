#!/bin/sh
# SPDX-License-Identifier: MIT
# data.split = walk_forward: a run is one fold, says so everywhere, and its figures can be pooled.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# 602 rows, a minute apart, whose next value follows from the last ones; and noise beside them.
awk 'BEGIN { srand(3); print "t,x,noise"
    for (i = 0; i < 602; i++) printf "%d,%.9g,%.9g\n", 1600000020 + 60 * i, sin(i / 3), rand() }' >walk.csv
cat >walk.ini <<'INI'
[run]
output = run
[data]
source     = walk.csv
time       = t
features   = x, noise
targets    = x
window     = 8
horizon    = 3
split      = walk_forward
folds      = 5
fold       = 2
look_back  = yes
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
epochs   = 4
batch    = 32
lr       = 1e-2
schedule = constant
[plots]
enable = none
INI

spans()
{
    run 0 check -c walk.ini -s data.fold="$1" && has out "$2" \
        '^data: 3 rows between two parts left out: purge 3, embargo 0$'
}
point "check prints the spans of the first fold" spans 1 '^data: fold 1 of 5, expanding: training 86 rows, 2020-09-13T12:27:00Z to 2020-09-13T13:52:00Z; validation 10 rows, 2020-09-13T13:56:00Z to 2020-09-13T14:05:00Z; test 100 rows, 2020-09-13T14:09:00Z to 2020-09-13T15:48:00Z$'
point "check prints the spans of the last fold" spans 5 '; test 100 rows, 2020-09-13T20:49:00Z to 2020-09-13T22:28:00Z$'

# member FILE KEY: a whole number of JSON.
member()
{
    sed -n 's/.*"'"$2"'": *\([0-9]*\)[,}]*$/\1/p; s/.*"'"$2"'":\([0-9]*\)[,}].*/\1/p' "$1" | head -1
}

says_the_fold()
{
    run 0 train -c walk.ini && has out '^Predictions of the test part, fold 2 of 5:$' || return 1
    grep '"event":"data"' run/log.jsonl >data.json && grep '"event":"verdict"' run/log.jsonl >verdict.json &&
        [ "$(member data.json fold),$(member data.json folds),$(member data.json purge)" = 2,5,3 ] &&
        [ "$(member verdict.json fold),$(member verdict.json folds)" = 2,5 ] &&
        [ "$(member verdict.json values)" = 100 ]
}
point "a run says its fold, in words and in the log" says_the_fold

evaluated()
{
    run 0 evaluate -m run && [ "$(member out fold),$(member out folds)" = 2,5 ] || return 1
    run 0 evaluate -m run -i walk.csv && [ -z "$(member out fold)" ]
}
point "evaluate says the fold of the checkpoint, and none of another file" evaluated
point "config.ini keeps the fold" has run/config.ini '^split = walk_forward$' '^fold = 2$' '^purge = auto$'

resumed()
{
    run 0 train -c walk.ini -o half -s train.epochs=2 && run 2 train -c walk.ini -o half --resume -s data.fold=3 &&
        has err "data\.fold: '2' in the checkpoint, '3' here" || return 1
    run 2 train -c walk.ini -o half --resume -s data.purge=4 && has err "data\.purge: 'auto' in the checkpoint" || return 1
    run 0 train -c walk.ini -o half --resume && same_weights run/best.safetensors half/best.safetensors
}
point "--resume keeps the fold" resumed

# Each row behind the first piece is tested on once.
pooled()
{
    total=0
    for fold in 1 2 3 4 5; do
        run 0 train -c walk.ini -o "fold$fold" -s data.fold=$fold -s train.epochs=1 &&
            run 0 evaluate -m "fold$fold" || return 1
        sed '1,/"test"/d' out >test.json
        total=$((total + $(member test.json values)))
    done
    [ $total = 500 ] || { echo "$total values" && return 1; }
}
point "the folds together test each row once" pooled

# verdict ARGUMENT...: that of the test.
verdict()
{
    run 0 train -c walk.ini -o judged --overwrite -s data.fold=5 -s train.epochs=10 "$@" &&
        sed -n 's/.*"skill":{"verdict":"\([^"]*\)".*/\1/p' judged/log.jsonl >verdict.txt
}
learns()
{
    verdict && [ "$(cat verdict.txt)" = better ]
}
# A leak would let a model of permuted targets beat the naive forecasts.
permuted()
{
    verdict -s data.permute_targets=yes -s run.seed="$1" && [ "$(cat verdict.txt)" != better ]
}
point "a model learns the series" learns
for seed in 1 2 3; do
    point "a model of permuted targets does not beat naive, seed $seed" permuted $seed
done

# x leaps up in row 1300; the target, its mean over 200 rows, 200 rows ahead, is then up in row 1500,
# where the test begins. Whoever stands in row 1300 and knows no more than that it is row 1300 cannot
# tell. Without a purge the last targets of training do.
awk 'BEGIN { srand(5); print "t,n,x"
    for (i = 0; i < 1600; i++) printf "%d,%d,%.9g\n", 1600000020 + 60 * i, i, (i < 1300 ? -1 : 1) + rand() / 5 }' >leap.csv
cheats()
{
    run 0 train -c walk.ini -o leap --overwrite -s data.source=leap.csv -s data.features=n -s 'data.targets=ma(x,200)' \
        -s data.horizon=200 -s data.window=1 -s data.folds=15 -s data.fold=15 -s data.validation=0 \
        -s train.monitor=train/loss -s train.epochs=60 -s "data.purge=$1" && run 0 evaluate -m leap || return 1
    tr -d ' \n' <out | sed 's/.*"test":{"transformed":{"ma(x,200)":{"mse":\([^,]*\),.*"trainingmean":{"mse":\([^,]*\),.*/\1 \2/' |
        awk -v cheats="$2" 'NF == 2 { ok = cheats ? $1 < 0.5 * $2 : $1 > 0.8 * $2 } END { print; exit !ok }'
}
point "without a purge a model knows what it cannot know" cheats 0 1
point "purge = auto finds it out" cheats auto 0

refused()
{
    run 2 check -c walk.ini -s data.fold=6 && has err 'data\.fold: there is no fold 6 of 5' &&
        run 2 check -c walk.ini -s data.test_source=walk.csv && has err 'walk_forward cuts the test from source' &&
        run 2 check -c walk.ini -s data.validation_source=walk.csv &&
        has err 'walk_forward cuts validation from source' &&
        run 3 check -c walk.ini -s data.folds=599 && has err 'fits into the training part' &&
        run 3 check -c walk.ini -s data.folds=1000 && has err '602 usable rows of different times are too few'
}
point "what is refused" refused
echo "1..$points"
