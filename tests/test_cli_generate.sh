#!/bin/sh
# SPDX-License-Identifier: MIT
# Texts that go on by a trained language model.
old=$(cd "${srcdir-.}/tests/old_run/autoencoder" && pwd)
base=$(cd "${srcdir-.}/tests/base/qwen3" && pwd)
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

awk 'BEGIN { for (i = 0; i < 200; i++) printf "Wörter %d 가 𝄞\n", i % 10 }' >text.txt
cat >lm.ini <<'E2'
[run]
output = lm
[data]
source = text.txt
tokenizer = characters
window = 32
[model]
type = language
shape = llama
d_model = 32
heads = 4
kv_heads = 2
layers = 2
[train]
batch = 8
epochs = 16
lr = 5e-3
warmup = 3 steps
[plots]
enable = none
E2
trained()
{
    run 0 -q -c lm.ini && [ -f lm/best.safetensors ] && run 0 -q -c lm.ini -s run.output=bytes \
        -s data.tokenizer=bytes -s train.epochs=2 -s model.shape=gpt2
}
point "models of characters and of bytes" trained

# What follows is learned by heart, and the prompt is not repeated.
goes_on()
{
    run 0 generate -m lm -p 'Wörter 3' --temperature 0 --tokens 10 && lines err 0 &&
        printf ' 가 𝄞\nWörte\n' >wanted && cmp out wanted &&
        run 0 generate -c lm.ini -p 'Wörter 3' --temperature 0 --tokens 10 && cmp out wanted &&
        run 0 generate -m lm/best.safetensors -p 'Wörter 3' --temperature=0 --tokens=10 -o file && [ ! -s out ] &&
        cmp file wanted
}
point "the text goes on" goes_on

# Far beyond the window of 32 tokens.
long()
{
    run 0 generate -m lm -p 'Wörter 3' --temperature 0 --tokens 300 && grep -c '^Wörter [0-9] 가 𝄞$' out >count &&
        [ "$(cat count)" -ge 15 ]
}
point "a text longer than the window" long

each()
{
    printf 'Wörter 3\n\nWörter 9 가\r\n' >prompts && run 0 generate -m lm -i prompts --temperature 0 --tokens 4 &&
        printf ' 가 𝄞\n 𝄞\nW\n' >wanted && cmp out wanted &&
        "$seqtrain" generate -m lm -i - --temperature 0 --tokens 4 <prompts >out && cmp out wanted
}
point "texts of a file, a line each" each

stops()
{
    run 0 generate -m lm -p 'Wörter 3' --temperature 0 --stop 𝄞 && printf ' 가 \n' >wanted && cmp out wanted &&
        run 0 generate -m lm -p 'Wörter 3' --temperature 0 --tokens 3 --stop '𝄞!' && printf ' 가 \n' >wanted &&
        cmp out wanted
}
point "an end in front of a text" stops

# The same seed gives the same text, another one another; so does each line.
seeds()
{
    run 0 generate -m bytes -p W --tokens 60 --temperature 2 && cp out first &&
        run 0 generate -m bytes -p W --tokens 60 --temperature 2 --seed 1 && cmp out first &&
        run 0 generate -m bytes -p W --tokens 60 --temperature 2 --seed 2 && ! cmp -s out first &&
        run 0 generate -m bytes -p W --tokens 60 --temperature 2 --top-k 1 && cp out best &&
        run 0 generate -m bytes -p W --tokens 60 --temperature 0 && cmp out best &&
        run 0 generate -m bytes -p W --tokens 60 --top-p 1e-6 && cmp out best &&
        run 0 generate -m bytes -p W --tokens 60 --temperature 0 --repetition 1.5 && ! cmp -s out best
}
point "seeds and choices" seeds

# Bytes of any kind are written as whole characters, or as U+FFFD.
whole()
{
    run 0 generate -m bytes -p W --tokens 200 --temperature 5 && [ "$(wc -c <out)" -gt 200 ] &&
        iconv -f UTF-8 -t UTF-8 out >same && cmp out same && grep -q "$(printf '\357\277\275')" out
}
point "whole characters" whole

tells()
{
    run 0 generate -m lm -p W --tokens 5 -o file -v && has out '^context of 32 tokens, .* MiB$' '^5 tokens in '
}
point "-v with -o tells the context and the time" tells

longer()
{
    run 0 generate -m lm -p 'Wörter 3' --temperature 0 --tokens 10 -s data.window=100 &&
        printf ' 가 𝄞\nWörte\n' >wanted && cmp out wanted &&
        run 3 generate -m bytes -p W -s data.window=100 && has err 'wpe'
}
point "a longer context, which learned positions have not" longer

# A folder of a Hugging Face model; tests/test_generator.c holds what follows against transformers.
folder()
{
    run 0 generate -m "$base" -p abc --temperature 0 --tokens 10 && cp out first &&
        run 0 generate -m "$base" -p abc --temperature 0 --tokens 10 -s data.window=8 &&
        [ "$(head -c 5 out)" = "$(head -c 5 first)" ] && [ "$(wc -c <first)" -eq 11 ] &&
        run 2 generate -m "$base" -p abc -s model.d_model=24 && has err 'is not that of base'
}
point "a folder of a Hugging Face model" folder

# refused NAME STATUS PATTERN ARGUMENT...
refused()
{
    point "$1" is_refused "$@"
}
is_refused()
{
    status=$2 pattern=$3
    shift 3
    run "$status" generate "$@" && lines err 1 && has err "$pattern" && [ ! -s out ]
}
refused "nothing to go on with" 2 'needs one of -p TEXT and -i FILE$' -m lm
refused "two kinds of texts" 2 'needs one of -p TEXT and -i FILE$' -m lm -p W -i prompts
refused "no model" 2 'one of -c FILE and -m CHECKPOINT is needed$' -p W
refused "an empty text" 3 '^seqtrain: -p: .* empty$' -m lm -p ''
refused "a character without a token" 3 '-p:1: .*U\+007A' -m lm -p z
printf '\nz\n' >second.txt
refused "one in a line of a file" 3 'second.txt, text 2:1: .*U\+007A' -m lm -i second.txt --tokens 1
refused "no such file" 3 '^seqtrain: nowhere: ' -m lm -i nowhere
refused "no number" 2 "^seqtrain: --temperature = 'hot' is no number from 0 to " -m lm -p W --temperature hot
refused "not a number" 2 "^seqtrain: --temperature = 'nan' is no number " -m lm -p W --temperature nan
refused "no tokens" 2 "^seqtrain: --tokens = '0' is no whole number from 1 on$" -m lm -p W --tokens 0
refused "a negative number" 2 "^seqtrain: --top-k = '-1' is no whole number from 0 on$" -m lm -p W --top-k -1
refused "more than all" 2 "^seqtrain: --top-p = '1.5' is no number from " -m lm -p W --top-p 1.5
refused "an empty end" 2 '^seqtrain: --stop is empty, ' -m lm -p W --stop ''
refused "no device" 2 '^seqtrain: generate needs a device' -m lm -p W -d none
series()
{
    gzip -dc "$old/last.safetensors.gz" >old.safetensors && run 2 generate -m old.safetensors -p W &&
        has err 'a model of type autoencoder generates no text: it reads series$'
}
point "a model of series" series

echo "1..$points"
