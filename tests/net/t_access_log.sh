# SPDX-License-Identifier: BSD-3-Clause
# The access log: a line for each request whatever happens to the file, and no request that waits for it.

SMALL=$FIXTURES/small

# The log's directory is the user's that the server becomes, so that it can make the file anew.
serve_logged() { # serve's options...
    chmod 711 "$T/.." && chown nobody "$T"
    serve_direct "$SMALL" "$@"
}

requests() { # first count
    py numbered $SERVER_IP size-1 "$1" "$2" 8
}

lines_above() { # count: in the log and its older files
    [ "$(cat "$T"/log "$T"/log.? 2>/dev/null | wc -l)" -ge "$1" ]
}

lines_are() { # file count
    [ "$(cat "$1" 2>/dev/null | wc -l)" = "$2" ]
}

# Each of the numbers 0..count-1 is in the lines of stdin exactly once.
expect_each_once() { # count
    sed -n 's/.*GET \/size-1?\([0-9]*\) HTTP\/1.1" 200 1 "-" "agent \1"$/\1/p' | sort -n >"$T/numbers"
    seq 0 $(($1 - 1)) | diff - "$T/numbers" >"$T/diff" ||
        fail "lines of the log and requests differ: $(head -n 5 "$T/diff")"
}

test_access_log_has_each_request_once_through_rotations() {
    local round
    serve_logged --access-log "$T/log"
    for round in 0 1 2 3 4 5; do
        (requests $((round * 500)) 500) >>"$T/rounds" &
    done
    for round in 1 2 3 4; do
        wait_for 60 lines_above $((round * 500)) || fail "no lines"
        mv "$T/log" "$T/log.$round"
        if [ $round -lt 3 ]; then
            kill -USR2 "$SERVER"
        else
            "$HUGEWIRE" reopen --pid "$SERVER" || fail "hugewire reopen: exit code $?"
        fi
        wait_for 10 test -e "$T/log" || fail "no new file after rotation $round"
    done
    wait_for 60 eval '[ "$(wc -l <"$T/rounds")" = 6 ]' || fail "requests: $(cat "$T/rounds")"
    py raw $SERVER_IP 'GET  / HTTP/1.1\r\n\r\n' 400
    serve_stop
    expect_eq "lines" 3001 "$(cat "$T"/log "$T"/log.? | wc -l)"
    cat "$T"/log "$T"/log.? | expect_each_once 3000
    expect_eq "malformed request" 1 "$(grep -c '"GET  / HTTP/1.1" 400 ' "$T/log")"
    expect_match "line" "^$CLIENT_IP - - \[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} [+-][0-9]{4}\] \"GET" \
        "$(head -n 1 "$T/log.1")"
    grep -q "^access_log_lines 3001$" "$T/server.log" || fail "access_log_lines is not 3001"
    grep -q "^access_log_dropped 0$" "$T/server.log" || fail "records were dropped"
}

test_access_log_in_json() {
    printf 'access_log:\n  path: "%s/log"\n  format: json\n' "$T" >"$T/config.yaml"
    serve_logged --config "$T/config.yaml"
    fetch -o /dev/null -A 'a "quoted" \ agent' -e "http://r/ü" $URL/size-100
    fetch -o /dev/null -r 0-9 $URL/size-100
    fetch -o /dev/null $URL/none
    wait_for 5 lines_are "$T/log" 3 || fail "log: $(cat "$T/log")"
    /usr/bin/python3 - "$T/log" <<'PY' || fail "log: $(cat "$T/log")"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert [(l["status"], l["target"], l["body_bytes"]) for l in lines[:2]] == [
    (200, "/size-100", 100), (206, "/size-100", 10)], lines
assert lines[2]["status"] == 404 and lines[2]["target"] == "/none"
assert lines[0]["user_agent"] == 'a "quoted" \\ agent' and lines[0]["referer"] == "http://r/ü"
assert all(l["complete"] and 0 <= l["seconds"] < 10 and l["host"] == "10.71.0.2" for l in lines)
PY
    serve_stop
}

# Nobody reads the pipe: once it, the thread's buffer and the ring are full, records are dropped; requests
# are answered as before, and the server ends as soon as it always does.
test_slow_log_delays_no_request() {
    local dropped lines lost
    mkfifo "$T/log"
    exec 8<>"$T/log"
    printf 'access_log:\n  path: "%s/log"\n  ring: 64\n' "$T" >"$T/config.yaml"
    serve_logged --config "$T/config.yaml"
    (requests 0 6000)
    dropped=$(counter access_log_dropped)
    [ "$dropped" -gt 0 ] || fail "nothing was dropped: the pipe held 6000 lines"
    expect_eq http_2xx 6000 "$(counter http_2xx)"
    serve_stop
    exec 8>&-
    lines=$(sed -n 's/^access_log_lines //p' "$T/server.log" | tail -n 1)
    lost=$(sed -n 's/^access_log_lost //p' "$T/server.log" | tail -n 1)
    echo "$lines lines, $dropped dropped, $lost lost"
    expect_eq "lines, dropped and lost" 6000 $((lines + dropped + lost))
}

test_full_disk_is_said_once() {
    serve_logged --access-log /dev/full
    requests 0 300
    sleep 0.2
    requests 300 300
    serve_stop
    expect_eq "times said" 1 "$(grep -c 'access log /dev/full: cannot be written: No space' "$T/server.log")"
    grep -q "^access_log_lost 600$" "$T/server.log" || fail "access_log_lost is not 600"
}

test_access_log_that_cannot_be_opened_is_refused() {
    net_direct
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --access-log "$T/no/such/log" "$SMALL" \
        >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" "access log .*/no/such/log: cannot be opened: No such file" "$(cat "$T/out")"
    "$HUGEWIRE" reopen --pid 1 >"$T/out" 2>&1
    expect_eq "exit code of reopen" 2 $?
    expect_match "message" "process 1 is no hugewire serve" "$(cat "$T/out")"
}
