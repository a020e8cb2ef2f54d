#!/bin/sh
# SPDX-License-Identifier: MIT
# Captions of files of series: a trained checkpoint of ours is the encoder, and sees their windows.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# Prices that rise or fall, in turns of 25 rows; and 40 clips, each of which ends in 16 rows of its
# caption, behind some rows of either kind.
mkdir clips
awk '
function noise() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 - 0.5 }
function coin() { return noise() < 0 ? -0.5 : 0.5 }
function row(file, by) { last = price; price += by + noise() / 2; printf "%.4f,%.4f\n", last, price > file }
BEGIN {
    seed = 7
    price = 100
    print "open,close" > "train.csv"
    for (i = 0; i < 500; i++) {
        if (i % 25 == 0)
            by = coin()
        row("train.csv", by)
    }
    print "file,caption" > "clips/t.csv"
    for (i = 1; i <= 40; i++) {
        file = sprintf("clips/%02d.csv", i)
        print "open,close" > file
        price = 100
        by = coin()
        rows = 5 + i % 7
        for (k = 0; k < rows; k++)
            row(file, by)
        by = coin()
        for (k = 0; k < 16; k++)
            row(file, by)
        printf "%02d.csv,%s\n", i, by < 0 ? "down" : "up" > "clips/t.csv"
    }
}' </dev/null
cat >auto.ini <<INI
[run]
output = auto
[data]
source = train.csv
features = open, close
window = 12
scaler = window
[model]
type = autoencoder
d_model = 8
heads = 2
layers = 1
latent = 4
[train]
epochs = 2
batch = 16
lr = 3e-3
[plots]
enable = none
INI
sed -e 's/^output.*/output = rnn/' -e 's/^features.*/features = ret(close)\ntargets = ret(close)/' \
    -e 's/^scaler.*/scaler = standard/' -e 's/^type.*/type = recurrent\nhidden = 6/' -e '/^latent/d' auto.ini >rnn.ini
cat >c.ini <<INI
[run]
output = run
[data]
source = clips/t.csv
tokenizer = characters
prompt = :
window = 8
validation = 0.25
test = 0
split = shuffled
[encoder]
base = auto
precision = fp32
cache = cache
[model]
type = captioner
projector = linear
d_model = 16
heads = 2
layers = 1
[train]
epochs = 40
batch = 8
lr = 5e-3
[caption]
every = 40
[plots]
enable = captions
INI

# fails STATUS TEXT ARGUMENT...
fails()
{
    status=$1 text=$2
    shift 2
    run "$status" "$@" && has err "$text" && lines err 1
}
# row FOLDER FIRST NUMBERS: so many floats of a cache from number FIRST on, one a line.
row()
{
    LC_ALL=C od -An -v -tf4 -w4 -j $(($2 * 4)) -N $(($3 * 4)) "$1"/*/data-0000 | tr -d ' '
}
# close A B [TOLERANCE]: the numbers of two files, one a line, are the same to that, or to 1e-5.
close()
{
    paste "$1" "$2" | awk -v t="${3-1e-5}" '{ d = $1 - $2; if (NF != 2 || d > t || d < -t) { print; bad = 1 } }
        END { exit bad || !NR }'
}
# latent CLIP LINE: the latent vector of window number LINE ($: the last) of a clip, one number a line.
latent()
{
    run 0 encode -m auto -i "clips/$1.csv" &&
        sed -n "1!p" out | sed -n "$2p" | cut -d, -f2-5 | tr , '\n'
}

# learns FOLDER ARGUMENT...: a captioner is trained, and all its captions are right.
learns()
{
    folder=$1
    shift
    run 0 -c c.ini -o "$folder" "$@" && encoded "$folder" 40 40 0 && has "$folder/log.jsonl" '"event":"captions".*"exact":1\.0' &&
        [ ! -e "$folder/captions.png" ]
}
trained()
{
    run 0 -q -c auto.ini && run 0 -q -c rnn.ini && learns run
}
point "a captioner over an autoencoder's latent vectors says what a series does" trained
same_features()
{
    latent 01 '$' >want && row cache 0 4 >got && close want got && latent 03 '$' >want && row cache 32 4 >got && close want got
}
point "they are those that encode writes of each file's last window" same_features
again()
{
    mv run first && run 0 -q -c c.ini && encoded run 40 0 40 && same_weights first/best.safetensors run/best.safetensors
}
point "another run takes them from the cache" again
changed()
{
    cp clips/07.csv kept && sed '$s/,.*/,1/' kept >clips/07.csv && run 0 -q -c c.ini --overwrite -s train.epochs=1 && encoded run 40 1 39 &&
        cp kept clips/07.csv && run 0 -q -c c.ini --overwrite -s train.epochs=1 && encoded run 40 0 40
}
point "a file that changed is computed anew, alone" changed
others()
{
    run 0 -q -c auto.ini --overwrite -o auto2 -s run.seed=5 && run 0 -q -c c.ini --overwrite -s encoder.base=auto2 -s train.epochs=1 &&
        encoded run 40 40 0 && [ "$(ls -d cache/* | wc -l)" = 2 ]
}
point "another checkpoint has a cache of its own" others
workers()
{
    run 0 encode -q -c c.ini -s encoder.cache=one -s data.workers=1 -s data.prefetch=1 &&
        run 0 encode -q -c c.ini -s encoder.cache=eight -s data.workers=8 && cmp one/*/data-0000 eight/*/data-0000 &&
        head -c 2560 cache/"$(basename one/*)"/data-0000 | cmp - one/*/data-0000
}
point "the same bits by any number of threads" workers
goes_on()
{
    head -n 6 clips/t.csv >clips/some.csv
    run 0 encode -q -c c.ini -s encoder.cache=two -s data.source=clips/some.csv &&
        dd if="$(echo two/*/index)" of=part bs=64 count=4 2>err && cp part "$(echo two/*/index)" &&
        run 0 encode -c c.ini -s encoder.cache=two && has out '3 of 40 clips are in' && cmp one/*/data-0000 two/*/data-0000
}
point "a cache that lost its end is gone on with, to the same bits" goes_on
frames()
{
    run 0 encode -q -c c.ini -s encoder.cache=three -s data.frames=3 && run 0 encode -m auto -i clips/03.csv &&
        last=$(($(wc -l <out) - 1)) && {
        latent 03 1 && latent 03 $(((last - 1 + 1) / 2 + 1)) && latent 03 '$'
    } >want && row three 32 12 >got && close want got
}
point "several windows are taken evenly, from the first to the last" frames
unkept()
{
    run 0 -q -c c.ini -o kept_run -s train.epochs=2 -s data.frames=2 -s encoder.cache=four &&
        run 0 -q -c c.ini -o none_run -s train.epochs=2 -s data.frames=2 -s encoder.cache=none &&
        same_weights kept_run/best.safetensors none_run/best.safetensors
}
point "without a cache the bits are the same" unkept

# predicted CACHE MODEL ROWS [TOLERANCE]: the head of a model, applied by awk to the mean of the first clip's ROWS
# rows in a cache, gives what predict says of its last window.
predicted()
{
    run 0 predict -m "$2" -i clips/01.csv && tail -n 1 out | cut -d, -f2 >want
    at=$(header "$2/best.safetensors" | grep -o '"output\.weight":{[^}]*' | sed 's/.*\[\([0-9]*\),\([0-9]*\)\]$/\1 \2/')
    columns=$(((${at#* } - ${at% *}) / 4))
    bias=$(header "$2/best.safetensors" | grep -o '"output\.bias":{[^}]*' | sed 's/.*\[\([0-9]*\),[0-9]*\]$/\1/')
    tensors "$2/best.safetensors" >numbers
    LC_ALL=C od -An -v -tf4 -w4 -j "${at% *}" -N $((columns * 4)) numbers >head
    LC_ALL=C od -An -v -tf4 -w4 -j "$bias" -N 4 numbers >>head
    row "$1" 0 $((columns * $3)) | awk -v rows="$3" '
        NR == FNR { w[n++] = $1; next } { x[at++ % (n - 1)] += $1 / rows }
        END { y = w[n - 1]; for (i = 0; i < n - 1; i++) y += w[i] * x[i]; printf "%.9g\n", y }' head - >got
    close want got "${4-1e-5}"
}
recurrent()
{
    learns over_rnn -s encoder.base=rnn/best.safetensors -s encoder.cache=five && predicted five rnn 1
}
point "one over a recurrent model, whose head reads the row that is taken" recurrent
last_rows()
{
    run 0 encode -q -c c.ini -s encoder.base=rnn -s encoder.rows=4 -s encoder.cache=six &&
        row five 0 6 >want && row six 18 6 >got && cmp want got
}
point "of several rows the last one is the same" last_rows
both_ways()
{
    run 0 -q -c rnn.ini -o both -s model.bidirectional=yes -s train.epochs=1 &&
        run 0 encode -q -c c.ini -s encoder.base=both -s encoder.cache=seven && predicted seven both 1
}
point "of both directions each ends at its own end" both_ways
# others_read NAME SETTING...: the mean of all rows of another model, whose head takes that.
others_read()
{
    name=$1
    shift
    run 0 -q -c rnn.ini -o "$name" -s model.head=mean -s train.epochs=1 "$@" &&
        run 0 encode -q -c c.ini -s encoder.base="$name" -s encoder.rows=12 -s encoder.cache="of_$name" &&
        predicted "of_$name" "$name" 12 "$tolerance"
}
tolerance=1e-5
point "rows of a transformer" others_read transformer -s model.type=transformer
tolerance=1e-3
point "rows of a tcn, in bf16" others_read tcn -s model.type=tcn -s model.conv_kernel=3 -s train.precision=bf16
convolutions()
{
    run 0 -q -c rnn.ini -o cnn -s model.type=cnn_recurrent -s model.conv_channels=4 -s model.conv_pool=2 -s train.epochs=1 &&
        run 0 encode -q -c c.ini -s encoder.base=cnn -s encoder.cache=of_cnn && predicted of_cnn cnn 1 &&
        fails 2 'rows: 12 of a window are wanted, and the head of cnn/best.safetensors reads 6' encode -c c.ini -q \
            -s encoder.base=cnn -s encoder.rows=12 -s encoder.cache=of_cnn
}
point "of convolutions that pool there are fewer" convolutions

predicts()
{
    run 0 predict -m first -i clips/02.csv && lines out 2 && has out "^clips/02.csv,$(sed -n 's/02.csv,//p' clips/t.csv)\$" &&
        run 0 predict -m first -i clips/t.csv && sed 's,clips/,,' out >got && cmp got clips/t.csv &&
        run 0 evaluate -m over_rnn -i clips/t.csv && has out '"exact": 1\.0'
}
point "predict captions a file of series, and a table of them" predicts
generates()
{
    fails 2 'captioner writes captions of clips, and does not continue texts: seqtrain predict -m first/best\.safetensors -i CLIP' generate -m first -p :
}
point "generate names the command that writes captions" generates
misfits()
{
    head -n 8 clips/01.csv >clips/short.csv && cut -d, -f1 clips/01.csv >clips/lack.csv && mkdir -p clips/folder
    for name in short.csv lack.csv folder gone.csv; do
        (cat clips/t.csv && echo "$name,up") >clips/bad.csv
        case $name in
        short.csv) text='clips/short\.csv: too few rows: no window of 12 fits .* auto/best\.safetensors sees windows of 12 rows of open, close' ;;
        lack.csv) text="clips/lack\.csv:1: no column 'close'" ;;
        folder) text='clips/folder: this is a folder; what auto/best\.safetensors sees of a clip is one file' ;;
        gone.csv) text='clips/gone\.csv: No such file' ;;
        esac
        fails 3 "$text" encode -q -c c.ini -s data.source=clips/bad.csv || return 1
    done
}
point "a file that it cannot see is told, with what it needs" misfits
clashes()
{
    fails 2 'rows = 13 is more than the 12 rows of a window' check -c c.ini -s encoder.base=rnn -s encoder.rows=13 &&
        fails 2 'rows = 2 is not that of base = auto, 1' check -c c.ini -s encoder.rows=2 &&
        fails 2 'a model of type captioner reads text' check -c c.ini -s encoder.base=first &&
        fails 2 'nowhere\.safetensors: No such file' check -c c.ini -s encoder.base=nowhere.safetensors &&
        mv auto gone && fails 3 'auto/config.json: No such file' predict -m first -i clips/02.csv && mv rnn auto &&
        fails 3 'auto: it computes 1 x 6 numbers from a frame, but the captioner reads 1 x 4' predict -m first -i clips/02.csv
    mv auto rnn
    mv gone auto
}
point "what does not go together is named" clashes
checks()
{
    run 0 check -d none -c c.ini -s encoder.base=rnn -s data.frames=2 -s encoder.rows=3 &&
        has out 'features: 40 clips of 2 frames, each 6 x 6 numbers; the cache takes' 'computing them takes [0-9.]* TFLOP'
}
point "check tells the cache's size" checks
echo "1..$points"
