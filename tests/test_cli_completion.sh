#!/bin/sh
# SPDX-License-Identifier: MIT
# Completions, in the shells themselves: what they offer, and what a line becomes when the tabulator is
# pressed in it. A shell that is not installed is skipped.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
case ${srcdir-.} in /*) ;; *) srcdir=$PWD/${srcdir-.} ;; esac
build=$PWD
# shellcheck source=tests/cli.sh
. "$srcdir/tests/cli.sh"
PATH=$build:$PATH
ZDOTDIR=$dir/home
XDG_CONFIG_HOME=$dir/home XDG_DATA_HOME=$dir/home
export PATH ZDOTDIR XDG_CONFIG_HOME XDG_DATA_HOME
mkdir folder && : >"folder/a b.csv"

# Each key of options.def is offered, and each value of a choice.
complete()
{
    run 0 completion "$1" && lines err 0 || return 1
    sed -n 's/^[A-Z]*(\([a-z_]*\), \([a-z_0-9]*\), [FS][A-Z]*, ".*/\1.\2=/p' "$srcdir/src/config/options.def" >keys
    [ "$(wc -l <keys)" -gt 80 ] || return 1
    while read -r key; do
        grep -qF "$key" out || { echo "no $key" && return 1; }
    done <keys
    for word in config overwrite gradients evaluate completion nt_xent kaiming_normal; do
        grep -q -e "$word" out || { echo "no $word" && return 1; }
    done
}
for shell in bash zsh fish; do
    point "$shell: every key is in its script" complete $shell
done

# parses SHELL: the shell finds nothing wrong with its script.
parses()
{
    run 0 completion "$1" && "$1" -n out
}

# offered LINE WORD...: `offer` answers LINE with just these words, in any order.
offered()
{
    line=$1
    shift
    offer "$line" >offers
    tr ' ' '\n' <offers | grep . | sort >got
    printf '%s\n' "$@" | grep . | sort >wanted
    cmp wanted got || { echo "'$line' gives: $(cat offers)" && return 1; }
}

# What all shells offer.
offers()
{
    point "$1: commands" offered 'seqtrain ' init train sweep check data evaluate encode predict generate merge compress export tokenize report compare devices \
        help completion
    point "$1: a command" offered 'seqtrain ch' check
    point "$1: its options" offered 'seqtrain check --p' --plan
    point "$1: formats" offered 'seqtrain export --format ' onnx nam c
    point "$1: integers" offered 'seqtrain export --fixed ' w16a16 w8a16
    point "$1: not those of others" offered 'seqtrain check --re' ''
    point "$1: those of train by default" offered 'seqtrain --res' --resume
    point "$1: a value is no command" offered 'seqtrain -o data --res' --resume
    point "$1: a command behind options" offered 'seqtrain -c tiny.ini data --re' ''
    point "$1: devices" offered 'seqtrain -d ' auto cpu gpu
    point "$1: devices of check" offered 'seqtrain check -d n' none
    point "$1: commands to help with" offered 'seqtrain help ev' evaluate
    point "$1: shells" offered 'seqtrain completion ' bash zsh fish
    point "$1: kinds" offered 'seqtrain init ' autoencoder forecast amplifier language captions
}

# typed TEXT WORD...: `type` has a shell read TEXT, in which tabulators complete; it calls `args`, which
# printed these words.
typed()
{
    text=$1
    shift
    type "$text" >typed.out 2>&1
    wanted=$(printf '<%s>' "$@")
    grep -qF -e "$wanted." typed.out || { echo "no $wanted in:" && cat -v typed.out && return 1; }
}
types()
{
    t=$(printf '\t')
    point "$1, typed: command, file, key, value" typed "args ch$t-c ti$t-s train.sched${t}cos$t" \
        check -c tiny.ini -s train.schedule=cosine
    point "$1, typed: file of a key" typed "args -s data.source=cand$t" -s data.source=candles.csv
    point "$1, typed: file with a blank" typed "args evaluate -i folder/a$t" evaluate -i 'folder/a b.csv'
    point "$1, typed: folder" typed "args -o fol$t" -o "$2"
    point "$1, typed: a file behind a command" typed "args tokenize -t fi.json cand$t" tokenize -t fi.json candles.csv
    point "$1, typed: a name and its value" typed "args check --device=no$t" check --device=none
}

# --- bash

if command -v bash >/dev/null; then
    offer()
    {
        bash --norc -c "$load"'

            COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=(); _seqtrain; echo "${COMPREPLY[*]}"' bash "$1"
    }
    type()
    {
        printf '%s\n%s\n%s\n' "$load" \
            'args() { printf "<%s>" "$@"; echo .; }; complete -F _seqtrain args' "$1" | bash --norc -i
    }
    load='eval "$(seqtrain completion bash)"'
    point "bash: parses" parses bash
    offers bash
    load="$load; COMP_WORDBREAKS=' '"
    point "bash: where = ends no word, a value" offered 'seqtrain -s train.schedule=co' train.schedule=constant \
        train.schedule=cosine
    point "bash: or one of a name" offered 'seqtrain --device=c' --device=cpu
    load=". '$srcdir/completions/bash/seqtrain'"
    types bash folder/
else
    skip "bash" "it is not installed"
fi

# --- zsh: without offers of its own, in a pseudo-terminal

cat >drive.zsh <<'EOD'
zmodload zsh/zpty || exit 1
zpty shell 'TERM=dumb zsh -f -i' || exit 1
zpty -w shell "PS1=; fpath=($1 \$fpath); autoload -U compinit; compinit -D -u"
zpty -w shell 'args() { printf "<%s>" "$@"; echo .; }; compdef _seqtrain args; echo "<ready>"'
zpty -r shell line $'*\n<ready>*'
zpty -w -n shell "$2"$'\n'
zpty -w shell 'echo "<over>"'
zpty -r shell line $'*\n<over>*'
print -r -- "$line"
EOD
if ! command -v zsh >/dev/null; then
    skip "zsh" "it is not installed"
elif ! zsh -f -c 'zmodload zsh/zpty && zpty test true' >/dev/null 2>&1; then
    skip "zsh" "there is no pseudo-terminal"
else
    type()
    {
        timeout 60 zsh -f drive.zsh "$srcdir/completions/zsh" "$1"
    }
    point "zsh: parses" parses zsh
    types zsh folder # zsh takes the last slash away again
    point "zsh, typed: a device of check" typed "args check -d n$t" check -d none
    point "zsh, typed: those of train by default" typed "args --resu$t" --resume
    point "zsh, typed: a shell" typed "args compl${t}fi$t" completion fish
    point "zsh, typed: a command to help with" typed "args he${t}ev$t" help evaluate
fi

# --- fish

if command -v fish >/dev/null; then
    offer()
    {
        fish --no-config -c "source '$srcdir/completions/fish/seqtrain.fish'; complete -C \$argv[1]" "$1" |
            cut -f 1 | tr '\n' ' '
    }
    fish_files()
    {
        offer 'seqtrain -c ti' | grep '^tiny.ini ' && offer 'seqtrain evaluate -i cand' | grep '^candles.csv $' &&
            offered 'seqtrain -o fol' folder/
    }
    point "fish: parses" parses fish
    offers fish
    point "fish: files and folders" fish_files
    point "fish: a key" offered 'seqtrain -s device.thr' device.threads= device.threads=auto
    point "fish: values" offered 'seqtrain -s train.schedule=co' train.schedule=constant train.schedule=cosine
else
    skip "fish" "it is not installed"
fi

echo "1..$points"
