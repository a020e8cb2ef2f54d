#!/bin/sh
# SPDX-License-Identifier: MIT
# Whole runs: what a run folder holds, what the commands print, and every kind of schedule, loss,
# scaler and split once, each on a model that trains in no time.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# trains NAME FOLDER ARGUMENT...: ends with 0 and says nothing on standard error.
trains()
{
    trains_name=$1 folder=$2
    shift 2
    point "$trains_name" trained "$@"
}

trained()
{
    run 0 -c tiny.ini -o "$folder" "$@" && lines err 0 &&
        has out "^$folder: best epoch [0-9]+, [a-z_]+ -?[0-9]+\\.[0-9]{6}\$"
}

# json_lines FILE: each line is a JSON object.
json_lines()
{
    if command -v python3 >/dev/null; then
        python3 -c '
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    assert isinstance(json.loads(line), dict)' "$1"
    elif command -v jq >/dev/null; then
        jq -e 'type == "object"' "$1" >/dev/null
    else
        ! grep -Ev '^\{"[a-z_]+":.*[^,]\}$' "$1"
    fi
}

# value FILE PART KEY: a number of evaluate's JSON.
value()
{
    sed -n '/^  "'"$2"'": {/,/^  }/s/^ *"'"$3"'": \([^,]*\),*$/\1/p' "$1"
}

# --- a full run

sed 's/^enable .*/enable = all/' tiny.ini >full.ini
full_run()
{
    run 0 -c full.ini -s train.epochs=12 && lines err 0
}
full_began=$(date +%s)
point "a full run" full_run
full_seconds=$(($(date +%s) - full_began + 1)) # rounded up
point "prints a line for each epoch" has out '^Epoch 0001/12 \| LR [0-9.]+e-0[34] \| train [0-9.]+ \(R [0-9.]+ C -?[0-9.]+\) \| val [0-9.]+ \(R [0-9.]+ C -?[0-9.]+\) \| grad [0-9.]+ \(max [0-9.]+\) \| [0-9,]+ win/s \| ETA [0-9]:[0-9]{2}:[0-9]{2} \| best$' '^Epoch 0012/12 '
point "prints the verdict" has out 'R [0-9.]+; emitting each window.s mean gives [0-9.]+' \
    'R2 within windows, close ' '^Reconstruction: (good|fair|weak|under-trained)' '^Generalisation: ' \
    '^5 categories, the largest holds [0-9.]+%: '
last_line()
{
    folder=$1 epoch=$(epochs "$1" epoch | sed -n '$p')
    best=$(sed -n '$s/.*"best_epoch":\([0-9]*\).*/\1/p' "$folder/log.jsonl")
    at_best=$(epochs "$folder" val_loss | sed -n "${best}p")
    printf '%s: best epoch %s, val_loss %s\n' "$folder" "$best" \
        "$(awk -v x="$at_best" 'BEGIN { printf "%.6f", x }')" >wanted
    tail -n 1 out | cmp - wanted
}
point "the last line names folder, best epoch and its loss" last_line run
best_epoch()
{
    epochs run val_loss | awk '$1 < best || NR == 1 { best = $1; at = NR } END { print at }' >wanted
    sed -n '$s/.*"best_epoch":\([0-9]*\).*/\1/p' run/log.jsonl | cmp - wanted
}
point "the best epoch has the least loss" best_epoch

files='best.safetensors categories.safetensors category_distribution.png config.ini last.1.safetensors
last.safetensors latent_space_tsne.png log.jsonl loss_curves.png model.py plan.json
reconstruction_quality.png run.lock'
folder_holds()
{
    # shellcheck disable=SC2086,SC2012 # names of ours
    ls -A run | LC_ALL=C sort >there && printf '%s\n' $files | cmp - there
}
point "the run folder holds what was promised, no more" folder_holds
for plot in category_distribution latent_space_tsne loss_curves reconstruction_quality; do
    point "$plot.png is a whole PNG" png run/$plot.png
done

point "the log: a JSON object a line" json_lines run/log.jsonl
log_forms()
{
    ! grep -Ev '^\{"event":"[a-z]+","time":"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"' \
        run/log.jsonl
}
point "the log: each with event and ISO 8601 time" log_forms
log_order()
{
    sed 's/{"event":"\([a-z]*\)".*/\1/' run/log.jsonl | uniq >events &&
        [ "$(sed -n '1p;2p' events | tr '\n' ' ')" = 'data start ' ] && [ "$(tail -n 1 events)" = end ] &&
        [ "$(grep -c '^{"event":"epoch"' run/log.jsonl)" -eq 12 ] &&
        epochs run epoch | awk '$1 != NR { exit 1 }' && tail -n 1 run/log.jsonl >end &&
        has end '"folder":"run"' '"best_epoch":[0-9]+' '"best":[0-9.]+' '"epochs":12'
}
point "the log: start, twelve epochs, end" log_order
log_epoch()
{
    grep '"event":"epoch"' run/log.jsonl >epoch_lines || return 1
    for key in step lr train_loss train_reconstruction train_contrastive val_loss val_reconstruction \
        val_contrastive grad_norm grad_norm_max windows_per_second seconds device_bytes host_bytes; do
        [ "$(grep -Ec "\"$key\":-?[0-9]" epoch_lines)" -eq 12 ] || { echo "$key" && return 1; }
    done
}
point "the log: figures of each epoch" log_epoch
log_start()
{
    sed '1!d' epoch_lines | grep -q '"start_seconds":' && [ "$(grep -c start_seconds epoch_lines)" -eq 1 ] &&
        awk -v s="$(epochs run start_seconds)" -v run="$full_seconds" 'BEGIN { exit !(s > 0 && s < run) }'
}
point "the log: the time to the end of the first step, once" log_start
# lr at the last of 5 steps an epoch, one of them warm-up: 1e-3 (1 + cos(pi (step - 1) / 59)) / 2
cosine()
{
    epochs run lr | awk '{ x = 0.0005 * (1 + cos(3.14159265358979 * (5 * NR - 2) / 59)); d = $1 - x }
        d > 1e-9 || d < -1e-9 { print NR, $1, x; bad = 1 } END { exit bad || NR != 12 }'
}
point "cosine decay" cosine
point "plan.json tells of device and launches" has run/plan.json '^\{' '"device": ' '"training": ' \
    '"evaluation": ' '"kernel": "gather"'
if command -v python3 >/dev/null; then
    point "plan.json is JSON" python3 -c 'import json; json.load(open("run/plan.json"))'
    point "model.py is Python" python3 -c 'compile(open("run/model.py").read(), "model.py", "exec")'
fi
mkdir empty
again()
(
    cd "$dir/empty" && "$seqtrain" -q -c ../run/config.ini -o ../again >../out 2>../err && cd .. &&
        lines out 0 && lines err 0
)
point "config.ini runs again from another folder; -q says nothing" again
point "with the same weights, bit for bit" same_weights run/best.safetensors again/best.safetensors
same_log()
{
    for key in epoch step lr train_loss val_loss grad_norm grad_norm_max; do
        epochs run $key >a && epochs again $key | cmp - a || return 1
    done
}
point "with the same figures" same_log
point "with the same categories" cmp run/categories.safetensors again/categories.safetensors

# --- what a trained model is used for

m=run/best.safetensors
results()
{
    run 0 "$1" -c full.ini && mv out by_config && lines err 0 && run 0 "$1" -m $m && lines err 0 &&
        mv out by_model && run 0 -m $m -i candles.csv "$1" && mv out by_input && lines err 0
}
point "evaluate with -c, with -m, with -i" results evaluate
point "-c and -m are the same" cmp by_config by_model
if command -v python3 >/dev/null; then
    point "evaluate prints JSON" python3 -c 'import json; json.load(open("by_model"))'
fi
evaluated()
{
    has by_model '^  "model": "run/best.safetensors",$' '^  "epoch": 1?[0-9],$' &&
        [ "$(value by_model train windows)" = 151 ] &&
        [ "$(value by_model validation windows)" = 11 ] && [ "$(value by_model test windows)" = 11 ] &&
        [ "$(value by_input input windows)" = 191 ] &&
        near 1e-8 "$(value by_model validation loss)" \
            "$(sed -n '$s/.*"best":\([0-9.]*\).*/\1/p' run/log.jsonl)"
}
point "evaluate counts windows; its validation loss is the run's best" evaluated
evaluate_batch()
{
    for batch in 1 7 151 1000; do
        run 0 evaluate -m $m -s train.evaluate_batch=$batch || return 1
        for part in train validation test; do
            for key in windows loss reconstruction contrastive window_mean_reconstruction; do
                near 1e-6 "$(value out $part $key)" "$(value by_model $part $key)" || return 1
            done
        done
    done
}
point "evaluation does not depend on the batch" evaluate_batch
r_input=$(value by_input input reconstruction)

point "encode with -c, with -m, with -i" results encode
same_results()
{
    cmp by_config by_model && cmp by_config by_input
}
point "all three are the same" same_results
# rows of windows 0.., unit vectors, categories below 5, times of the rows
encoded()
{
    [ "$(sed 1q by_model)" = 'time,row,z0,z1,z2,z3,category' ] && lines by_model 192 &&
        [ "$(sed -n '2s/,.*//p' by_model)" = 2020-09-13T12:27:00Z ] &&
        awk -F, 'NR > 1 { n = $3 * $3 + $4 * $4 + $5 * $5 + $6 * $6
            if (NF != 7 || $2 != NR - 2 || n < 0.99999 || n > 1.00001 || $7 !~ /^[0-4]$/) {
                print; exit 1 } }' by_model
}
point "encode: a unit vector and a category for each window" encoded

point "predict with -c, with -m, with -i" results predict
point "all three are the same" same_results
# R of the whole file, computed from predict's output and the candles: mean over windows, rows and
# features of ((y - x) / sd)^2, with sd that of the training part, the first 160 rows.
reconstruction()
{
    [ "$(sed 1q by_model)" = 'window,time,row,open,close,volume' ] && lines by_model 1911 || return 1
    LC_ALL=C command awk -F, 'NR == FNR { if (FNR > 1) { x[FNR - 2, 0] = $2; x[FNR - 2, 1] = $5; x[FNR - 2, 2] = $6 } next }
        FNR == 1 {
            for (f = 0; f < 3; f++) {
                m = v = 0
                for (i = 0; i < 160; i++) m += x[i, f] / 160
                for (i = 0; i < 160; i++) v += (x[i, f] - m) ^ 2 / 160
                scale[f] = '"$1"' ? sqrt(v) : 1
            }
            next
        }
        {
            if (NF != 6 || $3 != $1 + (FNR - 2) % 10) { print > "/dev/stderr"; exit 1 }
            for (f = 0; f < 3; f++) r += (($(4 + f) - x[$3, f]) / scale[f]) ^ 2
        }
        END { printf "%.9g\n", r / 3 / (FNR - 1) }' candles.csv by_model
}
matches()
{
    near 1e-5 "$r_input" "$(reconstruction 1)"
}
point "predict is in the units of the input: its error gives evaluate's R" matches

# --- the command line

help_fits()
{
    run 0 -h && lines err 0 && [ "$(wc -l <out)" -le 24 ] && ! grep '.\{81\}' out &&
        has out '^usage: seqtrain ' '^  train  ' "COMMAND -h" && run 0 --help encode
}
point "-h fits one screen" help_fits
version()
{
    run 0 -V && has out '^seqtrain [0-9]+\.[0-9]+' && lines out 1
}
point "-V" version
devices()
{
    run 0 devices && has out '^\* [0-9]+: ' '^\* would be used: ' '(CPU|GPU|accelerator), [0-9]+ compute units'
}
point "devices" devices
check()
{
    run 0 check -c tiny.ini && lines err 0 && has out '^tiny\.ini: valid$' '^device: ' \
        '^encoder\.layers\.0\.self_attn\.in_proj_weight +24 x 8 +192$' '^total +3335$' \
        '^device memory: parameters 0\.0[0-9] MiB' '^windows: 151 training, 11 validation, 11 test; 200 rows of 3' \
        '^steps: 5 an epoch, 10 in all' '[0-9]+ launches a micro-batch, .* [0-9]+ programs' && ! ls -d other
}
point "check" check
check_plan()
{
    run 0 check --plan -c tiny.ini && has out '^training step: [0-9]+ launches' '^evaluation: ' \
        ' gemm +input\.weight +320x8x3' 'attention_bwd' 'memory map: [0-9]+ segments'
}
point "check --plan" check_plan
gradients()
{
    run 0 check --gradients -c tiny.ini "$@" && lines err 0 &&
        has out '^([0-9]+) of \1 gradients agree with central differences$'
}
point "check --gradients" gradients
untouched()
{
    run 0 check -q -c tiny.ini -s run.output=other && ! ls -d other
}
point "check leaves nothing behind" untouched
orders()
{
    run 0 train -o a1 -c tiny.ini -q && run 0 -q -c tiny.ini train -o a2 && run 0 -qca2/config.ini -oa3 &&
        same_weights a1/best.safetensors a2/best.safetensors &&
        same_weights a1/best.safetensors a3/best.safetensors
}
point "options before the command and after it" orders
overrides()
{
    run 0 -q -c tiny.ini -o a1 --overwrite -s train.epochs=1 --set=train.epochs=3 -s 'run.name = other' &&
        has a1/config.ini '^epochs += 3$' '^name += other$' &&
        [ "$(epochs a1 epoch | tr '\n' ' ')" = '1 2 3 ' ] && has a1/log.jsonl '"run":"other"'
}
point "-s goes over the file, the last one counts; --overwrite starts afresh" overrides
profile()
{
    run 0 --profile -c tiny.ini -o profile && has out '^Profile ' 'norm_fwd +[0-9]+ ' '^  all [0-9.]+ ms' \
        '^  a step takes [0-9.]+ ms by itself, its launches [0-9.]+ ms, at the floor [0-9.]+ ms: (gaps [0-9.]+%|no gaps to be seen)$' \
        '^Programs \([0-9]+ built, [0-9]+ from the cache: ' '^ +[0-9.]+ +[0-9.]+  norm.cl -DD='
}
point "--profile" profile
# k-means chooses five of the windows one by one; t-SNE makes 50 steps and looks at the map once more
profile_analysis()
{
    run 0 --profile -c tiny.ini -o analysed -s plots.enable=latent_space_tsne &&
        has out '^  kmeans_near +5 +[0-9.]+ +[0-9.]+% +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+%$' '^  kmeans_pick +5 ' \
            '^  kmeans_assign +[1-9]' '^  tsne_neighbours +1 ' '^  tsne_forces +51 ' '^  tsne_norm +51 ' \
            '^  tsne_step +50 ' && ! grep -E 'nan|inf' out &&
        run 0 -q -c tiny.ini -o unwatched -s plots.enable=none &&
        cmp analysed/categories.safetensors unwatched/categories.safetensors
}
point "--profile sees k-means and t-SNE; the same categories without it" profile_analysis
profile_one_step()
{
    run 0 --profile -c tiny.ini -o one_step -s train.epochs=1 -s train.batch=400 \
        -s data.validation=0 -s train.monitor=train_loss &&
        has out '^  three steps at least are needed to tell gaps between launches$' && ! grep nan out
}
point "--profile of a single step" profile_one_step
same_profiled()
{
    run 0 -q -c tiny.ini -o plain && same_weights plain/best.safetensors profile/best.safetensors
}
point "it changes no bit" same_profiled

# --- schedules and the end

trains "constant" constant -s train.schedule=constant -s train.warmup='1 epochs'
lrs()
{
    [ "$(epochs "$1" lr | tr '\n' ' ')" = "$2" ] || { epochs "$1" lr && return 1; }
}
point "its learning rates, after a warm-up" lrs constant '0.001 0.001 '
trains "linear" linear -s train.schedule=linear -s train.warmup=50%
point "its learning rates: up in 5 steps, down over 5" lrs linear '0.001 0.0002 '
trains "plateau" plateau -s train.schedule=plateau -s train.min_delta=1000 -s train.epochs=6 \
    -s train.plateau_patience=1
point "its learning rates: half after two epochs without improvement" lrs plateau \
    '0.001 0.001 0.001 0.0005 0.0005 0.00025 '
trains "patience" patience -s train.patience=2 -s train.epochs=9 -s train.lr=0
stopped()
{
    has out '^Stopped early: no improvement for 2 epochs\.$' '^patience: best epoch 1, ' &&
        [ "$(epochs patience epoch | tr '\n' ' ')" = '1 2 3 ' ]
}
point "stops two epochs after the best" stopped
mode_max()
{
    run 0 -c tiny.ini -o max -s train.mode=max -s train.monitor=val_contrastive && lines err 1 &&
        has err '^seqtrain: warning: train\.mode = max takes the worst epoch for the best: a lower val/contrastive is better; train\.mode = auto knows that$' &&
        has out '^max: best epoch [0-9]+, val_loss -?[0-9.]+$' || return 1
    best=$(epochs max val_contrastive | sort -g | sed -n '$p')
    best_of=$(grep -F "\"val_contrastive\":$best," max/log.jsonl | sed 1q | sed 's/.*"epoch":\([0-9]*\),.*/\1/')
    has out "^max: best epoch $best_of, "
}
point "mode = max against a figure that should fall is told, and done" mode_max
trains "no validation, no test" alone -s data.validation=0 -s data.test=0 -s train.monitor=train_loss
alone()
{
    has out '^alone: best epoch 2, train_loss ' && has alone/log.jsonl '"val_loss":null' &&
        [ "$(epochs alone train_loss | sed -n 2p)" = "$(sed -n '$s/.*"best":\([0-9.]*\).*/\1/p' alone/log.jsonl)" ]
}
point "the training loss decides" alone

# --- the step

for batch in 32 64; do
    accumulate=$((64 / batch))
    trains "batch $batch, accumulate $accumulate" step$batch -s train.batch=$batch \
        -s train.accumulate=$accumulate -s loss.contrastive=none -s model.dropout=0
done
accumulated()
{
    [ "$(epochs step32 step | tr '\n' ' ')" = '3 6 ' ] || return 1
    for key in train_loss val_loss grad_norm; do
        near 1e-5 "$(epochs step32 $key | sed -n 2p)" "$(epochs step64 $key | sed -n 2p)" || return 1
    done
}
point "151 windows make groups of 64, 64, 23: the same steps either way" accumulated
trains "batch larger than the part" large -s train.batch=500 -s train.accumulate=3
trains "model.init" init -s model.init=$m -s train.lr=0 -s train.epochs=1
initial()
{
    near 1e-9 "$(epochs init val_loss)" "$(sed -n '$s/.*"best":\([0-9.]*\).*/\1/p' run/log.jsonl)"
}
point "starts from its weights" initial

stalls()
{
    run 0 check -c tiny.ini -s train.lr=0.063 && lines err 1 &&
        has err 'warning: models with attention often stall with such settings: train\.lr \(at most 0\.062 at a width of 8\)$' &&
        run 0 check -c tiny.ini -s train.lr=0.062 && lines err 0
}
point "a learning rate that is too high for the width" stalls

# Weights that grow by half at every step overflow after some epochs.
diverges()
{
    run 1 -c tiny.ini -o diverged -s train.lr=0.025 -s train.weight_decay=100 -s train.epochs=50 \
        -s train.schedule=constant && lines err 1 &&
        has err '^seqtrain: training stopped: step [0-9]+ \(epoch [0-9]+, learning rate 0\.025\) is not finite: loss [^-]*, gradient norm [^-]*;' &&
        has diverged/log.jsonl '"event":"error"' && ! ls diverged/*.tmp
}
point "on_nonfinite = stop" diverges
last_good()
{
    epoch=$(sed -n 's/.*(epoch \([0-9]*\),.*/\1/p' err) && [ "$epoch" -gt 1 ] &&
        run 0 evaluate -m diverged/last.safetensors && has out "\"epoch\": $((epoch - 1)),"
}
point "the last good checkpoint is intact" last_good
# One candle whose square no float holds: only steps that see it are left out.
awk -F, -v OFS=, 'NR == 60 { $6 = "1e30" } { print }' candles.csv >spike.csv
skips()
{
    run 0 -c full.ini -o skipped -s data.source=spike.csv -s data.scaler=none -s train.on_nonfinite=skip \
        -s train.batch=4 &&
        has err 'warning: epoch 1: [0-9]+ step\(s\) left out that were not finite, the first step [0-9]+' &&
        has skipped/log.jsonl '"event":"warning"'
    code=$?
    grep -v '^seqtrain: warning: ' err && return 1
    [ $code -eq 0 ] && ! grep -E '"(train|val)_loss":(null|"nan)' skipped/log.jsonl
}
point "on_nonfinite = skip" skips
finite()
{
    tensors skipped/best.safetensors | od -An -v -tfF | awk '/nan|inf/ { print; exit 1 }'
}
point "no weight has become infinite" finite

# --- models and losses

trains "post-norm, sinusoidal positions, ReLU" post -s model.norm_first=no -s model.positions=sinusoidal \
    -s model.activation=relu
point "its gradients" gradients -s model.norm_first=no -s model.positions=sinusoidal \
    -s model.activation=relu
trains "mae, NT-Xent" mae -s loss.reconstruction=mae -s loss.contrastive=nt_xent
point "its gradients" gradients -s loss.reconstruction=mae -s loss.contrastive=nt_xent
trains "huber, no contrastive term" huber -s loss.reconstruction=huber -s loss.contrastive=none
point "its gradients" gradients -s loss.reconstruction=huber -s loss.contrastive=none
trains "two layers, latent vectors of any length, no categories" deep -s model.layers=2 \
    -s model.normalize_latent=no -s cluster.categories=0
uncategorised()
{
    ! ls deep/categories.safetensors && run 0 encode -m deep/best.safetensors &&
        [ "$(sed 1q out)" = 'time,row,z0,z1,z2,z3' ]
}
point "encode without categories" uncategorised
trains "more categories than windows" crowd -s cluster.categories=500
trains "every key of decay" decay -s train.decay_all=yes -s train.clip_norm=2 -s train.beta1=0 \
    -s train.lr_min=1e-4
trains "SGD with Nesterov's momentum" sgd -s train.optimizer=sgd -s train.nesterov=yes -s train.lr=0.05 \
    -s train.weight_decay=1e-4
trains "Lion" lion -s train.optimizer=lion -s train.beta2=0.99 -s train.lr=1e-3
keeps()
{
    header "$1/last.safetensors" | grep -o '"optimizer\.[a-z_]*\.' | sort -u | tr -d '\n"' >kept
    [ "$(cat kept)" = "$2" ] || { cat kept && return 1; }
}
trains "weights without an average" unaveraged -s train.epochs=3
trains "an average of weights" averaged -s train.epochs=3 -s train.ema=0.9
same_training()
{
    for key in train_loss grad_norm; do
        epochs unaveraged $key >figures && epochs averaged $key | cmp - figures || return 1
    done
    ! { epochs unaveraged val_loss >figures && epochs averaged val_loss | cmp -s - figures; }
}
point "trains the same weights, validates others" same_training
averages_evaluated()
{
    for file in best last; do
        run 0 evaluate -m averaged/$file.safetensors &&
            near 1e-8 "$(value out validation loss)" "$(epochs averaged val_loss | sed -n '$p')" || return 1
    done
}
point "evaluate takes the averages, of best.safetensors and of last.safetensors" averages_evaluated
point "last.safetensors holds what AdamW keeps" keeps decay optimizer.exp_avg.optimizer.exp_avg_sq.
point "what SGD keeps" keeps sgd optimizer.momentum_buffer.
point "what Lion keeps" keeps lion optimizer.exp_avg.
point "the weights beside their averages" keeps averaged \
    optimizer.exp_avg.optimizer.exp_avg_sq.optimizer.trained.
goes_on()
{
    set -- -q -c tiny.ini -s train.ema=0.9 -s train.schedule=constant
    run 0 "$@" -o longer -s train.epochs=2 && run 0 "$@" -o longer --resume -s train.epochs=4 &&
        run 0 "$@" -o long -s train.epochs=4 && same_weights longer/best.safetensors long/best.safetensors
}
point "a finished run goes on from the weights, not from their average" goes_on
# optimizer_memory ARGUMENT...: MiB of parameters, MiB of the optimizer.
optimizer_memory()
{
    run 0 check -c tiny.ini -d none -s model.d_model=256 -s model.feedforward=1024 "$@" &&
        sed -n 's/^device memory: parameters \([0-9.]*\) MiB.*optimizer \([0-9.]*\),.*/\1 \2/p' out
}
counted()
{
    optimizer_memory >two && optimizer_memory -s train.optimizer=sgd >one &&
        optimizer_memory -s train.ema=0.9 >three &&
        paste -d' ' one two three | awk '{
            for (i = 1; i <= 3; i++) {
                ratio = $(2 * i) / $(2 * i - 1)
                wrong += $1 < 4 || $(2 * i - 1) != $1 || ratio < i - 0.01 || ratio > i + 0.01
            }
            exit wrong }' || { cat one two three && return 1; }
}
point "check counts what the optimizer keeps" counted
# --- frozen parameters

freeze='-smodel.freeze=encoder.*, input.*, decoder.layers.0.norm?.weight'
trains "frozen parameters" frozen -s model.init=$m "$freeze" -s train.ema=0.5 -s train.epochs=2
# numbers_of FILE PATTERN: names and bytes of the tensors whose names fit, except those of the optimizer.
numbers_of()
{
    size=$(od -An -tu8 -N8 "$1" | tr -d ' ')
    header "$1" | grep -o "\"[^\"]*\":{\"dtype\":\"F32\"[^}]*}" |
        sed 's/^"\([^"]*\)".*data_offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2 \3/' |
        grep -E "^($2) " | sort | while read -r name begin end; do
            echo "$name $(tail -c +$((size + 9 + begin)) "$1" | head -c $((end - begin)) | cksum)"
        done
}
frozen='encoder\..*|input\..*|decoder\.layers\.0\.norm.\.weight'
stays()
{
    numbers_of $m "$frozen" >were && [ "$(wc -l <were)" -gt 10 ] || { cat were && return 1; }
    for file in best last; do
        numbers_of frozen/$file.safetensors "$frozen" | cmp - were || return 1
    done
}
point "stay as they are, to the bit" stays
moves()
{
    numbers_of $m 'decoder.layers.0.(linear.*|norm.\.bias)|output\..*' >were
    numbers_of frozen/last.safetensors 'decoder.layers.0.(linear.*|norm.\.bias)|output\..*' >are
    [ "$(wc -l <were)" -ge 8 ] && [ "$(wc -l <were)" -eq "$(wc -l <are)" ] && [ -z "$(comm -12 were are)" ] ||
        { comm -12 were are && return 1; }
}
point "all others move" moves
no_state()
{
    header frozen/last.safetensors >text &&
        has text '"optimizer\.exp_avg\.output\.weight"' '"optimizer\.trained\.output\.weight"' &&
        ! grep -E '"optimizer\.[a-z_]*\.(encoder|input)\.' text
}
point "the optimizer keeps nothing of them" no_state
point "evaluate and predict take such a checkpoint" run 0 evaluate -m frozen/last.safetensors
check_tells()
{
    run 0 check -c tiny.ini "$freeze" && has out '^frozen  *[0-9.]+ MiB  *[0-9]+$' &&
        awk '$1 == "total" { total = $2 } $1 == "trained" { trained = $2 } $1 == "frozen" { frozen = $4 }
            END { exit !(trained > 0 && frozen > 0 && trained + frozen == total) }' out &&
        run 0 check -c tiny.ini && ! grep -E '^(trained|frozen) ' out
}
point "check counts them" check_tells
step_of()
{
    run 0 check -q -c tiny.ini "$@" && sed -n 's/^a step: \([0-9]*\) launches .* update, \([0-9.]*\) GFLOP.*/\1 \2/p' out
}
computes_less()
{
    step_of >whole_step && step_of '-smodel.freeze=encoder.*, input.*, encoder_positions' >less &&
        paste -d' ' whole_step less | awk '{ exit !($3 > 0 && $3 < $1 && $4 < $2) }' || { cat whole_step less && return 1; }
}
point "what lies before all trained parameters has no backward pass" computes_less
point "gradients beside frozen parameters" gradients "$freeze"
fits_none()
{
    run 2 -c tiny.ini -o none_fits -s model.freeze='encoder.*, encodr.*' && lines err 1 &&
        has err "^seqtrain: \[model\] freeze: 'encodr\.\*' fits no parameter .* names are .*encoder" &&
        run 2 -c tiny.ini -o none_fits -s model.freeze='*' && lines err 1 &&
        has err '^seqtrain: \[model\] freeze: no parameter .* is left to be trained$'
}
point "a pattern that fits nothing, or everything, is refused" fits_none

# --- data

for scaler in none minmax robust window; do
    trains "scaler = $scaler" $scaler -s data.scaler=$scaler -s train.epochs=1
done
unscaled()
{
    run 0 evaluate -m none/best.safetensors -i candles.csv && r_input=$(value out input reconstruction) &&
        run 0 predict -m none/best.safetensors && mv out by_model && near 1e-5 "$r_input" "$(reconstruction 0)"
}
point "without scaling, predict's error is evaluate's R" unscaled
# The mean of a reconstructed window is near the window's own, since each is scaled by itself.
own_level()
{
    run 0 predict -m window/best.safetensors && awk -F, 'NR == FNR { x[FNR - 2] = $2; next }
        FNR > 1 { d += ($4 - x[$3]); n++ } END { d /= n; exit !(d < 1.5 && d > -1.5) }' candles.csv out
}
point "scaler = window: predict puts each window's level back" own_level
trains "split = shuffled" shuffled -s data.split=shuffled -s data.split_block=25 -s train.epochs=1
warned()
{
    run 0 -c tiny.ini -o windows -s data.split=shuffled_windows -s train.epochs=1 && lines err 1 &&
        has err '^seqtrain: warning: ' && has windows/log.jsonl '"event":"warning"'
}
point "split = shuffled_windows warns" warned
candles 700 | gzip -c >long.csv.gz
trains "resample, from a .csv.gz" resample -s data.source=long.csv.gz -s data.resample=3m -s train.epochs=1
resampled()
{
    has out '3m' && run 0 encode -m resample/best.safetensors && [ "$(sed -n '3s/,.*//p' out)" = 2020-09-13T12:30:00Z ]
}
point "resample is told" resampled
awk 'NR < 80 || NR > 100' candles.csv >hole.csv
trains "gap" gap -s data.source=hole.csv -s data.gap=10m -s train.epochs=1
gaps()
{
    has gap/log.jsonl '"windows_dropped":\{"holes":9,' && run 0 encode -m gap/best.safetensors && lines out 162
}
point "no window crosses the hole" gaps
# Nights are steps as well, but no holes: every tenth step is long.
awk -F, -v OFS=, 'NR > 1 { $1 += int((NR - 2) / 10) * 3600000 } { print }' candles.csv >nights.csv
crossed()
{
    run 0 check -c tiny.ini -d none -s data.source=hole.csv &&
        has out '1 hole in time, the longest 22m, which windows .* reach across' &&
        run 0 check -c tiny.ini -d none -s data.source=hole.csv -s data.gap=10m && ! grep -q 'reach across' "$dir/out" &&
        run 0 check -c tiny.ini -d none -s data.source=nights.csv && ! grep -q 'reach across' "$dir/out"
}
point "a rare hole is told where data.gap is none" crossed
trains "no time; a feature function" timeless -s data.time= -s 'data.features=open, ma(close,5), volume' \
    -s data.stride=3 -s train.epochs=1
timeless()
{
    run 0 predict -m timeless/best.safetensors && [ "$(sed 1q out)" = 'window,row,open,"ma(close,5)",volume' ] &&
        [ "$(sed -n '12s/^\([0-9]*,[0-9]*\),.*/\1/p' out)" = 1,3 ] &&
        run 0 encode -m timeless/best.safetensors && [ "$(sed 1q out)" = row,z0,z1,z2,z3,category ]
}
point "its columns" timeless
some_plots()
{
    run 0 -q -c tiny.ini -o some -s 'plots.enable=loss_curves, category_distribution' &&
        [ "$(cd some && echo ./*.png)" = './category_distribution.png ./loss_curves.png' ] &&
        ! ls plain/*.png
}
point "plots.enable" some_plots

# near_losses FOLDER FOLDER TOLERANCE: of three epochs, relative.
near_losses()
{
    for key in train_loss val_loss; do
        epochs "$1" $key >one.losses
        epochs "$2" $key | paste one.losses - | awk -v most="$3" '{ n++; d = ($1 - $2) / $1; print
            bad += !(d < most && d > -most) } END { exit bad || n != 3 }' || return 1
    done
}

# Factors of 8 binary digits leave their mark, but no more than that, and a resumed run goes on alike.
bf16()
{
    for gemm in own bf16; do
        run 0 -q -c tiny.ini -o $gemm -s device.gemm=$gemm -s train.epochs=3 -s train.schedule=constant || return 1
    done
    has err "gemm = bf16 is called bf16_products now" &&
        run 0 -q -c tiny.ini -o parted -s device.gemm=bf16_products -s train.schedule=constant -s train.epochs=1 &&
        run 0 -q -c tiny.ini -o parted -s device.gemm=bf16_products -s train.schedule=constant -s train.epochs=3 -r &&
        same_weights bf16/best.safetensors parted/best.safetensors &&
        ! same_weights own/best.safetensors bf16/best.safetensors || return 1
    near_losses own bf16 0.001
}
point "device.gemm = bf16_products: nearly the losses of fp32, the same bits when resumed" bf16

# The run in parts and the run at once; a checkpoint of fp32 that is evaluated as it was trained.
stored()
{
    run 0 -q -c tiny.ini -o stored -s train.precision=bf16 -s train.schedule=constant -s train.epochs=3 &&
        run 0 -q -c tiny.ini -o halves -s train.precision=bf16 -s train.schedule=constant -s train.epochs=1 &&
        run 0 -q -c tiny.ini -o halves -s train.precision=bf16 -s train.schedule=constant -s train.epochs=3 -r &&
        same_weights stored/best.safetensors halves/best.safetensors &&
        ! same_weights own/best.safetensors stored/best.safetensors &&
        ! grep -aq '"BF16"' stored/best.safetensors || return 1
    near_losses own stored 0.02 || return 1
    run 0 evaluate -m stored/best.safetensors -s train.precision=bf16 && mv out as_trained &&
        run 0 evaluate -m stored/best.safetensors && cmp as_trained out
}
point "train.precision = bf16: nearly the losses of fp32, same bits resumed, fp32 in checkpoints" stored

# The scale of the gradients is in the log and goes on with --resume.
halves()
{
    run 0 -q -c tiny.ini -o scaled -s train.precision=fp16 -s train.schedule=constant -s train.epochs=3 &&
        run 0 -q -c tiny.ini -o fp16 -s train.precision=fp16 -s train.schedule=constant -s train.epochs=1 &&
        run 0 -q -c tiny.ini -o fp16 -s train.precision=fp16 -s train.schedule=constant -s train.epochs=3 -r &&
        same_weights scaled/best.safetensors fp16/best.safetensors &&
        [ "$(epochs scaled overflows)" = "$(epochs fp16 overflows)" ] &&
        has scaled/log.jsonl '"loss_scale": *65536' || return 1
    near_losses own scaled 0.004
}
point "train.precision = fp16: the losses of fp32 to three digits, same bits resumed" halves

echo "1..$points"
