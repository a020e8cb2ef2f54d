#!/bin/sh
# SPDX-License-Identifier: MIT
# Adapters ([adapter]) of models that other runs have trained: what is trained, what stays, and what
# is refused.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

sed 's/^layers .*/layers = 2/' tiny.ini >model.ini
adapted='-s model.init=base/best.safetensors -s adapter.r=2 -s adapter.alpha=6 -s adapter.dropout=0.2
    -s adapter.target=encoder.layers.?.linear?,decoder.layers.1.self_attn.*'
own='encoder\.layers\.[01]\.linear[12]\.lora_[AB]\.weight|decoder\.layers\.1\.self_attn\.(in|out)_proj\.lora_[AB]\.weight'

# numbers_of FILE PATTERN: names and bytes of the tensors whose names fit, except those of the optimizer.
numbers_of()
{
    size=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    header "$1" | grep -o "\"[^\"]*\":{\"dtype\":\"F32\"[^}]*}" | grep -v '^"optimizer' |
        sed 's/^"\([^"]*\)".*data_offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2 \3/' |
        grep -E "$2" | sort | while read -r name begin end; do
            echo "$name $(tail -c +$((size + 9 + begin)) "$1" | head -c $((end - begin)) | cksum)"
        done
}

# adapts FOLDER ARGUMENT...: trains an adapter of the model.
adapts()
{
    folder=$1
    shift
    # shellcheck disable=SC2086 # arguments without blanks
    run 0 -q -c model.ini -o "$folder" $adapted "$@" && lines err 0
}

point "a model to begin with" run 0 -q -c model.ini -o base -s train.epochs=4 -s train.lr=3e-3
point "an adapter is trained" adapts a -s train.epochs=6 -s train.lr=2e-2
falls()
{
    epochs a train_loss >losses && lines losses 6 &&
        awk 'NR == 1 { first = $1 } { last = $1 } END { exit !(last < 0.98 * first) }' losses || { cat losses && return 1; }
}
point "the loss falls" falls
stays()
{
    numbers_of base/best.safetensors . >were && [ "$(wc -l <were)" -gt 50 ] || { cat were && return 1; }
    for file in best last; do
        numbers_of a/$file.safetensors . | grep -vE "$own" | cmp - were || return 1
    done
}
point "all other parameters stay as they are, to the bit" stays
moves()
{
    adapts begun -s train.epochs=1 -s train.lr=0 && numbers_of begun/best.safetensors "$own" >were &&
        numbers_of a/best.safetensors "$own" >are && lines are 12 && lines were 12 &&
        [ -z "$(comm -12 were are)" ] || { comm -12 were are && return 1; }
}
point "those of the adapter move" moves
keeps()
{
    header a/last.safetensors | grep -o '"optimizer\.[^"]*' | sort >kept && lines kept 24 &&
        ! grep -vE "^\"optimizer\.exp_avg(_sq)?\.($own)\$" kept
}
point "the optimizer keeps something of these alone" keeps
# B begins with zeros: the model is the one before.
unchanged()
{
    run 0 predict -m base/best.safetensors && mv out before && run 0 predict -m begun/best.safetensors &&
        cmp out before && run 0 predict -m a/best.safetensors && ! cmp -s out before
}
point "an untrained adapter changes no prediction, a trained one does" unchanged
counted()
{
    # shellcheck disable=SC2086 # arguments without blanks
    run 0 check -c model.ini $adapted &&
        awk '$1 == "total" { total = $2 } $1 == "trained" { trained = $2 } $1 == "frozen" { frozen = $4 }
            END { exit !(trained == 2 * (2 * (8 + 16 + 16 + 8) + 8 + 24 + 8 + 8) && trained + frozen == total) }' out
}
point "check counts what is trained" counted
step_of()
{
    run 0 check -q -c model.ini -s adapter.r=2 "$@" &&
        sed -n 's/^a step: \([0-9]*\) launches .* update, \([0-9.]*\) GFLOP.*/\1 \2/p' out
}
computes_less()
{
    step_of -s adapter.target=encoder.layers.0.linear1 >early && step_of -s adapter.target=decoder.layers.1.linear1 >late &&
        paste -d' ' early late | awk '{ exit !($3 > 0 && $3 < $1 && $4 < 0.9 * $2) }' || { cat early late && return 1; }
}
point "what lies before the first adapter has no backward pass" computes_less
gradients()
{
    # shellcheck disable=SC2086 # arguments without blanks
    run 0 check --gradients -c model.ini $adapted
}
point "gradients" gradients
goes_on()
{
    adapts b -s train.epochs=3 -s train.schedule=constant -s train.ema=0.5 &&
        adapts b --resume -s train.epochs=6 -s train.schedule=constant -s train.ema=0.5 &&
        adapts c -s train.epochs=6 -s train.schedule=constant -s train.ema=0.5 && same_training b c 500
}
point "a run goes on with the same bits" goes_on
point "and, with the layers made again, comes to the same" adapts d -s train.epochs=6 -s train.schedule=constant \
    -s train.ema=0.5 -s train.recompute=layers
point "bits" same_weights c/best.safetensors d/best.safetensors
# an adapter that is there goes on as another run's
continued()
{
    adapts e -s train.epochs=1 -s train.lr=0 -s model.init=a/best.safetensors &&
        same_weights a/best.safetensors e/best.safetensors
}
point "model.init takes the adapter with the model, where it has one" continued
lost()
{
    run 3 -q -c model.ini -o lost -s model.init=a/best.safetensors && lines err 1 &&
        has err "^seqtrain: a/best.safetensors: tensor [a-z0-9._]*lora_A\.weight is of an adapter, which this model lacks"
}
point "a model without adapter does not take one" lost

# --- what is refused

fits_none()
{
    run 2 check -c model.ini -s adapter.r=2 -s 'adapter.target=linear1, linear3' && lines err 1 &&
        has err "^seqtrain: \[adapter\] target: 'linear3' fits no linear layer of the model; their paths end in input, in_proj, out_proj, linear1, linear2, "
}
point "a target that fits no layer is refused, with the names there are" fits_none
no_layer()
{
    run 2 check -c model.ini -s adapter.r=2 -s model.type=recurrent -s data.targets=close -s adapter.target='gru' &&
        lines err 1 && has err "'gru' fits no linear layer of the model; their paths end in output\$"
}
point "recurrent layers have none" no_layer
for setting in adapter.alpha=2 adapter.dropout=0.1 adapter.target=linear1; do
    alone()
    {
        run 2 check -c model.ini -s $setting && has err "^seqtrain: -s ${setting%=*}: without r there is no adapter"
    }
    point "$setting without r is refused" alone
done
nothing_left()
{
    run 2 check -c model.ini -s adapter.r=2 -s 'model.freeze=*.lora_?.weight' && lines err 1 &&
        has err '^seqtrain: \[model\] freeze: no parameter of the model is left to be trained$'
}
point "nothing that is left to train is refused" nothing_left
half()
{
    adapts half '-smodel.freeze=*.lora_A.weight' -s train.epochs=1 && numbers_of half/best.safetensors lora_A >are &&
        numbers_of begun/best.safetensors lora_A | cmp - are
}
point "model.freeze keeps a part of the adapter" half
echo "1..$points"
