#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain-models(7): each table of parameters is what seqtrain makes of the settings beside it.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
case ${srcdir-.} in /*) ;; *) srcdir=$OLDPWD/${srcdir-.} ;; esac
page=$srcdir/man/seqtrain-models.7

awk 'BEGIN { print "a,b,c"; for (i = 0; i < 400; i++) print sin(i / 5) "," cos(i / 3) "," i % 7 }' >m.csv
cat >series.ini <<'INI'
[data]
source      = m.csv
features    = a, b, c
targets     = a, b
window      = 16
horizon     = 3
target_rows = each
[model]
d_model     = 8
heads       = 2
layers      = 2
feedforward = 20
hidden      = 6
latent      = 5
INI
awk 'BEGIN { for (i = 0; i < 4000; i++) printf "%s ", i }' >text.txt
cat >language.ini <<'INI'
[data]
source    = text.txt
tokenizer = bytes
window    = 16
[model]
type    = language
d_model = 8
heads   = 2
layers  = 1
INI

# The tables of the page, "number settings ; values" and below "number|name|shape".
awk '/^\.\\" check / { n++; print n "#" substr($0, 11); next }
    n && /^\.nf/ && !done[n] { inside = 1; next }
    /^\.fi/ { if (inside) done[n] = 1; inside = 0 }
    inside { name = $1; $1 = ""; print n "|" name "|" substr($0, 2) }' "$page" >tables

# wanted NUMBER: the table with numbers for letters, a line for each layer.
wanted()
{
    values=$(sed -n "s/^$1#.*; //p" tables)
    grep "^$1|" tables | awk -F'|' -v values="$values" '
        BEGIN { count = split(values, pair, " ")
            for (i = 1; i <= count; i++) { split(pair[i], p, "="); value[p[1]] = p[2] } }
        function product(text,   x, i, c) {
            x = 1
            while (match(text, /^[0-9]+/)) { x *= substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1) }
            for (i = 1; i <= length(text); i++) { c = substr(text, i, 1)
                if (!(c in value)) { print "no value of " c; exit } x *= value[c] }
            return x }
        { count = split($3, factor, " x "); shape = ""
            for (i = 1; i <= count; i++) shape = shape (i > 1 ? " x " : "") product(factor[i])
            if (index($2, ".N.")) { rows[++held] = $2 "|" shape; prefix = $2; next }
            flush_layers(); print $2 "|" shape }
        function flush_layers(   n, i, line) {
            for (n = 0; n < value["N"]; n++)
                for (i = 1; i <= held; i++) { line = rows[i]; sub(/\.N\./, "." n ".", line); print line }
            held = 0 }
        END { flush_layers() }'
}

# made NUMBER: what check prints.
made()
{
    settings=$(sed -n "s/^$1#\(.*\) ;.*/\1/p" tables)
    file=series.ini
    case $settings in language*) file=language.ini settings=${settings#language } ;; esac
    # shellcheck disable=SC2086 # settings without blanks
    run 0 check -d none -c $file $settings || return 1
    awk '/^parameter / { inside = 1; next } /^total/ { exit }
        inside { shape = ""; n = NF
            for (i = 2; i < n; i++) shape = shape (i > 2 ? " " : "") $i
            print $1 "|" shape }' out
}

compare()
{
    wanted "$1" >wanted && made "$1" >made || { cat made && return 1; }
    [ "$(wc -l <made)" -gt 5 ] && diff wanted made
}

count=$(grep -c '#' tables)
point "the page has tables" [ "$count" -ge 8 ]
i=1
while [ "$i" -le "$count" ]; do
    point "$(sed -n "s/^$i#\(.*\) ;.*/\1/p" tables)" compare "$i"
    i=$((i + 1))
done
each_type()
{
    "$seqtrain" completion bash | sed -n 's/.*model\.type=\*).*-W " *\([^"]*\)".*/\1/p' | tr ' ' '\n' >types
    [ "$(wc -l <types)" -ge 8 ] || { echo "few types" && return 1; }
    while read -r type; do
        grep -qi "^\.SH $type$" "$page" || { echo "$type has no section" && return 1; }
    done <types
}
point "each type of model has a section" each_type

echo "1..$points"
