#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain-tutorial(7): each block of commands runs as it stands, one after the other, and leaves what
# the page says.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
case ${srcdir-.} in /*) ;; *) srcdir=$OLDPWD/${srcdir-.} ;; esac
page=$srcdir/man/seqtrain-tutorial.7
gzip -dc "$srcdir/configs/data/synthetic_stocks/stock_1.csv.gz" >prices.csv &&
    gzip -dc "$srcdir/configs/data/synthetic_stocks/stock_2.csv.gz" >new.csv || exit 1
mkdir bin && ln -s "$seqtrain" bin/seqtrain && PATH=$dir/bin:$PATH

# block NUMBER: its commands.
block()
{
    awk -v wanted="$1" '/^\.\\" run$/ { n++; armed = 1 } /^\.fi/ { if (inside) armed = inside = 0 }
        inside && n == wanted { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print }
        armed && /^\.nf/ { inside = 1 }' "$page"
}

# runs NUMBER PATTERN FILE...: the block ends well, prints the pattern, and the files are there.
runs()
{
    block "$1" >block.sh && [ -s block.sh ] && sh -e block.sh >out 2>err || return 1
    [ -z "$2" ] || has out "$2" || return 1
    shift 2
    for file; do
        [ -s "$file" ] || { echo "no $file" && return 1; }
    done
}

point "a configuration" runs 1 '^forecast.ini: written' forecast.ini
point "a look at the data" runs 2 'total +[0-9]' runs/prices/data_overview.png
point "training" runs 3 '^Verdict: ' runs/prices/best.safetensors runs/prices/model.py
point "a report" runs 4 'report.html' runs/prices/report.html
point "a second try" runs 5 'model.hidden' both.png runs/smaller/best.safetensors
point "forecasts of a file" runs 6 '' forecasts.csv
point "forecasts as rows come" runs 7 '^2020-[0-9-]*T00:00:00Z,[0-9]+,'
answers()
{
    cut -d, -f1-3 forecasts.csv >want && cut -d, -f1-3 out | cmp - want
}
point "they are those of the file" answers
point "the nightly update" runs 8 '^runs/tuesday: best epoch' runs/tuesday/best.safetensors
point "in another program" runs 9 '' prices.onnx rows.csv
last()
{
    [ -z "$(block 10)" ]
}
point "there are no other blocks" last

echo "1..$points"
