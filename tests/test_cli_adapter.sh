#!/bin/sh
# SPDX-License-Identifier: MIT
# Adapters ([adapter]) of models that other runs have trained: what is trained, what stays, and what
# is refused.
peft=$(cd "${srcdir-.}/tests/golden/peft" && pwd)
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
# loss_of INIT DROPOUT: that of an epoch that changes nothing, without other dropout.
loss_of()
{
    rm -rf still && adapts still -s "model.init=$1/best.safetensors" -s adapter.dropout="$2" -s model.dropout=0 -s train.lr=0 \
        -s train.epochs=1 && epochs still train_loss
}
drops()
{
    # B of begun is 0: what is dropped in front of A changes nothing there
    loss_of begun 0 >plain && loss_of begun 0.9 | cmp - plain && loss_of a 0 >plain && ! { loss_of a 0.9 | cmp -s - plain; }
}
point "dropout is in front of A alone" drops
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
        run 2 check -c model.ini -s "$setting" && has err "^seqtrain: -s ${setting%=*}: without r there is no adapter"
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

# --- PEFT's files

cat >gpt2.ini <<INI
[run]
output = p
[data]
source     = $peft/text.txt
tokenizer  = bytes
window     = 16
validation = 0
test       = 0
[model]
type        = language
d_model     = 12
heads       = 3
layers      = 2
feedforward = 20
dropout     = 0
init        = $peft/gpt2/model.safetensors
[adapter]
file = $peft/gpt2/adapter
[train]
epochs       = 20
batch        = 1000
lr           = 1e-2
weight_decay = 0
clip_norm    = 0
schedule     = constant
warmup       = 0 steps
monitor      = train/loss
[plots]
enable = none
INI
# follows FOLDER TOLERANCE FILE: the losses of a run are those of the file, line by line.
follows()
{
    epochs "$1" train_loss >losses && [ -s losses ] && paste -d' ' losses "$3" | awk -v t="$2" '
        NF == 2 { d = $1 - $2; if (d < 0) d = -d; if (d > t) { print NR, $0; wrong = 1 } } END { exit wrong }'
}
# as_peft SHAPE FOLDER
as_peft()
{
    run 0 -q -c "$1.ini" && epochs "$2" train_loss >losses && lines losses 20 && follows "$2" 2e-6 "$peft/$1/losses.txt"
}
point "20 steps from PEFT's adapter have PEFT's losses" as_peft gpt2 p
sed -e "s|$peft/gpt2|$peft/llama|" -e 's/^output = .*/output = l/' -e 's/^heads .*/heads = 2\
kv_heads   = 1\
head_width = 8\
shape      = llama/' gpt2.ini >llama.ini
point "shape = llama, too" as_peft llama l
settled()
{
    has p/config.ini '^r = 3$' '^alpha = 6$' '^target = c_attn, mlp\.c_proj$' &&
        mkdir gone && sed "s|^file .*|file = gone|" gpt2.ini >gone.ini && run 0 evaluate -m p/best.safetensors
}
point "r, alpha and target are those of the file" settled
same_adapter()
{
    sed -n 21p $peft/gpt2/losses.txt >last && run 0 -q -c gpt2.ini -o q --overwrite -s "adapter.file=$1" -s train.epochs=1 -s train.lr=0 &&
        follows q 2e-6 last
}
# best.safetensors is of the last step
point "the run's own adapter is read again, as a folder" same_adapter p/adapter
point "as a file" same_adapter p/adapter/adapter_model.safetensors
peft_reads()
{
    has p/adapter/adapter_config.json '"peft_type": "LORA"' '"task_type": "CAUSAL_LM"' '"r": 3,' '"lora_alpha": 6,' \
        '"transformer.h.1.mlp.c_proj"' '"fan_in_fan_out": true' '"bias": "none"' &&
        header p/adapter/adapter_model.safetensors >text &&
        has text '"base_model\.model\.transformer\.h\.0\.attn\.c_attn\.lora_A\.weight":{"dtype":"F32","shape":\[3,12\]' \
            '"base_model\.model\.transformer\.h\.0\.attn\.c_attn\.lora_B\.weight":{"dtype":"F32","shape":\[36,3\]' \
            '"base_model\.model\.transformer\.h\.1\.mlp\.c_proj\.lora_A\.weight":{"dtype":"F32","shape":\[3,20\]'
}
point "it has the names that PEFT gives" peft_reads
narrow()
{
    run 0 -q -c gpt2.ini -o n -s adapter.file=$peft/gpt2/bfloat16 -s train.epochs=1 && follows n 2e-3 $peft/gpt2/losses.txt &&
        ! follows n 1e-7 $peft/gpt2/losses.txt
}
point "bfloat16 is read" narrow
goes_on_peft()
{
    run 0 -q -c gpt2.ini -o r -s train.epochs=9 && run 0 -q -c gpt2.ini -o r --resume && same_weights p/best.safetensors r/best.safetensors &&
        same_weights p/adapter/adapter_model.safetensors r/adapter/adapter_model.safetensors
}
point "such a run goes on with the same bits" goes_on_peft
epochs_done()
{
    [ "$(epochs k epoch | wc -l)" -ge "$1" ]
}
killed()
{
    "$seqtrain" -q -c gpt2.ini -o k -s train.epochs=60 >/dev/null 2>&1 </dev/null &
    pid=$!
    until_true epochs_done 7
    kill -KILL $pid && wait $pid
    run 0 -q -c gpt2.ini -o k --resume -s train.epochs=60 && run 0 -q -c gpt2.ini -o k2 -s train.epochs=60 &&
        same_weights k/best.safetensors k2/best.safetensors && cmp k/adapter/adapter_config.json k2/adapter/adapter_config.json &&
        same_weights k/adapter/adapter_model.safetensors k2/adapter/adapter_model.safetensors && [ "$(ls k/adapter | wc -l)" -eq 2 ]
}
point "or when it was killed, and leaves the same adapter" killed
cleared()
{
    sed '/^\[adapter\]/,/^file/d' gpt2.ini >plain.ini && run 2 -q -c plain.ini -o r && run 0 -q -c plain.ini -o r --overwrite -s train.epochs=1 &&
        [ ! -e r/adapter/adapter_model.safetensors ] && [ ! -e r/adapter/adapter_config.json ]
}
point "--overwrite takes it away" cleared
by_itself()
{
    mkdir bare && cp $peft/gpt2/adapter/adapter_model.safetensors bare/a.safetensors &&
        run 2 check -c gpt2.ini -s adapter.file=bare/a.safetensors && lines err 1 &&
        has err '^seqtrain: \[adapter\] alpha: bare/a.safetensors has no adapter_config.json beside it' &&
        run 0 -q -c gpt2.ini -o s -s adapter.file=bare/a.safetensors -s adapter.alpha=6 -s train.epochs=3 && follows s 2e-6 $peft/gpt2/losses.txt &&
        has s/config.ini 'transformer.h.0.attn.c_attn'
}
point "a file without adapter_config.json needs alpha" by_itself
# contradicts STATUS SETTING TEXT
contradicts()
{
    run "$1" -q -c gpt2.ini -o no -s "$2" && lines err 1 && has err "^seqtrain: $3" && [ ! -e no/last.safetensors ]
}
point "another r is refused" contradicts 2 adapter.r=4 "\[adapter\] r: 4, but .*/adapter_model.safetensors has rank 3\$"
point "another target that has more layers" contradicts 3 adapter.target=c_attn,c_proj \
    ".*/adapter_model.safetensors: no tensor for transformer.h.0.attn.c_proj.lora_A.weight"
point "or fewer" contradicts 3 adapter.target=c_attn ".*/adapter_model.safetensors: transformer.h.0.mlp.c_proj.lora_A.weight is for a layer "
point "another width" contradicts 3 model.feedforward=24 ".*/model.safetensors: transformer.h.0.mlp.c_fc.weight has not the shape"
point "a folder without them" contradicts 3 adapter.file=gone 'gone/adapter_config.json: '
# broken SED TEXT: what is wrong in adapter_config.json
broken()
{
    mkdir -p broken && cp $peft/gpt2/adapter/adapter_model.safetensors broken && sed "$1" $peft/gpt2/adapter/adapter_config.json >broken/adapter_config.json &&
        contradicts 3 adapter.file=broken "broken/adapter_config.json: $2"
}
point "DoRA is refused" broken 's/"use_dora": false/"use_dora": true/' 'use_dora is set, which is not supported'
point "biases, too" broken 's/"bias": "none"/"bias": "all"/' 'bias is set, which is not supported'
point "another kind of adapter, too" broken 's/LORA/IA3/' 'peft_type is not LORA'
point "weights that PiSSA has changed, too" broken 's/"init_lora_weights": true/"init_lora_weights": "pissa"/' \
    "init_lora_weights is 'pissa', which may have changed"

# --- seqtrain merge

# merges FOLDER: the model without its adapter has the predictions of the one with it.
merges()
{
    run 0 merge -m "$1" -o merged.safetensors && has out "^merged.safetensors: the adapters of $2 layers are folded in\$" &&
        run 0 predict -m "$1/best.safetensors" && mv out with && run 0 predict -m merged.safetensors && mv out without &&
        ! cmp -s with before && paste -d, with without | awk -F, '
            NR > 1 { for (i = 1; i <= NF / 2; i++) { d = $i - $(i + NF / 2); if (d < 0) d = -d; if (d > 1e-4) wrong++; n++ } }
            END { exit !(n > 100 && !wrong) }'
}
run 0 predict -m base/best.safetensors && mv out before
point "merge: the same predictions" merges a 6
no_adapter()
{
    header merged.safetensors >text && ! grep -aqE 'lora_|optimizer\.|"state"' text && numbers_of merged.safetensors . >are &&
        numbers_of base/best.safetensors . >were && [ "$(wc -l <are)" -eq "$(wc -l <were)" ] && comm -3 are were | awk '{ print $1 }' |
        sort -u >changed && lines changed 6 && ! grep -vE 'layers\.[01]\.(linear[12]\.|self_attn\.(in_proj_|out_proj\.))weight$' changed
}
point "only the weights of its layers are others, and nothing of it is left" no_adapter
point "model.init takes it" run 0 -q -c model.ini -o f -s model.init=merged.safetensors -s train.epochs=1
in_out()
{
    run 0 merge -q -c gpt2.ini -o merged2.safetensors && lines out 0 && run 0 evaluate -m p && mv out with &&
        run 0 evaluate -m merged2.safetensors && near 1e-6 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' with)" \
            "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" && has out '"cross_entropy": 5.338[0-9]*'
}
point "weights [in, out], those of GPT-2, too" in_out
llama_merged()
{
    run 0 merge -q -m l -o merged3.safetensors && run 0 evaluate -m merged3.safetensors && mv out without && run 0 evaluate -m l &&
        near 1e-6 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' without)" &&
        near 1e-6 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" "$(sed -n 21p $peft/llama/losses.txt)"
}
point "those of Llama" llama_merged
# A model of a base folder.
sed -e '/^d_model/,/^init/d' -e "s|^type .*|type = language\\
base = $peft/llama|" -e "s|$peft/gpt2|$peft/llama|" -e 's/^output = .*/output = based/' gpt2.ini >based.ini
based()
{
    run 0 -q -c based.ini && epochs based train_loss >losses && lines losses 20 &&
        follows based 2e-6 $peft/llama/losses.txt &&
        has based/adapter/adapter_config.json '"base_model_name_or_path": ".*/peft/llama"'
}
point "model.base: 20 steps have PEFT's losses" based
# evaluates LINE SHAPE ARGUMENT...: the loss is that of the line of PEFT's losses.
evaluates()
{
    line=$1 shape=$2
    shift 2
    run 0 evaluate "$@" && near 1e-6 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" "$(sed -n "${line}p" "$peft/$shape/losses.txt")"
}
no_adapter_before()
{
    run 0 -q -c plain.ini -o u -s train.lr=0 -s train.epochs=1 && evaluates 21 gpt2 -m u -s adapter.file=p/adapter
}
point "evaluate: an adapter's file for a model that has none" no_adapter_before
point "in place of the one that a model has" evaluates 1 llama -m based -s adapter.file=$peft/llama/adapter
point "for a folder" evaluates 21 llama -m $peft/llama -i $peft/text.txt -s data.tokenizer=bytes -s data.window=16 \
    -s adapter.file=based/adapter
other_layers()
{
    run 0 -q -c based.ini -o less -s adapter.file= -s adapter.r=2 -s adapter.target=v_proj -s train.epochs=1 &&
        run 3 evaluate -m based -s adapter.file=less/adapter && lines err 1 && has err 'q_proj.lora_A.weight is of an adapter, which this model lacks' &&
        run 2 evaluate -m $peft/llama -i $peft/text.txt -s data.tokenizer=bytes -s data.window=16 -s adapter.file=p/adapter && lines err 1 &&
        has err "^seqtrain: \[adapter\] target: 'transformer.h.0.attn.c_attn' fits no linear layer of the model; their paths end in q_proj, k_proj, "
}
point "one that is for other layers is refused" other_layers
generated()
{
    run 0 generate -m based -p '12 is' --tokens 20 --seed 3 && mv out with && [ -s with ] && run 0 merge -q -m based -o g.safetensors &&
        run 0 generate -m g.safetensors -p '12 is' --tokens 20 --seed 3 && cmp out with &&
        run 0 generate -m $peft/llama -s data.tokenizer=bytes -s adapter.file=based/adapter -p '12 is' --tokens 20 --seed 3 && cmp out with &&
        run 0 generate -m $peft/llama -s data.tokenizer=bytes -p '12 is' --tokens 20 --seed 3 && ! cmp -s out with
}
point "generate goes on as with the merged model" generated
# parameters FILE: the names of those of a Llama.
parameters()
{
    header "$1" | tr ',{' '\n\n' | grep -oE '^"(model|lm_head)[^"]*"' | sort
}
to_folder()
{
    run 0 merge -m based -o whole && has out '^whole: the adapters of 6 layers are folded in$' &&
        cmp whole/config.json $peft/llama/config.json && parameters whole/model.safetensors >names && lines names 21 &&
        parameters $peft/llama/model.safetensors | cmp - names &&
        sed -e '/^\[adapter\]/,/^file/d' -e "s|^base = .*|base = whole|" based.ini >whole.ini &&
        sed -n 21p $peft/llama/losses.txt >last && run 0 -q -c whole.ini -o w -s train.epochs=1 -s train.lr=0 && follows w 2e-6 last
}
point "merge writes a folder that is such a model again" to_folder
folder_refused()
{
    run 2 merge -m based -o whole && has err '^seqtrain: -o whole: this is there already' && run 0 merge -m based -o b.safetensors &&
        run 0 evaluate -m b.safetensors && sed "s|^base = .*|base = away|" based.ini >away.ini && mv whole away &&
        run 0 -q -c away.ini -o z -s train.epochs=1 && rm -r away && run 3 merge -m z -o no && [ ! -e no ] &&
        has err '^seqtrain: .*away/config.json: '
}
point "a folder that is there already is refused, and one without its base" folder_refused
# unpacked FOLDER ARGUMENT...: of a model whose matrices are quantised
unpacked()
{
    to=$1
    shift
    run 0 -q -c llama.ini -o "$to" -s train.epochs=3 "$@" && run 0 merge -m "$to" -o $to.safetensors &&
        has out 'the adapters of 6 layers are folded in, 14 quantised matrices are numbers$' && header $to.safetensors >text &&
        ! grep -aqE 'absmax|SCB|"U8"|"I8"' text && run 0 evaluate -m $to.safetensors && mv out without && run 0 evaluate -m "$to" &&
        near 1e-6 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' without)"
}
point "NF4" unpacked nf4 -s model.quantize=nf4
point "NF4 without double quantisation" unpacked nf4_plain -s model.quantize=nf4 -s model.double_quantization=no
point "INT8" unpacked int8 -s model.quantize=int8
bfloats()
{
    run 0 -q -c llama.ini -o bfloats -s train.epochs=1 -s model.quantize=nf4 -s train.precision=bf16 && header bfloats/best.safetensors >text &&
        has text '"model.embed_tokens.weight":\{"dtype":"BF16"' && run 0 merge -m bfloats -o bfloats.safetensors &&
        header bfloats.safetensors >text && ! grep -aq '"BF16"' text && run 0 evaluate -m bfloats.safetensors -s train.precision=fp32 &&
        mv out without && run 0 evaluate -m bfloats -s train.precision=fp32 &&
        near 1e-5 "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' out)" "$(sed -n 's/.*"cross_entropy": \([0-9.]*\).*/\1/p' without)"
}
point "NF4 with tables in bfloat16" bfloats
unmerged()
{
    run 2 merge -m base -o no.safetensors && has err '^seqtrain: base/best.safetensors: the model has no adapter$' &&
        run 2 merge -m a && has err '^seqtrain: merge needs -o FILE$' && run 2 merge -m a -o base &&
        has err '^seqtrain: -o base: this is a folder' && run 2 merge -m a -o a/best.safetensors &&
        has err '^seqtrain: -o a/best.safetensors: this is the checkpoint' && [ ! -e no.safetensors ] &&
        run 3 merge -m model.ini -o no.safetensors && [ ! -e no.safetensors ]
}
point "what cannot be merged is refused" unmerged
damaged()
{
    size=$(wc -c <a/best.safetensors) && head -c $((size - 1)) a/best.safetensors >shorter && { cat shorter; printf '\377'; } >bad.safetensors &&
        run 3 merge -m bad.safetensors -o no.safetensors && has err '^seqtrain: .*bad.safetensors: damaged: the CRC32C of tensor' && [ ! -e no.safetensors ]
}
point "a damaged checkpoint, too" damaged
echo "1..$points"
