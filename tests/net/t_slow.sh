# SPDX-License-Identifier: BSD-3-Clause
# Clients that hold on to what they are given (slowhttptest), 300 at a time for 12 seconds, while another
# one wants files. All of it stays in the test's own namespace.

MEDIUM=$FIXTURES/medium
ATTACK_S=12
ATTACKERS=300

slow_server() {
    need slowhttptest
    printf 'timeouts:\n  header: 4s\n  body: 4s\n  write: 4s\n  idle: 4s\n  fin_wait_2: 4s\n' >"$T/config.yaml"
    serve_direct "$MEDIUM" --config "$T/config.yaml"
}

# Connections that hold anything but a place in TIME-WAIT.
connections_held() {
    local report
    report=$(counters)
    awk '$1 == "tcp_open_passive" || $1 == "tcp_cookie_accepted" { n += $2 }
        /^tcp_close_/ { n -= $2 } END { print n }' <<<"$report"
}

all_released() { [ "$(connections_held)" = 0 ]; }

slowhttp() { # options: an attack by slowhttptest
    client timeout 30 slowhttptest -c $ATTACKERS -r 200 -l $ATTACK_S -p 5 -v 1 "$@" |
        sed 's/\x1b\[[0-9;]*m//g' >"$T/attack"
}

drip() { client timeout 30 "$HERE/client.py" drip $SERVER_IP $ATTACKERS $ATTACK_S >"$T/attack" 2>&1; }

# attack COUNTER HELD COMMAND...: that the counter rises says that it was met; two seconds after it began
# at least HELD connections are held
attack() {
    local counted=$1 held=$2 before rise resident attacker
    shift 2
    resident=$(resident_kb)
    before=$(counter "$counted")
    py measure $SERVER_IP "$MEDIUM" 1k.bin 20m.bin 2
    "$@" &
    attacker=$!
    sleep 2
    [ "$(connections_held)" -ge "$held" ] || fail "no attack: $(connections_held) connections"
    py measure $SERVER_IP "$MEDIUM" 1k.bin 20m.bin 6
    wait $attacker
    tail -n 14 "$T/attack"
    wait_for 15 all_released || fail "$(connections_held) connections are still held"
    rise=$(($(counter "$counted") - before))
    echo "$counted: $rise; resident: $resident KiB before, $(resident_kb) KiB after"
    [ $rise -ge $((ATTACKERS / 2)) ] || fail "$counted rose by $rise only"
    [ $(($(resident_kb) - resident)) -lt 1024 ] || fail "memory grew from $resident to $(resident_kb) KiB"
}

test_slow_headers() {
    slow_server
    attack http_timeout_header 100 slowhttp -H -i 1 -t GET -u $URL/1k.bin
    serve_stop
}

# slowhttptest goes away when the answer comes, which does not wait for the body; so others drip besides.
test_slow_bodies() {
    slow_server
    attack http_4xx 0 slowhttp -B -i 1 -s 8192 -u $URL/1k.bin
    attack http_timeout_body 100 drip
    serve_stop
}

# A window of some bytes, of which nothing is read for longer than the write time-out.
test_slow_readers() {
    slow_server
    attack http_timeout_write 100 slowhttp -X -w 8 -y 16 -z 4 -n 9 -k 2 -u $URL/20m.bin
    serve_stop
}

# A Range of two thousand parts that overlap ("Apache killer") costs no more than the file.
test_range_attack() {
    slow_server
    attack http_2xx 0 slowhttp -R -t GET -a 5 -b 2000 -u $URL/1k.bin
    serve_stop
}
