#!/bin/sh
# SPDX-License-Identifier: MIT
# model.quantize: frozen matrices in 4 and 8 bits, in training, in checkpoints and from them.
golden=$(cd "${srcdir-.}/tests/golden/quant" && pwd)
base=$(cd "${srcdir-.}/tests/base" && pwd)
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# A transformer whose layers are frozen; a row of 12 is no block, so that blocks run over rows.
sed -e 's/^d_model .*/type = transformer\
d_model = 12/' -e 's/^features .*/features = open, close, volume\
targets = close\
horizon = 1/' -e '/^latent/d' -e '/^categories/d' -e '/^\[cluster\]/d' -e '/^tsne/d' tiny.ini >base.ini

freeze='-smodel.freeze=encoder.*'

# trained FOLDER ARGUMENT...
trained()
{
    to=$1
    shift
    run 0 -q -c base.ini -o "$to" "$freeze" "$@"
}

# stores FILE PATTERN...: tensors that its header names, with their type and shape.
stores()
{
    header "$1" >names
    shift
    has names "$@"
}

layer=encoder.layers.0
nf4()
{
    trained nf4 -s model.quantize=nf4 &&
        stores nf4/best.safetensors "\"$layer.linear1.weight\":\\{\"dtype\":\"U8\",\"shape\":\\[96,1\\]" \
            "\"$layer.linear1.weight.absmax\":\\{\"dtype\":\"U8\",\"shape\":\\[3\\]" \
            "\"$layer.linear1.weight.nested_absmax\":\\{\"dtype\":\"F32\",\"shape\":\\[1\\]" \
            "\"$layer.linear1.weight.nested_quant_map\":\\{\"dtype\":\"F32\",\"shape\":\\[256\\]" \
            "\"$layer.linear1.weight.quant_map\":\\{\"dtype\":\"F32\",\"shape\":\\[16\\]" \
            "\"$layer.linear1.weight.quant_state.bitsandbytes__nf4\":\\{\"dtype\":\"U8\"" \
            "\"$layer.linear1.bias\":\\{\"dtype\":\"F32\"" "\"output.weight\":\\{\"dtype\":\"F32\"" \
            "\"input.weight\":\\{\"dtype\":\"F32\"" && has nf4/best.safetensors '"nested_offset": '
}
point "nf4: frozen matrices are stored as bitsandbytes stores them" nf4

plain()
{
    trained plain -s model.quantize=nf4 -s model.double_quantization=no &&
        stores plain/best.safetensors "\"$layer.linear1.weight\":\\{\"dtype\":\"U8\",\"shape\":\\[96,1\\]" \
            "\"$layer.linear1.weight.absmax\":\\{\"dtype\":\"F32\",\"shape\":\\[3\\]" && ! grep nested names
}
point "nf4 without double quantisation" plain

int8()
{
    trained int8 -s model.quantize=int8 &&
        stores int8/best.safetensors "\"$layer.linear1.weight\":\\{\"dtype\":\"I8\",\"shape\":\\[16,12\\]" \
            "\"$layer.linear1.SCB\":\\{\"dtype\":\"F32\",\"shape\":\\[16\\]" \
            "\"$layer.linear1.weight_format\":\\{\"dtype\":\"U8\",\"shape\":\\[\\]" \
            "\"$layer.self_attn.in_proj_SCB\":\\{\"dtype\":\"F32\",\"shape\":\\[36\\]"
}
point "int8: the same" int8

# loss FOLDER: of the first epoch's validation.
loss()
{
    epochs "$1" val_loss | head -n 1
}

losses()
{
    trained none && near 0.3 "$(loss none)" "$(loss nf4)" && near 0.05 "$(loss none)" "$(loss int8)" &&
        [ "$(loss none)" != "$(loss nf4)" ] && [ "$(loss none)" != "$(loss int8)" ] &&
        [ "$(loss nf4)" != "$(loss plain)" ]
}
point "losses are near those of fp32, and not the same" losses

again()
{
    trained again -s model.quantize=nf4 && same_training nf4 again 0
}
point "the same bits again" again

used()
{
    for form in nf4 plain int8; do
        run 0 evaluate -m $form/best.safetensors && cp out figures && has out 'val' || return 1
        run 0 predict -m $form/best.safetensors -o $form.csv && [ -s $form.csv ] || return 1
    done
}
point "evaluate and predict from quantised checkpoints" used

resumed()
{
    for form in nf4 int8; do
        trained whole -s model.quantize=$form -s train.epochs=5 -s train.schedule=constant &&
            trained part -s model.quantize=$form -s train.epochs=2 -s train.schedule=constant &&
            run 0 -q -c base.ini -o part -r "$freeze" -s model.quantize=$form -s train.epochs=5 \
                -s train.schedule=constant &&
            same_training whole part 0 && rm -r whole part || return 1
    done
}
point "a resumed run has the bits of an undisturbed one" resumed

# codes FILE: the bytes of the packed tensors, which come first to last by the header's places.
codes()
{
    header "$1" | tr '{}' '\n\n' | awk -F '[][,:"]+' '/"U8"|"I8"/ { print $(NF - 2), $(NF - 1) }' |
        while read -r from to; do tensors "$1" | tail -c +$((from + 1)) | head -c $((to - from)); done
}

begun()
{
    trained begun -s model.quantize=nf4 -s model.init=nf4/best.safetensors -s train.epochs=1 &&
        codes nf4/best.safetensors >a && codes begun/best.safetensors >b && [ "$(wc -c <a)" -gt 300 ] &&
        cmp a b
}
point "model.init takes what is quantised as it is" begun

packed()
{
    run 0 -q -c base.ini -o wide -s train.epochs=1 &&
        trained packed -s model.quantize=nf4 -s model.init=wide/best.safetensors -s train.epochs=1 &&
        trained same -s model.quantize=nf4 -s model.init=packed/best.safetensors -s train.epochs=1 -s train.lr=1e-9 &&
        codes packed/best.safetensors >a && codes same/best.safetensors >b && cmp a b &&
        codes nf4/best.safetensors >b && ! cmp -s a b
}
point "model.init quantises what is not" packed

# refused STATUS PATTERN ARGUMENT...
refused()
{
    status=$1 said=$2
    shift 2
    run "$status" -q -c base.ini -o refused "$@" && lines err 1 && has err "$said"
}
point "nothing frozen" refused 2 '\[model\] quantize: .*model\.freeze' -s model.quantize=nf4
point "no matrix of a linear layer frozen" refused 2 '\[model\] quantize: .*model\.freeze' \
    -s model.quantize=int8 '-smodel.freeze=*.bias'
point "quantised weights for a model that trains them" refused 3 \
    'nf4/best\.safetensors: .*weight is quantised.*model\.quantize = nf4' -s model.init=nf4/best.safetensors
point "other quantisation" refused 3 'quantised otherwise.*double_quantization = no' "$freeze" \
    -s model.quantize=nf4 -s model.init=plain/best.safetensors
other_resumed()
{
    run 2 -q -c base.ini -o nf4 -r "$freeze" -s model.quantize=int8 && lines err 1 && has err 'model\.quantize'
}
point "a resume with another" other_resumed

checked()
{
    run 0 check -c base.ini "$freeze" -s model.quantize=nf4 -s model.d_model=256 -s model.feedforward=512 &&
        has out '^frozen  *[0-9.]+ MiB  *[0-9]+$' \
            '^  quantised, 4\.1[23][0-9] bits a weight  *0\.26 MiB  *524288$' &&
        run 0 check -c base.ini "$freeze" -s model.quantize=nf4 -s model.d_model=256 -s model.double_quantization=no &&
        has out '^  quantised, 4\.500 bits a weight ' &&
        run 0 check -c base.ini "$freeze" && ! grep quantised out
}
point "check tells bytes and bits a weight" checked

# A language model: its layers in 4 bits, the tables in the type of activations.
cat >lm.ini <<'E2'
[run]
output = lm
[data]
source = text.txt
tokenizer = characters
window = 16
[model]
type = language
shape = llama
d_model = 32
heads = 4
kv_heads = 2
feedforward = 48
layers = 2
dropout = 0
[train]
batch = 16
epochs = 3
lr = 1e-2
warmup = 3 steps
[plots]
enable = none
E2
awk 'BEGIN { for (i = 0; i < 200; i++) printf "Number %d of %d\n", i % 10 + 10 * (i % 7), i % 13 }' >text.txt

# adapted FOLDER ARGUMENT...: an adapter beside the frozen model.
adapted()
{
    to=$1
    shift
    run 0 -q -c lm.ini -o "$to" -s model.init=whole-lm/best.safetensors -s adapter.r=2 "$@"
}

language()
{
    run 0 -q -c lm.ini -o whole-lm && adapted floats && adapted q4 -s model.quantize=nf4 &&
        adapted q8 -s model.quantize=int8 && adapted half -s model.quantize=nf4 -s train.precision=bf16 &&
        near 0.02 "$(loss floats)" "$(loss q4)" && near 0.002 "$(loss floats)" "$(loss q8)" &&
        near 0.01 "$(loss q4)" "$(loss half)" && [ "$(loss floats)" != "$(loss q8)" ] &&
        stores q4/best.safetensors '"model.layers.1.self_attn.k_proj.weight":\{"dtype":"U8","shape":\[256,1\]' \
            '"model.layers.1.mlp.down_proj.weight":\{"dtype":"U8"' '"model.embed_tokens.weight":\{"dtype":"F32"' &&
        stores half/best.safetensors '"model.embed_tokens.weight":\{"dtype":"BF16"' '"lm_head.weight":\{"dtype":"BF16"' &&
        run 0 evaluate -m half/best.safetensors && has out perplexity
}
point "layers of a language model beside an adapter" language

gpt2()
{
    run 0 -q -c lm.ini -o gpt2 -s model.shape=gpt2 && cp gpt2/best.safetensors whole-lm/best.safetensors &&
        adapted gpt2-4 -s model.shape=gpt2 -s model.quantize=nf4 &&
        stores gpt2-4/best.safetensors '"transformer.h.1.mlp.c_fc.weight":\{"dtype":"U8"' '"transformer.wte.weight":\{"dtype":"F32"'
}
point "the same of GPT-2" gpt2

# perplexity FOLDER ARGUMENT...: of a text, by a model's folder.
perplexity()
{
    from=$1
    shift
    run 0 evaluate -m "$from" -i "$base/qwen3/text.txt" "$@" && sed -n 's/.*"perplexity": \([0-9.]*\),/\1/p' out >found &&
        [ -s found ]
}

# A folder that bitsandbytes has quantised, and the same model quantised by us.
folders()
{
    cp -r "$golden/qwen3_nested" theirs && cp "$base/qwen3/tokenizer.json" theirs &&
        perplexity theirs && mv found a && perplexity "$base/qwen3" -s model.quantize=nf4 && mv found b &&
        near 1e-5 "$(cat a)" "$(cat b)" && perplexity "$base/qwen3" && ! cmp -s found b &&
        run 0 generate -m theirs -p 'the quick' --tokens 5 &&
        sed -E '/^(shape|d_model|heads|kv_heads|feedforward|layers)/d' lm.ini >folder.ini &&
        run 0 -q -c folder.ini -o beside -s model.base=theirs -s data.tokenizer=theirs/tokenizer.json -s data.window=8 \
            -s adapter.r=2 -s "data.source=$base/qwen3/text.txt" &&
        stores beside/best.safetensors '"model.layers.1.mlp.up_proj.weight":\{"dtype":"U8"' &&
        codes beside/best.safetensors >a && [ "$(wc -c <a)" -gt 1000 ] && grep 'quantize *= nf4' beside/config.ini
}
point "a folder that bitsandbytes has quantised" folders

# What Qwen3-8B takes, from its config.json alone.
mkdir qwen3
cat >qwen3/config.json <<'JSON'
{"architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "head_dim": 128, "hidden_act": "silu",
 "hidden_size": 4096, "intermediate_size": 12288, "max_position_embeddings": 40960, "model_type": "qwen3",
 "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8, "rms_norm_eps": 1e-06,
 "rope_theta": 1000000, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 151936}
JSON
cat >qwen3.ini <<'E2'
[data]
source = text.txt
tokenizer = bytes
window = 512
[model]
type = language
base = qwen3
quantize = nf4
[adapter]
r = 16
target = q_proj, v_proj
[train]
batch = 1
accumulate = 16
precision = bf16
recompute = layers
[device]
select = none
memory = 24GiB
E2

# mib NAME: of a line of check's table.
mib()
{
    sed -n "s/^ *$1.* \([0-9.]*\) MiB  *[0-9]*\$/\1/p" out
}

# below_all A B: numbers.
below_all()
{
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 < b + 0) }'
}

qwen3()
{
    for i in 1 2 3; do cat text.txt; done >long && mv long text.txt
    run 0 check -c qwen3.ini && has out '^  quantised, 4\.127 bits a weight  *3417\.12 MiB  *6945767424$' \
        '^trained  *7667712$' '^total  *8198403072$' 'of 35 layers' '^ *activations take .* MiB so, not ' &&
        below_all "$(mib frozen)" 7629 && # 8 GB
        sed 's/4096/1024/; s/12288/3072/; s/layers": 36/layers": 28/; s/heads": 32/heads": 16/; s/embeddings": false/embeddings": true/' \
            qwen3/config.json >small && mv small qwen3/config.json &&
        run 0 check -c qwen3.ini -s device.memory=4GiB && has out '^  quantised, 4\.127 bits ' ' of 3891\.20 MiB '
}
point "the memory of Qwen3-8B and Qwen3-0.6B in 4 bits" qwen3

# as for a GPU: products from scratch memory
unpacked()
{
    SEQTRAIN_DEBUG=gpu trained gpu -s model.quantize=nf4 && near 1e-3 "$(loss nf4)" "$(loss gpu)"
}
point "cut as for a GPU" unpacked
echo "1..$points"
