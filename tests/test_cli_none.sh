#!/bin/sh
# SPDX-License-Identifier: MIT
# check -d none: a plan without OpenCL, and device.memory. All but the comparison with a device runs
# where there is no OpenCL device.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# No driver can be found from here on: whoever calls OpenCL fails.
drivers=${OCL_ICD_VENDORS-}
OCL_ICD_VENDORS=$dir/nowhere
export OCL_ICD_VENDORS

# planned MEMORY_PATTERN ARGUMENT...: check -d none passes and tells this of the memory.
planned()
{
    planned_pattern=$1
    shift
    run 0 check -q -d none -c tiny.ini "$@" && lines err 0 &&
        has out '^tiny\.ini: valid$' '^device: none \(planned as for a GPU\), matrices by CLBlast$' \
            '^        no device was used; .* 48 KiB of local memory, work-groups of 1024' \
            '^total  *[1-9][0-9]*$' "$planned_pattern" \
            '^windows: [0-9]+ training, ' '^steps: [0-9]+ an epoch' \
            '^a step: [1-9][0-9]* launches a micro-batch, [1-9][0-9]* for the update, .*; [1-9][0-9]* programs$'
}
point "a plan without a device" planned '^  *[0-9.]+ MiB; .*so there is no limit$'
point "for a card of 12 GiB" planned '^  *[0-9.]+ MiB of 11673\.60 MiB that device\.memory_fraction allows$' \
    -s device.memory=12GiB
point "its largest buffer is told" has out 'buffers of 3072\.00 MiB'
point "memory_fraction is a share of device.memory" planned '^  *[0-9.]+ MiB of 6144\.00 MiB ' \
    -s device.memory=12GiB -s device.memory_fraction=0.5
point "NONE is none" planned "no limit" -s device.select=NONE

candles 6000 >wide.csv
small()
{
    run 2 check -q -d none -c tiny.ini -s data.source=wide.csv -s device.memory=1MiB -s train.batch=4096 &&
        has err '^seqtrain: .* a smaller train\.batch helps$' && [ ! -s out ] &&
        advice_works train.batch=4096 -s device.memory=1MiB
}
# advice_works SETTING ARGUMENT...: a refusal is in err; each line of advice fits as it is printed, the
# first of them with a batch that divides that of the setting.
advice_works()
{
    asked=$1
    shift
    sed -n 's/^seqtrain: fits: \(.*\) (.*)$/\1/p' err >advice
    grep -q '^-s train\.batch=[0-9]* -s train\.accumulate=[0-9]*' advice || { echo "no batch fits" && return 1; }
    # shellcheck disable=SC2046 # two numbers
    set -- "$@" $(sed -n '1s/.*batch=\([0-9]*\) -s train\.accumulate=\([0-9]*\).*/\1 \2/p' advice)
    while read -r words; do
        # shellcheck disable=SC2086 # words
        run 0 check -q -d none -c tiny.ini -s data.source=wide.csv -s "$asked" "$1" "$2" $words || return 1
    done <advice
    [ "train.batch=$(($3 * $4))" = "$asked" ] || { echo "$3 * $4 is not $asked" && return 1; }
}
point "a plan that does not fit is refused, with what fits" small
fitting()
{
    run 2 check -q -d none -c tiny.ini -s data.source=wide.csv -s device.memory=8MiB -s train.batch=1024 &&
        has err '^seqtrain: the plan needs [0-9]+ bytes of [0-9]+ ' '^seqtrain: activations +[0-9.]+ MiB$' \
            '^seqtrain: all +[0-9.]+ MiB of 7\.60 MiB$' && [ ! -s out ] &&
        advice_works train.batch=1024 -s device.memory=8MiB
}
point "by arena, and what fits is named" fitting
in_blocks()
{
    run 0 check -q -d none -c tiny.ini --plan -s device.memory=64MiB -s train.optimizer=sgd \
        -s train.batch=1 -s train.evaluate_batch=1 -s model.d_model=256 -s model.heads=1 \
        -s model.feedforward=1024 -s model.layers=2 &&
        has out 'buffers of 16\.00 MiB' 'device memory: parameters 17\.[0-9]* MiB' &&
        [ "$(grep -c ' norm_parts_block ' out)" -eq 2 ] && [ "$(grep -c ' sgd  *sgd ' out)" -eq 2 ]
}
point "parameters beyond the largest buffer lie in two" in_blocks
operations()
{
    run 0 check -v -d none -c tiny.ini --plan -s model.dropout=0.1 -s train.recompute=yes &&
        has out '^  [0-9]+ operations, of the [0-9]+ that the model is made of$' \
            '^  gather  *input: no backward pass$' \
            '^  attention  *encoder\.layers\.0\.self_attn: bias, dropout$' \
            '^  norm  *encoder\.layers\.0\.norm2: bias, dropout, residual sum kept for others, norm, made again for the backward pass$' &&
        run 0 check -q -d none -c tiny.ini --plan && ! grep -q ' operations, of ' out
}
point "check --plan -v lists the operations" operations

# Every provider and way of choosing one.
point "products by own kernels" run 0 check -q -d none -c tiny.ini -s device.gemm=own
point "products in bfloat16" run 0 check -q -d none -c tiny.ini -s device.gemm=bf16_products
measured()
{
    run 0 check -q -d none -c tiny.ini -s device.tuning=measure && has out 'matrices by CLBlast$'
}
point "nothing is measured without a device" measured
for sort in recurrent cnn_recurrent transformer tcn; do
    point "a model of type $sort" run 0 check -q -d none -c tiny.ini -s model.type=$sort \
        -s data.targets=close -s data.horizon=1 --plan
done

# refused NAME PATTERN ARGUMENT...: with status 2, one line, and no run folder.
refused()
{
    refused_pattern=$1
    shift
    run 2 "$@" && lines err 1 && has err "$refused_pattern" && ! ls -d run
}
point "train refuses none" refused '^seqtrain: train needs a device, .* only check plans' -c tiny.ini -d none
point "so it does in a configuration" refused '^seqtrain: train needs a device, ' -c tiny.ini -s device.select=none
point "devices refuses none" refused '^seqtrain: devices lists devices, .* only check plans' devices -d none
# A card that nobody has here: the table of kernels, the step, and with --plan each launch.
modelled()
{
    for card in H100 '3080 ti' A770 7900XTX; do
        run 0 check -q -c tiny.ini --roofline "$card" && has out '^roofline of a training step on ' \
            '^  attention' '^  a step: [0-9.]* ms, of which [0-9.]* ms start [0-9]* launches' \
            '^  [0-9.]* samples/s, ' || return 1
    done
    run 0 check -q -c tiny.ini --plan --roofline H100 && has out '^     0 gather ' ' busy  bound$'
}
point "check --roofline models a card without a device" modelled
point "a card that is not known is named" refused '^seqtrain: --roofline: no card "H9" is known: take H100, ' \
    check -c tiny.ini --roofline H9
point "ceilings are measured on a device" refused '^seqtrain: --roofline measured: check needs a device, ' \
    check -c tiny.ini -d none --roofline measured
# Twice the rates, half the time.
halved()
{
    run 0 check -q -c tiny.ini -d none --roofline 1000,100 &&
        slow=$(sed -n 's/^  a step: \([0-9.]*\) ms.*/\1/p' out) &&
        run 0 check -q -c tiny.ini -d none --roofline 2000,200 &&
        fast=$(sed -n 's/^  a step: \([0-9.]*\) ms.*/\1/p' out) &&
        awk -v a="$slow" -v b="$fast" 'BEGIN { exit !(b > 0 && a / b > 1.95 && a / b < 2.05) }'
}
point "rates are taken as they are given" halved
point "gradients need a device" refused '^seqtrain: --gradients: check needs a device, ' check --gradients \
    -c tiny.ini -d none

# With a device: the same launches as a GPU's, and what evaluation says.
OCL_ICD_VENDORS=$drivers
[ -n "$drivers" ] || unset OCL_ICD_VENDORS
if "$seqtrain" devices >/dev/null 2>&1; then
    # launches ARGUMENT...: the tables of launches, without the memory map and the two launches over all
    # parameters, which depend on the device's alignment.
    launches()
    {
        run 0 check -q --plan -c tiny.ini -s device.gemm=own "$@" &&
            sed -n '/^training step/,$p' out | grep -E '^ {3,6}[0-9]+ [a-z]|launches$' |
            grep -Ev 'norm_parts|adamw'
    }
    same_launches()
    {
        SEQTRAIN_DEBUG=strict,gpu
        export SEQTRAIN_DEBUG
        launches >as_gpu && launches -d none >none && [ "$(wc -l <none)" -gt 50 ] && cmp none as_gpu
    }
    point "the launches are those of a GPU" same_launches
    larger()
    {
        run 0 check -q -c tiny.ini -s device.memory=64TiB && has out ' MiB of 63753420\.80 MiB ' &&
            run 2 check -q -c tiny.ini -s device.memory=1MiB -s train.batch=4096
    }
    point "device.memory counts for a device as well" larger
    measured()
    {
        run 0 check -q -c tiny.ini --roofline measured &&
            has out '^roofline of a training step on this device ' '^  [0-9.]* samples/s, '
    }
    point "check --roofline measured" measured
    evaluated()
    {
        run 0 -q -c tiny.ini && run 2 evaluate -c tiny.ini -d none &&
            has err '^seqtrain: evaluate needs a device, .* only check plans' &&
            run 2 predict -m run/best.safetensors -s device.select=none && [ ! -s out ]
    }
    point "evaluate and predict refuse none" evaluated
else
    skip "comparison with a device" "no OpenCL device"
fi

echo "1..$points"
