# SPDX-License-Identifier: BSD-3-Clause
# IPv6 and what lies below IP: neighbours, routers, several addresses, VLANs.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium

# hugewire on its TAP with both families, and the kernel's end of it.
serve_both() { # root options...
    local root=$1
    shift
    serve_direct "$root" --address $SERVER_IP6/64 "$@"
    ipv6_up "$SERVER_NS" hw0 $CLIENT_IP6/64
    # Duplicate address detection takes the server a second.
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
}

fetch_same() { # root path url
    fetch -g -o "$T/got" "$3/$2" || fail "curl $3/$2: exit code $?"
    expect_same "$1/$2" "$T/got"
}

test_ping6() {
    local size
    serve_both "$SMALL"
    for size in 0 56 1400 1452; do
        client ping -6 -q -c 10 -i 0.02 -W 2 -s $size $SERVER_IP6 >"$T/ping" || fail "no answer"
        grep -q ' 0% packet loss' "$T/ping" || fail "$size bytes: $(cat "$T/ping")"
    done
    # IPv4 goes on beside it.
    client ping -q -c 3 -i 0.02 -W 2 $SERVER_IP >/dev/null || fail "no answer to IPv4"
    serve_stop
}

test_curl6() {
    serve_both "$MEDIUM"
    fetch_same "$MEDIUM" 1k.bin "http://[$SERVER_IP6]"
    fetch_same "$MEDIUM" 20m.bin "http://[$SERVER_IP6]"
    fetch_same "$MEDIUM" 100m.bin "http://[$SERVER_IP6]"
    fetch_same "$MEDIUM" 20m.bin "$URL"
    expect_zero_copy $((140 << 20))
    serve_stop
}

test_curl6_with_loss() {
    net_bridged
    serve_on $TAP_PACKETS "$MEDIUM" --address $SERVER_IP6/64
    net_bridged_up --loss 1 --reorder 1
    ipv6_up "$CLIENT_NS" cl0 $CLIENT_IP6/64
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
    fetch_same "$MEDIUM" 20m.bin "http://[$SERVER_IP6]"
    expect_zero_copy $((20 << 20))
    serve_stop
}

test_curl6_link_local() {
    local address
    serve_both "$MEDIUM"
    # 02:48:57 and the low bytes of 10.71.0.2 (drivers_cfg/port.c)
    address=fe80::48:57ff:fe47:2
    fetch_same "$MEDIUM" 20m.bin "http://[$address%25hw0]"
    serve_stop
}

test_udp6_is_refused() {
    serve_both "$SMALL"
    client /usr/bin/python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], 9))
s.send(b"x")
try:
    s.recv(1)
except ConnectionRefusedError:
    sys.exit(0)
sys.exit(1)' $SERVER_IP6 || fail "no ICMPv6 port unreachable"
    serve_stop
}

test_several_addresses() {
    serve_both "$MEDIUM" --address 10.71.0.3/24 --address 192.168.71.2/24 --address fd00:72::2/64
    ip -n "$SERVER_NS" addr add 192.168.71.1/24 dev hw0
    ip -n "$SERVER_NS" addr add fd00:72::1/64 dev hw0 nodad
    for host in 10.71.0.2 10.71.0.3 192.168.71.2 "[$SERVER_IP6]" "[fd00:72::2]"; do
        fetch_same "$MEDIUM" 1k.bin "http://$host"
    done
    serve_stop
}

# A client behind a router, which the configuration names.
test_gateway6() {
    serve_both "$MEDIUM" --gateway $CLIENT_IP6
    ip netns exec "$SERVER_NS" sysctl -qw net.ipv6.conf.lo.disable_ipv6=0
    ip -n "$SERVER_NS" addr add fd00:99::1/128 dev lo
    fetch_same "$MEDIUM" 20m.bin "http://[$SERVER_IP6]"
    fetch -g --interface fd00:99::1 -o "$T/got" "http://[$SERVER_IP6]/20m.bin" ||
        fail "curl from another net: exit code $?"
    expect_same "$MEDIUM/20m.bin" "$T/got"
    serve_stop
}

test_two_workers6() {
    local i
    [ "$(nproc)" -ge 2 ] || skip "one core only"
    serve_both "$MEDIUM" --cores 0,1
    for i in $(seq 10); do fetch_same "$MEDIUM" 1k.bin "http://[$SERVER_IP6]"; done
    fetch_same "$MEDIUM" 20m.bin "http://[$SERVER_IP6]"
    serve_stop
}

test_vlan() {
    net_direct
    serve_on $TAP_PACKETS "$MEDIUM" --address $SERVER_IP6/64 --vlan 42
    ip -n "$SERVER_NS" link set hw0 up || fail "hw0 is not there"
    vlan_up hw0 42
    ip -n "$SERVER_NS" link set "$VLAN_IF" up
    ip -n "$SERVER_NS" addr add $CLIENT_IP/24 dev "$VLAN_IF"
    ipv6_up "$SERVER_NS" "$VLAN_IF" $CLIENT_IP6/64
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
    client ping -q -c 5 -i 0.02 -W 2 -s 1472 $SERVER_IP >/dev/null || fail "no answer to ping"
    fetch_same "$MEDIUM" 20m.bin "$URL"
    fetch_same "$MEDIUM" 20m.bin "http://[$SERVER_IP6]"
    expect_zero_copy $((40 << 20))
    # What bears no tag is not heard.
    ip -n "$SERVER_NS" addr add 10.71.1.1/24 dev hw0
    ip -n "$SERVER_NS" neigh add 10.71.1.2 lladdr 02:48:57:47:00:02 dev hw0
    ! client ping -q -c 2 -i 0.1 -W 1 10.71.1.2 >/dev/null || fail "an untagged frame was answered"
    [ "$(counter eth_drop_vlan)" -ge 2 ] || fail "untagged frames were not counted"
    serve_stop
}
