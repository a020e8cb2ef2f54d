#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain-tutorial(7): each block of commands runs as it stands, one after the other, and leaves what
# the page says; the programs on the page give the forecasts of seqtrain predict.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
case ${srcdir-.} in /*) ;; *) srcdir=$OLDPWD/${srcdir-.} ;; esac
page=$srcdir/man/seqtrain-tutorial.7
gzip -dc "$srcdir/configs/data/synthetic_stocks/stock_1.csv.gz" >prices.csv &&
    gzip -dc "$srcdir/configs/data/synthetic_stocks/stock_2.csv.gz" >new.csv || exit 1
build=$(dirname "$seqtrain")
mkdir bin && printf '#!/bin/sh\nPATH=%s\nexec %s "$@"\n' "$PATH" "${CC-cc}" >bin/cc && chmod +x bin/cc && ln -s "$seqtrain" bin/seqtrain && PATH=$dir/bin:$PATH

# block NUMBER: its commands.
block()
{
    awk -v wanted="$1" '/^\.\\" run$/ { n++; armed = 1 } /^\.fi/ { if (inside) armed = inside = 0 }
        inside && n == wanted { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print }
        armed && /^\.nf/ { inside = 1 }' "$page"
}

# program FILE: writes the program that the page calls by this name.
program()
{
    awk -v wanted=".\\\\\" file $1" '$0 == wanted { armed = 1 } /^\.fi/ { armed = inside = 0 }
        inside { gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print }
        armed && /^\.nf/ { inside = 1 }' "$page" >"$1" && [ -s "$1" ]
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

# forecasts MOST: so many of the last lines of out are the forecasts of step 6, to 1e-5 of their deviation.
forecasts()
{
    sed 1d forecasts.csv | tail -n "$1" | cut -d, -f3 >want && tail -n "$1" out | tr -d '[]' | paste -d ' ' want - |
        awk -v most="$1" '{ n++; a[n] = $1; b[n] = $2; s += $1; q += $1 * $1 }
            END { if (n != most) { print n, "forecasts"; exit 1 }
                  d = n > 1 ? sqrt(q / n - s * s / n / n) : a[1] < 0 ? -a[1] : a[1]
                  for (i = 1; i <= n; i++) if (a[i] - b[i] > 1e-5 * d || b[i] - a[i] > 1e-5 * d) { print a[i], b[i]; exit 1 } }'
}
point "a model of ONNX" runs 9 '' prices.onnx rows.csv
onnx()
{
    program last.py && python3 last.py >out && forecasts 1
}
if python3 -c 'import numpy, onnxruntime' 2>/dev/null; then
    point "ONNX Runtime gives the last forecast" onnx
else
    skip "ONNX Runtime gives the last forecast" "no Python with onnxruntime"
fi
included()
{
    program forecast.c && runs 10 '' prices.c && forecasts "$(($(wc -l <forecasts.csv) - 1))"
}
point "the program that includes a file of C gives all forecasts" included

# With the library that was built, which is not installed, and its sanitizer, if it has one.
pushed()
{
    flags=$(sed -n 's/^WARN_CFLAGS = .*\(-fsanitize=[a-z,]*\).*/\1/p' "$build/Makefile")
    # shellcheck disable=SC2086 # words
    program push.c && cc $flags -Wall -Wextra -Werror -I"$srcdir/src/library" -o push push.c -L"$build" -lseqtrain || return 1
    LD_LIBRARY_PATH=$build ./push </dev/null 2>names || return 1
    awk -F, 'NR == FNR { name[++n] = $0; next }
        FNR == 1 { for (i = 1; i <= NF; i++) place[$i] = i; next }
        { line = ""; for (i = 1; i <= n; i++) line = line "," $place[name[i]]; print line }' names new.csv >columns
    sed 1d new.csv | cut -d, -f1 | date -u -f - +%s000 | paste -d '' - columns | LD_LIBRARY_PATH=$build ./push >out 2>names &&
        forecasts "$(($(wc -l <forecasts.csv) - 1))"
}
point "the program with the library gives all forecasts" pushed

last()
{
    [ -z "$(block 11)" ]
}
point "there are no other blocks" last

echo "1..$points"
