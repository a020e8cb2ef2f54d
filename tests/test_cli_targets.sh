#!/bin/sh
# Models with targets through the command line: each type on a few synthetic series, figures against
# what awk computes from the input and from what predict prints, and that nothing leaks.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# Prices whose returns swing in a period of less than four rows, so that the last one says the wrong
# thing, with a ripple: a folder of three series.
prices()
{
    mkdir -p "$1" && awk -v folder="$1" 'BEGIN {
        for (s = 0; s < 3; s++) {
            file = folder "/s" s ".csv"
            print "time,open,high,low,close,volume" >file
            p = 50 + 20 * s
            for (i = 0; i < 160; i++) {
                o = p
                p *= 1 + 0.02 * sin(1.7 * i + s) + 0.004 * sin(i * i)
                printf "%d,%.6f,%.6f,%.6f,%.6f,%.3f\n", 1600000020 + 60 * i, o,
                    (o > p ? o : p) * 1.002, (o < p ? o : p) * 0.998, p, 5 + 3 * cos(i / 4) >file
            }
        }
    }'
}
prices prices
cat >data.ini <<'INI'
[data]
source   = prices
time     = time
features = ret(close), volatility(close,5)
targets  = ret(close)
target_transform = standard
window   = 10

[train]
epochs   = 2
batch    = 32
lr       = 5e-3
schedule = constant
warmup   = 2 steps

[plots]
enable = none

[run]
output = run
INI

# model TYPE SETTING...: TYPE.ini is data.ini with this [model].
model()
{
    type=$1
    shift
    { cat data.ini && echo '[model]' && printf '%s\n' "$@"; } >"$type.ini"
}
model lstm 'type = recurrent' 'cell = lstm' 'hidden = 6' 'layers = 2' 'layer_norm = yes' 'dropout = 0.2'
model gru 'type = recurrent' 'cell = gru' 'hidden = 6' 'layers = 1' 'bidirectional = yes' 'head = mean'
model rnn 'type = recurrent' 'cell = rnn' 'hidden = 6' 'layers = 1' 'head = attention'
model cnn 'type = cnn_recurrent' 'cell = gru' 'hidden = 6' 'layers = 1' 'conv_channels = 5, 4' \
    'conv_norm = batch' 'activation = rrelu' 'conv_pool = 2'
model transformer 'type = transformer' 'd_model = 8' 'heads = 2' 'layers = 1' 'feedforward = 16' \
    'positions = rotary' 'attention = causal'
sed -i 's/^lr .*/lr = 1e-3/' transformer.ini

# flat FILE: evaluate's JSON, a figure a line: test/original/ret(close)/mse=0.0012
flat()
{
    awk '{
        match($0, /^ */)
        depth = RLENGTH / 2
        sub(/^ */, "")
        if ($0 !~ /^"/)
            next
        key = value = $0
        sub(/^"/, "", key)
        sub(/": .*/, "", key)
        sub(/^"[^"]*": /, "", value)
        sub(/,$/, "", value)
        name[depth] = key
        path = name[1]
        for (i = 2; i <= depth; i++) path = path "/" name[i]
        if (value != "{" && value != "[") print path "=" value
    }' "$1"
}

# figure PATH: one of them, from the file "figures".
figure()
{
    awk -v path="$1=" 'index($0, path) == 1 { print substr($0, length(path) + 1) }' figures
}

# equals TOLERANCE PATH VALUE...: the figure at each path is near the value.
equals()
{
    tolerance=$1
    shift
    while [ $# -gt 1 ]; do
        near "$tolerance" "$(figure "$1")" "$2" || { echo "$1" && return 1; }
        shift 2
    done
}

# evaluated NAME ARGUMENT...: evaluate's JSON, flat, as figures.
evaluated()
{
    run 0 evaluate "$@" && lines err 0 && flat out >figures
}

# --- each type of model: train, check, evaluate, predict, resume

trained()
{
    run 0 "$@" && lines err 0
}

checked()
{
    run 0 check -c "$1.ini" && lines err 0 && has out "^$1\\.ini: valid\$" \
        '^windows: 339 training, 18 validation, 18 test; 465 rows of 2' '^recommended: lr '
}

epoch_line()
{
    has out '^Epoch 0002/2 \| LR [0-9.]+e-0[0-9] \| train mse [0-9.]+ \| val [0-9.]+ \| grad ' \
        '^  ret\(close\) +transformed +MSE [0-9.e-]+  MAE [0-9.e-]+  RMSE [0-9.e-]+  R2 -?[0-9.]+, direction [0-9.]+%$' \
        '^  ret\(close\) +original +MSE ' '^  ret\(close\) +price +MSE ' '^Verdict: ' &&
        [ "$(epochs "$1" train_mse)" = "$(epochs "$1" train_loss)" ] &&
        [ "$(epochs "$1" val_mse)" = "$(epochs "$1" val_loss)" ]
}

# What predict prints of the whole folder and what the input says: counts, errors and naive errors
# over all windows and, with suffix "t", over the last six windows of each series, the test part.
# Windows begin behind 5 rows of warm-up; row r of predict is row r + 5 of the file.
compute()
{
    awk -F, '
        FILENAME != "predicted" && FNR == 1 { s = FILENAME; sub(/.*\//, "", s); next }
        FILENAME != "predicted" { close_[s, FNR - 2] = $5; n[s] = FNR - 1; next }
        FNR == 1 { next }
        {
            row = $3 + 5
            rows++
            if (row >= n[$1]) { if ($5 != "") { print "a target beyond the file"; exit 1 } next }
            before = close_[$1, row - 1]; now = close_[$1, row]; y = now / before - 1
            d = $5 - y
            if (d < -1e-8 || d > 1e-8) { print "not the target: " $0 ", " y; exit 1 }
            for (k = row >= n[$1] - 6 ? 2 : 1; k > 0; k--) {
                e = $4 - y; last = before / close_[$1, row - 2] - 1 - y; p = before * (1 + $4) - now
                count[k]++
                sum[k] += y; square[k] += y * y
                mse[k] += e * e; mae[k] += e < 0 ? -e : e; zero[k] += y * y; naive[k] += last * last
                right[k] += ($4 > 0) == (y > 0)
                price[k] += p * p; moves[k] += (now - before) ^ 2
            }
        }
        END {
            if (rows != 438) { print rows " rows, not 438"; exit 1 }
            for (k = 1; k < 3; k++) {
                c = count[k]
                printf "%d %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n", c, mse[k] / c, mae[k] / c,
                    1 - mse[k] / (square[k] - sum[k] ^ 2 / c), right[k] / c, zero[k] / c,
                    naive[k] / c, price[k] / c, moves[k] / c
            }
        }' prices/s0.csv prices/s1.csv prices/s2.csv predicted
}

# part PART LINE: the figures of evaluate are those of compute's line.
part()
{
    # shellcheck disable=SC2046 # numbers
    set -- "$1/original/ret(close)" "$1/price/ret(close)" $(sed -n "$2p" computed)
    equals 2e-5 "$1/mse" "$4" "$1/mae" "$5" "$1/r2" "$6" "$1/directional_accuracy" "$7" \
        "$1/naive/zero return/mse" "$8" "$1/naive/last value/mse" "$9" "$2/mse" "${10}" \
        "$2/naive/last value/mse" "${11}" "$1/rmse" "$(awk -v x="$4" 'BEGIN { print sqrt(x) }')"
}

# evaluate's figures of a folder of series (435 windows that have a target, 3 that have none) and of
# the test part of it.
figures_fit()
{
    run 0 predict -m "$1/best.safetensors" -i prices && lines err 0 && mv out predicted &&
        [ "$(sed 1q predicted)" = 'series,time,row,ret(close),actual ret(close)' ] &&
        [ "$(sed -n '2s/,[^,]*,[^,]*$//p' predicted)" = s0.csv,2020-09-13T12:42:00Z,10 ] &&
        lines predicted 439 && compute >computed || { cat computed && return 1; }
    run 0 predict -m "$1/best.safetensors" && cmp out predicted || return 1
    evaluated -m "$1/best.safetensors" -i prices && [ "$(figure input/windows)" = 438 ] &&
        part input 1 && evaluated -m "$1/best.safetensors" && part test 2 &&
        [ "$(figure train/windows) $(figure validation/windows) $(figure test/windows)" = '339 18 18' ] &&
        equals 1e-6 test/loss "$(figure 'test/transformed/ret(close)/mse')"
}

# The transform and the scaler of the same column share mean and deviation: those of the training
# rows. They begin behind the 5 rows of warm-up and are 122 in each series.
units_fit()
{
    sd=$(awk -F, 'FNR > 1 { if (FNR - 2 >= 5 && FNR - 2 < 127) { y = $5 / c - 1; n++; m += y; q += y * y } c = $5 }
        END { print sqrt(q / n - (m / n) ^ 2) }' prices/*.csv)
    for part in train validation test; do
        near 2e-5 "$(figure "$part/original/ret(close)/mse")" \
            "$(awk -v x="$(figure "$part/transformed/ret(close)/mse")" -v sd="$sd" 'BEGIN { print x * sd * sd }')" ||
            return 1
    done
}

# same_run A B: what two runs leave has the same bits.
same_run()
{
    same_weights "$1/best.safetensors" "$2/best.safetensors" &&
        state "$1/last.safetensors" >state.a && state "$2/last.safetensors" >state.b &&
        [ "$(wc -l <state.a)" -gt 300 ] && cmp state.a state.b || return 1
    for key in epoch step lr train_loss val_loss grad_norm grad_norm_max best; do
        epochs "$1" $key >log.a && epochs "$2" $key | cmp - log.a || return 1
    done
}

resumed()
{
    run 0 -q -c "$1.ini" -o whole --overwrite -s train.epochs=4 &&
        run 0 -q -c "$1.ini" -o "$1" -r -s train.epochs=3 &&
        run 0 -q -c "$1.ini" -o "$1" -r -s train.epochs=4 && same_run whole "$1"
}

for type in lstm gru rnn cnn transformer; do
    point "$type: check" checked $type
    point "$type: train" trained -c $type.ini -o $type
    point "$type: loss and figures are told by their names" epoch_line $type
    point "$type: evaluate's figures are those of predict's numbers and the input" figures_fit $type
    point "$type: the transformed unit is the original one divided by the deviation" units_fit
    point "$type: resumed twice, the bits of a run in one go" resumed $type
done
agree()
{
    run 0 check --gradients -c "$@" && lines err 0 &&
        has out '^([0-9]+) of \1 gradients agree with central differences$'
}
for type in lstm gru rnn cnn transformer; do
    point "$type: check --gradients" agree $type.ini
done
only_model()
{
    for type in gru cnn; do
        sed 's/^output = .*//; /^\[model\]/,/^$/d' $type/config.ini >$type.rest || return 1
    done
    cmp gru.rest cnn.rest && ! cmp -s gru/config.ini cnn/config.ini
}
point "their configurations differ in [model] alone" only_model

if command -v python3 >/dev/null; then
    python_compiles()
    {
        for type in lstm gru rnn cnn transformer; do
            python3 -c 'import sys; compile(open(sys.argv[1]).read(), "model.py", "exec")' $type/model.py || return 1
        done
    }
    point "model.py is Python" python_compiles
fi

echo "1..$points"
