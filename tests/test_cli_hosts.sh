#!/bin/sh
# SPDX-License-Identifier: MIT
# Ranks on hosts of their own: network namespaces that a bridge connects, with MPI over TCP. The same
# bits as one process; a link that is cut ends all.
# shellcheck source=tests/cli.sh
plugin=$PWD/seqtrain-mpi.so
. "${srcdir-.}/tests/cli.sh"

skip()
{
    echo "1..0 # SKIP $1"
    exit 0
}
[ -e "$plugin" ] || skip "no plug-in of ranks (Debian: libopenmpi-dev)"
mpirun --version 2>/dev/null | grep -q 'Open MPI' || skip "no mpirun of Open MPI (Debian: openmpi-bin)"
command -v ip >/dev/null || skip "no ip (Debian: iproute2)"

# The hosts are $net.0 to $net.2; the bridge is in a namespace as well, so that this machine's network
# stays as it is.
net=st$$
gone()
{
    for name in 0 1 2 s; do
        ip netns pids $net.$name 2>/dev/null | while read -r left; do
            kill -KILL "$left" 2>/dev/null
        done
        ip netns delete $net.$name 2>/dev/null
    done
}
hosts()
{
    ip netns add $net.s && ip -n $net.s link add name bridge0 type bridge && ip -n $net.s link set bridge0 up || return 1
    for name in 0 1 2; do
        ip netns add $net.$name &&
            ip -n $net.s link add name port$name type veth peer name eth0 netns $net.$name &&
            ip -n $net.s link set port$name master bridge0 up &&
            ip -n $net.$name address add 10.99.99.1$name/24 dev eth0 &&
            ip -n $net.$name link set eth0 up && ip -n $net.$name link set lo up || return 1
    done
}
trap 'gone; rm -rf "$dir"' EXIT
hosts >told 2>&1 || skip "no network namespaces: $(head -n 1 told)"

# Started as ssh is: agent ADDRESS COMMAND...
cat >agent <<EOF
#!/bin/sh
number=\${1##*.1}
shift
exec ip netns exec $net.\$number unshare --uts sh -c "hostname host\$number && \$*"
EOF
chmod +x agent
SEQTRAIN_RANKS=$plugin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR=/tmp
OMPI_MCA_plm_rsh_agent=$PWD/agent OMPI_MCA_btl=tcp,self OMPI_MCA_pml=ob1 OMPI_MCA_btl_tcp_if_include=eth0
OMPI_MCA_oob_tcp_if_include=eth0 OMPI_MCA_orte_keep_fqdn_hostnames=1
export SEQTRAIN_RANKS OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM TMPDIR
export OMPI_MCA_plm_rsh_agent OMPI_MCA_btl OMPI_MCA_pml OMPI_MCA_btl_tcp_if_include
export OMPI_MCA_oob_tcp_if_include OMPI_MCA_orte_keep_fqdn_hostnames

# launch COUNT ARGUMENT...: on so many hosts, a rank on each, from the first of them. The hosts share
# their files, but only the first writes.
launch()
{
    list=10.99.99.10
    [ "$1" -lt 2 ] || list=$list,10.99.99.11
    [ "$1" -lt 3 ] || list=$list,10.99.99.12
    count=$1
    shift
    ip netns exec $net.0 unshare --uts sh -c 'hostname host0 && exec "$@"' sh \
        timeout 120 mpirun -n "$count" -host $list -x SEQTRAIN_RANKS -x XDG_CACHE_HOME -wd "$PWD" \
        "$seqtrain" "$@" >out 2>err </dev/null
}
on()
{
    launch "$@" || { cat err && return 1; }
}
launch 2 --version || skip "mpirun reaches no other network namespace: $(head -n 1 err)"

# A schedule that does not ask how many epochs there will be.
sed -e 's/^epochs .*/epochs = 2/' -e 's/^batch .*/batch = 16\
schedule = constant\
shards = 4/' -e 's/^warmup .*/warmup = 3 steps/' tiny.ini >ranks.ini
point "one process" run 0 -c ranks.ini -q -s run.output=one
for count in 2 3; do
    point "$count hosts" on $count -c ranks.ini -q -s run.output=on$count
    point "$count hosts: the same bits" same_training one on$count
done

# The cable of the third host is pulled: its rank and the others no longer hear of each other. What is
# left is mpirun, which waits for its own process on the third host for as long as TCP does.
trainers()
{
    for pid in $(ip netns pids $net.0; ip netns pids $net.1; ip netns pids $net.2); do
        case $(ps -o stat=,comm= -p "$pid") in Z*) ;; *seqtrain) echo "$pid" ;; esac
    done
}
pulled()
{
    launch 3 -c ranks.ini -q -s run.output=cut -s train.epochs=100000 -s ranks.timeout=2s &
    launcher=$!
    while kill -0 $launcher 2>/dev/null && [ ! -e cut/last.1.safetensors ]; do
        sleep 0.05
    done
    [ "$(trainers | wc -l)" -eq 3 ] && ip -n $net.s link set port2 down || return 1
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        left=$(trainers)
        [ -z "$left" ] && break
        sleep 1
    done
    for name in 0 1 2; do
        ip netns pids $net.$name | while read -r pid; do
            kill -KILL "$pid" 2>/dev/null
        done
    done
    wait $launcher
    [ -z "$left" ] || { echo "trainers are left: $left"; return 1; }
    has err 'rank 2 on host2 has not answered for 2 s \(ranks\.timeout\)'
}
point "a link is cut: all end, and the host is named" pulled
goes_on()
{
    most=$(($(grep -c '^{"event":"epoch"' cut/log.jsonl) + 1))
    on 2 -c ranks.ini -q -r -s run.output=cut -s train.epochs=$most &&
        run 0 -c ranks.ini -q -s run.output=whole -s train.epochs=$most && same_training whole cut
}
point "the hosts that are left go on, to the bits of one process" goes_on
echo "1..$points"
