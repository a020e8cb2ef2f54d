#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain on bare machines of other distributions. For each of them a chroot is made, and in it, on a
# clone of the last commit: ./bootstrap, ./bootstrap demo, a part of the tests, and C tests as a build
# daemon runs them (no root, no home).
#
#   tests/distributions.sh [NAME...]    debian12 | debian13 | ubuntu24.04 | all | commit | none
#
# "commit" is one of the three and a part of the tests of its driver, chosen by the commit's hash, so that
# a run can be repeated. All where none is named, neither here nor by SEQTRAIN_TEST_DISTRIBUTIONS ("make check" sets this to none, if it
# is not set). It takes root, debootstrap, 4 GB below TMPDIR and a mirror of packages.
#
#   SEQTRAIN_TEST_MIRROR_DEBIAN, SEQTRAIN_TEST_MIRROR_UBUNTU   mirrors, if not debootstrap's own
#   SEQTRAIN_TEST_DEBS                                         a folder that keeps packages between runs
srcdir=$(cd "${srcdir-.}" && pwd) || exit 1

# What depends on the OpenCL driver, and what on the compiler and the libraries. A chroot of this
# machine's own release has the driver of the tests out here: it runs only the libraries' tests.
models="tests/test_ops tests/test_golden" units="tests/test_mma tests/test_barrier"
analysis="tests/test_kmeans tests/test_tsne"
drivers="$models tests/test_gemm $units $analysis" share=
libraries="tests/test_device tests/test_engine tests/test_plots tests/test_config tests/test_safetensors
tests/test_image tests/test_encoded tests/test_loader tests/test_tree.sh tests/test_cli_run.sh"
daemon="tests/test_device tests/test_cache tests/test_log tests/test_file"

skip_all()
{
    echo "1..0 # SKIP $*"
    exit 0
}

# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- ${SEQTRAIN_TEST_DISTRIBUTIONS-all}
[ "$*" != none ] || skip_all "chroots of distributions are made where SEQTRAIN_TEST_DISTRIBUTIONS asks for them"
[ "$(id -u)" = 0 ] || skip_all "only root can make a chroot"
command -v debootstrap >/dev/null || skip_all "no debootstrap (Debian: package debootstrap)"
unshare --mount true 2>/dev/null || skip_all "no mount namespaces here"
commit=$(git -C "$srcdir" rev-parse HEAD 2>/dev/null) || skip_all "$srcdir is not a git clone"

folder=$(mktemp -d) || exit 1
child=
trap 'rm -rf "$folder"' EXIT
trap 'kill -KILL $child; exit 1' HUP INT TERM
root=$folder/root log=$folder/log
tree=/srv/seqtrain
points=0

# apart COMMAND...: in namespaces of mounts and processes of its own. With the command go both, whatever
# ends it; out here nothing is ever mounted, so that the chroot can be removed.
apart()
{
    unshare --mount --pid --fork --kill-child "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    wait $child
}

# inside COMMAND...: in the chroot, with nothing of this environment but proxies. PoCL also wants /sys.
inside()
{
    # shellcheck disable=SC2016 # is expanded there
    apart sh -c 'root=$1 debs=$2 && shift 2 &&
        mount -t proc proc "$root/proc" && mount --rbind /sys "$root/sys" &&
        mount --rbind /dev "$root/dev" &&
        { [ -z "$debs" ] || mount --bind "$debs" "$root/var/cache/apt/archives"; } &&
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
            ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
            "$@"' inside "$root" "$debs" "$@"
}

# point TEXT COMMAND...: passes if the command does; %s in TEXT is the last line that it printed.
point()
{
    points=$((points + 1))
    text=$1
    shift
    : >"$log"
    start=$(date +%s)
    if "$@"; then result=ok; else result='not ok'; fi
    # shellcheck disable=SC2059 # a format of ours
    echo "$result $points - $name: $(printf "$text" "$(tail -n 1 "$log")"), $(($(date +%s) - start)) s"
    [ "$result" = ok ] || { grep -B 12 "^not ok\|^FAIL:\|Bail out" "$log"; tail -n 40 "$log"; } | sed "s,^,# ,"
    [ "$result" = ok ]
}

# make_chroot SUITE MIRROR COMPONENTS OPTION...: a mirror that stops is tried again, once.
make_chroot()
{
    suite_name=$1 mirror=$2 components=$3
    shift 3
    script=/usr/share/debootstrap/scripts/$suite_name
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/gutsy # newer than this debootstrap
    for try in 1 2; do
        rm -rf "$root"
        : >"$log"
        echo "# $name: debootstrap, try $try"
        apart debootstrap --force-check-gpg --variant=minbase --components="$components" \
            ${debs:+--cache-dir="$debs"} "$@" "$suite_name" "$root" "$mirror" "$script" && return
    done
    return 1
}

# distribution NAME SUITE MIRROR COMPONENTS OPTION...
distribution()
{
    name=$1
    shift
    debs=
    if [ -n "${SEQTRAIN_TEST_DEBS-}" ]; then
        debs=$SEQTRAIN_TEST_DEBS/$1
        mkdir -p "$debs" && debs=$(cd "$debs" && pwd) || exit 1
    fi
    if ! make_chroot "$@"; then
        points=$((points + 1))
        echo "ok $points - $name # SKIP debootstrap: $(tail -n 1 "$log")"
        return
    fi
    git clone -q --no-hardlinks "$srcdir" "$root$tree" || exit 1
    suite="$drivers $libraries"
    ! grep -q "^VERSION_CODENAME=$1\$" /etc/os-release || suite=$libraries
    # shellcheck disable=SC2086 # lists of words
    point "./bootstrap" inside $tree/bootstrap &&
        point "./bootstrap demo" inside $tree/bootstrap demo &&
        point "tests: %s" inside SEQTRAIN_TEST_SHARE="$share" $tree/bootstrap check $suite &&
        point "C tests as a build daemon's user" as_daemon
    rm -rf "$root"
}

as_daemon()
{
    chown -R 65534:65534 "$root$tree" &&
        inside setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
            make --no-print-directory -C $tree/build check TESTS="$daemon" VERBOSE=1
}

named()
{
    case $1 in
    all) for one in debian12 debian13 ubuntu24.04; do named $one; done ;;
    commit)
        number=$(printf '%d' "0x$(echo "$commit" | cut -c 1-7)")
        set -- debian12 debian13 ubuntu24.04
        shift $((number % 3))
        case $((number / 3 % 6)) in
        0) drivers=tests/test_gemm ;;
        1) drivers=$units ;;
        2) drivers=$analysis ;;
        *) drivers=$models share=$((number / 18 % 8))/8 ;;
        esac
        named "$1"
        ;;
    debian12) distribution "Debian 12" bookworm "${SEQTRAIN_TEST_MIRROR_DEBIAN-}" main ;;
    debian13) distribution "Debian 13" trixie "${SEQTRAIN_TEST_MIRROR_DEBIAN-}" main ;;
    ubuntu24.04)
        distribution "Ubuntu 24.04" noble "${SEQTRAIN_TEST_MIRROR_UBUNTU-}" main,universe \
            --keyring="$srcdir/tests/ubuntu-archive-key.gpg"
        ;;
    *)
        echo "Bail out! no distribution is called $1"
        exit 2
        ;;
    esac
}

for distribution; do
    named "$distribution"
done
echo "1..$points"
