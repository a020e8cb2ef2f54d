#!/bin/sh
# SPDX-License-Identifier: MIT
# Telemetry in the log, and the power limit: a stand-in of NVIDIA's library and a folder that stands in
# for the system's files.
# shellcheck source=tests/cli.sh disable=SC2154
. "${srcdir-.}/tests/cli.sh"
LD_LIBRARY_PATH=${seqtrain%/seqtrain}/tests/stand_in STAND_IN_NVML=$dir/nvml SEQTRAIN_TEST_CARD=0000:41:00.0
SEQTRAIN_TEST_ROOT=$dir/root
export LD_LIBRARY_PATH STAND_IN_NVML SEQTRAIN_TEST_CARD SEQTRAIN_TEST_ROOT
mkdir -p root/proc
sed 's/^epochs.*/epochs = 2/; s/^enable.*/enable = none/' tiny.ini >quick.ini
printf 'MemTotal: 2000000 kB\nMemAvailable: 500000 kB\n' >root/proc/meminfo
echo '0.50 0.40 0.30 1/2 3' >root/proc/loadavg

# nvml LINE...: what the library tells, and no limit was set.
nvml()
{
    rm -f nvml.set
    printf '%s\n' 'address 00000000:41:00.0' 'name A Card' 'driver 555.42' 'cuda 12050' 'limit 300000' \
        'least 100000' 'most 350000' "$@" >nvml
}

# was_set TEXT: limits that were set, with blanks between.
was_set()
{
    limits=$(paste -s -d ' ' nvml.set 2>/dev/null)
    [ "$limits" = "$1" ] || { echo "set: $limits" && return 1; }
}

# --- in the log

nvml 'temperature 62' 'power 210500' 'enforced 300000' 'state 2' 'reasons 4'
in_epochs()
{
    run 0 -c quick.ini && [ ! -s err ] && grep '"event":"epoch"' run/log.jsonl >epochs &&
        [ "$(grep -c '"telemetry":{"age":[0-9.]*,"memory_used":' epochs)" -eq "$(wc -l <epochs)" ] &&
        has epochs '"temperature":62\.0,"power":210\.5,"power_limit":300\.0,"fan":null,' \
            '"performance_state":"P2","throttling":"power_cap"}' \
            '"host_memory_used":1536000000,"host_load":0\.5,"host_temperature":null' && [ ! -e nvml.set ]
}
point "each epoch's object has what the sensors tell" in_epochs
point "the start has what stays as it is" has run/log.jsonl \
    '"event":"start".*"telemetry":\{"memory_total":null,"host_memory_total":2048000000,"source":"nvml","card":"A Card","driver":"555\.42","cuda":"12\.5","compute_mode":null,"persistence":null}'
verbose()
{
    run 0 -c quick.ini -v -o spoken && has out '^Device: 62 C, 210 W of 300 W, state P2, throttled: power_cap\.$'
}
point "-v tells it" verbose
silent()
{
    run 0 -c quick.ini -o silent -s log.telemetry=no && ! grep -E 'telemetry":\{' silent/log.jsonl &&
        ! grep '^Device: 62' out
}
point "log.telemetry = no writes none, and the console tells none" silent
point "and the weights have the same bits" same_weights run/best.safetensors silent/best.safetensors
devices()
{
    run 0 devices -v && has out '^     sensors: 62 C, 210 W of 300 W, ' \
        '^     told by nvml: A Card, driver 555\.42, CUDA 12\.5$' '^     host: memory 1\.4 of 1\.9 GiB, load 0\.50$'
}
point "devices -v tells what the sensors tell now" devices

# --- hot

# hot TEMPERATURE COUNT: events of a run at this temperature.
hot()
{
    nvml "temperature $1" && run 0 -q -c quick.ini -o hot$1 && [ "$(grep -c '"event":"hot"' hot$1/log.jsonl)" -eq "$2" ]
}
point "84 degrees are not hot" hot 84 0
point "85 degrees are, once" hot 85 1
point "the event" has hot85/log.jsonl '"event":"hot",.*"level":"warning","epoch":0,"step":1,"temperature":85\.0,"limit":85\.0,"message":"step 1: the device is hot: 85 C, and log\.hot is 85"'
cold()
{
    nvml "temperature 99" && run 0 -q -c quick.ini -o cold -s log.hot=0 && ! grep '"event":"hot"' cold/log.jsonl
}
point "log.hot = 0 does not look" cold

# --- power

limits()
{
    nvml && run 0 -c quick.ini -o power -s device.power_limit=250 && was_set '250000 300000' &&
        has out '^Power limit: 250 W until the end of the run\.$'
}
point "a power limit is set, and put back at the end" limits
# signalled SIGNAL STATUS: a run in which the limit was set gets a signal.
signalled()
{
    nvml
    "$seqtrain" -q -c quick.ini -o "signal$1" -s device.power_limit=250 \
        -s train.epochs=100000 -s log.telemetry=no -s log.telemetry_every=1s &
    pid=$! i=0
    until [ -s nvml.set ] && [ -s "signal$1/log.jsonl" ] && grep -q '"event":"telemetry"' "signal$1/log.jsonl"; do
        i=$((i + 1))
        [ $i -lt 600 ] && sleep 0.1 || break
    done
    kill "-$1" $pid
    wait $pid
    [ $? -eq "$2" ] && was_set '250000 300000'
}
point "and after SIGTERM" signalled TERM 143
point "log.telemetry_every writes objects of its own" has signalTERM/log.jsonl \
    '^\{"event":"telemetry",.*"epoch":[0-9]+,"step":[0-9]+,"device_bytes":[0-9]+,"host_bytes":[0-9]+,"telemetry":\{"age":[0-9.]+,.*"power_limit":300\.0,'
fails()
{
    nvml && run 3 -q -c quick.ini -o failed -s device.power_limit=250 -s data.source=no.csv && was_set ''
}
point "none is set before the data are read" fails
# refused WHY: a line, and the run goes on.
refused()
{
    run 0 -q -c quick.ini -o refused$points -s device.power_limit=250 && was_set '' && lines err 1 &&
        has err "^seqtrain: warning: device\.power_limit = 250 is not set: $1\$"
}
nvml 'forbidden 1'
point "who may not set it is told, and the run goes on" refused 'this user may not set it'
sed -i 's/^least.*/least 260000/' nvml
point "a limit that the card does not take" refused 'the card takes 260 to 350 W'
SEQTRAIN_TEST_CARD=0000:42:00.0
point "another card" refused 'NVML does not know the device'
SEQTRAIN_TEST_CARD=0000:41:00.0 LD_LIBRARY_PATH=$dir
if ldconfig -p 2>/dev/null | grep -q libnvidia-ml.so.1; then
    skip "no NVML" "it is installed here"
else
    point "no NVML" refused 'there is no NVML'
fi

# --- a CPU, by this machine's own files

unset SEQTRAIN_TEST_CARD SEQTRAIN_TEST_ROOT
of_host()
{
    run 0 -q -c quick.ini -o host && has host/log.jsonl '"telemetry":\{"memory_total":[0-9]+,"host_memory_total":[0-9]+,"source":"host",' \
        '"memory_used":[0-9]+,"memory_process":null,.*"host_memory_used":[0-9]+,"host_load":[0-9.]+,'
}
if "$seqtrain" devices | grep -A 2 '^\*' | grep -q '^     CPU' && [ -r /proc/meminfo ]; then
    point "a CPU device has what the host tells" of_host
else
    skip "a CPU device has what the host tells" "the device is no CPU"
fi

echo "1..$points"
