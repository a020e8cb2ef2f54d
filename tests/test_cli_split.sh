#!/bin/sh
# SPDX-License-Identifier: MIT
# model.split = layers: frozen layers on several devices, to the same bits.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

if ! shows 3; then
    echo "1..0 # SKIP PoCL alone can show three devices on one CPU"
    exit 0
fi

adapted 5

# alike ARGUMENT...: the same training on one device and on three.
alike()
{
    rm -rf run here && run 0 -q -c lm.ini -d 0 "$@" && mv run here &&
        run 0 -q -c lm.ini -d 0,1,2 -s model.split=layers "$@" &&
        same_training here run 1000 && has run/config.ini '^split = layers' &&
        run 0 check -c lm.ini -d 0,1,2 -s model.split=layers "$@" && [ "$(grep -c '^device [0-2]: [1-9]' out)" -ge 2 ]
}
point "the same bits" alike
point "of quantised matrices" alike -s model.quantize=nf4
point "of layers that are made again" alike -s train.recompute=layers -s model.quantize=int8
point "of operations that are made again" alike -s train.recompute=yes
point "of bfloat16" alike -s train.precision=bf16
point "of an average" alike -s train.ema=0.9
point "of shards" alike -s train.shards=2 -s train.accumulate=2
point "of matrices in the host's memory" alike -s device.offload=yes
gpt2="-s model.shape=gpt2 -s model.kv_heads=auto"
# shellcheck disable=SC2086 # a list of words
for more in train.recompute=no train.recompute=yes "train.recompute=layers -s train.ema=0.9"; do
    point "of GPT-2's matrices, $more" alike $gpt2 -s $more
done
point "of a part that is frozen" alike -s adapter.r=0 -s 'model.freeze=model.layers.2.*, model.layers.3.*, model.layers.4.*'
resumes()
{
    rm -rf run && run 0 -q -c lm.ini -d 0 -s train.epochs=4 && mv run here4 &&
        run 0 -q -c lm.ini -d 0,1,2 -s model.split=layers && run 0 -q -c lm.ini -d 0 -r -s train.epochs=3 &&
        run 0 -q -c lm.ini -r -s train.epochs=4 -d 0,1,2 -s model.split=layers && same_training here4 run 1000
}
point "a resumed run may have them elsewhere" resumes
uses()
{
    run 0 evaluate -m run && sed '/"model"/d' out >there && run 0 evaluate -m here4 && sed '/"model"/d' out | cmp - there &&
        run 0 generate -m run -p word --tokens 12 --temperature 0 && mv out there && run 0 generate -m here4 -p word \
        --tokens 12 --temperature 0 && cmp out there
}
point "evaluate and generate give the same" uses
profiled()
{
    rm -rf run && run 0 -c lm.ini -d 0,1,2 -s model.split=layers --profile && has out '^  move  ' &&
        has out '^Devices: the layers lie on 0, 1, 2'
}
point "--profile tells the time of copies" profiled

# Devices of 64 MiB, and a model of 90 MiB.
large()
{
    run "$1" check -c lm.ini -s model.d_model=512 -s model.layers=8 -s device.memory=64MiB -s model.split=layers -d "$2"
}
fits()
{
    large 0 none,none,none && has out '^device none: 2 of 8 layers, frozen [0-9.]+ MiB, activations [0-9.]+; all [0-9.]+ MiB of 60.80$' &&
        [ "$(grep -c '^device none: 3 of 8 layers' out)" = 2 ] && has out 'a step copies [0-9.]+ MiB between devices in [0-9]+ copies' &&
        large 2 none,none && has err '^seqtrain: device none: the plan needs [0-9]+ bytes of 63753420' && large 2 none && has err 'parameters take [0-9]+ bytes of 63744452'
}
point "a model that does not fit otherwise" fits
point "nothing is frozen" eval 'run 2 check -c lm.ini -d 0,1,2 -s model.split=layers -s adapter.r=0 &&
    has err "\[model\] split: nothing of the model is frozen"'
point "a device that is none" eval 'run 2 check -c lm.ini -d 0,none -s model.split=layers && has err "not among devices"'
echo "1..$points"
