#!/bin/sh
# SPDX-License-Identifier: MIT
# Hugging Face folders that language models start from: their sizes, tokenizer and weights, and what is
# refused of them. tests/base/ has small ones that transformers wrote, and what it computes.
# shellcheck source=tests/cli.sh
srcdir=$(cd "${srcdir-.}" && pwd) || exit 1
. "$srcdir/tests/cli.sh"

cp -R "$srcdir/tests/base" base && chmod -R u+w base
cat >base.ini <<'E2'
[run]
output = run
[data]
source = base/qwen3/text.txt
window = 16
[model]
type = language
base = base/qwen3
[train]
batch = 4
epochs = 1
lr = 0
[plots]
enable = none
E2
sizes()
{
    run 0 check -c base.ini && has out '^model.embed_tokens.weight  *37 x 20 ' \
        '^model.layers.1.self_attn.q_proj.weight  *24 x 20 ' '^model.layers.1.self_attn.v_proj.weight  *8 x 20 ' \
        '^model.layers.0.self_attn.q_norm.weight  *8 ' '^model.layers.0.mlp.down_proj.weight  *20 x 28 ' &&
        ! grep lm_head out && has out 'text.txt: 1 text, 408 bytes; 408 tokens, of 36 different'
}
point "sizes and tokenizer are those of the folder" sizes
only_config()
{
    mkdir -p bare && cp base/qwen3/config.json bare && run 0 check -c base.ini -d none -s model.base=bare \
        -s data.tokenizer=characters && has out '^model.layers.1.self_attn.q_proj.weight  *24 x 20 '
}
point "check needs config.json alone" only_config
same()
{
    run 0 check -c base.ini -s model.d_model=20 -s model.shape=qwen3 -s model.head_width=8 -s model.feedforward=28 &&
        run 2 check -c base.ini -s model.d_model=24 &&
        has err '^seqtrain: -s model.d_model: d_model = 24 is not that of base = .*base/qwen3, 20$' &&
        run 2 check -c base.ini -s model.shape=llama && has err 'shape = llama is not that of base = .*, qwen3$' &&
        run 2 check -c base.ini -s model.tied=no && has err 'tied = no is not that of base = .*, yes$'
}
point "a key that says otherwise" same

# With lr = 0 the weights stay those of the folder.
transformers()
{
    run 0 -q -c base.ini --overwrite && run 0 predict -m run -i base/qwen3/text.txt && cut -d, -f4 out | sed 1d |
        paste - base/qwen3/cross_entropy | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5) bad = 1; n++ }
            END { exit bad || n != 25 }'
}
point "a text has the cross-entropy that transformers gives it" transformers
config_says()
{
    has run/config.ini '^shape *= qwen3$' '^d_model *= 20$' '^head_width *= 8$' '^kv_heads *= 1$' '^vocabulary *= 37$' \
        '^tied *= yes$' '^rotary_base *= 1000000$' '^dropout *= 0$' '^positions *= rotary$'
}
point "the run's config.ini says all sizes" config_says
alone()
{
    mv base/qwen3/config.json . && mv base/qwen3/model.safetensors . && run 0 evaluate -m run -i base/qwen3/text.txt &&
        has out '"perplexity"'
    status=$?
    mv config.json model.safetensors base/qwen3 && return $status
}
point "a checkpoint needs the folder no more" alone
resumed()
{
    run 0 -q -c base.ini --overwrite -s train.lr=1e-2 -s train.epochs=3 -s train.schedule=constant && mv run whole &&
        run 0 -q -c base.ini -s train.lr=1e-2 -s train.schedule=constant &&
        run 0 -q -c base.ini -r -s train.lr=1e-2 -s train.epochs=3 -s train.schedule=constant &&
        same_training whole run 1000
}
point "a resumed training has the same bits" resumed
sharded()
{
    for name in llama gpt2 qwen3_untied llama_linear; do
        run 0 -q -c base.ini --overwrite -s model.base=base/$name -s data.tokenizer=base/four.json -s data.window=8 \
            -s data.source=four.txt || return 1
    done
}
printf 'abcabcdabbacda%.0s' 1 2 3 4 5 6 7 8 9 10 >four.txt
printf '{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3}, "merges": []}}' >base/four.json
point "other shapes, types and several files" sharded

# --- folders as they are
evaluates()
{
    run 0 evaluate -m base/qwen3 -i base/qwen3/text.txt -s data.window=16 &&
        sed -n 's/.*"cross_entropy": *\([0-9.]*\).*/\1/p' out >mean &&
        awk '{ sum += $1 } END { print sum / NR }' base/qwen3/cross_entropy | { read -r want && near 1e-5 "$want" "$(cat mean)"; }
}
point "evaluate -m FOLDER" evaluates
predicts()
{
    run 0 predict -m base/qwen3 -i base/qwen3/text.txt && has out '^5,320,64,' && run 0 predict -m base/qwen3 \
        -i base/qwen3/text.txt -s data.window=16 && has out '^24,384,16,'
}
point "predict -m FOLDER, with the model's own window or another" predicts
generates()
{
    run 0 generate -m base/qwen3 -p "$(head -c 9 base/qwen3/text.txt)" --tokens 40 --temperature 0 &&
        { cat base/qwen3/greedy && echo; } | cmp - out
}
point "generate -m FOLDER goes on as transformers does" generates
tokenizes()
{
    run 0 tokenize -m base/qwen3 base/qwen3/text.txt && has out '^24 12 9 1 21 25 13 7 15 1 '
}
point "tokenize -m FOLDER" tokenizes
needs_data()
{
    run 2 evaluate -m base/qwen3 && has err 'a data file must be named' && run 3 evaluate -m base/llama -i four.txt &&
        has err 'base/llama/tokenizer.json: No such file' && run 3 evaluate -m bare -i four.txt -s data.tokenizer=base/four.json &&
        has err "bare: no model.safetensors and no "
}
point "what a folder lacks" needs_data

# --- what is refused

# fault STATUS PATTERN FILE TEXT...: a folder with this file instead.
fault()
{
    status=$1 pattern=$2
    rm -rf broken && cp -R base/qwen3 broken && printf '%s' "$4" >"broken/$3" &&
        run "$status" -q -c base.ini -o broken_run -s model.base=broken && has err "$pattern" && lines err 1
}
point "a config.json that is broken" fault 2 'model.base: broken/config.json:1: ' config.json '{"model_type":'
point "a model of another type" fault 2 "'model_type' is 'qwen3_moe': models of the types gpt2, llama and qwen3" \
    config.json '{"model_type": "qwen3_moe"}'
point "a size beyond its bounds" fault 2 'd_model: ' config.json '{"model_type": "gpt2", "n_embd": 1000000, "n_head": 1}'
point "weights that are none" fault 3 'broken/model.safetensors: not a safetensors file' model.safetensors none
gone()
{
    rm -rf broken && cp -R base/qwen3 broken && rm broken/model.safetensors &&
        run 3 -q -c base.ini -o broken_run -s model.base=broken &&
        has err 'broken: no model.safetensors and no model.safetensors.index.json is there'
}
point "no weights" gone
outside()
{
    rm -rf broken && cp -R base/llama broken && sed 's,"model-00001,"../model-00001,' \
        base/llama/model.safetensors.index.json >broken/model.safetensors.index.json &&
        run 3 -q -c base.ini -o broken_run -s model.base=broken -s data.tokenizer=base/four.json -s data.source=four.txt \
            -s data.window=8 && has err "weight_map names '../model-00001-of-.*': no file inside the folder"
}
point "an index that leaves the folder" outside
other()
{
    rm -rf broken && cp -R base/qwen3 broken && cp base/llama_linear/model.safetensors broken &&
        run 3 -q -c base.ini -o broken_run -s model.base=broken && has err 'broken: '
}
point "weights of another model" other
point "no tokenizer" eval 'run 3 check -c base.ini -s model.base=bare && has err "bare/tokenizer.json: No such file"'
point "a model of series" eval 'run 2 check -c base.ini -s model.type=transformer -s data.targets=close &&
    has err "a base folder holds a language model"'
point "no folder" eval 'run 2 check -c base.ini -s model.base=none && has err "model.base: none/config.json: No such file"'

echo "1..$points"
