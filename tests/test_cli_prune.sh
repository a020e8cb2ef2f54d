#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain sweep with pruners, and with sampler = tpe beside them: runs are pruned by what runs have come to,
# which is journaled; the journals give the same decisions again, also after kills.
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

# again POINTS REPORTS: so much is decided again, the same.
again()
{
    "$replay" "$ini" >replayed 2>&1 && has replayed "^$1 points, $2 reports, 0 differ$" || { cat replayed && return 1; }
}

# reports: run, epoch, figure and decision of all reports, and "RUN ended", in their order.
reports()
{
    cat search/journal/*.jsonl | sort -t: -k2n | sed -n \
        -e 's/.*"event":"report".*"run":\([0-9]*\),"epoch":\([0-9]*\),"figure":\([^,]*\),"rungs":[0-9]*,"decision":"\([a-z]*\)".*/\1 \2 \3 \4/p' \
        -e 's/.*"event":"ended".*"run":\([0-9]*\),.*/\1 ended/p'
}
# what asha and median are, once more: reports as above, with the decision that they would have.
asha='$2 == "ended" { next }
    { came = ++n[$2]; figure[$2, came] = $3; better = 0
      for (i = 1; i < came; i++) better += sign * figure[$2, i] < sign * $3
      places = int(came / 2); if (!places) places = 1
      print $1, $2, $3, $4 == "end" ? "end" : better < places ? "continue" : "prune" }'
median='$2 == "ended" { done[$1] = 1; ended++; next }
    { figure[$1, $2] = sign * $3
      if ($2 == 1 || sign * $3 < best[$1]) best[$1] = sign * $3
      m = 0; for (run in done) v[++m] = figure[run, $2]
      for (i = 2; i <= m; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      middle = m % 2 ? v[(m + 1) / 2] : (v[m / 2] + v[m / 2 + 1]) / 2
      prunes = ended >= 2 && $2 >= 3 && best[$1] > middle
      print $1, $2, $3, $4 == "end" ? "end" : prunes ? "prune" : "continue" }'

# judged PRUNER SIGN SETTING...: a sweep with it, whose decisions are as they should be.
judged()
{
    rule=$1 sign=$2
    shift 2
    rm -rf search
    run 0 sweep -c pruned.ini "$@" && reports >told && grep ' ' told | grep -v ended >decided &&
        awk -v sign="$sign" "$rule" told | cmp - decided && grep -q prune decided && grep -q end decided || { cat told && return 1; }
}
# all as seen in results: pruned runs are told, with the epoch of the decision, and have a checkpoint.
pruned_runs()
{
    sed -n 's/^\([0-9]*\) \([0-9]*\) .* prune$/\1 \2/p' told >pruned
    while read -r n epoch; do
        folder=$(sed -n "s/^$n,.*,pruned,0,$epoch,.*,\(search[^,]*\),[^,]*$/\1/p" search/sweep.csv)
        [ -n "$folder" ] && [ "$(epochs "$folder" epoch | wc -l)" -eq "$epoch" ] && [ -f "$folder/last.safetensors" ] &&
            has "$folder/log.jsonl" "\"event\":\"pruned\".*\"epoch\":$epoch}" && ! grep -q '"event":"end"' "$folder/log.jsonl" &&
            has out "^Run $n \(.*\) was pruned after epoch $epoch: val_loss 0" || { echo "$n" && return 1; }
    done <pruned
    count=$(wc -l <pruned)
    has out "^$((10 - count)) of 10 runs ended, $count (was|were) pruned: search/sweep.csv$" && [ "$(events search started)" -eq 10 ] &&
        run 0 sweep -c pruned.ini --status && has out "^$((10 - count)) of 10 runs ended, $count pruned, 0 running, 0 failed\.$"
}
ini=pruned.ini
search 8 'sampler = random' 'samples = 10' 'pruner = asha' 'min_resource = 2' 'reduction_factor = 2' 'train.lr = log(1e-4, 3e-2)' >pruned.ini
point "asha prunes runs by what came to a rung" judged "$asha" 1
point "they are told, and end with a checkpoint" pruned_runs
point "the journal gives the same decisions" again 0 "$(wc -l <decided)"
best()
{
    winner=$(grep ',ended,' search/sweep.csv | LC_ALL=C sort -t, -k9,9g | head -n 1 | cut -d, -f2)
    run 0 sweep -c pruned.ini --best && cmp out "search/$winner/config.ini"
}
point "--best is a run that has ended" best
goes_on()
{
    folder=$(sed -n 's/.*,pruned,.*,\(search[^,]*\),[^,]*$/\1/p' search/sweep.csv | head -n 1)
    run 0 -q -c "$folder/config.ini" -o alone --overwrite && cp -r "$folder" went_on &&
        run 0 -q -c "$folder/config.ini" -o went_on --resume && same_weights went_on/best.safetensors alone/best.safetensors
}
point "a pruned run can go on by itself, to the same bits" goes_on
forged()
{
    cp -r search kept
    sed -i '0,/"decision":"prune"/s//"decision":"continue"/' search/journal/*.jsonl
    ! "$replay" pruned.ini >replayed 2>&1 && has replayed '^run [0-9]*: another decision in epoch 2$' ' [1-9][0-9]* differ$'
}
point "a decision that is not theirs is found" forged
lost()
{
    # all but the first report is lost; the logs of the runs tell
    rm -rf search && cp -r kept search && journal=$(ls search/journal/*.jsonl) &&
        head -n "$(grep -n '"event":"report"' "$journal" | sed -n '1s/:.*//p')" "$journal" >head && cp head "$journal" &&
        cp told before && run 0 sweep -c pruned.ini && reports >told && grep ' [0-9].* ' told | sort >all &&
        grep ' [0-9].* ' before | sort | cmp - all && again 0 "$(wc -l <decided)"
}
point "epochs that no journal has are judged again, by the runs' logs" lost
point "asha for a figure that is to be high" judged "$asha" -1 -s train.mode=max
sed -i 's/^pruner .*/pruner = median\nstartup_trials = 2\nwarmup_steps = 3/' pruned.ini
point "median prunes runs by those that have ended" judged "$median" 1
point "they are told, too" pruned_runs
point "the journal gives the same decisions" again 0 "$(wc -l <decided)"
single_pruned()
{
    rm -rf search
    for n in 1 2 3 4 5 6; do
        run 0 sweep -c pruned.ini --run $n || return 1
    done
    reports >told && grep -v ended told >decided && awk -v sign=1 "$median" told | cmp - decided &&
        n=$(sed -n 's/ .*prune$//p' told | head -n 1) && [ -n "$n" ] && again 0 "$(wc -l <decided)" &&
        run 0 sweep -c pruned.ini --run "$n" && has out "^run $n of 10 was pruned: it is at its end$"
}
point "--run N judges its epochs itself" single_pruned

ini=both.ini
search 8 'sampler = tpe' 'samples = 10' 'tpe_startup_trials = 3' 'pruner = asha' 'train.lr = log(1e-4, 3e-2)' | sed 's/^slots.*/slots = 0, 0/' >both.ini
both()
{
    rm -rf search
    "$seqtrain" sweep -c both.ini >out.1 2>err.1 &
    one=$!
    run 0 sweep -c both.ini && wait $one || { cat out.1 err.1 out && return 1; }
    again 10 "$(events search report)" && has search/sweep.csv ',pruned,'
}
point "tpe and asha, with two supervisors of two slots each" both
instants()
{
    (cd "${seqtrain%/seqtrain}" && srcdir=${srcdir-.} sh "${srcdir-.}/tests/fleet_kills.sh" 2 $$ search)
}
point "random instants: workers, supervisors, journals that are cut" instants

echo "1..$points"
