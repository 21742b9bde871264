# SPDX-License-Identifier: BSD-3-Clause
# What is said of the pool's memory, seen from outside.

serve_a_pool() { # options...
    ROOT=$T/root
    mkdir -p "$ROOT"
    head -c 40000000 /dev/urandom >"$ROOT/large"
    echo small >"$ROOT/small"
    serve_direct "$ROOT" --pool 64M "$@"
}

# A number of `hugewire pool --json`, of the whole pool, or of its node 0.
json_number() { # name [node]
    "$HUGEWIRE" pool --json --pid "$SERVER" |
        python3 -c 'import json, sys
pool = json.load(sys.stdin)
print((pool["nodes"][sys.argv[2]] if len(sys.argv) > 2 else pool)[sys.argv[1]])' "$@"
}

status_kib() { # field
    sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$SERVER/status"
}

test_pool_is_pinned_where_it_is() {
    local pinned
    [ -r "/proc/self/pagemap" ] || skip "this kernel has no /proc/PID/pagemap"
    serve_a_pool
    pinned=$(json_number pinned_bytes)
    [ "$pinned" -ge $((16 << 20)) ] || fail "only $pinned bytes are pinned"
    grep -q 'read one at a time' "$T/server.log" && skip "no io_uring here: nothing pins but devices"
    [ $(($(status_kib VmPin) << 10)) -ge "$pinned" ] || fail "VmPin is $(status_kib VmPin) KiB"
    [ $(($(status_kib HugetlbPages) << 10)) -ge "$pinned" ] || fail "these are no hugepages"
    "$PINNED" "$SERVER" >"$T/pinned" || fail "see above: $(cat "$T/pinned")"
    cat "$T/pinned"
    expect_eq "bytes that the CPU cannot write" "sealed_bytes $pinned" "$(grep sealed "$T/pinned")"
    expect_same "$ROOT/large" <(fetch $URL/large)
    serve_stop
}

test_pool_tells_of_each_node() {
    local pages
    serve_a_pool
    pages=$(($(json_number pages_1g 0) << 30 | $(json_number pages_2m 0) << 21))
    expect_eq "bytes of the pages" "$pages" "$(json_number pinned_bytes 0)"
    expect_eq "used and free" "$pages" $(($(json_number used_bytes 0) + $(json_number free_bytes 0)))
    [ "$(json_number used_bytes 0)" -ge 40000000 ] || fail "files take more than that"
    [ $(($(json_number iova_end 0) - $(json_number iova_first 0))) -ge "$pages" ] || fail "device addresses"
    expect_eq "nothing is retired" 0 "$(json_number retired_bytes 0)"
    fetch_exec --limit-rate 500K -o "$T/got" $URL/large &
    wait_for 10 [ -s "$T/got" ] || fail "transfer does not begin"
    rm "$ROOT/large"
    "$HUGEWIRE" reload --pid "$SERVER" || fail "reload"
    expect_eq "retired while it is sent" 40000000 "$(json_number retired_bytes 0)"
    kill $!
    "$HUGEWIRE" pool --pid "$SERVER" >"$T/text" || fail "hugewire pool"
    cat "$T/text"
    expect_match "node" $'^node  *0, distance 10\n' "$(cat "$T/text")"$'\n'
    serve_stop
}

test_pool_on_a_node_that_is_not_there() {
    mkdir -p "$T/root"
    printf 'pool: {nodes: [0, 1000]}\n' >"$T/conf"
    net_direct
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --config "$T/conf" --device tap:hw0 "$T/root" >"$T/log" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "what is wrong" "no NUMA node 1000" "$(cat "$T/log")"
}
