#!/bin/sh
# SPDX-License-Identifier: MIT
# The folds of a walk-forward test as runs of a sweep: figures by fold and pooled.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# 602 rows whose next value follows from the last ones; the folds test rows 103 to 602.
awk 'BEGIN { print "t,x"
    for (i = 0; i < 602; i++) printf "%d,%.9g\n", 1600000020 + 60 * i, sin(i / 3) }' >walk.csv
cat >folds.ini <<'INI'
[data]
source     = walk.csv
time       = t
features   = x
targets    = x
window     = 8
horizon    = 3
split      = walk_forward
folds      = 5
look_back  = yes
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
epochs   = 3
batch    = 32
lr       = 1e-2
schedule = constant
[plots]
enable = none
[sweep]
output       = fleet
slots        = 0, 0
data.fold    = 5, 1, 2, 3, 4
model.hidden = 8, 6
INI

whole()
{
    run 0 sweep -c folds.ini && has out '^10 of 10 runs ended' && [ "$(grep -c '^Tested on 5 of 5 folds: x; model.hidden = [86]$' out)" -eq 2 ] &&
        [ "$(grep -Ec '^ +[1-5] +100 ' out)" -eq 10 ] && [ "$(grep -Ec '^ +pooled +500 ' out)" -eq 2 ] &&
        [ "$(grep -c '^over folds: MSE .*, deviation .*; less by .*%, deviation .* points$' out)" -eq 2 ] &&
        [ "$(sed -n '/hidden = 6$/,$s/^ *\([1-5]\) .*/\1/p' out | tr -d '\n')" = 12345 ]
}
point "figures by fold and pooled are printed when the sweep ends" whole
# table HIDDEN COLUMN: the column of sweep.csv, by fold.
table()
{
    awk -F, -v hidden="$1" -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } $4 == hidden { print $3, $at }' fleet/sweep.csv | sort | cut -d' ' -f2
}
# pooled HIDDEN KEY: from the table on the console; from sweep.json's test of this width.
pooled()
{
    sed -n "/hidden = $1\$/,/^over/s/^ *pooled *//p" out | awk -v at="$2" '{ sub("%", "", $at); print $at }'
}
mean()
{
    awk '{ s += $1 } END { printf "%.10g\n", s / NR }'
}
# naive_of AHEAD: squared errors of the last value over the rows that are tested, from the file.
naive_of()
{
    sed 1d walk.csv | awk -F, '{ x[NR] = $2 } END { for (i = 103; i <= 602; i++) s += (x[i] - x[i - 3]) ^ 2; printf "%.10g\n", s / 500 }'
}
variance()
{
    sed 1d walk.csv | awk -F, 'NR > 102 { s += $2; q += $2 * $2 } END { printf "%.10g\n", q / 500 - (s / 500) ^ 2 }'
}
figures()
{
    for width in 8 6; do
        lines_of=$(table $width mse | wc -l)
        [ "$lines_of" -eq 5 ] && near 1e-5 "$(pooled $width 2)" "$(table $width mse | mean)" && near 1e-4 "$(pooled $width 3)" "$(naive_of)" &&
            near 1e-4 "$(table $width naive_mse | mean)" "$(naive_of)" &&
            near 1e-3 "$(pooled $width 5)" "$(awk -v mse="$(pooled $width 2)" -v var="$(variance)" 'BEGIN { print 1 - mse / var }')" || return 1
        table $width mse | awk -v told="$(sed -n "/hidden = $width\$/,/^over/s/^over folds: MSE .*, deviation \([^;]*\);.*/\1/p" out)" '{ x[NR] = $1; s += $1 }
            END { for (i in x) q += (x[i] - s / NR) ^ 2; d = sqrt(q / (NR - 1)) - told; exit !(d < 1e-4 * told && d > -1e-4 * told) }' || { echo "deviation of $width" && return 1; }
    done
}
point "they are those of the values of all folds" figures
log_of()
{
    for fold in 1 2 3 4 5; do
        told=$(grep '"event":"verdict"' "fleet/$fold-8/log.jsonl" | sed 's/.*"original":{"x":{"mse":\([^,]*\),.*/\1/')
        [ "$(table 8 mse | sed -n ${fold}p)" = "$told" ] || { echo "fold $fold: $told" && return 1; }
    done
}
point "each fold's is that of its log" log_of
json()
{
    has fleet/sweep.json '"tests": \[' '"target": "x"' '"model.hidden": "6"' '"pooled": \{' '"spread": \{' '"of_folds": 5' &&
        near 1e-5 "$(awk '/"tests"/ { t = 1 } t && /"model.hidden": "8"/ { t = 2 } t == 2 && /"pooled"/ { t = 3 } t == 3 && /"mse"/ { sub(",", "", $2); print $2; exit }' fleet/sweep.json)" "$(pooled 8 2)"
}
point "sweep.json has them" json
status()
{
    sed -n '/^Tested/,/^over/p' out >before && run 0 sweep -c folds.ini --status && sed -n '/^Tested/,/^over/p' out | diff - before && lines before 18
}
point "--status prints them" status
other_keys()
{
    run 0 sweep -c folds.ini -s data.fold=2 -o others -s train.epochs=1 && ! grep Tested out && [ "$(head -n 1 others/sweep.csv)" = run,name,model.hidden,state,failures,epochs,best_epoch,figure,best,seconds,folder,changed ]
}
point "nothing of it where no fold varies" other_keys

# --- each fold from the one before

# events NAME: the runs of such events, in the order of the journals.
events()
{
    cat chain/journal/*.jsonl | sed -n 's/^{"n":\([0-9]*\),"event":"'"$1"'".*"run":\([0-9]*\).*/\1 \2/p' | sort -n | cut -d' ' -f2 | tr '\n' ' '
}
continued()
{
    run 0 sweep -c folds.ini -s model.hidden=8 -s sweep.continue_folds=yes -o chain && has out '^5 of 5 runs ended' && init= || return 1
    [ "$(events started)" = '2 3 4 5 1 ' ] && [ "$(events ended)" = '2 3 4 5 1 ' ] || { events started && events ended && return 1; }
    for fold in 1 2 3 4 5; do
        # shellcheck disable=SC2086 # words
        run 0 -q -c folds.ini -o alone$fold -s model.hidden=8 -s data.fold=$fold $init && same_weights chain/$fold/best.safetensors alone$fold/best.safetensors || return 1
        init="-s model.init=alone$fold/best.safetensors"
    done
    ! same_weights chain/2/best.safetensors fleet/2-8/best.safetensors
}
point "continue_folds: each starts from the best weights of the fold before" continued
listed()
{
    run 0 sweep -c folds.ini -s model.hidden=8 -s sweep.continue_folds=yes -o chain --list &&
        [ "$(grep -c 'model.init=' out)" -eq 4 ] && has out "data.fold=3 .*model.init=$dir/chain/2/best.safetensors" && ! grep 'data.fold=1 .*model.init' out
}
point "--list says so" listed
beside()
{
    rm -rf chain
    run 1 sweep -c folds.ini -s model.hidden=8 -s sweep.continue_folds=yes -o chain --run 4 && has err '^seqtrain: run 4 starts from the weights of run 3, which has not ended$'
    rm -rf chain
    run 0 sweep -c folds.ini -s sweep.continue_folds=yes -o chain && has out '^10 of 10 runs ended' && same_weights chain/5-8/best.safetensors alone5/best.safetensors
}
point "other keys make chains side by side; --run keeps the order" beside
broken()
{
    rm -rf chain
    mkdir -p chain/2/plan.json
    run 1 sweep -c folds.ini -s model.hidden=8 -s sweep.continue_folds=yes -o chain && has err '^seqtrain: 1 of 5 runs failed for good; the first: run 3 ' '^seqtrain: 3 of them are to be done$' && has out '^1 of 5 runs ended' || return 1
    rmdir chain/2/plan.json
    run 0 sweep -c folds.ini -s model.hidden=8 -s sweep.continue_folds=yes -o chain && has out '^5 of 5 runs ended' && same_weights chain/5/best.safetensors alone5/best.safetensors
}
point "a fold that fails holds up those behind it" broken
refused()
{
    run 2 sweep -c folds.ini -s data.fold=1 -s sweep.continue_folds=yes -o none && has err 'continue_folds needs a list of data.fold in \[sweep\]$' &&
        run 2 sweep -c folds.ini -s sweep.sampler=random -s sweep.continue_folds=yes -o none && has err 'needs sampler = grid$' &&
        run 2 sweep -c folds.ini -s sweep.pruner=asha -s sweep.continue_folds=yes -o none && has err 'needs pruner = none$' &&
        run 2 sweep -c folds.ini -s data.split=chronological -s data.look_back=no -s sweep.continue_folds=yes -o none && has err 'needs data.split = walk_forward$' &&
        run 2 sweep -c folds.ini -o chain && has err 'chain holds another sweep'
}
point "refused where there is no chain" refused

echo "1..$points"
