#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests again under a locale with decimal commas: the command-line tests, but for long ones about
# processes, hosts and devices, which read and write no numbers that the others do not; and every
# test program that calls setlocale(). The locale is made in a folder of its own, so that it need not be
# installed; glibc finds it through LOCPATH. With SEQTRAIN_TEST_LOCALE=commit none of them runs again:
# tests/run.sh runs every second one so.
srcdir=${srcdir-.}
if [ "${SEQTRAIN_TEST_LOCALE-}" = commit ]; then
    echo "1..0 # SKIP every second test of the command line has decimal commas"
    exit 0
fi
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

localedef -i de_DE -f UTF-8 "$folder/de_DE.UTF-8" >/dev/null 2>&1
LOCPATH=$folder LC_ALL=de_DE.UTF-8
export LOCPATH LC_ALL
if [ "$(locale decimal_point 2>/dev/null)" != , ]; then
    echo "1..0 # SKIP de_DE.UTF-8 cannot be made (Debian: package locales)"
    exit 0
fi
echo "ok 1 - the locale has decimal commas"
points=1

# again NAME COMMAND...: passes if the command does.
again()
{
    points=$((points + 1))
    name=$1
    shift
    if "$@" >"$folder/output" 2>&1 && ! grep -Eq '^not ok [0-9]+ -' "$folder/output"; then
        echo "ok $points - $name"
    else
        echo "not ok $points - $name"
        sed 's/^/# /' "$folder/output"
    fi
}

apart='captions_kills completion fleet hosts keep limits none offload options parts prune ranks several slots slurm split'
for file in "$srcdir"/tests/test_cli*.sh "$srcdir"/tests/test_*.c; do
    name=$(basename "${file%.*}")
    case " $apart " in
    *" ${name#test_cli_} "*) continue ;;
    esac
    case $file in
    *.sh) [ ! -f "$file" ] || again "$name.sh" sh "$file" ;;
    *) if [ -x "tests/$name" ] && grep -q 'setlocale(' "$file"; then again "$name" "tests/$name"; fi ;;
    esac
done
echo "1..$points"
