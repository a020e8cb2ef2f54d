#!/bin/sh
# SPDX-License-Identifier: MIT
# data.augment by the command line: the same bits by either feed, from run to run and after a resume; no
# other figure of an evaluation; what is told and what is refused.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

awk 'BEGIN { print "t,a,b,kind"
    for (i = 0; i < 2000; i++) print 1600000000 + 60 * i "," sin(i / 9) + sin(i / 70) "," cos(i * i) "," (i % 9 == 0) }' >series.csv
cat >small.ini <<'INI'
[run]
output = run
[data]
source   = series.csv
time     = t
features = a, b
targets  = a
target_transform = standard
window   = 16
horizon  = 2
augment  = noise(0.1), spike(0.2,2), step(0.5), slope(0.5), crop(3), warp(2), flip(0.5)
augment_where = b > 0 or kind == 1
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
batch  = 64
epochs = 2
schedule = constant
warmup = 1 steps
[plots]
enable = none
INI

# trains FOLDER ARGUMENT...: into a new folder.
trains()
{
    folder=$1
    shift
    run 0 train -c small.ini -o "$folder" "$@"
}
same()
{
    same_training "$1" "$2" 500
}
differs()
{
    ! same_weights "$1/best.safetensors" "$2/best.safetensors" >differs.out 2>&1
}

told()
{
    trains one && has out '^data: augmented: [0-9]+ of 1583 training windows$' &&
        has one/log.jsonl '"augmented":\{"windows":[0-9]+,"of":1583\}'
}
point "how many windows are augmented is told" told
again()
{
    trains two && same one two
}
point "from run to run the same bits" again
streamed()
{
    trains stream -s data.feed=stream && same one stream
}
point "windows that are brought batch by batch: the same bits" streamed
resumed()
{
    trains part -s train.epochs=1 && run 0 train -c small.ini -o part --resume && same one part
}
point "after a resume the same bits" resumed
acts()
{
    trains all -s data.augment_where= && trains plain -s data.augment= -s data.augment_where= &&
        trains seed -s run.seed=7 -s model.init=one/best.safetensors &&
        differs one all && differs one plain && differs all plain && differs one seed
}
point "it acts, on the windows that the condition names" acts

# With a learning rate of 0 an evaluation sees the same weights.
untouched()
{
    trains still -s train.lr=0 && trains bare -s train.lr=0 -s data.augment=none -s data.augment_where= &&
        epochs still val_loss >log.a && epochs bare val_loss | cmp - log.a || return 1
    epochs still train_loss >log.a && ! epochs bare train_loss | cmp - log.a
}
point "validation is of windows as they are" untouched
predicts()
{
    run 0 predict -m one/best.safetensors -i series.csv && [ "$(wc -l <out)" -gt 1900 ]
}
point "a checkpoint predicts" predicts

# looked NAME ARGUMENT...: what seqtrain data says of its picture into NAME.
looked()
{
    name=$1
    shift
    run 0 data -c small.ini -o look "$@" || return 1
    grep -c 'look/augmentation.png' out >"$name"
    return 0
}
shown()
{
    looked with && [ "$(cat with)" -eq 1 ] && png look/augmentation.png &&
        cp look/augmentation.png first.png && rm -r look && looked again &&
        cmp look/augmentation.png first.png && rm -r look &&
        looked without -s data.augment=none -s data.augment_where= && [ "$(cat without)" -eq 0 ] &&
        ! [ -e look/augmentation.png ]
}
point "data draws what it does" shown
without_device()
{
    looked none -s device.select=nothing && [ "$(cat none)" -eq 0 ] &&
        has out '^no picture of data\.augment: no usable OpenCL device fits'
}
point "data says so where no device draws it" without_device

refused()
{
    run 2 check -c small.ini -s data.augment=none && has err 'there is no augmentation that the condition could be for' &&
        run 2 check -c small.ini -s 'data.augment_where=b >' && has err '\[data\] augment_where: ' &&
        run 2 check -c small.ini -s 'data.augment=flap(1)' && has err "\\[data\\] augment: 'flap\\(1\\)': .*did you mean flip"
}
point "what cannot be is refused" refused
nobody()
{
    run 0 check -c small.ini -s 'data.augment_where=b > 5' && has err 'no training window meets data\.augment_where'
}
point "a condition that never holds is told" nobody
on_resume()
{
    run 2 train -c small.ini -o part --resume -s train.epochs=3 -s 'data.augment=noise(0.2)' && has err 'data\.augment'
}
point "a resume holds to it" on_resume
echo "1..$points"
