#!/bin/sh
# SPDX-License-Identifier: MIT
# Some faults of each case and kind, drawn by FAULT_SEED (see tests/fault/walk.sh); `make fault` tries
# all of them.
if [ ! -x ./seqtrain-fault ]; then
    echo "1..0 # SKIP seqtrain-fault needs glibc"
    exit 0
fi
exec sh "${srcdir-.}/tests/fault/walk.sh" --sample 1 --seed "${FAULT_SEED-1}"
