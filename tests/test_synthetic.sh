#!/bin/sh
# The shipped candles are what their generator writes.
set -u
source=${srcdir:-.}/configs/data/synthetic_candles.csv.gz
made=synthetic-$$.csv
trap 'rm -f "$made" "$made.shipped"' EXIT
echo 1..2
if ./configs/data/make_synthetic_candles >"$made"; then echo "ok 1 - the generator runs"; else
    echo "not ok 1 - the generator runs"
fi
if gzip -dc <"$source" >"$made.shipped" && cmp "$made" "$made.shipped"; then
    echo "ok 2 - it writes the shipped bytes"
else
    echo "not ok 2 - it writes the shipped bytes"
fi
