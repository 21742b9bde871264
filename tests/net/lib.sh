# SPDX-License-Identifier: BSD-3-Clause
# What the tests in t_*.sh stand on. run.sh sources this, then the test's file, then calls the test,
# in a process of its own with these set:
#   HUGEWIRE, BRIDGE  the programs            FIXTURES  the served documents (fixtures.py)
#   T                 a directory of its own  NS        prefix of its namespaces' names
# A test fails by fail() or by expect_*(), is left out by skip(), and passes by returning.

SERVER_IP=10.71.0.2
CLIENT_IP=10.71.0.1
# DPDK's own TAP driver: packets of the MTU with finished checksums, as they are on a wire. What reads
# packets off the interface (bridge, vlan.py) needs them; on tap:hw0 a packet may be of 64 KiB.
TAP_PACKETS=vdev:net_tap0,iface=hw0
NGINX_IP=10.72.0.2 # where a test runs nginx besides
SERVER_IP6=fd00:71::2
CLIENT_IP6=fd00:71::1
URL=http://$SERVER_IP
SERVER_NS=$NS-s
CLIENT_NS=$SERVER_NS # unless the test asks for a wire with two ends
READY_S=60           # loading 1 GiB with the sanitizers on takes a while
SERVER=
BRIDGE_PID=
NGINX_PID=

# --- results ---------------------------------------------------------------------------------------

fail() { # what went wrong
    echo "FAIL: $*"
    exit 1
}

skip() { # why
    echo "$*" >"$T/skipped"
    exit 77
}

expect_eq() { # what wanted got
    [ "$2" = "$3" ] || fail "$1: want '$2', got '$3'"
}

expect_match() { # what regex text
    [[ $3 =~ $2 ]] || fail "$1: want /$2/, got '$3'"
}

expect_same() { # file file
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

need() { # program...
    local program
    for program; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
    local deadline=$(($(date +%s%N) + $1 * 1000000000))
    shift
    until "$@"; do
        [ "$(date +%s%N)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# --- networks --------------------------------------------------------------------------------------

netns_add() { # name
    ip netns add "$1" || fail "cannot make the network namespace $1"
    ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
        net.ipv6.conf.default.disable_ipv6=1
    ip -n "$1" link set lo up
}

client() { ip netns exec "$CLIENT_NS" "$@"; }

# Every packet carries its own finished checksum and no packet is merged: what the other end checks
# is what was sent.
offloads_off() { # namespace interface
    ip netns exec "$1" ethtool -K "$2" rx off tx off tso off gso off gro off >/dev/null 2>&1
}

# IPv6 on an interface that is up; the address is usable at once.
ipv6_up() { # namespace interface address/prefix
    ip netns exec "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" \
        "net.ipv6.conf.$2.disable_ipv6=0"
    ip -n "$1" addr add "$3" dev "$2" nodad || fail "no IPv6 on $2"
}

# The kernel's side of a VLAN on an interface of the server's namespace: sets VLAN_IF.
vlan_up() { # interface id
    VLAN_IF=$1.$2
    ip -n "$SERVER_NS" link add link "$1" name "$VLAN_IF" type vlan id "$2" 2>/dev/null && return
    VLAN_IF=vl0 # this kernel has none
    ip netns exec "$SERVER_NS" "$HERE/vlan.py" "$1" "$2" $VLAN_IF >"$T/vlan.log" 2>&1 &
    BRIDGE_PID=$! # ends with the test
    wait_for 5 grep -q ready "$T/vlan.log" || fail "vlan.py: $(cat "$T/vlan.log")"
}

# The client is the kernel's side of hugewire's own TAP.
net_direct() {
    netns_add "$SERVER_NS"
}

net_direct_up() {
    ip -n "$SERVER_NS" addr add $CLIENT_IP/24 dev hw0 && ip -n "$SERVER_NS" link set hw0 up ||
        fail "hw0 is not there"
}

# The client is in a namespace of its own, behind the bridge: net_bridged_up BRIDGE-OPTIONS...
net_bridged() {
    CLIENT_NS=$NS-c
    netns_add "$SERVER_NS"
    netns_add "$CLIENT_NS"
}

net_bridged_up() {
    ip -n "$SERVER_NS" link set hw0 up || fail "hw0 is not there"
    bridge_start "$@" "packet:hw0@$SERVER_NS" "tap:cl0@$CLIENT_NS"
    ip -n "$CLIENT_NS" addr add $CLIENT_IP/24 dev cl0
    ip -n "$CLIENT_NS" link set cl0 up
}

# A veth pair: sv in the server's namespace, cl in the client's.
net_veth() {
    CLIENT_NS=$NS-c
    netns_add "$SERVER_NS"
    netns_add "$CLIENT_NS"
    ip -n "$SERVER_NS" link add sv type veth peer name cl netns "$CLIENT_NS"
    offloads_off "$SERVER_NS" sv
    offloads_off "$CLIENT_NS" cl
    ip -n "$SERVER_NS" link set sv up
    ip -n "$CLIENT_NS" addr add $CLIENT_IP/24 dev cl
    ip -n "$CLIENT_NS" link set cl up
}

bridge_start() { # options ports
    : >"$T/bridge.log" # an earlier one said "ready" there too
    "$BRIDGE" --seed "${SEED:-1,2}" "$@" >"$T/bridge.log" 2>&1 &
    BRIDGE_PID=$!
    wait_for 5 grep -q ready "$T/bridge.log" || fail "bridge: $(cat "$T/bridge.log")"
}

# Ends the bridge; its account is in $T/bridge.log.
bridge_stop() {
    kill -TERM "$BRIDGE_PID"
    wait "$BRIDGE_PID" || fail "bridge: exit code $?: $(cat "$T/bridge.log")"
    BRIDGE_PID=
    cat "$T/bridge.log"
}

bridge_count() { # what: the sum over both directions, after bridge_stop
    grep -o " $1 [0-9]*" "$T/bridge.log" | awk '{ n += $2 } END { print n + 0 }'
}

# --- server ----------------------------------------------------------------------------------------

server_ready() {
    grep -q "^hugewire: serving http://" "$T/server.log" || ! kill -0 "$SERVER" 2>/dev/null
}

# Starts hugewire in the server's namespace and waits until it says that it is ready.
serve_on() { # device root options...
    local device=$1 root=$2
    shift 2
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --device "$device" --address $SERVER_IP/24 "$@" \
        "$root" >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S server_ready || fail "server not ready in $READY_S s"
    kill -0 "$SERVER" 2>/dev/null || fail "server ended at once"
}

serve_direct() { # root options...
    net_direct
    serve_on tap:hw0 "$@"
    net_direct_up
}

# SIGTERM; the server must end with code 0 and without a word of the sanitizers.
serve_stop() {
    kill -TERM "$SERVER"
    server_exited 20
}

server_exited() { # within seconds
    local code
    wait_for "$1" eval '! kill -0 "$SERVER" 2>/dev/null' || fail "server still runs after $1 s"
    wait "$SERVER"
    code=$?
    SERVER=
    grep -E "AddressSanitizer|LeakSanitizer|runtime error|assertion" "$T/server.log" &&
        fail "the server found a bug of its own"
    expect_eq "server's exit code" 0 $code
}

# All counters now, summed over workers, a line each. loop_idle_waits is the last of them.
counters() {
    local lines
    lines=$(wc -l <"$T/server.log")
    kill -USR1 "$SERVER"
    wait_for 5 eval "tail -n +$((lines + 1)) '$T/server.log' | grep -q '^loop_idle_waits [0-9]*\$'" ||
        fail "no counters after SIGUSR1"
    tail -n +$((lines + 1)) "$T/server.log"
}

counter() { # name
    local report
    report=$(counters) || fail "$report"
    awk -v name="$1" '$1 == name { print $2 }' <<<"$report"
}

resident_kb() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$SERVER/status"; }

# Nothing of the payload was copied, and at least so many bytes were sent by reference.
expect_zero_copy() { # bytes
    local copied referenced
    copied=$(counter payload_bytes_copied)
    referenced=$(counter payload_bytes_referenced)
    echo "payload: $copied bytes copied, $referenced referenced"
    expect_eq payload_bytes_copied 0 "$copied"
    [ "${referenced:-0}" -ge "$1" ] || fail "payload_bytes_referenced: want >= $1, got $referenced"
}

# CPU seconds of a process so far, all threads, in clock ticks (100 per second).
cpu_ticks() { # pid
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# nginx in a namespace of its own, NGINX_IP behind a veth pair to the client's, which routes between it
# and hugewire (serve with --gateway $CLIENT_IP): nginx_start CONFIG-FUNCTION ARGUMENTS..., which prints
# the configuration
nginx_start() {
    NGINX_NS=$NS-n
    netns_add "$NGINX_NS"
    ip -n "$CLIENT_NS" link add vn type veth peer name eth0 netns "$NGINX_NS"
    ip -n "$CLIENT_NS" addr add 10.72.0.1/24 dev vn
    ip -n "$CLIENT_NS" link set vn up
    ip -n "$NGINX_NS" addr add $NGINX_IP/24 dev eth0
    ip -n "$NGINX_NS" link set eth0 up
    ip -n "$NGINX_NS" route add default via 10.72.0.1
    ip netns exec "$CLIENT_NS" sysctl -qw net.ipv4.ip_forward=1
    "$@" >"$T/nginx.conf"
    ip netns exec "$NGINX_NS" nginx -p "$T" -c "$T/nginx.conf" -g 'daemon off;' 2>"$T/nginx.log" &
    NGINX_PID=$!
    wait_for 10 test -s "$T/nginx.pid" || fail "nginx: $(cat "$T/nginx.log")"
}

# --- clients ---------------------------------------------------------------------------------------

fetch() { # curl's arguments
    client curl -sS --noproxy '*' --connect-timeout 10 --max-time 120 "$@"
}

status_of() { # curl's arguments: the response's status
    fetch -o /dev/null -w '%{http_code}' "$@"
}

# To be run in the background: $! is curl itself, so that it can be killed.
fetch_exec() { # curl's arguments
    exec ip netns exec "$CLIENT_NS" curl -sS --noproxy '*' --connect-timeout 10 --max-time 90 "$@"
}

# Fetches a file and compares it with the one on disk.
expect_file() { # root path curl's-arguments...
    local root=$1 path=$2
    shift 2
    fetch -o "$T/got" "$@" "$URL/$path" || fail "curl $path: exit code $?"
    expect_same "$root/$path" "$T/got"
}

py() { # client.py's arguments
    client "$HERE/client.py" "$@" || fail "client.py $*"
}

# --- what must not be left behind ------------------------------------------------------------------

# Hugepages that are taken though no living process maps them.
hugepages_leaked() {
    local page_kb nr free mapped
    page_kb=2048
    nr=$(cat /sys/kernel/mm/hugepages/hugepages-${page_kb}kB/nr_hugepages)
    free=$(cat /sys/kernel/mm/hugepages/hugepages-${page_kb}kB/free_hugepages)
    mapped=$(cat /proc/[0-9]*/smaps_rollup 2>/dev/null |
        awk '/_Hugetlb:/ { kb += $2 } END { print kb + 0 }')
    echo $((nr - free - mapped / page_kb))
}

no_more_leaked() { [ "$(hugepages_leaked)" -le "$1" ]; }

runtime_files() {
    find /var/run/dpdk /dev/hugepages /mnt/huge -mindepth 1 -maxdepth 1 2>/dev/null | sort
}

# Called before and after: remember_world, ..., expect_world_as_before
remember_world() {
    LEAKED_BEFORE=$(hugepages_leaked)
    FILES_BEFORE=$(runtime_files)
}

expect_world_as_before() {
    local files
    ! ip -n "$SERVER_NS" link show hw0 >/dev/null 2>&1 || fail "the TAP is still there"
    wait_for 10 no_more_leaked "$LEAKED_BEFORE" ||
        fail "hugepages left taken: $(hugepages_leaked), before: $LEAKED_BEFORE"
    # Files of other programs may come and go meanwhile; what is new and names no living process is ours.
    files=$(comm -13 <(echo "$FILES_BEFORE") <(runtime_files))
    [ -z "$files" ] || [ -n "$(fuser $files/* 2>/dev/null)" ] || fail "files left behind: $files"
}
