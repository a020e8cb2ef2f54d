#!/bin/sh
# SPDX-License-Identifier: MIT
# The command line itself: what each command takes, help, mistyped words, options given twice, and -o
# and -m of the commands that print. The last part needs a device.
# shellcheck disable=SC2034 # read by cli.sh
without_device=yes
# shellcheck source=tests/cli.sh
. "${srcdir-.}/tests/cli.sh"

commands="init train sweep check data evaluate encode predict generate merge compress export tokenize report compare devices help completion"

# refused NAME PATTERN ARGUMENT...: with status 2 and one line that fits, before anything is read.
refused()
{
    refused_name=$1 refused_pattern=$2
    shift 2
    point "$refused_name" is_refused "$@"
}

is_refused()
{
    run 2 "$@" && lines err 1 && has err "$refused_pattern" && [ ! -s out ] && ! ls -d run
}

# --- help

overview()
{
    run 0 "$@" && lines err 0 && [ "$(wc -l <out)" -le 32 ] && ! grep '.\{81\}' out &&
        has out '^usage: seqtrain \[train\] -c FILE' '^commands:$' || return 1
    for command in $commands; do
        has out "^  $command  *[A-Z].*\.$" || return 1
    done
}
for how in -h --help help; do
    point "$how is the overview" overview $how
done

# helps COMMAND: its help is the same by three ways, and tells what it is and takes.
helps()
{
    run 0 "$1" -h && cp out first && run 0 help "$1" && cmp out first && run 0 -h "$1" && cmp out first &&
        lines err 0 && ! grep '.\{81\}' out && has out '^usage: seqtrain ' '^[A-Z].*\.$' '^  -h, --help  '
}
for command in $commands; do
    point "help of $command" helps "$command"
done
only_its_own()
{
    run 0 check -h && has out '^  -c, --config FILE' '--plan' '--gradients' && ! grep -e --resume -e --output out &&
        run 0 devices -h && ! grep -e --config out && run 0 train -h && has out '--output DIR .*run folder' &&
        run 0 predict -h && has out '--output FILE .*write this file' && [ "$(grep -c -e --output out)" -eq 1 ]
}
point "a command's help has the options that it takes" only_its_own
# The options that pages tell of, apart from their synopsis.
told_options()
{
    for file; do
        sed -e '1,/^\.SH OPTIONS/d' -e '/^\.SH /,$d' -e 's/\\-/-/g' "$file"
    done
}
in_manual()
{
    for command in $commands; do
        page=$srcdir/man/seqtrain-$command.1
        [ -e "$page" ] || page=
        run 0 help "$command" || return 1
        for name in $(grep -o -e '  --[a-z-]*' out); do
            told_options "$srcdir/man/seqtrain.1" ${page:+"$page"} | grep -q -e "^\.B.* $name\\>" ||
                { echo "$name is neither in seqtrain(1) nor in the page of $command" && return 1; }
        done
        [ -n "$page" ] || [ "$(grep -c '^  .*--' out)" -le 8 ] ||
            { echo "$command has no page" && return 1; }
    done
    for command in $commands; do
        grep -q "^\.B $command\$" "${srcdir-.}/man/seqtrain.1" ||
            { echo "$command is not in seqtrain(1)" && return 1; }
    done
}
case ${srcdir-.} in /*) ;; *) srcdir=$OLDPWD/${srcdir-.} ;; esac
point "the manual has each option and command" in_manual
refused "help of no command" "^seqtrain: 'chekc' is no command: .*; did you mean 'check'\?$" help chekc
refused "help of two commands" "'data' is one word too many" help check data
version()
{
    run 0 -V && has out '^seqtrain [0-9]+\.' && cp out version && run 0 check --version && cmp out version
}
point "the version, of any command" version

refused "nothing at all" "^seqtrain: train needs -c FILE; 'seqtrain help' lists the commands$"

# --- mistyped words

refused "a command's letters swapped" "^seqtrain: 'trian' is no command: .*; did you mean 'train'\?$" trian
refused "a command's letter missing" "; did you mean 'predict'\?$" predct -m x
refused "nothing like any command" "^seqtrain: 'xyzzy' is no command: [a-z, ]*$" xyzzy
refused "an option's letter wrong" "^seqtrain: '--sed' is no option; see 'seqtrain -h'; did you mean '--set'\?$" --sed
refused "an option's letters swapped" "^seqtrain: '--ouptut=x' is no option; .*did you mean '--output'\?$" --ouptut=x
refused "nothing like any option" "^seqtrain: '--xyzzy' is no option; see 'seqtrain -h'$" --xyzzy

# --- options twice, and of other commands

for option in -c -d -o; do
    refused "$option twice" "^seqtrain: $option is given twice: 'a' and 'b'$" $option a $option b
done
for option in -m -i; do
    refused "$option twice" "^seqtrain: $option is given twice: 'a' and 'b'$" evaluate $option a $option b
done
refused "by both of its names" "^seqtrain: -c is given twice: 'a' and 'b'$" -c a --config=b
refused "the same twice" "^seqtrain: -c is given twice" -c tiny.ini -c tiny.ini
# foreign COMMAND OPTION...: a command takes none of these options.
foreign()
{
    command=$1
    shift
    for option; do
        case $option in
        -[csdomi]) refused "$command takes no $option" "^seqtrain: $command takes no $option; see 'seqtrain $command -h'$" \
            "$command" $option x ;;
        *) refused "$command takes no $option" "^seqtrain: $command takes no $option; see 'seqtrain $command -h'$" \
            "$command" $option ;;
        esac
    done
}
foreign train -m -i --gradients --plan --list --all
foreign sweep -m -i -r --gradients --plan --profile --all
foreign check -o -m -i -r --overwrite --profile --list
foreign data -d -r --overwrite --state --plan --profile
foreign evaluate -r --overwrite --gradients --plan --profile
foreign encode -r --plan
foreign predict -r --plan
foreign generate -r --plan --all
foreign export -i -r --plan --features
foreign devices -c -s -o -m -i -r -q --plan
foreign help -c -d -q
foreign completion -c -o -v
refused "data takes a model with --features alone" '^seqtrain: data takes -m and -i with --features alone$' data -m x
refused "data takes features of something" '^seqtrain: data --features needs -c FILE or -m CKPT$' data --features
refused "export wants a format" '^seqtrain: export needs --format onnx, nam or c$' export -m x
refused "one that there is" '^seqtrain: --format onx: there is no such format, but onnx, nam, c$' export -m x --format onx
refused "train takes no --run" "^seqtrain: train takes no --run; see 'seqtrain train -h'$" train --run 1
refused "sweep of nothing" '^seqtrain: sweep needs -c FILE$' sweep --list
refused "sweep with two" '^seqtrain: --list, --run N, --status and --best exclude each other$' sweep -c tiny.ini --list --run 1
refused "sweep to overwrite nothing" '^seqtrain: --overwrite is for sweep and sweep --run N$' sweep -c tiny.ini --status --overwrite
refused "train by default" "^seqtrain: train takes no -m; " -c tiny.ini -m x
refused "completion without a shell" '^seqtrain: completion is there for bash, zsh and fish; name one of them$' completion
refused "completion for another shell" "^seqtrain: .* not for 'ksh'$" completion ksh

# --- with a device: -m FOLDER and -o FILE

if ! "$seqtrain" devices >/dev/null 2>&1; then
    skip "-m and -o of the commands that print" "no OpenCL device"
    echo "1..$points"
    exit 0
fi
trained()
{
    run 0 -q -c tiny.ini && [ -f run/best.safetensors ]
}
point "train" trained

# same COMMAND: -m RUNFOLDER, -c and the checkpoint's name print the same; -o writes it, and nothing else.
same()
{
    run 0 "$1" -m run && cp out printed && [ -s printed ] && run 0 "$1" -m run/best.safetensors && cmp out printed &&
        run 0 "$1" -c tiny.ini && cmp out printed && run 0 "$1" -m run -o written && [ ! -s out ] && lines err 0 &&
        cmp written printed && echo old >written && run 0 "$1" --output=written -m run/ && cmp written printed &&
        [ "$(find . -name '*written*' | wc -l)" -eq 1 ]
}
for command in evaluate encode predict; do
    point "$command: -m FOLDER and -o FILE" same $command
done
with_v()
{
    run 0 evaluate -v -m run -o written && has out '^data: ' && [ "$(head -c 1 written)" = '{' ]
}
point "with -o, -v tells more on standard output" with_v

# output NAME STATUS PATTERN -o...: refused; the run folder and the data are as they were, no file is left aside.
output()
{
    output_name=$1 output_status=$2 output_pattern=$3
    shift 3
    point "$output_name" kept "$@"
}
kept()
{
    (cat run/* candles.csv several/* && ls -R) >before
    run "$output_status" predict "$@" && lines err 1 && has err "$output_pattern" && [ ! -s out ] || return 1
    (cat run/* candles.csv several/* && ls -R) >after
    cmp before after
}
: >after && : >before
mkdir several && cp candles.csv several
output "-o names a folder" 2 '^seqtrain: -o run: this is a folder, and predict writes a file$' -m run -o run
output "-o names the checkpoint" 2 '^seqtrain: -o .*: this is the checkpoint' -m run -o run/best.safetensors
output "-o names the input" 2 '^seqtrain: -o candles\.csv: this is the input' -m run -i candles.csv -o candles.csv
output "-o names the data of the checkpoint" 2 '^seqtrain: -o candles\.csv: this is a file of the data' -m run -o candles.csv
output "-o names a file of the folder that is read" 2 '^seqtrain: -o .*: this is a file of the data' -m run -i several \
    -o several/candles.csv
output "-o names a device file" 2 '^seqtrain: -o /dev/null: this is no plain file; ' -m run -o /dev/null
output "-o in no folder" 1 '^seqtrain: none/x: No such file' -m run -o none/x
output "-m names a folder without a checkpoint" 3 '^seqtrain: home/best\.safetensors: No such file' -m home -o x
sed 9q candles.csv >few.csv
output "a failure leaves no file" 3 '^seqtrain: few\.csv: too few rows' -m run -i few.csv -o x
echo old >x
output "or the one that was there" 3 '^seqtrain: few\.csv: too few rows' -m run -i few.csv -o x
point "unchanged" grep -q '^old$' x
limited()
(
    trap '' XFSZ
    ulimit -f 1 # block of 512 or 1024 bytes
    "$seqtrain" predict -m run -o x >out 2>err
    got=$?
    [ $got -eq 1 ] && has err '^seqtrain: x: File too large$' && grep -q '^old$' x && ! ls x.*
)
point "an output that may not grow" limited
# A signal while the input, a pipe whose writer says nothing, is waited for.
ended()
{
    mkfifo pipe.csv || return 1
    sleep 60 >pipe.csv &
    writer=$!
    "$seqtrain" predict -m run -i pipe.csv -o x >out 2>err &
    reader=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        ls x.*.tmp >/dev/null 2>&1 && break
        sleep 0.2
    done
    ls x.*.tmp && kill "-$1" $reader || return 1
    wait $reader
    got=$?
    kill $writer
    rm pipe.csv
    [ $got -eq "$2" ] || { echo "exit status $got, not $2" && return 1; }
    grep -q '^old$' x && ! ls x.*
}
point "nor is anything left by SIGTERM" ended TERM 143
point "nor by SIGHUP" ended HUP 129
point "nor by SIGUSR1" ended USR1 138

echo "1..$points"
