#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain export: files that appear whole or not at all, what is said of them, what is refused; and the
# rows that seqtrain data --features prints. What is in the files test_onnx.c reads, and onnxruntime by
# tests/peer/onnx_export.py.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# rows FROM TO: minutes, with a hole of an hour behind the first 100.
awk 'BEGIN { print "t,close,volume"
    for (i = 0; i < 300; i++)
        printf "%d,%.9g,%.9g\n", 1600000020 + 60 * i + 3600 * (i >= 100), 9 + sin(i / 9) + sin(i / 70), 2 + cos(i * i) }' >rows.csv
cat >small.ini <<'INI'
[run]
output = run
[data]
source   = rows.csv
time     = t
gap      = 10m
features = close, ma(close,4), volume
targets  = ret(close)
window   = 16
horizon  = 2
[model]
type   = recurrent
hidden = 8
layers = 1
[train]
epochs = 1
batch  = 64
[plots]
enable = none
INI
point "a model" run 0 -q -c small.ini

# --- files

written()
{
    run 0 export -m run --format onnx -o model.onnx && lines err 0 &&
        has out '^model\.onnx: a model of ONNX, opset 17: [0-9]+ nodes, [0-9]+ numbers$' &&
        run 0 export -q -m run/best.safetensors --format onnx -o again.onnx && [ ! -s out ] &&
        cmp model.onnx again.onnx && run 0 export -c small.ini --format onnx && lines err 0 && cmp out model.onnx
}
point "the same file for a run, a checkpoint and a configuration, in a file and on standard output" written
tells()
{
    tr -d '\n' <model.onnx | grep -aq '"close", "ma(close,4)", "volume"' &&
        tr -d '\n' <model.onnx | grep -aq 'lstm\.weight_ih_l0' && tr -d '\n' <model.onnx | grep -aq 'seqtrain\.version'
}
point "it has names of features, parameters and the version" tells

# The data of the training need not be there.
alone()
{
    mv rows.csv away.csv && run 0 export -m run --format onnx && cmp out model.onnx
    failed=$?
    mv away.csv rows.csv
    return $failed
}
point "the checkpoint alone is enough" alone

# fails STATUS PATTERN ARGUMENT...: with one line, and leaves no file.
fails()
{
    status=$1 pattern=$2
    shift 2
    run "$status" "$@" && lines err 1 && has err "$pattern" && [ ! -e no.onnx ] && ! ls ./*.tmp 2>/dev/null
}
point "a checkpoint that is none" fails 3 '^seqtrain: small\.ini: ' export -m small.ini --format onnx -o no.onnx
point "one that is not there" fails 3 '^seqtrain: nothing: No such file' export -m nothing --format onnx -o no.onnx
head -c 3000 run/best.safetensors >cut.safetensors
point "one that is cut" fails 3 '^seqtrain: cut\.safetensors: ' export -m cut.safetensors --format onnx -o no.onnx
point "the checkpoint is not overwritten" fails 2 'this is the checkpoint, which would be overwritten$' \
    export -m run/best.safetensors --format onnx -o run/best.safetensors
point "nor is a folder" fails 2 '^seqtrain: -o run: this is a folder, and export writes a file$' \
    export -m run --format onnx -o run
point "a folder that is not there" fails 1 'No such file or directory$' export -m run --format onnx -o not/no.onnx
point "no states where there are none that go on" fails 2 \
    '^seqtrain: --state: a model of type recurrent begins each window anew, unless data.target_rows = window$' \
    export -m run --format onnx --state -o no.onnx
if [ ! -c /dev/full ] || (echo >/dev/full) 2>/dev/null; then
    skip "a full disk" "no /dev/full"
else
    full()
    {
        "$seqtrain" export -m run --format onnx >/dev/full 2>err
        [ $? -eq 1 ] && has err '^seqtrain: standard output: No space left on device$'
    }
    point "a full disk" full
fi

streamed()
{
    run 0 -q -c small.ini -o each -s data.target_rows=window -s data.horizon=0 -s data.targets=close &&
        run 0 export -q -m each --format onnx --state -o state.onnx && tr -d '\n' <state.onnx | grep -aq next_state
}
point "states of a model with a target for each row" streamed

# --- nam

# The LSTM as NeuralAmpModelerCore computes it, by awk, over all rows: nam FILE ROWS prints a number a row.
nam()
{
    tr -d '\n ' <"$1" | sed 's/.*"hidden_size":\([0-9]*\),"num_layers":\([0-9]*\)}.*"weights":\[\([^]]*\)\].*/\1 \2 \3/' >weights
    tr ',' ' ' <weights | awk -v rows="$2" '
        function sigmoid(x) { return 1 / (1 + exp(-x)) }
        function tanh(x) { return 2 * sigmoid(2 * x) - 1 }
        { H = $1; N = $2; at = 3
          for (l = 0; l < N; l++) {
              n = (l ? H : 1) + H
              for (r = 0; r < 4 * H; r++) for (k = 0; k < n; k++) w[l, r, k] = $(at++)
              for (r = 0; r < 4 * H; r++) b[l, r] = $(at++)
              for (k = 0; k < H; k++) h[l, k] = $(at++)
              for (k = 0; k < H; k++) c[l, k] = $(at++)
          }
          for (k = 0; k < H; k++) head[k] = $(at++)
          bias = $(at++)
          if (at - 1 != NF) { print "left over:", NF - at + 1; exit }
          getline line <rows
          while ((getline line <rows) > 0) {
              split(line, field, ",")
              n = 1; x[0] = field[1]
              for (l = 0; l < N; l++) {
                  for (k = 0; k < H; k++) x[n + k] = h[l, k]
                  for (r = 0; r < 4 * H; r++) {
                      a[r] = b[l, r]
                      for (k = 0; k < n + H; k++) a[r] += w[l, r, k] * x[k]
                  }
                  for (k = 0; k < H; k++) {
                      c[l, k] = sigmoid(a[H + k]) * c[l, k] + sigmoid(a[k]) * tanh(a[2 * H + k])
                      h[l, k] = sigmoid(a[3 * H + k]) * tanh(c[l, k])
                      x[k] = h[l, k]
                  }
                  n = H
              }
              y = bias
              for (k = 0; k < H; k++) y += head[k] * h[l - 1, k]
              printf "%.9g\n", y
          } }'
}
awk 'BEGIN { print "dry,wet"; for (i = 0; i < 320; i++) { x = sin(i * i / 50) + 0.3; printf "%.6g,%.6g\n", x, 5 + 2 * x / (1 + x * x) } }' >sound.csv
sound()
{
    run 0 -q -c small.ini -o sound -s data.source=sound.csv --overwrite -s data.time= -s data.gap=none -s data.features=dry -s data.targets=wet -s data.horizon=0 \
        -s data.target_rows=window -s data.eval_window=32 -s data.target_transform=standard -s data.scaler=standard \
        -s model.hidden=3 -s model.layers=2 -s signal.sample_rate=48000 "$@"
}
amp()
{
    sound && run 0 export -m sound --format nam -o amp.nam && has out '^amp\.nam: an LSTM for NeuralAmpModelerCore: 160 numbers$' &&
        has amp.nam '"architecture": "LSTM"' '"version": "0\.5\.[0-9]"' '"sample_rate": 48000' && nam amp.nam sound.csv >played &&
        run 0 predict -m sound && awk -F, 'NR == FNR { y[FNR] = $1; next }
            FNR > 1 { rows++; if (($2 - y[FNR - 1]) ^ 2 > 1e-11) { print FNR, $2, y[FNR - 1]; exit 1 } }
            END { if (rows < 300) exit 1 }' played out
}
point "a LSTM as NeuralAmpModelerCore reads it plays what predict says" amp
other()
{
    sound -s model.cell=gru && fails 2 '^seqtrain: --format nam: NeuralAmpModelerCore holds an LSTM without norms' \
        export -m sound --format nam -o no.onnx &&
        fails 2 'makes one output of one input' export -m each --format nam -o no.onnx
}
point "other models are refused" other

# --- rows

# By an expression of awk's own: the average of four, whatever rows the warm-up leaves.
features()
{
    run 0 data --features -c small.ini && lines err 0 && has out '^time,row,close,"ma\(close,4\)",volume$' &&
        awk -F, 'NR == FNR && FNR > 1 { close_[FNR - 2] = $2; volume[FNR - 2] = $3; stamp[$1] = FNR - 2; next }
            FNR == 1 || NR == FNR { next }
            { rows++ }
            FNR == 2 { while ((close_[at] - $3) ^ 2 > 1e-12) at++ }
            { while (at < 300 && (close_[at] - $3) ^ 2 > 1e-12) at++
              mean = (close_[at] + close_[at - 1] + close_[at - 2] + close_[at - 3]) / 4
              if ((mean - $4) ^ 2 > 1e-10 || (volume[at] - $5) ^ 2 > 1e-10) { print FNR, at, mean, $0; exit 1 }
              at++ }
            END { if (rows < 250) { print rows, "rows"; exit 1 } }' rows.csv out
}
point "features of each row, as they are computed" features

# Numbers of rows are those of predict; where it has forecasts alone there is no line.
numbered()
{
    run 0 predict -m run && cut -d, -f2 out | tail -n +2 >predicted && run 0 data --features -m run -o f.csv &&
        lines out 0 && cut -d, -f2 f.csv | tail -n +2 >numbers &&
        [ "$(sort -n numbers | uniq -d | wc -l)" -eq 0 ] &&
        [ "$(tail -n 1 predicted)" -eq $(($(tail -n 1 numbers) + 2)) ] &&
        [ "$(awk 'NR > 1 && $1 != before + 1 { jumps++ } { before = $1 } END { print jumps + 0 }' numbers)" -eq 1 ]
}
point "their numbers are those of predict" numbered
given()
{
    head -n 90 rows.csv >part.csv && run 0 data --features -m run -i part.csv && [ "$(wc -l <out)" -gt 80 ] &&
        [ "$(wc -l <out)" -le 90 ] && awk -F, 'FNR == NR { a[$1] = $3; next } $3 != a[$1] { exit 1 }' f.csv out
}
point "of another file" given
point "a file of the data is not overwritten" fails 2 'this is a file of the data, which would be overwritten$' \
    data --features -c small.ini -o rows.csv

echo "1..$points"
