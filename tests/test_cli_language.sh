#!/bin/sh
# SPDX-License-Identifier: MIT
# A language model from texts: what is read, how windows lie, training, a resume, what is made of the
# model.
golden=$(cd "${srcdir-.}/tests/golden/tokenizers" && pwd)
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# A text that is easy to learn, with characters of one, two, three and four bytes: 3,000 of them.
awk 'BEGIN { for (i = 0; i < 200; i++) printf "Wörter %d 가 𝄞\n", i % 10 + 10 * (i % 7) }' >text.txt
characters=$(wc -m <text.txt 2>/dev/null)
bytes=$(wc -c <text.txt)
[ "$characters" -lt "$bytes" ] 2>/dev/null || characters=$(LC_ALL=C tr -d '\200-\277' <text.txt | wc -c)
cat >lm.ini <<'E2'
[run]
output = lm
[data]
source = text.txt
tokenizer = characters
window = 16
[model]
type = language
d_model = 32
heads = 4
layers = 2
dropout = 0.1
[train]
batch = 16
epochs = 12
lr = 3e-3
warmup = 3 steps
[plots]
enable = loss_curves
E2
used()
{
    run 0 check -c lm.ini && has out "^data: .*text.txt: 1 text, $bytes bytes; $characters tokens, of 19 different" \
        '^data: windows of 16 tokens: ' '^transformer.wte.weight  *19 x 32 ' &&
        run 0 check -c lm.ini -s data.tokenizer=bytes && has out "; $bytes tokens, of 256 different" &&
        run 0 check -c lm.ini -s model.feedforward=48 && has out 'h.1.mlp.c_fc.weight  *32 x 48 '
}
point "characters and bytes" used
stride()
{
    train=$((characters - 2 * ((characters + 5) / 10)))
    run 0 check -c lm.ini && has out "tokens: $(((train - 1) / 16)) training" &&
        run 0 check -c lm.ini -s data.sampling=random && has out "tokens: $((train - 16)) training" &&
        run 0 check -c lm.ini -s data.sampling=random -s data.stride=5 &&
        has out "tokens: $(((train - 17) / 5 + 1)) training"
}
point "data.stride of tokens" stride

trains()
{
    run 0 -c lm.ini && has out '^Cross-entropy of [0-9]* test tokens: ' '^Model: language' &&
        png lm/loss_curves.png && [ -s lm/best.safetensors ] &&
        header lm/best.safetensors | grep -aq '"tokenizer":"{.*points'
}
point "a model is trained" trains
# The text is learned: better than the frequencies of its characters by far.
learned()
{
    sed -n 's/^Cross-entropy of [0-9]* test tokens: \([0-9.]*\);.* alone it is \([0-9.]*\)\.$/\1 \2/p' out >figures
    awk '{ exit !($1 > 0 && 2 * $1 < $2) }' figures || { cat out && return 1; }
}
point "it learns" learned
mv lm whole
resumes()
{
    run 0 -q -c lm.ini -s train.schedule=constant && mv lm one && run 0 -q -c lm.ini -s train.schedule=constant \
        -s train.epochs=5 && run 0 -q -c lm.ini -s train.schedule=constant -r && same_training one lm 1000
}
point "a resumed training has the same bits" resumes
streams()
{
    rm -rf lm && run 0 -q -c lm.ini -s train.schedule=constant -s data.feed=stream && same_training one lm 1000
}
point "a stream of windows has the same bits" streams
remade()
{
    rm -rf lm && run 0 -q -c lm.ini -s train.schedule=constant -s train.recompute=layers && same_training one lm 1000
}
point "layers that are made again have the same bits" remade

evaluated()
{
    run 0 evaluate -m whole && sed -n 's/.*"cross_entropy": *\([0-9.]*\).*/\1/p' out | tail -1 >again &&
        cut -d' ' -f1 figures | { read -r was && near 1e-3 "$was" "$(cat again)"; } &&
        has out '"perplexity"' '"bits_per_character"'
}
point "evaluate gives the same figures" evaluated
predicted()
{
    head -c 400 text.txt | LC_ALL=C sed '$d' >some.txt
    run 0 predict -m whole -i some.txt && has out '^window,first_token,tokens,cross_entropy,perplexity$' \
        '^0,0,16,[0-9.]*,[0-9.]*$' '^1,16,16,' &&
        awk -F, 'NR > 1 { sum += $4; n++ } END { exit !(n > 5 && sum / n < 1) }' out
}
point "predict tells how well another text fits" predicted
unknown()
{
    printf 'Wörter 1 가 𝄞\nWörter ÿ 가 𝄞\n' >new.txt
    run 3 predict -m whole -i new.txt && has err 'new.txt:2: .*no token for the character U\+00FF'
}
point "a character that training did not have" unknown
# A checkpoint keeps the document of a tokenizer.json.
by_file()
{
    cp "$golden/qwen.json" . && run 0 -q -c lm.ini -s run.output=by -s data.tokenizer=qwen.json -s train.epochs=1 &&
        run 0 tokenize -t qwen.json text.txt && mv out numbers && run 0 tokenize -m by text.txt && cmp out numbers &&
        rm qwen.json && run 0 evaluate -m by && has out '"perplexity"' &&
        run 3 check -c lm.ini -s data.tokenizer=qwen.json && has err 'qwen.json: No such file' &&
        echo '{"model": {"type": "Unigram"}}' >other.json &&
        run 3 check -c lm.ini -s data.tokenizer=other.json && has err 'other.json: model: Unigram is no kind'
}
point "a tokenizer.json" by_file
python_compiles()
{
    python3 -c 'compile(open("whole/model.py").read(), "model.py", "exec")'
}
if command -v python3 >/dev/null; then
    point "model.py is Python" python_compiles
else
    skip "model.py is Python" "no python3"
fi

# --- other shapes
shapes()
{
    for shape in gpt2 llama qwen3; do
        run 0 check -c lm.ini --gradients -s data.tokenizer=bytes -s model.shape=$shape -s model.d_model=20 \
            -s model.heads=5 -s model.kv_heads=1 -s data.window=7 -s train.batch=4 -s model.vocabulary=259 "$@" &&
            has out '^([1-9][0-9]*) of \1 gradients agree' || return 1
        case $shape in gpt2) embedding=transformer.wte ;; *) embedding=model.embed_tokens ;; esac
        has out "^$embedding.weight  *259 x 20 " || return 1
    done
}
point "gradients of each shape" shapes
point "gradients of each shape, untied" shapes -s model.tied=no -s model.context=9
names()
{
    run 0 check -c lm.ini -s model.shape=qwen3 -s model.head_width=6 -s model.kv_heads=2 &&
        has out '^model.layers.1.self_attn.q_proj.weight  *24 x 32 ' '^model.layers.1.self_attn.k_proj.weight  *12 x 32 ' \
            '^model.layers.1.self_attn.o_proj.weight  *32 x 24 ' '^model.layers.1.self_attn.k_norm.weight  *6 ' \
            '^model.layers.1.mlp.down_proj.weight  *32 x 96 ' '^model.norm.weight ' '^lm_head.weight  *19 x 32 ' &&
        run 0 check -c lm.ini -s model.shape=llama -s model.tied=yes && ! grep -E 'lm_head|k_norm' out &&
        run 0 check -c lm.ini -s model.context=99 && has out '^transformer.wpe.weight  *99 x 32 '
}
point "names and shapes of parameters" names
few()
{
    run 2 check -c lm.ini -s model.vocabulary=18 && has err 'vocabulary: 18 tokens are fewer than the 19 of'
}
point "fewer tokens than the tokenizer makes" few
cat >twin.py <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import torch
from model import load
model, tokenizer = load(sys.argv[1] + "/best.safetensors")
tokens, T = tokenizer.encode(open("text.txt").read()), model.window
for i, line in enumerate(open("out").readlines()[1:4]):
    loss = torch.nn.functional.cross_entropy(
        model(torch.tensor([tokens[i * T : i * T + T]]))[0], torch.tensor(tokens[i * T + 1 : i * T + T + 1]))
    assert abs(loss.item() - float(line.split(",")[3])) < 1e-4, (loss.item(), line)
PY
twins()
{
    for shape in gpt2 llama qwen3; do
        run 0 -q -c lm.ini -o twin --overwrite -s train.epochs=1 -s model.shape=$shape -s model.kv_heads=2 \
            -s model.context=20 "$@" && run 0 predict -m twin -i text.txt &&
            "$twin_python" twin.py twin || return 1
    done
}
twin_python=${TWIN_PYTHON-python3}
if "$twin_python" -c 'import torch, numpy, safetensors' 2>/dev/null; then
    point "model.py's numbers are those of predict" twins
else
    skip "model.py's numbers are those of predict" "no PyTorch and safetensors in $twin_python"
fi

# Without another part the training part is evaluated, each token once.
alone()
{
    rm -rf lm && run 0 -c lm.ini -s data.sampling=random -s data.validation=0 -s data.test=0 -s train.steps=2 \
        -s train.monitor=train/loss && has out "^Cross-entropy of $(((characters - 1) / 16 * 16)) training tokens" && ! grep -q '^Generalisation' out
}
point "the training part by itself" alone

# --- documents
documents()
{
    mkdir texts && awk 'BEGIN { for (i = 0; i < 9; i++) printf "{\"text\": \"a\\u00e4%d of one\"}\n\n", i }' >texts/a.jsonl &&
        printf 'name,body\nx,"first, of two\nlines"\ny,\nz,third\n' >texts/b.csv && printf 'plain\n' >texts/c.md &&
        gzip -c texts/c.md >texts/d.txt.gz && echo no >texts/e.bin &&
        run 0 check -c lm.ini -s data.source=texts -s data.column=body -s data.window=4 &&
        has out '^data: 4 files: 13 texts, 135 bytes'
}
point "JSON lines, columns, compressed files of a folder" documents
whole_texts()
{
    run 0 check -c lm.ini -s data.source=texts -s data.column=body -s data.window=4 -s data.split=shuffled \
        -s data.split_unit=series && has out '^data: windows of 4 tokens: [1-9][0-9]* training, [1-9]'
}
point "whole texts are dealt" whole_texts
own_parts()
{
    run 0 check -c lm.ini -s data.validation_source=texts/c.md -s data.window=3 -s data.test=0 &&
        has out ": $(((characters - 1) / 3)) training, 1 validation, 0 test"
}
point "texts of validation alone" own_parts
# tokens_of ARGUMENT...: how many the data have.
tokens_of()
{
    run 0 check -c lm.ini -s data.tokenizer=pieces.json -s data.window=4 "$@" &&
        sed -n 's/^data: .* bytes; \([0-9]*\) tokens,.*/\1/p' out
}
ended()
{
    run 0 tokenize --train --vocabulary 280 -o pieces.json text.txt || return 1
    set -- -s data.source=texts -s data.column=body
    with=$(tokens_of "$@") without=$(tokens_of "$@" -s data.end_of_text=)
    [ $((with - without)) -eq 13 ] &&
        [ "$(tokens_of "$@" -s data.split=shuffled -s data.split_unit=series)" = "$with" ] &&
        [ "$(tokens_of)" = "$(tokens_of -s data.end_of_text=)" ] &&
        run 0 data -c lm.ini -s data.tokenizer=pieces.json -s data.window=4 "$@" && has out '<\|endoftext\|>" +13 ' &&
        run 2 check -c lm.ini -s data.end_of_text='<none>' && has err "end_of_text: the tokenizer has no token '<none>'"
}
point "a token ends each of several texts" ended
# fault STATUS PATTERN ARGUMENT...
fault()
{
    status=$1 pattern=$2
    shift 2
    run "$status" check -c lm.ini "$@" && has err "$pattern"
}
printf '{"text": "good"}\n{"txt": 1}\n' >bad1.jsonl
printf '{"text": "good"}\n{"text": \n' >bad2.jsonl
printf 'good\nb\303d\n' >bad.txt
point "a line without the field" fault 3 'bad1.jsonl:2: .*no object with a text .text.*data.text_field' -s data.source=bad1.jsonl
point "a line that is no JSON" fault 3 'bad2.jsonl:2: this line is no JSON' -s data.source=bad2.jsonl
point "no UTF-8" fault 3 'bad.txt:2: this line is no UTF-8' -s data.source=bad.txt -s data.encoding=utf8
point "a column that is not there" fault 3 'b.csv.*bodi' -s data.source=texts/b.csv -s data.column=bodi
point "too little text" fault 3 'too little text: no window of 4000 tokens .* training part' -s data.window=4000
point "a folder without texts" eval 'mkdir none && touch none/x.bin &&
    fault 3 "no file that ends in .txt, .md, .jsonl or .csv is in this folder, but x.bin" -s data.source=none'
point "no tokenizer" fault 2 'data.*tokenizer: type = language reads text|\[model\] type: type = language reads text' -s data.tokenizer=
point "a tokenizer of another model" fault 2 'type = transformer reads series of numbers' -s model.type=transformer \
    -s data.targets=close
point "a key of rotary positions for GPT-2" fault 2 'model.rotary_base: positions of shape = gpt2 are learned' \
    -s model.rotary_base=500
point "targets" fault 2 'data.targets|\[data\] targets' -s data.targets=close
point "a split for series" fault 2 'chronological, shuffled and shuffled_windows' -s data.split=walk_forward
# Numbers of a checkpoint stand for the characters that its texts had.
others()
{
    sed 's/W/X/g; s/r/z/g' text.txt >text2.txt && cp text.txt text1.txt &&
        run 0 -q -c lm.ini -s data.source=text1.txt -o others -s train.epochs=1 && cp text2.txt text1.txt &&
        run 3 -c lm.ini -s data.source=text1.txt -o others -r -s train.epochs=2 &&
        has err 'the texts have other characters: numbers would stand for other tokens' &&
        run 0 -c lm.ini -s data.source=text1.txt -o others2 -s model.init=others/best.safetensors -s train.epochs=1 &&
        has err 'others/best.safetensors was trained with another tokenizer, or on texts of other characters' &&
        run 0 -c lm.ini -o others3 -s model.init=others/best.safetensors -s train.epochs=1 && ! grep trained err
}
point "texts of other characters" others
overlapping()
{
    run 0 check -c lm.ini -s data.split=shuffled_windows && has out "tokens: [1-9][0-9]* training, [1-9]" &&
        run 0 check -c lm.ini -s data.split=shuffled_windows -s data.sampling=random -s data.stride=16 &&
        fault 2 'begin 15 tokens apart .* data.stride = 16 helps' -s data.split=shuffled_windows -s data.stride=15 &&
        fault 2 'begin 1 tokens apart' -s data.split=shuffled_windows -s data.sampling=random
}
point "windows that are dealt one by one do not overlap" overlapping
mkfifo pipe
cut_off()
{
    gzip -c text.txt | head -c 100 >cut.txt.gz && fault 3 'cut.txt.gz: the gzip data is cut off' -s data.source=cut.txt.gz
}
point "a compressed text that is cut off" cut_off
# A byte order mark is no token and no part of JSON.
marks()
{
    { printf '\357\273\277' && cat text.txt; } >mark.txt && run 0 check -c lm.ini -s data.source=mark.txt &&
        has out "^data: mark.txt: 1 text, $bytes bytes; $characters tokens" &&
        { printf '\357\273\277' && cat texts/a.jsonl; } >mark.jsonl &&
        run 0 check -c lm.ini -s data.source=mark.jsonl -s data.window=2 &&
        has out '^data: mark.jsonl: 9 texts, 99 bytes'
}
point "a byte order mark" marks
# What has no meaning for texts is no key that does nothing.
meaningless()
{
    for key in data.rows=9 data.skip_lines=2 data.skip_footer=2 data.jump=0.5 data.target_rows=window data.horizon=3 \
        data.permute_targets=yes data.target_transform=log data.balance=select data.look_back=yes data.noise=0.1; do
        fault 2 "${key%%=*}: type = language (reads|has) " -s "$key" || return 1
    done
}
point "keys that have no meaning for texts" meaningless
point "a pipe" fault 3 'pipe: .*read only once' -s data.source=pipe

echo "1..$points"
