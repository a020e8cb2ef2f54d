#!/bin/sh
# SPDX-License-Identifier: MIT
# loss.teacher: a trained model is a term of the loss.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

awk 'BEGIN {
    print "time,x,y"
    for (i = 0; i < 400; i++)
        printf "%d,%.6f,%.6f\n", 1600000200 + 300 * i, 10 + sin(i / 3), 10 * cos(i / 5)
}' >data.csv
cat >teacher.ini <<'INI'
[data]
source   = data.csv
time     = time
features = x, y
targets  = x, y
window   = 8
scaler   = standard
target_transform = standard

[model]
type     = recurrent
hidden   = 12
layers   = 2

[train]
epochs   = 3
batch    = 16
schedule = constant
warmup   = 0 steps
lr       = 0.01

[plots]
enable   = none

[run]
output   = old
INI
small='-s model.hidden=5 -s model.layers=1 -s model.cell=gru'
# student FOLDER OPTION ...: trains a smaller model.
student()
{
    to=$1
    shift
    # shellcheck disable=SC2086
    run 0 train -c teacher.ini -o "$to" $small "$@"
}
predicts() { run 0 predict -m "$1" -i data.csv && mv out "$1.csv"; }
point "a teacher is trained" run 0 train -c teacher.ini -q
# of_epoch FOLDER KEY: a figure of the last epoch.
of_epoch() { grep '"event": *"epoch"' "$1/log.jsonl" | tail -1 | tr ',{}' '[\n*]' | sed -n "s/^ *\"$2\": *//p"; }
nothing()
{
    student plain -q && student none -q -s loss.teacher=old -s loss.teacher_weight=0 &&
        predicts plain && predicts none && cmp plain.csv none.csv
}
point "of weight 0 it changes nothing" nothing
sums()
{
    student half -s loss.teacher=old/best.safetensors -s loss.teacher_weight=0.25 &&
        has out '^Epoch .*train [^ ]+ \(mse [^ ]+ teacher [^ ]+\) \| val [^ (]+ \|' || return 1
    [ -z "$(of_epoch half val_teacher)" ] &&
        awk -v all="$(of_epoch half train_loss)" -v own="$(of_epoch half train_mse)" \
            -v taught="$(of_epoch half train_teacher)" -v val="$(of_epoch half val_loss)" \
            -v judged="$(of_epoch half val_mse)" 'BEGIN {
                d = all - 0.75 * own - 0.25 * taught
                exit !(d * d < 1e-10 && taught > 0 && val == judged && val > 0) }'
}
point "the loss is 1 - w and w of both, an evaluation's that of targets" sums
itself()
{
    run 0 train -c teacher.ini -o same -q -s model.init=old/best.safetensors -s loss.teacher=old \
        -s loss.teacher_weight=1 -s train.epochs=1 -s train.lr=1e-12 -s model.dropout=0 &&
        awk -v taught="$(of_epoch same train_teacher)" 'BEGIN { exit !(taught < 1e-12) }'
}
point "a model is of its own teacher's opinion" itself
own_parameters()
{
    # shellcheck disable=SC2086
    run 0 check -c teacher.ini $small -s loss.teacher=old && has out 'device memory:.* teacher 0\.0[1-9]' &&
        ! has out 'lstm' &&
        size=$(wc -c <half/best.safetensors) && plain=$(wc -c <plain/best.safetensors) &&
        [ $((size - plain)) -lt 2000 ]
}
point "its parameters are counted apart, and not in the checkpoint" own_parameters
gradients()
{
    # shellcheck disable=SC2086
    run 0 check -c teacher.ini $small --gradients -s loss.teacher=old
}
point "the gradients are those of the loss" gradients
goes_on()
{
    student whole -q -s loss.teacher=old && student parts -q -s loss.teacher=old -s train.epochs=1 &&
        student parts --resume -q -s loss.teacher=old &&
        predicts whole && predicts parts && cmp whole.csv parts.csv
}
point "a resumed run has the same bits" goes_on
scattered()
{
    SEQTRAIN_DEBUG=scattered student apart -q -s loss.teacher=old && predicts apart && cmp whole.csv apart.csv &&
        student shared -q -s loss.teacher=old -s train.shards=2 && predicts shared
}
point "as with a buffer for each tensor, and in shards" scattered
changed()
{
    run 0 train -c teacher.ini -o new -q -s run.seed=2 -s train.epochs=1 &&
        student moved -q -s loss.teacher=new -s train.epochs=1 &&
        cp old/best.safetensors new/best.safetensors &&
        run 3 train -c moved/config.ini --resume -s train.epochs=2 &&
        has err 'the teacher .*new is not what it was'
}
point "another teacher is no resume" changed
gone()
{
    mv new away && run 0 predict -m moved -i data.csv && run 0 evaluate -m moved
}
point "a trained model needs no teacher" gone

# refused NAME PATTERN OPTION ...
refused()
{
    pattern=$1
    shift
    run 2 check -c teacher.ini -s loss.teacher=old "$@" && has err "$pattern"
}
point "another window" refused 'teacher: data\.window is not that of old' -s data.window=9
point "other targets" refused 'teacher: data\.targets is not' -s data.targets=x
point "another scaler" refused 'teacher: data\.scaler is not' -s data.scaler=robust
point "a scaler of other rows" refused 'scaler was fitted to other rows.*data\.fitted_by = old' -s data.validation=0.3
point "the one that it names" run 0 check -c teacher.ini -s loss.teacher=old -s data.validation=0.3 \
    -s data.fitted_by=old/best.safetensors
point "another task" refused 'of type recurrent, which gives other things than one of type autoencoder' \
    -s model.type=autoencoder -s data.targets= -s data.target_transform=none
point "its figure of an evaluation" refused "no figure 'val/teacher'" -s train.monitor=val/teacher
missing() { run 3 check -c teacher.ini -s loss.teacher=nobody && has err 'teacher: nobody: No such file'; }
point "there is none" missing

echo "1..$points"
