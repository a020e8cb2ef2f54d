#!/bin/sh
# SPDX-License-Identifier: MIT
# Holds the source tree to the rules of HACKING.md: who may include what, who may exit, what must be
# written down. Reads only; every rule is a test point.
srcdir=${srcdir-.}
builddir=$PWD
cd "$srcdir" || exit 1
LC_ALL=C
export LC_ALL
points=0

# point NAME TEXT: passes if TEXT, the list of offences, is empty.
point()
{
    points=$((points + 1))
    if [ -z "$2" ]; then
        echo "ok $points - $1"
    else
        echo "not ok $points - $1"
        printf '%s\n' "$2" | sed 's/^/# /'
    fi
}

skip()
{
    points=$((points + 1))
    echo "ok $points - $1 # SKIP $2"
}

sources=$(find src -name '*.[ch]' ! -name '*_sources.c' | sort)

# "FILE <HEADER>" or "FILE "HEADER"" for every include.
# shellcheck disable=SC2086 # a list of names without blanks
includes=$(awk '/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    sub(/^[ \t]*#[ \t]*include[ \t]*/, ""); print FILENAME, $1 }' $sources)

point "includes are found" \
    "$(echo "$includes" | grep -q '^src/error.c "error.h"$' || echo 'none of error.h in src/error.c?')"

# only WHERE HEADER: offences against "only files below WHERE include HEADER".
only()
{
    echo "$includes" | grep -E " [<\"]$2[>\"]\$" | grep -v "^$1"
}

point "only src/device includes OpenCL headers" "$(only src/device/ '(CL/.*|clblast.*)')"

for header in 'clblast_c\.h' '(flexiblas/)?cblas\.h' 'ini\.h' 'jpeglib\.h' 'pcre2\.h' 'xxhash\.h'; do
    files=$(echo "$includes" | grep -E " <$header>\$" | cut -d' ' -f1 | sort -u)
    [ "$(echo "$files" | wc -l)" -le 1 ] && files=
    point "at most one file includes $(echo "$header" | sed 's/(.*)?//; s/\\//')" "$files"
done

# A picture is written in one file, an image read in another.
point "only src/plots/image.c and src/image/png.c include png.h" \
    "$(only src/plots/image.c 'png\.h' | grep ' <' | grep -v '^src/image/png\.c ')"

# layer NAME ALLOWED...: offences of src/NAME/ against "includes of ours only from ALLOWED".
layer()
{
    name=$1
    shift
    allowed=$(echo "$name" error.h util "$@" | tr ' ' '|')
    echo "$includes" | grep "^src/$name/" | grep ' "' | grep -Ev " \"($allowed)[/\"]"
}

point "util stands on nothing" "$(layer util)"
point "config stands on nothing" "$(layer config)"
point "log stands on nothing" "$(layer log)"
point "plots see only arrays, labels and statistics of arrays" \
    "$(layer plots 'analysis/normality\.h')"
point "data stands on config, text and log" "$(layer data config text log)"
point "device stands on tensor" "$(layer device 'tensor/(dtype|packed)\.h')"
point "in src/device only device.c knows of products" \
    "$(echo "$includes" | grep '^src/device/[^/]* "device/gemm/' | grep -v '^src/device/device\.c ')"
point "telemetry stands on device" "$(layer telemetry device)"
point "tensor stands on a header of the kernels" "$(layer tensor 'cl/packed_maps\.h')"
point "quant stands on tensor" "$(layer quant tensor)"
point "text stands on nothing" "$(layer text)"
point "hf stands on tensor and the names of adapters" "$(layer hf tensor 'params/adapter\.h')"
point "image stands on the JSON of hf" "$(layer image 'hf/json\.h')"
point "params stand on tensor, quant and device" "$(layer params tensor quant device)"
point "ir stands on params and tensor" "$(layer ir params tensor)"
point "lower stands on ir, params, tensor, device and a header of the kernels" \
    "$(layer lower ir params tensor device 'cl/step\.h')"
point "roofline stands on lower and device" "$(layer roofline lower device)"
point "exec stands on lower, device and config" "$(layer exec lower tensor device config)"
point "onnx stands on tensor" "$(layer onnx tensor)"
point "files of C stand on tensor" "$(layer cfile tensor)"
point "models in integers stand on tensor" "$(layer fixed tensor)"
point "ops stand on lower, ir, params, tensor, device, the nodes of ONNX, the calls of C and steps in integers" \
    "$(layer ops lower ir params tensor device 'onnx/onnx\.h' 'cfile/cfile\.h' 'fixed/fixed\.h')"
point "optim stands on lower, ir, params, tensor, device and config" \
    "$(layer optim lower ir params tensor device config)"
point "models stand on ops, ir, params, tensor, hf and config" \
    "$(layer models ops ir params tensor hf config 'lower/step\.h')"
point "analysis sees no config, data, models, train or plots" \
    "$(layer analysis ops exec lower ir params tensor device log text)"
point "train stands on models, below, and verdicts" \
    "$(layer train hf exec models ops optim lower ir params quant tensor telemetry device config data text log 'analysis/verdict\.h')"
point "tasks stand on train, analysis and plots" \
    "$(layer task train exec models lower ir params tensor device config data image text log analysis plots)"
point "run stands on anything but ops, commands and OpenCL" \
    "$(layer run task train hf image quant exec models lower ir params tensor telemetry device config data text log)"
point "propose stands on run and below" \
    "$(layer propose run config data text log 'analysis/(distribution|fft)\.h')"
point "sweep stands on run and below" \
    "$(layer sweep run task train exec models lower ir params tensor telemetry device config data text log plots 'analysis/importance\.h')"
point "reports stand on what runs leave: texts, JSON and pictures" \
    "$(layer report config log text plots)"
point "known answers stand on optim, ops, exec and below" \
    "$(layer known optim ops exec lower ir params tensor device config)"
point "export stands on run and below" \
    "$(layer export run task train onnx cfile fixed exec models ir params tensor config data text log)"
point "the library stands on streams, tasks and below" "$(layer library run task config data device log)"
point "commands stand on anything but ops and OpenCL" \
    "$(layer commands known export propose report sweep run task train hf quant exec roofline models lower ir params tensor telemetry device config data text log analysis)"

known='analysis|cfile|commands|config|data|device|device/gemm|exec|export|fixed|hf|image|ir|known|library|lower|log|models|mpi|onnx|ops|optim|params|plots|propose|quant|report|roofline|run|sweep|task|telemetry|tensor|text|train|util'
point "only the plug-in of ranks sees MPI, and it stands on nothing" \
    "$(echo "$includes" | grep '<mpi\.h>' | grep -v '^src/mpi/'
    layer mpi 'exec/comm_plugin\.h')"

point "every folder of src has a rule" \
    "$(find src -mindepth 1 -type d ! -name .deps ! -name .libs | grep -Ev "^src/($known)\$")"

point "only optim knows what an optimizer makes of its settings" \
    "$(grep -nE 'train\.(beta1|beta2|epsilon|momentum|nesterov)' $(echo "$sources" | grep -Ev '^src/(optim|config|known)/'))"

# shellcheck disable=SC2086
point "every class of operations has a form in ONNX, or says why it has none" "$(
    awk '/^(static )?const struct op_class [a-z_]+ = \{/ { on = 1; count++; has = 0; where = FILENAME ":" FNR }
        on && /^    \.(no_)?onnx = / { has++ }
        on && /^};/ { on = 0; if (has != 1) print where }
        END { if (count < 30) print "only " count + 0 " classes?" }' src/ops/*.c)"

# shellcheck disable=SC2086
point "every class that ONNX has is there in C, or says why not" "$(
    awk '/^(static )?const struct op_class [a-z_]+ = \{/ { on = 1; has = 0; where = FILENAME ":" FNR }
        on && /^    \.(no_cfile|cfile|no_onnx) = / { has++ }
        on && /^};/ { on = 0; if (has != 1) print where }' src/ops/*.c)"

point "no include climbs with .." "$(echo "$includes" | grep '\.\./')"

# train is for every model: it names none of those that [model] type offers.
types=$(sed -n 's/^ *[A-Z]*(MODEL_[A-Z_]*, \([a-z_]*\)).*/\1/p' src/config/choices.h | paste -s -d '|' -)
point "train names no architecture" \
    "$([ -n "$types" ] || echo 'no models in choices.h?'
    [ ! -d src/train ] || find src/train -name '*.[ch]' -exec grep -niE "$types" {} +)"

point "config and data name no architecture but in the choices of [model] type" \
    "$(find src/config src/data -name '*.[ch]' ! -name choices.h -exec grep -niE "$types" {} + |
        grep -v model_recurrent_init)"

# R and C are the autoencoder's two terms: its model, its report and its options know them. Elsewhere
# a loss is a list.
terms_known='^src/(models/(autoencoder|choices)|config/(options\.def|choices\.h|config\.h)|ops/(latent|contrastive)'
terms_known="$terms_known|export/as_onnx|task/reconstruct|plots/(reconstruction|plots\.h)|analysis/verdict)"
# shellcheck disable=SC2086
point "only the autoencoder knows its terms" \
    "$(grep -q '"reconstruction"' src/models/autoencoder.c || echo 'not in the autoencoder?'
    grep -niE '(^|[^a-z])(contrastive|reconstruction)s?($|[^a-z])' $sources src/config/options.def |
        grep -vE "$terms_known|\"reconstruction_quality|reconstructions as CSV")"

# shellcheck disable=SC2086
point "nobody but main exits" "$(echo "$sources" | grep -v '^src/main\.c$' |
    xargs grep -nE '(^|[^a-z_.>])_?_?(exit|Exit|quick_exit|abort)[ ]*\(')"

point "every OpenCL function that src/device calls can be made to fail" \
    "$(grep -ohE '\<cl[A-Z][A-Za-z]*' src/device/*.c src/device/gemm/*.c | sort -u |
        while read -r name; do
            grep -qxF -e "--wrap=$name" tests/fault/wraps || echo "$name is not in tests/fault/wraps"
        done)"

# shellcheck disable=SC2086
point "every header begins with a paragraph" "$(for file in src/config/options.def $sources; do
    case $file in *.c) continue ;; esac
    [ "$(sed -n 2p "$file")" = '/*' ] || echo "$file"
done)"

# Behind #! or #compdef where there is one. tap-driver.sh is Automake's.
licensed=$(ls bootstrap .ci/run build-aux/embed build-aux/count-tests build-aux/list-sources configure.ac \
    Makefile.am sources.am \
    packaging/build-deb packaging/debian/rules packaging/debian/tests/train packaging/fedora/*.spec \
    completions/*/* &&
    find src cl configs examples tests man -name '*.[ch]' ! -name '*_sources.c' -o -name '*.cl' -o -name '*.def' \
        -o -name '*.py' -o -name '*.sh' -o -name '*.in' -o -name '*.[1357]')
point "sources with a licence are found" "$(for file in src/main.c cl/gemm.cl src/models/common.py \
    tests/cli.sh man/seqtrain.1 bootstrap Makefile.am; do
    echo "$licensed" | grep -qx "$file" || echo "$file"
done)"
point "every source names its licence in its first line" "$(for file in $licensed; do
    awk '/^#(!|compdef)/ { next } { exit !/SPDX-License-Identifier: MIT/ }' "$file" || echo "$file"
done)"

point "sources.am is what build-aux/list-sources prints" "$(sh build-aux/list-sources | diff - sources.am)"

point "unit tests print TAP" "$(grep -L CM_OUTPUT_TAP tests/test_*.c)"
point "tests can be run as programs" "$(for file in tests/test_*.sh; do [ -x "$file" ] || echo "$file"; done)"

keys=$(sed -n 's/^[A-Z]*(\([a-z_]*\), \([a-z_0-9]*\), .*/\1 \2/p' src/config/options.def |
    grep -v '^[a-z_]* "')
point "options.def has keys" "$(echo "$keys" | grep -q '^train lr$' || echo 'no [train] lr?')"

# In the reference every key of a section comes behind that section's heading.
page=man/seqtrain.ini.5
[ -f "$page" ] || page=$builddir/$page
if [ -f "$page" ]; then
    point "seqtrain.ini(5) tells of every key" "$(echo "$keys" | while read -r section key; do
        awk -v section="[$section]" -v key="$key" '
            /^\.S[HS]/ { in_section = index($0, section) > 0 }
            in_section && $0 ~ "(^|[^a-z_0-9])" key "($|[^a-z_0-9])" { found = 1 }
            END { exit !found }' "$page" || echo "[$section] $key"
    done)"
else
    skip "seqtrain.ini(5) tells of every key" "the page has not been made"
fi

for file in configs/*.ini; do
    point "$file holds only known keys" "$(awk '
        /^\[/ { section = substr($1, 2, length($1) - 2) }
        section == "sweep" && /^[a-z_]+\.[a-z_]+ *=/ && !/^vars\./ { sub(/\./, " "); print $1, $2; next }
        section != "vars" && /^[a-z_]+ *=/ { print section, $1 }' "$file" | while read -r pair; do
        echo "$keys" | grep -qxF "$pair" || echo "$pair"
    done)"
done

if command -v mandoc >/dev/null; then
    point "mandoc warns of nothing in the manual" \
        "$(for page in man/*.[1357] "$builddir/man/seqtrain.ini.5"; do
            mandoc -Tlint -W warning "$page" 2>&1
        done)"
else
    skip "mandoc warns of nothing in the manual" "no mandoc(1)"
fi
point "examples of the manual fit 80 columns" "$(awk '/^\.(nf|EX)/ { on = 1 } /^\.(fi|EE)/ { on = 0 }
    { gsub(/\\\(aq|\\\(dq/, "q"); gsub(/\\/, "") } on && length > 69 { print FILENAME ":" FNR }' man/*.1 man/*.3 man/*.5 man/*.in)"
point "lines of kernels have at most 100 columns" "$(awk 'length > 100 { print FILENAME ":" FNR }' cl/*)"
point "no #if stands among the arguments of a kernel or function" "$(awk '
    FNR == 1 { among = 0 }
    /^[a-z_].*\(/ && !/;/ { among = 1 }
    /^[{]/ || /;/ { among = 0 }
    among && /^#/ { print FILENAME ":" FNR }' cl/*)"

# A kernel that leaves a GPU half empty, or spills, does so for a reason that is written down.
point "kernels that take much of a GPU have their reasons in tests/lint.why" "$(awk -F '\t' '
    FNR == NR && !/^#/ { why[$1] = NF == 2 && length($2) > 20; next }
    FNR == NR || /^#/ || $1 == "kernel" { next }
    $4 > 0 || $5 > 0 || $6 > 49152 || ($2 ~ /^sm_/ && $7 < 50) { much[$1] }
    END {
        for (name in much)
            if (!why[name])
                print "no reason: " name
        for (name in why)
            if (!(name in much))
                print "no need of a reason: " name
    }' tests/lint.why tests/lint.tsv | sort)"

point "no kernel has a stack or spills on NVIDIA" "$(
    awk -F '\t' '$2 ~ /^sm_/ && ($4 > 0 || $5 > 0) { print $1 " for " $2 }
        $2 ~ /^sm_/ { found = 1 } END { if (!found) print "no row" }' tests/lint.tsv)"

# data, which knows no device, has steps of its own.
for name in step metrics; do
    point "host and kernels have one struct $name" "$(grep -rlE "^struct $name \\{" src cl |
        awk '/^src\/data\// { next } $0 != "cl/step.h"; $0 == "cl/step.h" { found = 1 }
            END { if (!found) print "none in cl/step.h" }')"
done

# make would take FOLDER for a program to be made of FOLDER.c, and 'make dist' with it.
point "no source has a folder's name beside it" "$(find src tests man -name '*.c' | while read -r file; do
    [ ! -d "${file%.c}" ] || echo "$file"
done)"

version=$(cat VERSION)
point "packages have the version of VERSION" "$(
    grep -q "^seqtrain ($version-[0-9]*) " packaging/debian/changelog || echo packaging/debian/changelog
    grep -q "^Version: *$version\$" packaging/fedora/seqtrain.spec || echo packaging/fedora/seqtrain.spec)"

echo "1..$points"
