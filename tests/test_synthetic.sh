#!/bin/sh
# SPDX-License-Identifier: MIT
# The shipped data sets are what their generators write.
set -u
data=${srcdir:-.}/configs/data
made=synthetic-$$.csv
trap 'rm -rf "$made" "$made.shipped"' EXIT
points=0

# same FILE GENERATOR ARGUMENT...: the generator writes the bytes of the shipped file.
same()
{
    points=$((points + 1))
    file=$1
    shift
    if "./configs/data/make_$@" >"$made" && gzip -dc <"$data/$file" >"$made.shipped" &&
        [ -s "$made" ] && cmp "$made" "$made.shipped"; then
        echo "ok $points - $file"
    else
        echo "not ok $points - $file"
    fi
}

same synthetic_candles.csv.gz synthetic_candles
same synthetic_loads.csv.gz synthetic_loads
for stock in 1 2 3 4 5 6; do
    same synthetic_stocks/stock_$stock.csv.gz synthetic_stocks $stock
done
for part in train val test; do
    for side in input output; do
        same synthetic_amplifier/${part}_$side.csv.gz synthetic_amplifier $part $side
    done
done
# drawn FOLDER [ARGUMENT]: so does that of scenes, a folder.
drawn()
{
    points=$((points + 1))
    folder=$1
    shift
    rm -rf "$made"
    if mkdir "$made" && ./configs/data/make_synthetic_scenes "$made" "$@" && diff -r "$made" "$data/$folder"; then
        echo "ok $points - $folder"
    else
        echo "not ok $points - $folder"
    fi
}
drawn synthetic_scenes
drawn synthetic_looks looks
echo "1..$points"
