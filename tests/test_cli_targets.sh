#!/bin/sh
# SPDX-License-Identifier: MIT
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
model lstm 'type = recurrent' 'cell = lstm' 'hidden = 16' 'layers = 2' 'layer_norm = yes' 'dropout = 0.2'
model gru 'type = recurrent' 'cell = gru' 'hidden = 16' 'layers = 1' 'bidirectional = yes' 'head = mean'
model rnn 'type = recurrent' 'cell = rnn' 'hidden = 16' 'layers = 1' 'head = attention'
model cnn 'type = cnn_recurrent' 'cell = gru' 'hidden = 16' 'layers = 1' 'conv_channels = 8, 16' \
    'conv_norm = batch' 'activation = rrelu' 'conv_pool = 2'
model tcn 'type = tcn' 'hidden = 16' 'layers = 2' 'conv_kernel = 2' 'dropout = 0.2'
model transformer 'type = transformer' 'd_model = 16' 'heads = 2' 'layers = 1' 'feedforward = 32' \
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
        '^windows: 339 training, 18 validation, 18 test; 465 rows of 2' && ! grep '^recommended' out &&
        run 0 check -c "$1.ini" -s train.lr=3 && has out '^recommended for a width of [0-9]+: lr 3e-4 to [0-9]e-[23] \(now 3\)$'
}

# same_figures FOLDER KEY: a loss goes by its name, beside its share in the log's general figures.
same_figures()
{
    for part in train val; do
        epochs "$1" "${part}_$2" >named && lines named 2 || return 1
        epochs "$1" "${part}_loss" | paste named - | awk '{ d = ($1 - $2) / $2
            if (!(d <= 1e-6 && d >= -1e-6)) { print; exit 1 } }' || return 1
    done
}

epoch_line()
{
    has out '^Epoch 0002/2 \| LR [0-9.]+e-0[0-9] \| train mse [0-9.]+ \| val [0-9.]+ \| grad ' \
        '^    transformed +[0-9.e+-]+ +[0-9.e+-]+ +[0-9.e+-]+ +-?[0-9.]+ +[0-9.]+%$' \
        '^  target +MSE +MAE +RMSE +R2 +direction$' '^  ret\(close\)$' '^    original +[0-9.e-]+ ' '^    price +[0-9.e-]+ ' '^Verdict: ' &&
        same_figures "$1" mse
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
                right[k] += ($4 > 0) == (y > 0); up[k] += y > 0
                price[k] += p * p; moves[k] += (now - before) ^ 2
            }
        }
        END {
            if (rows != 438) { print rows " rows, not 438"; exit 1 }
            for (k = 1; k < 3; k++) {
                c = count[k]
                printf "%d %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n", c, mse[k] / c, mae[k] / c,
                    1 - mse[k] / (square[k] - sum[k] ^ 2 / c), right[k] / c, zero[k] / c,
                    naive[k] / c, price[k] / c, moves[k] / c, (2 * up[k] > c ? up[k] : c - up[k]) / c
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
        "$2/naive/last value/mse" "${11}" "$1/naive_directional_accuracy" "${12}" "$1/rmse" "$(awk -v x="$4" 'BEGIN { print sqrt(x) }')"
}

# evaluate's figures of a folder of series (435 windows have a target, the last of each series has
# none yet) and of the test part of it.
figures_fit()
{
    run 0 predict -m "$1/best.safetensors" -i prices && lines err 0 && mv out predicted &&
        [ "$(sed 1q predicted)" = 'series,time,row,ret(close),actual ret(close)' ] &&
        [ "$(sed -n '2s/,[^,]*,[^,]*$//p' predicted)" = s0.csv,2020-09-13T12:42:00Z,10 ] &&
        lines predicted 439 || return 1
    compute >computed || { cat computed && return 1; }
    run 0 predict -m "$1/best.safetensors" && cmp out predicted || return 1
    evaluated -m "$1/best.safetensors" -i prices && [ "$(figure input/windows)" = 435 ] &&
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
        [ "$(wc -l <state.a)" -gt 500 ] && cmp state.a state.b || return 1
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

# by_r2 WHICH ARGUMENT...: the best epoch is that with the first (WHICH 1) or last ($) val_r2.
by_r2()
{
    which=$1
    shift
    run 0 -c gru.ini -o r2 --overwrite -s train.monitor=val/r2 -s train.epochs=5 "$@" &&
        [ "$(grep -cE ' \| val [0-9.]+, r2 -?[0-9.]+ \| grad ' out)" = 5 ] || return 1
    r2=$(epochs r2 val_r2 | sort -g | sed -n "${which}p")
    has out "^r2: best epoch $(epochs r2 val_r2 | grep -nxF -e "$r2" | cut -d: -f1), val_loss "
}

# What is monitored is what evaluate prints of the best weights.
monitored()
{
    by_r2 '$' && lines err 0 || return 1
    run 0 evaluate -m r2/best.safetensors && flat out >figures &&
        equals 1e-8 'validation/transformed/ret(close)/r2' "$r2" || return 1
    by_r2 1 -s train.mode=min && lines err 1 &&
        has err '^seqtrain: warning: train\.mode = min takes the worst epoch for the best: a higher val/r2 is better; train\.mode = auto knows that$' &&
        grep -q '"event":"warning".*train\.mode = min' r2/log.jsonl
}
point "train.monitor = val/r2: the highest is the best" monitored

unknown_figure()
{
    run 2 -c gru.ini -o r2 --overwrite -s train.monitor=val/r3 &&
        has err "^seqtrain: -s train\.monitor: this model has no figure 'val/r3': there are train/loss, train/mse, val/loss, val/mse, val/mae, val/rmse, val/r2, val/directional_accuracy$"
}
point "a figure that there is not" unknown_figure

# 0.1.0 wrote monitor = val_loss and mode = min.
old_names()
{
    run 0 -q -c gru.ini -o names -s train.monitor=val_loss -s train.mode=min &&
        run 0 -q -c gru.ini -o names -r -s train.epochs=3 &&
        [ "$(epochs names epoch | tr '\n' ' ')" = '1 2 3 ' ] &&
        run 2 -q -c gru.ini -o names -r -s train.epochs=4 -s train.mode=max &&
        has err "^seqtrain: --resume: train\.mode: 'auto' in the checkpoint, 'max' here$"
}
point "--resume with the names of 0.1.0" old_names

for type in lstm gru rnn cnn tcn transformer; do
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
for type in lstm gru rnn cnn tcn transformer; do
    point "$type: check --gradients" agree $type.ini
done
# too wide for vectors of sequences, so that the backward walk reads what dropout read behind it
for type in lstm gru rnn; do
    point "$type, two layers of 70 with dropout between: check --gradients" agree $type.ini -s model.hidden=70 \
        -s model.layers=2 -s model.dropout=0.4 -s model.layer_norm=no
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
        for type in lstm gru rnn cnn tcn transformer; do
            python3 -c 'import sys; compile(open(sys.argv[1]).read(), "model.py", "exec")' $type/model.py || return 1
        done
    }
    point "model.py is Python" python_compiles
fi

# What model.py makes of the first windows of the first series is what predict prints of them; both
# standardised. TWIN_PYTHON: a Python that has PyTorch.
cat >twin.py <<'PY'
import csv, glob, json, sys
sys.path.insert(0, sys.argv[1])
import torch
from model import load, read_checkpoint
model, scaler = load(sys.argv[1] + "/best.safetensors")
fitted = json.loads(read_checkpoint(sys.argv[1] + "/best.safetensors")[1]["transforms"])
rows = list(csv.DictReader(open("prices/s0.csv")))
series = torch.tensor([[float(row[name]) for name in model.features] for row in rows], dtype=torch.float64)
y = model(scaler(torch.stack([series[i : i + 10] for i in range(5)]))).flatten()
channels = len(y) // 5
printed = list(csv.DictReader(open("out")))
for i, value in enumerate(y.tolist()):
    name = "s0.csv" + (": " + model.features[i % channels] if channels > 1 else "")
    row = [row for row in printed if row["series"] == name and row["row"] == str(i // channels + 10)][0]
    (step,) = fitted[i % channels]
    assert abs(value - (float(row[model.names[0]]) - step["offset"]) / step["scale"]) < 2e-5, (i, value, row)
PY
twin_python=${TWIN_PYTHON-python3}
twin()
{
    for type in lstm gru rnn cnn tcn transformer; do
        run 0 -q -c $type.ini -o twin --overwrite -s train.epochs=1 -s data.features=open,close -s data.targets=close "$@" &&
            run 0 predict -m twin/best.safetensors && "$twin_python" twin.py twin || return 1
    done
}
if "$twin_python" -c 'import torch, numpy, safetensors' 2>/dev/null; then
    point "model.py's numbers are those of predict" twin
    point "model.py's numbers are those of predict, window by window standardised" twin -s model.reversible_norm=yes
    point "model.py's numbers are those of predict, channels apart" twin -s data.channels=apart -s data.targets=channel
    point "model.py's numbers are those of predict, channels apart and window by window standardised" \
        twin -s data.channels=apart -s data.targets=channel -s model.reversible_norm=yes
    point "model.py's numbers are those of predict, by minmax(-1,1)" twin -s 'data.scaler=minmax(-1,1)'
    point "model.py's numbers are those of predict, relative to the last value" twin -s 'data.scaler=relative(close)'
else
    skip "model.py's numbers are those of predict" "no PyTorch and safetensors in $twin_python"
fi


# --- a reversible norm needs target and feature in one unit: then it does not matter which

# Errors of the first weights, in the unit of the data.
reversible()
{
    run 0 -c lstm.ini -o reversible --overwrite -s data.features=close -s data.targets=close -s train.epochs=1 \
        -s train.lr=0 -s model.reversible_norm=yes "$@" && lines err 0 && evaluated -m reversible/best.safetensors &&
        figure test/original/close/mse
}
in_one_unit()
{
    raw=$(reversible -s data.scaler=none -s data.target_transform=none) && standard=$(reversible) &&
        near 1e-2 "$raw" "$standard" || return 1 # but for the epsilon of the norm
    for setting in data.scaler=none data.scaler=minmax data.target_transform=none data.target_transform=log \
        data.target_transform='standard, clip(-1,1)'; do
        run 2 check -c lstm.ini -s data.features=close -s data.targets=close -s model.reversible_norm=yes -s "$setting" &&
            has err "^seqtrain: \[model\] reversible_norm: target 'close' is a feature too and needs its unit: set \
data\.target_transform = standard with data\.scaler = standard, or none for both\$" || return 1
    done
    run 0 check -c lstm.ini -s data.features=open -s data.targets=close -s model.reversible_norm=yes -s data.scaler=none
}
point "a reversible norm needs a target that is a feature in its unit" in_one_unit

# --- targets far from where a model begins

far()
{
    says="warning: target 'close' has mean [0-9.]+ and deviation [0-9.]+, but a model's outputs begin near 0 and within about 1"
    for command in check 'train --overwrite -o far'; do
        run 0 $command -c lstm.ini -s data.targets=close -s data.target_transform=none &&
            has err "$says: it may never get there \(a flat forecast\); data\.target_transform = standard brings them together$" || return 1
    done
    has out "^Verdict: .*; what helps: first data\.target_transform = standard: target 'close' has mean [0-9.]+ and deviation [0-9.]+$"
}
point "a target far from unit scale is warned of and named first in the verdict" far

# --- what helps is what the situation calls for

# helps FILE TEXT SETTING...: ends with a verdict that says this, and only this, helps.
helps()
{
    file=$1 text=$2
    shift 2
    run 0 -c "$file" -o helps --overwrite "$@" && has out "^Verdict: .*; what helps: $text\$"
}
no_better='it is no better in training either \(MSE [0-9.]+\)'
nothing='; the targets may not follow from these features at all'
for_each_situation()
{
    set -- -s data.test=0.3 -s train.epochs=1
    helps lstm.ini "more epochs, a higher lr or other features: $no_better" "$@" -s train.lr=1e-9 &&
        helps lstm.ini "more epochs or other features: $no_better" "$@" -s train.lr=0.05 -s train.epsilon=1 -s train.clip_norm=1e-9 &&
        helps lstm.ini "data\.target_transform = standard, more epochs, a higher lr or other features: $no_better" "$@" \
            -s train.lr=1e-9 -s data.target_transform=none -s 'data.targets=add(ret(close),ret(close))' &&
        lines err 0 &&
        helps lstm.ini 'more rows, or a larger data\.test' &&
        has out '^Verdict: too few windows to tell, 3 that are independent and not 10: MSE ' || return 1
    set -- -s data.permute_targets=yes -s train.epochs=80 -s train.lr=1e-2 -s train.monitor=train_loss -s data.test=0.3
    helps gru.ini "other features, a smaller model or more weight_decay$nothing" "$@" &&
        helps lstm.ini "other features, a shorter horizon, a smaller model, more dropout or more weight_decay$nothing" \
            "$@" -s data.horizon=2
}
point "a verdict names what helps in each situation" for_each_situation

# --- nothing leaks

# Long enough to learn what can be learnt, or to learn by heart what cannot. The transformer's warning
# of its learning rate is none of this.
learns()
{
    run 0 -c "$1.ini" -o learnt --overwrite -s train.epochs=30 -s train.lr=1e-2 -s data.validation=0.2 -s data.test=0.3 &&
        has out '^Verdict: better than the [a-z ]+: MSE [0-9.]+ against [0-9.]+, ([0-9]+% less|1/[0-9.]+ of it, -[0-9.]+ dB) \(transformed; by chance in (fewer than )?1 of [0-9]+ cases\)$' &&
        evaluated -m learnt/best.safetensors && [ "$(figure 'test/skill/verdict')" = '"better"' ] &&
        [ "$(figure 'test/transformed/ret(close)/beats_naive')" = true ] &&
        awk -v r2="$(figure 'test/original/ret(close)/r2')" 'BEGIN { exit !(r2 > 0.4) }'
}
learns_nothing()
{
    run 0 -c "$1.ini" -o permuted --overwrite -s train.epochs=80 -s train.lr=1e-2 -s data.validation=0.2 -s data.test=0.3 \
        -s model.dropout=0 -s data.permute_targets=yes -s train.monitor=train_loss &&
        has out '^Verdict: (not distinguishable from|worse than) the ' && evaluated -m permuted/best.safetensors || return 1
    awk -v last="$(epochs permuted train_loss | sed -n '$p')" 'BEGIN { exit !(last < 0.8) }' || return 1
    for part in validation test; do
        [ "$(figure "$part/transformed/ret(close)/beats_naive")" = false ] || return 1
    done
}
for type in lstm gru rnn cnn tcn transformer; do
    point "$type: beats naive on what can be learnt" learns $type
    point "$type: with targets permuted it does not" learns_nothing $type
done

# other FILE FIRST: the rows of a file from the FIRST on (1 is the header) replaced by quite others.
other()
{
    awk -F, -v OFS=, -v first="$2" 'FNR >= first { x = 3 + sin(FNR) + FNR % 7; for (i = 2; i <= NF; i++) $i *= x } { print }' \
        "$1" >"$1.new" && mv "$1.new" "$1"
}
# blind A B: two trainings that nothing but their test part may tell apart; this it does.
blind()
{
    for run in "$1" "$2"; do # the state has a sum of all data, by which --resume tells other data
        state "$run/last.safetensors" | sed 's/\\"data\\": [^,]*,//' >"state.$run"
    done
    cmp "$1/best.safetensors" "$2/best.safetensors" && cmp "state.$1" "state.$2" || return 1
    for key in train_loss val_loss grad_norm grad_norm_max; do
        epochs "$1" $key >log.a && epochs "$2" $key | cmp - log.a || return 1
    done
    verdict=$(grep '"event":"verdict"' "$1/log.jsonl" | sed 's/.*"transformed"//')
    [ "$(grep '"event":"verdict"' "$2/log.jsonl" | sed 's/.*"transformed"//')" != "$verdict" ]
}
# Of 155 usable rows the last 16 test; with the 5 of warm-up and the header they begin in line 146.
unseen()
{
    run 0 -q -c cnn.ini --overwrite "$@" && mv run before || return 1
    for file in prices/*.csv; do
        other "$file" 146 || return 1
    done
    run 0 -q -c cnn.ini --overwrite "$@" && mv run after && blind before after
    code=$?
    prices prices && rm -rf before after
    return $code
}
point "other rows of the test part change nothing of training" unseen
point "nor with a scaler and transforms that look at extremes, weights and noise" unseen -s data.scaler=robust \
    -s 'data.target_transform=signed_sqrt, scale(-1,1)' -s data.balance=weight -s data.noise=0.1
seen()
{
    run 0 -q -c cnn.ini --overwrite && mv run before && other prices/s1.csv 120 &&
        run 0 -q -c cnn.ini --overwrite && ! cmp -s before/best.safetensors run/best.safetensors
    code=$?
    prices prices && rm -rf before
    return $code
}
point "other rows before it do" seen

# Whole series are dealt; the log tells which of them test.
series_unseen()
{
    set -- -s data.split=shuffled -s data.split_unit=series -s data.validation=0.33 -s data.test=0.33
    run 0 -q -c gru.ini --overwrite "$@" && mv run before || return 1
    test=$(sed -n 's/.*{"name":"\(s[0-9].csv\)","rows":155,"training":0,"validation":0,"test":14[0-9]}.*/\1/p' before/log.jsonl)
    [ -n "$test" ] && other "prices/$test" 2 && run 0 -q -c gru.ini --overwrite "$@" && mv run after &&
        blind before after
    code=$?
    prices prices && rm -rf before after
    return $code
}
point "split_unit = series: nothing of a whole series that tests" series_unseen

# --- losses, targets, and how windows are chosen

loss_named()
{
    run 0 -c gru.ini -o "$1" -s loss.target="$1" && has out "^Epoch 0002/2 .* train $1 [0-9.]+ \\| val " &&
        same_figures "$1" "$1" && evaluated -m "$1/best.safetensors"
}
mae()
{
    loss_named mae && equals 1e-6 test/loss "$(figure 'test/transformed/ret(close)/mae')"
}
point "loss.target = mae" mae
# Of the test part's windows, from what predict prints.
huber()
{
    loss_named huber && run 0 predict -m huber/best.safetensors && equals 2e-4 test/loss "$(
        awk -F, -v sd="$sd" 'FNR > 1 && $3 >= 149 && $5 != "" { e = ($4 - $5) / sd; e = e < 0 ? -e : e
            sum += e < 1 ? e * e / 2 : e - 0.5; n++ } END { print sum / n }' out
    )"
}
point "loss.target = huber" huber
bce()
{
    run 0 -c gru.ini -o bce -s loss.target=bce -s data.target_transform=none -s data.horizon=5 \
        -s 'data.targets=rise_probability(close,5)' && has out '^Epoch 0002/2 .* train bce [0-9.]+ \| val ' &&
        same_figures bce bce &&
        run 0 predict -m bce/best.safetensors -i prices && mv out predicted && lines predicted 439 &&
        evaluated -m bce/best.safetensors -i prices || return 1
    awk -F, '
        FILENAME != "predicted" && FNR == 1 { s = FILENAME; sub(/.*\//, "", s); next }
        FILENAME != "predicted" { price[s, FNR - 2] = $5; next }
        FNR == 1 { next }
        $4 <= 0 || $4 >= 1 { print "no probability: " $0; exit 1 }
        {
            row = $3 + 5
            if (row > 159) { if ($5 != "") { print "known: " $0; exit 1 } next }
            y = 0
            for (i = row - 4; i <= row; i++) y += (price[$1, i] > price[$1, row - 5]) / 5
            if (y - $5 > 1e-8 || $5 - y > 1e-8) { print $0 ", not " y; exit 1 }
            n++; e += ($4 - y) ^ 2; loss -= y * log($4) + (1 - y) * log(1 - $4)
            if (y != 0.5) { moves++; right += ($4 > 0.5) == (y > 0.5) }
        }
        END { printf "%d %.9g %.9g %.9g\n", n, e / n, loss / n, right / moves }' prices/s?.csv predicted >computed ||
        { cat computed && return 1; }
    read -r n mse loss right <computed
    equals 1e-6 input/windows "$n" "input/original/rise_probability(close,5)/mse" "$mse" input/loss "$loss" \
        "input/original/rise_probability(close,5)/directional_accuracy" "$right" \
        "input/original/rise_probability(close,5)/naive/zero return/mse" \
        "$(figure "input/transformed/rise_probability(close,5)/naive/zero return/mse")"
}
point "rise_probability with bce: shares of the look-ahead period, losses and directions" bce
# A bracket in a column's name is no function: the same figures as of `close`.
bracketed()
{
    mkdir -p renamed && for file in prices/*.csv; do
        sed '1s/close/close (EUR)/' "$file" >"renamed/${file#*/}"
    done
    for target in 'close' 'roc(close,5)'; do
        quoted=$(printf '%s' "$target" | sed 's/close/"close (EUR)"/')
        run 0 -c gru.ini -o plain --overwrite -s data.horizon=5 -s "data.features=close" -s "data.targets=$target" &&
            evaluated -m plain && sed "s/close/@/; /\"model\"/d" out >plain.json &&
            run 0 -c gru.ini -o quoted --overwrite -s data.source=renamed -s data.horizon=5 \
                -s 'data.features="close (EUR)"' -s "data.targets=$quoted" && evaluated -m quoted &&
            sed 's/\\"close (EUR)\\"/@/; s/close (EUR)/@/; /"model"/d' out >quoted.json &&
            grep -q directional_accuracy plain.json && diff plain.json quoted.json || return 1
    done
    grep -q '"price"' quoted.json
}
point "directions and prices of a column whose name has brackets" bracketed
several()
{
    run 0 -c gru.ini -o several -s 'data.targets=ret(close), volume, volatility(close,5)' \
        -s data.target_rows=each -s data.horizon=3 -s plots.enable=all -s 'data.target_transform=standard' &&
        run 0 predict -m several/best.safetensors &&
        [ "$(sed 1q out)" = 'series,time,row,ahead,ret(close),volume,"volatility(close,5)",actual ret(close),actual volume,"actual volatility(close,5)"' ] &&
        lines out 1315 && evaluated -m several/best.safetensors || return 1
    for target in 'ret(close)' volume 'volatility(close,5)' all; do
        [ -n "$(figure "test/original/$target/rmse")" ] || { echo "$target" && return 1; }
    done
    equals 1e-6 test/loss "$(figure test/transformed/all/mse)" && has out '"mse_by_horizon": \['
}
point "three targets, each at three rows" several
# Forty weekdays up to Friday, 2024-02-23; then the same rows at times without any order.
weekdays()
{
    awk 'NR == 1 { print; next } NR < 42 { i = NR - 2; sub(/^[0-9]+/, (19723 + int(i / 5) * 7 + i % 5) * 86400); print }' \
        prices/s0.csv >weekdays.csv
    run 0 predict -v -o forecasts -m several/best.safetensors -i weekdays.csv &&
        has out '^data: forecasts go on 5 times a week, from Monday 00:00 to Friday 00:00$' || return 1
    tail -n 3 forecasts | cut -d, -f1,3 >last
    printf '%s\n' 2024-02-26T00:00:00Z,1 2024-02-27T00:00:00Z,2 2024-02-28T00:00:00Z,3 | cmp - last
}
point "forecasts of weekdays are dated to weekdays" weekdays
irregular()
{
    awk -F, 'NR == 1 { print; next } { t += 60 * (1 + NR * NR % 37); sub(/^[0-9]+/, 1600000000 + t); print }' \
        prices/s0.csv >irregular.csv
    run 0 predict -o forecasts -m several/best.safetensors -i irregular.csv && lines err 1 &&
        has err '^seqtrain: warning: irregular\.csv: its rows follow no calendar that is found out: forecasts beyond them are printed without a time$' &&
        tail -n 3 forecasts | cut -d, -f1,3 >last && printf '%s\n' ,1 ,2 ,3 | cmp - last
}
point "forecasts of rows without a calendar have no time" irregular
# Two such files, and one of weekdays.
of_series()
{
    mkdir mixed && cp irregular.csv mixed/a.csv && cp irregular.csv mixed/b.csv && cp weekdays.csv mixed/c.csv &&
        run 0 predict -o forecasts -m several/best.safetensors -i mixed && lines err 1 &&
        has err '^seqtrain: warning: mixed/a\.csv: its rows follow no calendar .* without a time \(and so in 1 more\)$' &&
        has forecasts '^a\.csv,,[0-9]*,3,' '^b\.csv,,[0-9]*,3,' '^c\.csv,2024-02-28T00:00:00Z,[0-9]*,3,'
}
point "each series has a calendar of its own" of_series
milliseconds()
{
    awk -F, 'NR == 1 { print; next } { sub(/^[0-9]+/, sprintf("%.0f", 1600000000250 + 250 * NR)); print }' prices/s0.csv >fast.csv
    run 0 predict -m several/best.safetensors -i fast.csv -s data.time_format=auto && has out '^2020-09-13T12:27:21\.250Z,[0-9]*,3,.*,,,$'
}
point "times within a second are told apart" milliseconds
pictures()
{
    folder=$1
    shift
    [ "$(cd "$folder" && echo ./*.png)" = "$(printf './%s.png ' "$@" | sed 's/ $//')" ] || { ls "$folder" && return 1; }
    for picture; do
        png "$folder/$picture.png" || return 1
    done
}
point "its pictures" pictures several error_by_horizon loss_curves predictions residuals target_distribution

# The curves are those of training and validation, and so is the loss that they are held against:
# other test files change nothing in the picture, another validation part does.
curves()
{
    features=
    [ "$1" = autoencoder ] && features='-s data.targets= -s data.target_transform='
    for test in 0 1; do
        # shellcheck disable=SC2086 # no setting or two
        run 0 -c "$1.ini" -o curves$test --overwrite -s data.source=prices/s2.csv \
            -s data.test_source=prices/s$test.csv $features \
            -s plots.enable=loss_curves -s data.validation=0.2 || return 1
    done
    ! grep -q '"part":"validation"' curves1/log.jsonl && cmp curves0/loss_curves.png curves1/loss_curves.png
}
model autoencoder 'type = autoencoder' 'd_model = 8' 'heads = 2' 'layers = 1' 'latent = 4'
point "the naive line of the loss curves is validation's" curves gru
point "and so is the window mean's" curves autoencoder

# Windows are chosen by their last row, before the target's.
where()
{
    run 0 -c gru.ini -o where -s 'data.where=ret(close) > 0 and not volume < 3' &&
        run 0 predict -m where/best.safetensors && awk -F, '
        FILENAME != "out" && FNR == 1 { s = FILENAME; sub(/.*\//, "", s); next }
        FILENAME != "out" {
            if (FNR > 16) { fits[s, FNR - 2] = $5 > before && $6 >= 3; wanted += fits[s, FNR - 2] }
            before = $5
            next
        }
        FNR > 1 { n++; if (!fits[$1, $3 + 4]) { print "not wanted: " $0; exit 1 } }
        END { if (n != wanted || n < 100) { print n " of " wanted; exit 1 } }' prices/s?.csv out &&
        told=$(sed -n 's/.*"where":\([0-9]*\)}.*/\1/p' where/log.jsonl) &&
        used=$(sed -n 's/.*"windows":{"training":\([0-9]*\),"validation":\([0-9]*\),"test":\([0-9]*\)}.*/\1 + \2 + \3/p' where/log.jsonl) &&
        [ $((${used:-0} + ${told:-0})) -eq 375 ]
}
point "data.where chooses windows, and the log counts" where
balanced()
{
    run 0 -c gru.ini -o select -s data.balance=select -s data.balance_bins=5 &&
        has out '^data: balanced: [0-9]+ of 339 training windows kept, at most [0-9]+ in each of 5 bins' &&
        has select/log.jsonl '"balance":\{"by":"select","windows_before":339,' &&
        run 0 -c gru.ini -o weight -s data.balance=weight -s data.balance_bins=5 &&
        has out '^data: balanced: training windows weigh 0\.[0-9]+ to [1-9][0-9.]*, by 5 bins' &&
        ! same_weights weight/best.safetensors gru/best.safetensors
}
point "data.balance by selecting and by weighting, told" balanced
noisy()
{
    set -- -c gru.ini -s data.noise=0.3 -s train.epochs=3
    run 0 -q "$@" -o noise && run 0 -q "$@" -o noisy -s train.epochs=1 && run 0 -q "$@" -o noisy -r &&
        same_run noise noisy && run 0 -q "$@" -o silent -s data.noise=0 &&
        [ "$(epochs noise train_loss | sed 1q)" != "$(epochs silent train_loss | sed 1q)" ]
}
point "data.noise: other losses, the same bits when resumed" noisy

# Ever wilder: in the order of time validation is wilder than training, dealt by strata it is not.
wild()
{
    awk 'BEGIN { print "time,close,volume"; p = 100
        for (i = 0; i < 1200; i++) {
            p *= 1 + (0.0005 + i * 1e-5) * sin(i * i)
            printf "%d,%.6f,%.3f\n", 1600000020 + 60 * i, p, 5 + 3 * cos(i / 4) } }' >wild.csv
}
wild
deviations()
{
    run 0 data -c gru.ini -o overview -s data.source=wild.csv -s data.validation=0.2 "$@" &&
        awk 'below == "training" { t = $1 } below == "validation" { v = $1 }
            { below = $2 ~ /^[0-9]+$/ ? $1 : "" } END { print v / t }' out >ratio
}
stratified()
{
    deviations && awk '{ exit !($1 > 1.4) }' ratio && deviations -s data.split=stratified \
        -s 'data.stratify=volatility(close,5)' -s data.split_block=30 -s data.strata=4 &&
        awk '{ print; exit !($1 > 0.85 && $1 < 1.15) }' ratio
}
point "split = stratified: training and validation are alike" stratified
overview()
{
    run 0 data -c gru.ini -o looked && lines err 0 &&
        has out '^s0\.csv +122 +15 +15 +0\.01[0-9]+ ' '^ret\(close\) +366 +-0\.0' '^volatility\(close,5\) +366 ' \
            '^training +339 ' '^validation +18 ' '^test +18 ' '^    Shapiro-Wilk W 0\.[0-9]+, p ' \
            '^    -10\.\.0% +[0-9.]+%$' '^looked/data_overview\.png$' '^looked/target_distribution\.png$' &&
        [ "$(ls looked)" = "$(printf 'data_overview.png\ntarget_distribution.png')" ] &&
        pictures looked data_overview target_distribution
}
point "data prints and draws what there is, and trains nothing" overview
# The sine of noon is 1.2e-16 to a computer: it is no reason to write the whole line in powers of ten.
sines()
{
    awk 'BEGIN { print "time,close"; for (i = 0; i < 300; i++) print 1600041600 + 3600 * i "," 50 + i % 7 }' >hours.csv &&
        run 0 data -c gru.ini -o hours -s data.source=hours.csv -s 'data.features=close, hour_sin()' -s data.targets=close &&
        has out '^hour_sin\(\) +[0-9]+ +-1\.0+ +-0\.7071 +0\.000 +0\.7071 +1\.0+$' '^data: hours\.csv: 300 rows, 2020-09-14' &&
        run 0 data -c gru.ini -o hours -s data.source=hours.csv -s data.features=close -s data.targets=close -s data.time= &&
        has out '^data: hours\.csv: 300 rows, without time \(data\.time is not set\)$'
}
point "data: zeros are zeros, and a time that is not named is told" sines

# --- amplifiers

mkdir iq
awk 'BEGIN {
    split("train validation test", part, " ")
    rows[1] = 400; rows[2] = rows[3] = 200
    for (p = 1; p <= 3; p++) {
        in_ = "iq/" part[p] "_in.csv"; out = "iq/" part[p] "_out.csv"
        print "I,Q" >in_; print "I,Q" >out
        for (i = 0; i < rows[p]; i++) {
            t++
            a = 0.3 * cos(0.11 * t) + 0.3 * cos(0.23 * t + 1) + 0.2 * sin(0.0005 * t * t)
            b = 0.3 * sin(0.11 * t) - 0.3 * sin(0.23 * t + 1) + 0.2 * cos(0.0005 * t * t)
            g = 1 - 0.2 * (a * a + b * b); h = 0.1 * (a * a + b * b)
            printf "%.9f,%.9f\n", a, b >in_
            printf "%.9f,%.9f\n", g * a - h * b + 0.1 * last_a, g * b + h * a + 0.1 * last_b >out
            last_a = a; last_b = b
        }
    }
}'
cat >dgru.ini <<'INI'
[run]
output = dgru

[data]
source                   = iq/train_in.csv
target_source            = iq/train_out.csv
validation_source        = iq/validation_in.csv
validation_target_source = iq/validation_out.csv
test_source              = iq/test_in.csv
test_target_source       = iq/test_out.csv
features    = I, Q
targets     = I, Q
target_rows = window
window      = 20
eval_window = 50
scaler      = none

[signal]
sample_rate  = 800e6
bandwidth    = 200e6
sub_channels = 4
segment      = 100

[model]
type   = dgru
hidden = 8
layers = 1

[train]
epochs   = 8
batch    = 32
lr       = 1e-2
schedule = constant
warmup   = 2 steps
INI
dgru()
{
    run 0 -c dgru.ini && lines err 0 && has out '^data: 800 usable rows; windows of 20: 381 training, 4 validation, 4 test' \
        '^Model: dgru, 486 parameters; ' '^Signal of 200 samples: NMSE -[0-9.]+ dB \(pooled -[0-9.]+ dB\)$' \
        '^  ACLR -[0-9.]+ / -[0-9.]+ dB \(measured -[0-9.]+ / -[0-9.]+ dB\), EVM -[0-9.]+ dB$' \
        '^Verdict: MSE [0-9.e-]+ against [0-9.]+ of the training mean: (1/[0-9.]+ of it, -[0-9.]+ dB|[0-9]+% less)$'
}
point "dgru: input and output files side by side" dgru
rows_looked_at()
{
    run 0 data -c dgru.ini -o looked && has out '^training +400 ' '^validation +200 ' '^test +200 ' && ! grep '%$' out
}
point "dgru: data looks at each row that is a target, and not for returns" rows_looked_at
# Short windows of evaluation see what the windows before them have seen.
chunks()
{
    for cell in gru lstm; do
        run 0 -c dgru.ini -o chunks -s model.type=recurrent -s "model.cell=$cell" -s plots.enable=none --overwrite || return 1
        for rows in 200 40; do
            run 0 predict -m chunks/best.safetensors -i iq/test_in.csv -s "data.eval_window=$rows" || return 1
            cut -d, -f1-3 out >"chunks$rows.csv"
        done
        lines chunks40.csv 201 && awk -F, 'NR == FNR { i[$1] = $2; q[$1] = $3; next }
            FNR > 1 && ($2 - i[$1] > 1e-5 || i[$1] - $2 > 1e-5 || $3 - q[$1] > 1e-5 || q[$1] - $3 > 1e-5) { exit 1 }' \
            chunks200.csv chunks40.csv || return 1
    done
}
point "recurrent: short windows of evaluation go on with the state" chunks
point "dgru: its pictures" pictures dgru am_am_pm loss_curves predictions residuals spectrum target_distribution
nmse()
{
    run 0 predict -c dgru.ini && mv out predicted && lines predicted 801 &&
        [ "$(sed 1q predicted)" = 'series,row,I,Q,actual I,actual Q' ] &&
        awk -F, 'FNR > 1 && $1 == "test_in.csv" { print $5 "," $6 }' predicted >actual &&
        awk -F, 'FNR > 1 { printf "%.9g,%.9g\n", $1, $2 }' iq/test_out.csv | cmp - actual &&
        evaluated -c dgru.ini &&
        awk -F, '$1 == "test_in.csv" { s = int($2 / 100); e[s] += ($3 - $5) ^ 2 + ($4 - $6) ^ 2; y[s] += $5 * $5 + $6 * $6 }
            END { printf "%.9g %.9g %.9g\n", 5 * (log(e[0] / y[0]) + log(e[1] / y[1])) / log(10),
                10 * log((e[0] + e[1]) / (y[0] + y[1])) / log(10), (e[0] + e[1]) / 400 }' predicted >computed || return 1
    read -r nmse pooled mse <computed
    equals 1e-5 test/signal/nmse_db "$nmse" test/signal/nmse_pooled_db "$pooled" test/loss "$mse" \
        test/original/all/mse "$mse" test/signal/samples 200 || return 1
    for key in aclr_left_db aclr_right_db evm_db measured_aclr_left_db measured_aclr_right_db; do
        awk -v x="$(figure test/signal/$key)" 'BEGIN { exit !(x < 0 && x > -200) }' || { echo $key && return 1; }
    done
}
point "dgru: NMSE of segments and pooled are those of predict's numbers" nmse
by_nmse()
{
    run 0 -c dgru.ini -o nmse -s train.monitor=val/nmse_db -s plots.enable=none && lines err 0 || return 1
    best=$(epochs nmse val_nmse_db | sort -g | sed 1q)
    has out "^nmse: best epoch $(epochs nmse val_nmse_db | grep -nxF -e "$best" | cut -d: -f1), val_loss " &&
        cp figures figures.keys && evaluated -m nmse/best.safetensors &&
        equals 1e-8 validation/signal/nmse_db "$best" && mv figures.keys figures
}
point "dgru: train.monitor = val/nmse_db" by_nmse
spec()
{
    echo '{"input_signal_fs": 800e6, "bw_main_ch": 200e6, "n_sub_ch": 4, "nperseg": 100}' >spec.json
    cp figures figures.keys &&
        evaluated -m dgru/best.safetensors -s signal.spec=spec.json -s signal.sample_rate=0 -s signal.bandwidth=0 \
            -s signal.sub_channels=0 -s signal.segment=0 && cmp figures figures.keys
}
point "dgru: spec.json says the same as the keys" spec
older_spec()
{
    echo '{"input_signal_fs": "800e6", "input_signal_bw": "200e6", "input_signal_sub_ch_bw": "50e6", "nperseg": "100"}' >spec.json
    evaluated -m dgru/best.safetensors -s signal.spec=spec.json -s signal.sample_rate=0 -s signal.bandwidth=0 \
        -s signal.sub_channels=0 -s signal.segment=0 && cmp figures figures.keys
}
point "dgru: so does one of an older set, with numbers in strings" older_spec
# One file with all four columns, cut by the spec into the rows that the six files have.
single()
{
    for part in train validation test; do
        paste -d, iq/${part}_in.csv iq/${part}_out.csv | sed 1d
    done >rows && { echo I_in,Q_in,I_out,Q_out && cat rows; } >single.csv
    echo '{"dataset_format": "single_csv", "split_indices": {"train_end": 400, "val_end": 600}, "nperseg": 100}' >spec.json
    grep -v source dgru.ini | sed -e '/^\[data\]/a source = single.csv\nsplit = spec' -e '/^\[signal\]/a spec = spec.json' \
        -e 's/^features.*/features = I_in, Q_in/' -e 's/^targets.*/targets = I_out, Q_out/' >single.ini
    run 0 -q -c single.ini -o single && same_weights dgru/best.safetensors single/best.safetensors || return 1
    sed -i 's/600/801/' spec.json
    run 3 check -c single.ini &&
        has err '^seqtrain: single\.csv: 800 usable rows, but spec\.json lets the validation part end at row 801$' &&
        run 2 check -c single.ini -s signal.spec= && has err 'split = spec needs signal.spec'
}
point "dgru: one file, cut as its spec.json says" single
lacking()
{
    echo '{"input_signal_fs": 800e6, "nperseg": 100}' >spec.json
    run 0 check -c dgru.ini -s signal.spec=spec.json -s signal.sample_rate=0 -s signal.bandwidth=0 -s signal.sub_channels=0 &&
        has out '^signal: spec\.json: no bw_main_ch, n_sub_ch: no ACLR, no EVM$' && lines err 0 &&
        run 0 check -c dgru.ini -s signal.segment=0 -s signal.bandwidth=0 &&
        has out '^signal: no bandwidth, segment: no ACLR, no EVM$' && lines err 0 &&
        run 0 check -c dgru.ini && lines err 0 && ! has out '^signal:' >/dev/null
}
point "dgru: what is missing for ACLR and EVM is told" lacking
long_segment()
{
    echo '{"nperseg": 300}' >spec.json
    run 0 check -c dgru.ini -s signal.spec=spec.json -s signal.segment=0 && lines err 2 &&
        has err '^seqtrain: warning: signal\.segment: 300 rows \(nperseg of signal\.spec\) are more than the 200 that the validation part evaluates: it is filled up with zeros for ACLR and EVM$' \
            'the 200 that the test part evaluates' &&
        run 0 check -c dgru.ini -s signal.segment=200 && lines err 0
}
point "dgru: a segment longer than a part is told" long_segment
# One long window has the state of all rows before; short ones begin anew.
long_windows()
{
    evaluated -m dgru/best.safetensors -s data.eval_window=200 && one=$(figure test/loss) &&
        [ "$(figure test/windows)" = 1 ] && evaluated -m dgru/best.safetensors -s data.eval_window=auto &&
        [ "$(figure test/windows)" = 181 ] && awk -v a="$one" -v b="$(figure test/loss)" 'BEGIN { exit !(a < b) }'
}
point "dgru: eval_window" long_windows
# The training part then has more windows to evaluate than to train on.
far_apart()
{
    run 0 -q -c dgru.ini -o far --overwrite -s train.epochs=1 -s data.stride=200 && evaluated -m far/best.safetensors &&
        [ "$(figure train/windows)" = 8 ]
}
point "dgru: eval_window shorter than stride" far_apart
misfit()
{
    run 2 -c dgru.ini -o misfit -s signal.bandwidth=700e6 && ! ls -d misfit &&
        lines err 1 && has err '^seqtrain: \[signal\]: the channels beside a bandwidth of 7e\+08 Hz lie beyond a sampling rate of 8e\+08 Hz$'
}
point "dgru: a channel that does not fit is told before training" misfit
dgru_resumed()
{
    run 0 -q -c dgru.ini -o whole --overwrite -s train.epochs=10 && run 0 -q -c dgru.ini -r -s train.epochs=10 &&
        same_run whole dgru
}
point "dgru: resumed, the bits of a run in one go" dgru_resumed
point "dgru: check --gradients" agree dgru.ini
future()
{
    run 0 predict -m dgru/best.safetensors -i iq/test_in.csv && lines out 201 &&
        has out '^row,I,Q,actual I,actual Q$' '^199,-?[0-9.]+,-?[0-9.]+,,$'
}
point "dgru: predict for an input whose output is not known" future

# changes ROW FROM TO: another value in a row of a signal changes what predict prints of that row and of
# rows behind it, the last of which is one of FROM to TO. (What a ReLU cuts off changes nothing.)
changes()
{
    awk -v row="$1" 'NR == row + 2 { print "0.4,-0.3"; next } { print }' iq/test_in.csv >other.csv &&
        run 0 predict -m causal/best.safetensors -i other.csv && cut -d, -f1-3 out |
        awk -v row="$1" -v from="$2" -v to="$3" 'NR == FNR { line[FNR] = $0; next }
            $0 != line[FNR] { last = FNR - 2; if (!count++ && last != row) exit }
            END { if (!(last >= from && last <= to && count > 5)) { print last, count; exit 1 } }' predicted -
}
# Two blocks of kernel 3 see 1 + 2 * 2 * (2^2 - 1) = 13 rows, three see 29.
causal()
{
    run 0 -q -c dgru.ini -o causal -s model.type=tcn -s model.layers=3 -s model.conv_kernel=3 \
        -s data.eval_window=200 -s plots.enable=none && run 0 predict -m causal/best.safetensors -i iq/test_in.csv &&
        cut -d, -f1-3 out >predicted && lines predicted 201 || return 1
    changes 60 73 88 && changes 190 195 199
}
point "tcn: a row changes itself and rows behind it, as far as the model sees" causal

echo "1..$points"
