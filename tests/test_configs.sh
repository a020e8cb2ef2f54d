#!/bin/sh
# SPDX-License-Identifier: MIT
# Each shipped configuration runs as it is, but for fewer epochs, windows and points; so does what its
# comments offer instead.
configs=$(cd "${srcdir-.}/configs" && pwd) || exit 1
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# short FILE ARGUMENT...: trains for two epochs on few windows.
short()
{
    file=$1
    shift
    run 0 -c "$file" -o run --overwrite -s train.epochs=2 -s train.batch=32 -s train.accumulate=1 \
        -s data.stride=40 -s cluster.categories=5 -s plots.tsne_points=60 \
        -s plots.tsne_perplexity=5 -s plots.tsne_iterations=50 "$@" &&
        tail -n 1 out | grep -Eq '^run: best epoch [12], val_loss '
}

# drawn PICTURE...: the run folder holds these, and no other.
drawn()
{
    printf '%s.png\n' "$@" | LC_ALL=C sort >wanted
    (cd run && LC_ALL=C ls -- *.png) | cmp - wanted
}

# alternative N FILE: the configuration with its n-th [model] section, commented out or not, alone.
alternative()
{
    awk -v n="$1" '
        /^(; )?\[model\]/ { count++; inside = 1 }
        /^\[/ && !/^\[model\]/ { inside = 0 }
        !inside { print }
        inside && count == n { sub(/^; /, ""); print }' "$2"
}

# Advice is for those who need it: what is shipped draws no warning.
without_warnings()
{
    for file in "$configs"/*.ini; do
        case $file in
        */fleet.ini) run 0 check -d none -s device.memory=12GiB -c "$file" ;; # for a large card
        *) run 0 check -c "$file" ;;
        esac && lines err 0 || { echo "$file" && return 1; }
    done
}
point "no shipped configuration draws a warning" without_warnings

has_price='"price":\{"roc\(Close,5\)":\{"mse":[0-9.]+'
autoencoder='category_distribution latent_space_tsne loss_curves reconstruction_quality'
targets='loss_curves predictions residuals target_distribution'
tested=
# shellcheck disable=SC2086 # lists of names
for name in autoencoder demo; do
    point "$name.ini" short "$configs/$name.ini"
    point "$name.ini draws its pictures" drawn $autoencoder
    tested="$tested $name"
done

ln -s "$configs/data" data
for n in 1 2 3; do
    alternative $n "$configs/stocks.ini" >stocks$n.ini
    point "stocks.ini with its model $n" short stocks$n.ini
    # shellcheck disable=SC2086
    point "it draws its pictures" drawn $targets
    point "it tells prices" has run/log.jsonl "$has_price"
done
models()
{
    cat stocks1.ini stocks2.ini stocks3.ini | sed -n '/^\[model\]/,/^\[/p' | grep -E '^(type|cell) ' |
        sed 's/ *;.*//; s/ *= */ /' | LC_ALL=C sort | uniq -c | awk '{ printf "%s %s %s, ", $1, $2, $3 }' >models
    has models '^2 cell gru, 1 cell lstm, 1 type cnn_recurrent, 2 type recurrent, $'
}
point "these are an LSTM, a GRU and convolutions before a GRU" models
point "stocks.ini, its data" run 0 data -c "$configs/stocks.ini" -o seen
tested="$tested stocks"

for type in recurrent dgru; do
    point "amplifier.ini with type = $type" short "$configs/amplifier.ini" -s "model.type=$type"
    # shellcheck disable=SC2086
    point "it draws its pictures" drawn $targets am_am_pm spectrum
    point "it tells NMSE and ACLR" has run/log.jsonl '"nmse_db":-[0-9.]+' '"aclr_left_db":-[0-9.]+'
done
point "amplifier_tcn.ini" short "$configs/amplifier_tcn.ini"
# shellcheck disable=SC2086
point "it draws its pictures" drawn $targets am_am_pm spectrum
point "amplifier_transformer.ini" short "$configs/amplifier_transformer.ini"
# shellcheck disable=SC2086
point "it draws its pictures" drawn $targets am_am_pm spectrum
tested="$tested amplifier amplifier_tcn amplifier_transformer"

point "etth1.ini" short "$configs/etth1.ini"
# shellcheck disable=SC2086
point "it draws its pictures" drawn $targets error_by_horizon
# The oil's temperature is above 20 degrees, loads are below: no table mixes them.
each_channel()
{
    run 0 data -c "$configs/etth1.ini" -o seen && has out '^HUFL +values ' '^OT +values ' &&
        awk '$1 == "OT" && $2 == "values" { oil = 1 }
            /^(training|validation|test) +[0-9]/ && oil && !($3 > 20) { wrong = 1 }
            /^(training|validation|test) +[0-9]/ && !oil && !($3 < 5 && $5 < 20) { wrong = 1 }
            END { exit wrong || !oil }' out
}
point "data tells of each channel by itself" each_channel
tested="$tested etth1"

# It runs for steps, not epochs.
text()
{
    run 0 -c "$configs/language.ini" -o run --overwrite -s train.steps=20 -s 'train.evaluate=10 steps' &&
        has out '^Epoch 0002/2 ' '^Cross-entropy of [0-9]+ test tokens: ' && drawn loss_curves &&
        run 0 data -c "$configs/language.ini" && has out '^training  ' '^" "  *[0-9]+ +[0-9.]+%$'
}
point "language.ini" text
tested="$tested language"

# Its features are computed once, and captions are written.
seen()
{
    run 0 -c "$configs/captions.ini" -o run --overwrite -s encoder.cache=features -s train.epochs=2 -s caption.every=1 \
        -s caption.samples=8 && has out '^features: 0 of 600 clips' '^Captions of 8 clips: exact ' &&
        run 0 predict -m run -i "$configs/data/synthetic_looks/0600" && [ "$(wc -l <out)" = 2 ]
}
point "captions.ini" seen
tested="$tested captions"

# Each run of fleet.ini, on a file for each coin; one of them trained.
coins()
{
    for coin in BTC ETH XRP SOL ADA DOGE DOT AVAX; do
        ln -s "$configs/data/synthetic_candles.csv.gz" ${coin}_USDT-1m.csv.gz || return 1
    done
    set -- -c "$configs/fleet.ini" -s "vars.candles=$dir/\${vars.coin}_USDT-1m.csv.gz" -s model.hidden=8 -s model.layers=1
    run 0 check -q --all "$@" && lines err 0 && [ "$(grep -c ': valid$' out)" -eq 24 ] &&
        has out '^run 24 of 24: coin = AVAX, resample = 15m, window = 96$' &&
        run 0 sweep "$@" -o fleet --run 23 -s train.epochs=1 -s train.accumulate=1 -s data.stride=40 &&
        has fleet/AVAX-5m/config.ini "^source = $PWD/AVAX_USDT-1m.csv.gz$" '^name = AVAX 5m$' '^resample = 5m$'
}
point "fleet.ini, a model for each coin and each length of candles" coins
tested="$tested fleet"

# Its base, and a part of the search.
searched()
{
    short "$configs/amplifier_search.ini" || return 1
    set -- -c "$configs/amplifier_search.ini" -s sweep.samples=4 -s train.epochs=2 -s data.stride=40
    run 0 sweep "$@" -o found && lines err 0 && has out '^[1-4] of 4 runs ended.*: found/sweep.csv$' &&
        run 0 sweep "$@" -s sweep.output=found --best -o best.ini && has best.ini '^hidden = 23$'
}
point "amplifier_search.ini" searched
tested="$tested amplifier_search"

# shellcheck disable=SC2086
point "no configuration has been forgotten" test "$(cd "$configs" && LC_ALL=C ls -- *.ini)" = \
    "$(printf '%s.ini\n' $tested | LC_ALL=C sort)"
echo "1..$points"
