#!/bin/sh
# SPDX-License-Identifier: MIT
# predict for rows as they come: what it prints is what predict prints of a file with the same rows;
# bad rows are told, SIGHUP takes another checkpoint, --follow goes on with a new file.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# candles ROWS: five minutes apart, of prices that swing.
candles()
{
    awk -v rows="$1" 'BEGIN {
        print "time,open,high,low,close,volume"
        p = 50
        for (i = 0; i < rows; i++) {
            o = p
            p *= 1 + 0.02 * sin(1.7 * i) + 0.004 * sin(i * i)
            printf "%d,%.6f,%.6f,%.6f,%.6f,%.3f\n", 1600000200 + 300 * i, o,
                (o > p ? o : p) * 1.002, (o < p ? o : p) * 0.998, p, 5 + 3 * cos(i / 4)
        }
    }'
}
candles 260 >train.csv
head -61 train.csv >rows.csv
cat >data.ini <<'INI'
[data]
source   = train.csv
time     = time
features = close, ret(close), ma(close,7), rsi(close,5), atr(high,low,close,6), macd(close,3,9), hour_sin()
targets  = ret(close)
horizon  = 3
window   = 10
scaler   = standard
target_transform = standard

[model]
type     = recurrent
hidden   = 8
layers   = 1

[train]
epochs   = 1
batch    = 16

[plots]
enable   = none
INI

# train NAME SETTING...: the run NAME.
train()
{
    name=$1
    shift
    for setting; do
        set -- "$@" -s "$setting"
        shift
    done
    run 0 train -c data.ini -o "$name" --overwrite -q "$@"
}

# live NAME FILE OPTION...: the rows of a file come through a pipe; leaves live.
live()
{
    name=$1
    rows=$2
    shift 2
    # shellcheck disable=SC2002 # a pipe is what is tried
    cat "$rows" | "$seqtrain" predict -q -m "$name" -i - "$@" >live 2>err
}

# As rows come targets that lie ahead are not known yet: what comes is what predict prints of a file
# that ends with the row.
same_ahead()
{
    header=1
    live "$1" rows.csv || return 1
    : >wanted
    for rows in 30 61; do
        head -"$rows" rows.csv >some.csv
        run 0 predict -m "$1" -i some.csv || return 1
        head -1 out >header
        tail -n "${2:-1}" out >>wanted
    done
    cmp -s header - <<EOF || return 1
$(head -1 live)
EOF
    awk -F, '{ key = ""; for (i = 1; i < NF - 1; i++) key = key "," $i }
             NR == FNR { want[key] = 1; next } key in want' wanted live >found
    same_table found wanted
}

# All of it, where what is predicted lies within the window.
same()
{
    model=$1
    shift
    live "$model" rows.csv "$@" && run 0 predict -m "$model" -i rows.csv "$@" && same_table live out
}

point "a model of a horizon is trained" train ahead
point "a forecast is that of a file that ends there" same_ahead ahead
point "a model of several rows ahead is trained" train each data.target_rows=each \
    model.type=transformer model.d_model=16 model.heads=2
point "its forecasts are those of a file that ends there" same_ahead each 3

point "a model of each row is trained" train window data.target_rows=window
point "windows of rows" same window
point "an autoencoder is trained" train auto data.targets= data.target_transform= \
    data.target_rows=horizon model.type=autoencoder model.d_model=16 model.heads=2 \
    model.feedforward=16 model.latent=4 data.scaler=window
point "reconstructions" same auto
point "with a stride as well" same auto -s data.stride=3
point "a model that keeps its state is trained" train state data.target_rows=window \
    data.eval_window=10 data.features='close, ret(close)'
# But for the last rows, which fill no window of data.eval_window in a file.
keeps()
{
    live state rows.csv && run 0 predict -m state -i rows.csv || return 1
    head -"$(wc -l <out)" live | cmp - out || return 1
    [ "$(wc -l <live)" -eq 60 ] # a heading, and an answer for all rows but that in which ret warms up
}
point "its state goes on from row to row" keeps

# gapped: a hole in time parts the rows, and a missing value.
awk -F, -v OFS=, 'NR > 30 { $1 += 90000 } NR == 45 { $5 = "" } { print }' rows.csv >holes.csv
gapped()
{
    live window holes.csv -s data.gap=1h -s data.missing=skip &&
        run 0 predict -m window -i holes.csv -s data.gap=1h -s data.missing=skip && same_table live out
}
point "holes and missing values part the rows as in a file" gapped
carried()
{
    live window holes.csv -s data.missing=previous &&
        run 0 predict -m window -i holes.csv -s data.missing=previous && same_table live out
}
point "a value is carried forward as in a file" carried
{ head -30 rows.csv && sed -n 30p rows.csv && sed -n 31,61p rows.csv; } >twice.csv
twice()
{
    live window twice.csv -s data.duplicates=first &&
        run 0 predict -m window -i twice.csv -s data.duplicates=first && same_table live out && [ ! -s err ]
}
point "of rows of one time the first is taken as in a file" twice

bad()
{
    {
        head -40 rows.csv
        sed -n 40p rows.csv
        sed -n 20p rows.csv
        echo "1600012200,1,2,x,4,5"
        echo "1600012200,1,2"
        echo "1600012200,1,2,,4,5"
        echo "soon,1,2,3,4,5"
        sed -n 41,61p rows.csv
    } >bad.csv
    live window bad.csv || return 1
    [ "$(wc -l <err)" -eq 6 ] || { cat err; return 1; }
    has err 'standard input:41: time .* appears twice' 'standard input:42: time .* lies before' \
        "standard input:43: column 'low': 'x' is not a finite number" \
        'standard input:44: 3 fields, but the header has 6' \
        "standard input:45: column 'low': the value is missing" \
        "standard input:46: column 'time': 'soon' is not written like the times of training"
}
point "a bad row is told and left out" bad

empty()
{
    head -1 rows.csv >none.csv
    live window none.csv && [ "$(wc -l <live)" -eq 1 ]
}
point "the end of the rows is status 0" empty
says()
{
    "$seqtrain" predict -m window -i - <rows.csv >out 2>err && has err 'the first answer comes with row 18'
}
point "it says how many rows are needed" says

point "two directions are trained" train both data.target_rows=window model.bidirectional=yes
refused()
{
    pattern=$1
    shift
    run 2 predict "$@" -i - && has err "$pattern"
}
point "and refused" refused 'bidirectional' -m both
point "resampling is refused by name" refused '\[data\] resample' -m window -s data.resample=1h
# before kernels are compiled for the rows
early()
{
    (export XDG_CACHE_HOME="$dir/fresh" POCL_CACHE_DIR="$dir/fresh/pocl" &&
        refused '\[data\] encoding: rows that come must be UTF-8: .*iconv -f latin1 ' -m window \
            -s data.encoding=latin1) && [ ! -e fresh ]
}
point "so is another encoding, before a kernel is compiled" early
point "so is data.where" refused '\[data\] where' -m window -s 'data.where=close > 1'
point "so is -o" refused '^seqtrain: -o: answers' -m window -o file
missing_column()
{
    cut -d, -f1-4 rows.csv >less.csv
    live window less.csv
    [ $? -eq 3 ] && has err "standard input" "close" && [ ! -s live ]
}
point "a column that is missing is named" missing_column

# until TEXT FILE: waits for it.
until_has()
{
    for _ in $(seq 300); do
        grep -q "$1" "$2" 2>/dev/null && return
        sleep 0.1
    done
    echo "no '$1' in $2"
    return 1
}

# lines FILE COUNT: waits for so many.
until_lines()
{
    for _ in $(seq 300); do
        [ "$(wc -l <"$1")" -ge "$2" ] && return
        sleep 0.1
    done
    echo "$1 has no $2 lines"
    return 1
}

# Answers come one by one: the pipe stays open.
hang_up()
{
    mkfifo pipe || return 1
    cp -r window moving
    "$seqtrain" predict -m moving/best.safetensors -i - <pipe >live 2>err &
    pid=$!
    exec 3>pipe
    head -30 rows.csv >&3
    until_lines live 22 || return 1
    echo broken >moving/next && mv moving/next moving/best.safetensors && kill -HUP $pid
    until_has 'not taken, the one before stays' err || return 1
    sed -n 31,40p rows.csv >&3
    until_lines live 32 || return 1
    cp other/best.safetensors moving/next && mv moving/next moving/best.safetensors && kill -HUP $pid
    until_has 'taken anew' err || return 1
    sed -n 41,61p rows.csv >&3
    until_lines live 53 || return 1
    cp narrow/best.safetensors moving/next && mv moving/next moving/best.safetensors && kill -HUP $pid
    until_has 'model.hidden is another one' err || return 1
    exec 3>&-
    wait $pid
}
# The rows before are of the one model, those behind of the other; none is lost.
hung_up()
{
    hang_up || { kill $pid; return 1; }
    run 0 predict -m window -i rows.csv && head -32 out >wanted
    run 0 predict -m other -i rows.csv && sed -n '33,$p' out >>wanted
    cmp live wanted
}
point "other weights are trained" train other data.target_rows=window run.seed=5 data.rows=200
point "another model is trained" train narrow data.target_rows=window model.hidden=4
point "SIGHUP takes another checkpoint and loses no row" hung_up

# A file that grows, is moved away, and is cut.
follow()
{
    head -30 rows.csv >grows.csv
    "$seqtrain" predict -q -m window --follow grows.csv >live 2>err &
    pid=$!
    until_lines live 22 || return 1
    sed -n 31,35p rows.csv >>grows.csv
    until_lines live 27 || return 1
    mv grows.csv old.csv
    sed -n 36,40p rows.csv >>old.csv # its last rows
    until_lines live 32 || return 1
    { head -1 rows.csv && sed -n 41,50p rows.csv; } >new.csv && mv new.csv grows.csv
    until_lines live 42 || return 1
    { head -1 rows.csv && sed -n 51,53p rows.csv; } >grows.csv
    until_lines live 45 || return 1
    sed -n 54,61p rows.csv >>grows.csv
    until_lines live 53 || return 1
    kill -TERM $pid
    wait $pid
}
followed()
{
    follow || { kill $pid; cat err; return 1; }
    run 0 predict -m window -i rows.csv && same_table live out && [ ! -s err ]
}
point "--follow goes on with a new file and a cut one; SIGTERM is status 0" followed
no_file() { run 3 predict -m window --follow none/here.csv && has err 'none/here.csv'; }
point "a file that is not there is named" no_file
point "a file and -i are one too many" run 2 predict -m window --follow grows.csv -i rows.csv

echo "1..$points"
