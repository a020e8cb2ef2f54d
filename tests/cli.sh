# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of the command line share; read by `. "${srcdir-.}/tests/cli.sh"`. Everything a test
# writes lies in $dir, gone at the end, but for compiled kernels: these are kept in the build folder,
# so that they are compiled once for all scripts.
set -u
seqtrain=$PWD/seqtrain
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$dir/home" || exit 1
HOME=$dir/home XDG_CACHE_HOME=$PWD/tests/cli-cache POCL_CACHE_DIR=$PWD/tests/cli-cache/pocl TERM=dumb
export HOME XDG_CACHE_HOME POCL_CACHE_DIR TERM
unset POSIXLY_CORRECT
mkdir -p "$POCL_CACHE_DIR" && cd "$dir" || exit 1
points=0

# awk's numbers have decimal points in this locale only.
awk()
{
    LC_ALL=C command awk "$@"
}

# point NAME COMMAND...: passes if the command does.
point()
{
    points=$((points + 1))
    point_name=$1
    shift
    if "$@" >"$dir/point.out" 2>&1; then
        echo "ok $points - $point_name"
    else
        echo "not ok $points - $point_name"
        echo "# failed: $*"
        sed 's/^/# /' "$dir/point.out" "$dir/err"
    fi
}

skip()
{
    points=$((points + 1))
    echo "ok $points - $1 # SKIP $2"
}

# run STATUS ARGUMENT...: seqtrain's exit status is STATUS. Leaves out and err.
run()
{
    wanted=$1
    shift
    "$seqtrain" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    [ "$got" -eq "$wanted" ] && return
    echo "exit status $got, not $wanted: seqtrain $*"
    return 1
}

# has FILE PATTERN...: each pattern is found in the file.
has()
{
    file=$1
    shift
    for pattern; do
        grep -Eq -e "$pattern" "$file" || { echo "no '$pattern' in $file" && return 1; }
    done
}

# lines FILE COUNT: the file has this many lines.
lines()
{
    [ "$(wc -l <"$1")" -eq "$2" ] || { echo "$1 has $(wc -l <"$1") lines, not $2" && return 1; }
}

# header FILE: the header of a safetensors file. tensors FILE: what follows it, the numbers.
header()
{
    size=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +9 "$1" | head -c "$size"
}

tensors()
{
    size=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    tail -c +$((size + 9)) "$1"
}

# same_weights A B: the same bits in two best.safetensors, whatever their metadata.
same_weights()
{
    tensors "$1" >weights.a && tensors "$2" >weights.b && cmp weights.a weights.b
}

# epochs FOLDER KEY: values of a key in the log's epochs, one a line.
epochs()
{
    sed -n '/^{"event":"epoch",/s/.*"'"$2"'":\([^,}]*\).*/\1/p' "$1/log.jsonl"
}

# near TOLERANCE A B: relative.
near()
{
    awk -v t="$1" -v a="$2" -v b="$3" 'BEGIN {
        d = a - b; if (d < 0) d = -d; m = a < 0 ? -a : a
        if (a == "" || b == "" || !(d <= t * m)) { print a, "is not near", b; exit 1 } }'
}

# same_table GOT WANTED: tables of the same fields, whose numbers differ by rounding at most. Rows that come
# one by one and those of a file are products of other shapes, which a processor's BLAS may sum in
# another order.
same_table()
{
    [ -s "$2" ] && awk -F, '
        function number(x) { return x ~ /^-?[0-9]+(\.[0-9]*)?(e[-+]?[0-9]+)?$/ }
        function size(x) { return x < 0 ? -x : x }
        NR == FNR { line[FNR] = $0; next }
        { count = split(line[FNR], got, ",")
          for (i = 1; i <= (NF > count ? NF : count); i++)
              if (number($i) && number(got[i]) ? size(got[i] - $i) > 1e-5 * size($i) + 2e-7 : got[i] "" != $i "") {
                  print "line " FNR ": \"" got[i] "\" is not near \"" $i "\""
                  exit bad = 1
              }
          delete line[FNR]
        }
        END { for (left in line) bad = 1; exit bad }' "$1" "$2"
}

# png FILE: a whole PNG.
png()
{
    [ "$(od -An -tx1 -N8 "$1" | tr -d ' ')" = 89504e470d0a1a0a ] &&
        [ "$(tail -c 8 "$1" | od -An -tx1 | tr -d ' ')" = 49454e44ae426082 ]
}

# state FILE: tensors and state of a last.safetensors, without seconds and the length of the log. The
# history of the epochs comes first, rows of doubles, the last of them seconds.
state()
{
    shape=$(header "$1" | sed 's/.*"state\.history":{"dtype":"F64","shape":\[\([0-9]*,[0-9]*\)\],"data_offsets":\[0,.*/\1/')
    header "$1" | grep -ao '"state":"{.*finished[^}]*}' |
        sed -e 's/\\"seconds\\":[^,]*,//' -e 's/\\"log_bytes\\":[^,}]*//'
    tensors "$1" | od -An -v -tx4 | awk -v row=$((${shape#*,} * 2)) -v rows="${shape%,*}" '{
        for (i = 1; i <= NF; i++) { if (n >= rows * row || n % row < row - 2) print $i; n++ } }'
}

# same_training A B [LEAST]: two run folders have the same bits in all that training leaves: weights, more
# than LEAST numbers of state, the figures of the log.
same_training()
{
    same_weights "$1/best.safetensors" "$2/best.safetensors" &&
        state "$1/last.safetensors" >state.a && state "$2/last.safetensors" >state.b &&
        [ "$(wc -l <state.a)" -gt "${3-5000}" ] && cmp state.a state.b || return 1
    for key in epoch step lr train_loss train_contrastive val_loss val_contrastive grad_norm \
        grad_norm_max best; do
        epochs "$1" $key >log.a && epochs "$2" $key | cmp - log.a || return 1
    done
}

# sharded SHARDS: a configuration with groups of micro-batches, a short last one, dropout, a term that sees
# one shard, and a schedule that does not ask how many epochs there will be.
sharded()
{
    sed -e 's/^epochs .*/epochs = 3/' -e "s/^batch .*/batch = 16\\
accumulate = 2\\
schedule = constant\\
shards = $1/" -e 's/^warmup .*/warmup = 3 steps/' tiny.ini
}

count_devices()
{
    "$seqtrain" devices 2>/dev/null | grep -c '^[* ] [0-9]*: '
}

# shows DEVICES: PoCL shows its CPU device as often as it is told to, here so many times; 1: it does not.
shows()
{
    for kind in pthread cpu; do
        POCL_DEVICES=
        while [ "$(echo "$POCL_DEVICES" | wc -w)" -lt "$1" ]; do
            POCL_DEVICES="$POCL_DEVICES $kind"
        done
        export POCL_DEVICES
        [ "$(count_devices)" -eq "$1" ] && return
    done
    return 1
}

# adapted LAYERS: lm.ini, an adapter of a small language model with dropout, and its text.
adapted()
{
    awk 'BEGIN { for (i = 0; i < 120; i++) printf "word %d of a text\n", i % 7 + 10 * (i % 5) }' >text.txt
    cat >lm.ini <<E2
[run]
output = run
[data]
source = text.txt
tokenizer = bytes
window = 16
[model]
type = language
shape = llama
d_model = 48
heads = 4
kv_heads = 2
layers = $1
dropout = 0.1
[adapter]
r = 3
target = all
[train]
batch = 8
epochs = 2
schedule = constant
warmup = 0 steps
[plots]
enable = none
E2
}

# scenes COUNT: captions.ini, a captioner over the first scenes of configs/data, in a folder of their own
# with their captions, scenes/t.csv; its run folder is "run", its cache "cache".
scenes()
{
    drawn=${srcdir-.}/configs/data
    case $drawn in /*) ;; *) drawn=$OLDPWD/$drawn ;; esac
    mkdir scenes && head -n $(($1 + 1)) "$drawn/synthetic_scenes/english.csv" >scenes/t.csv || return 1
    for i in $(seq 1 "$1"); do
        cp "$drawn/synthetic_scenes/$(printf %04d.png "$i")" scenes/ || return 1
    done
    cat >captions.ini <<INI
[run]
output = run
[data]
source = scenes/t.csv
prompt = "<|english|>"
end_of_text = <|end|>
window = 24
validation = 0.2
[encoder]
base = $drawn/scenes_tower
precision = fp32
cache = cache
[model]
type = captioner
base = $drawn/scenes_decoder
projector = linear
[adapter]
r = 4
dropout = 0.1
[train]
epochs = 3
batch = 8
lr = 5e-3
schedule = constant
[caption]
samples = 5
[plots]
enable = none
INI
}

# encoded FOLDER CLIPS COMPUTED REUSED: what the log says of the cache of a captioner.
encoded()
{
    has "$1/log.jsonl" "\"event\":\"encode\".*\"clips\":$2,\"computed\":$3,\"reused\":$4"
}

# events FOLDER NAME: how many there are in the journals of a sweep.
events()
{
    cat "$1"/journal/*.jsonl | grep -c "\"event\":\"$2\""
}

# until_true COMMAND...: waits until the command succeeds, at most a minute.
until_true()
{
    tries=0
    until "$@" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "not within a minute: $*" && return 1; }
        sleep 0.1
    done
}

# milliseconds: of some clock.
milliseconds()
{
    date +%s%N | sed 's/......$//'
}

# below N: a random number in $drawn, the same for the same $random at first.
below()
{
    random=$(((random * 1103515245 + 12345) % 2147483648))
    drawn=$((random / 65536 % $1))
}

# candles ROWS: candles a minute apart, cycles of different length with a ripple.
candles()
{
    awk -v rows="$1" 'BEGIN {
        print "time,open,high,low,close,volume"
        for (i = 0; i < rows; i++) {
            a = 100 + 8 * sin(i / 9) + 3 * sin(i / 2.3); b = a + 2 * sin(i * i)
            printf "%d,%.4f,%.4f,%.4f,%.4f,%.3f\n", 1600000020 + 60 * i, a, (a > b ? a : b) + 0.5,
                (a < b ? a : b) - 0.5, b, 5 + 3 * cos(i / 4)
        }
    }'
}

# A model that trains in no time, on candles.csv; its run folder is "run".
tiny()
{
    cat <<'INI'
[run]
name   = tiny
output = run

[data]
source   = candles.csv
time     = time
features = open, close, volume
window   = 10

[model]
d_model     = 8
heads       = 2
layers      = 1
feedforward = 16
latent      = 4

[train]
epochs = 2
batch  = 32
lr     = 1e-3
warmup = 1 steps

[cluster]
categories = 5

[plots]
enable          = none
tsne_points     = 60
tsne_perplexity = 5
tsne_iterations = 50
INI
}

candles 200 >candles.csv
tiny >tiny.ini
: >err
# A script that sets without_device needs none, or looks itself.
if [ -z "${without_device-}" ] && ! "$seqtrain" devices >/dev/null 2>&1; then
    echo "1..0 # SKIP no OpenCL device"
    exit 0
fi
