#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain tokenize: texts as numbers and back, with a tokenizer.json and with that of a checkpoint, and
# a tokenizer made of texts.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
golden=$(cd "${srcdir-.}/tests/golden" && pwd)
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
cp "$golden/tokenizers/qwen.json" "$golden/tokenizers/llama.json" "$golden/tokenizers/llama3.json" .
printf 'The fox\n\n한국어 the fox.\r\nlast<|endoftext|>' >text.txt

# same TEXT: out is TEXT.
same()
{
    printf "$1" | cmp - out || { cat out && return 1; }
}

numbers()
{
    run 0 tokenize -t qwen.json text.txt && lines out 4 && sed -n 2p out | grep -q '^$' &&
        tail -n 1 out | grep -q ' 0$' && mv out numbers && run 0 tokenize -t qwen.json --decode numbers &&
        { cat text.txt && echo; } | cmp - out
}
point "lines are made numbers, and numbers lines" numbers
piped()
{
    printf 'fox\nfox fox\n' | "$seqtrain" tokenize --tokenizer qwen.json >one &&
        printf 'fox\n' >a.txt && printf 'fox fox\n' | gzip >b.txt.gz &&
        run 0 tokenize -t qwen.json a.txt b.txt.gz && cmp one out && [ -s out ] &&
        run 0 tokenize -o two -t qwen.json a.txt b.txt.gz && cmp one two && lines out 0
}
point "standard input, several files, compressed ones, -o" piped
# The whole text, with its line ends, as a training reads it.
counted()
{
    run 0 tokenize -t qwen.json text.txt && words=$(wc -w <out) && run 0 tokenize -t qwen.json --count text.txt text.txt &&
        [ "$(cat out)" -gt $((2 * words)) ] && [ "$(cat out)" -le $((2 * words + 6)) ] &&
        printf '{"text": "fox"}\n{"text": "fox"}\n' >two.jsonl && run 0 tokenize -t qwen.json --count two.jsonl &&
        printf '{"text": "fox\\nfox"}\n\n{"text": "fox"}\n' >lines.jsonl && mv out both &&
        run 0 tokenize -t qwen.json lines.jsonl && lines out 2 && [ "$(head -n 1 out | wc -w)" -gt 2 ] &&
        run 0 tokenize -t qwen.json a.txt && [ "$(cat both)" -eq $((2 * $(wc -w <out))) ]
}
point "tokens are counted" counted
framed()
{
    run 0 tokenize -t llama3.json a.txt && frame="0 $(cat out) 0" && run 0 tokenize -t llama3.json --special a.txt &&
        same "$frame\n" && mv out framed && run 0 tokenize -t llama3.json --decode framed &&
        same '<|endoftext|>fox<|endoftext|>\n'
}
point "the tokens that frame a text" framed
# refused PATTERN STATUS ARGUMENT...
refused()
{
    pattern=$1 status=$2
    shift 2
    run "$status" tokenize "$@" && has err "$pattern"
}
printf 'good\nb\303d\n' >bad.txt
printf '1 2\n3 x\n' >bad_numbers
printf '1\n4000000000\n' >large
point "a file that is not there" refused 'none.json: No such file' 3 -t none.json text.txt
point "a text that is not there" refused 'none.txt: No such file' 3 -t qwen.json none.txt
point "no tokenizer" refused 'tokenize needs one of -t FILE, -m CKPT and --train' 2 text.txt
point "two tokenizers" refused 'tokenize needs one of' 2 -t qwen.json -m run text.txt
point "no checkpoint" refused 'text.txt: ' 3 -m text.txt text.txt
gzip -dc "$golden/../old_run/forecast/last.safetensors.gz" >series.safetensors
point "a model of series" refused 'series.safetensors: the model reads series of numbers' 2 -m series.safetensors text.txt
point "no UTF-8" refused 'bad.txt:2' 3 -t qwen.json bad.txt
point "no numbers" refused 'bad_numbers:2: this line has more than numbers and blanks' 3 -t qwen.json --decode bad_numbers
point "a number without a token" refused 'large:2: no token has the number 4000000000' 3 -t qwen.json --decode large
point "count and decode" refused 'count and --decode exclude each other' 2 -t qwen.json --count --decode large
point "a file that would be overwritten" refused 'text.txt: this is a file of the data' 2 -t qwen.json -o text.txt text.txt
point "a tokenizer that would be overwritten" refused 'this is the tokenizer' 2 -t qwen.json -o qwen.json text.txt

# --- training
trained()
{
    run 0 tokenize --train --vocabulary 600 --kind "$1" -o made.json "$golden/trained/text.txt" && lines err 0 &&
        run 0 tokenize -t made.json "$golden/trained/text.txt" && mv out made &&
        run 0 tokenize -t "$golden/trained/$1.json" "$golden/trained/text.txt" && cmp made out && [ -s made ]
}
point "a tokenizer is trained as the tokenizers library does it" trained gpt2
point "one that parts texts as Qwen's" trained qwen
few()
{
    run 0 tokenize --train --vocabulary 400 a.txt && has err 'the texts give 257 tokens, not 400' &&
        grep -q '"merges": \[\]' out && printf 'fox fox' >c.txt && run 0 tokenize --train --vocabulary 400 a.txt c.txt &&
        has err 'give 259 tokens' && cp out small.json && run 0 tokenize -t small.json a.txt && [ "$(wc -w <out)" -eq 1 ]
}
point "texts with few pairs" few
point "training without a size" refused 'needs --vocabulary N' 2 --train text.txt
point "a size that is too small" refused '257 .. 1000000 tokens' 2 --train --vocabulary 256 text.txt
point "a size that is none" refused '257 .. 1000000 tokens' 2 --train --vocabulary 1e3 text.txt
point "a kind that is none" refused "'odd' is no kind of tokenizer that is trained: gpt2, qwen" 2 --train \
    --vocabulary 300 --kind odd text.txt
point "training with a tokenizer" refused 'train makes a tokenizer' 2 --train -t qwen.json --vocabulary 300 text.txt
point "sizes without training" refused 'are for .*train' 2 -t qwen.json --vocabulary 300 text.txt
point "training on what is no UTF-8" refused 'bad.txt:2: this line is no UTF-8 text' 3 --train --vocabulary 300 bad.txt

echo "1..$points"
