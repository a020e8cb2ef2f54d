#!/bin/sh
# SPDX-License-Identifier: MIT
# data.from, data.to and data.days: a run over a range gives the bits of a run over a file that holds
# nothing else, however the file is read and the windows are fed.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# rows FROM TO: minutes since 2020-09-13T12:27Z, as a file.
rows()
{
    awk -v from="$1" -v to="$2" 'BEGIN { print "t,close,volume"
        for (i = from; i < to; i++)
            printf "%d,%.9g,%.9g\n", 1600000020 + 60 * i, 9 + sin(i / 9) + sin(i / 70), 2 + cos(i * i) }'
}
rows 0 6000 >all.csv
rows 4560 6000 >day.csv
rows 1053 3453 >middle.csv
cat >small.ini <<'INI'
[run]
output = run
[data]
source   = all.csv
time     = t
features = close, ma(close,4), volume
targets  = ret(close)
window   = 16
horizon  = 2
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
epochs = 1
batch  = 64
[plots]
enable = none
INI

# same RUN ARGUMENT...: trains as RUN did, to the bit.
same()
{
    want=$1
    shift
    run 0 train -c small.ini -o other --overwrite "$@" && same_weights "$want/best.safetensors" other/best.safetensors
}

the_last_day()
{
    run 0 train -c small.ini -o day -s data.source=day.csv || return 1
    for with in cache=yes cache=yes cache=no feed=stream; do
        same day -s data.days=1 -s "data.$with" || return 1
        has out '^data: 4560 rows before the last 1 day left out$' || return 1
    done
    same day -s 'data.from=2020-09-16 16:27' && same day -s 'data.from=2020-09-16T18:27+02:00'
}
point "the last day is a file of that day alone" the_last_day

# The middle begins and ends inside of a candle.
point "candles of a range" run 0 train -c small.ini -o middle -s data.source=middle.csv -s data.resample=5m
point "candles of a range are those of a file of it" same middle -s data.resample=5m \
    -s 'data.from=2020-09-14 06:00' -s 'data.to=2020-09-15 22:00'
point "they are told" has out \
    '^data: 1053 rows before 2020-09-14T06:00:00Z, 2547 rows from 2020-09-15T22:00:00Z on left out$'

# Files that -i names are whole, unless -s says otherwise.
predicted()
{
    run 0 predict -m range -i all.csv && lines out 5983 &&
        run 0 predict -m range -i all.csv -s data.days=1 && lines out 1423 || return 1
    run 0 predict -m range -s data.cache=no && lines out 1423
}
point "a run over a range" run 0 train -c small.ini -o range -s data.days=1
point "predict takes the file that -i names whole" predicted
point "config.ini and the checkpoint keep the range" has range/config.ini '^days = 1$'

refused()
{
    run 2 train -c small.ini -o range --resume -s data.days=2 && has err 'data.days: .1. in the checkpoint, .2. here' &&
        run 2 check -c small.ini -s data.days=1 -s data.from=2020-09-14 &&
        has err 'give either from or days' &&
        run 2 check -c small.ini -s data.time= -s data.to=2020-09-14 &&
        has err 'data\.to: a range of time needs a time column \(time = \)' &&
        run 2 check -c small.ini -s data.from=09/10/2020 && has err "'09/10/2020' is no time that reads in one way only" &&
        run 3 check -c small.ini -s data.from=2021-01-01 && has err 'none of its rows, of 2020-09-13T12:27:00Z to'
}
point "what is refused" refused
echo "1..$points"
