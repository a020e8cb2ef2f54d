#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain init: a configuration for each kind of data, which trains as it is; what it decides by what
# the data hold; what it refuses.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
data=$(cd "$OLDPWD/${srcdir-.}/configs/data" 2>/dev/null || cd "$srcdir/configs/data" && pwd -P)

# holds FILE: it is valid as it is.
holds()
{
    run 0 check -c "$1" -d none && has out ': valid$'
}

# trains FILE [SETTING...]: the file is valid as it is, and trains for two steps.
trains()
{
    holds "$1" || return 1
    file=$1
    shift
    run 0 -c "$file" -s train.steps=2 -s plots.enable=none -o trained --overwrite "$@" &&
        test -s trained/best.safetensors
}

# key FILE KEY: its value.
key()
{
    sed -n "s/^$2 *= //p" "$1"
}

# is FILE KEY VALUE
is()
{
    [ "$(key "$1" "$2")" = "$3" ] || { echo "$2 = $(key "$1" "$2") in $1, not $3" && return 1; }
}

candles()
{
    run 0 init --data "$data/synthetic_candles.csv.gz" && has out '^forecast.ini: written' \
        'seqtrain -c forecast.ini' && has forecast.ini 'step from row to row is 1 minute' &&
        is forecast.ini targets 'roc(close,60)' && is forecast.ini horizon 60 && is forecast.ini gap 2m &&
        is forecast.ini time timestamp_ms && has forecast.ini 'the longest is 241' && trains forecast.ini
}
point "a forecast of candles" candles

# A column of numbers with a word in it, among the rows that are looked at and far behind these.
words()
{
    for line in 39 3009; do
        awk -v line=$line 'BEGIN { print "time,load,rain"
            for (i = 0; i < 4000; i++)
                printf "%d,%s,%.1f\n", 1600000200 + 3600 * i, i == line - 2 ? "k.A." : 100 + i % 24, i % 7 / 3
        }' >words.csv
        run 0 init --data words.csv -o words.ini --overwrite && is words.ini targets rain && lines err 1 &&
            has err "column.* is not used: .*$line.*'k.A.'.*not a number.*data.missing_values" || return 1
        run 0 init --data words.csv -o words.ini --overwrite -s data.missing_values=k.A. && lines err 0 &&
            has words.ini '^features .*load' || return 1
    done
}
point "a column with a word is not used, and that is told" words

stocks()
{
    run 0 init forecast --data "$data/synthetic_stocks" -o stocks.ini && is stocks.ini jump 0.43 &&
        is stocks.ini gap 7d && is stocks.ini horizon 5 && has stocks.ini '9000 rows in 6 series' \
        '^features .*weekday_sin\(\)' '^target_transform' && trains stocks.ini &&
        run 0 predict -c stocks.ini -m trained -o forecasts.csv && has forecasts.csv 'roc'
}
point "a forecast of a folder of stocks" stocks

# A shop that is closed on Sundays: a week has 6 rows, which repeat.
shop_days()
{
    awk 'BEGIN { print "date,sales"; for (i = 0; i < 900; i++) if (i % 7 < 6) printf "%d,%.4f\n",
        1577664000 + 86400 * i, 50 + 9 * sin(i % 7 * 1.3) + sin(i * i) }' >days.csv
    run 0 init --data days.csv -o days.ini && is days.ini horizon 6 && has days.ini 'Rows ahead: a week' \
        'repeats itself after 6 rows'
}
point "a week has as many rows as the times show" shop_days

loads()
{
    run 0 init --data "$data/synthetic_loads.csv.gz" -s data.targets=HUFL -o loads.ini &&
        is loads.ini window 48 && has loads.ini 'repeats itself after 24 rows' '^reversible_norm = yes' &&
        is loads.ini targets HUFL && has loads.ini '^; as asked for$' 'hour_cos\(\)' && trains loads.ini
}
point "a forecast of loads sees their day" loads

# The window follows the column that is asked for, and what is forecast is told.
asked()
{
    awk 'BEGIN { print "time,load,noise"; for (i = 0; i < 1500; i++) { x = sin(i * 12.9898) * 43758.5453
        printf "2024-%02d-%02dT%02d:00:00Z,%.4f,%.4f\n", 1 + int(i / 672), 1 + int(i / 24) % 28, i % 24,
            sin(i * 6.28319 / 24), x - int(x) } }' >noisy.csv
    run 0 init --data noisy.csv -o noise.ini && has out '^The model forecasts noise; another column: ' &&
        is noise.ini targets noise || return 1
    run 0 init --data noisy.csv -s data.targets=load -o load.ini && has out '^The model forecasts load; ' &&
        has load.ini '^; load repeats itself after 24 rows' && is load.ini window 48 && trains load.ini
}
point "the column that is asked for decides on the window" asked

autoencoder()
{
    run 0 init autoencoder --data "$data/synthetic_candles.csv.gz" && is autoencoder.ini scaler window &&
        is autoencoder.ini features 'open, high, low, close, volume' && trains autoencoder.ini
}
point "an autoencoder of candles" autoencoder

amplifier()
{
    run 0 init --data "$data/synthetic_amplifier" && has out "kind 'amplifier'" &&
        has amplifier.ini '^spec = .*spec.json' '^test_target_source .*test_output.csv.gz' &&
        trains amplifier.ini && has out 'NMSE'
}
point "an amplifier of a folder of OpenDPD's" amplifier

four_columns()
{
    awk 'BEGIN { print "I_in,Q_in,I_out,Q_out"
        for (i = 0; i < 30000; i++) { a = sin(i / 7) + cos(i * i / 977); b = cos(i / 11)
            printf "%.6g,%.6g,%.6g,%.6g\n", a, b, a - a * a * a / 9, b + a / 7 } }' >data.csv
    run 0 init --data data.csv -o four.ini && is four.ini features 'I_in, Q_in' &&
        is four.ini targets 'I_out, Q_out' && trains four.ini || return 1
    mkdir one && mv data.csv one/data.csv && printf '%s' '{"dataset_format": "single_csv",
        "split_ratios": {"train": 0.6, "val": 0.2, "test": 0.2}, "input_signal_fs": 200e6, "bw_main_ch": 60e6,
        "bw_sub_ch": 60e6, "n_sub_ch": 1, "nperseg": 512}' >one/spec.json
    run 0 init --data one -o one.ini && is one.ini split spec && trains one.ini
}
point "an amplifier of one file" four_columns

language()
{
    run 0 init --data "$data/manual.txt.gz" && is language.ini tokenizer characters &&
        has language.ini 'hold [0-9]+ different characters' && trains language.ini -s train.evaluate='2 steps' ||
        return 1
    awk 'BEGIN { for (i = 0; i < 700; i++) printf "%c%c%c ", 228 + i / 4096, 184 + i / 64 % 8, 128 + i % 64
        for (i = 0; i < 4000; i++) printf "word%d ", i % 77 }' >many.txt
    run 0 init --data many.txt -o many.ini && is many.ini tokenizer bytes &&
        has many.ini 'hold 5[0-9][0-9] different characters'
}
point "a language model of a text" language

captions()
{
    run 2 init --data "$data/synthetic_looks/english.csv" && has err 'encoder.base' 'model.base' &&
        run 0 init --data "$data/synthetic_looks/english.csv" -s "encoder.base=$data/scenes_tower" \
            -s "model.base=$data/scenes_decoder" -s 'data.end_of_text=<|end|>' &&
        has captions.ini "^base = \"?$data/scenes_tower" && trains captions.ini
}
point "captions of clips" captions

# Hours of three months: the last four columns are a target that few large values rule, one that has zeros,
# words, and nothing.
awk 'BEGIN { print "stamp,lifetime,sales,rain,note,empty"
    for (i = 0; i < 2000; i++) {
        x = sin(i * 12.9898) * 43758.5453; u = x - int(x); if (u < 0) u++
        printf "2024-%02d-%02dT%02d:00:00Z,%.5g,%.6g,%.5g,n%d,\n", 1 + int(i / 672), 1 + int(i / 24) % 28, i % 24,
            500 + 40 * sin(i / 60), exp(5 * u * u * u), (u > 0.9 ? exp(90 * (u - 0.9)) : 0), i % 9 } }' >shop.csv

skewed()
{
    run 0 init --data shop.csv -s data.targets=sales -o shop.ini && is shop.ini time stamp &&
        is shop.ini target_transform 'log, standard' && has shop.ini 'skewness' '^features .*lifetime, sales, rain' &&
        ! grep -q 'features.*note' shop.ini && is shop.ini gap 2h && is shop.ini horizon 24 && trains shop.ini &&
        run 0 init --data shop.csv -o rain.ini && is rain.ini targets rain &&
        is rain.ini target_transform 'sqrt, standard'
}
point "a target's distribution decides on its transform" skewed

# What is odd about a file is set, and why.
odd()
{
    awk -F, 'NR == 100 { $3 = "" } { print $1 "," $3 "," $4 }' OFS=, shop.csv >missing.csv
    run 0 init --data missing.csv -o missing.ini && is missing.ini missing previous &&
        has missing.ini 'missing.csv:100: column .sales.: the value is missing' && holds missing.ini || return 1
    { head -n 1 shop.csv && tail -n +2 shop.csv | tac; } >falling.csv
    run 0 init --data falling.csv -o falling.ini && holds falling.ini || return 1
    awk 'BEGIN { print "Date,x"; for (i = 0; i < 600; i++) { d = sprintf("%d-%02d-%02d", 2020 + int(i / 336),
        1 + int(i / 28) % 12, 1 + i % 28); print d "," sin(i / 9); if (i == 300) print d ",1" } }' >twice.csv
    run 0 init --data twice.csv -o twice.ini && is twice.ini duplicates last &&
        has twice.ini 'twice.csv:303: time 2020-11-21T00:00:00Z appears twice' && holds twice.ini || return 1
    awk 'BEGIN { print "Time,Load"; for (i = 0; i < 900; i++) for (j = 0; j <= (i == 300); j++)
        printf "2024-%02d-%02dT%02d:00:00Z,%.4f\n", 1 + int(i / 672), 1 + int(i / 24) % 28, i % 24, sin(i / 9) }' >utc.csv
    run 0 init --data utc.csv -o utc.ini && is utc.ini duplicates last && holds utc.ini || return 1
    awk -F, 'NR == 1 { print "ds,shop,y"; next } { print $1 ",north," $3; print $1 ",south," $4 }' shop.csv >long.csv
    run 0 init --data long.csv -o long.ini && is long.ini series shop && is long.ini targets y &&
        has long.ini '4000 rows in 2 series' && trains long.ini
}
point "missing values, falling rows, double rows, long files" odd

headless()
{
    awk 'BEGIN { for (i = 0; i < 900; i++) { t = 1704067200000 + 60000 * i; c = 100 + sin(i / 9) + sin(i * i)
        printf "%.0f,%.6g,%.6g,%.6g,%.6g,%.6g,%.0f,1,2,3,4,0\n", t, c, c + 1, c - 1, c + 0.5, 5 + cos(i), t + 59999 } }' >k.csv
    run 0 init --data k.csv -o k.ini && has k.ini '^columns .*open_time, open, high' 'no header' &&
        is k.ini time open_time && has k.ini '^targets .*roc\(close,' && holds k.ini || return 1
    cut -d, -f1-3 k.csv >three.csv
    run 0 init --data three.csv -o three.ini && is three.ini columns 'c1, c2, c3' && is three.ini time c1 &&
        is three.ini targets c3 && holds three.ini
}
point "files without a header" headless

# Paths are told from the folder of the INI file, and settings stay as they were asked for.
paths()
{
    mkdir -p project/raw && cp shop.csv "project/raw/a; b.csv" &&
        run 0 init --data "project/raw/a; b.csv" -s model.hidden=7 -s data.window=12 -o project/x.ini &&
        has project/x.ini '^source .*"raw/a; b.csv"$' '^hidden *= 7$' && is project/x.ini window 12 &&
        trains project/x.ini && run 0 init --data "project/raw/a; b.csv" -o - &&
        has out "^source .*\"project/raw/a; b.csv\"\$" '^\[train\]$' &&
        run 0 init --data shop.csv -s 'run.name=a$${b}' -o - && has out '^name = a\$\$\{b\}$'
}
point "paths and settings" paths

refused()
{
    run 2 init && has err 'needs --data FILE' && run 2 init forcast --data shop.csv && has err "'forcast' is no kind" &&
        run 3 init --data nowhere.csv && has err 'nowhere.csv: No such file' &&
        echo mine >forecast.ini && run 2 init --data shop.csv && has err 'forecast.ini exists' '--overwrite' &&
        [ "$(cat forecast.ini)" = mine ] && run 0 init --data shop.csv --overwrite -q && has forecast.ini '^\[data\]' &&
        test ! -s out
}
point "what is refused, and what is not overwritten" refused

header_alone()
{
    echo time,x >head.csv
    for kind in '' forecast autoencoder; do
        # shellcheck disable=SC2086 # no word
        run 3 init $kind --data head.csv -o d.ini && test ! -e d.ini &&
            has err 'head.csv: the file has a header and no row below it' 'add them, or name another file' || return 1
    done
}
point "a header alone" header_alone

# What only their owner can know is asked for, never guessed.
unknown()
{
    awk 'BEGIN { print "Date,x"; for (i = 0; i < 300; i++) printf "%02d/%02d/2024,%d\n", 1 + i % 12, 1 + int(i / 12) % 12, i }' >d.csv
    run 3 init --data d.csv -o d.ini && has err 'can be read in several ways' '-s data.KEY=VALUE' && test ! -e d.ini &&
        printf 'Date,x\351\n2024-01-01,1\n' >latin.csv && run 3 init --data latin.csv -o d.ini &&
        has err 'latin.csv: .*UTF-8.*data.encoding' && test ! -e d.ini &&
        printf 'Date,x\n2024-01-01,1\n2024-01-02,2\n' >two.csv && run 3 init --data two.csv -o d.ini &&
        has err 'two.csv: ' && test ! -e d.ini && printf 'a,b\nc,d\ne,f\n' >words.csv &&
        run 2 init --data words.csv -o d.ini && has err 'cannot be seen' &&
        run 3 init forecast --data words.csv -o d.ini && has err 'no column of it holds numbers'
}
point "what cannot be known is asked for" unknown

echo "1..$points"
