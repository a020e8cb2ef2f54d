#!/bin/sh
# SPDX-License-Identifier: MIT
# `make bundle`: a folder that brings its libraries, and runs in a root that has nothing but a shell, libc
# and what the folder brings.
build=$PWD
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
points=0
point()
{
    points=$((points + 1))
    name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        echo "ok $points - $name"
    else
        echo "not ok $points - $name"
        sed 's/^/# /' "$dir/out"
    fi
}

make=${MAKE-make}
makes()
{
    MAKEFLAGS= $make -C "$build" bundle BUNDLE="$dir/bundle" && [ -x "$dir/bundle/seqtrain" ]
}
point "make bundle" makes
[ -x "$dir/bundle/seqtrain" ] || { echo "1..$points" && exit 0; }

# Libraries of the machine that the program asks for: libc's alone.
own_libraries()
{
    ldd "$dir/bundle/bin/seqtrain" | awk '$2 == "=>" { print $3 }' | grep -v "^$dir/bundle/" |
        grep -Ev '/(libc|libm|libpthread|libdl|librt|libresolv|libstdc\+\+|libgcc_s)\.so' >"$dir/others"
    [ ! -s "$dir/others" ] || { cat "$dir/others" && return 1; }
}
point "libraries are those of the folder" own_libraries
linked()
{
    ln -s "$dir/bundle/seqtrain" "$dir/link" && "$dir/link" -V && cd / && "$dir/bundle/seqtrain" -V &&
        PATH=$dir/bundle:$PATH seqtrain -V
}
point "it is started by a link, a path and a name" linked

# root FOLDER: a root of a shell, libc and the bundle.
root()
{
    mkdir -p "$1/bin" "$1/opt" "$1/data" "$1/tmp" "$1/dev" || return 1
    cp -r "$dir/bundle" "$1/opt/seqtrain" && cp "$(command -v dash || command -v sh)" "$1/bin/sh" &&
        : >"$1/dev/null" || return 1
    for file in /bin/sh "$dir/bundle/bin/seqtrain"; do
        ldd "$file" | grep -Eo '/[^ ]*/(libc|libm|libpthread|libdl|librt|libresolv|ld-linux[^ ]*)\.so[^ ]*' |
            while read -r library; do
                mkdir -p "$1${library%/*}" && cp -L "$library" "$1$library" || return 1
            done
    done
    awk 'BEGIN { print "Date,Close"; for (i = 0; i < 700; i++)
        printf "%d-%02d-%02d,%.5g\n", 2020 + int(i / 336), 1 + int(i / 28) % 12, 1 + i % 28, 100 + 9 * sin(i / 20) }' \
        >"$1/data/prices.csv"
}

# inside COMMAND...: in that root, as root there.
inside()
{
    if [ "$(id -u)" -eq 0 ]; then
        chroot "$dir/root" "$@"
    else
        unshare -r chroot "$dir/root" "$@"
    fi
}
point "a bare root" root "$dir/root"
if inside /bin/sh -c : 2>/dev/null; then
    bare()
    {
        inside /bin/sh -c "cd /data && HOME=/tmp && export HOME && $1" </dev/null
    }
    version()
    {
        bare '/opt/seqtrain/seqtrain -V' && grep -q '^seqtrain [0-9]' "$dir/out"
    }
    works()
    {
        bare '/opt/seqtrain/seqtrain init --data prices.csv && /opt/seqtrain/seqtrain check -c forecast.ini -d none' &&
            grep -q 'forecast.ini: valid' "$dir/out" && grep -q '^total' "$dir/out"
    }
    none()
    {
        bare '/opt/seqtrain/seqtrain -c forecast.ini'
        [ $? -eq 4 ] && grep -q OpenCL "$dir/out"
    }
    point "there it starts" version
    point "there it reads data and plans" works
    point "there it tells that no OpenCL is installed" none
else
    points=$((points + 1))
    echo "ok $points - there it starts # SKIP no chroot here"
fi
echo "1..$points"
