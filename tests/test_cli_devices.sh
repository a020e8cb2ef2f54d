#!/bin/sh
# SPDX-License-Identifier: MIT
# Where there is no device, the message names the platforms seen and the cause. Drivers are faked by
# folders of .icd files.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
unset OCL_ICD_FILENAMES POCL_DEVICES
own=${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}

# told VENDORS PATTERN...: devices fails with one line.
told()
{
    OCL_ICD_VENDORS=$1
    export OCL_ICD_VENDORS
    shift
    run 4 devices && lines err 1 && [ ! -s out ] && has err "$@"
}
none='^seqtrain: no OpenCL platform found: '
helps='; a driver for the device is needed, or pocl-opencl-icd for the CPU, and OCL_ICD_VENDORS names '
mkdir empty broken other blank
echo libnot-there.so.9 >broken/broken.icd
echo libm.so.6 >other/other.icd
echo >blank/blank.icd
point "no folder of drivers" told "$dir/nowhere" "$none$dir/nowhere: No such file or directory$helps"
point "no driver in it" told "$dir/empty" "$none$dir/empty holds no \.icd file, .*$helps"
point "a driver that cannot be loaded" told "$dir/broken" \
    "$none$dir/broken/broken\.icd: its library cannot be loaded: libnot-there\.so\.9: cannot open shared"
point "its .icd file alone" told "$dir/broken/broken.icd" \
    "$none$dir/broken/broken\.icd: its library cannot be loaded: libnot-there\.so\.9: cannot open shared"
point "its library alone" told libnot-there.so.9 \
    "${none}OCL_ICD_VENDORS: its library cannot be loaded: libnot-there\.so\.9: cannot open shared"
point "a library that is no driver" told "$dir/other" \
    "$none$dir/other/other\.icd: its library libm\.so\.6 can be loaded, but offers no platform"
point "an empty .icd file" told "$dir/blank" "$none$dir/blank/blank\.icd names no library"
both()
{
    cp broken/broken.icd other && told "$dir/other" 'broken\.icd: its library cannot be loaded' \
        '; [^;]*other\.icd: its library libm\.so\.6 can be loaded'
}
point "each driver is told" both
trains()
{
    OCL_ICD_VENDORS=$dir/empty run 4 -c tiny.ini && has err "$none" && [ ! -e run/last.safetensors ]
}
point "a training tells the same" trains

# PoCL by itself, without a folder for its cache.
if [ -r "$own/pocl.icd" ]; then
    cache='has no device: its cache [^ ]* cannot be written, and POCL_CACHE_DIR=FOLDER names another one'
    no_cache()
    {
        (POCL_CACHE_DIR=/dev/null/cache && told "$own/pocl.icd" \
            "^seqtrain: no OpenCL device found: platform 'Portable Computing Language' $cache\$")
    }
    point "PoCL without a cache" no_cache
    no_home()
    {
        (unset POCL_CACHE_DIR XDG_CACHE_HOME && HOME=/dev/null && told "$own/pocl.icd" \
            'cache /dev/null/\.cache/pocl/kcache cannot')
    }
    point "PoCL without a home" no_home
    no_devices()
    {
        (export POCL_DEVICES=none && told "$own/pocl.icd" "has no device: POCL_DEVICES is 'none'")
    }
    point "PoCL with its devices taken away" no_devices
    fault=${seqtrain%/seqtrain}/seqtrain-fault
    of_platform()
    {
        (export OCL_ICD_VENDORS="$own/pocl.icd" SEQTRAIN_FAULT=cl:2 && "$fault" devices >out 2>err
        [ $? -eq 4 ] && lines err 1 &&
            has err '^seqtrain: clGetDeviceIDs: CL_OUT_OF_RESOURCES .*: platform .Portable Computing Language. ')
    }
    if [ -x "$fault" ]; then
        point "a platform that fails is named" of_platform
    else
        skip "a platform that fails is named" "seqtrain-fault needs glibc"
    fi
else
    skip "PoCL without a cache" "no PoCL"
fi
if [ -r "$own/rusticl.icd" ]; then
    rusticl()
    {
        (unset RUSTICL_ENABLE && told "$own/rusticl.icd" \
            "platform 'rusticl' has no device: RUSTICL_ENABLE names the drivers")
    }
    point "rusticl without drivers" rusticl
else
    skip "rusticl without drivers" "no rusticl"
fi

# --- known answers

OCL_ICD_VENDORS=$own
if "$seqtrain" devices >/dev/null 2>&1; then
    # A first run compiles; what a second one takes is not looked at, as machines differ.
    answers()
    {
        run 0 devices --test -d cpu && lines err 0 && has out '^  product  *own  *ok ' '^  attention  *causal, dropout  *ok ' \
            '^  recurrent  *LSTM of both directions  *ok ' '^  recurrent  *LSTM of 288 units in bf16  *ok ' '^  norm ' '^  loss  *cross-entropy  *ok ' '^  optimizer ' '^  gather ' \
            '^  random numbers ' '^  convolution ' '^  embedding ' '^  all [0-9]+ known answers are right, ' &&
            [ "$(grep -c '  ok  ' out)" -ge 29 ] && ! grep -q WRONG out
    }
    point "a device gives the known answers" answers
    # A square root that is wrong by a thousandth: whoever takes one is named, others are not.
    wrong()
    {
        (export SEQTRAIN_DEBUG=wrong:sqrt && run 4 devices --test -d cpu) && lines err 1 && cat out &&
            has err '^seqtrain: .* \(.*, driver .*\): [1-9][0-9]* of [0-9]+ known answers are wrong, of: .*norm.*optimizer' &&
            has out '^  norm  *layer norm of a sum  *WRONG ' '^  optimizer  *AdamW, clipped  *WRONG ' '^  product  *own  *ok ' \
                '^  recurrent  *GRU  *ok ' '^  loss  *cross-entropy  *ok '
    }
    point "a driver that is wrong is named, with the families" wrong
    none()
    {
        run 2 devices --test -d none && run 2 -c tiny.ini --test && has err 'train takes no --test' && run 4 devices --test -d 99
    }
    point "what cannot be tested is refused" none
    # PoCL 3 compiles kernels of GPUs quickly where it optimises nothing; later ones then fail (tests/quickly.h).
    quickly()
    {
        case $("$seqtrain" devices -d cpu) in *'driver 3.'*) export POCL_EXTRA_BUILD_FLAGS=-cl-opt-disable ;; esac
    }
    # A training cut as for a GPU, with matrix units that are emulated, comes to what the CPU comes to.
    units()
    {
        adapted 1 && sed -e 's/^window = .*/window = 70/' -e 's/^epochs = .*/epochs = 1/' -e 's/^d_model = .*/d_model = 64/' \
            -e '/^\[adapter\]/,/^target/d' lm.ini >units.ini || return 1
        run 0 -c units.ini -q -d cpu -s train.precision=bf16 &&
            (quickly && SEQTRAIN_DEBUG='gpu mma' run 0 -c units.ini -d cpu -s train.precision=bf16 -s run.output=units --profile) &&
            has out '^ *attention_mma_bwd_kv ' '^ *attention_mma_bwd_q ' '^ *attention_mma_fwd ' \
                'matrices by bf16 own mma.sync, emulated' &&
            near 1e-4 "$(epochs run val_loss)" "$(epochs units val_loss)" &&
            near 1e-2 "$(epochs run grad_norm)" "$(epochs units grad_norm)"
    }
    point "a training by matrix units" units
else
    skip "a device gives the known answers" "no OpenCL device"
    skip "a driver that is wrong is named, with the families" "no OpenCL device"
    skip "what cannot be tested is refused" "no OpenCL device"
    skip "a training by matrix units" "no OpenCL device"
fi

echo "1..$points"
