#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain export --format c --fixed: files of integers that a C99 compiler takes without a warning and that agree
# bit by bit with the engine's emulation, with an amplifier that stays within 0.3 dB of its model; and what is refused.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# A power amplifier with memory and noise: y = (1 - 0.2 |x|^2) x + 0.1 x of the row before.
awk 'function noise() { seed = (seed * 16807) % 2147483647; return seed / 2147483647 - 0.5 }
    BEGIN {
        seed = 7
        print "I,Q,yI,yQ"
        for (n = 0; n < 6000; n++) {
            a = 0.8 * a + 0.45 * noise(); b = 0.8 * b + 0.45 * noise(); gain = 1 - 0.2 * (a * a + b * b)
            printf "%.6f,%.6f,%.6f,%.6f\n", a, b, gain * a + 0.1 * c + 0.002 * noise(), gain * b + 0.1 * d + 0.002 * noise()
            c = a; d = b
        }
    }' >rows.csv
cat >small.ini <<'INI'
[run]
name = small
output = run
[data]
source  = rows.csv
features = I, Q
targets = yI, yQ
target_rows = window
window  = 32
eval_window = 300
stride  = 16
[signal]
segment = 300
[model]
type   = recurrent
cell   = gru
hidden = 8
[train]
epochs = 6
batch  = 16
lr     = 2e-2
[plots]
enable = none
INI

# compiles NAME [FLAG...]: NAME.c into the program NAME, which prints nothing but what it finds.
compiles()
{
    name=$1
    shift
    ${CC-cc} -std=c99 -pedantic -Wall -Wextra -Werror "$@" -DSEQTRAIN_MAIN -o "$name" "$name.c" -lm
}
# right [FLAG...]: model.c gives what the engine's emulation gave, for 600 rows at least.
right()
{
    compiles model "$@" && ./model >out 2>err && [ ! -s err ] && has out '^([6-9]|[1-9][0-9])[0-9][0-9] rows, 0 numbers are wrong$'
}
# near DB: the integers stay within so many dB of the floats, on both parts.
near()
{
    awk -v most="$1" '{ for (i = 1; i < NF; i++) if ($i == "nmse_db") { n++; if ($(i + 1) - $(i + 4) > most + 0 || $(i + 4) + 0 > -10) { print; exit 1 } } }
        END { if (n != 2) exit 1 }' out
}
# form WEIGHTS DB: a file with weights of so many bits.
form()
{
    run 0 export -m run --format c --fixed "w$1a16" --golden 5000 -o model.c && lines err 0 &&
        has out "^model\.c: a model in C99: w$1a16, validation nmse_db [-0-9.]+ \(in floats [-0-9.]+\), test " && near "$2" &&
        right -O2 && right -O0 -fsanitize=undefined -fno-sanitize-recover && right -O1 -DSMALL_NO_FLOATS
}
# model DB SETTING...: trains it and tries both.
model()
{
    most=$1
    shift
    run 0 -q -c small.ini -o run --overwrite "$@" && form 16 0.3 && form 8 "$most"
}
point "LSTM of two layers" model 6 -s model.cell=lstm -s model.layers=2
point "RNN" model 6 -s model.cell=rnn -s data.scaler=standard -s data.target_transform=standard
point "DGRU" model 6 -s model.type=dgru
point "TCN" model 6 -s model.type=tcn -s model.conv_kernel=3
point "GRU" model 6
point "with clang" eval 'if command -v clang >/dev/null; then CC=clang right -O2; fi'
again()
{
    cp model.c first.c && run 0 export -c small.ini --format c --fixed w8a16 --golden 5000 && cmp out first.c
}
point "the same file each time" again
point "no floats but at the ends" eval "awk '/^#ifndef SMALL_NO_FLOATS/ { off = 1 } !off && !/^( \*|\/\*)/; /^#endif/ { off = 0 }' model.c |
    { ! grep -E 'float|double|malloc|[0-9]\.[0-9]'; }"

# --- the program of somebody who uses it

cat >user.c <<'C'
#include <stdio.h>
#include "model.c"
int main(void)
{
    static struct small_state s;
    float row[SMALL_FEATURES], out[SMALL_TARGETS];
    small_reset(&s);
    while (scanf("%f,%f,%*f,%*f", &row[0], &row[1]) == 2) {
        small_step(&s, row, out);
        printf("%.9g,%.9g\n", out[0], out[1]);
    }
    return 0;
}
C
user()
{
    ${CC-cc} -std=c99 -pedantic -Wall -Wextra -Werror -O1 -o user user.c -lm && tail -n +2 rows.csv | head -300 | ./user >mine &&
        run 0 predict -m run -i rows.csv && tail -n +2 out | head -300 | awk -F, '
            NR == FNR { a[FNR] = $1; next }
            { d = a[FNR] - $2; if (d > 0.2 || d < -0.2) { print FNR, $0, a[FNR]; exit 1 } n++ }
            END { if (n < 300) exit 1 }' mine -
}
point "rows in and out in their units" user

# --- what is broken is found

# broken FROM TO: the program finds a file in which the first of these is changed.
broken()
{
    grep -Fq -e "$1" model.c || { echo "no $1" && return 1; }
    awk -v from="$1" -v to="$2" '{ at = done ? 0 : index($0, from); if (at) { $0 = substr($0, 1, at - 1) to substr($0, at + length(from)); done = 1 } print }' \
        model.c >broken.c
    compiles broken -O1 && ! ./broken >out && has out ' [1-9][0-9]* numbers are wrong$'
}
point "another table is found" broken ' 10382,' ' 10383,'
point "another rounding is found" broken 'v += (int64_t)1 << (by - 1);' ''
shift_of()
{
    line=$(grep -n '_hh_l0_shift' model.c | head -1 | cut -d: -f1)
    awk -v line="$line" 'NR == line + 1 { sub(/^ *[0-9]+/, 7) } { print }' model.c >broken.c
    compiles broken -O1 && ! ./broken >out
}
point "another shift is found" shift_of
point "a state that is not kept is found" broken 'h[i] = fit(u +' 'h[i] = fit(0 * u +'

# --- training for integers

aware()
{
    run 0 -q -c small.ini -o run --overwrite -s train.quantize_aware=w8a16 && form 8 0.05 &&
        run 0 export -q -m run --format c -o floats.c && compiles floats -O1 && ./floats >out && cp run/best.safetensors aware.safetensors
}
point "a model that was trained for 8 bits loses nothing" aware
trains()
{
    name=$1
    shift
    run 0 -q -c small.ini -o "$name" -s train.quantize_aware=w8a16 -s train.schedule=constant -s train.warmup='0 steps' "$@" &&
        run 0 predict -m "$name" -i rows.csv && mv out "$name.csv"
}
goes_on()
{
    trains whole -s train.epochs=2 && trains half -s train.epochs=1 && ! cmp -s whole.csv half.csv &&
        trains half --resume -s train.epochs=2 && cmp whole.csv half.csv
}
point "a resumed run has the same bits" goes_on
again_aware()
{
    run 0 -q -c small.ini -o twice --overwrite -s train.quantize_aware=w8a16 -s train.recompute=layers && run 0 evaluate -m run && mv out one &&
        run 0 evaluate -m twice && sed 's/twice/run/' out | cmp - one
}
point "made again, it is the same" again_aware
point "it has no form with norms" eval "run 2 check -c small.ini -s train.quantize_aware=w8a16 -s model.layer_norm=yes &&
    has err 'quantize_aware.*: norms have no form in integers: model\.layer_norm = no'"
point "nor a transformer" eval "run 2 check -c small.ini -s train.quantize_aware=w16a16 -s model.type=transformer &&
    has err 'quantize_aware.*: integers are for models of type recurrent, dgru and tcn'"
point "nor in bf16" eval "run 2 check -c small.ini -s train.quantize_aware=w16a16 -s train.precision=bf16 &&
    has err 'quantize_aware.*: weights are rounded in fp32'"

short()
{
    head -201 rows.csv >train.csv && sed '2,200d' rows.csv >judge.csv && sed '2,3000d' rows.csv >last.csv &&
        run 0 -q -c small.ini -o short -s data.source=train.csv -s data.validation_source=judge.csv -s data.test_source=last.csv &&
        run 0 export -m short --format c --fixed w16a16 -o short.c && near_any 0.3
}
# near_any DB: as near, of a model that has learned little.
near_any()
{
    awk -v most="$1" '{ for (i = 1; i < NF; i++) if ($i == "nmse_db") { n++; if ($(i + 1) - $(i + 4) > most + 0) { print; exit 1 } } }
        END { if (n != 2) exit 1 }' out
}
point "a training part that is shorter than an eval_window has formats" short
offloaded()
{
    run 0 -q -c small.ini -o offloaded -s train.quantize_aware=w8a16 -s model.type=dgru -s model.freeze=fc_hid.weight -s train.epochs=1 "$@" &&
        run 0 predict -m offloaded -i rows.csv && mv out "offloaded$#.csv" && rm -r offloaded
}
point "a weight in the host's memory is rounded, too" eval 'offloaded && offloaded -s device.offload=yes && cmp offloaded0.csv offloaded2.csv'
point "weights of 4 bits are not rounded" eval "run 2 check -c small.ini -s model.type=dgru -s train.quantize_aware=w8a16 -s model.quantize=nf4 \
    -s model.freeze=fc_hid.weight && has err 'quantize_aware.*: weights are rounded from fp32: quantize = none'"
point "nor those with an adapter" eval "run 2 check -c small.ini -s model.type=dgru -s train.quantize_aware=w8a16 -s adapter.r=2 &&
    has err 'quantize_aware.*: adapters have no form in integers: no \[adapter\]'"

# --- what is refused

fails()
{
    pattern=$1
    shift
    run 2 export -m run -o no.c "$@" && lines err 1 && has err "$pattern" && [ ! -e no.c ]
}
point "another format" fails '^seqtrain: --fixed is for --format c$' --format onnx --fixed w8a16
point "other bits" fails '^seqtrain: --fixed w4a16: w16a16 or w8a16 says the bits of weights and of values$' --format c --fixed w4a16
point "rows of floats" fails '^seqtrain: --golden is for files of integers: with --fixed$' --format c --golden 5
point "no rows" fails '^seqtrain: --golden 0: rows from 1 to 1000000$' --format c --fixed w8a16 --golden 0
away()
{
    mv rows.csv away.csv && run 3 export -m run --format c --fixed w8a16 -o no.c
    status=$?
    mv away.csv rows.csv && [ "$status" = 0 ] && lines err 1 && has err 'rows\.csv' && [ ! -e no.c ]
}
point "without data there are no formats" away
norms()
{
    run 0 -q -c small.ini -o run --overwrite -s train.epochs=1 -s model.layer_norm=yes &&
        fails '^seqtrain: --fixed: norms have no form in integers: model\.layer_norm = no$' --format c --fixed w8a16
}
point "norms" norms
windows()
{
    run 0 -q -c small.ini -o run --overwrite -s train.epochs=1 -s model.bidirectional=yes &&
        fails '^seqtrain: --fixed: a model in integers answers row by row and needs model\.bidirectional = no$' --format c --fixed w16a16
}
point "both directions" windows
echo "1..$points"
