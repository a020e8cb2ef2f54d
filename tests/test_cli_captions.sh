#!/bin/sh
# SPDX-License-Identifier: MIT
# Captions over a frozen encoder: its features are computed once, and captions are written.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

scenes 40 || exit 1
data=$drawn
sed 's/^enable = none/enable = captions/' captions.ini >c.ini

# fails STATUS TEXT ARGUMENT...
fails()
{
    status=$1 text=$2
    shift 2
    run "$status" "$@" && has err "$text"
}
trains()
{
    run 0 -c c.ini && encoded run 40 40 0 && has out '^Captions of 5 clips: exact' &&
        [ "$(grep -c '"event":"captions"' run/log.jsonl)" = 3 ] && has run/log.jsonl '"data_wait":' &&
        has run/log.jsonl '"event":"verdict".*"cider"' && [ "$(wc -c <run/captions.png)" -gt 20000 ]
}
point "the encoder's features are computed before the first epoch" trains
again()
{
    mv run first && run 0 -q -c c.ini && encoded run 40 0 40 && same_training first run 1000
}
point "another run takes them from the cache, to the same bits" again
resumes()
{
    rm -rf run && run 0 -q -c c.ini -s train.epochs=1 && run 0 -q -c c.ini -r -s train.epochs=2 &&
        run 0 -q -c c.ini -r && same_training first run 1000
}
point "a run goes on with the same bits" resumes
workers()
{
    run 0 encode -q -c c.ini -s encoder.cache=one -s data.workers=1 -s data.prefetch=1 &&
        run 0 encode -q -c c.ini -s encoder.cache=four -s data.workers=4 && cmp one/*/data-0000 four/*/data-0000
}
point "the same bits by any number of workers" workers
# With encoder.cache = none there is no cache, and a run may go on with one.
unkept()
{
    rm -rf run cache.off && run 0 -c c.ini -s encoder.cache=none -s data.workers=2 -s train.epochs=2 &&
        has out 'encoder.cache = none' && ! grep '"event":"encode"' run/log.jsonl && [ ! -e none ] && [ ! -e features ] &&
        run 0 -q -c c.ini -r -s encoder.cache=none -s data.prefetch=1 && same_training first run 1000 &&
        rm -rf run && run 0 -q -c c.ini -s encoder.cache=none -s train.epochs=1 && run 0 -q -c c.ini -r &&
        same_training first run 1000 && fails 2 "there is no cache to fill" encode -c c.ini -s encoder.cache=none
}
point "without a cache an epoch computes them, to the same bits" unkept
rounded()
{
    run 0 -q -c c.ini -o one --overwrite -s encoder.precision=bf16 -s train.epochs=1 -s encoder.frames=mean -s data.frames=2 \
        -s encoder.cache=two_frames && run 0 -q -c c.ini -o two --overwrite -s encoder.precision=bf16 -s train.epochs=1 -s encoder.frames=mean \
            -s data.frames=2 -s encoder.cache=none && same_training one two 1000
}
point "rounded as a cache rounds them" rounded
changed()
{
    cp scenes/0001.png scenes/0007.png && run 0 -q -c c.ini --overwrite && encoded run 40 0 40 &&
        cp "$data/synthetic_scenes/0077.png" scenes/0007.png && run 0 -q -c c.ini --overwrite && encoded run 40 1 39
}
point "a clip that changed is computed anew, alone" changed
damaged()
{
    printf x | dd of="$(echo cache/*/data-0000)" bs=1 seek=5000 conv=notrunc 2>err &&
        run 0 -q -c c.ini --overwrite && encoded run 40 1 39 && run 0 -q -c c.ini --overwrite && encoded run 40 0 40
}
point "so is one whose features were damaged" damaged
other()
{
    run 0 -q -c c.ini --overwrite -s encoder.precision=bf16 && encoded run 40 40 0 && [ "$(ls -d cache/* | wc -l)" = 2 ]
}
point "features of another kind have a cache of their own" other

predicts()
{
    run 0 predict -m first -i scenes/0003.png && [ "$(wc -l <out)" = 2 ] && has out '^scenes/0003.png,.' &&
        cut -d, -f1 scenes/t.csv | head -n 5 >scenes/names.csv && run 0 predict -m first -i scenes/names.csv &&
        [ "$(wc -l <out)" = 5 ] && run 0 predict -m first -i "$data/synthetic_scenes/clip_01" && has out '^[^,]*clip_01,.'
}
# A table of JSON lines with the same clips, and captions.
lines()
{
    awk -F, 'NR > 1 { sub(/\r$/, ""); printf "{\"file\": \"%s\", \"caption\": \"%s\"}\n", $1, $2 }' scenes/t.csv >scenes/t.jsonl &&
        run 0 predict -m first -i scenes/t.csv -o one.csv && run 0 predict -m first -i scenes/t.jsonl -o two.csv &&
        cmp one.csv two.csv && run 0 evaluate -m first -i scenes/t.csv && grep -v '"input"' out >one.json &&
        run 0 evaluate -m first -i scenes/t.jsonl && grep -v '"input"' out | cmp - one.json &&
        run 0 predict -m first -i "$data/synthetic_scenes/clip_01" -o clip.csv && has clip.csv 'clip_01,.' &&
        echo '{"file": "0001.png"}' >>scenes/t.jsonl && fails 3 "t.jsonl:41: this line has no text 'caption'" \
        encode -c c.ini -s data.source=scenes/t.jsonl && run 0 predict -m first -i scenes/t.jsonl
}
point "predict captions images, folders of frames and tables" predicts
point "a table of JSON lines is one of columns" lines
merges()
{
    run 0 predict -m first -i scenes/t.csv && mv out captions && run 0 merge -m first -o merged.safetensors && has out '[0-9]* layers' &&
        run 0 predict -m merged.safetensors -i scenes/t.csv && cmp out captions && ! header merged.safetensors | grep -q lora &&
        header merged.safetensors | grep -q '"projector.weight"' &&
        fails 2 'holds a language model, and none of the projector.*-o NAME.safetensors' merge -m first -o merged && [ ! -e merged ]
}
point "merge folds the adapter into a checkpoint, with the projector beside it" merges
# Losses of 12 steps of one batch, as tests/peer/captions_twin.py has them in PyTorch from seqtrain's first
# values on (README.md there).
twin()
{
    mkdir twin && head -n 17 "$data/synthetic_scenes/english.csv" >twin/t.csv || return 1
    for i in $(seq 1 16); do
        cp "$data/synthetic_scenes/$(printf %04d.png "$i")" twin/
    done
    run 0 -q -c c.ini -o twin_run -s data.source=twin/t.csv -s data.validation=0 -s data.test=0 -s train.monitor=train/loss \
        -s model.projector=mlp -s adapter.r=8 -s adapter.alpha=4 -s adapter.dropout=0 -s train.epochs=12 -s train.batch=16 \
        -s train.schedule=cosine -s train.warmup=25% -s train.weight_decay=0.01 -s train.clip_norm=1 -s caption.samples=0 &&
        epochs twin_run train_loss >got && echo 1.654425 1.195458 0.936855 0.829314 0.711312 0.589842 0.504072 0.436732 0.390203 0.357025 0.329277 0.314449 | tr ' ' '\n' | paste - got | awk '{
            d = $1 - $2; if (NF != 2 || d > 2e-5 || d < -2e-5) { print; bad = 1 } } END { exit bad || NR != 12 }'
}
point "training is that of PyTorch, step by step" twin
evaluates()
{
    run 0 evaluate -m first -i scenes/t.csv && has out '"rouge_l":' &&
        fails 3 "there are no captions to judge by" evaluate -m first -i scenes/names.csv
}
point "evaluate measures captions against those of a table" evaluates
missing()
{
    sed 's/0001.png/gone.png/; s/0002.png/lost.png/' scenes/t.csv >scenes/m.csv &&
        fails 3 "2 of 40 clips cannot be read; the first: scenes/gone.png" -c c.ini --overwrite -s data.source=scenes/m.csv
}
point "clips that are not there are told together" missing
# What is told of clips: files that are no frames, too few frames, and what validation has of training.
tells()
{
    mkdir -p scenes/some && cp scenes/0002.png scenes/some/1.png && cp scenes/0004.png scenes/some/2.png && cp scenes/0003.png scenes/some/3.webp &&
        { cat scenes/t.csv && echo "some,a red circle"; } >scenes/some.csv &&
        run 0 encode -c c.ini -s data.source=scenes/some.csv -s data.frames=4 -s encoder.cache=some &&
        has out '^clips: 1 files of 1 clips are passed over' '^clips: 1 have fewer than data.frames = 4' &&
        run 0 encode -c c.ini -s encoder.cache=cache && ! grep '^clips:' out && ! grep 'hold the same files' err &&
        sed '$s#^#./#; $s#[0-9]*.png#0001.png#' scenes/t.csv >scenes/twin.csv && run 0 encode -c c.ini -s data.source=scenes/twin.csv &&
        has err '1 clips of validation and test have the same files .* scenes/./0001.png, as scenes/0001.png'
}
point "what is odd with clips is told" tells
# A clip of a table in a folder whose name looks like a pattern.
patterns()
{
    mkdir -p 'a[b]*' && cp scenes/*.png scenes/t.csv 'a[b]*' && echo '000[12].png,a red circle' >>'a[b]*/t.csv' &&
        run 0 encode -c c.ini -s 'data.source=a[[]b]*/t.csv' && has out 'captions of 41 clips'
}
point "only names in a table are patterns, not its folder" patterns
# A file that changes while a run looks at it.
changes()
{
    mkdir -p moved && cp scenes/*.png scenes/t.csv moved && : >err
    "$seqtrain" -c c.ini -o moved/run -s data.source=moved/t.csv -s encoder.cache=none -s train.epochs=100000 >out 2>err &
    process=$! i=0
    while [ $((i += 1)) -lt 600 ] && ! grep -q '^Epoch' out; do sleep 0.1; done
    cp moved/0002.png moved/new && mv moved/new moved/0001.png
    i=0
    while [ $((i += 1)) -lt 600 ] && kill -0 $process 2>/dev/null; do sleep 0.1; done
    kill $process 2>/dev/null
    wait $process
    [ $? = 3 ] && has err 'moved/0001.png: files of this clip changed since they were listed'
}
point "a clip that changes while it trains is found" changes
# The decoder has 400 numbers, of which few are tokens here: it may say any of them.
unsayable()
{
    run 0 -q -c c.ini -o few --overwrite -s data.tokenizer=characters -s data.prompt=It: -s data.end_of_text=auto \
        -s data.window=80 -s train.epochs=1 -s train.lr=1e-6 && has few/log.jsonl '"event":"captions"'
}
point "numbers that are no token are left out of captions" unsayable
# A learning rate that is too high; one that is not.
collapses()
{
    run 0 -c c.ini --overwrite -s train.lr=3 -s train.epochs=30 -s train.on_nonfinite=skip -s caption.samples=8 \
        -s caption.collapse=stop && has err 'captions collapse: ' && has out '^Stopped: captions' &&
        has run/log.jsonl 'captions collapse: ' && ! grep 'captions collapse: ' first/log.jsonl
}
point "captions that collapse are told, and may end the training" collapses
monitors()
{
    run 0 -q -c c.ini --overwrite -s train.monitor=val/rouge_l && has run/log.jsonl '"val_rouge_l":'
}
point "a figure of captions may be monitored" monitors
checks()
{
    run 0 check -c c.ini -d none && has out '^projector.weight  *64 x 64 ' 'TFLOP, once;' &&
        run 0 check -c c.ini -d none -s encoder.cache=none && has out 'there is no cache' 'each epoch computes' &&
        fails 2 "an encoder is for type = captioner" check -c c.ini -s model.type=language -s data.column=caption &&
        fails 2 "base names its folder" check -c c.ini -s encoder.base= &&
        fails 2 "encoder.rows" check -c c.ini -s encoder.rows=3
}
# The encoder's tower of texts says how well captions go with clips.
scores()
{
    run 0 -c c.ini --overwrite -s train.monitor=val/siglip_cosine -s train.epochs=2 && has run/log.jsonl '"val_siglip_cosine":' &&
        has run/log.jsonl '"event":"captions".*"siglip":0' && has run/log.jsonl '"event":"verdict".*"siglip_cosine":' &&
        has out '^How well they go with their clips: SigLIP ' && run 0 predict -m run -i scenes/t.csv -o p.csv &&
        has p.csv '^file,caption,siglip,siglip_cosine$' && run 0 evaluate -m run -i scenes/t.csv -s caption.samples=40 &&
        mean=$(awk -F, 'NR > 1 { sum += $(NF - 1) } END { printf "%.6f", sum / (NR - 1) }' p.csv) &&
        awk -v mean="$mean" '/"siglip":/ { sub(/,/, ""); found = 1; exit !($2 - mean < 1e-5 && mean - $2 < 1e-5) }
            END { if (!found) exit 1 }' out
}
point "captions are scored by the encoder's tower of texts" scores
# What scores want: a tower of texts, and its tokenizer.
unscored()
{
    mkdir tower && cp "$data"/scenes_tower/config.json "$data"/scenes_tower/model.safetensors "$data"/scenes_tower/preprocessor_config.json tower &&
        run 0 -c c.ini --overwrite -s encoder.base=tower -s train.epochs=1 && has out '^There is no score of captions by SigLIP: .*tokenizer.json: No such' &&
        ! grep -q 'How well they go' out && ! grep -q '"siglip"' run/log.jsonl &&
        fails 2 "train.monitor: monitor = val/siglip compares captions with clips by a tower of texts.*tokenizer.json: No such.*monitor = val/cider" \
            check -c c.ini -s encoder.base=tower -s train.monitor=val/siglip
}
point "where it has none they are not, and may not be monitored" unscored
nothing()
{
        sed 's/^samples = 5$/samples = 0/; s/^lr = 5e-3$/lr = 5e-3\nmonitor = val\/exact/' c.ini >none.ini &&
        fails 2 "none.ini:2[0-9]: \[[a-z]*\] [a-z]*: monitor = val/exact is a figure of captions, and samples = 0 writes none" -c none.ini
}
point "a figure of captions that nobody writes may not be monitored" nothing
point "check needs no device, and names keys that do not go together" checks
echo "1..$points"
