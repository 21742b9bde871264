# SPDX-License-Identifier: BSD-3-Clause
# What networks do: loss, reordering, clients that vanish, other devices, several workers.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium

test_ping() {
    local size
    serve_direct "$SMALL"
    for size in 0 56 1400 1472; do
        client ping -q -c 10 -i 0.02 -W 2 -s $size $SERVER_IP >"$T/ping" || fail "no answer"
        grep -q ' 0% packet loss' "$T/ping" || fail "$size bytes: $(cat "$T/ping")"
    done
    serve_stop
}

# --- bad wires -------------------------------------------------------------------------------------

through_bad_wire() { # file bytes bridge-options...
    local file=$1 bytes=$2
    shift 2
    net_bridged
    serve_on $TAP_PACKETS "$MEDIUM"
    net_bridged_up "$@"
    expect_file "$MEDIUM" "$file" -w '%{speed_download} bytes/s\n'
    expect_zero_copy "$bytes"
    echo "segments retransmitted: $(counter tcp_retransmit), time-outs: $(counter tcp_rto)"
    serve_stop
    bridge_stop
}

test_clean_bridge() {
    through_bad_wire 100m.bin $((100 << 20))
}

test_1_percent_loss() {
    through_bad_wire 100m.bin $((100 << 20)) --loss 1
    [ "$(bridge_count lost)" -gt 300 ] || fail "hardly anything was lost"
}

test_1_percent_loss_and_reordering() {
    through_bad_wire 100m.bin $((100 << 20)) --loss 1 --reorder 2 --duplicate 0.5
    [ "$(bridge_count lost)" -gt 300 ] || fail "hardly anything was lost"
    [ "$(bridge_count reordered)" -gt 300 ] || fail "hardly anything was reordered"
}

test_3_percent_loss() {
    through_bad_wire 20m.bin $((20 << 20)) --loss 3
    [ "$(bridge_count lost)" -gt 200 ] || fail "hardly anything was lost"
}

test_corruption_both_ways() {
    through_bad_wire 20m.bin $((20 << 20)) --corrupt 1
    [ "$(bridge_count corrupted)" -gt 50 ] || fail "hardly anything was corrupted"
}

test_long_wire() {
    through_bad_wire 20m.bin $((20 << 20)) --delay 20 --loss 0.1
}

# --- clients that go away --------------------------------------------------------------------------

no_connections() {
    [ "$(client ss -Htn "dst $SERVER_IP" | wc -l)" = 0 ]
}

started() { [ -s "$T/got" ]; }

test_client_killed_mid_transfer() {
    local pid
    serve_direct "$MEDIUM"
    for _ in 1 2 3 4 5; do
        rm -f "$T/got"
        fetch_exec --limit-rate 10M -o "$T/got" $URL/100m.bin &
        pid=$!
        wait_for 10 started || fail "transfer does not begin"
        kill -KILL $pid
        wait $pid 2>/dev/null
    done
    expect_file "$MEDIUM" 20m.bin
    # Nothing is under way: draining takes no time.
    kill -TERM "$SERVER"
    server_exited 5
}

test_clients_that_reset() {
    serve_direct "$MEDIUM"
    py reset $SERVER_IP 100m.bin 200
    expect_file "$MEDIUM" 20m.bin
    kill -TERM "$SERVER"
    server_exited 5
}

test_client_that_stops_reading() {
    serve_direct "$MEDIUM"
    py stall $SERVER_IP "$MEDIUM" 20m.bin 4
    [ "$(counter tcp_window_probe)" -ge 1 ] || fail "no zero-window probe was sent"
    serve_stop
}

test_wire_cut_and_mended() {
    local pid
    serve_direct "$MEDIUM"
    fetch_exec --limit-rate 30M -o "$T/got" $URL/100m.bin &
    pid=$!
    wait_for 10 started || fail "transfer does not begin"
    ip -n "$SERVER_NS" link set hw0 down
    sleep 1.5
    ip -n "$SERVER_NS" link set hw0 up
    wait $pid || fail "curl: exit code $?"
    expect_same "$MEDIUM/100m.bin" "$T/got"
    serve_stop
}

test_client_vanishes_for_good() {
    local pid
    net_bridged
    serve_on $TAP_PACKETS "$MEDIUM"
    net_bridged_up
    fetch_exec --limit-rate 10M -o "$T/got" $URL/100m.bin &
    pid=$!
    wait_for 10 started || fail "transfer does not begin"
    bridge_stop
    kill -KILL $pid
    wait $pid 2>/dev/null
    sleep 1
    # The next client, with another MAC address, is served.
    net_bridged_up
    expect_file "$MEDIUM" 20m.bin
    # The lost one would take up to write_timeout; draining gives it drain_seconds.
    kill -TERM "$SERVER"
    server_exited 45
}

# --- devices and workers ---------------------------------------------------------------------------

test_af_packet() {
    net_veth
    serve_on af_packet:sv "$MEDIUM"
    client ping -q -c 5 -i 0.05 -W 2 $SERVER_IP >"$T/ping" || fail "no answer to ping"
    expect_file "$MEDIUM" 20m.bin
    expect_file "$MEDIUM" 1k.bin
    expect_zero_copy $((20 << 20))
    serve_stop
    ip -n "$SERVER_NS" link show sv >/dev/null || fail "the interface went with the server"
}

# The driver takes no chains: the CPU gathers, and says so.
test_af_xdp() {
    local copied
    # 44: AF_XDP
    /usr/bin/python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW)' 2>/dev/null ||
        skip "this kernel has no AF_XDP sockets"
    net_veth
    serve_on af_xdp:sv "$MEDIUM"
    expect_file "$MEDIUM" 20m.bin
    expect_file "$MEDIUM" 1k.bin
    copied=$(counter payload_bytes_copied)
    [ "$copied" -ge $((20 << 20)) ] || fail "payload_bytes_copied: $copied, where all is copied"
    serve_stop
    ip -n "$SERVER_NS" link show sv >/dev/null || fail "the interface went with the server"
}

# The interface takes what is for its own address and for groups, by which IPv6 neighbours ask; what is
# for others stays out.
test_port_is_not_promiscuous() {
    local flags
    net_veth
    serve_on af_packet:sv "$SMALL" --address $SERVER_IP6/64
    ipv6_up "$CLIENT_NS" cl $CLIENT_IP6/64
    flags=$(ip -n "$SERVER_NS" -d link show sv)
    expect_match "all-multicast" "allmulti [1-9]" "$flags"
    ! grep -q "PROMISC\|promiscuity [1-9]" <<<"$flags" || fail "it is promiscuous: $flags"
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
    ip -n "$CLIENT_NS" -6 neigh flush dev cl
    client ping -6 -q -c 1 -W 2 $SERVER_IP6 >/dev/null || fail "not found a second time"
    serve_stop
}

# Frames of 9000 bytes and more: few packets, exact bytes; and no packet that the interface would not
# take.
test_jumbo_frames() {
    local packets
    net_veth
    ip -n "$SERVER_NS" link set sv mtu 9216
    ip -n "$CLIENT_NS" link set cl mtu 9216
    serve_on af_packet:sv "$MEDIUM" --mtu 9216
    client ping -q -c 5 -i 0.05 -W 2 -M do -s 9188 $SERVER_IP >"$T/ping" || fail "no answer to ping"
    expect_file "$MEDIUM" 20m.bin
    expect_file "$MEDIUM" 1k.bin
    expect_zero_copy $((20 << 20))
    packets=$(counter tx_packets)
    echo "20 MiB in $packets packets"
    [ "$packets" -lt 4000 ] || fail "20 MiB took $packets packets: they were not large"
    serve_stop
    ip -n "$SERVER_NS" link set sv mtu 2000
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --device af_packet:sv --mtu 9000 "$SMALL" \
        >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" "MTU of 2000: ip link set sv mtu 9000" "$(cat "$T/out")"
}

test_af_packet_with_loss() {
    net_veth
    ip -n "$CLIENT_NS" addr flush dev cl
    serve_on af_packet:sv "$MEDIUM"
    bridge_start --loss 1 "packet:cl@$CLIENT_NS" "tap:cl0@$CLIENT_NS"
    ip -n "$CLIENT_NS" addr add $CLIENT_IP/24 dev cl0
    ip -n "$CLIENT_NS" link set cl0 up
    expect_file "$MEDIUM" 20m.bin
    serve_stop
}

test_two_workers() {
    local i urls=()
    [ "$(nproc)" -ge 2 ] || skip "one core only"
    serve_direct "$MEDIUM" --cores 0,1
    for i in $(seq 16); do urls+=(-o "$T/got$i" "$URL/20m.bin?$i"); done
    fetch --parallel --parallel-immediate --parallel-max 16 "${urls[@]}" || fail "curl --parallel"
    for i in $(seq 16); do expect_same "$MEDIUM/20m.bin" "$T/got$i"; done
    for i in $(seq 20); do expect_file "$MEDIUM" 1k.bin; done
    expect_zero_copy $((16 * 20 << 20))
    serve_stop
}

# Every segment of a flow comes to the worker of its SYN: none had to be handed over, and no connection
# was reset. Also when the flow was at rest for longer than the kernel would remember where it belongs.
expect_flows_kept() { # URLs' host parts...
    local host i urls=()
    for host; do
        for i in $(seq 8); do urls+=(-o "$T/got$host$i" "http://$host/20m.bin?$i"); done
    done
    fetch -g --parallel --parallel-immediate --parallel-max 16 "${urls[@]}" || fail "curl --parallel"
    for host; do
        for i in $(seq 8); do expect_same "$MEDIUM/20m.bin" "$T/got$host$i"; done
        # Segments of many lengths: those that a hash of the frame's length would send astray.
        py rest "$(tr -d '[]' <<<"$host")" "$MEDIUM" 1k.bin 16 0
    done
    py rest $SERVER_IP "$MEDIUM" 1k.bin 64 11
    expect_eq "segments that came to the wrong worker" 0 "$(counter flow_stray)"
    expect_eq "segments of no connection" 0 "$(counter tcp_drop_no_connection)"
    expect_zero_copy $((8 * 20 << 20))
}

test_two_workers_keep_flows() {
    [ "$(nproc)" -ge 2 ] || skip "one core only"
    serve_direct "$MEDIUM" --cores 0,1 --address $SERVER_IP6/64
    ipv6_up "$SERVER_NS" hw0 $CLIENT_IP6/64
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
    expect_flows_kept $SERVER_IP "[$SERVER_IP6]"
    serve_stop
}

test_two_workers_keep_tagged_flows() {
    [ "$(nproc)" -ge 2 ] || skip "one core only"
    net_direct
    serve_on tap:hw0 "$MEDIUM" --cores 0,1 --vlan 42 --address $SERVER_IP6/64
    ip -n "$SERVER_NS" link set hw0 up || fail "hw0 is not there"
    vlan_up hw0 42
    ip -n "$SERVER_NS" link set "$VLAN_IF" up
    ip -n "$SERVER_NS" addr add $CLIENT_IP/24 dev "$VLAN_IF"
    ipv6_up "$SERVER_NS" "$VLAN_IF" $CLIENT_IP6/64
    wait_for 10 client ping -6 -q -c 1 -W 1 $SERVER_IP6 >/dev/null || fail "no answer to ping -6"
    expect_flows_kept $SERVER_IP "[$SERVER_IP6]"
    serve_stop
}

test_jumbo_packets() {
    serve_direct "$MEDIUM" --mtu 9000
    expect_eq "MTU of the kernel's end" 9000 "$(ip netns exec "$SERVER_NS" cat /sys/class/net/hw0/mtu)"
    client ping -q -c 3 -i 0.02 -W 2 -M do -s 8972 $SERVER_IP >/dev/null || fail "no answer to ping"
    expect_file "$MEDIUM" 20m.bin
    expect_zero_copy $((20 << 20))
    serve_stop
}

# Behind a router: what left as 64 KiB is cut into segments and summed by the kernel, as our virtio-net
# header told it, and checked by a client whose interface offers no offload at all.
test_large_packets_of_a_tap_are_cut_and_summed() {
    local address
    net_veth
    serve_on tap:hw0 "$MEDIUM" --address $SERVER_IP6/64 --gateway $CLIENT_IP --gateway $CLIENT_IP6
    ip -n "$SERVER_NS" addr add $CLIENT_IP/24 dev hw0
    ip -n "$SERVER_NS" addr add 10.73.0.1/24 dev sv
    ipv6_up "$SERVER_NS" hw0 $CLIENT_IP6/64
    ipv6_up "$SERVER_NS" sv fd00:73::1/64
    ip netns exec "$SERVER_NS" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    ip -n "$CLIENT_NS" addr flush dev cl
    ip -n "$CLIENT_NS" addr add 10.73.0.2/24 dev cl
    ipv6_up "$CLIENT_NS" cl fd00:73::2/64
    ip -n "$CLIENT_NS" route add default via 10.73.0.1
    ip -n "$CLIENT_NS" -6 route add default via fd00:73::1
    for address in $SERVER_IP "[$SERVER_IP6]"; do
        fetch -o "$T/got" "http://$address/20m.bin" || fail "curl $address: exit code $?"
        expect_same "$MEDIUM/20m.bin" "$T/got"
    done
    # More segments came than packets left: it was the kernel that cut them.
    [ "$(client cat /sys/class/net/cl/statistics/rx_packets)" -gt $((3 * $(counter tx_packets))) ] ||
        fail "$(counter tx_packets) packets left, $(client cat /sys/class/net/cl/statistics/rx_packets) came"
    expect_eq "wrong checksums" 0 "$(client nstat -asz TcpInCsumErrors | awk '$1 == "TcpInCsumErrors" { print $2 }')"
    serve_stop
}

# The larger MTU of a client must not make us send more than our own; nor must a smaller one of its
# be exceeded.
test_mtus_that_differ() {
    local client_mtu
    serve_direct "$MEDIUM" --mtu 600
    for client_mtu in 1500 600 576; do
        ip -n "$SERVER_NS" link set hw0 mtu $client_mtu
        expect_file "$MEDIUM" 20m.bin
    done
    expect_zero_copy $((3 * 20 << 20))
    serve_stop
}
