# SPDX-License-Identifier: BSD-3-Clause
# Several ports of one server, each with a net of its own.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium
SECOND_IP=10.72.0.2
SECOND_IP6=fd00:72::2

# What takes the tag off hw1 needs packets as they are on a wire (lib.sh, TAP_PACKETS). So the ports
# are of two kinds: super-segments with sums to be made on the one, finished packets on the other.
SECOND=vdev:net_tap1,iface=hw1

# hw0 as everywhere; hw1 in another net, with IPv6, a tag and an MTU of its own.
serve_two() { # root options...
    net_direct
    serve_on tap:hw0 "$@" --device $SECOND --address $SECOND_IP/24 --address $SECOND_IP6/64 \
        --vlan 42 --mtu 1400
    net_direct_up
    ip -n "$SERVER_NS" link set hw1 up || fail "hw1 is not there"
    vlan_up hw1 42
    ip -n "$SERVER_NS" link set "$VLAN_IF" mtu 1400 up
    ip -n "$SERVER_NS" addr add 10.72.0.1/24 dev "$VLAN_IF"
    ipv6_up "$SERVER_NS" "$VLAN_IF" fd00:72::1/64
    wait_for 10 client ping -6 -q -c 1 -W 1 $SECOND_IP6 >/dev/null || fail "no answer to ping -6"
}

# A number of one port, as telemetry tells it: port_number PORT NAME
port_number() {
    "$HUGEWIRE" status --json --pid "$SERVER" |
        /usr/bin/python3 -c "import json, sys; print(json.load(sys.stdin)['ports'][$1]['served']['$2'])"
}

# The same file by all three ways at once; the bytes are exact.
fetch_from_all() { # file
    fetch --parallel --parallel-immediate -g -o "$T/got0" "$URL/$1" -o "$T/got1" \
        "http://$SECOND_IP/$1" -o "$T/got2" "http://[$SECOND_IP6]/$1" || fail "curl --parallel"
    for i in 0 1 2; do expect_same "$MEDIUM/$1" "$T/got$i"; done
}

test_two_ports_at_once() {
    serve_two "$MEDIUM"
    grep -q "^hugewire: serving http://$SERVER_IP/ http://$SECOND_IP/: .*; tap:hw0 by tap, .*; $SECOND by net_tap, VLAN 42, " \
        "$T/server.log" || fail "the line that says it is ready: $(cat "$T/server.log")"
    fetch_from_all 20m.bin
    expect_zero_copy $((3 * 20 << 20))
    # Each port counts its own, and the sum is theirs.
    expect_eq "requests of hw0" 1 "$(port_number 0 http_requests)"
    expect_eq "requests of hw1" 2 "$(port_number 1 http_requests)"
    expect_eq "all requests" 3 "$(counter http_requests)"
    [ "$(port_number 1 tx_bytes)" -ge $((2 * 20 << 20)) ] || fail "hw1 did not send what it sent"
    [ "$(port_number 0 tx_bytes)" -lt $((30 << 20)) ] || fail "hw0 sent what hw1 should"
    expect_eq "MTU of hw1" 1400 "$(port_number 1 mtu)"
    "$HUGEWIRE" status --pid "$SERVER" >"$T/status" || fail "status: exit code $?"
    grep -q "^             tap:hw0, $SERVER_IP/24: 1 connections, 1 requests, " "$T/status" || fail "$(cat "$T/status")"
    grep -q "^             $SECOND, $SECOND_IP/24 $SECOND_IP6/64, VLAN 42: " "$T/status" ||
        fail "$(cat "$T/status")"
    # An address is its port's alone.
    ip -n "$SERVER_NS" route add $SECOND_IP/32 dev hw0
    ! client ping -q -c 2 -i 0.1 -W 1 $SECOND_IP >/dev/null || fail "hw0 answers for hw1"
    serve_stop
}

test_two_ports_and_two_workers() {
    local i urls=()
    [ "$(nproc)" -ge 2 ] || skip "one core only"
    net_direct
    serve_on tap:hw0 "$MEDIUM" --cores 0,1 --device tap:hw1 --address $SECOND_IP/24
    net_direct_up
    ip -n "$SERVER_NS" addr add 10.72.0.1/24 dev hw1 && ip -n "$SERVER_NS" link set hw1 up
    for i in $(seq 8); do
        urls+=(-o "$T/got$i" "$URL/20m.bin?$i" -o "$T/gotten$i" "http://$SECOND_IP/20m.bin?$i")
    done
    fetch --parallel --parallel-immediate --parallel-max 16 "${urls[@]}" || fail "curl --parallel"
    for i in $(seq 8); do
        expect_same "$MEDIUM/20m.bin" "$T/got$i"
        expect_same "$MEDIUM/20m.bin" "$T/gotten$i"
    done
    expect_eq "requests of hw1" 8 "$(port_number 1 http_requests)"
    expect_zero_copy $((16 * 20 << 20))
    serve_stop
}

started() { [ -s "$T/got" ]; }

# What happens to one port's link is no matter of the other's.
test_link_of_one_port_down() {
    local pid i
    serve_two "$MEDIUM"
    fetch_exec --limit-rate 30M -o "$T/got" $URL/100m.bin &
    pid=$!
    wait_for 10 started || fail "transfer does not begin"
    ip -n "$SERVER_NS" link set hw0 down
    for i in 1 2 3; do
        fetch -o "$T/got1" "http://$SECOND_IP/20m.bin" || fail "the other port: curl says $?"
        expect_same "$MEDIUM/20m.bin" "$T/got1"
    done
    kill -0 $pid 2>/dev/null || fail "the transfer ended without a link"
    ip -n "$SERVER_NS" link set hw0 up
    wait $pid || fail "curl: exit code $?"
    expect_same "$MEDIUM/100m.bin" "$T/got"
    serve_stop
}

# Ports that can do different things: one gathers segments and brings finished packets to a file,
# the other copies into a ring of the kernel's, with another MTU.
test_ports_of_two_drivers() {
    net_direct
    ip -n "$SERVER_NS" link add sv type veth peer name cl
    offloads_off "$SERVER_NS" sv
    offloads_off "$SERVER_NS" cl
    ip -n "$SERVER_NS" link set sv mtu 1300 up
    ip -n "$SERVER_NS" link set cl mtu 1300 up
    ip -n "$SERVER_NS" addr add 10.72.0.1/24 dev cl
    serve_on tap:hw0 "$MEDIUM" --device af_packet:sv --address $SECOND_IP/24 --mtu 1300
    net_direct_up
    fetch --parallel --parallel-immediate -o "$T/got0" "$URL/100m.bin" -o "$T/got1" \
        "http://$SECOND_IP/100m.bin" || fail "curl --parallel"
    for i in 0 1; do expect_same "$MEDIUM/100m.bin" "$T/got$i"; done
    expect_zero_copy $((200 << 20))
    # Both queues are waited for, though one driver has no interrupt: neither goes unheard.
    sleep 1
    expect_file "$MEDIUM" 1k.bin
    fetch -o "$T/got1" "http://$SECOND_IP/1k.bin" || fail "after a pause: curl says $?"
    expect_same "$MEDIUM/1k.bin" "$T/got1"
    serve_stop
}

# Streamed files: each port has its part of the cache's leases.
test_two_ports_stream() {
    serve_two "$MEDIUM" --pool 64M
    grep -q "are streamed" "$T/server.log" || fail "nothing is streamed"
    fetch_from_all 100m.bin
    serve_stop
}

# The kernel's idle server sleeps with two ports as it does with one, and changes reach both.
test_two_ports_idle_and_changes() {
    local before spent
    mkdir "$T/root"
    echo first >"$T/root/a"
    serve_two "$T/root"
    expect_eq "before" first "$(fetch "$URL/a")"
    echo second >"$T/root/a"
    changed() { [ "$(fetch "$URL/a")$(fetch "http://$SECOND_IP/a")" = secondsecond ]; }
    wait_for 10 changed || fail "a change does not reach both ports"
    sleep 1
    before=$(cpu_ticks "$SERVER")
    sleep 3
    spent=$(($(cpu_ticks "$SERVER") - before))
    echo "idle for 3 s: $spent ticks of 10 ms"
    [ "$spent" -le 30 ] || fail "$spent ticks in 3 idle seconds"
    serve_stop
}

# The command of a debug build: the server is told what the bus would tell.
take_away() { # port
    /usr/bin/python3 - "$SERVER" "$1" <<'END' || fail "the server does not hear"
import socket, sys
door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
door.connect(f"/var/run/dpdk/hugewire-{sys.argv[1]}/dpdk_telemetry.v2")
door.recv(1024)
door.send(f"/hugewire/remove,{sys.argv[2]}".encode())
assert b'"removed"' in door.recv(1024)
END
}

port_is_gone() { [ "$(port_number 1 link)" = "taken away" ]; }

# One of two devices is taken away under load: what it served is lost and given back, the other goes
# on; with the last one the server ends.
test_port_that_is_taken_away() {
    local HUGEWIRE=${HUGEWIRE%-debug}-debug pid other
    [ -x "$HUGEWIRE" ] || skip "no $HUGEWIRE"
    serve_two "$MEDIUM" --cores 0
    fetch_exec --limit-rate 30M -o "$T/got0" $URL/100m.bin &
    pid=$!
    fetch_exec --limit-rate 10M -o "$T/got1" http://$SECOND_IP/100m.bin &
    other=$!
    wait_for 10 test -s "$T/got0" || fail "transfer does not begin"
    wait_for 10 test -s "$T/got1" || fail "transfer of hw1 does not begin"
    take_away 1
    wait_for 10 port_is_gone || fail "the port is still there"
    kill -KILL $other
    wait $other 2>/dev/null
    ! ip -n "$SERVER_NS" link show hw1 >/dev/null 2>&1 || fail "hw1 is still there"
    expect_file "$MEDIUM" 20m.bin
    wait $pid || fail "curl: exit code $?"
    expect_same "$MEDIUM/100m.bin" "$T/got0"
    # Nothing of what it sent or would have sent holds the pool.
    nothing_is_held() {
        "$HUGEWIRE" pool --json --pid "$SERVER" | /usr/bin/python3 -c "
import json, sys
pool = json.load(sys.stdin)
sys.exit(pool['responses'] != 0 or pool['packets_in_flight'] != 0)"
    }
    wait_for 10 nothing_is_held || fail "the pool is held: $("$HUGEWIRE" pool --pid "$SERVER")"
    grep -q "$SECOND was taken away: its connections are lost, other ports go on" "$T/server.log" ||
        fail "it is not said"
    take_away 0
    wait_for 10 eval '! kill -0 "$SERVER" 2>/dev/null' || fail "it goes on without a port"
    wait "$SERVER"
    expect_eq "exit code" 2 $?
    SERVER=
    grep -q "tap:hw0 was taken away: all connections are lost" "$T/server.log" || fail "no last word"
    ! grep -E "still refers|AddressSanitizer|runtime error|assertion" "$T/server.log" || fail "a bug"
}

test_ports_from_a_file() {
    cat >"$T/two.yaml" <<END
server:
  port: 8080
ports:
  - device: tap:hw0
    address: $SERVER_IP/24
  - device: tap:hw1
    address: $SECOND_IP/24
    gateway: 10.72.0.1
END
    "$HUGEWIRE" check -c "$T/two.yaml" >"$T/checked.yaml" || fail "check refuses it"
    net_direct
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve -c "$T/checked.yaml" "$SMALL" >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S server_ready || fail "server not ready"
    net_direct_up
    ip -n "$SERVER_NS" addr add 10.72.0.1/24 dev hw1 && ip -n "$SERVER_NS" link set hw1 up
    for url in $URL:8080 http://$SECOND_IP:8080; do
        fetch -o "$T/got" "$url/size-65537" || fail "$url: curl says $?"
        expect_same "$SMALL/size-65537" "$T/got"
    done
    sed -i 's/  - device: tap:hw1/  - device: tap:hw0/' "$T/two.yaml"
    "$HUGEWIRE" check -c "$T/two.yaml" >"$T/out" 2>&1 && fail "one device for two ports is accepted"
    expect_match "message" "two.yaml:6: ports.1..device: expected another device" "$(cat "$T/out")"
    serve_stop
}
