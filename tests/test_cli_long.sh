#!/bin/sh
# SPDX-License-Identifier: MIT
# Several series in one file, one series in several files, and data from a pipe, through the command
# line: figures, predictions and messages are those of a file for each series.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
XDG_CACHE_HOME=$dir/cache
export XDG_CACHE_HOME

# Three series of different length: a file for each, one file by series, one by time; the first one
# by months as well.
awk 'BEGIN {
    for (s = 0; s < 3; s++) {
        name = substr("abc", s + 1, 1)
        p = 50 + 20 * s
        for (i = 0; i < 150 - 20 * s; i++) {
            p *= 1 + 0.02 * sin(1.7 * i + s) + 0.004 * sin(i * i)
            row = sprintf("%d,%.6f,%.3f", 1600000020 + 60 * i, p, 5 + 3 * cos(i / 4))
            print row >"rows." name
            print name "," row >"rows.series"
            print name "," row >"rows." i ".time"
        }
    }
}'
mkdir apart months
for s in a b c; do
    { echo time,close,volume && cat rows.$s; } >apart/$s.csv
done
{ echo ticker,time,close,volume && cat rows.series; } >by_series.csv
{ echo ticker,time,close,volume && for i in $(seq 0 149); do cat rows.$i.time; done; } >by_time.csv
for month in 1 2 3; do
    { echo time,close,volume && sed -n "$((50 * month - 49)),$((50 * month))p" rows.a; } \
        >months/2024-0$month.csv
done
rm rows.*

# ini NAME SOURCE LINE...: NAME.ini reads SOURCE, with these lines in [data].
ini()
{
    name=$1 source=$2
    shift 2
    cat >"$name.ini" <<INI
[data]
source   = $source
time     = time
features = ret(close), volume
targets  = ret(close)
target_transform = standard
window   = 10
$(printf '%s\n' "$@")
[model]
type    = recurrent
hidden  = 8
layers  = 1
dropout = 0
[train]
epochs = 2
batch  = 32
lr     = 5e-3
schedule = constant
warmup = 2 steps
[plots]
enable = none
[run]
output = $name
INI
}
ini apart apart
ini by_series by_series.csv 'series = ticker'
ini by_time by_time.csv 'series = ticker'

# Findings of several series are told once, with their number.
told_once()
{
    mkdir german || return 1
    for s in a b; do
        awk 'NR == 1 { gsub(",", ";"); print; next } { gsub(",", ";"); gsub("[.]", ","); print }' \
            apart/$s.csv >german/$s.csv || return 1
    done
    ini german german
    run 0 check -c german.ini -s 'data.features=ret(close)' || return 1
    has out '^data: 2 files: 280 rows, .*, every 1m [(]time in seconds[)]$' \
        "^data: german/a\\.csv: column 'close': decimal commas; and so in 1 more series\$" || return 1
    cp apart/b.csv german/b.csv
    run 0 check -c german.ini -s 'data.features=ret(close)' || return 1
    has out "^data: german/a\\.csv: column 'close': decimal commas\$"
}
point "findings of several files are told once" told_once

train_all()
{
    for name in apart by_series by_time; do
        run 0 train -c $name.ini || return 1
        run 0 evaluate -m $name -o $name.json || return 1
        run 0 predict -m $name -o $name.out || return 1
    done
}
point "files of a series each, and long files, are trained on" train_all

# The names of the model are the runs' own.
figures()
{
    grep -v '"model"' "$1.json"
}

same_figures()
{
    for name in by_series by_time; do
        figures apart >want && figures $name >have && cmp want have || return 1
        cmp apart/model.py $name/model.py || return 1
    done
}
point "their figures are the same to the last bit" same_figures

same_predictions()
{
    sed 's/^\([abc]\)\.csv,/\1,/' apart.out >want
    [ "$(wc -l <want)" -gt 300 ] && cmp want by_series.out && cmp want by_time.out
}
point "their predictions are the same, and carry the series" same_predictions

# Of a long file with one series the predictions carry it as well.
one_series()
{
    grep -E '^(ticker|b)' by_time.csv >one.csv
    run 0 predict -m by_time -i one.csv -o one.out || return 1
    has one.out '^series,time,row,' || return 1
    grep '^b,' by_time.out >want && grep '^b,' one.out >have && cmp want have
}
point "one series of a long file is predicted as among the others" one_series

encoded()
{
    { sed -e '/^targets/d' -e '/^target_transform/d' -e '/^\[model\]/,/^\[train\]/d' by_time.ini &&
        printf '%s\n' '[model]' 'type = autoencoder' 'd_model = 8' 'heads = 2' 'layers = 1' \
            'feedforward = 16' 'latent = 4' '[cluster]' 'categories = 2'; } >auto.ini
    sed -i 's/^output.*/output = auto/; s/^epochs/[train]\nepochs/' auto.ini
    run 0 train -c auto.ini || return 1
    run 0 encode -m auto -o auto.codes || return 1
    run 0 predict -m auto -o auto.out || return 1
    has auto.codes '^series,time,row,z0' '^a,2020-09-13T12:28:00Z,0,' '^c,2020-09-13T12:28:00Z,0,' &&
        has auto.out '^window,series,time,row,' '^0,a,2020-09-13T12:28:00Z,0,'
}
point "encode and predict of an autoencoder carry the series" encoded

# --- one series in several files

joined()
{
    ini months months 'join = yes'
    run 0 check -c months.ini || return 1
    has out '^data: months: 150 rows' '3 files joined, the first is months/2024-01.csv$' || return 1
    ini one apart/a.csv
    run 0 check -c one.ini || return 1
    grep -E '^data: .*usable rows' out >want
    run 0 check -c months.ini || return 1
    grep -E '^data: .*usable rows' out >have && cmp want have
}
point "files that follow one another are joined" joined

follow()
{
    run 0 check -c months.ini -s data.join=no -s data.validation=0.3 -s data.test=0.3 || return 1
    has err 'months/2024-01.csv and months/2024-02.csv follow one another in time, but are two series'
}
point "and are warned of where they are not" follow

overlap()
{
    mkdir -p over && cp months/2024-01.csv over/1.csv || return 1
    { echo time,close,volume && tail -n 3 over/1.csv | sed 's/,[0-9.]*$/,1/'; } >over/2.csv
    run 3 check -c months.ini -s data.source=over || return 1
    has err 'over/2.csv: it begins at .*, but over/1.csv goes on up to .*: with data.join = yes'
}
point "files that overlap are an error that names both" overlap

# --- long files that are not told as such

looks_long()
{
    sed '/^series/d' by_time.ini >looks.ini
    run 3 check -c looks.ini || return 1
    has err "by_time.csv:3: time .* appears twice; column 'ticker' tells 3 series apart, it seems: data.series = ticker reads them" ||
        return 1
    run 3 check -c looks.ini -s data.source=by_series.csv || return 1
    has err "lies before the previous row's .*; column 'ticker' tells 3 series apart" || return 1
    run 0 check -c looks.ini -s data.source=by_series.csv -s data.time= || return 1
    has out "by_series.csv: column 'ticker' has 3 words, .* data.series = ticker keeps them apart"
}
point "a long file is told, with the key" looks_long

no_column()
{
    run 3 check -c by_time.ini -s data.series=name || return 1
    has err "data.series = name \(if it is empty, each file is one series\): .*by_time.csv:1: no column 'name'; the columns are ticker, time, close, volume"
}
point "a column of series that is not there" no_column

# --- what can be read only once

# piped STATUS ARGUMENT...: as run, with by_time.csv through a pipe.
piped()
{
    wanted=$1
    shift
    # shellcheck disable=SC2002 # a pipe is what is wanted
    cat by_time.csv | "$seqtrain" "$@" >out 2>err
    got=$?
    [ "$got" -eq "$wanted" ] && return
    echo "exit status $got, not $wanted: seqtrain $*"
    return 1
}

from_pipe()
{
    ini once - 'series = ticker'
    piped 0 train -c once.ini || return 1
    same_weights by_time/best.safetensors once/best.safetensors || return 1
    has once/config.ini '^ *source *= -$' || return 1
    piped 0 check -c once.ini -s data.source=/dev/stdin
}
point "standard input trains as the file does" from_pipe

again()
{
    run 0 train -c once.ini -s train.epochs=3 --resume || return 1
    has out '^data: -: the columns that this run read before, from the cache$' || return 1
    run 0 train -c by_time.ini -s train.epochs=3 --resume || return 1
    same_weights by_time/best.safetensors once/best.safetensors || return 1
    run 0 train -c once/config.ini --overwrite || return 1
    has out '^data: -: the columns that this run read before, from the cache$'
}
point "the run goes on, and is run again, by way of the cache" again

refused()
{
    rm -rf cache/seqtrain/data
    run 2 train -c once.ini -s train.epochs=5 --resume || return 1
    has err '^seqtrain: -: the run in this folder has already read it, it can be read only once' \
        'write the data into a file' || return 1
    run 2 train -c once/config.ini --overwrite || return 1
    has err 'it can be read only once' || return 1
    piped 2 train -c once/config.ini --overwrite || return 1
    [ -f once/best.safetensors ] || return 1
    piped 0 train -c once.ini --overwrite -s data.cache=no || return 1
    run 2 train -c once.ini -s train.epochs=5 -s data.cache=no --resume || return 1
    has err 'it can be read only once'
}
point "without the cache both are refused, and the run stays" refused

# Standard input that is a file can be read again.
redirected()
{
    for more in --overwrite '--resume -s train.epochs=3'; do
        # shellcheck disable=SC2086 # options, cut at blanks
        "$seqtrain" train -c once.ini $more <by_time.csv >out 2>err || return 1
    done
}
point "a file as standard input goes on without the cache" redirected

fifo()
{
    mkfifo pipe || return 1
    ini fifo pipe 'series = ticker'
    cat by_time.csv >pipe &
    run 0 train -c fifo.ini || return 1
    wait
    same_weights fifo/best.safetensors once/best.safetensors && return 1 # it had an epoch more
    run 0 train -c fifo.ini -s train.epochs=3 --resume || return 1
    has out 'pipe: the columns that this run read before' || return 1
    same_weights fifo/best.safetensors once/best.safetensors
}
point "a FIFO is read once as well" fifo

predicted()
{
    piped 0 predict -m by_series -i /dev/stdin || return 1
    mv out have
    run 0 predict -m by_series -i by_time.csv -o want || return 1
    [ "$(wc -l <want)" -gt 300 ] && cmp want have
}
point "predict reads standard input" predicted

twice()
{
    piped 2 check -c once.ini -s 'data.source=-, /dev/stdin' || return 1
    has err 'this file is named twice'
}
point "standard input is named once" twice

echo "1..$points"
