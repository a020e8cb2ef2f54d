#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain export --format c: files that a C99 compiler takes without a warning, that agree with their golden
# vectors and, in a program of ten lines, with seqtrain predict; and what is refused.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

awk 'BEGIN { print "a,b"; for (i = 0; i < 900; i++) { x = sin(i * i / 50) + 0.3; printf "%.6g,%.6g\n", 40 + 9 * x, 5 + 2 * x / (1 + x * x) + cos(i / 9) } }' >rows.csv
cat >small.ini <<'INI'
[run]
name = small
output = run
[data]
source  = rows.csv
features = a, b
targets = a, b
target_rows = window
window  = 16
target_transform = standard
[model]
type   = recurrent
cell   = gru
hidden = 5
layers = 2
[train]
epochs = 1
batch  = 32
[plots]
enable = none
INI

# compiles NAME [FLAG...]: NAME.c into the program NAME, which prints nothing but what it finds.
compiles()
{
    name=$1
    shift
    ${CC-cc} -std=c99 -pedantic -Wall -Wextra -Werror -O1 "$@" -o "$name" "$name.c" -lm
}
golden()
{
    compiles model -DSEQTRAIN_MAIN && ./model >out && lines out 1 &&
        has out "^largest deviation [0-9.e-]+ of a target's standard deviation, allowed 1e-05$"
}

# The program of somebody who uses the file: lines of numbers in, a line of predictions for each row.
cat >by_row.c <<'C'
#include <stdio.h>
#include "model.c"
int main(void)
{
    static struct small_state s;
    float row[SMALL_FEATURES], out[SMALL_TARGETS];
    small_reset(&s);
    while (scanf("%f,%f", &row[0], &row[1]) == 2) {
        small_step(&s, row, out);
        printf("%.9g,%.9g\n", out[0], out[1]);
    }
    return 0;
}
C
cat >tiles.c <<'C'
#include <stdio.h>
#include "model.c"
int main(void)
{
    static struct small_state s;
    static float rows[SMALL_WINDOW * SMALL_FEATURES], out[SMALL_ROWS * SMALL_TARGETS];
    for (int n = 0; scanf("%f,%f", &rows[2 * n], &rows[2 * n + 1]) == 2; n = (n + 1) % SMALL_WINDOW)
        if (n + 1 == SMALL_WINDOW) {
            small_predict(&s, rows, out);
            for (int i = 0; i < SMALL_ROWS; i++)
                printf("%.9g,%.9g\n", out[2 * i], out[2 * i + 1]);
        }
    return 0;
}
C
cat >slides.c <<'C'
#include <stdio.h>
#include <string.h>
#include "model.c"
int main(void)
{
    static struct small_state s;
    static float rows[SMALL_WINDOW * SMALL_FEATURES], out[SMALL_ROWS * SMALL_TARGETS];
    float *last = rows + (SMALL_WINDOW - 1) * SMALL_FEATURES;
    for (int n = 1; scanf("%f,%f", last, last + 1) == 2; n++) {
        if (n >= SMALL_WINDOW) {
            small_predict(&s, rows, out);
            printf("%.9g,%.9g\n", out[0], out[1]);
        }
        memmove(rows, rows + SMALL_FEATURES, sizeof rows - SMALL_FEATURES * sizeof *rows);
    }
    return 0;
}
C
# same CALLER: its output for rows.csv is what predict -i rows.csv gave, to 1e-5 of the targets' deviations.
same()
{
    compiles "$1" && tail -n +2 rows.csv | ./"$1" >mine && run 0 predict -m run -i rows.csv ${whole:+-s data.eval_window=900} &&
        awk -F, 'NR == FNR { a[FNR] = $1; b[FNR] = $2; next }
            function far(x, y, most) { if (x - y > most || y - x > most) { print FNR, $0, y; exit failed = 1 } }
            FNR == 1 { next }
            # a series a column: its name, the row, the prediction
            $1 ~ /: a$/ { rows++; far($3, a[++na], 1e-4); next }
            $1 ~ /: b$/ { rows++; far($3, b[++nb], 2e-5); next }
            { rows++; far($2, a[FNR - 1], 1e-4); far($3, b[FNR - 1], 2e-5) }
            END { if (failed || rows < 800) { print rows + 0, "rows"; exit 1 } }' mine out
}
# model CALLER SETTING...: trains it and tries its file.
model()
{
    caller=$1
    shift
    run 0 -q -c small.ini -o run --overwrite "$@" && run 0 export -m run --format c -o model.c && lines err 0 &&
        has out '^model\.c: a model in C99: [0-9]+ numbers, [a-z ]+, [0-9]+ bytes of state$' && golden || return 1
    [ "$caller" = none ] || same "$caller"
}
each="-s data.eval_window=32"
ahead="-s data.target_rows=horizon -s data.horizon=2"
# shellcheck disable=SC2086
models()
{
    whole=
    point "GRU, row by row" model by_row $each
    point "LSTM with norms" model by_row $each -s model.cell=lstm -s model.layer_norm=yes
    point "RNN" model by_row $each -s model.cell=rnn -s data.scaler=standard -s data.target_transform=
    point "DGRU" model by_row $each -s model.type=dgru -s data.scaler=standard
    whole=yes # a window's zeros in front of it are those of the first row alone
    point "TCN" model by_row $each -s model.type=tcn -s model.conv_kernel=3 -s data.scaler=robust
    whole=
    point "transformer, causal" model tiles -s data.eval_window=16 -s model.type=transformer -s model.d_model=8 \
        -s model.heads=2 -s model.attention=causal -s model.positions=rotary -s model.norm_first=yes
    point "both directions" model slides $ahead -s model.bidirectional=yes -s model.head=mean -s data.scaler=window
    point "transformer" model slides $ahead -s model.type=transformer -s model.d_model=8 -s model.heads=2 \
        -s model.head=attention -s model.norm=rms -s model.activation=relu -s model.positions=sinusoidal -s model.reversible_norm=yes
    point "TCN of windows" model slides $ahead -s model.type=tcn -s model.conv_kernel=3 -s data.scaler='relative(a)' \
        -s 'data.target_transform=signed_log, scale(-1,1)'
    point "convolutions and a GRU" model slides $ahead -s model.type=cnn_recurrent -s model.conv_channels=4 \
        -s model.conv_norm=batch -s model.conv_pool=2 -s model.head=flatten -s model.attention_layers=1 -s model.heads=1
    point "channels apart" model slides -s data.channels=apart -s data.targets=channel -s data.target_rows=horizon -s data.horizon=1 -s model.cell=rnn
}
models

# --- what is broken is found

# broken FROM TO: the program finds a file in which that is changed.
broken()
{
    grep -Fq -e "$1" model.c || { echo "no $1" && return 1; }
    awk -v from="$1" -v to="$2" '{ at = index($0, from); if (at) $0 = substr($0, 1, at - 1) to substr($0, at + length(from)); print }' \
        model.c >broken.c
    compiles broken -DSEQTRAIN_MAIN && ! ./broken >out && has out '^largest deviation '
}
gru()
{
    run 0 -q -c small.ini -o run --overwrite && run 0 export -q -m run --format c -o model.c && [ ! -s out ] && golden
}
point "a GRU" gru
point "a gate that is another's is found" broken 'sigmoid(g[n + i]' 'sigmoid(g[i]'
point "a state that is not kept is found" broken 'h[i] = u + z * (h[i] - u);' 'h[i] = u - z * u;'
point "another scale of a target is found" broken 'v * step0_scale' '1.001 * v * step0_scale'
point "a number that is none is found" broken 'v * step0_scale' '(v < 0 ? NAN : v) * step0_scale'
point "names are those of the checkpoint" has model.c '^/\* gru\.weight_ih_l0 \[15, 2\] \*/$' '^static const float gru_weight_ih_l0\[30\] = \{$'
point "a file of no library and no memory" eval "! grep -nE 'malloc|calloc|realloc|free\(|<stdlib' model.c"
again()
{
    run 0 export -c small.ini -o again.c --format c && run 0 export -m run --format c && cmp out model.c
}
point "the same file each time" again

# --- what is refused

fails()
{
    pattern=$1
    shift
    run 2 export -m other --format c -o no.c "$@" && lines err 1 && has err "$pattern" && [ ! -e no.c ]
}
autoencoder()
{
    run 0 -q -c small.ini -o other -s model.type=autoencoder -s data.targets= -s data.target_rows=horizon \
        -s data.target_transform= -s model.d_model=8 -s model.heads=2 -s model.latent=4 &&
        fails '^seqtrain: --format c holds models of rows with data\.targets, and this model, of type autoencoder, has no targets'
}
point "an autoencoder is refused" autoencoder
echo "1..$points"
