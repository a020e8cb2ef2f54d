#!/bin/sh
# SPDX-License-Identifier: MIT
# Every bad input: its exit status, one line on standard error for each fault that names the file and
# the line, nothing left half-written, nothing harmed.
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

# told COUNT PATTERN...: so many lines on standard error, all in form; each pattern is in them.
told()
{
    lines err "$1" || return 1
    shift
    if grep -v '^seqtrain: [^ ]' err; then
        echo "a line does not begin with 'seqtrain: '"
        return 1
    fi
    has err "$@"
}

# fails NAME STATUS PATTERN ARGUMENT...: with one line that fits the pattern, and no run folder.
fails()
{
    fails_name=$1 fails_status=$2 fails_pattern=$3
    shift 3
    point "$fails_name" failed "$@"
}

failed()
{
    run "$fails_status" "$@" && told 1 "$fails_pattern" && ! ls -d run
}

# data NAME PATTERN: candles read from bad.csv are refused with status 3.
data()
{
    fails "$1" 3 "$2" -c tiny.ini -s data.source=bad.csv
}

# edit LINE TEXT: candles.csv with one line replaced, as bad.csv.
edit()
{
    awk -v at="$1" -v text="$2" 'NR == at { $0 = text } { print }' candles.csv >bad.csv
}

# --- the command line

fails "no configuration" 2 'train needs -c FILE'
fails "check without configuration" 2 'check needs -c FILE' check
for command in evaluate encode predict; do
    fails "$command without model" 2 'one of -c FILE and -m CHECKPOINT' $command
done
fails "unknown command" 2 "'trian' is no command: init, train, sweep, check, data, .*devices" trian -c tiny.ini
fails "one word too many" 2 "'more' is one word too many" check more -c tiny.ini
fails "unknown option" 2 "'--sed' is no option; see" --sed
fails "unknown letter" 2 "'-x' is no option; see" -qx
fails "option without value" 2 "-c needs a value" check -c
fails "flag with value" 2 "'--quiet=1': the option takes no value" --quiet=1
fails "--resume with --overwrite" 2 'resume and --overwrite exclude' -c tiny.ini -r --overwrite

# --- the configuration

fails "missing configuration" 2 '^seqtrain: none\.ini: No such file' -c none.ini
fails "a folder as configuration" 2 '^seqtrain: home: ' -c home
fails "-s without value" 2 '-s .train\.lr. is not section\.key=value' -c tiny.ini -s train.lr
fails "-s of an unknown key" 2 "\\[train\\] has no key 'ls'; did you mean 'lr'\\?" \
    -c tiny.ini -s train.ls=1
fails "-s of a wrong type" 2 "-s train\\.lr: '1e-4x' is not a number" -c tiny.ini -s train.lr=1e-4x
fails "decimal comma" 2 "-s train\\.lr: '0,1' is not a number" -c tiny.ini -s train.lr=0,1
fails "clash of two keys" 2 '-s model\.heads: .*d_model' -c tiny.ini -s model.heads=3

cat >bad.ini <<'INI'
[run]
output = run
[data]
source  = candles.csv
windwo  = 10
window  = ten
[modle]
d_model = 8
[train]
epochs = 0
lr     = -1
schedule = cosin
batch  = 1.5
this line has no equals sign
INI
bad_config()
{
    run 2 "$@" && told 8 '^seqtrain: bad\.ini:5: \[data\] has no key .windwo.; did you mean .window.\?$' \
        '^seqtrain: bad\.ini:6: \[data\] window: .ten. ' \
        '^seqtrain: bad\.ini:7: there is no section .modle.; did you mean \[model\]\?$' \
        '^seqtrain: bad\.ini:10: \[train\] epochs: .*[^0-9]1[^0-9]' \
        '^seqtrain: bad\.ini:11: \[train\] lr: ' \
        '^seqtrain: bad\.ini:12: \[train\] schedule: .cosin. .*constant.*plateau' \
        '^seqtrain: bad\.ini:13: \[train\] batch: .1\.5. ' '^seqtrain: bad\.ini:14: ' && ! ls -d run
}
point "all faults of a configuration at once" bad_config -c bad.ini
point "check tells them as well" bad_config check -c bad.ini
point "evaluate tells them as well" bad_config evaluate -c bad.ini
printf '[run]\noutput = run\n[data]\nfeatures = open\n' >bad.ini
fails "no source" 2 '^seqtrain: bad\.ini.*\[data\] source: ' -c bad.ini
fails "feature of an unknown function" 2 'map.*ma' -c tiny.ini -s 'data.features=map(close,5)'
fails "time is needed" 2 '-s data\.gap: .*time column' -c tiny.ini -s data.time= -s data.gap=10m

# --- the data

rm -f bad.csv
data "missing data file" '^seqtrain: bad\.csv: No such file'
mkdir bad.csv
data "an empty folder as data" '^seqtrain: bad\.csv: no \.csv or \.csv\.gz file is in this folder'
rmdir bad.csv
: >bad.csv
data "empty file" '^seqtrain: bad\.csv:1: '
sed 1q candles.csv >bad.csv
data "no row" '^seqtrain: bad\.csv:1: '
edit 1 'time,open,high,low,volume,price'
data "missing column" "^seqtrain: bad\\.csv:1: no column 'close'; the columns are .*'?price"
fails "missing time column" 3 "^seqtrain: candles\\.csv:1: no column 'when'" -c tiny.ini -s data.time=when
edit 42 '1600002420,101,102'
data "ragged row" '^seqtrain: bad\.csv:42: 3 fields, but the header has 6'
edit 43 '1600002480,101,102,100,l01,5'
data "non-numeric field" "^seqtrain: bad\\.csv:43: column 'close': 'l01' is not a number"
edit 44 '1600002540,101,102,100,,5'
data "empty field" "^seqtrain: bad\\.csv:44: column 'close': "
edit 45 '1600002600,101,102,100,nan,5'
data "NaN" "^seqtrain: bad\\.csv:45: column 'close': 'nan'"
edit 46 '1600002660,101,102,100,101,-Infinity'
data "infinite value" "^seqtrain: bad\\.csv:46: column 'volume': '-Infinity'"
edit 47 '1600002720,1e39,102,100,101,5'
fails "value beyond single precision" 3 "^seqtrain: bad\\.csv:47: feature 'open': 1e\\+39 is too large" \
    -c tiny.ini -s data.source=bad.csv -s data.scaler=none
edit 48 '1599999999,101,102,100,101,5'
data "time that runs back" '^seqtrain: bad\.csv:48: time .* lies before the previous row'
edit 49 '1600002780,101,102,100,101,5'
data "the same time twice" '^seqtrain: bad\.csv:49: time .* appears twice'
edit 50 'yesterday,101,102,100,101,5'
data "time that is none" "^seqtrain: bad\\.csv:50: column 'time': time 'yesterday' has none of the forms"
sed 9q candles.csv >bad.csv
data "too few rows for one window" '^seqtrain: bad\.csv: too few rows: no window of 10'
sed 60q candles.csv >bad.csv
data "too few rows for a part" '^seqtrain: bad\.csv: too few rows: no window of 10 fits into the .*(5|6)'
cp candles.csv bad.csv
# short WHAT KEYS SETTING...: too few rows, for which these keys are to blame.
short()
{
    what=$1 keys=$2
    shift 2
    for setting; do
        shift
        set -- "$@" -s "$setting"
    done
    fails "too few rows: $what" 3 "^seqtrain: bad\\.csv: too few rows: no window of .*\\); $keys\$" check -c tiny.ini \
        -s data.source=bad.csv "$@"
}
short "a gap shorter than the step" 'data\.gap = 10s parts them at [0-9]+ holes, for the times of data\.time are 1m apart' \
    data.time=time data.gap=10s
short "a window longer than the file" 'data\.window = 5000 is too long for them' data.window=5000
short "features that warm up" 'data\.window with the [0-9]+ rows over which data\.features warm up is too long for them' \
    "data.features=ma(close,$(($(wc -l <candles.csv) - 5)))"
short "jumps" 'data\.jump parts them at [0-9]+ places' data.jump=1e-9
short "a small share" 'a larger data\.test or a shorter data\.window helps' data.test=0.01
short "large shares" 'a smaller data\.validation and data\.test or a shorter data\.window helps' data.test=0.49 data.validation=0.49
awk -F, -v OFS=, 'NR > 1 && NR % 4 == 0 { $5 = "" } { print }' candles.csv >bad.csv
short "rows left out" 'data\.missing = skip parts them at [0-9]+ places' data.missing=skip
edit 51 "$(printf '1600003000,\001\377,102,100,101,5')"
data "bytes that are no text" '^seqtrain: bad\.csv:51: '

gzip -c candles.csv >whole.gz && head -c 2000 whole.gz >bad.csv.gz
fails "truncated gzip" 3 '^seqtrain: bad\.csv\.gz:[0-9]+: the gzip data is cut off' -c tiny.ini \
    -s data.source=bad.csv.gz
{ head -c 1500 whole.gz && printf 'garbage, not deflate, at all' && tail -c +1529 whole.gz; } >bad.csv.gz
fails "broken gzip" 3 '^seqtrain: bad\.csv\.gz:[0-9]+: ' -c tiny.ini -s data.source=bad.csv.gz
cp candles.csv bad.csv.gz
fails "no gzip at all" 3 '^seqtrain: bad\.csv\.gz' -c tiny.ini -s data.source=bad.csv.gz

# --- targets

mkdir prices && for i in 0 1 2; do
    awk -F, -v OFS=, -v i=$i 'NR > 1 { for (c = 2; c <= 5; c++) $c += 10 * i } { print }' candles.csv >prices/$i.csv
done
cat >targets.ini <<'INI'
[run]
output = run

[data]
source   = prices
time     = time
features = ret(close), volume
targets  = close
window   = 10
horizon  = 2

[model]
type   = recurrent
hidden = 4
layers = 1

[train]
epochs = 1

[plots]
enable = none
INI

# target NAME STATUS PATTERN SETTING...: as fails, with settings of targets.ini.
target()
{
    name=$1 status=$2 pattern=$3
    shift 3
    for setting; do
        shift
        set -- "$@" -s "$setting"
    done
    fails "$name" "$status" "$pattern" -c targets.ini "$@"
}

target "no target" 2 '-s data\.targets: type = recurrent needs targets$' data.targets=
target "a target that is no column" 3 "^seqtrain: prices/0\\.csv:1: no column 'klose'; the columns are " data.targets=klose
target "a target of an unknown function" 2 "\\[data\\] targets: 'rett\\(close\\)': .*did you mean ret\\?" \
    'data.targets=rett(close)'
target "a target without its )" 2 "data\\.targets: 'ret\\(close,' has a \\( without its \\)" 'data.targets=ret(close,'
target "targets for an autoencoder" 2 'an autoencoder has no targets but its input' model.type=autoencoder
target "an unknown transform" 2 "\\[data\\] target_transform: 'lag': there is no transform lag; did you mean log\\?$" \
    data.target_transform=lag
target "a transform without its bound" 2 "target_transform: 'scale\\(1\\)': high of scale is missing" \
    'data.target_transform=scale(1)'
target "log of a negative: file, row and what" 3 \
    "^seqtrain: prices/0\\.csv:[0-9]+: target 'ret\\(close\\)': log of -0\\.[0-9]+: it needs a value above 0$" \
    'data.targets=ret(close)' data.target_transform=log
awk -F, -v OFS=, 'NR == 200 { $5 = -3 } { print }' candles.csv >negative.csv
target "in the test part as well" 3 "^seqtrain: negative\\.csv:200: target 'close': -3 has no value under data.target_transform$" \
    data.source=negative.csv data.features=volume data.target_transform=log
target "a function that is undefined" 3 "^seqtrain: negative\\.csv:200: feature 'logret\\(close\\)' has no finite value here: logret needs values above 0" \
    data.source=negative.csv data.features=volume 'data.targets=logret(close)'
target "bce of what is no share" 3 "^seqtrain: prices/0\\.csv:[0-9]+: target 'close': [0-9.]+ lies outside 0\\.\\.1 .*loss\\.target = bce" \
    loss.target=bce
awk -F, -v OFS=, 'NR == 90 { $6 = "1e300" } { print }' candles.csv >huge.csv
target "a target beyond single precision" 3 "^seqtrain: huge\\.csv:90: target 'volume': 1e\\+300 is too large" \
    data.source=huge.csv data.targets=volume 'data.features=ret(close)'

mkdir short && cp prices/0.csv short && sed 12q candles.csv >short/1.csv && sed 5q candles.csv >short/2.csv
target "a series too short: named" 3 '^seqtrain: short/1\.csv: too short: a window takes 12 rows with its targets, and of 10 usable rows at most 10 ' \
    data.source=short
skipped()
{
    run 0 -c targets.ini -s data.source=short -s data.short_series=skip -s data.target_transform=standard -o skipped && lines err 0 &&
        has out '^data: 2 files too short for a window left out$' && has skipped/log.jsonl '"files":1,"files_left_out":2,' &&
        run 0 check -v -c targets.ini -s data.source=short -s data.short_series=skip &&
        has out '^data: short/1\.csv: left out: 10 usable rows' '^data: short/2\.csv: left out: 3 usable rows'
}
point "short_series = skip: left out, counted, named with -v" skipped
rm short/0.csv
target "all of them too short" 3 '^seqtrain: 2 files: all of them are too short for a window with its targets$' \
    data.source=short data.short_series=skip
target "the only one too short" 3 '^seqtrain: short/1\.csv: too few rows: no window of 10 and the 2 rows up to its last target ' \
    data.source=short/1.csv
target "a horizon beyond the data" 3 '^seqtrain: prices/0\.csv: too short: a window takes 510 rows ' data.horizon=500
target "no window is left by where" 3 ': no window of 10 .*, [1-9][0-9]* are not what data\.where wants\)$' \
    'data.where=close > 500'
target "where that is no condition" 2 "\\[data\\] where: 'close >': a number or a feature is missing" 'data.where=close >'
target "where of no column" 3 "^seqtrain: prices/0\\.csv:1: no column 'klose'" 'data.where=klose > 5'
target "stratify by no column" 3 "^seqtrain: prices/0\\.csv:1: no column 'klose'" data.split=stratified data.stratify=klose
target "a single series, dealt" 3 '^seqtrain: prices/0\.csv: 1 series ' data.source=prices/0.csv data.split=shuffled \
    data.split_unit=series
target "eval_window without sequences" 2 '-s data\.eval_window: eval_window needs target_rows = window' data.eval_window=20
target "an eval_window longer than its part" 3 'a larger data\.validation or a shorter data\.eval_window helps$' \
    data.target_rows=window data.eval_window=150 data.horizon=0
target "an eval_window longer than a file" 3 '; data\.eval_window = 300 is too long for them$' \
    data.target_rows=window data.eval_window=300 data.horizon=0

mkdir mixed && cp prices/0.csv mixed && sed 's/close/closing/' candles.csv >mixed/1.csv
target "columns of another name in one of the files" 3 "^seqtrain: mixed/1\\.csv:1: no column 'close'; .*, closing, volume$" \
    data.source=mixed
mkdir nothing && : >nothing/prices.txt
target "a folder without CSV files" 3 \
    '^seqtrain: nothing: no \.csv or \.csv\.gz file is in this folder, but prices\.txt; data\.source = nothing/\*\.txt takes' \
    data.source=nothing
target "a pattern that no file fits" 3 '^seqtrain: nothing/\*\.csv: no file fits this pattern$' 'data.source=nothing/*.csv'
target "a file named twice" 2 '^seqtrain: .*0\.csv: this file is named twice' data.source=prices,prices/0.csv
target "as training and as test" 2 '^seqtrain: .*0\.csv: this file is named twice' data.test_source=prices/0.csv

# manifest NAME STATUS PATTERN LINE...: a manifest of these lines.
manifest()
{
    name=$1 status=$2 pattern=$3
    shift 3
    printf '%s\n' "$@" >manifest.csv
    target "manifest: $name" "$status" "$pattern" data.source= data.manifest=manifest.csv
}
target "manifest beside a source" 2 '-s data\.manifest: give either source or manifest' data.manifest=candles.csv
target "manifest: missing" 3 '^seqtrain: none\.csv: No such file' data.source= data.manifest=none.csv
manifest "empty" 3 '^seqtrain: manifest\.csv:1: ' ''
manifest "no series" 3 '^seqtrain: manifest\.csv: the manifest lists no series' path
manifest "no path" 3 "^seqtrain: manifest\\.csv:1: no column 'path'" name,close a,close
manifest "ragged" 3 '^seqtrain: manifest\.csv:3: 1 field, but the header has 2' path,close prices/0.csv,close prices/1.csv
manifest "a file that is not there" 3 '^seqtrain: none/0\.csv: No such file' path prices/0.csv none/0.csv
manifest "a column that is not there" 3 "^seqtrain: prices/1\\.csv:1: no column 'last'" path,close prices/0.csv, prices/1.csv,last
manifest "a series twice" 2 'this file is named twice' path prices/0.csv prices/0.csv
manifest "a column twice" 3 "^seqtrain: manifest\\.csv:1: column 'close' appears twice" path,close,close prices/0.csv,a,b

# rows NAME STATUS PATTERN SETTING...: as target, row by row with input and output in files of their own.
awk -F, -v OFS=, '{ print $2, $3 }' candles.csv >input.csv
awk -F, -v OFS=, '{ print $4, $5 }' candles.csv >output.csv
sed 150q output.csv >part.csv
rows()
{
    name=$1 status=$2 pattern=$3
    shift 3
    target "$name" "$status" "$pattern" data.source=input.csv data.time= 'data.features=open, high' \
        'data.targets=low, close' data.target_source=output.csv data.target_rows=window "$@"
}
rows "target_source: missing" 3 '^seqtrain: none\.csv: No such file' data.target_source=none.csv
rows "target_source: of another length" 3 '^seqtrain: part\.csv: 149 rows, but input\.csv beside it has 200$' \
    data.target_source=part.csv
rows "target_source: one too many" 2 'target_source: 2 files beside 1 of source' data.target_source=output.csv,part.csv
rows "target_source: none for validation" 2 '^seqtrain: part\.csv: no file with targets is named beside it' \
    data.validation_source=part.csv
rows "target_source: without the column" 3 "^seqtrain: output\\.csv:1: no column 'open'; the columns are low, close" data.targets=open
rows "target_source: another horizon" 2 'target_source needs target_rows = window' data.target_rows=horizon
echo '{ "nperseg": ' >spec.json
rows "spec.json: missing" 3 '^seqtrain: none\.json: No such file' signal.spec=none.json
rows "spec.json: broken" 3 '^seqtrain: spec\.json:[0-9]+: ' signal.spec=spec.json

constants()
{
    awk -F, -v OFS=, 'NR > 1 { $6 = 7 } { print }' candles.csv >constant.csv
    run 0 -q -c targets.ini -s data.source=constant.csv -s data.targets=volume -s data.target_transform=standard -o constant &&
        told 2 "^seqtrain: warning: feature 'volume' is constant in the training part; its scale is set to 1$" \
            "^seqtrain: warning: target 'volume' is constant in the training part; its scale is set to 1$" &&
        run 0 evaluate -m constant/best.safetensors && has out '"r2": null,' && ! grep -i -E 'nan|inf[^_e]' out
}
point "constant columns: warned of, trained, figures without NaN" constants
# Of an untrained model some predictions are below 0, where no square root lies.
outside()
{
    run 0 -c targets.ini -s data.targets=volume -s data.target_transform=sqrt -s train.lr=0 -s run.seed=3 -o outside &&
        told 1 '^seqtrain: warning: [1-9][0-9]* predictions lie beyond the range of the target.s transform and were brought back to its bound$' &&
        run 0 evaluate -m outside/best.safetensors && has out '"outside_inverse": [1-9]' &&
        run 0 predict -m outside/best.safetensors && awk -F, 'FNR > 1 && $4 < 0 { print; exit 1 } $4 == 0 { n++ } END { exit !n }' out
}
point "an inverse that leaves its range: brought back, counted" outside
point "a model with targets" run 0 -q -c targets.ini -o aim
for command in evaluate predict; do
    fails "$command: an input too short" 3 '^seqtrain: short/2\.csv: too few rows: no window of 10 fits into the file' \
        $command -m aim/best.safetensors -i short/2.csv
    fails "$command: a window suffices, without a horizon" 3 '\); data\.window = 10 is too long for them$' \
        $command -m aim/best.safetensors -i short/2.csv -s data.horizon=3
    fails "$command: an input without the columns" 3 "^seqtrain: mixed/1\\.csv:1: no column 'close'" \
        $command -m aim/best.safetensors -i mixed
    fails "$command: other targets" 3 "^seqtrain: aim/best\\.safetensors: metadata 'transforms'" \
        $command -m aim/best.safetensors -s data.targets=close,volume
done
sed 12q candles.csv >eleven.csv
fails "evaluate: an input whose targets all lie in the future" 3 \
    '^seqtrain: eleven\.csv: no window in it has all its targets' evaluate -m aim/best.safetensors -i eleven.csv
point "predict: knows what to say of it" run 0 predict -m aim/best.safetensors -i eleven.csv
fails "encode: there are no latent vectors" 2 '^seqtrain: aim/best\.safetensors: a model of type recurrent has no latent vectors' \
    encode -m aim/best.safetensors

# --- the device

mkdir empty
no_device()
{
    OCL_ICD_VENDORS=$dir/empty run 4 "$@" && told 1 '^seqtrain: no OpenCL platform found' && ! ls -d run
}
point "no device: train" no_device -c tiny.ini
point "no device: check" no_device check -c tiny.ini
point "no device: devices" no_device devices
fails "unknown name of a device" 4 "fits 'abacus'" -c tiny.ini -d abacus
fails "unknown name of a device: devices" 4 "fits 'abacus'" devices -d abacus
fails "index of a device that is not there" 4 'device 77: there are [0-9]+' -c tiny.ini -d 77

# A plan of about twice the budget is refused and names the batch that fits; some 10 KiB a window. A
# batch is never larger than the training part.
fits()
(
    candles 4000 >many.csv
    sed 's/candles\.csv/many.csv/' tiny.ini >many.ini
    POCL_MEMORY_LIMIT=1 && export POCL_MEMORY_LIMIT # GiB
    run 0 check -q -c many.ini -s device.memory_fraction=0.01 || return 1
    batch=$(awk '/memory_fraction/ { print 1024 * int($4 / 5) }' out)
    run 2 check -c many.ini -s device.memory_fraction=0.01 -s train.batch="$batch" &&
        told "$(wc -l <err)" 'fits: -s train\.batch=[0-9]+ -s train\.accumulate=[0-9]+ ' || return 1
    # shellcheck disable=SC2046 # two numbers
    set -- $(sed -n 's/.*fits: -s train\.batch=\([0-9]*\) -s train\.accumulate=\([0-9]*\) .*/\1 \2/p' err)
    [ $(($1 * $2)) -eq "$batch" ] || { echo "$1 * $2 is not $batch" && return 1; }
    run 0 check -q -c many.ini -s device.memory_fraction=0.01 -s train.batch="$1" \
        -s train.accumulate="$2"
)
point "memory: names a batch and accumulate, and these fit" fits

# --- the run folder

: >file
fails "a file where the run folder should be" 1 '^seqtrain: file: ' -c tiny.ini -o file
fails "a file above the run folder" 1 '^seqtrain: file/run: Not a directory' -c tiny.ini -o file/run
[ ! -d /proc/self ] ||
    fails "a run folder that cannot be made" 1 '^seqtrain: /proc/seqtrain/run: ' -c tiny.ini \
        -o /proc/seqtrain/run

# A run that must survive all that follows.
point "a run" run 0 -q -c tiny.ini -o good
sums()
{
    (cd "$dir/good" && cksum ./*)
}
before=$(sums)
harmless()
{
    point "$1" [ "$(sums)" = "$before" ]
}
fails "occupied run folder" 2 '^seqtrain: good holds a run already: --resume .*--overwrite' \
    -c tiny.ini -o good
fails "--overwrite with bad data" 3 'none\.csv: No such file' -c tiny.ini -o good --overwrite \
    -s data.source=none.csv
fails "--overwrite with a bad key" 2 'did you mean' -c tiny.ini -o good --overwrite -s data.widow=3
fails "--overwrite with a bad device" 4 'abacus' -c tiny.ini -o good --overwrite -d abacus
fails "--overwrite with model.init that is missing" 3 '^seqtrain: none\.safetensors: No such file' \
    -c tiny.ini -o good --overwrite -s model.init=none.safetensors
fails "--resume with another model" 2 '^seqtrain: --resume: .*model\.activation' -c tiny.ini -o good \
    -r -s model.activation=relu
harmless "none of these touched the run"

# --- checkpoints

m=good/best.safetensors
head -c 3000 $m >truncated.safetensors
head -c 40000 $m >short.safetensors
head -c 5 $m >tiny.safetensors
: >empty.safetensors
candles 40 >garbage.safetensors
# without the metadata of ours: a tensor "w" of one number
{ printf '\070\0\0\0\0\0\0\0' && printf '%-56s' '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' &&
    printf '\0\0\0\0'; } >foreign.safetensors
for command in evaluate encode predict; do
    fails "$command: missing checkpoint" 3 '^seqtrain: none\.safetensors: No such file' $command \
        -m none.safetensors
    fails "$command: no run yet" 3 '^seqtrain: run/best\.safetensors: No such file' $command -c tiny.ini
    fails "$command: garbage" 3 '^seqtrain: garbage\.safetensors: not a safetensors file' $command \
        -m garbage.safetensors
    fails "$command: truncated" 3 '^seqtrain: short\.safetensors: ' $command -m short.safetensors
    point "$command: nothing on standard output" [ ! -s out ]
done
for file in truncated tiny empty; do
    fails "$file checkpoint" 3 "^seqtrain: $file\\.safetensors: " evaluate -m $file.safetensors
done
mkdir -p odd/best.safetensors
fails "a folder as checkpoint" 3 '^seqtrain: odd/best\.safetensors: not a regular file' evaluate -m odd
fails "a folder without a checkpoint" 3 '^seqtrain: home/best\.safetensors: No such file' evaluate -m home
fails "not a checkpoint of seqtrain" 3 '^seqtrain: foreign\.safetensors: .*not a checkpoint of seqtrain' \
    evaluate -m foreign.safetensors
fails "checkpoint of another model" 3 "^seqtrain: $m: [^ ]+ has not the shape" evaluate -m $m \
    -s model.feedforward=8
fails "checkpoint of another depth" 3 "^seqtrain: $m: no tensor encoder\\.layers\\.1.*another model" \
    evaluate -m $m -s model.layers=2
fails "other features than the checkpoint's" 3 "^seqtrain: $m: metadata 'scaler' does not fit" evaluate -m $m \
    -s 'data.features=open, close'
fails "model.init of another model" 3 "^seqtrain: $m: [^ ]+ has not the shape" -c tiny.ini \
    -s model.init=$m -s model.feedforward=8
fails "model.init is garbage" 3 '^seqtrain: garbage\.safetensors: not' -c tiny.ini \
    -s model.init=garbage.safetensors
printf "time,close\n1600000000,3\n" >narrow.csv
sed 9q candles.csv >few.csv
fails "input without the model's columns" 3 "^seqtrain: narrow\\.csv:1: no column 'open'" encode -m $m \
    -i narrow.csv
fails "input too short for a window" 3 '^seqtrain: few\.csv: too few rows' encode -m $m -i few.csv
fails "missing input" 3 '^seqtrain: none\.csv: No such file' predict -m $m -i none.csv

cp -R good torn
rm torn/last.1.safetensors # nothing to fall back to
head -c 50000 good/last.safetensors >torn/last.safetensors
fails "--resume from a truncated checkpoint" 3 '^seqtrain: torn/last\.safetensors: ' -c tiny.ini -o torn \
    -r -s train.epochs=3
cp garbage.safetensors torn/last.safetensors
fails "--resume from garbage" 3 '^seqtrain: torn/last\.safetensors: not' -c tiny.ini -o torn -r \
    -s train.epochs=3
cp good/best.safetensors torn/last.safetensors
fails "--resume from a checkpoint without state" 3 "^seqtrain: torn/last\\.safetensors: .*'state'" \
    -c tiny.ini -o torn -r -s train.epochs=3
cp garbage.safetensors torn/categories.safetensors
fails "encode with broken categories" 3 '^seqtrain: torn/categories\.safetensors: not' encode \
    -m torn/best.safetensors
harmless "the run is as it was"

# --- output that cannot be written

# limited ARGUMENT...: seqtrain where files may not grow beyond the size of checkpoints, which is met
# like a full disk. A checkpoint is written aside first: there it finds the full disk. What PoCL writes
# when it looks for a program is smaller.
limited()
(
    trap '' XFSZ
    ulimit -f 2000 # blocks of 512 or 1024 bytes; last.safetensors has 3.3 MB
    "$seqtrain" "$@" >out 2>err
    got=$?
    [ $got -eq 1 ] || { echo "exit status $got, not 1" && return 1; }
    told 1 '^seqtrain: limited/(best|last)\.safetensors: File too large'
)
sed 's/^feedforward .*/feedforward = 8192/' tiny.ini >wide.ini
point "a run with large checkpoints" run 0 -q -c wide.ini -o wide
point "a file that may not grow" limited -q -c wide.ini -o limited
point "leaves no half of it" sh -c '! ls limited/*.tmp limited/last.safetensors 2>/dev/null'
rm -rf limited
cp -R wide limited
point "disk full at a checkpoint" limited -q -c wide.ini -o limited -r -s train.epochs=3
point "the last checkpoint is as it was" cmp wide/last.safetensors limited/last.safetensors
point "nothing half-written is left" sh -c '! ls limited/*.tmp 2>/dev/null'
point "with room again the run goes on" run 0 -q -c wide.ini -o limited -r -s train.epochs=3

# The same on a small disk of its own.
small_disk()
{
    unshare -rm sh -c 'mkdir disk && mount -t tmpfs -o "size=$1k" none disk && cp -R good disk/run && shift &&
        { "$@" >out 2>err; echo $? >status; cp -R disk/run small; }' sh "$@"
}
if unshare -rm sh -c 'mount -t tmpfs none home' 2>/dev/null; then
    on_small_disk()
    {
        kib=$(du -sk good | cut -f1)
        small_disk $((kib + 40)) "$seqtrain" -q -c tiny.ini -o disk/run -r -s train.epochs=3 || return 1
        [ "$(cat status)" -eq 1 ] && told 1 '^seqtrain: disk/run/(last|best)\.safetensors: No space left on device$' &&
            cmp good/last.safetensors small/last.safetensors && ! ls small/*.tmp
    }
    point "a small disk is full at a checkpoint: the last one is as it was" on_small_disk
else
    skip "a small disk is full at a checkpoint" "no mount in a user namespace"
fi

full()
{
    "$seqtrain" "$@" >/dev/full 2>err
    got=$?
    [ $got -eq 1 ] || { echo "exit status $got, not 1" && return 1; }
    told 1 '^seqtrain: standard output: No space left on device$'
}
if [ -c /dev/full ]; then
    for command in evaluate encode predict; do
        point "standard output is full: $command" full $command -m $m
    done
    point "standard output is full: check" full check -c tiny.ini
    point "standard output is full: devices" full devices
    point "standard output is full: -h" full -h
    point "standard output is full: -V" full -V

    # Training goes on and saves all; only then is it an error.
    point "standard output is full: train" full -c tiny.ini -o deaf
    point "its run is whole all the same" run 0 evaluate -m deaf/last.safetensors

    cp -R good mute
    ln -sf /dev/full mute/log.jsonl
    full_log()
    {
        run 1 -q -c tiny.ini -o mute -r -s train.epochs=3 || return 1
        tail -n 1 err | grep '^seqtrain: mute/log\.jsonl: No space left on device$'
    }
    point "disk full at the log" full_log
    cp -R good whole
    point "another run" run 0 -q -c tiny.ini -o whole -r -s train.epochs=3
    point "the run has the weights of any other" same_weights whole/best.safetensors mute/best.safetensors
else
    skip "full disk" "there is no /dev/full"
fi

# --- pipes that nobody writes to: all readers wait at the same time
mkfifo nobody
signal="-s data.features=open,close -s data.targets=open,close -s data.target_rows=window -s model.type=dgru"
# shellcheck disable=SC2086 # several words
nobody()
{
    "$seqtrain" check -q -d none -c nobody 2>nobody.config &
    a=$!
    "$seqtrain" check -q -d none -c tiny.ini -s data.source=nobody 2>nobody.source &
    b=$!
    "$seqtrain" check -q -d none -c tiny.ini -s data.source= -s data.manifest=nobody 2>nobody.manifest &
    c=$!
    "$seqtrain" check -q -d none -c tiny.ini $signal -s signal.spec=nobody 2>nobody.spec &
    d=$!
    for pid in $a $b $c $d; do
        wait $pid
        [ $? -eq 3 ] || { cat nobody.* && return 1; }
    done
    for reader in config source manifest spec; do
        has nobody.$reader 'nobody: a pipe that no process opened for writing within 5 seconds$' || return 1
    done
}
point "pipes that nobody writes to" nobody
slow_pipe()
{
    { sleep 6; cat tiny.ini; } |
        "$seqtrain" check -q -d none -c /dev/stdin -s data.source=candles.csv >out 2>err
}
point "a slow pipe is waited for" slow_pipe
# The first thing that somebody tries: the data in the place of a configuration.
data_file()
{
    gzip -c candles.csv >candles.csv.gz && cp candles.csv plain.ini || return 1
    for command in train check data; do
        for file in candles.csv candles.csv.gz; do
            run 2 $command -c $file && lines err 1 &&
                has err "$file: this is a file of data.*seqtrain init --data $file" || return 1
        done
    done
    sed 's/^window .*/windw = 3/' tiny.ini >tiny.csv && run 2 check -c tiny.csv && has err 'windw' &&
        run 2 check -c plain.ini && has err 'plain.ini:1: this line is neither' && ! grep -q 'seqtrain init' err
}
point "data in the place of a configuration" data_file

echo "1..$points"
