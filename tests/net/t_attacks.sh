# SPDX-License-Identifier: BSD-3-Clause
# What strangers send. All of it stays in the test's own namespace.

MEDIUM=$FIXTURES/medium

server_mac() { client ip neigh show $SERVER_IP | sed -n 's/.*lladdr \([^ ]*\).*/\1/p'; }

# 50,000 SYNs from hosts that do not exist, while a true client gets its file and others come.
test_syn_flood() {
    local before after flood fetched=0
    serve_direct "$MEDIUM"
    expect_file "$MEDIUM" 20m.bin
    before=$(resident_kb)
    client "$HERE/syn_flood.py" hw0 $SERVER_IP "$(server_mac)" 50000 4000 >"$T/flood" 2>&1 &
    flood=$!
    sleep 1 # the backlog is full then
    while kill -0 $flood 2>/dev/null; do # new clients, which come in by a cookie
        expect_file "$MEDIUM" 1k.bin
        expect_file "$MEDIUM" 20m.bin
        fetched=$((fetched + 1))
    done
    wait $flood || fail "syn_flood.py: $(cat "$T/flood")"
    after=$(resident_kb)
    cat "$T/flood"
    echo "files fetched meanwhile: $fetched; cookies sent: $(counter tcp_cookie_sent)," \
        "accepted: $(counter tcp_cookie_accepted), half-open: $(counter tcp_open_passive);" \
        "resident: $before KiB before, $after KiB after"
    [ "$(counter tcp_cookie_sent)" -gt 10000 ] || fail "hardly any cookie was sent"
    [ "$(counter tcp_cookie_accepted)" -ge 1 ] || fail "no client came in by a cookie"
    [ $((after - before)) -lt 1024 ] || fail "memory grew from $before to $after KiB"
    expect_zero_copy $((40 << 20))
    serve_stop
}
