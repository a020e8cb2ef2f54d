#!/bin/sh
# SPDX-License-Identifier: MIT
# What auto found in the files of training is kept in the checkpoint: evaluate and predict read other
# files in that way, and refuse what is written otherwise. What globs among features stand for.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# days FIRST COUNT ORDER DECIMAL SEPARATOR: days from the FIRST of January 2024 on, and two columns.
days()
{
    awk -v first="$1" -v count="$2" -v order="$3" -v decimal="$4" -v separator="$5" 'BEGIN {
        OFS = separator
        print "Date", "x", "y"
        split("31 29 31 30 31 30 31 31 30 31 30 31", length_of, " ")
        for (i = 0; i < count; i++) {
            d = first + i; year = 2024; month = 1; length_of[2] = 29
            while (d > length_of[month]) {
                d -= length_of[month++]
                if (month > 12) { month = 1; length_of[2] = ++year % 4 ? 28 : 29 }
            }
            x = sprintf("%.2f", 1100 + 40 * sin(i / 3)); y = sprintf("%.4f", 5 + cos(i / 3))
            sub(/[.]/, decimal, x); sub(/[.]/, decimal, y)
            date = order == "dmy" ? sprintf("%02d.%02d.%d", d, month, year) : \
                   order == "mdy" ? sprintf("%02d/%02d/%d", month, d, year) : \
                   order == "ms" ? sprintf("%.0f", 1704067200000 + (first + i - 1) * 86400000) : \
                   order == "s" ? sprintf("%.0f", 1704067200 + (first + i - 1) * 86400) : \
                   sprintf("%d-%02d-%02d", year, month, d)
            print date, x, y
        }
    }'
}
days 1 200 dmy , ';' >german.csv
days 1 200 iso . , >plain.csv
cat >keep.ini <<'INI'
[run]
output = run
[data]
source   = german.csv
time     = Date
features = x, y
targets  = y
window   = 6
target_transform = standard
[model]
type   = recurrent
cell   = gru
hidden = 4
layers = 1
[train]
epochs = 1
batch  = 16
[plots]
enable = none
INI
point "training on day, month, year with decimal commas" run 0 -q -c keep.ini -d cpu
point "the checkpoint has what was found" eval 'header run/best.safetensors | grep -q "semicolon" &&
    header run/best.safetensors | grep -Eq "time.{0,9}dmy" && header run/best.safetensors | grep -Eq "x.{0,9}comma"'
point "training on a plain file" run 0 -q -c keep.ini -d cpu -s data.source=plain.csv -o plain

# predicts FILE: some prediction is there, the first row's time is PATTERN.
predicts()
{
    run 0 predict -m "$1/best.safetensors" -i "$2" && has out '^time,row,y,actual y$' && lines err 0 &&
        sed -n 2p out | grep -q "^$3"
}
# refuses MODEL FILE PATTERN...: exit status 3, both readings named.
refuses()
{
    model=$1 file=$2
    shift 2
    run 3 predict -m "$model/best.safetensors" -i "$file" && lines err 1 && lines out 0 && has err "$@"
}
days 1 12 dmy , ';' >short.csv
point "days that fit two orders are read as in training" predicts run short.csv 2024-01-07
point "without a checkpoint they are refused" run 3 check -q -d none -c keep.ini -s data.source=short.csv
point "and the orders named" has err 'dmy for 2024-01-01'
days 1 12 mdy , ';' | tr / . >american.csv
point "a short file of the other order has the order of training" predicts run american.csv 2024-
days 1 40 mdy , ';' >american.csv
point "the other order is refused" refuses run american.csv \
    "column 'Date': times are month, day, year here \(the first, '01/01/2024', is 2024-01-01T00:00:00Z\), and were day, month, year in" \
    '-s data\.time_format=auto'
point "unless a setting allows it" run 0 predict -m run/best.safetensors -i american.csv -s data.time_format=auto
point "or says it" run 0 predict -m run/best.safetensors -i american.csv -s data.time_format=mdy
days 1 40 iso , ';' >iso.csv
point "times of ISO 8601 are refused" refuses run iso.csv 'times are (ISO 8601|year, month, day) here .* were day, month, year in'
days 1 40 ms , ';' >ms.csv
point "milliseconds are refused" refuses run ms.csv 'times are milliseconds here .* \(it would be nothing\)'
days 1 40 dmy . ';' >points.csv
point "decimal points are refused" refuses run points.csv \
    "^seqtrain: points\.csv:2: column 'x' has decimal points here, and had decimal commas in .*; -s data\.decimal=auto"
point "unless a setting allows them" run 0 predict -m run/best.safetensors -i points.csv -s data.decimal=auto
days 1 40 dmy , '	' >tabs.csv
point "another separator is refused" refuses run tabs.csv \
    '^seqtrain: tabs\.csv:1: fields are separated by tabs here, and were by semicolons in .*; -s data\.separator=auto'
point "unless a setting allows it" run 0 predict -m run/best.safetensors -i tabs.csv -s data.separator=auto
{ echo '# from a bank' && sed 1q short.csv && sed 1d short.csv | sort -r; } >falling.csv
point "lines above the header and the order of rows are found anew" predicts run falling.csv 2024-01-07
iconv -f utf-8 -t utf-16 short.csv >wide.csv
point "as is the encoding" predicts run wide.csv 2024-01-07
point "evaluate refuses as well" run 3 evaluate -m run/best.safetensors -i points.csv
point "the files of training are what they were" run 0 evaluate -m run/best.safetensors

days 1 40 iso . , >more.csv
point "a plain file fits" predicts plain more.csv 2024-01-07
awk -F, 'NR > 1 { $2 = sprintf("\"%d,%06.2f\"", int($2 / 1000), $2 % 1000) } { print $1 "," $2 "," $3 }' more.csv >thousands.csv
point "thousands are no decimal commas" predicts plain thousands.csv 2024-01-07
awk -F, 'NR > 1 { $2 = sprintf("\"%d,%03d\"", int($2 / 1000), $2 % 1000) } { print $1 "," $2 "," $3 }' more.csv >either.csv
point "what may be thousands or a fraction is read as in training" predicts plain either.csv 2024-01-07
sed 's/-/\//; s/-/\//' more.csv >slashes.csv
point "another form of year, month, day fits" predicts plain slashes.csv 2024-01-07
point "decimal commas are refused" refuses plain points.csv 'separated by semicolons here, and were by commas'
sed 's/,\([0-9]*\)\.\([0-9]*\),\([0-9]*\)\.\([0-9]*\)$/,"\1,\2","\3,\4"/' more.csv >commas.csv
point "decimal commas in quotes are refused" refuses plain commas.csv "^seqtrain: commas\.csv:2: column 'x' has decimal commas here, and had decimal points in"
days 1 40 s . , >s.csv
point "seconds are refused" refuses plain s.csv 'times are seconds here .* were ISO 8601 in'
point "seconds train" run 0 -q -c keep.ini -d cpu -s data.source=s.csv -s data.validation=0 -s data.test=0 -s train.monitor=train_loss -o seconds
days 1 40 ms . , >ms.csv
point "milliseconds are no seconds" refuses seconds ms.csv 'times are milliseconds here .* were seconds in'
days 1 40 iso . , | tr -d - >digits.csv
point "nor are days of eight digits" refuses seconds digits.csv 'times are digits of year, month, day \.\.\. here .* were seconds in'

# Files of training that differ leave each other file to its own findings.
mkdir both && cp german.csv both/a.csv && cp plain.csv both/b.csv
point "files that differ train" run 0 -q -c keep.ini -d cpu -s data.source=both -o both-run
point "then a file is read as it is" run 0 predict -m both-run/best.safetensors -i tabs.csv

# An old checkpoint has no record of this.
old()
{
    python3 - run/best.safetensors old.safetensors <<'PY' && run 0 predict -m old.safetensors -i tabs.csv
import json, struct, sys
data = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
head = json.loads(data[8 : 8 + n])
head["__metadata__"] = {k: v for k, v in head["__metadata__"].items() if k != "reading" and not k.startswith("crc32c")}
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + data[8 + n :])
PY
}
if command -v python3 >/dev/null; then
    point "a checkpoint without a record reads files as they are" old
else
    skip "a checkpoint without a record reads files as they are" "no python3"
fi

# By way of the cache, whose files hold the findings as well.
days 1 3000 dmy , ';' >long.csv
touch -d '1 hour ago' long.csv
cached()
{
    run 0 -c keep.ini -d cpu -s data.source=long.csv -o cached -s train.epochs=1 --overwrite "$@"
}
point "a large file is parsed" cached
point "the cache has its findings" cached -v
point "it came from there" has out 'from the cache'
point "and the checkpoint has them" refuses cached points.csv "column 'x' has decimal points here, and had decimal commas in"

# --- globs among features, and expressions in quotes
awk 'BEGIN { print "Date,\"p (mbar)\",who,T [C],\"a ;b\",y"
    for (i = 0; i < 120; i++)
        printf "%.0f,%.3f,me,%.2f,%d,%.3f\n", 1704067200000 + i * 86400000, 1000 + sin(i), 10 + cos(i), i % 7, sin(i / 2)
}' >weather.csv
globs()
{
    run 0 -c keep.ini -d cpu -s data.source=weather.csv -o globs --overwrite "$@"
}
point "features = *" globs -s 'data.features=*'
point "what it stands for is told" has out \
    '^data: globs in features stand for 3 columns: p \(mbar\), T \[C\], a ;b; not taken: the time \(Date\), columns of targets \(y\), not numbers in all rows \(who\)$'
point "and stands in config.ini" has globs/config.ini '^features = "p \(mbar\)", "T \[C\]", "a ;b"$'
awk '{ print $0 "," (NR > 1 ? NR : "more") }' weather.csv >wider.csv
point "a file with one more column has the same features" run 0 predict -m globs/best.safetensors -i wider.csv
mv out wider.out
point "as one without" run 0 predict -m globs/best.safetensors -i weather.csv
point "with the same predictions" cmp out wider.out
point "config.ini is the same run" run 0 -q -c globs/config.ini -d cpu -o again
point "with the same weights" same_weights globs/best.safetensors again/best.safetensors
point "and the same features" eval 'grep -A1 "^features" globs/config.ini >a.txt; grep -A1 "^features" again/config.ini | cmp - a.txt'
point "data and check take globs" run 0 data -c keep.ini -s data.source=weather.csv -s 'data.features=*'
point "a glob that fits nothing is an error" run 3 check -q -d none -c keep.ini -s data.source=weather.csv -s 'data.features=z*'
point "that names it" has err "^seqtrain: weather\.csv: \[data\] features: 'z\*' takes no column: the name of none fits it$"
point "a quoted expression" globs -s 'data.features="ma(T [C],3)", "p (mbar)"' -s 'data.targets="diff(y)"' -s 'data.where="y > -2"'
point "is told" has out '^data: features: there is no column "ma\(T \[C\],3\)": it is read as an expression, without quotes$' \
    '^data: targets: there is no column "diff\(y\)": it is read'
point "and predicts" run 0 predict -m globs/best.safetensors
point "type = dgru counts what globs stand for" run 2 check -q -d none -c keep.ini -s data.source=weather.csv \
    -s model.type=dgru -s data.target_rows=window -s data.horizon=0 -s 'data.features=*'
point "and says so" has err 'type = dgru needs two features, I and Q, and these stand for 3$'
mkfifo pipe.csv
piped()
{
    cat weather.csv >pipe.csv &
    writer=$!
    run 0 check -q -d none -c keep.ini -s data.source=pipe.csv -s data.cache=no "$@"
    got=$?
    kill $writer 2>/dev/null # where nobody read
    wait
    return $got
}
point "a pipe takes names in quotes" piped -s 'data.features="p (mbar)"'
refused_pipe()
{
    run 2 check -q -d none -c keep.ini -s data.source=pipe.csv -s 'data.features=*' &&
        has err 'pipe\.csv: this is no plain file and can be read only once'
}
point "but no globs" refused_pipe

# --- scalers with arguments
candles_run()
{
    run 0 -c tiny.ini -d cpu -o scaled --overwrite -s train.epochs=1 "$@"
}
point "scaler = minmax(-1,1)" candles_run -s 'data.scaler=minmax(-1,1)'
point "stands in config.ini" has scaled/config.ini '^scaler = minmax\(-1,1\)$'
point "and predicts" run 0 predict -m scaled/best.safetensors
point "scaler = minmax" candles_run -s data.scaler=minmax
cp scaled/best.safetensors plain.safetensors
point "scaler = minmax(0,1)" candles_run -s 'data.scaler=minmax(0,1)'
point "is the same" same_weights scaled/best.safetensors plain.safetensors
point "scaler = relative(close)" candles_run -s 'data.scaler=relative(close)' -s data.features=open,close
point "its reconstructions are in the units of the file" eval 'run 0 predict -m scaled/best.safetensors &&
    awk -F, "NR > 1 && (\$4 < 50 || \$4 > 200) { exit 1 }" out'
relative_targets()
{
    sed 's/^d_model.*/type = recurrent/; /^heads\|^feedforward\|^latent/d' tiny.ini >relative.ini &&
        run 0 -c relative.ini -d cpu -o scaled --overwrite -s train.epochs=1 -s 'data.scaler=relative(close)' \
            -s 'data.features=open, close, ma(close,4)' -s 'data.targets=ret(close)' "$@"
}
point "relative to a feature, with targets" relative_targets
point "and predicts the same on its own files" eval 'run 0 predict -m scaled/best.safetensors && cp out a.out &&
    run 0 predict -m scaled/best.safetensors -i candles.csv && cmp out a.out'
awk -F, 'BEGIN { OFS = "," } NR > 1 { for (i = 2; i < 6; i++) $i = sprintf("%.6f", $i * 4) } { print }' candles.csv >four.csv
four()
{
    run 0 predict -m scaled/best.safetensors -i four.csv || return 1
    paste -d, a.out out | awk -F, 'NR > 1 { d = $3 - $7; if (d < 0) d = -d; if (d > 1e-6) { print; exit 1 } }'
}
point "prices four times as high are the same to it" four
point "relative to what is no feature" run 2 check -q -d none -c tiny.ini -s 'data.scaler=relative(high)'
point "is an error that says so" has err "\[data\] scaler: relative\(high\) needs 'high' among data\.features"
awk -F, 'BEGIN { OFS = "," } NR == 100 { $5 = 0 } { print }' candles.csv >zero.csv
point "a window that ends in 0" run 3 check -q -d none -c relative.ini -s data.source=zero.csv -s 'data.scaler=relative(close)' \
    -s data.features=open,close -s data.targets=open
point "is an error with the remedy" has err "zero\.csv:100: feature 'close' is 0 where a window ends, .*; data\.where = close != 0 leaves"
point "which helps" run 0 check -q -d none -c relative.ini -s data.source=zero.csv -s 'data.scaler=relative(close)' \
    -s data.features=open,close -s data.targets=open -s 'data.where=close != 0'

# --- the scale that targets are shown on
point "a model of two targets" run 0 -q -c relative.ini -d cpu -o shown -s train.epochs=1 -s 'data.targets="close", volume' \
    -s data.target_transform=standard -s data.validation=0 -s data.test=0 -s train.monitor=train_loss
point "its predictions" run 0 predict -m shown/best.safetensors
mv out units.csv
point "on a scale" run 0 predict -m shown/best.safetensors -s 'data.target_display=scale(-10,100)'
mv out scale.csv
point "the header tells the scale" eval \
    'head -1 scale.csv | grep -qx "time,row,close (-10 to 100),volume (-10 to 100),actual close (-10 to 100),actual volume (-10 to 100)"'
# Targets of training are those of rows 10 to 199 of candles.csv, row 0 being its first.
on_scale()
{
    awk -F, 'NR == FNR {
            if (FNR < 12) next
            for (k = 0; k < 2; k++) {
                x = $(5 + k)
                if (FNR == 12 || x < least[k]) least[k] = x
                if (FNR == 12 || x > most[k]) most[k] = x
            }
            next
        }
        FILENAME == "units.csv" && FNR > 1 { for (k = 3; k < 7; k++) units[FNR, k] = $k }
        FILENAME == "scale.csv" && FNR > 1 {
            for (k = 3; k < 7; k++) {
                if (units[FNR, k] == "") { if ($k != "") exit 1; continue }
                j = (k - 3) % 2; x = units[FNR, k]
                x = x < least[j] ? least[j] : x > most[j] ? most[j] : x
                wants = -10 + 110 * (x - least[j]) / (most[j] - least[j])
                d = wants - $k
                if (d < -1e-5 || d > 1e-5) { print FNR, k, $k, wants; exit 1 }
                seen++
            }
        }
        END { if (seen < 700) { print seen; exit 1 } }' candles.csv units.csv scale.csv
}
point "values are those of the formula" on_scale
awk -F, 'BEGIN { OFS = "," } NR > 1 { $5 = $5 + 500 } { print }' candles.csv >high.csv
point "other values" run 0 predict -m shown/best.safetensors -i high.csv -s 'data.target_display=scale(0,100)'
point "are shown at the ends" awk -F, 'NR > 1 && ($5 > 100 || $3 > 100 || $3 < 0 || ($5 != "" && $5 < 100)) { print; exit 1 }' out
point "a model far below its targets" run 0 -q -c relative.ini -d cpu -o far -s train.epochs=1 -s data.targets=close \
    -s 'data.target_transform=scale(1000,1001)' -s data.validation=0 -s data.test=0 -s train.monitor=train_loss
far()
{
    run 0 predict -m far/best.safetensors -s 'data.target_display=scale(0,100)' &&
        has err 'warning: 191 of 191 predictions lie beyond the range that targets had in training: they are shown at its ends$' &&
        awk -F, 'NR > 1 && $3 != 0 { print; exit 1 }' out
}
point "its predictions are at the lower end, and counted" far
point "an autoencoder has none" run 2 check -q -d none -c tiny.ini -s 'data.target_display=scale(0,100)'
point "and says so" has err 'an autoencoder has no targets to show'
awk -F, 'BEGIN { OFS = "," } NR > 1 { $6 = 5 } { print }' candles.csv >flat.csv
point "a constant target" run 0 -q -c relative.ini -d cpu -o shown --overwrite -s train.epochs=1 -s data.source=flat.csv \
    -s data.features=close -s data.targets=volume
point "has no range" run 3 predict -m shown/best.safetensors -s 'data.target_display=scale(0,100)'
point "which is told" has err 'target 1 had one value in training, 5: data\.target_display has no range'

echo "1..$points"
