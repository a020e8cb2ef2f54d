#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain sweep with sampler = tpe: points are drawn by what runs have come to, journaled, and never
# drawn again; the journals give the same points again.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
replay=${seqtrain%/seqtrain}/tests/replay_search

# search EPOCHS LINE...: a sweep that searches.
search()
{
    sed -e '/^output/d' -e "s/^epochs = 2/epochs = $1/" -e 's/^enable .*/enable = loss_curves/' tiny.ini
    shift
    printf '[sweep]\noutput = search\nslots = 0\n'
    printf '%s\n' "$@"
}

# drawn FOLDER: runs and their values, in the order of numbers.
drawn()
{
    cat "$1"/journal/*.jsonl | sed -n 's/.*"event":"drawn".*"run":\([0-9]*\),"by":"\([a-z]*\)","values":\({[^}]*}\).*/\1 \2 \3/p' | LC_ALL=C sort -n
}

# again POINTS: so many are drawn again, the same.
again()
{
    "$replay" search.ini >replayed 2>&1 && has replayed "^$1 points, 0 reports, 0 differ$" || { cat replayed && return 1; }
}

search 2 'sampler = tpe' 'samples = 8' 'tpe_startup_trials = 3' 'train.lr = log(1e-4, 1e-1)' 'train.weight_decay = 0, 0.01' >search.ini
whole()
{
    run 0 sweep -c search.ini && [ ! -s err ] && has out '^Run 8 \(8\) ended: ' '^8 of 8 runs ended' &&
        drawn search >points && lines points 8 && [ "$(grep -c ' random ' points)" -eq 3 ] &&
        [ "$(cut -d' ' -f3 points | sort -u | wc -l)" -eq 8 ]
}
point "tpe draws a point for each run, the first ones at random" whole
point "the journal gives the same points again" again 8
same_again()
{
    cp -r search first && run 0 sweep -c search.ini -o second && drawn second >again && cmp points again
}
point "the same search draws the same points" same_again
alone()
{
    for n in 1 8; do
        run 0 -q -c "first/$n/config.ini" -o alone --overwrite && same_weights "first/$n/best.safetensors" alone/best.safetensors || return 1
    done
}
point "a run equals the same run alone, bit for bit" alone
told()
{
    lr=$(sed -n 's/^8 .*"train.lr":"\([^"]*\)".*/\1/p' points)
    has first/sweep.csv '^run,name,train.lr,train.weight_decay,state,' "^8,8,$lr,0[.01]*,ended,0,2,[12],val_loss," &&
        has first/8/config.ini "^lr = $lr$" && has first/8/console.log '^run 8 of 8: lr = '
}
point "its values stand in sweep.csv, config.ini and console" told
picture()
{
    png first/parallel_coordinates.png
}
point "pictures show them" picture

# --- one by one

single()
{
    rm -rf search
    run 0 sweep -c search.ini --run 5 && has out '^run 5 of 8: lr = ' && drawn search >single && lines single 1 &&
        run 0 sweep -c search.ini --status && has out '^ +5  5 +ended' '^ +1  1 +waiting' &&
        has search/sweep.csv '^1,1,,,waiting,' && has search/sweep.json '"train.lr": null' &&
        run 0 sweep -c search.ini && drawn search >all && lines all 8 && [ "$(sed -n 5p all)" = "$(cat single)" ] && again 8
}
point "--run N draws its point; the sweep goes on around it" single
anew()
{
    run 0 sweep -c search.ini --run 5 --overwrite && drawn search | cmp - all
}
point "--run N --overwrite trains the same point again" anew
refused()
{
    pattern=$1
    shift
    run 2 sweep -c search.ini "$@" && lines err 1 && has err "$pattern"
}
point "--list tells the way out" refused "^seqtrain: --list: sampler = tpe chooses .*'seqtrain sweep -c search.ini --run N' .* N from 1 to 8$" --list
point "assign = list is refused" refused 'assign = list goes by values, which sampler = tpe draws' -o other -s sweep.assign=list
point "run.output is refused" refused 'sampler = tpe: each run has a folder in sweep.output' -s run.output=x
point "figures that differ are refused" refused 'train.monitor and train.mode must not vary' -s 'sweep.train.monitor=val/loss, train/loss' -o other
point "another number of runs is another sweep" refused "'samples = 9' was 'samples = 8'" -s sweep.samples=9
point "so is another search" refused "'tpe_startup_trials = 4' was 'tpe_startup_trials = 3'" -s sweep.tpe_startup_trials=4
checked()
{
    run 0 check --all -c search.ini && [ "$(grep -c ': valid$' out)" -eq 3 ] &&
        has out '^The values of 5 more runs are chosen as the sweep goes \(sampler = tpe\)\.$'
}
point "check --all checks the runs that are known" checked

# --- side by side

together()
{
    rm -rf search
    "$seqtrain" sweep -c search.ini >out.1 2>err.1 &
    one=$!
    run 0 sweep -c search.ini && wait $one || { cat out.1 err.1 out && return 1; }
    drawn search >points && lines points 8 && [ "$(cut -d' ' -f1 points | sort -u | wc -l)" -eq 8 ] && again 8
}
point "two supervisors draw no number twice" together

echo "1..$points"
