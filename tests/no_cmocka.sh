#!/bin/sh
# SPDX-License-Identifier: MIT
# Where configure found no cmocka, this stands for the C tests and counts each of them as skipped.
points=0
for file in "${srcdir-.}"/tests/test_*.c; do
    points=$((points + 1))
    echo "ok $points - $(basename "$file" .c) # SKIP no cmocka (Debian: package libcmocka-dev)"
done
echo "1..$points"
