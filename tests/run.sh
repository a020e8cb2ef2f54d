#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh TEST: runs a test as it is, but for one kind of line: cmocka calls a skipped test "not ok".
# With SEQTRAIN_TEST_LOCALE=commit every second of the tests that test_locale.sh would run again is run once,
# under a locale with decimal commas; the commit's hash and the test's name choose, so that a run can be
# repeated.

# chosen FILE: whether the test is one of those.
chosen()
{
    case ${SEQTRAIN_TEST_LOCALE-}:${1##*/} in
    commit:test_cli_*) ;;
    commit:test_*) grep -q 'setlocale(' "${0%/*}/${1##*/}.c" 2>/dev/null || return 1 ;;
    *) return 1 ;;
    esac
    commit=$(git -C "${0%/*}" rev-parse HEAD 2>/dev/null) || return 1
    hash=$(echo "$commit ${1##*/}" | cksum)
    [ $((${hash%% *} / 8 % 2)) = 0 ]
}

# use_commas: makes the locale below tests/ unless it is there. Tests run side by side.
use_commas()
{
    locale=tests/locale/de_DE.UTF-8
    if [ ! -d $locale ]; then
        mkdir -p tests/locale && localedef -i de_DE -f UTF-8 $locale.$$ >/dev/null 2>&1
        mv -T $locale.$$ $locale 2>/dev/null || rm -rf $locale.$$
    fi
    [ "$(LOCPATH=$PWD/tests/locale LC_ALL=de_DE.UTF-8 locale decimal_point 2>/dev/null)" = , ] || return
    LOCPATH=$PWD/tests/locale LC_ALL=de_DE.UTF-8
    export LOCPATH LC_ALL
    echo "# with decimal commas"
}

! chosen "$1" || use_commas
{ status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1); } 4>&1
exit "$status"
