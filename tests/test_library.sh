#!/bin/sh
# SPDX-License-Identifier: MIT
# libseqtrain: what it exports, that it is installed so that programs find it, that its predictions are
# those of predict, in several threads too, and what it says of faults. With --enable-sanitizers=thread
# this is where ThreadSanitizer looks.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
build=$OLDPWD
source=${srcdir-.}
case $source in /*) ;; *) source=$build/$source ;; esac
library=$build/libseqtrain.so.0.1.0
play=$build/tests/play_library
TSAN_OPTIONS="suppressions=$source/tests/tsan.supp halt_on_error=0 exitcode=66"
LD_LIBRARY_PATH=$build${LD_LIBRARY_PATH+:$LD_LIBRARY_PATH}
export TSAN_OPTIONS LD_LIBRARY_PATH

# --- symbols

# The symbols that it has, and the version of each.
exported()
{
    nm -D --defined-only "$library" | awk '$2 == "T" { sub(/@+/, " ", $3); print $3 }' | sort >symbols
    sort "$source/tests/abi.txt" | diff - symbols
}
# That another program of its process could not go on.
ends()
{
    nm -D --undefined-only "$library" | sed 's/@.*//' |
        grep -E ' (_?_?exit|quick_exit|_Exit|signal|sigaction|setlocale|setenv|unsetenv|putenv|chdir|umask)$' >calls
    [ ! -s calls ] || { cat calls && return 1; }
}
# Each function is in the manual, and none besides.
told()
{
    grep -o '\<st_[a-z_]*(' "$source/man/seqtrain-library.3" | tr -d '(' | sort -u >functions
    cut -d' ' -f1 "$source/tests/abi.txt" | sort | diff - functions &&
        sed -n 's/^ST_API.*\<\(st_[a-z_]*\)(.*/\1/p' "$source/src/library/seqtrain.h" | sort | diff - functions
}
# The list of the Debian package has the same.
packaged()
{
    sed -n 's/^ \(st_[a-z_]*\)@\(SEQTRAIN_[0-9.]*\) .*/\1 \2/p' \
        "$source/packaging/debian/libseqtrain0.symbols" | sort >symbols
    sort "$source/tests/abi.txt" | diff - symbols
}
sanitized=
if command -v nm >/dev/null; then
    nm -D "$library" | grep -Eq '__(asan|tsan)_init' && sanitized=1
    point "it exports what tests/abi.txt lists" exported
    point "it calls nothing that ends or changes the process" ends
else
    skip "it exports what tests/abi.txt lists" "no nm(1)"
fi
point "header and manual have these functions" told
point "the Debian package lists them" packaged

# --- installed

cc=$(sed -n 's/^CC = //p' "$build/Makefile")
flags=$(sed -n 's/^CFLAGS = //p' "$build/Makefile")
[ -z "$sanitized" ] || flags="$flags $(sed -n 's/^WARN_CFLAGS = .*\(-fsanitize=[a-z,]*\).*/\1/p' "$build/Makefile")"
installed()
{
    MAKEFLAGS= ${MAKE-make} -C "$build" install-exec-local install-includeHEADERS install-pkgconfigDATA \
        DESTDIR="$dir/root" || return 1
    pc=$(find root -name seqtrain.pc)
    awk '/^\.EX/ && !done { on = 1; next } /^\.EE/ { if (on) done = 1; on = 0 } on' \
        "$source/man/seqtrain-library.3" | sed 's/\\e/\\/g' >example.c
    options=$(PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 PKG_CONFIG_PATH=${pc%/*} \
        PKG_CONFIG_SYSROOT_DIR=$dir/root pkg-config --cflags --libs seqtrain) || return 1
    # shellcheck disable=SC2086 # words
    $cc $flags -std=c99 -Wall -Wextra -Werror -pedantic example.c -o example $options &&
        readelf -d example | grep -q 'NEEDED.*\[libseqtrain\.so\.0\]'
}
cplusplus()
{
    echo '#include "seqtrain.h"' >header.cc
    ${cc##* } -x c++ -fsyntax-only -Wall -Wextra -Werror -I"$source/src/library" header.cc
}
removed()
{
    MAKEFLAGS= ${MAKE-make} -C "$build" uninstall-library uninstall-includeHEADERS uninstall-pkgconfigDATA \
        DESTDIR="$dir/root" && [ -z "$(find root ! -type d)" ]
}
if command -v pkg-config >/dev/null && command -v readelf >/dev/null; then
    point "the manual's program is compiled with what is installed" installed
    if echo 'int x;' >x.cc && ${cc##* } -x c++ -fsyntax-only x.cc 2>/dev/null; then
        point "C++ takes the header" cplusplus
    else
        skip "C++ takes the header" "no C++ compiler"
    fi
    point "uninstall leaves nothing" removed
else
    skip "the manual's program is compiled with what is installed" "no pkg-config or readelf"
fi

# --- predictions

candles 260 >train.csv
head -61 train.csv >rows.csv
cat >data.ini <<'INI'
[data]
source   = train.csv
time     = time
features = close, ret(close), ma(close,7), rsi(close,5)
targets  = ret(open)
horizon  = 3
window   = 10
scaler   = standard
target_transform = standard

[model]
type     = recurrent
hidden   = 8
layers   = 1

[train]
epochs   = 1
batch    = 16

[plots]
enable   = none
INI

# train NAME SETTING...: the run NAME.
train()
{
    name=$1
    shift
    for setting; do
        set -- "$@" -s "$setting"
        shift
    done
    run 0 train -c data.ini -o "$name" --overwrite -q "$@"
}

# same NAME COLUMNS [FIRST]: the library gives the columns of predict's table, in its first lines where
# there are more.
same()
{
    "$play" predict "$1" cpu rows.csv >got 2>"$dir/err" || return 1
    [ ! -s "$dir/err" ] || return 1
    run 0 predict -m "$1" -i rows.csv || return 1
    cut -d, -f"$2" out | sed 1d >wanted
    sed 1d got | head -n "${3-100000}" >some && mv some got && same_table got wanted
}

# latents NAME: the library gives the latent vectors of encode's table.
latents()
{
    "$play" encode "$1" rows.csv >got 2>"$dir/err" && [ ! -s "$dir/err" ] &&
        run 0 encode -m "$1" -i rows.csv || return 1
    awk -F, -v OFS=, 'NR == 1 { for (i = 1; i <= NF; i++) z[i] = $i ~ /^z[0-9]+$/; next }
        { line = ""
          for (i = 1; i <= NF; i++)
              if (z[i])
                  line = line (line == "" ? "" : ",") $i
          print line }' out >wanted
    same_table got wanted
}

if [ -z "$sanitized" ]; then
    point "a model of each row is trained" train window data.target_rows=window
    point "its predictions are those of predict" same window 3
    point "an autoencoder is trained" train auto data.targets= data.target_transform= \
        data.target_rows=horizon model.type=autoencoder model.d_model=16 model.heads=2 \
        model.feedforward=16 model.latent=4 data.scaler=window
    point "its reconstructions are" same auto 4-
    point "its latent vectors are those of encode" latents auto
fi
point "a model on a scale of its own is trained" train scale data.target_rows=window \
    'data.target_display=scale(0,100)' data.stride=3
point "its predictions are" same scale 3
point "a model of a horizon is trained" train ahead
# A file ends with windows whose targets lie ahead, as rows that come do.
point "its forecasts are those of predict" same ahead 3
point "a model that keeps its state is trained" train state data.target_rows=window \
    data.eval_window=10 data.features='close, ret(close)'
point "its predictions are" same state 3 50

# What a model says of its files is no matter of rows: series in one file, candles, conditions, jumps.
of_files()
{
    awk -F, -v OFS=, '{ print $0, NR == 1 ? "name" : NR < 140 ? "A" : "B" }' train.csv >named.csv
    train files data.source=named.csv data.series=name data.resample=2m data.jump=9 \
        data.where='close > 90' data.features='close, ret(close)' data.skip_footer=1 data.window=4 &&
        "$play" predict files cpu rows.csv >got && [ "$(wc -l <got)" -gt 40 ]
}
[ -n "$sanitized" ] || point "keys of files are none of rows that are pushed" of_files

german()
{
    localedef -i de_DE -f UTF-8 "$dir/de_DE.UTF-8" >/dev/null 2>&1
    LOCPATH=$dir PLAY_LOCALE=de_DE.UTF-8 "$play" predict ahead cpu rows.csv >german &&
        "$play" predict ahead cpu rows.csv | cmp - german
}
if localedef -i de_DE -f UTF-8 "$dir/xx" >/dev/null 2>&1; then
    point "decimal commas of the program change nothing" german
else
    skip "decimal commas of the program change nothing" "no locale de_DE"
fi

# --- threads

threads()
{
    "$play" threads "$1" rows.csv >got 2>&1 || { cat got && return 1; }
    [ "$(wc -l <got)" -eq 1 ] && has got 'rows of predictions, the same' || { cat got && return 1; }
}
point "four models and a shared one in threads: the same bits" threads ahead
point "the same with a state" threads state
point "and of a scale that a new checkpoint brings" threads scale

# --- faults

# plain STATUS PATTERN MODEL DEVICE: a sentence that names no key.
plain()
{
    "$play" fault "$3" "$4" >got 2>&1 || { cat got && return 1; }
    has got "^$1 $2" || { cat got && return 1; }
    ! grep -E '\[[a-z]+\] |(data|model|train|device)\.[a-z_]+|-s ' got
}
point "a model that is not there" plain -3 'nowhere: ' nowhere ''
echo nonsense >broken.safetensors
point "a file that is none" plain -3 'broken.safetensors: ' broken.safetensors ''
point "a device that is not there" plain -4 '.*99' ahead 99
point "a device that computes nothing" plain -2 'device none' ahead none
point "a model of texts" plain -2 '.*answers no rows' "$source/tests/base/gpt2" ''
point "a model of both directions is trained" train both data.target_rows=window model.bidirectional=yes
point "a model that reads what comes behind a row" plain -2 '.*behind' both ''
refused()
{
    "$play" rows ahead >got 2>&1 || return 1
    cat >wanted <<'EOF'
0
-3 column 'close': the value is missing
-3 column 'close': the value is not finite
-3 time 2020-09-13T12:26:40Z appears twice: the row is left out, for the first of that time is answered
-3 time 2020-09-13T12:26:39.999Z lies before the previous row's 2020-09-13T12:26:40Z: the row is left out
-3 time -9223372036854775808 is no instant of the years 1900 to 2200
-2 a model, a row and room for predictions are needed
0
0
0
EOF
    sed 's/ already.*//; s/answered;.*/answered/' got | diff wanted -
}
point "rows that are no good are told, and the next ones are taken" refused

# --- Python

python()
{
    LIBSEQTRAIN=$library python3 "$source/examples/ctypes_predict.py" ahead rows.csv -d cpu >got 2>"$dir/err" ||
        return 1
    run 0 predict -m ahead -i rows.csv || return 1
    cut -d, -f3 out | sed 1d >wanted
    sed 1d got | cut -d, -f2 | cmp - wanted
}
if [ -n "$sanitized" ]; then
    skip "the example in Python" "Python is not built with a sanitizer"
elif python3 -c 'import numpy' 2>/dev/null; then
    point "the example in Python gives the same" python
else
    skip "the example in Python" "no Python with NumPy"
fi

echo "1..$points"
