#!/bin/sh
# SPDX-License-Identifier: MIT
# seqtrain report and seqtrain compare: pages and tables of runs of each task, of runs that are not whole,
# and of folders that somebody else has made.
# shellcheck disable=SC2034 # read by cli.sh
case ${srcdir-.} in /*) ;; *) srcdir=$PWD/${srcdir-.} ;; esac
# shellcheck source=tests/cli.sh
. "$srcdir/tests/cli.sh"

# well_formed FILE: each element ends where it must, attributes stand in quotes, nothing is open at the
# end, and '<' and '&' stand for themselves nowhere: so both XML and HTML read the same.
well_formed()
{
    sed -e 's,data:image/png;base64\,[A-Za-z0-9+/=]*,data:PNG,g' "$1" | tr '\n' ' ' >flat
    awk '{
        rest = $0
        if (!sub(/^<!DOCTYPE html> */, "", rest)) bad("no doctype")
        while ((at = index(rest, "<")) > 0) {
            text(substr(rest, 1, at - 1))
            rest = substr(rest, at)
            if (!match(rest, /^<\/?[a-z][a-z0-9]*( +[a-z:A-Z0-9-]+="[^"<]*")*\/?>/)) bad("tag: " substr(rest, 1, 60))
            tag = substr(rest, 1, RLENGTH)
            rest = substr(rest, RLENGTH + 1)
            attributes = tag
            while (match(attributes, /"[^"]*"/)) {
                text(substr(attributes, RSTART, RLENGTH))
                attributes = substr(attributes, RSTART + RLENGTH)
            }
            name = tag
            gsub(/^<\/?|[ \/>].*$/, "", name)
            if (tag ~ /^<\//) {
                if (stack[depth] != name) bad("</" name "> ends <" stack[depth] ">")
                depth--
            } else if (tag !~ /\/>$/)
                stack[++depth] = name
        }
        text(rest)
        if (depth) bad("<" stack[depth] "> does not end")
    }
    function text(t) {
        gsub(/&(amp|lt|gt|quot|#39);/, "", t)
        if (t ~ /[&<]/) bad("text: " t)
    }
    function bad(what) { print what; failed = 1; exit 1 }
    END { exit failed }' flat || return 1
    if command -v xmllint >/dev/null; then
        xmllint --noout "$1" || return 1
    fi
}

# alone FILE: nothing is loaded from anywhere, and nothing runs.
alone()
{
    ! grep -Eiq '<(script|link|iframe|object|embed|base|form|use|image)|@import|url\(|[ "](src|href|srcset)="[^d#]|src="data:[^P]| on[a-z]+="|javascript:' flat ||
        { echo "$1 asks for something:" && grep -Eio '.{20}(<script|<link|@import|url\(|href="[^#]).{40}' flat; return 1; }
}

# page FILE: it is all that a page must be.
page()
{
    well_formed "$1" && alone "$1" &&
        has "$1" '<html xmlns="http://www.w3.org/1999/xhtml" lang="en">' '<meta name="viewport"' 'prefers-color-scheme: dark' \
            '<h1>' '<main>' '@media print' && ! grep -Eq '<img [^>]*alt=""' flat &&
        [ "$(grep -o '<img ' flat | wc -l)" -eq "$(grep -o '<img width="[0-9]*" height="[0-9]*" alt="' flat | wc -l)" ]
}

# pictured FOLDER FILE: each picture of the folder is in the page, byte for byte.
pictured()
{
    for picture in "$1"/*.png; do
        base64 "$picture" | tr -d '\n' >in64
        tr '"' '\n' <"$2" | sed -n 's/^data:image.png;base64,//p' | grep -qxF -f in64 ||
            { echo "$picture is not in $2" && return 1; }
    done
}

# --- each task

autoencoder()
{
    run 0 -q -c tiny.ini -o auto -s plots.enable=all && run 0 report auto && has out '^auto/report.html: the report of auto$' &&
        page auto/report.html && pictured auto auto/report.html && [ "$(ls auto/*.png | wc -l)" -ge 3 ] &&
        has auto/report.html '<h1>tiny</h1>' 'class="state ended">Trained for 2 epochs in' 'Reconstruction of [0-9]+ test windows' \
            'Generalisation: ' 'Loss curves' '<th scope="row">train.lr</th><td class="text">0.001</td>' 'd_model' \
            'Trained by seqtrain' 'Platform'
}
point "an autoencoder's page, with its pictures" autoencoder

# Times of rows have units, in runs that others wrote as well.
durations()
{
    cp -r "$srcdir/tests/old_run/forecast" hours && sed -i 's/"step_ms":60000/"step_ms":5400000,"gap_ms":3000/' hours/log.jsonl &&
        run 0 report hours -o hours.html && page hours.html &&
        has hours.html '<th scope="row">time from row to row</th><td>1 h 30 min</td>' \
            '<th scope="row">gap</th><td>3 s</td>' && ! grep -Eq 'step ms|gap ms' hours.html
}
point "times of rows have units" durations
to_file()
{
    run 0 report auto -o one.html -q && lines out 0 && cmp one.html auto/report.html && run 0 report auto/ --output two.html &&
        page two.html
}
point "-o names the page; the same run gives the same bytes" to_file
without_device()
{
    (OCL_ICD_VENDORS=$dir/nowhere && export OCL_ICD_VENDORS && run 0 -q report auto -o none.html && cmp none.html one.html)
}
point "no device is needed" without_device

forecast()
{
    sed 's/^plots.*//' tiny.ini >f.ini
    run 0 -q -c f.ini -o fore -s 'data.targets=close, volume' -s data.target_transform=standard -s model.type=recurrent \
        -s model.hidden=8 && run 0 report fore -o f.html && page f.html &&
        has f.html 'Verdict: ' '<caption>original</caption>' '<th scope="row">close</th>' '<th scope="col">RMSE</th>' 'R²' \
            'naive forecasts' '<svg role="img"' 'The folder has none: they are drawn'
}
point "a forecast's page, without pictures: its losses are drawn" forecast
signal()
{
    awk 'BEGIN { print "I_in,Q_in,I_out,Q_out"; for (i = 0; i < 900; i++) {
        a = 0.6 * sin(i / 3) + 0.2 * sin(i); b = 0.5 * cos(i / 4); g = 1 - 0.2 * (a * a + b * b)
        printf "%.6f,%.6f,%.6f,%.6f\n", a, b, g * a, g * b } }' >iq.csv
    cat >iq.ini <<'INI'
[run]
output = iq
[data]
source = iq.csv
features = I_in, Q_in
targets = I_out, Q_out
target_rows = window
scaler = none
window = 20
[signal]
sample_rate = 1e6
bandwidth = 2e5
[model]
type = dgru
hidden = 6
layers = 1
[train]
epochs = 2
batch = 16
[plots]
enable = am_am_pm, spectrum
INI
    run 0 -q -c iq.ini && run 0 report iq && page iq/report.html && pictured iq iq/report.html &&
        has iq/report.html 'NMSE, dB' 'AM/AM and AM/PM' 'Signal of [0-9]+ samples'
}
point "a signal's page" signal
language()
{
    adapted 1
    sed '/^\[adapter\]/,/^target/d' lm.ini >plain.ini
    run 0 -q -c plain.ini -o lm && run 0 report lm && page lm/report.html &&
        has lm/report.html 'Cross-entropy of [0-9]+' 'bits a character' 'perplexity'
}
point "a language model's page" language
captions()
{
    scenes 40 && run 0 -q -c captions.ini -o caps -s plots.enable=captions && run 0 report caps && page caps/report.html &&
        pictured caps caps/report.html && has caps/report.html 'CIDEr-D' 'beside the captions that the model wrote' 'Captions of [0-9]+ clips'
}
point "a captioner's page" captions

# --- runs that are not whole

unfinished()
{
    mkdir cut && cp auto/config.ini cut && sed '/"epoch":2,/,$d' auto/log.jsonl >cut/log.jsonl && run 0 report cut && page cut/report.html &&
        has cut/report.html 'class="state unfinished">Not finished: 1 of 2 epochs so far' 'There is none yet'
}
point "a run that was interrupted" unfinished
begun()
{
    mkdir begun && sed '/"event":"start"/q' auto/log.jsonl >begun/log.jsonl && run 0 report begun && page begun/report.html &&
        has begun/report.html 'no epoch has ended yet' 'no config.ini'
}
point "a run of which there is but the start of a log" begun
planned()
{
    mkdir planned && cp auto/config.ini planned && run 0 report planned && page planned/report.html &&
        has planned/report.html '<h1>tiny</h1>' 'The log has no epoch'
}
point "a run of which there is but its configuration" planned
failed()
{
    mkdir failed && cat cut/log.jsonl >failed/log.jsonl &&
        echo '{"event":"error","time":"2026-11-28T00:00:00.000Z","level":"error","message":"the loss is <not> finite"}' >>failed/log.jsonl &&
        run 0 report failed && page failed/report.html && has failed/report.html 'Failed: the loss is &lt;not&gt; finite'
}
point "a run that failed" failed
resumed()
{
    mkdir again && head -n 4 auto/log.jsonl >again/log.jsonl && {
        for i in 1 2 3; do
            echo '{"event":"epoch","epoch":'$i',"epochs":4,"train_loss":'$i'.5,"val_loss":null}'
        done
        echo '{"event":"resume","epoch":1,"step":9}'
        echo '{"event":"epoch","epoch":2,"epochs":4,"train_loss":7.25,"val_loss":null}'
    } | cat - >>again/log.jsonl && run 0 report again && page again/report.html &&
        has again/report.html '<th scope="row">2[^/]*</th>.*7.25' 'Not finished: 2 of 4' && ! grep -q '>3.5<' again/report.html
}
point "epochs that a resumed run has forgotten are left out" resumed
old()
{
    for kind in forecast autoencoder; do
        run 0 report "$srcdir/tests/old_run/$kind" -o old.html && page old.html && has old.html '0\.1\.0' 'class="state ended"' ||
            return 1
    done
    has old.html 'Fit:' 'under-trained' 'What helps:'
}
point "runs of version 0.1.0" old
rotated()
{
    mkdir rot && cp auto/config.ini rot || return 1
    sed '/"epoch":2,/,$d' auto/log.jsonl | gzip >rot/log.1.20261101T000000Z.20261101T000100Z.jsonl.gz
    { echo '{"event":"segment","number":3,"offset":100}' && sed -n '/"epoch":2,/,$p' auto/log.jsonl; } >rot/log.jsonl
    echo '{"event":"warning","message":"of the second segment"}' | gzip >rot/log.2.20261101T000100Z.20261101T000200Z.jsonl.gz
    echo '{"event":"warning","message":"of a segment that is no more"}' | gzip >rot/log.3.20261101T000100Z.20261101T000200Z.jsonl.gz
    echo 'no archive' >rot/log.1.20261101T000100Z.20261101T000200Z.jsonl.gz
    run 0 report rot && page rot/report.html && has rot/report.html 'Trained for 2 epochs' '<th scope="row">1</th>' 'of the second segment' &&
        ! grep -q 'no more' rot/report.html
}
point "a log in several segments" rotated

# --- folders that are not ours

# Names that try to get out of where they stand, bytes that are no text, lines that are too long, files
# that are none. Limits hold memory.
hostile()
{
    mkdir bad bad/spectrum.png && bytes='</script><script>alert(1)</script>"&'"'"'<img src=x onerror=alert(1)>]]>'
    text='<\/script><script>alert(1)<\/script>\"&'"'"'<img src=x onerror=alert(1)>]]>'
    {
        echo "{\"event\":\"start\",\"run\":\"$text\",\"device\":\"$text\",\"version\":\"$text\",\"time\":\"2026$text\",\"parameters\":1e400}"
        echo "{\"event\":\"start\",\"run\":\"$text\",\"device\":\"$text\",\"version\":\"$text\",\"parameters\":-1}"
        printf '{"event":"data","features":["%s","\\u0000x","\\ufffe"],"file":"\377"}\n' "$text"
        printf '{"event":"data","features":["%s","\\u0007x","\\ufffe"],"file":"%s"}\n' "$text" "$text"
        echo '{"event":"epoch","epoch":1,"epochs":1e300,"train_loss":1e308,"val_loss":-1e308,"best":true}'
        echo '{"event":"epoch","epoch":"2"}'
        echo '{"event":"epoch","epoch":2,"train_loss":[],"'"$text"'":3,"train_'"$text"'":3}'
        echo '{"event":"warning","message":"'"$text"'"}'
        echo "{\"event\":\"verdict\",\"part\":\"$text\",\"said\":[\"$text\",3,{}],\"$text\":{\"$text\":{\"$text\":{\"a\":1}}},\"b\":{\"c\":{\"x\":1}}}"
        echo "[1,2"
        echo "{\"event\":3}"
        awk 'BEGIN { for (i = 0; i < 3000; i++) printf "["; print "" }'
        awk 'BEGIN { printf "{\"event\":\""; for (i = 0; i < 300000; i++) printf "0123456789"; print "\"}" }'
        printf 'no end'
    } >bad/log.jsonl
    printf '[run]\nname = a\n[data]\nsource = %s\n; \377\376 \001\n[train]\nlr = %s\nlr\n' "$bytes" "$bytes" >bad/config.ini
    echo '{"driver":"'"$text"'","training":[1' >bad/plan.json
    echo 'no picture' >bad/loss_curves.png
    { head -c 24 auto/loss_curves.png && printf '<script>' && tail -c 12 auto/loss_curves.png; } >bad/residuals.png
    ln -s /dev/zero bad/captions.png && ln -s nowhere bad/predictions.png
    mkfifo bad/latent_space_tsne.png
    (ulimit -v 2000000 && run 0 report bad) && page bad/report.html && ! grep -q '<script\|<img' bad/report.html &&
        has bad/report.html 'lines of the log could not be read' '&lt;/script&gt;&lt;script&gt;alert\(1\)' \
            'loss_curves.png is not a whole PNG' 'spectrum.png: this is no plain file' 'captions.png: this is no plain file'
}
point "whatever a folder holds, the page is whole and says so" hostile
binary()
{
    mkdir -p bin && head -c 3000000 /dev/urandom >bin/log.jsonl && head -c 100000 /dev/urandom >bin/config.ini &&
        head -c 1000 /dev/urandom >bin/plan.json && run 0 report bin && page bin/report.html
}
point "bytes at random" binary
refused()
{
    mkdir nothing sw sw/journal && run 3 report nothing && lines err 1 && has err '^seqtrain: nothing: this is not the folder of a run: it has neither log.jsonl nor config.ini$' &&
        run 2 report sw && has err '^seqtrain: sw: this is the folder of a sweep: .seqtrain report. takes the folder of one of its runs, .seqtrain compare. several' &&
        run 3 report nowhere && has err '^seqtrain: nowhere: No such file or directory$' && run 3 report tiny.ini && has err 'tiny.ini: not a folder$' &&
        run 2 report && has err 'report takes the folder of one run' && run 2 report auto begun && run 2 report auto -o auto/config.ini &&
        has err '^seqtrain: -o auto/config.ini: the name of a page ends in .html$' && run 1 report auto -o nowhere/a.html && lines err 1 &&
        mkdir fifo && mkfifo fifo/log.jsonl && run 3 report fifo && has err 'fifo/log.jsonl: this is no plain file$' &&
        mkdir big && truncate -s 2M big/config.ini && run 3 report big && has err 'big/config.ini: larger than 1048576 bytes$' && [ ! -e big/report.html ]
}
point "what is no run is refused in a line" refused

# --- seqtrain compare

compared()
{
    run 0 -q -c tiny.ini -o wide -s train.epochs=3 -s train.lr=3e-3 -s run.name=wide && run 0 compare auto wide -o two.png &&
        lines err 0 && png two.png && ! grep -q ' $' out &&
        has out '^run  *tiny  *wide$' '^epochs  *2  *3$' '^monitor  *val/loss  *val/loss$' '^task  *autoencoder' '^evaluated part  *test' \
            '^r2\.close  *-?[0-9.]' '^train\.lr  *0\.001  *0\.003$' '^train\.epochs  *2  *3$' && ! grep -Eq '^run\.|Not to be|not the same' out
}
point "compare: figures, keys that differ, a picture" compared
apart()
{
    run 0 compare auto lm fore cut -o four.png && png four.png && has out "^Not to be compared: losses and figures of different tasks: 'auto' has autoencoder, '[^']*' has language" \
        '^The data are not the same \(data.source, .*data.window.*\): figures are of different windows' "^'cut' has not finished: its figures are those so far"
}
point "what cannot be compared is said" apart
monitors()
{
    run 0 -q -c tiny.ini -o mon -s train.monitor=train/loss && run 0 compare auto mon -o five.png && png five.png &&
        has out "^Not to be compared: best epochs and best figures: 'auto' has val/loss, 'mon' has train/loss\.$"
}
point "different monitors are not mixed" monitors
# Two long names, as long as a folder's, that differ in the middle alone, and a long name of a target.
in_line()
{
    a=name_of_a_run_that_is_$(printf %025d 0)_long_at_its_end
    b=name_of_a_run_that_is_$(printf %025d 1)_long_at_its_end
    for one in "$a" "$b"; do
        run 0 -q -c tiny.ini -o "long_$one" -s run.name="$one" -s train.epochs=1 -s model.type=recurrent \
            -s data.targets='volatility(ma(close,10),20)' -s data.horizon=1 || return 1
    done
    run 0 compare "long_$a" "long_$b" && lines err 0 || return 1
    awk '/^run / { at = index($0, "1: name_of"); next } /^$/ || /^(evaluation|No key)/ { next } /^[.\047]/ { exit }
        { if (!at || substr($0, at - 2, 3) !~ /^  [^ ]$/) { print at, $0; exit bad = 1 } rows++ }
        END { exit bad || rows < 20 }' out && has out "^'1: name_of_.*\.\.\..*_its_end' is $a\.$" "^'2: name_of_.*' is $b\.$" '\.\.\.'
}
point "long names stay in their columns" in_line
not_compared()
{
    run 2 compare auto && has err 'compare takes the folders of 2 to [0-9]+ runs' && run 2 compare && run 2 compare auto wide -o auto/config.ini &&
        has err "the name of a picture ends in .png" && run 3 compare auto nowhere && lines out 0 && run 1 compare auto wide -o nowhere/a.png &&
        lines err 1 && run 0 compare bad bin -o bad.png && png bad.png &&
        [ "$(tr -d '[:print:]\n' <out | LC_ALL=C tr -d '\200-\377' | wc -c)" -eq 0 ]
}
point "what cannot be read is refused; what is hostile is shown in one line" not_compared

echo "1..$points"
