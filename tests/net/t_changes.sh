# SPDX-License-Identifier: BSD-3-Clause
# Files that change while they are served.

# A root of the test's own; serve_changing OPTIONS...
serve_changing() {
    ROOT=$T/root
    mkdir -p "$ROOT/d/e"
    head -c 30000000 /dev/urandom >"$ROOT/large"
    echo first >"$ROOT/d/a"
    echo deep >"$ROOT/d/e/b"
    printf '0 %s\n' "$(sha256sum </dev/null | cut -d ' ' -f 1)" >"$ROOT/changing"
    serve_direct "$ROOT" "$@"
}

status_is() { # status path
    [ "$(fetch -o /dev/null -w '%{http_code}' "$URL/$2")" = "$1" ]
}

body_is() { # text path
    [ "$(fetch "$URL/$2")" = "$1" ]
}

test_files_are_added_changed_moved_and_removed() {
    serve_changing
    body_is first d/a || fail "before any change"
    echo second >"$ROOT/d/a"
    wait_for 10 body_is second d/a || fail "a change is not served"
    echo new >"$ROOT/d/new"
    wait_for 10 body_is new d/new || fail "a new file is not served"
    mv "$ROOT/d" "$ROOT/moved"
    wait_for 10 status_is 404 d/a || fail "a directory that was moved away is still served"
    body_is second moved/a && body_is deep moved/e/b || fail "a directory that was moved is not served"
    status_is 301 moved/e || fail "a directory that was moved is no directory"
    rm "$ROOT/moved/a"
    wait_for 10 status_is 404 moved/a || fail "a removed file is still served"
    body_is new moved/new || fail "its neighbour is gone"
    serve_stop
}

pool_number() { # name
    "$HUGEWIRE" pool --json --pid "$SERVER" | sed -n "s/^  \"$1\": \([0-9]*\),*\$/\1/p"
}

pool_is() { # name value
    [ "$(pool_number "$1")" = "$2" ]
}

test_replaced_a_thousand_times_under_load() {
    local used
    serve_changing --cores 0,1
    used=$(pool_number used_bytes)
    client "$HERE/replace.py" "$ROOT/changing" $URL/changing 1000 4 || fail "see above"
    # Memory is what it was: the changing file alone has another size.
    printf '0\n' >"$ROOT/changing"
    wait_for 20 pool_is used_bytes "$used" || fail "memory is left taken: $("$HUGEWIRE" pool --pid "$SERVER")"
    wait_for 20 pool_is retired_files 0 || fail "files are left"
    "$HUGEWIRE" pool --pid "$SERVER" || fail "hugewire pool"
    expect_same "$ROOT/large" <(fetch $URL/large)
    serve_stop
}

test_a_slow_download_ends_with_the_content_it_began_with() {
    local pid
    serve_changing
    cp "$ROOT/large" "$T/before"
    fetch_exec --limit-rate 10M -o "$T/got" $URL/large &
    pid=$!
    wait_for 10 [ -s "$T/got" ] || fail "transfer does not begin"
    head -c 2000000 /dev/urandom >"$T/new"
    mv "$T/new" "$ROOT/large"
    rm "$ROOT/d/a"
    "$HUGEWIRE" reload --pid "$SERVER" || fail "reload"
    kill -0 $pid 2>/dev/null || fail "the transfer was over too soon to prove anything"
    expect_same "$ROOT/large" <(fetch $URL/large)
    status_is 404 d/a || fail "a removed file is served after a reload"
    wait $pid || fail "the transfer under way was cut: curl's exit code $?"
    expect_same "$T/before" "$T/got"
    serve_stop
}

test_sighup_looks_through_root() {
    serve_changing
    echo again >"$ROOT/d/a"
    kill -HUP "$SERVER"
    wait_for 10 grep -q "all of ROOT looked at" "$T/server.log" || fail "SIGHUP is not heard"
    wait_for 10 body_is again d/a || fail "a change is not served"
    serve_stop
}
