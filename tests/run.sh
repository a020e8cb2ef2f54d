#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh TEST: runs a test as it is, but for one kind of line: cmocka calls a skipped test "not ok".
{ status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | sed 's/^not ok \([0-9]* # SKIP\)/ok \1/' >&4; } 3>&1); } 4>&1
exit "$status"
