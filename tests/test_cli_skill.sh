#!/bin/sh
# SPDX-License-Identifier: MIT
# What the verdict claims, through the whole of a training: on random walks, whose windows overlap and
# whose targets reach five rows ahead, it hardly ever claims skill; on a signal it does. SEQTRAIN_WALKS
# for more or fewer than 100.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

cat >walk.ini <<'INI'
[run]
output = run

[data]
source           = walk.csv
features         = ret(close), roc(close,5)
targets          = roc(close,5)
horizon          = 5
target_transform = standard
window           = 10
test             = 0.3

[model]
type    = recurrent
cell    = gru
hidden  = 8
layers  = 1
dropout = 0

[train]
epochs = 4
batch  = 64
lr     = 1e-2

[plots]
enable = none
INI

# prices SEED WAVE: 700 rows; a random walk, or with a wave noise about it.
prices()
{
    awk -v seed="$1" -v wave="$2" '
    function uniform() { # Park and Miller (1988), the same with every awk
        seed = 16807 * seed % 2147483647
        return seed / 2147483647
    }
    BEGIN {
        seed = 1000003 * seed
        print "close"
        for (i = 0; i < 700; i++) {
            gauss = -6
            for (k = 0; k < 12; k++)
                gauss += uniform()
            x = wave ? 0.05 * sin(i / 2.7) + 0.01 * gauss : x + 0.01 * gauss
            printf "%.6f\n", 100 * exp(x)
        }
    }' >walk.csv
}

# verdicts COUNT WAVE: the first words of the verdict on so many series, counted, in "verdicts".
verdicts()
{
    : >said
    for seed in $(seq "$1"); do
        prices "$seed" "$2"
        run 0 -c walk.ini --overwrite && has out '^Verdict: ' || return 1
        sed -n 's/^Verdict: \(better\|worse\|not distinguishable\|too few\).*/\1/p' out >>said
    done
    sort said | uniq -c >verdicts && lines said "$1"
}

# Better is said at the 1% level, and against what was best in training: once or so in a hundred.
walks=${SEQTRAIN_WALKS-100}
on_noise()
{
    verdicts "$walks" 0 && cat verdicts &&
        awk -v walks="$walks" '$2 == "better" { n = $1 } END { exit !(20 * n <= walks) }' verdicts
}
point "of $walks random walks at most one in twenty has a verdict that claims skill" on_noise
on_a_signal()
{
    verdicts 10 1 && cat verdicts && [ "$(sed 's/^ *//' verdicts)" = '10 better' ]
}
point "on a signal it is found" on_a_signal
few()
{
    prices 1 1 && run 0 -c walk.ini --overwrite -s data.test=0.07 &&
        has out '^Verdict: too few windows to tell, [5-9] that are independent and not 10: MSE '
}
point "of fewer than 10 independent windows nothing is claimed" few
echo "1..$points"
