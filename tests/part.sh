#!/bin/sh
# SPDX-License-Identifier: MIT
# part.sh N: prints which of N parts of the programs and problems this run looks at, where the checks of kernels
# (test_cl_standards, test_lint, test_oclgrind) look at one after the other: a number below N; nothing for all.
# With SEQTRAIN_TEST_PART=commit the commit's hash chooses, so that a run can be repeated; a number is taken
# itself, its rest by N.
case ${SEQTRAIN_TEST_PART-} in
commit)
    commit=$(git -C "${0%/*}" rev-parse HEAD 2>/dev/null) || exit 0
    hash=$(echo "$commit part" | cksum)
    echo $((${hash%% *} / 8 % $1))
    ;;
[0-9]*) echo $((SEQTRAIN_TEST_PART % $1)) ;;
esac
