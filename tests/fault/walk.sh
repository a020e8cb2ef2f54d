#!/bin/sh
# SPDX-License-Identifier: MIT
# Fails calls of seqtrain one by one (see tests/fault/fault.c) and judges what comes of each: run from
# the build folder, or by `make fault`.
#
#   walk.sh [--all | --sites | --sample N] [--seed S] [--jobs J] [--kinds 'alloc write read cl']
#           [--keep FILE] [CASE...]
#
# --all fails each call of each case; --sites (the default) the first call from each site (the innermost
# functions on the stack) that no case before had; --sample draws N for each case and kind by the seed
# from the first calls from each site of the case. Each fault is tried twice: the call fails
# once, and that call and all after it fail. --keep leaves a line for each fault in FILE.
#
# A fault is survived if seqtrain ends with one sentence that says what was short, and the documented
# status, or does what it was to do; if it holds nothing at the end and leaves no file half written;
# and if a training that was cut short ends with the undisturbed bits after --resume.
bases=$(cd "${srcdir-.}/tests/base" && pwd)
golden=$(cd "${srcdir-.}/tests/golden/tokenizers" && pwd)
images=$(cd "${srcdir-.}/tests/image" && pwd)
drawn=$(cd "${srcdir-.}/configs/data" && pwd)
# shellcheck source=tests/cli.sh disable=SC2154
. "${srcdir-.}/tests/cli.sh"
fault=${seqtrain%/seqtrain}/seqtrain-fault
# what the sensors tell would be another thing in each run
SEQTRAIN_TEST_ROOT=$dir/no-system
export SEQTRAIN_TEST_ROOT

depth=sites sample=0 seed=1 jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) keep=
kinds='alloc write read cl'
while [ $# -gt 0 ]; do
    case $1 in
    --all) depth=all ;;
    --sites) depth=sites ;;
    --sample) depth=sample sample=$2 && shift ;;
    --seed) seed=$2 && shift ;;
    --jobs) jobs=$2 && shift ;;
    --kinds) kinds=$2 && shift ;;
    --keep) keep=$2 && shift ;;
    -*) echo "walk.sh: no option $1" >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done
case $keep in '' | /*) ;; *) keep=$OLDPWD/$keep ;; esac

types='autoencoder recurrent cnn_recurrent transformer dgru tcn'
all_cases='devices init check plan sweep data reads folds joined streamed cached encode resume overwrite cold pictures tokenize decode vocabulary adapter merge export generate lines folder documents train-based train-quantized merge-quantized evaluate-quantized live-recurrent live-autoencoder clips clips-on train-captioner evaluate-captioner predict-captioner'
for type in $types; do
    all_cases="$all_cases train-$type evaluate-$type predict-$type"
done
cases=${*:-$all_cases}

# --- the cases

candles 90 >few.csv
awk 'BEGIN { print "I,Q"; for (i = 0; i < 90; i++) printf "%.5f,%.5f\n", cos(i * i / 40), sin(i / 3) }' >in.csv
awk -F, 'NR == 1 { print } NR > 1 { printf "%.5f,%.5f\n", $1 - 0.1 * $1 ^ 3, $2 - 0.1 * $2 ^ 3 }' in.csv >out.csv

# ini TYPE: a training of this type in no time.
ini()
{
    tiny | sed -e 's/candles/few/' -e 's/^window .*/window = 6/' -e '/^enable/d' -e 's/^warmup.*/warmup = 1 steps\ncheckpoint = 1 epochs/'
    echo "enable = ${2-none}"
}
small()
{
    cat <<INI
[run]
output = run
[data]
window = 6
$2
[model]
type   = $1
hidden = 4
layers = 1
d_model = 4
heads = 2
feedforward = 8
conv_channels = 4
[train]
epochs = 2
batch  = 32
warmup = 1 steps
checkpoint = 1 epochs
[plots]
enable = none
INI
}
for type in $types; do
    case $type in
    autoencoder) ini autoencoder ;;
    dgru) small dgru "source = in.csv
target_source = out.csv
features = I, Q
targets = I, Q
target_rows = window
[signal]
sample_rate = 1000
bandwidth = 200
segment = 16" ;;
    *) small "$type" "source = few.csv
time = time
features = ret(close), volume
targets = ret(close)
target_transform = standard" ;;
    esac >"$type.ini"
done
ini autoencoder all >pictures.ini
awk 'BEGIN { for (i = 0; i < 30; i++) print "over the hills " i }' >hills.txt
small language 'source = hills.txt
tokenizer = bytes
stride = 2' >language.ini
awk 'BEGIN { for (i = 0; i < 30; i++) print "{\"text\": \"over the hills " i "\", \"n\": [1, {}]}" }' >hills.jsonl
sed 's/hills.txt/hills.jsonl/' language.ini >documents.ini

# Series of all kinds by a manifest: a large one, for the cache, a compressed one, one in UTF-16.
candles 900 >long.csv
touch -t 202001010000 long.csv
candles 300 | gzip >other.csv.gz
candles 150 | iconv -f UTF-8 -t UTF-16 >wide.csv
printf 'path,name,volume\nlong.csv,a,volume\nother.csv.gz,b,volume\nwide.csv,c,volume\n' >series.csv
cat >reads.ini <<'INI'
[data]
manifest = series.csv
time     = time
resample = 2m
gap      = 1h
jump     = 0.5
features = ret(close), volatility(close,5), volume
targets  = ret(close), close
target_transform = clip(-3,3), standard
window   = 6
where    = volume > 0 and not (close < 1 or volatility(close,5) <= 0)
split    = stratified
split_block = 20
strata   = 2
balance  = weight
balance_bins = 4
[model]
type = recurrent
INI

# Several series in each of two files that follow one another, with a hole, times that come twice, and
# rows that are out of order.
for month in 0 1; do
    awk -v month=$month 'BEGIN {
        print "who,time,close,volume"
        for (i = 0; i < 60; i++)
            for (s = 0; s < 3; s++)
                if (i != 20 || s)
                    printf "s%d,%s,%d,%s\n", s, i == 30 && s == 1 ? "" : 1600000020 + 60 * (60 * month + i),
                        10 + i % 7 + s, i == 40 + s ? "" : i % 5
        printf "s1,%d,10,1\n", 1600000020 + 3600 * month
    }' >month$month.csv
done
cat >joined.ini <<'INI'
[data]
source   = month?.csv
series   = who
join     = yes
time     = time
order    = sort
duplicates = first
missing  = skip
features = ret(close), volume
targets  = close
target_transform = standard
window   = 5
[model]
type = recurrent
INI

cat >sweep.ini <<'INI'
[vars]
name   = few
source = ${vars.name}.csv
[data]
source = ${vars.source}
[sweep]
sampler     = random
samples     = 3
vars.name   = zip(few, long)
data.window = zip(6, 7)
train.lr    = log(1e-4, 1e-2)
INI

# Texts and a small tokenizer with most of what one can have.
cp "$golden/normalized.json" tokens.json
printf 'The over 12 t-he\nov THE\n\n' >few.txt
printf '1 2 3\n4\n' >numbers.txt

# A Hugging Face folder, its weights in several files.
cp -R "$bases/qwen3_untied" base
cp "$bases/qwen3/tokenizer.json" "$bases/qwen3/text.txt" base
small language 'source = base/text.txt' | sed -e '/^hidden/,/^conv_channels/d' -e 's/^window.*/window = 16/' \
    -e 's/^type.*/&\nbase = base/' >based.ini

# The same in four bits, beside an adapter.
sed -e 's/^base = .*/&\
quantize = nf4\
double_quantization = yes/' -e 's/^\[train\]/[adapter]\
r = 2\
&/' based.ini >quantized.ini

# Captions of images and of a folder of frames, by a frozen encoder.
mkdir clips clips/moving
cp "$images/rgb8.png" "$images/exif6.jpg" "$images/cmyk.jpg" "$images/exif6.png" clips
cp "$images/palette4_adam7.png" clips/moving/1.png
cp "$images/grey.jpg" clips/moving/2.jpg
cat >captions.csv <<'CSV'
file,caption
clips/rgb8.png,a red circle
clips/exif6.jpg,a blue square
clips/exif6.jpg,two blue squares
clips/cmyk.jpg,a red square
clips/moving,a red circle
clips/exif6.png,two red circles
clips/m*/?.jpg,a blue circle
CSV
cat >captioner.ini <<INI
[run]
output = run
[data]
source = captions.csv
prompt = "<|english|>"
end_of_text = <|end|>
window = 12
frames = 2
validation = 0.3
test = 0.2
workers = 1
prefetch = 1
[encoder]
base = $drawn/scenes_tower
frames = mean
cache = features
[model]
type = captioner
base = $drawn/scenes_decoder
projector = linear
[adapter]
r = 2
[train]
epochs = 2
batch  = 2
checkpoint = 1 epochs
[caption]
samples = 2
[plots]
enable = none
INI

# What a case runs: $words; and what it reads from standard input.
words()
{
    type=${1#*-} from=/dev/null
    [ "${1%%-*}" != live ] || from=few.csv
    case $1 in
    devices) words='devices' ;;
    init) words='init --data few.csv -o made.ini' ;;
    check) words='check -c transformer.ini' ;;
    plan) words='check --plan -c autoencoder.ini' ;;
    sweep) words='sweep --list -c sweep.ini -s data.source=few.csv -s data.stride=2' ;;
    data) words='data -c recurrent.ini -o seen' ;;
    joined) words='data -c joined.ini -o seen' ;;
    reads | cached) words='data -c reads.ini -o seen' ;;
    folds) words='data -c reads.ini -s data.split=walk_forward -s data.folds=2 -s data.days=1 -o seen' ;;
    streamed) words='data -c reads.ini -s data.feed=stream -o seen' ;;
    documents) words='check -c documents.ini' ;;
    folder) words='predict -m base -i base/text.txt -s data.window=16' ;;
    tokenize) words='tokenize -t tokens.json few.txt' ;;
    decode) words='tokenize -t tokens.json --decode numbers.txt' ;;
    vocabulary) words='tokenize --train --kind qwen --vocabulary 270 few.txt' ;;
    generate) words='generate -m run/best.safetensors -p abc --tokens 9 --top-k 5 --stop zzz' ;;
    lines) words='generate -m run/best.safetensors -i few.txt --tokens 2' ;;
    export) words='export -m run/best.safetensors --format onnx' ;;
    encode) words='encode -m run/best.safetensors -i few.csv' ;;
    resume) words='-r -c cnn_recurrent.ini' ;;
    adapter) words='-c transformer.ini -s model.init=base/best.safetensors -s adapter.file=first/adapter' ;;
    merge*) words='merge -m first/best.safetensors -o merged.safetensors' ;;
    clips*) words='encode -c captioner.ini' ;;
    live-*) words='predict -m run/best.safetensors -i -' ;;
    overwrite) words='--overwrite -c autoencoder.ini' ;;
    cold) words='evaluate -m run/best.safetensors' ;;
    pictures) words='-r -c pictures.ini' ;;
    train-*) words="-c $type.ini" ;;
    evaluate-*) words='evaluate -m run/best.safetensors' ;;
    predict-*)
        words="predict -m run/best.safetensors -i few.csv"
        [ "$type" != captioner ] || words='predict -m run/best.safetensors -i captions.csv'
        [ "$type" != dgru ] || words='predict -m run/best.safetensors -i in.csv'
        ;;
    *) echo "walk.sh: no case $1" >&2 && exit 2 ;;
    esac
}

trains()
{
    case $1 in train-* | resume | overwrite | pictures | adapter) return 0 ;; esac
    return 1
}

# quiet WORD...: seqtrain undisturbed.
quiet()
{
    SEQTRAIN_FAULT='' "$fault" "$@" >out 2>err <"${from-/dev/null}" || { cat err && return 1; }
}

# damage CACHE: cuts the index behind its third entry and a half; the second clip is another.
damage()
{
    truncate -s 224 "$1/index" && printf x | dd of="$1/data-0000" bs=1 conv=notrunc \
        seek=$(($(wc -c <"$1/data-0000") / 6 + 9)) 2>/dev/null
}

# prepare CASE: the folder `start`, from which each run of the case begins, and `wanted`, which is what
# an undisturbed run makes of it. Both runs happen in `work`, whose name gets into files.
prepare()
{
    # shellcheck disable=SC2086 # words
    rm -rf work start wanted && mkdir work && cp -a "$dir"/*.ini "$dir"/*.csv "$dir"/*.gz "$dir"/*.json "$dir"/*.jsonl "$dir"/*.txt "$dir/base" "$dir/clips" work &&
        (
            cd work || exit 1
            type=${1#*-}
            case $1 in
            resume) quiet -c cnn_recurrent.ini -s train.epochs=1 ;;
            overwrite | cold | encode | export) quiet -c autoencoder.ini ;;
            adapter | merge)
                quiet -c transformer.ini -o base && quiet -c transformer.ini -o first \
                    -s model.init=base/best.safetensors -s adapter.r=2 -s train.epochs=1
                ;;
            merge-quantized) quiet -c quantized.ini -o first -s train.epochs=1 ;;
            generate | lines) quiet -c language.ini ;;
            pictures) quiet -c pictures.ini -s train.epochs=1 -s plots.enable=none ;;
            evaluate-* | predict-* | live-*) quiet -c "$type.ini" ;;
            clips-on) # of a cache one clip is there, one is damaged, one was being added
                quiet encode -c captioner.ini && damage features/*
                ;;
            cached) quiet data -c reads.ini -o "$dir/ignored" ;;
            esac && rm -f out err && { [ "$1" = cached ] || rm -rf cache; }
        ) && cp -a work start && (cd work && words "$1" && quiet $words) && cp -a work wanted
}

# --- a fault and its outcome

# same: the run folder in `work` ends as in `wanted`, but for what tells of the interruption.
same_end()
{
    for path in wanted/run/*; do
        file=${path##*/}
        case $file in
        log.jsonl)
            ! grep -v '^{"event":.*}$' "work/run/$file" || return 1
            case $line in *log.jsonl:*) continue ;; esac # a line that is lost stays lost
            grep '"event":"epoch"' "$path" >a
            grep '"event":"epoch"' "work/run/$file" | sort -u >b
            cmp a b || return 1
            ;;
        last*)
            tensors "$path" >a && tensors "work/run/$file" >b && cmp a b || return 1
            ;;
        adapter) diff -r "$path" "work/run/$file" || return 1 ;;
        *) cmp "$path" "work/run/$file" || return 1 ;;
        esac
    done
}

# says KIND STATUS: what is told beside that of an undisturbed run is one line that fits the fault.
says()
{
    grep -v -x -F -f wanted/err work/err >told
    lines=0 line=''
    while read -r text; do
        case $text in
        'seqtrain: warning: '*) ;;
        'seqtrain: captioner.ini:'*) lines=1 line=$text ;; # errors of a configuration come together
        'seqtrain: '*) lines=$((lines + 1)) line=$text ;;
        *) lines=9 line=$text ;;
        esac
    done <told
    [ $lines = 1 ] || { verdict="$lines lines" && return 1; }
    case $1$2$line in
    alloc1*'out of memory'* | alloc1*': cairo: '* | alloc1*'Cannot allocate memory'*) ;;
    write1*'No space left'* | write1*'Input/output error'*) ;;
    read[123]*'Input/output error'*) ;;
    cl4*CL_OUT_OF_RESOURCES*) ;;
    *) verdict='not the sentence for this fault' && return 1 ;;
    esac
}

# whole_cache: of encoded clips, if there is one: it is the only one, and all that is missing can be added.
whole_cache()
{
    [ ! -d work/features ] || { (cd work && quiet encode -c captioner.ini) && [ "$(ls work/features | wc -l)" -eq 1 ]; }
}

# judge CASE KIND: sets $outcome, one of `none`, `refused`, `unreached` or BAD, and $verdict.
judge()
{
    outcome=BAD verdict='' line=''
    [ "$got" -lt 124 ] || { verdict="ended with status $got" && return; }
    [ -s report ] || { verdict='no report' && return; }
    read -r _ _ _ _ injected held <report
    [ "$injected" -gt 0 ] || { outcome=unreached && return; }
    [ -z "$held" ] || { verdict="held at the end: $held" && return; }
    if [ "$got" = 0 ]; then
        # what is said of a cache depends on what is computed again
        case $1 in clips*) cp wanted/out work/out ;; esac
        verdict=$(diff -rq -x cache -x features wanted work) && verdict=$(whole_cache) || return
        outcome=none
        return
    fi
    says "$2" "$got" || return
    for path in work/*.tmp* work/*/*.tmp* work/*/*/*.tmp*; do
        [ "$2" = write ] || [ ! -e "$path" ] || { verdict="left $path" && return; }
    done
    for file in few.csv in.csv out.csv long.csv series.csv month0.csv month1.csv other.csv.gz wide.csv; do
        cmp -s start/$file work/$file || { verdict="$file is damaged" && return; }
    done
    # what merge has written is whole, though its folder or what is said of it could not be
    [ "${1%%-*}" != merge ] || ! cmp -s wanted/merged.safetensors work/merged.safetensors || rm work/merged.safetensors
    [ "${1%%-*}$2" != mergewrite ] || rm -f work/merged.safetensors.*.tmp
    [ "$1" != init ] || ! cmp -s wanted/made.ini work/made.ini || rm work/made.ini
    [ "$1$2" != initwrite ] || rm -f work/made.ini.*.tmp
    verdict=$(whole_cache) || return
    if diff -rq -x cache -x features -x out -x err start work >differences; then
        : # as if it had not been begun
    elif trains "$1"; then
        words "$1"
        words=$(echo " $words" | sed 's/ -r / /; s/ --overwrite / /')
        # shellcheck disable=SC2086 # words
        verdict=$(cd work && quiet -r $words) || { verdict="not resumed: $verdict" && return; }
        verdict=$(same_end 2>&1) || { verdict="resumed, but $verdict" && return; }
    elif [ "${words%% *}" != data ]; then
        verdict=$(cat differences)
        return
    fi
    outcome=refused
}

# try CASE KIND WHICH
try()
{
    rm -rf work report && cp -a start work || exit 1
    words "$1"
    # shellcheck disable=SC2086 # words
    (cd work && SEQTRAIN_FAULT="$2:$3" SEQTRAIN_FAULT_REPORT=../report exec timeout -s KILL 120 \
        "$fault" $words >out 2>err <"$from")
    got=$?
    judge "$1" "$2"
    [ "$outcome" != unreached ] || return
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$outcome" "$got" "$verdict" "$line" | tr '\n' ' '
    echo
}

# The faults of a case in this depth, "KIND N" a line.
choose()
{
    for kind in $kinds; do
        case $depth in
        all) awk -v kind="$kind" '{
            n["alloc"] = $1; n["write"] = $2; n["read"] = $3; n["cl"] = $4
            for (i = 1; i <= n[kind]; i++) print kind, i }' report ;;
        sites) awk -v kind="$kind" '
            FILENAME == "tried" { tried[$0]; next }
            $1 == kind && !($1 " " $3 in tried) { print $1, $2; print $1, $3 >>"tried" }' tried sites ;;
        sample) grep "^$kind " sites | awk -v seed="$seed" -v n="$sample" '
            { line[NR] = $1 " " $2 }
            END { srand(seed); left = NR
                for (i = 1; i <= NR; i++) if (rand() * left-- < n) { print line[i]; n-- } }' ;;
        esac
    done
}

# shard K: every J-th fault of each case.
shard()
{
    mkdir "shard.$1" && cd "shard.$1" && : >tried || exit 1
    warm=$XDG_CACHE_HOME
    for case in $cases; do
        words "$case"
        XDG_CACHE_HOME=$warm
        case $case in cold | reads | joined | streamed | cached) XDG_CACHE_HOME=$PWD/work/cache ;; esac
        prepare "$case" >why 2>&1 || { echo "# $case cannot be prepared:" && sed 's/^/# /' why && continue; }
        rm -rf work && cp -a start work || exit 1
        # shellcheck disable=SC2086 # words
        (cd work && SEQTRAIN_FAULT_SITES=../sites SEQTRAIN_FAULT_REPORT=../report quiet $words) || exit 1
        [ "$1" != 0 ] || printf '%s\tcalls\t%s\n' "$case" "$(cat report)"
        choose | awk -v k="$1" -v jobs="$jobs" 'NR % jobs == k' >list
        while read -r kind n; do
            try "$case" "$kind" "$n"
            try "$case" "$kind" "$n+"
        done <list
    done
}

k=0
while [ $k -lt "$jobs" ]; do
    shard $k >"result.$k" &
    k=$((k + 1))
done
wait
cat result.* >results
[ -z "$keep" ] || cp results "$keep"

# TAP, a point for each case and kind, with a table.
awk -F '\t' -v cases="$cases" -v kinds="$kinds" -v depth=$depth '
    /^#/ { print; next }
    $2 == "calls" {
        split($3, f, " "); ready[$1]
        calls[$1, "alloc"] = f[1]; calls[$1, "write"] = f[2]; calls[$1, "read"] = f[3]; calls[$1, "cl"] = f[4]
        next
    }
    { n[$1, $2]++; count[$1, $2, $4]++; total[$2, $4]++ }
    $4 == "BAD" && bad[$1, $2]++ < 20 {
        told[$1, $2] = told[$1, $2] sprintf("# %s %s:%s status %s: %s %s\n", $1, $2, $3, $5, $6, $7) }
    END {
        c = split(cases, case_name, " "); k = split(kinds, kind_name, " ")
        for (i = 1; i <= c; i++) for (j = 1; j <= k; j++) {
            at = case_name[i] SUBSEP kind_name[j]
            if (case_name[i] in ready && !calls[at]) continue
            good = case_name[i] in ready && (n[at] || depth == "sites") && !count[at, "BAD"]
            printf "%s %d - %s, %s: %d calls, %d faults, %d refused, %d without effect\n",
                good ? "ok" : "not ok", ++points, case_name[i], kind_name[j], calls[at], n[at],
                count[at, "refused"], count[at, "none"]
            printf "%s", told[at]
            worst += !good
        }
        for (j = 1; j <= k; j++) printf "# %s: %d refused, %d without effect, %d BAD\n", kind_name[j],
            total[kind_name[j], "refused"], total[kind_name[j], "none"], total[kind_name[j], "BAD"]
        print "1.." points
        exit worst > 0
    }' results
