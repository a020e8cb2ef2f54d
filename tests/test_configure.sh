#!/bin/sh
# SPDX-License-Identifier: MIT
# What configure says of missing libraries, and that a cross build runs no program of the target.
set -u
configure=$(cd "${srcdir-.}" && pwd)/configure
CC=$(sed -n 's/^CC = //p' Makefile)
export CC
if [ -f "${srcdir-.}/config.status" ]; then
    echo "1..0 # SKIP the source tree itself is configured"
    exit
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
unset MAKEFLAGS MFLAGS
points=0

# point NAME COMMAND...: passes if the command does.
point()
{
    points=$((points + 1))
    name=$1
    shift
    if "$@"; then
        echo "ok $points - $name"
    else
        echo "not ok $points - $name"
        sed 's/^/# /' out
    fi
}

# refuses VARIABLE=VALUE PACKAGE...: configure ends with status 1 and names the packages.
refuses()
{
    "$configure" -q "$1" >out 2>&1
    [ $? -eq 1 ] || return
    shift
    for package; do
        grep -qE "[:,] ${package}[,)]" out || return
    done
}

point "all missing libraries are told at once, with their packages" refuses PKG_CONFIG_LIBDIR=/nonexistent \
    ocl-icd-opencl-dev ocl-icd-devel libcairo2-dev cairo-devel libpng-dev libpng-devel \
    libjpeg-dev libjpeg-turbo-devel \
    libjansson-dev jansson-devel zlib1g-dev zlib-devel libinih-dev inih-devel \
    libutf8proc-dev utf8proc-devel libpcre2-dev pcre2-devel libxxhash-dev xxhash-devel
point "pkg-config itself is told" refuses PKG_CONFIG=/nonexistent pkgconf-pkg-config
point "a CBLAS that does not link is told" refuses CBLAS_LIBS=-lthis-is-no-blas libopenblas-dev
without_cblas()
{
    "$configure" -q --without-cblas --build=x86_64-a-linux-gnu --host=x86_64-b-linux-gnu \
        CC_FOR_BUILD="$CC" >out 2>&1 && grep -q '^CBLAS_LIBS = *$' Makefile
}

# CC=false: what is compiled for the target fails.
page()
{
    make -s man/seqtrain.ini.5 CC=false >out 2>&1 && [ -s man/seqtrain.ini.5 ]
}

point "--without-cblas links none" without_cblas
point "a cross build makes its manual page by the build machine's compiler" page
point "that page has the keys, the functions and the version" awk '
    /^\.BR "lr = / { key = 1 } /^\\fBrsi\(/ { function_ = 1 } /^\.TH .*"seqtrain [0-9]/ { version = 1 }
    END { exit !(key && function_ && version) }' man/seqtrain.ini.5
echo "1..$points"
