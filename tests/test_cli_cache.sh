#!/bin/sh
# SPDX-License-Identifier: MIT
# The cache of parsed columns: a second start reads no CSV; a file that has changed, other columns and
# a cache file that is not whole are noticed, and the file is read again.
# shellcheck disable=SC2119,SC2120 # point passes arguments
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# Parsed columns go where they can be harmed.
mkdir cache
kernels=$XDG_CACHE_HOME XDG_CACHE_HOME=$dir/cache
columns=$dir/cache/seqtrain/data

# Larger than 32 KiB, and older than what may still change.
candles 900 >long.csv
touch -t 202001010000 long.csv
sed 's/^source .*/source = long.csv/' tiny.ini >long.ini

# looked PATTERN ARGUMENT...: what "data" says of the file with these settings; leaves "numbers", what
# it prints of the data itself.
looked()
{
    pattern=$1
    shift
    run 0 data -v -c long.ini "$@" && lines err 0 && grep -v 'from the cache' out >numbers || return 1
    case $pattern in
    cached) has out '^data: long\.csv: from the cache, /.*\.columns$' ;;
    *) ! grep 'from the cache' out ;;
    esac
}
# The first start parses, the second one does not and finds the same.
twice()
{
    looked parsed "$@" && mv numbers first && looked cached "$@" && cmp first numbers
}
count()
{
    [ "$(find "$columns" -type f | wc -l)" -eq "$1" ] || { ls -la "$columns" && return 1; }
}
point "the second start reads the cache" twice
point "of one file" count 1
point "data.cache = no does not" looked parsed -s data.cache=no
point "other columns have a file of their own" twice -s data.features=high
point "so has the file without its time" twice -s data.time=
point "three files" count 3
changed()
{
    sed 's/^1600000020,/1600000019,/' long.csv >other.csv && cp other.csv long.csv && touch -t 202001010000 long.csv && twice
}
point "another time within, of the same size and mtime" changed
longer()
{
    candles 901 >long.csv && touch -t 202001010000 long.csv && twice && has first '901 rows'
}
point "one more row" longer
younger()
{
    touch -t 202001010001 long.csv && twice
}
point "another mtime" younger
point "no file has come to the three" count 3
bad_now()
{
    sed '800s/,[^,]*$/,many/' long.csv >bad.csv && cp bad.csv long.csv && touch -t 202001010000 long.csv &&
        run 3 data -c long.ini && lines err 1 && has err "^seqtrain: long\\.csv:800: column 'volume': 'many' is not a number; if it stands for no value, add it to data\.missing_values\$" &&
        count 3 && candles 900 >long.csv && touch -t 202001010000 long.csv && twice
}
point "a file that has become bad is told with its line" bad_now

# harm COMMAND: every cache file is changed so (a filter); what is found stays the same, and is cached
# again.
harm()
{
    for file in "$columns"/*; do
        sh -c "$1" <"$file" >harmed && cat harmed >"$file" || return 1
    done
    twice
}
point "cut off" harm 'head -c 20000'
point "cut off within its head" harm 'head -c 30'
point "empty" harm 'head -c 0'
point "one byte more" harm 'cat && printf x'
point "garbage" harm 'tr "\000-\377" "\001-\377\000"'
point "one byte changed near the end" harm 'cp /dev/stdin it && head -c 20000 it &&
    head -c 20001 it | tail -c 1 | tr "\000-\377" "\001-\377\000" && tail -c +20002 it'
folder()
{
    for file in "$columns"/*; do
        rm "$file" && mkdir "$file" || return 1
    done
    looked parsed
    code=$?
    rm -r "$columns"
    return $code
}
point "folders in its place" folder
nowhere()
{
    : >file && XDG_CACHE_HOME=$dir/file looked parsed && cmp first numbers
}
point "no cache folder can be made: all the same" nowhere
fresh()
{
    candles 900 >long.csv && looked parsed && count 0
}
point "a file that was written just now is not cached" fresh
small()
{
    touch -t 202001010000 candles.csv && run 0 data -v -c tiny.ini && run 0 data -v -c tiny.ini &&
        ! grep 'from the cache' out
}
point "nor is one below 32 KiB" small

# One training each way: the same bits.
trainings()
{
    touch -t 202001010000 long.csv && XDG_CACHE_HOME=$kernels && run 0 -q -c long.ini -s data.cache=no -o without && run 0 -v -c long.ini -o first_start && run 0 -v -c long.ini -o second &&
        has out '^data: long\.csv: from the cache' && same_weights without/best.safetensors second/best.safetensors &&
        same_weights without/best.safetensors first_start/best.safetensors
}
point "trained from the cache: the same bits" trainings

echo "1..$points"
