#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs of an older version go on: tests/old_run holds two, and what that version made of them, which
# tests/old_run/make.sh tells. The same bits are asked for on the device they were begun on.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
case $srcdir in /*) ;; *) srcdir=$OLDPWD/$srcdir ;; esac
old=$srcdir/tests/old_run

# begun NAME: the run folder of an old run, as it was left.
begun()
{
    rm -rf "$1" && mkdir "$1" && gzip -dc "$old/$1/last.safetensors.gz" >"$1/last.safetensors" &&
        cat "$old/$1/config.ini" >"$1/config.ini" && cat "$old/$1/log.jsonl" >"$1/log.jsonl"
}

# goes_on NAME ARGUMENT...: it is resumed for two epochs more, without a word of warning.
goes_on()
{
    name=$1
    shift
    "$seqtrain" -q -c "$name/config.ini" -o "$name" -r -s train.epochs=4 "$@" <"$old/candles.csv" >out 2>err ||
        { cat err && return 1; }
    lines err 0 && has "$name/log.jsonl" '^\{"event":"resume".*"epoch":2,'
}

# made NAME: what has become of it, as in NAME/expected.
made()
{
    tail -n 1 "$1/log.jsonl" | sed 's/.*"best_epoch":\([0-9]*\).*/best \1/'
    tensors "$1/best.safetensors" | cksum
    sed -n 's/^{"event":"epoch",.*"epoch":\([0-9]*\),.*"val_loss":\([^,}]*\).*/\1 \2/p' "$1/log.jsonl"
}

same_bits()
{
    begun "$1" && goes_on "$1" && made "$1" >made && cmp made "$old/$1/expected"
}

# changed FILE SCRIPT: the checkpoint with its header changed by sed, without its sums.
changed()
{
    header "$1" | sed -e 's/ *$//' -e 's/"crc32c[^"]*":"[0-9a-f]*",*//g' -e "$2" -e 's/,}/}/' >head
    while [ $(($(wc -c <head) % 8)) -ne 0 ]; do
        printf ' ' >>head
    done
    size=$(wc -c <head)
    for byte in 1 2 3 4 5 6 7 8; do
        printf '%b' "\\0$(printf %o $((size % 256)))"
        size=$((size / 256))
    done
    cat head
    tensors "$1"
}

# with NAME SCRIPT: an old run whose checkpoint is so changed.
with()
{
    begun "$1" && changed "$1/last.safetensors" "$2" >other && mv other "$1/last.safetensors"
}

# Elsewhere the last digits differ.
nearly()
{
    with "$1" 's/"plan":"\([^"\\]\|\\.\)*",*//' && ! header "$1/last.safetensors" | grep -q '"plan"' &&
        goes_on "$1" &&
        made "$1" | sed '1,2d' >made && [ "$(wc -l <made)" -eq 4 ] && sed '1,2d' "$old/$1/expected" |
        paste -d ' ' - made | awk '{ d = ($2 - $4) / $2; if ($1 != $3 || d > 0.01 || d < -0.01) { print; bad = 1 } }
            END { exit bad }'
}

# refused WHY SCRIPT: its plan is not the one of here.
refused()
{
    with forecast "$2" && ! goes_on forecast >said && has err "^seqtrain: --resume: the plan is not .*: $1"
}

# device FILE: the lines of a plan that say what the bits depend on beside the launches.
device()
{
    sed -n 's/^ "\(device\|platform\|driver\|version\|gemm\)": "\(.*\)",$/\1 \2/p' "$1" | sort
}

point "a plan of today" run 0 -q -c tiny.ini -s device.gemm=own -s train.epochs=1
device run/plan.json >here
for name in autoencoder forecast; do
    begun "$name" && header "$name/last.safetensors" | sed -e 's/.*"plan":"//' -e 's/\\n/\
/g' -e 's/\\"/"/g' >plan
    device plan >there
    if [ "$(wc -l <there)" -eq 5 ] && ! cmp -s here there; then
        skip "$name: the bits that the old version made" "it was begun on another device: $(head -n 1 there)"
    else
        point "$name: the bits that the old version made" same_bits $name
    fi
    point "$name: nearly its figures on any device" nearly $name
done
point "a device that is another is named" refused 'device: "abacus" in the checkpoint, ".*" here$' \
    's/\\"device\\": \\"[^"\\]*\\"/\\"device\\": \\"abacus\\"/'
echo "1..$points"
