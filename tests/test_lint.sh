#!/bin/sh
# SPDX-License-Identifier: MIT
# No kernel takes more registers, stack or local memory of a GPU, spills more or leaves less occupancy
# than tests/lint.tsv says (tests/lint.py). What is better than there, `make lint` writes.
srcdir=${srcdir-.}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
points=0

skip_all()
{
    echo "1..0 # SKIP $1"
    exit 0
}

lint()
{
    python3 "$srcdir/tests/lint.py" "$@" >"$folder/out" 2>&1
    status=$?
}

# point NAME STATUS: passes if lint() gave STATUS.
point()
{
    points=$((points + 1))
    if [ "$status" = "$2" ]; then
        echo "ok $points - $1"
    else
        echo "not ok $points - $1"
        echo "# exit status $status"
        sed 's/^/# /' "$folder/out" | head -60
    fi
}

command -v python3 >/dev/null || skip_all "no python3"
./seqtrain devices >"$folder/out" 2>&1 || skip_all "no OpenCL device, for which programs are listed"

# one register less, one work-item more at a time
awk 'BEGIN { FS = OFS = "\t" } $1 == "gather" { $3--; $7++ } 1' "$srcdir/tests/lint.tsv" >"$folder/worse"
lint --compare --cases G1 --table "$folder/worse"
[ "$status" != 77 ] || skip_all "$(tail -n 1 "$folder/out")"
grep -q '^gather for gfx906: registers ' "$folder/out" &&
    grep -q '^gather for gfx906: occupancy ' "$folder/out" || status="$status, gather is not told"
point "what is worse is told" 1

sed '/^gather\t/d' "$srcdir/tests/lint.tsv" >"$folder/less"
lint --compare --cases G1 --table "$folder/less"
grep -q '^gather for gfx906: not in the table' "$folder/out" || status="$status, gather is not told"
point "a kernel that the table has not is told" 1

part=$(sh "$srcdir/tests/part.sh" 4)
lint --compare ${part:+--part "$part/4"}
point "nothing is worse than in tests/lint.tsv ($(sed -n 's/^# \(.* rows\)/\1/p' "$folder/out"))" 0

# CUDA's occupancy calculator says so; for AMD, LLVM
python3 - "$srcdir/tests" >"$folder/out" 2>&1 <<'END'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import lint
for known, *arguments in [
    (100, "sm_86", 40, 0, 128),
    (66, "sm_86", 64, 0, 256),
    (16, "sm_86", 255, 0, 64),
    (33, "sm_86", 20, 0, 32),
    (8, "sm_86", 32, 48 << 10, 64),
    (100, "sm_90", 32, 0, 1024),
    (12, "sm_90", 32, 48 << 10, 64),
    (100, "gfx906", 24, 0, 64),
    (40, "gfx906", 64, 0, 64),
    (10, "gfx906", 256, 0, 256),
]:
    share = lint.occupancy(*arguments)
    assert share == known, f"{arguments}: {share}, not {known}"
END
status=$?
point "occupancy" 0
echo "1..$points"
