#!/bin/sh
# SPDX-License-Identifier: MIT
# The programs of examples/ run as they say, and give what predict gives. Each is skipped where Python lacks
# what it imports.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"
build=$OLDPWD
source=${srcdir-.}
case $source in /*) ;; *) source=$build/$source ;; esac
LIBSEQTRAIN=$build/libseqtrain.so.0.1.0 PYTHONDONTWRITEBYTECODE=1
export LIBSEQTRAIN PYTHONDONTWRITEBYTECODE
sanitized=
nm -D "$LIBSEQTRAIN" 2>/dev/null | grep -Eq '__(asan|tsan)_init' && sanitized=1

# needs MODULE POINT...: the point, where Python has the module.
needs()
{
    module=$1
    shift
    if python3 -c "import $(echo "$module" | sed 's/ /, /g')" 2>/dev/null; then
        point "$@"
    else
        skip "$1" "Python lacks one of: $module"
    fi
}
# with_library MODULE POINT...: that, with libseqtrain in Python's process.
with_library()
{
    if [ -n "$sanitized" ]; then
        skip "$2" "Python is not built with a sanitizer"
    else
        needs "$@"
    fi
}
example()
{
    name=$1
    shift
    python3 "$source/examples/$name" "$@" 2>"$dir/err"
}

# The listing says what there is.
listed()
{
    ls "$source/examples" | grep '\.py$' | while read -r name; do
        grep -q "^| \`$name\`" "$source/examples/README.md" && grep -qF "examples/$name" "$source/Makefile.am" ||
            echo "$name"
    done >lacking
    [ ! -s lacking ] || { cat lacking && return 1; }
}
point "README.md lists the examples, and they are installed" listed

cat >data.ini <<'INI'
[data]
source   = candles.csv
time     = time
features = close, ret(close), ma(close,7), volume
targets  = ret(close)
horizon  = 3
window   = 10
scaler   = standard
target_transform = standard
[model]
type     = recurrent
hidden   = 8
layers   = 2
cell     = gru
[train]
epochs   = 1
batch    = 32
[plots]
enable   = none
INI

# near_predict RUN FILE: its numbers are those of predict's table, as far as both go.
near_predict()
{
    run 0 predict -m "$1" -i candles.csv || return 1
    sed 1d out | cut -d, -f3 | paste -d, - "$2" | awk -F, '
        $1 == "" || $2 == "" { next }
        { n++; d = $1 - $2; if (d < 0) d = -d; if (d > worst) worst = d }
        END { print n, worst; exit !(n > 170 && worst < 1e-6) }'
}
forward()
{
    example "$1" gru features.csv >got && near_predict gru got
}
begins()
{
    run 0 train -c data.ini -o gru -q && run 0 data --features -m gru -o features.csv
}
point "a model and its features" begins
needs numpy "NumPy alone computes it" forward numpy_forward.py
needs "numpy jax" "JAX computes it" forward jax_forward.py

loads()
{
    run 0 train -c data.ini -o plain -q -s data.target_transform=none -s model.cell=lstm &&
        run 0 data --features -m plain -o features.csv && example pytorch_load.py plain features.csv >got &&
        near_predict plain got
}
needs "numpy torch safetensors" "PyTorch loads it, strictly" loads
starts()
{
    example pytorch_start.py 4 8 2 start.safetensors &&
        run 0 train -c data.ini -o started -q -s model.cell=lstm -s model.init=start.safetensors \
            -s train.lr=0 -s train.lr_min=0 &&
        python3 -c 'import sys, torch
from safetensors.torch import load_file
a, b = map(load_file, sys.argv[1:])
sys.exit(a.keys() != b.keys() or not all(torch.equal(a[k], b[k]) for k in a))' \
            start.safetensors started/best.safetensors
}
needs "numpy torch safetensors" "a training starts from PyTorch's weights" starts

arrays()
{
    run 0 predict -m gru -i candles.csv && sed 1d out | cut -d, -f3 >wanted &&
        example ctypes_predict.py gru candles.csv -d cpu >got && sed 1d got | cut -d, -f2 | cmp - wanted &&
        python3 -c 'import numpy
names = open("candles.csv").readline().strip().split(",")
rows = numpy.loadtxt("candles.csv", delimiter=",", skiprows=1)
numpy.save("rows.npy", rows[:, [names.index(n) for n in ("time", "close", "volume")]])' &&
        example ctypes_predict.py gru rows.npy -o got.npy &&
        python3 -c 'import numpy
for y in numpy.load("got.npy")[:, 0]: print("%.9g" % y)' | cmp - wanted
}
with_library numpy "CSV and .npy go through the library" arrays

sound()
{
    PYTHONPATH=$source/examples python3 -c 'import numpy as np
from wav_predict import write_wav
t = np.arange(2000)
x = 0.6 * np.sin(t * 0.05) * np.sin(t * 0.003) + 0.1 * np.sin(t * 0.7)
write_wav("dry.wav", x, 48000)
write_wav("wet.wav", np.tanh(2 * x), 48000)' && example wav_predict.py --rows dry.wav wet.wav >amp.csv || return 1
    awk '/^    \[data\]/ { on = 1 } /^eval_window/ { on = 0 } on' "$source/examples/wav_predict.py" |
        sed 's/^    //' >amp.ini
    run 0 train -c amp.ini -o sound -q -s train.epochs=1 -s data.window=64 -s data.stride=64 \
        -s data.eval_window=200 -s plots.enable=none && run 0 predict -m sound -i amp.csv &&
        example wav_predict.py sound dry.wav out.wav && example wav_predict.py --rows out.wav out.wav >got ||
        return 1
    sed 1d got | cut -d, -f1 >played
    sed 1d out | cut -d, -f2 | paste -d, - played | awk -F, '{ d = $1 - $2; if (d < 0) d = -d
        if (d > worst) worst = d } END { print NR, worst; exit !(NR == 2000 && worst < 1.6e-5) }'
}
with_library numpy "WAV goes in, WAV comes out" sound

# One file, and an older spec.json, whose numbers may be texts.
opendpd()
{
    mkdir dpa || return 1
    awk 'BEGIN { print "I_in,Q_in,I_out,Q_out"; for (i = 0; i < 3000; i++) {
        a = 0.4 * sin(i * 0.11) + 0.3 * sin(i * 0.043); b = 0.4 * cos(i * 0.09) - 0.3 * sin(i * 0.05)
        g = 1 - 0.2 * (a * a + b * b); printf "%.5f,%.5f,%.5f,%.5f\n", a, b, g * a, g * b } }' >dpa/data.csv
    cat >dpa/spec.json <<'END'
{"dataset_format": "single_csv", "split_indices": {"train_end": 1800, "val_end": 2400},
 "input_signal_fs": "200e6", "input_signal_bw": "60e6", "input_signal_sub_ch_bw": "60e6", "nperseg": 256}
END
    run 0 init amplifier --data dpa -o pa.ini -q -s data.eval_window=200 -s model.hidden=6 &&
        run 0 train -c pa.ini -o pa -q -s train.epochs=1 -s data.stride=40 -s plots.enable=none &&
        grep -Eq '"nmse_db":-?[0-9]' pa/log.jsonl
}
point "OpenDPD's single_csv and an old spec.json train" opendpd

echo "1..$points"
