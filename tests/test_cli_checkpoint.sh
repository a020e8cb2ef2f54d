#!/bin/sh
# SPDX-License-Identifier: MIT
# Nothing of a run is lost: a checkpoint that cannot be looked at is not taken for a missing one, two
# runs do not share a folder, and damage in a file is seen before anything of it is used.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

sed -e 's/^epochs .*/epochs = 6\
schedule = constant/' tiny.ini >short.ini
point "a run" run 0 -q -c short.ini -o good
point "it has two checkpoints" [ -f good/last.1.safetensors ]

# again FOLDER: a copy of the run as it was when its last epoch was done, without pictures.
again()
{
    rm -rf "$1" && cp -R good "$1"
}

# sums FOLDER: of all that is in it.
sums()
{
    (cd "$1" && ls -A && cksum ./*)
}

# untouched STATUS PATTERN FOLDER ARGUMENT...: ends so, with this one line, and leaves the folder as it was.
untouched()
{
    status=$1 pattern=$2 folder=$3
    shift 3
    sums "$folder" >sums.before
    run "$status" "$@" && lines err 1 && has err "$pattern" && sums "$folder" | cmp - sums.before
}

# --- a checkpoint that cannot be looked at

again odd
rm odd/last.safetensors
ln -s last.safetensors odd/last.safetensors
point "--resume where last.safetensors is a loop of links: nothing is thrown away" \
    untouched 3 '^seqtrain: odd/last\.safetensors: Too many levels' odd -q -c short.ini -o odd -r
ln -sf nowhere odd/last.safetensors
point "--resume where it is a link to nowhere" \
    untouched 3 '^seqtrain: odd/last\.safetensors: No such file' odd -q -c short.ini -o odd -r
rm odd/last.safetensors
mkdir odd/last.safetensors
point "--resume where it is a folder" untouched 3 '^seqtrain: odd/last\.safetensors: not a regular file' odd \
    -q -c short.ini -o odd -r

rm -rf odd/last.safetensors odd/categories.safetensors
ln -s categories.safetensors odd/categories.safetensors
no_categories()
{
    run 3 encode -m odd/best.safetensors && lines out 0 && has err '^seqtrain: odd/categories\.safetensors: Too many' &&
        rm odd/categories.safetensors && run 0 encode -m odd/best.safetensors && ! grep category out
}
point "encode where categories.safetensors is a loop of links, and where it is missing" no_categories

# --- two runs in one folder

# While the first is stopped amid its first epoch, or after one, nothing in the folder may change.
running()
{
    rm -rf run
    "$seqtrain" -q -c short.ini -s train.epochs=100000 "$@" >first.out 2>first.err </dev/null &
    pid=$!
    while kill -0 $pid && ! grep -q "\"event\":\"$event\"" run/log.jsonl 2>/dev/null; do
        sleep 0.01 2>/dev/null || sleep 1
    done
    kill -STOP $pid
}
ended()
{
    kill -CONT $pid
    kill -KILL $pid
    wait $pid 2>/dev/null
}
busy='^seqtrain: run: another process trains in this folder'
event=start
running -s train.checkpoint=1000\ epochs
for how in --resume --overwrite; do
    point "$how beside a run before its first checkpoint" untouched 1 "$busy" run -q -c short.ini $how
done
point "a second run without either" untouched 2 '^seqtrain: run holds a run already' run -q -c short.ini
ended
event=checkpoint
running
for how in --resume --overwrite; do
    point "$how beside a run that has checkpoints" untouched 1 "$busy" run -q -c short.ini $how -s train.lr=7e-3
done
point "evaluate beside it" run 0 evaluate -m run/best.safetensors
ended
point "when the first is dead the lock is free" run 0 -q -c short.ini -r
point "run.lock stays" [ -f run/run.lock ]
point "run.lock = no" run 0 -q -c short.ini -r -s run.lock=no -s train.epochs=7
locked()
{
    touch run/last.safetensors.1.tmp run/notes.tmp
    run 0 -q -c short.ini -r -s train.epochs=8 && ! ls run/last.safetensors.1.tmp && ls run/notes.tmp
}
point "what killed processes left half-written goes" locked

# --- damage

# flip FILE OFFSET: one bit of the byte changes.
flip()
{
    byte=$(od -An -tu1 -j "$2" -N1 "$1" | tr -d ' ')
    # shellcheck disable=SC2059 # the format is a byte
    printf "\\$(printf %03o $(((byte + 4) % 8 < 4 ? byte - 4 : byte + 4)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# places FILE: bytes of all kinds: the header's length, its text, blanks behind it, the tensors, the last.
places()
{
    size=$(wc -c <"$1")
    header=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    echo 0 1 5 8 12 $((8 + header / 3)) $((8 + header / 2)) $((7 + header)) $((8 + header)) \
        $((8 + header + (size - 8 - header) / 3)) $((8 + header + (size - 8 - header) / 2)) $((size - 1))
}

flips_in_best()
{
    for at in $(places good/best.safetensors); do
        cp good/best.safetensors bent.safetensors && flip bent.safetensors "$at" &&
            ! cmp -s good/best.safetensors bent.safetensors || return 1
        for command in evaluate encode predict; do
            run 3 $command -m bent.safetensors && lines err 1 && lines out 0 &&
                has err '^seqtrain: bent\.safetensors: ' || return 1
        done
        run 3 -q -c short.ini -o none -s model.init=bent.safetensors && lines err 1 && [ ! -e none ] || return 1
    done
}
point "one bit of best.safetensors, anywhere: evaluate, encode, predict and model.init refuse it" flips_in_best

flips_in_categories()
{
    again torn
    for at in $(places good/categories.safetensors); do
        cp good/categories.safetensors torn && flip torn/categories.safetensors "$at" || return 1
        run 3 encode -m torn/best.safetensors && lines err 1 && lines out 0 &&
            has err '^seqtrain: torn/categories\.safetensors: ' || return 1
    done
}
point "one bit of categories.safetensors: encode refuses it" flips_in_categories

# longer: what a resumed run has to come to.
point "two epochs more" run 0 -q -c short.ini -o longer -s train.epochs=8
same_run()
{
    same_weights "$1/best.safetensors" longer/best.safetensors && state "$1/last.safetensors" >state.a &&
        state longer/last.safetensors >state.b && cmp state.a state.b &&
        cmp "$1/categories.safetensors" longer/categories.safetensors &&
        [ "$(epochs "$1" epoch | tr '\n' ' ')" = '1 2 3 4 5 6 7 8 ' ] &&
        epochs "$1" train_loss >log.a && epochs longer train_loss | cmp - log.a
}
# falls_back PATTERN: --resume goes on from the checkpoint before, says why, and comes to the same.
falls_back()
{
    run 0 -q -c short.ini -o torn -r -s train.epochs=8 && lines err 1 &&
        has err "^seqtrain: warning: torn/last\\.safetensors$1; the run goes on from last\\.1\\.safetensors" &&
        has torn/log.jsonl '^\{"event":"warning"' && same_run torn
}
flips_in_last()
{
    for at in $(places good/last.safetensors); do
        again torn
        flip torn/last.safetensors "$at" && falls_back ': .*' || return 1
    done
}
point "one bit of last.safetensors: --resume falls back to the one before, with the same bits" flips_in_last

torn()
{
    again torn
    head -c 20000 good/last.safetensors >torn/last.safetensors
    falls_back ': truncated.*'
}
point "last.safetensors is torn" torn
between()
{
    again torn
    mv torn/last.safetensors torn/last.1.safetensors
    falls_back ' is missing'
}
point "last.safetensors is missing" between

# The good one is not thrown away for the damaged one: it stays until there is another.
good_stays()
{
    again torn
    flip torn/last.safetensors 5000 || return 1
    run 0 -q -c short.ini -o torn -r && lines err 1 && cmp good/last.1.safetensors torn/last.1.safetensors &&
        run 0 evaluate -m torn/last.safetensors
}
point "a damaged checkpoint does not take the place of the good one" good_stays

both()
{
    again torn
    # amid the tensors: what a byte of the header is depends on the length of the names in it
    for file in last last.1; do
        flip torn/$file.safetensors $(($(wc -c <torn/$file.safetensors) - 9)) || return 1
    done
    untouched 3 '^seqtrain: torn/last\.safetensors: damaged: .*; the one before: torn/last\.1\.safetensors: damaged: ' \
        torn -q -c short.ini -o torn -r -s train.epochs=8
}
point "both are damaged: status 3, nothing is touched" both
best_of_a_run()
{
    again torn
    at=$(($(wc -c <torn/best.safetensors) - 9))
    flip torn/best.safetensors $at && run 3 evaluate -m torn/best.safetensors && lines err 1 &&
        has err "^seqtrain: torn/best\\.safetensors: damaged: the CRC32C of tensor '[a-z_.0-9]+' is [0-9a-f]{8}, not [0-9a-f]{8}\$"
}
point "the line names the file, the tensor and the sums" best_of_a_run

# --- files without checksums: the names of the sums are changed to names of the same length

unchecked()
{
    again old
    for file in best last categories; do
        LC_ALL=C sed 's/crc32c/other_/g' good/$file.safetensors >old/$file.safetensors || return 1
        [ "$(wc -c <good/$file.safetensors)" -eq "$(wc -c <old/$file.safetensors)" ] || return 1
    done
    without='has no checksums: seqtrain 0\.1\.0 or another program wrote it$'
    for command in evaluate encode predict; do
        run 0 $command -m good/best.safetensors && sed s,good/best,old/best, out >by_good && lines err 0 &&
            run 0 $command -m old/best.safetensors && lines err 0 && cmp out by_good &&
            run 0 $command -v -m old/best.safetensors && cmp out by_good &&
            has err "^seqtrain: warning: old/best\\.safetensors $without" || return 1
    done
    run 0 encode -v -m old/best.safetensors && has err "categories\\.safetensors $without" &&
        run 0 -v -c short.ini -o initial -s model.init=old/best.safetensors &&
        has err "^seqtrain: warning: old/best\\.safetensors $without" && lines err 1 &&
        run 0 -v -c short.ini -o old -r -s train.epochs=8 &&
        has err "^seqtrain: warning: old/last\\.safetensors $without" && lines err 1 && same_run old
}
point "files without checksums are read, and -v says so" unchecked

# --- killed at random instants, again and again, while it saves after each step; SEQTRAIN_KILLS for more

kills=${SEQTRAIN_KILLS-8}
rm -rf torn
checkpoints()
{
    { cat torn/log.jsonl 2>/dev/null; } | grep -c '"event":"checkpoint"'
}
killed=0 broken=0 former=0
for delay in $(awk -v n="$kills" -v seed="${SEQTRAIN_SEED-1}" 'BEGIN {
    srand(seed); for (i = 0; i < n; i++) printf "%.3f ", rand() * 0.5 }'); do
    before=$(checkpoints)
    "$seqtrain" -q -c short.ini -o torn -r -s train.epochs=100000 -s train.checkpoint=1\ steps >out 2>err </dev/null &
    pid=$!
    while kill -0 $pid 2>/dev/null && [ "$(checkpoints)" -le "$before" ]; do
        sleep 0.01 2>/dev/null || sleep 1
    done
    sleep "$delay" 2>/dev/null || sleep 1
    kill -KILL $pid 2>/dev/null && killed=$((killed + 1))
    wait $pid 2>/dev/null
    if grep -q 'last\.safetensors is missing; the run goes on' err; then
        former=$((former + 1))
    elif [ -s err ]; then
        broken=$((broken + 1))
        sed 's/^/# /' err
    fi
done
echo "# killed $killed times, $former times between the renames"
resumable()
{
    epoch=$(header torn/last.safetensors | sed 's/.*"state":"{[^}]*\\"epoch\\": *\([0-9]*\).*/\1/')
    echo "killed $killed times, refused $broken times, at last after epoch $epoch"
    [ $broken -eq 0 ] && [ $killed -eq "$kills" ] && [ "$epoch" -gt 0 ] &&
        grep -q '"event":"resume"' torn/log.jsonl &&
        run 0 -q -c short.ini -o torn -r -s train.epochs=$((epoch + 1)) &&
        run 0 -q -c short.ini -o undisturbed -s train.epochs=$((epoch + 1)) &&
        same_weights torn/best.safetensors undisturbed/best.safetensors &&
        state torn/last.safetensors >state.a && state undisturbed/last.safetensors >state.b && cmp state.a state.b
}
point "killed $kills times at any instant: each time it was resumed, at last to the undisturbed bits" resumable
has_all()
{
    rows=$(epochs torn epoch | wc -l)
    [ "$rows" -gt 0 ] && [ "$(epochs torn epoch | tr '\n' ' ')" = "$(awk -v n="$rows" 'BEGIN { for (i = 1; i <= n; i++) printf "%d ", i }')" ]
}
point "the log has each epoch once" has_all

echo "1..$points"
