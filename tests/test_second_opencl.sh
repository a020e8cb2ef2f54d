#!/bin/sh
# SPDX-License-Identifier: MIT
# The same training on every OpenCL device that is found: its first 20 losses agree to 1e-4 relative
# with those of the first device, whatever multiplies the matrices. Skipped where there is one
# device only. Beside what the loader finds by itself (with Mesa's rusticl on the CPU), Intel's CPU
# runtime is looked for where it is installed without telling the loader, and
#   SEQTRAIN_TEST_ICD   names folders of .icd files, separated by colons.
srcdir=${srcdir-.}
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
XDG_CACHE_HOME=$folder/cache
RUSTICL_ENABLE=${RUSTICL_ENABLE-llvmpipe}
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # drivers keep what they have
export XDG_CACHE_HOME RUSTICL_ENABLE ASAN_OPTIONS
points=0

# train INDEX GEMM KIND: the demo with a small model and no dropout; one step an epoch, its batch short,
# so that the log has the loss of each step.
train()
{
    index=$1 gemm=$2
    case $3 in
    autoencoder) set -- ;;
    recurrent) set -- model.cell=lstm model.bidirectional=yes model.layer_norm=yes model.head=attention ;;
    cnn_recurrent) set -- model.cell=gru 'model.conv_channels=5, 8' model.conv_norm=batch model.conv_pool=2 ;;
    tcn) set -- model.layers=3 ;;
    transformer) set -- model.attention=causal model.positions=rotary model.reversible_norm=yes ;;
    esac
    for setting; do
        shift
        set -- "$@" -s "$setting"
    done
    [ "$kind" = autoencoder ] || set -- "$@" -s model.type="$kind" -s model.hidden=12 -s data.scaler=standard \
        -s 'data.features=ret(close), volume' -s 'data.targets=ret(close)' -s data.target_transform=standard
    timeout 300 ./seqtrain -q -c "$srcdir/configs/demo.ini" --overwrite -o "$folder/run" \
        -d "$index" -s "device.gemm=$gemm" -s data.stride=1000 -s data.window=10 -s model.d_model=16 \
        -s model.feedforward=32 -s model.layers=1 -s model.dropout=0 -s train.batch=24 \
        -s train.epochs=20 -s plots.enable=none -s cluster.categories=2 \
        "$@" >"$folder/output" 2>&1 </dev/null
}

losses()
{
    sed -n 's/.*"event":"epoch".*"train_loss":\([-+.0-9e]*\).*/\1/p' "$folder/run/log.jsonl"
}

# Prints the largest relative difference to the reference; fails beyond 1e-4.
compare()
{
    losses | paste "$folder/$kind" - | LC_ALL=C awk '
        NF == 2 { n++; d = ($2 - $1) / $1; d = d < 0 ? -d : d; if (!(d <= most)) most = d }
        END { printf "%.1e\n", most; exit !(n == 20 && most <= 1e-4) }'
}

# device INDEX NAME: a point for each provider, and for each other kind of model.
device()
{
    for gemm in own cblas clblast; do
        compared "$1" $gemm autoencoder "$2"
    done
    for kind in recurrent cnn_recurrent transformer tcn; do
        compared "$1" own $kind "$2"
    done
}

# compared INDEX GEMM KIND NAME
compared()
{
    kind=$3
    points=$((points + 1))
    if train "$1" "$2" "$kind"; then
        [ -s "$folder/$kind" ] || losses >"$folder/$kind"
        if most=$(compare); then
            echo "ok $points - $4, $2, $kind: off by at most $most"
        else
            echo "not ok $points - $4, $2, $kind: off by $most"
            losses | paste "$folder/$kind" - | sed 's/^/# /'
        fi
    elif [ "$2" = cblas ] && grep -q 'device.gemm = cblas' "$folder/output"; then
        echo "ok $points - $4, cblas # SKIP not offered there"
    else
        echo "not ok $points - $4, $2, $kind"
        sed 's/^/# /' "$folder/output"
    fi
}

# Lines "icd index name" of the usable devices: icd is - for what the loader finds by itself.
find_devices()
{
    for library in /opt/intel/oneapi/compiler/latest/lib/libintelocl.so \
        "${VIRTUAL_ENV-/nowhere}/lib/libintelocl.so"; do
        [ ! -e "$library" ] || { mkdir -p "$folder/intel" && echo "$library" >"$folder/intel/intel.icd"; }
    done
    [ ! -e "$folder/intel" ] || SEQTRAIN_TEST_ICD=$folder/intel:${SEQTRAIN_TEST_ICD-}
    IFS=:
    for icd in - ${SEQTRAIN_TEST_ICD-}; do
        (
            [ -n "$icd" ] || exit 0 # a colon at the end
            [ "$icd" = - ] || OCL_ICD_VENDORS=$icd && export OCL_ICD_VENDORS
            ./seqtrain devices 2>&1 | LC_ALL=C awk -v icd="$icd" '
                function tell() { if (line != "" && !bad) print line }
                /^[* ] [0-9]+: / { tell(); bad = 0; sub(/^[* ] /, ""); line = icd " " $0; next }
                line != "" && line !~ /;/ { sub(/^ */, ""); line = line "; " $0 }
                /NOT USABLE/ { bad = 1 }
                END { tell() }'
        )
    done
    unset IFS
}

find_devices >"$folder/devices"
if [ "$(wc -l <"$folder/devices")" -lt 2 ]; then
    echo "1..0 # SKIP no second OpenCL device; SEQTRAIN_TEST_ICD can name others"
    exit 0
fi
loader=${OCL_ICD_VENDORS-}
while read -r icd index name; do
    unset OCL_ICD_VENDORS
    [ "$icd" != - ] || icd=$loader
    [ -z "$icd" ] || export OCL_ICD_VENDORS="$icd"
    device "${index%:}" "$name"
done <"$folder/devices"
echo "1..$points"
