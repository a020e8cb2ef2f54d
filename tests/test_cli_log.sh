#!/bin/sh
# SPDX-License-Identifier: MIT
# The log of a run: objects that any reader of JSON takes, and few enough.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# json FILE: each line is an object, by a reader that is not ours.
json()
{
    if command -v jq >/dev/null; then
        [ "$(jq -c 'objects' "$1" | wc -l)" -eq "$(wc -l <"$1")" ]
    else
        python3 -c 'import json, sys
assert all(isinstance(json.loads(line), dict) for line in open(sys.argv[1], encoding="utf-8"))' "$1"
    fi
}
if command -v jq >/dev/null || command -v python3 >/dev/null; then
    reads() { point "$1: a reader of JSON takes each line" json "$2"; }
else
    reads() { skip "$1: a reader of JSON takes each line" "there is neither jq nor python3"; }
fi

# --- what every object has

point "a long run" run 0 -q -c tiny.ini -s train.epochs=200 -s run.name='a "run"'
reads "a long run" run/log.jsonl
small()
{
    size=$(wc -c <run/log.jsonl)
    echo "$size bytes"
    [ "$size" -lt 200000 ] && [ "$(epochs run epoch | wc -l)" -eq 200 ]
}
point "200 epochs are less than 200 KB" small
forms()
{
    ! grep -Ev '^\{"event":"[a-z]+","time":"[-0-9]{10}T[:0-9]{8}\.[0-9]{3}Z","run":"a \\"run\\"","level":"info"[,}]' \
        run/log.jsonl
}
point "each with event, time, run and level" forms
configured()
{
    [ "$(grep -c '"config":' "$1/log.jsonl")" -eq 1 ] &&
        has "$1/log.jsonl" '^\{"event":"start",.*"config":\{"run":\{"name":' '"features":\["open","close","volume"\]' \
            '"lr":0\.001,' '"lock":true' '"warmup":"1 steps"' '"threads":"auto"' '"split":"chronological"'
}
point "the configuration once" configured run
resumed()
{
    run 0 -q -c tiny.ini -o more && run 0 -q -c tiny.ini -o more -r -s train.epochs=3 && configured more &&
        [ "$(grep -c '^{"event":"start"' more/log.jsonl)" -eq 2 ]
}
point "and not again by a resumed run" resumed

# --- objects between epochs: their losses are means over the steps since the one before; an epoch has
# five steps

# steps FOLDER: the losses of its objects between epochs, one a line.
steps()
{
    sed -n '/^{"event":"step",/s/.*"train_loss":\([^,]*\).*/\1/p' "$1/log.jsonl"
}
between()
{
    run 0 -q -c tiny.ini -o none && run 0 -q -c tiny.ini -o one -s 'log.every=1 steps' &&
        run 0 -q -c tiny.ini -o two -s 'log.every=2 steps' && [ -z "$(steps none)" ] &&
        steps one | awk '{ v[NR] = $1 } END { printf "%.9f\n%.9f\n%.9f\n%.9f\n", (v[1] + v[2]) / 2,
            (v[3] + v[4]) / 2, v[5], (v[6] + v[7]) / 2 }' >one.steps &&
        steps two | paste one.steps - | awk '{ d = $1 / $2 - 1; if (d < -1e-4 || d > 1e-4) exit 1 }
            END { exit NR != 4 }' &&
        same_weights none/best.safetensors one/best.safetensors
}
point "objects between epochs" between
reads "with objects between epochs" one/log.jsonl

# --- a file for Prometheus' node exporter

# of NAME FILE: the value of a metric, with its labels.
of()
{
    grep -F "seqtrain_$1 " "$2" | sed 's/.* //'
}
prometheus()
{
    run 0 -q -c tiny.ini -o run.prom -s log.prometheus=x.prom -s run.name='a "\b' -s 'log.every=1 steps' && lines err 0 &&
        label='run="a \"\\b"' && [ "$(of "running{$label}" x.prom)" = 0 ] &&
        [ "$(of "epoch{$label}" x.prom)" = 2 ] && [ "$(of "steps_total{$label}" x.prom)" = 10 ] &&
        near 1e-9 "$(epochs run.prom val_loss | tail -n 1)" "$(of "loss{$label,part=\"val\"}" x.prom)" &&
        near 1e-9 "$(epochs run.prom train_loss | tail -n 1)" "$(of "loss{$label,part=\"train\"}" x.prom)" &&
        near 1e-9 "$(epochs run.prom grad_norm | tail -n 1)" "$(of "gradient_norm{$label}" x.prom)" &&
        ! ls x.prom.*
}
point "a file for Prometheus" prometheus
# As the format is defined: each family has its HELP and TYPE in front of its values.
exposition()
{
    awk '/^# HELP seqtrain_[a-z_]+ [^ ]/ { help = $3; next }
        /^# TYPE seqtrain_[a-z_]+ (gauge|counter)$/ { if ($3 != help || seen[$3]++) exit 1
            if (($4 == "counter") != ($3 ~ /_total$/)) exit 1; name = $3; next }
        !/^seqtrain_[a-z_]+\{run="a \\"\\\\b"(,part="(train|val)")?\} [-+.0-9eNaInf]+$/ { exit 1 }
        { sub(/\{.*/, ""); if ($0 != name) exit 1; n++ } END { exit n != 15 }' x.prom
}
point "it has the form that Prometheus defines" exposition
unwritable()
{
    run 0 -q -c tiny.ini -o run.prom --overwrite -s log.prometheus=no/such/folder/x.prom && lines err 1 &&
        has err '^seqtrain: warning: log\.prometheus: no/such/folder/x\.prom: No such file or directory$'
}
point "a file that cannot be written is told once, and the run goes on" unwritable

# --- a command at events

sed '$a [log]\
on_event = sh -c '"'"'echo "$SEQTRAIN_EVENT $SEQTRAIN_LEVEL $SEQTRAIN_RUN $SEQTRAIN_FOLDER" >>events'"'" tiny.ini >event.ini
commands()
{
    run 0 -q -c event.ini -o cmd && lines err 0 && sort -u events >all &&
        [ "$(cat all)" = 'checkpoint info tiny cmd
end info tiny cmd' ] && [ "$(grep -c end events)" -eq 1 ] && run 0 -q -c cmd/config.ini --overwrite && lines err 0
}
point "a command at checkpoints and at the end" commands
at_error()
{
    rm -f events
    run 3 -q -c event.ini -o cmd2 -s data.source=candles.csv -s data.features=open,none && [ ! -e cmd2 ] &&
        [ "$(cat events)" = 'error error tiny cmd2' ]
}
point "and where a run cannot begin" at_error
fails()
{
    run 0 -q -c tiny.ini -o cmd3 -s log.on_event="sh -c 'exit 7'" && lines err 1 &&
        has err '^seqtrain: warning: log\.on_event: sh ended with status 7$' &&
        has cmd3/log.jsonl '"event":"warning".*log\.on_event: sh ended with status 7'
}
point "one that fails is told once, and the run goes on" fails
point "a quote without a second one is refused" run 2 -q -c tiny.ini -s log.on_event="sh -c 'exit"

# --- segments

rm -rf run
# daily EPOCHS ARGUMENT...: the run goes on, and begins a segment a day.
daily()
{
    epochs=$1
    shift
    run 0 -q -c tiny.ini -s train.epochs="$epochs" -s log.rotate=daily -s log.keep_days=0 \
        -s log.copy_to=copies -s run.name=a/b "$@" && lines err 0
}
# to_past: what the log has is of a day that is long over.
to_past()
{
    sed 's/"time":"....-..-../"time":"2020-02-03/' run/log.jsonl >past && cat past >run/log.jsonl
}
# all_epochs: of all segments.
all_epochs()
{
    for closed in run/log.*.jsonl.gz; do
        gzip -dc "$closed"
    done | cat - run/log.jsonl | sed -n '/^{"event":"epoch",/s/.*,"epoch":\([0-9]*\),.*/\1/p' | paste -s -d ' ' -
}
rotated()
{
    daily 2 && to_past && cp run/last.safetensors former && daily 4 -r &&
        ls run/log.0001.20200203T??????Z.20200203T??????Z.jsonl.gz && [ "$(all_epochs)" = '1 2 3 4' ] &&
        sed 1q run/log.jsonl >first && has first '^\{"event":"segment".*"number":2,"offset":[0-9]+\}$' &&
        [ "$(sed 's/.*"offset":\([0-9]*\).*/\1/' first)" -eq "$(gzip -dc run/log.0001.* | wc -c)" ]
}
point "another day: the segment is closed" rotated
reads "the current segment" run/log.jsonl
gzip -dc run/log.0001.* >closed 2>/dev/null
reads "the closed segment" closed
copied()
{
    [ "$(ls copies)" = "a_b.$(cd run && ls log.*.gz)" ] && cmp copies/* run/log.*.gz
}
point "and copied" copied
goes_back()
{
    cp former run/last.safetensors && rm -f run/last.1.safetensors && daily 3 -r && [ "$(all_epochs)" = '1 2 3' ] &&
        sed 1q run/log.jsonl | grep '"number":2,' && [ "$(ls run/log.*.gz | wc -l)" -eq 1 ] && copied
}
point "a resume from a checkpoint of before goes back into it" goes_back
afresh()
{
    daily 1 --overwrite && [ ! -e "$(echo run/log.*.gz)" ] && [ "$(epochs run epoch)" = 1 ]
}
point "a run that starts afresh removes it" afresh

echo "1..$points"
