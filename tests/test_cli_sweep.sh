#!/bin/sh
# SPDX-License-Identifier: MIT
# Variables and [sweep] on the command line: what a file stands for, checked, listed and trained.
top=$(cd "${srcdir-.}" && pwd) || exit 1
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

mkdir "a folder" elsewhere && cp candles.csv "a folder/one.csv" && candles 220 >"a folder/two.csv" || exit 1
{
    sed -e '/^output/d' -e 's/^source .*/source = ${vars.part}.csv/' -e 's/^epochs = 2/epochs = 1/' tiny.ini
    cat <<'INI'
[vars]
part = one

[sweep]
output        = fleet
vars.part     = one, two
data.window   = zip(10, 12)
model.latent  = zip(4, 3)
data.features = "open, close"
INI
} >"a folder/fleet.ini"
ini="a folder/fleet.ini"

# --- what there is

listed()
{
    run 0 sweep -c "$ini" --list && lines err 0 && lines out 4 && cp out commands &&
        has out "^[^ ]*/seqtrain train -c '$PWD/a folder/fleet.ini' -s run.output=$PWD/fleet/one-10 -s 'data.features=open, close' -s data.window=10 -s model.latent=4 -s vars.part=one --resume\$" &&
        [ "$(grep -o 'fleet/[a-z0-9-]* ' out | tr -d ' ' | tr '\n' ' ')" = "fleet/one-10 fleet/one-12 fleet/two-10 fleet/two-12 " ] &&
        [ ! -e fleet/one-10 ]
}
point "--list prints a command for each run" listed
fixed()
{
    run 0 sweep -c "$ini" --list -s vars.part=two -o other && lines out 2 &&
        [ "$(grep -c -- "-s run.output=$PWD/other/1[02] .* -s vars.part=two " out)" -eq 2 ]
}
point "what -s sets does not vary; -o is the folder" fixed
without_sweep()
{
    run 0 sweep -c tiny.ini --list && lines out 1 && has out "/tiny.ini --resume$"
}
point "a file without [sweep] is one run" without_sweep
# A run without a name of its own is called as its folder, and no folder is one of the sweep itself.
named()
{
    sed -e '/^output/d' -e '/^name/d' tiny.ini >names.ini
    printf '[vars]\nx = 1\n[sweep]\nvars.x = b-1, journal, claim, sweep.csv, timeline.png\n' >>names.ini
    run 0 sweep -c names.ini --list -o named && lines out 5 &&
        [ "$(sed 's/.* -s run.name=\([^ ]*\) .*/\1/' out | tr '\n' ' ')" = "b-1 journal_ claim_ sweep.csv_ timeline.png_ " ] &&
        [ "$(sed 's/.*\/named\/\([^ ]*\) .*/\1/' out | tr '\n' ' ')" = "b-1 journal_ claim_ sweep.csv_ timeline.png_ " ] &&
        run 0 sweep -c names.ini --list -s run.name=one && [ "$(grep -c run.name=one out)" -eq 5 ]
}
point "names of runs" named
one_folder()
{
    run 2 sweep -c names.ini --list -s sweep.run.output=here &&
        has err 'runs 1 and 2 would share the folder here: let run.output hold what varies \(\$\{vars.x\}\)'
}
point "runs that would share a folder" one_folder

refused()
{
    refused_pattern=$1
    shift
    run 2 "$@" && lines err 1 && has err "$refused_pattern" && [ ! -s out ]
}
point "a run that is none" refused '^seqtrain: --run 5: there are the runs 1 to 4$' sweep -c "$ini" --run 5
point "run 0" refused '^seqtrain: --run 0: there are the runs 1 to 4$' sweep -c "$ini" --run 0
point "a run that is no number" refused '^seqtrain: --run 1x: there are' sweep -c "$ini" --run 1x
point "a value that is none" refused "^seqtrain: -s sweep.data.window: 'x' is not a whole number$" \
    sweep -c "$ini" --list -s 'sweep.data.window=zip(10, x)'
from_pipe()
{
    mkfifo pipe || return 1
    cat tiny.ini >pipe &
    run 2 sweep -c pipe --list && has err '^seqtrain: --list: pipe is no plain file'
}
point "--list of a pipe" from_pipe

# --- checked

checked()
{
    run 0 check -c "$ini" && [ "$(grep -c ': valid$' out)" -eq 1 ] &&
        has out '^run 1 of 4: part = one, window = 10, latent = 4, features = open, close$' &&
        run 0 check --all -c "$ini" && [ "$(grep -c ': valid$' out)" -eq 4 ] &&
        has out '^run 4 of 4: part = two, window = 12, latent = 3, features = open, close$'
}
point "check looks at the first run, check --all at each" checked
checked_wrong()
{
    run 3 check --all -c "$ini" -s 'sweep.vars.part=none, one' &&
        has err '^seqtrain: 2 of 4 runs are not valid; the first: run 1 \(part = none, .*none.csv: No such file' &&
        [ "$(grep -c ': valid$' out)" -eq 2 ] && has out '^run 2 \(part = none'
}
point "check --all goes on behind a run that is not valid" checked_wrong
point "check --all without [sweep]" refused '^seqtrain: --all: nothing varies in tiny.ini' check --all -c tiny.ini
unused()
{
    run 0 check -c "$ini" -s vars.prat=x && has err 'warning: no value holds \$\{vars.prat\}$' &&
        run 0 check -c "$ini" && ! grep -q 'no value holds' err out
}
point "a variable that nothing holds is warned of" unused

# --- trained

# Each command, as a shell reads it, from another folder.
trained()
{
    (cd elsewhere && sh -e "$dir/commands" >"$dir/out" 2>"$dir/err") || return 1
    for name in one-10 one-12 two-10 two-12; do
        [ -f "fleet/$name/best.safetensors" ] || return 1
        ! grep -E '\[(vars|sweep)\]|\$' "fleet/$name/config.ini" || return 1
        has "fleet/$name/config.ini" "^source = $PWD/a folder/${name%-*}.csv$" "^window = ${name#*-}$" \
            "^output = $PWD/fleet/$name$" || return 1
        ! header "fleet/$name/last.safetensors" | grep -q 'vars' || return 1
    done
    ls elsewhere >left && [ ! -s left ]
}
point "the commands train the runs, from anywhere" trained
by_number()
{
    run 0 sweep -c "$ini" --run 3 -o numbered && lines err 0 &&
        has out '^run 3 of 4: part = two, window = 10' && same_weights numbered/two-10/best.safetensors \
        fleet/two-10/best.safetensors && [ "$(ls numbered | tr '\n' ' ')" = 'claim journal sweep.csv sweep.json two-10 ' ]
}
point "--run N trains that run, to the same bits" by_number
alone()
{
    run 0 -c "$ini" -o alone -s vars.part=two -s data.window=10 -s model.latent=4 -s 'data.features=open, close' &&
        ! grep -q 'sweep' out && same_weights alone/best.safetensors fleet/two-10/best.safetensors
}
point "as does the run alone" alone
again()
{
    run 0 sweep -c "$ini" --run 3 -o numbered && has out 'finished already' &&
        run 2 sweep -c "$ini" --run 3 -o numbered -s train.epochs=2 && has err "'epochs = 2' was 'epochs = 1'" &&
        run 0 sweep -c "$ini" --list -o numbered && eval "$(sed -n 3p out) -s train.epochs=2" >told && has told 'Resuming after epoch 1' &&
        run 0 sweep -c "$ini" --run 3 -o numbered --overwrite && ! grep -q 'finished\|Resuming' out
}
point "a run goes on, or is left as it is, or begins anew" again
base()
{
    run 0 -c "$ini" -o base && lines err 0 &&
        has out "^\[sweep\] varies vars.part and others: this run is of the base configuration; 'seqtrain sweep' trains all of them.$" &&
        has base/config.ini '^window = 10$' && ! grep -E '\[(vars|sweep)\]' base/config.ini
}
point "-c alone trains the base configuration and says so" base
from_config()
{
    cp base/config.ini first && (cd elsewhere && "$seqtrain" -q -c "$dir/base/config.ini" --overwrite) &&
        cmp first base/config.ini && same_weights base/best.safetensors base/best.safetensors
}
point "a run's config.ini is that run from anywhere" from_config
set_variable()
{
    run 0 -q -c "$ini" -o two -s vars.part=two && has two/config.ini "^source = $PWD/a folder/two.csv$" &&
        run 0 evaluate -c "$ini" -o figures -s vars.part=two -s run.output=two && has figures '"loss"'
}
point "-s vars.NAME=VALUE" set_variable

# A value goes through a shell as it is.
odd()
{
    cp candles.csv "a folder/it's \$x \"1\" \${y}.csv" &&
        run 0 sweep -c "$ini" --list -s "vars.part=\"it's \$x \"\"1\"\" \$\${y}\"" -s 'sweep.data.window=10' \
            -s model.latent=4 -o odd && lines out 1 && mv out commands && sh commands >out 2>err && [ -f odd/run/best.safetensors ]
}
point "odd names of files go through the shell" odd

# Random draws.
drawn()
{
    for samples in 3 5; do
        run 0 sweep -c "$ini" -s sweep.sampler=random -s "sweep.samples=$samples" \
            -s 'sweep.train.lr=log(1e-4,1e-2)' --list && lines out $samples && head -n 3 out >first.$samples || return 1
    done
    cmp first.3 first.5 && grep -o 'train.lr=[^ ]*' first.3 | sort -u >values && lines values 3
}
point "samples are drawn" drawn

# The tutorial of the manual: its files, as they stand there.
# example N: the Nth of its examples.
example()
{
    awk -v wanted="$1" '/^\.SH/ { on = $2 == "TUTORIAL" } /^\.EX/ { n += on; inside = on; next }
        /^\.EE/ { inside = 0 } inside && n == wanted' "$top/man/seqtrain-sweep.1" | sed 's/\\-/-/g'
}
tutorial()
{
    # shellcheck disable=SC2016 # the manual's text
    example 2 >coins.ini && has coins.ini '^source +=.*\$\{vars.coin\}' && cp "$top/configs/data/synthetic_candles.csv.gz" BTC.csv.gz &&
        for coin in ETH XRP SOL; do cp BTC.csv.gz $coin.csv.gz || return 1; done &&
        run 0 check --all -c coins.ini -d none -s device.memory=12GiB && has out '^run 8 of 8: coin = SOL, lr = 5e-3' || return 1
    { example 10 && sed -n '/^\[vars\]/,/^validation/p' coins.ini | sed '$d' && example 11 &&
        sed -n '/^\[model\]/,$p' coins.ini; } >folds.ini
    run 0 check --all -c folds.ini -d none -s device.memory=12GiB && has out '^run 3 of 3: fold = 3'
}
point "the tutorial's files" tutorial

echo "1..$points"
