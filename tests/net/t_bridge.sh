# SPDX-License-Identifier: BSD-3-Clause
# The bridge itself, between two kernels' stacks: what it does to frames is seen, and real TCP survives it.

# A web server of the kernel's behind the bridge, in the place hugewire has in the other tests.
kernel_server() { # bridge options...
    net_bridged
    ip -n "$SERVER_NS" link add va type veth peer name hw0
    ip netns exec "$SERVER_NS" sysctl -qw net.ipv4.conf.all.arp_ignore=1
    offloads_off "$SERVER_NS" va
    offloads_off "$SERVER_NS" hw0
    ip -n "$SERVER_NS" addr add $SERVER_IP/24 dev va
    ip -n "$SERVER_NS" link set va up
    net_bridged_up "$@"
    ip netns exec "$SERVER_NS" /usr/bin/python3 -m http.server -d "$FIXTURES/medium" 80 \
        >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for 10 listening || fail "python's web server does not start"
}

listening() { ip netns exec "$SERVER_NS" ss -Hltn 'sport = :80' | grep -q LISTEN; }

client_count() { # a counter of the client's kernel
    client nstat -asz "$1" | awk -v n="$1" '$1 == n { print $2 }'
}

test_bridge_passes_everything() {
    kernel_server
    client ping -q -c 20 -i 0.02 -W 1 $SERVER_IP | grep -q ' 0% packet loss' || fail "ping lost"
    expect_file "$FIXTURES/medium" 20m.bin
    bridge_stop
    expect_eq "frames lost" 0 "$(bridge_count lost)"
    expect_eq "checksum errors" 0 "$(client_count TcpInCsumErrors)"
}

test_bridge_loses_and_reorders() {
    kernel_server --loss 2 --reorder 2 --duplicate 1
    expect_file "$FIXTURES/medium" 20m.bin
    bridge_stop
    # 20 MiB are 14,500 segments: 2% of them are 290 give or take 17.
    [ "$(bridge_count lost)" -gt 200 ] || fail "hardly anything was lost"
    [ "$(bridge_count reordered)" -gt 200 ] || fail "hardly anything was reordered"
    [ "$(bridge_count duplicated)" -gt 70 ] || fail "hardly anything was doubled"
    [ "$(client_count TcpExtTCPOFOQueue)" -gt 0 ] || fail "the client saw nothing out of order"
}

# The client's kernel must check what comes in, or the tests of our checksums would prove nothing.
test_bridge_corruption_is_noticed() {
    kernel_server --corrupt 2,0
    expect_file "$FIXTURES/medium" 20m.bin
    bridge_stop
    [ "$(client_count TcpInCsumErrors)" -gt 100 ] || fail "the client's kernel checks no checksums"
}

test_bridge_delays_and_limits_rate() {
    local seconds
    kernel_server --delay 10 --rate 100
    client ping -q -c 5 -i 0.1 $SERVER_IP >"$T/ping" || fail "ping lost"
    expect_match "round trip (ms)" '= 2[01]\.' "$(grep rtt "$T/ping")"
    seconds=$(fetch -o /dev/null -w '%{time_total}' $URL/20m.bin)
    # 20 MiB at 100 Mb/s are 1.7 s.
    expect_match seconds '^[1-3]\.' "$seconds"
}
