#!/bin/sh
# SPDX-License-Identifier: MIT
# Event files for TensorBoard: what is in them, by text; their form is test_tensorboard's matter.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# board FOLDER ARGUMENT...: trains tiny.ini there, with event files.
board()
{
    folder=$1
    shift
    run 0 -q -c tiny.ini -o "$folder" -s log.tensorboard=yes "$@"
}

# tags FOLDER: what its event files hold that looks like a name, one a line, sorted, with how often.
tags()
{
    cat "$1"/events.out.tfevents.*.seqtrain | tr -c '[:graph:]' '\n' | sed 's/[^a-z_0-9./]*$//' |
        grep -E '(train|val|test|run|steps|telemetry|weights|gradients|_hparams_)/' |
        sed -E 's,^.*((train|val|test|run|steps|telemetry|weights|gradients|_hparams_)/),\1,' | sort | uniq -c |
        sed 's/^ *//'
}

# told FOLDER "N TAG"...: each is there so many times.
told()
{
    tags "$1" >tags
    shift
    for wanted; do
        grep -qxF "$wanted" tags || { echo "no '$wanted' in:" && cat tags && return 1; }
    done
}

files()
{
    find "$1" -name 'events*' | wc -l
}

by_itself()
{
    run 0 -q -c tiny.ini -o none && [ "$(files none)" -eq 0 ]
}
point "none by itself" by_itself
figures()
{
    board one -s plots.enable=loss_curves && lines err 0 && [ "$(files one)" -eq 1 ] &&
        told one '2 train/loss' '2 val/reconstruction' '2 run/lr' '2 run/windows_per_second' \
            '2 weights/input.weight' '2 gradients/input.weight' '1 test/loss' '1 run/best' \
            '1 _hparams_/session_start_info' '1 _hparams_/session_end_info' &&
        grep -aq 'loss_curves' one/events* && grep -aq 'IHDR' one/events* && grep -aq 'model.d_model' one/events* &&
        grep -aq '    d_model = 8' one/events* && same_weights none/best.safetensors one/best.safetensors
}
point "figures, histograms, pictures and the configuration of a run, whose weights are the same" figures
seldom()
{
    board some -s train.epochs=5 -s log.histograms=2 -s log.every='2 steps' &&
        told some '3 weights/input.weight' '3 gradients/input.weight' '5 train/loss' '10 steps/train_loss' &&
        board no -s log.histograms=0 && told no '2 train/loss' && ! grep -E 'weights|gradients' tags
}
point "histograms of every other epoch and the last, or of none" seldom

# Not what each process tells anew, and not what the sensors may or may not tell.
of_steps()
{
    grep -Ev ' (run/start_seconds|_hparams_|val/loss|telemetry)'
}

# A run that is killed a few times at a checkpoint, the first one left aside: by the command of log.on_event,
# which gets there sooner or later.
cat >kill.sh <<'SH'
[ "$SEQTRAIN_EVENT" != checkpoint ] || [ ! -e killed/last.safetensors ] || kill -KILL "$PPID"
SH
killed()
{
    long="-q -c tiny.ini -s log.tensorboard=yes -s log.every=0.2epochs -s train.epochs=12 -s train.checkpoint=0.4epochs"
    tries=0
    while [ "$tries" -lt 3 ]; do
        tries=$((tries + 1))
        # shellcheck disable=SC2086
        "$seqtrain" $long -o killed -r -s log.on_event="sh kill.sh" >out 2>err </dev/null
        [ $? -eq 137 ] || break
        for last in killed/events*; do :; done
        head -c 20 "$last" >part && cat part >>"$last" # half of a record
    done
    # shellcheck disable=SC2086
    run 0 $long -o killed -r && run 0 $long -o whole && grep -q '"event":"resume"' killed/log.jsonl &&
        told killed '12 train/loss' '48 steps/train_loss' '12 weights/input.weight' '1 test/loss' &&
        of_steps <tags >tags.killed && tags whole | of_steps | diff - tags.killed &&
        same_weights killed/best.safetensors whole/best.safetensors
}
point "each step once after kills and resumes" killed

again()
{
    board one -r && [ "$(files one)" -eq 1 ] && # finished
        board one -r -s train.epochs=3 && [ "$(files one)" -eq 2 ] &&
        told one '3 train/loss' '3 weights/input.weight' '2 run/best' &&
        run 0 -q -c tiny.ini -o one --overwrite && [ "$(files one)" -eq 0 ] &&
        board one -r -s train.epochs=3 && [ "$(files one)" -eq 1 ] && told one '1 train/loss'
}
point "a finished run goes on in a file of its own; --overwrite removes all" again

cat >sweep.ini <<'INI'
[sweep]
output = fleet
train.lr = 1e-3, 2e-3
vars.width = zip(8, 12)
model.latent = zip(4, 5)

[vars]
width = 8
INI
sed 's/^d_model .*/d_model = ${vars.width}/; /^output/d' tiny.ini >>sweep.ini
swept()
{
    run 0 sweep -q -c sweep.ini -s log.tensorboard=yes -s log.histograms=0 && [ "$(files fleet)" -eq 4 ] || return 1
    for file in fleet/*/events*; do
        names=$(tr -c '[:graph:]' '\n' <"$file" | sed -n '/_hparams_.session_start/,/^config/p' |
            grep -oE '(train|vars|model|data)\.[a-z_]+$' | sort | paste -s -d ' ' -)
        [ "$names" = 'model.latent train.lr vars.width' ] || { echo "$file: $names" && return 1; }
    done
}
point "each run of a sweep has what varies as its hyperparameters" swept

echo "1..$points"
