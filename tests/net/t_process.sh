# SPDX-License-Identifier: BSD-3-Clause
# The server as a process: how it ends, what it costs when idle, which system calls it makes, how it
# refuses to start.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium
LARGE=$FIXTURES/large

started() { [ -s "$T/got" ]; }

# --- how it ends -----------------------------------------------------------------------------------

refused() { # a connection attempt is answered with a RST (curl's exit code 7)
    fetch -o /dev/null $URL/1k.bin 2>/dev/null
    [ $? = 7 ]
}

test_sigterm_under_load() {
    local pid
    serve_direct "$MEDIUM"
    fetch_exec --limit-rate 20M -o "$T/got" $URL/100m.bin &
    pid=$!
    wait_for 10 started || fail "transfer does not begin"
    kill -TERM "$SERVER"
    wait_for 2 refused || fail "new connections are not refused"
    kill -0 $pid || fail "the transfer was over too soon to prove anything"
    wait $pid || fail "the transfer under way was cut: curl's exit code $?"
    expect_same "$MEDIUM/100m.bin" "$T/got"
    server_exited 10
    ! ip -n "$SERVER_NS" link show hw0 >/dev/null 2>&1 || fail "the TAP is still there"
}

test_sigint_with_idle_connections() {
    serve_direct "$SMALL"
    client timeout 30 /usr/bin/python3 -c "
import socket, time
socks = [socket.create_connection(('$SERVER_IP', 80)) for _ in range(20)]
open('$T/got', 'w').write('open')
print([s.recv(1) for s in socks])" &
    wait_for 10 started || fail "no connections"
    kill -INT "$SERVER"
    server_exited 5
}

test_drain_seconds_bound_the_wait() {
    local pid
    printf 'server:\n  drain_seconds: 2\n' >"$T/config.yaml"
    serve_direct "$MEDIUM" --config "$T/config.yaml"
    fetch_exec --limit-rate 100k -o "$T/got" $URL/100m.bin 2>/dev/null &
    pid=$!
    wait_for 10 started || fail "transfer does not begin"
    kill -TERM "$SERVER"
    server_exited 6
    kill -KILL $pid
}

test_nothing_is_left_behind() {
    remember_world
    serve_direct "$MEDIUM"
    expect_file "$MEDIUM" 20m.bin
    serve_stop
    expect_world_as_before
    # A death that leaves no time to clean up: what the kernel holds for us must go all the same. (EAL's
    # runtime directory, some KiB, stays.)
    serve_on tap:hw0 "$MEDIUM"
    kill -KILL "$SERVER"
    wait "$SERVER" 2>/dev/null
    SERVER=
    FILES_BEFORE=$(runtime_files)
    expect_world_as_before
}

test_start_again_at_once() {
    net_direct
    for _ in 1 2 3; do
        serve_on tap:hw0 "$SMALL"
        net_direct_up
        expect_file "$SMALL" size-65537
        serve_stop
    done
}

test_second_server_on_one_interface_is_refused() {
    serve_direct "$SMALL"
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve "$SMALL" >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" "hw0.*exists" "$(cat "$T/out")"
    expect_file "$SMALL" size-1048577
    serve_stop
}

test_two_servers_on_one_machine() {
    local first
    serve_direct "$SMALL"
    first=$SERVER
    cp "$T/server.log" "$T/first.log"
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --device tap:hw1 --address 10.72.0.2/24 "$SMALL" \
        >"$T/second.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S grep -q http:// "$T/second.log" || fail "second: $(cat "$T/second.log")"
    ip -n "$SERVER_NS" addr add 10.72.0.1/24 dev hw1 && ip -n "$SERVER_NS" link set hw1 up
    fetch -o "$T/got" http://10.72.0.2/size-65537 || fail "second server"
    expect_same "$SMALL/size-65537" "$T/got"
    serve_stop
    SERVER=$first
    expect_file "$SMALL" size-65537
    serve_stop
}

# --- what it costs ---------------------------------------------------------------------------------

test_idle_server_sleeps() {
    local before spent
    serve_direct "$SMALL"
    expect_file "$SMALL" size-1048576
    sleep 1
    before=$(cpu_ticks "$SERVER")
    sleep 3
    spent=$(($(cpu_ticks "$SERVER") - before))
    echo "idle for 3 s: $spent ticks of 10 ms"
    [ $spent -lt 15 ] || fail "an idle server used $spent of 300 ticks"
    # And it wakes up at once.
    client ping -q -c 5 -i 0.3 $SERVER_IP | tail -n 1
    expect_file "$SMALL" size-1
    serve_stop
}

# A driver without an rx interrupt: naps do as well, at some cost.
test_idle_server_naps_without_rx_interrupt() {
    local before spent
    net_veth
    serve_on af_packet:sv "$SMALL"
    expect_file "$SMALL" size-1048576
    "$HUGEWIRE" status --pid "$SERVER" | grep "^port 0 .*net_af_packet.*; rests in naps$" ||
        fail "status does not say that it naps"
    before=$(cpu_ticks "$SERVER")
    sleep 3
    spent=$(($(cpu_ticks "$SERVER") - before))
    echo "idle for 3 s: $spent ticks of 10 ms"
    [ $spent -lt 120 ] || fail "an idle server used $spent of 300 ticks"
    [ "$(counter loop_idle_waits)" -gt 1000 ] || fail "it does not nap"
    expect_file "$SMALL" size-1
    serve_stop
}

worker_threads() {
    local task
    for task in /proc/"$SERVER"/task/*; do
        grep -Eq 'worker|lcore' "$task/comm" && basename "$task"
    done
}

# Every call of every worker during a transfer, by name and by file: only the TAP's own reads and writes
# may grow with the bytes sent. What the idle wait and the clock do is bounded.
test_worker_makes_no_system_call_per_transfer() {
    local workers tracer
    need strace
    serve_direct "$LARGE"
    workers=$(worker_threads)
    [ -n "$workers" ] || workers=$SERVER # a single-threaded server works in its main thread
    strace -y -o "$T/trace" $(printf -- '-p %s ' $workers) 2>"$T/strace.log" &
    tracer=$!
    wait_for 10 grep -q attached "$T/strace.log" || skip "strace cannot attach: $(cat "$T/strace.log")"
    expect_eq SHA-256 "$(sha256sum <"$LARGE/200m.bin")" "$(fetch $URL/200m.bin | sha256sum)"
    kill -INT $tracer
    wait $tracer
    sed -n 's/^\([0-9]* *\)\{0,1\}\([a-z_0-9]*\)(\([0-9]*<\([^>]*\)>\)\{0,1\}.*/\2 \4/p' "$T/trace" |
        sort | uniq -c | sort -rn | tee "$T/calls"
    # count call file
    awk '
        $2 ~ /^(readv?|writev?)$/ && $3 == "/dev/net/tun" { tap += $1; next }
        $2 ~ /^(read|sendfile|mmap|munmap|futex|pread64|openat|io_uring_enter|sendto|sendmsg|brk)$/ &&
            $1 > 20 { print "grows with the transfer: " $0; bad = 1; next }
        $1 > 20000 { print "too many: " $0; bad = 1 }
        END { if (tap < 1000) { print "the trace saw no transfer"; bad = 1 } exit bad }' \
        "$T/calls" || fail "system calls on the way of the data"
    serve_stop
}

test_counters_on_sigusr1() {
    local referenced again
    serve_direct "$SMALL"
    expect_file "$SMALL" size-1048576
    expect_file "$SMALL" size-1
    expect_eq http_requests 2 "$(counter http_requests)"
    expect_eq http_2xx 2 "$(counter http_2xx)"
    expect_eq http_4xx 0 "$(counter http_4xx)"
    # The one byte lies beside its head; a probe or a retransmission refers to bytes once more.
    referenced=$(counter payload_bytes_referenced)
    again=$(counter tcp_retransmit_bytes)
    [ "$referenced" -ge 1048576 ] && [ "$referenced" -le $((1048576 + again)) ] ||
        fail "payload_bytes_referenced: $referenced for 1048576 bytes, $again of them again"
    serve_stop
}

test_status_tells_the_counters() {
    serve_direct "$SMALL"
    expect_file "$SMALL" size-1048576
    "$HUGEWIRE" status --pid "$SERVER" >"$T/status" || fail "status: exit code $?"
    cat "$T/status"
    grep -q "^server $SERVER, 1 workers$" "$T/status" || fail "no such server"
    grep -q "^requests     1 ([0-9]*/s): 1 2xx, 0 3xx, 0 4xx, 0 5xx$" "$T/status" || fail "requests"
    "$HUGEWIRE" status --json --pid "$SERVER" | /usr/bin/python3 -c "
import json, sys
status = json.load(sys.stdin)
assert status['pid'] == $SERVER and status['workers'] == 1, status
assert status['counters']['http_2xx'] == 1 and 'loop_turns' in status['counters'], status
port, = status['ports']
assert port['driver'] == 'tap' and port['link_up'] == 1 and port['rx_interrupts'] == 1, port
assert port['tx_bytes'] > 1048576 and port['rx_missed'] == 0 and port['rx_no_mbuf'] == 0, port" ||
        fail "status --json"
    grep -q "^port 0       tap, up.*; received [0-9]*, missed 0, errors 0, without mbuf 0; sent [0-9]*," \
        "$T/status" || fail "the port's own counters"
    serve_stop
    "$HUGEWIRE" status --pid 1 >"$T/out" 2>&1
    expect_eq "exit code without a server" 2 $?
}

# What a driver of DPDK's counts, by its own names.
test_status_tells_what_the_driver_counts() {
    net_veth
    serve_on af_packet:sv "$SMALL"
    expect_file "$SMALL" size-1048576
    "$HUGEWIRE" status --json --pid "$SERVER" | /usr/bin/python3 -c "
import json, sys
port, = json.load(sys.stdin)['ports']
print(port)
assert port['driver'] == 'net_af_packet' and port['tx_bytes'] > 1048576, port
assert port['xstats']['tx_good_bytes'] >= port['tx_bytes'], port
assert port['xstats']['rx_good_packets'] > 20 and 0 not in port['xstats'].values(), port" || fail "status --json"
    serve_stop
}

test_top_shows_rates() {
    serve_direct "$SMALL"
    "$HUGEWIRE" top --pid "$SERVER" >"$T/top" 2>"$T/err" &
    local top=$!
    wait_for 10 grep -q ^pool "$T/top" || fail "no look: $(cat "$T/err")"
    expect_file "$SMALL" size-1048576
    wait_for 10 eval '[ "$(grep -c ^pool "$T/top")" -ge 4 ]' || fail "it does not go on"
    kill -INT $top
    wait $top || fail "exit code $?"
    cat "$T/top"
    grep -Eq '^requests +1/s +2xx 1/s' "$T/top" || fail "the request is not shown"
    grep -Eq '^connections +0 +new 1/s  ended 1/s' "$T/top" || fail "the connection is not shown"
    "$HUGEWIRE" top --pid "$SERVER" >"$T/top" 2>"$T/err" &
    top=$!
    wait_for 10 grep -q ^pool "$T/top" || fail "no look: $(cat "$T/err")"
    serve_stop
    wait $top
    expect_eq "exit code when the server ends" 2 $?
}

# --- how it refuses --------------------------------------------------------------------------------

# serve with these arguments must end with code 2 and one line that matches.
refuses() { # what regex serve's-arguments...
    local what=$1 regex=$2 code
    shift 2
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve "$@" >"$T/out" 2>&1
    code=$?
    echo "$what: $(cat "$T/out")"
    expect_eq "$what: exit code" 2 $code
    expect_eq "$what: lines said" 1 "$(wc -l <"$T/out")"
    expect_match "$what: message" "$regex" "$(cat "$T/out")"
    ! ip -n "$SERVER_NS" link show hw0 >/dev/null 2>&1 || fail "$what: a TAP was left behind"
}

test_refusals() {
    local total_gib
    net_direct
    remember_world
    total_gib=$(awk '/MemTotal/ { print int($2 / 1048576) + 1 }' /proc/meminfo)
    ip -n "$SERVER_NS" link add taken type veth peer name other
    ip -n "$SERVER_NS" tuntap add dev taken-tap mode tap multi_queue
    printf 'server:\n  port: 80\n  mtu: many\n' >"$T/value.yaml"
    printf 'server:\n  port: 80\n  colour: blue\n' >"$T/key.yaml"
    printf 'server:\n  port: [80\nmtu\n' >"$T/syntax.yaml"
    truncate -s 40M "$T/sparse" && mkdir "$T/root" && mv "$T/sparse" "$T/root"

    refuses "no root" "ROOT"
    refuses "missing root" "/no/such/place.*(No such|not exist)" /no/such/place
    refuses "root is a file" "size-1.*not a directory" "$SMALL/size-1"
    refuses "pool too small" "[0-9.]+ (MiB|bytes).*(more|short|needs|need)" --pool 8M "$T/root"
    refuses "more pool than memory" "(hugepages|huge pages).*nr_hugepages|(hugepages|huge pages)" \
        --pool "${total_gib}G" "$T/root"
    refuses "bad CIDR" "10\.71\.0\.2/99" --address 10.71.0.2/99 "$SMALL"
    refuses "bad address" "10\.71\.0" --address 10.71.0/24 "$SMALL"
    refuses "bad device" "floppy:0" --device floppy:0 "$SMALL"
    refuses "taken interface" "taken" --device tap:taken "$SMALL"
    refuses "taken TAP" "taken-tap" --device tap:taken-tap "$SMALL"
    refuses "too large an MTU" "1504" --device $TAP_PACKETS --mtu 9000 "$SMALL"
    refuses "name too long" "name-of-an-interface" --device tap:name-of-an-interface "$SMALL"
    refuses "interface that is not there" "nowhere0" --device af_packet:nowhere0 "$SMALL"
    refuses "no such core" "core" --cores 4000 "$SMALL"
    refuses "bad port" "70000" --port 70000 "$SMALL"
    refuses "unknown flag" "frobnicate" --frobnicate "$SMALL"
    refuses "bad value in YAML" "value.yaml:3.*mtu" --config "$T/value.yaml" "$SMALL"
    refuses "unknown key in YAML" "key.yaml:3.*colour" --config "$T/key.yaml" "$SMALL"
    refuses "YAML that is none" "syntax.yaml:[0-9]+" --config "$T/syntax.yaml" "$SMALL"
    refuses "missing config" "missing.yaml" --config "$T/missing.yaml" "$SMALL"
    ip -n "$SERVER_NS" link show taken >/dev/null || fail "the taken interface is gone"
    expect_world_as_before
}

# Root may read everything, so another user must try (without root's rights it gets no further than
# this check).
test_refuses_unreadable_root() {
    net_direct
    mkdir -m 0700 "$T/private"
    chmod 755 "$T"
    need setpriv
    timeout 30 ip netns exec "$SERVER_NS" setpriv --reuid 65534 --regid 65534 --clear-groups \
        "$HUGEWIRE" serve "$T/private" >"$T/out" 2>&1
    code=$?
    cat "$T/out"
    [ $code != 126 ] || skip "the program cannot be run by another user from where it lies"
    expect_eq "exit code" 2 $code
    expect_match "message" "private.*[Pp]ermission|[Pp]ermission.*private" "$(cat "$T/out")"
}

test_no_tun() {
    net_direct
    remember_world
    # /dev/net/tun is hidden in a mount namespace of its own.
    timeout 30 ip netns exec "$SERVER_NS" unshare --mount bash -c \
        'mount -t tmpfs none /dev/net && exec "$0" serve "$1"' "$HUGEWIRE" "$SMALL" >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" "/dev/net/tun" "$(cat "$T/out")"
    expect_eq "lines said" 1 "$(wc -l <"$T/out")"
    expect_world_as_before
}

# --- a server that is stopped ----------------------------------------------------------------------

# Clients enough that the next one of its control door would have to wait for it.
crowd_door() { # pid
    python3 - "/var/run/dpdk/hugewire-$1/dpdk_telemetry.v2" <<'END'
import socket, sys
try:
    for _ in range(1000):
        door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        door.setblocking(False)
        door.connect(sys.argv[1])
        door.close()
    sys.exit("the queue has no end")
except BlockingIOError:
    pass
END
}

test_stopped_server_holds_up_no_other() {
    local stopped started=$SECONDS
    serve_direct "$SMALL"
    stopped=$SERVER
    cp "$T/server.log" "$T/first.log"
    kill -STOP "$stopped"
    crowd_door "$stopped" || fail "its door is not to be crowded"
    serve_on tap:hw1 "$SMALL" --address 10.72.0.2/24
    [ $((SECONDS - started)) -lt 15 ] || fail "the second server took $((SECONDS - started)) s"
    timeout 20 "$HUGEWIRE" status --pid "$stopped" >"$T/out" 2>&1
    expect_eq "code of hugewire status for who is stopped" 2 $?
    grep -q "process $stopped is no hugewire serve .* that answers" "$T/out" || fail "said: $(cat "$T/out")"
    [ -e "/var/run/dpdk/hugewire-$stopped/dpdk_telemetry.v2" ] || fail "its door was taken for a dead one's"
    serve_stop
    kill -CONT "$stopped"
    SERVER=$stopped
    serve_stop
}
