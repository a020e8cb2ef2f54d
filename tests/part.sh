#!/bin/sh
# SPDX-License-Identifier: MIT
# part.sh N: some checks of kernels (test_cl_standards, test_lint, test_oclgrind) go through long lists. Where
# SEQTRAIN_TEST_PART is set they take one of N parts of a list: this prints its number, below N; nothing for
# all. "commit": the commit's hash chooses, so that a run can be repeated. A number: its rest by N.
case ${SEQTRAIN_TEST_PART-} in
commit)
    commit=$(git -C "${0%/*}" rev-parse HEAD 2>/dev/null) || exit 0
    hash=$(echo "$commit part" | cksum)
    echo $((${hash%% *} / 8 % $1))
    ;;
[0-9] | [1-9][0-9]) echo $((SEQTRAIN_TEST_PART % $1)) ;;
esac
