#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of HACKING.md are compiled, each as the file that its first line names, with the
# warnings that the tree is held to: an example that no longer fits the code fails here.
set -u
srcdir=${srcdir-.}
CC=$(sed -n 's/^CC = //p' Makefile)
CPPFLAGS=$(sed -n 's/^CPPFLAGS = //p' Makefile)
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
points=0

# point NAME COMMAND...: passes if the command does.
point()
{
    points=$((points + 1))
    point_name=$1
    shift
    if "$@" >"$dir/said" 2>&1; then
        echo "ok $points - $point_name"
    else
        echo "not ok $points - $point_name"
        sed 's/^/# /' "$dir/said"
    fi
}

# Blocks between ```c and ``` into $dir/example.N, their paths into $dir/paths.
awk -v dir="$dir" '
    /^```c$/ { n++; first = 1; inside = 1; next }
    /^```$/ { inside = 0 }
    inside && first { split($0, word, " "); path = word[2]; sub(/,$/, "", path); print n, path >(dir "/paths"); first = 0 }
    inside { print >(dir "/example." n) }' "$srcdir/HACKING.md"

compile()
{
    # shellcheck disable=SC2086 # flags
    $CC $CPPFLAGS -D_GNU_SOURCE -std=gnu11 -fsyntax-only -Wall -Wextra -Wshadow -Wconversion -Werror \
        -I"$dir/src" -Isrc -I"$srcdir/src" -I"$srcdir" -I. "$1"
}

# key N: options.def with the example's line in front of END(run).
key()
{
    mkdir -p "$dir/src/config" || return 1
    cp "$srcdir"/src/config/*.[ch] "$dir/src/config/" || return 1
    awk -v example="$dir/example.$1" '
        /^END\(run\)/ { while ((getline line <example) > 0) print line }
        { print }' "$srcdir/src/config/options.def" >"$dir/src/config/options.def" || return 1
    grep -q 'patience' "$dir/src/config/options.def" || return 1
    for file in "$dir"/src/config/*.c; do
        compile "$file" || return 1
    done
    printf '%s\n' '#include "config/config.h"' 'double hours(const struct config *c);' \
        'double hours(const struct config *c) { return c->run.patience; }' >"$dir/reads_key.c"
    compile "$dir/reads_key.c"
}

kernel()
{
    clang -x cl -fsyntax-only -Wall -Werror -I"$srcdir/cl" "$dir/example.$1"
}

source_file()
{
    cp "$dir/example.$1" "$dir/$1.c" && compile "$dir/$1.c"
}

while read -r number path; do
    case $path in
    *.def) point "$path" key "$number" ;;
    *.cl)
        if command -v clang >/dev/null; then
            point "$path" kernel "$number"
        else
            points=$((points + 1))
            echo "ok $points - $path # SKIP no clang"
        fi
        ;;
    *) point "$path" source_file "$number" ;;
    esac
done <"$dir/paths"
point "HACKING.md has an example of each kind" [ "$points" -ge 8 ]
echo "1..$points"
