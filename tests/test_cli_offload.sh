#!/bin/sh
# SPDX-License-Identifier: MIT
# device.offload: frozen matrices in the host's memory, to the same bits.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

adapted 2

# alike ARGUMENT...: the same training, with its frozen matrices here and there.
alike()
{
    rm -rf run here && run 0 -q -c lm.ini "$@" && mv run here && run 0 -q -c lm.ini -s device.offload=yes "$@" &&
        same_training here run 1000 && has run/config.ini '^offload = yes' && ! grep -q '^offload = yes' here/config.ini
}
point "the same bits" alike
point "of quantised matrices" alike -s model.quantize=nf4
point "of layers that are made again" alike -s train.recompute=layers -s model.quantize=int8
point "of bfloat16" alike -s train.precision=bf16
point "of an average" alike -s train.ema=0.9
point "of shards" alike -s train.shards=2 -s train.accumulate=2
point "of GPT-2's matrices" alike -s model.shape=gpt2 -s model.kv_heads=auto
resumes()
{
    rm -rf run && run 0 -q -c lm.ini -s train.epochs=4 && mv run here4 && run 0 -q -c lm.ini -s device.offload=yes &&
        run 0 -q -c lm.ini -r -s train.epochs=3 && run 0 -q -c lm.ini -r -s train.epochs=4 -s device.offload=yes &&
        same_training here4 run 1000
}
point "a resumed run may have them elsewhere" resumes
uses()
{
    run 0 evaluate -m run && sed -n '/"model"/d; p' out >there && run 0 evaluate -m here4 && sed '/"model"/d' out | cmp - there &&
        run 0 generate -m run -p word --tokens 12 --temperature 0 && mv out there && run 0 generate -m here4 -p word \
        --tokens 12 --temperature 0 && cmp out there
}
point "evaluate and generate give the same" uses

# A device that the matrices do not fit.
less()
{
    run 0 check -c lm.ini -s model.d_model=512 -s model.layers=8 -d none -s device.memory=64MiB -s device.offload=yes &&
        has out '^host memory: [0-9.]+ MiB of frozen matrices; a step brings [0-9.]+ MiB to the device, [0-9.]+ s at 12 GB/s$' &&
        run 2 check -c lm.ini -s model.d_model=512 -s model.layers=8 -d none -s device.memory=64MiB && has err 'of 60.80 MiB|of 63753420'
}
point "a model that does not fit otherwise" less
point "nothing is frozen" eval 'run 2 check -c lm.ini -s device.offload=yes -s adapter.r=0 &&
    has err "\[device\] offload: no matrix of a linear layer is frozen"'
profiled()
{
    rm -rf run && run 0 -c lm.ini -s device.offload=yes --profile && has out '^  send  '
}
point "--profile tells the time of it" profiled
echo "1..$points"
