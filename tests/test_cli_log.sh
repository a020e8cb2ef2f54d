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

echo "1..$points"
