# SPDX-License-Identifier: BSD-3-Clause
# What clients get: whole files, parts of them, many at once, and the other statuses.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium
LARGE=$FIXTURES/large

# --- whole files -----------------------------------------------------------------------------------

test_sizes() {
    local path
    serve_direct "$SMALL"
    for path in "$SMALL"/size-*; do
        expect_file "$SMALL" "$(basename "$path")"
    done
    serve_stop
}

test_100_mib() {
    serve_direct "$MEDIUM"
    expect_file "$MEDIUM" 100m.bin
    expect_zero_copy $((100 << 20))
    serve_stop
}

test_1_gib_is_not_copied() {
    local want got
    serve_direct "$LARGE"
    want=$(sha256sum <"$LARGE/1g.bin")
    got=$(fetch $URL/1g.bin | sha256sum)
    expect_eq SHA-256 "$want" "$got"
    expect_zero_copy $((1 << 30))
    serve_stop
}

test_10000_files_and_odd_names() {
    serve_direct "$FIXTURES/odd"
    py tree $SERVER_IP "$FIXTURES/odd"
    # Names are compared as they are: a quoted percent sign is no quoting.
    expect_eq "/%41 is not A" 404 "$(status_of "$URL/%41%20is%20not%20A")"
    expect_eq "/%2541 is not A" 200 "$(status_of "$URL/%2541%20is%20not%20A")"
    serve_stop
}

# --- parts -----------------------------------------------------------------------------------------

test_ranges() {
    local size=$(((5 << 20) + 12345)) case range first length
    local file=$SMALL/size-$size
    serve_direct "$SMALL"
    # range as asked for | first byte | bytes
    for case in "0-0|0|1" "0-99|0|100" "1-1448|1|1448" "1447-1449|1447|3" "65535-65536|65535|2" \
        "1000000-2999999|1000000|2000000" "5000000-|5000000|$((size - 5000000))" \
        "$((size - 1))-|$((size - 1))|1" "-1|$((size - 1))|1" "-4096|$((size - 4096))|4096" \
        "-99999999|0|$size" "100-99999999|100|$((size - 100))" "2097151-2097152|2097151|2"; do
        IFS='|' read -r range first length <<<"$case"
        expect_eq "status of range $range" 206 \
            "$(fetch -r "$range" -D "$T/head" -o "$T/got" -w '%{http_code}' "$URL/size-$size")"
        tail -c +$((first + 1)) "$file" | head -c "$length" >"$T/want"
        expect_same "$T/want" "$T/got"
        grep -qi "^content-range: bytes $first-$((first + length - 1))/$size.\$" "$T/head" ||
            fail "range $range: $(grep -i content-range "$T/head")"
    done
    for range in "$size-" "99999999-" "-0"; do
        expect_eq "status of range $range" 416 \
            "$(fetch -H "Range: bytes=$range" -D "$T/head" -o /dev/null -w '%{http_code}' \
                "$URL/size-$size")"
        grep -qi "^content-range: bytes \*/$size" "$T/head" || fail "416 without the file's size"
    done
    # A unit that is not known is ignored (RFC 9110 section 14.2).
    expect_eq "unknown unit" 200 "$(status_of -H 'Range: lines=1-3' "$URL/size-100")"
    serve_stop
}

test_resume_after_interruption() {
    serve_direct "$MEDIUM"
    head -c 12345678 "$MEDIUM/20m.bin" >"$T/got"
    fetch -C - -o "$T/got" $URL/20m.bin || fail "curl -C -"
    expect_same "$MEDIUM/20m.bin" "$T/got"
    serve_stop
}

test_head_and_fields() {
    local head
    serve_direct "$SMALL"
    head=$(fetch -I $URL/page.html)
    expect_match "status line" '^HTTP/1.1 200 OK' "$head"
    for field in "Content-Length: $(stat -c %s "$SMALL/page.html")" 'Content-Type: text/html' 'Accept-Ranges: bytes' \
        'Last-Modified: [A-Z][a-z][a-z], [0-9 ]* .* GMT' 'ETag: "' \
        'Date: [A-Z][a-z][a-z], [0-9 ]* .* GMT'; do
        grep -Eqi "^$field" <<<"$head" || fail "HEAD: no field /$field/ in: $head"
    done
    # The same fields with GET and HEAD (RFC 9110 section 9.3.2), Date aside.
    fetch -o /dev/null -D "$T/get" $URL/page.html
    expect_eq "fields of GET and HEAD" "$(grep -vi ^date: "$T/get")" "$(grep -vi ^date: <<<"$head")"
    # A body behind HEAD would be taken for the next response's head.
    fetch -I $URL/size-65536 $URL/size-1 | grep -c '^HTTP/1.1 200' | grep -qx 2 || fail "two HEADs"
    serve_stop
}

# --- connections -----------------------------------------------------------------------------------

test_keep_alive() {
    serve_direct "$SMALL"
    fetch -v -o "$T/got1" $URL/size-1448 -o "$T/got2" $URL/size-1048577 -o "$T/got3" $URL/size-0 \
        -o "$T/got4" $URL/missing -o "$T/got5" $URL/size-65535 2>"$T/trace" || fail "curl"
    expect_eq "connections re-used" 4 "$(grep -c 'Re-using existing connection' "$T/trace")"
    expect_same "$SMALL/size-1448" "$T/got1"
    expect_same "$SMALL/size-1048577" "$T/got2"
    expect_same "$SMALL/size-65535" "$T/got5"
    serve_stop
}

test_connection_close_and_http_1_0() {
    serve_direct "$SMALL"
    fetch -H 'Connection: close' -D "$T/head" -o "$T/got" $URL/size-65536 || fail "curl"
    grep -qi '^connection: close' "$T/head" || fail "the server does not say that it closes"
    expect_same "$SMALL/size-65536" "$T/got"
    expect_file "$SMALL" size-1048577 --http1.0
    serve_stop
}

test_100_parallel() {
    local i urls=()
    serve_direct "$MEDIUM"
    for i in $(seq 100); do urls+=(-o "$T/got$i" "$URL/20m.bin?$i"); done
    fetch --parallel --parallel-immediate --parallel-max 100 "${urls[@]}" || fail "curl --parallel"
    for i in $(seq 100); do
        expect_same "$MEDIUM/20m.bin" "$T/got$i"
        rm "$T/got$i"
    done
    expect_zero_copy $((100 * 20 << 20))
    serve_stop
}

test_500_connections_at_once() {
    serve_direct "$SMALL"
    py crowd $SERVER_IP "$SMALL" size-4097 500
    serve_stop
}

test_pipelining() {
    serve_direct "$SMALL"
    py pipeline $SERVER_IP "$SMALL" 200 size-0 size-1 size-1449 size-65537 size-100
    py pipeline $SERVER_IP "$SMALL" 12 size-1048577 size-1 size-2097152
    serve_stop
}

test_request_in_pieces_and_half_close() {
    serve_direct "$SMALL"
    py split $SERVER_IP "$SMALL" size-1048576
    serve_stop
}

test_wrk() {
    local name connections
    need wrk
    serve_direct "$SMALL"
    for name in size-1024 size-102400 size-1048576; do
        for connections in 1 64; do
            client timeout 60 wrk -t 1 -c $connections -d 3 --timeout 10 "$URL:80/$name" >"$T/wrk" ||
                fail "wrk: exit code $?"
            cat "$T/wrk"
            ! grep -E 'Socket errors|Non-2xx' "$T/wrk" || fail "wrk met errors"
            expect_match "requests" '[1-9][0-9]* requests in' "$(cat "$T/wrk")"
        done
    done
    serve_stop
}

# --- other statuses --------------------------------------------------------------------------------

test_not_modified() {
    local etag modified
    serve_direct "$SMALL"
    fetch -I -o "$T/head" $URL/size-4096
    etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/Ip' "$T/head")
    modified=$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/Ip' "$T/head")
    expect_eq "same ETag" 304 "$(status_of -H "If-None-Match: $etag" $URL/size-4096)"
    expect_eq "list of ETags" 304 "$(status_of -H "If-None-Match: \"x\", $etag" $URL/size-4096)"
    expect_eq "any ETag" 304 "$(status_of -H 'If-None-Match: *' $URL/size-4096)"
    expect_eq "other ETag" 200 "$(status_of -H 'If-None-Match: "other"' $URL/size-4096)"
    expect_eq "same date" 304 "$(status_of -H "If-Modified-Since: $modified" $URL/size-4096)"
    expect_eq "old date" 200 \
        "$(status_of -H 'If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT' $URL/size-4096)"
    fetch --etag-save "$T/etag" -o /dev/null $URL/size-4096
    expect_eq "curl's revalidation" 304 "$(status_of --etag-compare "$T/etag" $URL/size-4096)"
    serve_stop
}

test_statuses() {
    local case method path want
    serve_direct "$SMALL"
    # method | path | status
    for case in "GET|/|404" "GET|/missing|404" "GET|/dir|301" "GET|/dir/|404" "GET|/site|301" \
        "GET|/site/|200" "GET|/site/index.html|200" "GET|/size-1/|404" "GET|/page.html?a=b|200" \
        "POST|/page.html|405" "PUT|/new|405" "DELETE|/page.html|405" "GET|/link-inside|200" \
        "GET|/link-outside|404" "GET|/link-absolute|404" "GET|/link-directory/passwd|404" \
        "GET|/link-dangling|404" "GET|/$(printf 'a%.0s' {1..20000})|414"; do
        IFS='|' read -r method path want <<<"$case"
        expect_eq "$method ${path:0:60}" "$want" "$(status_of -X "$method" "$URL$path")"
    done
    expect_match "location of /site" '/site/$' \
        "$(fetch -o /dev/null -w '%{redirect_url}' $URL/site)"
    expect_match "field Allow" 'Allow: .*GET' "$(fetch -X POST -D - -o /dev/null $URL/page.html)"
    expect_eq "fields too long" 431 \
        "$(status_of -H "X: $(printf 'a%.0s' {1..60000})" $URL/page.html)"
    expect_file "$SMALL" site/index.html
    expect_same "$SMALL/site/index.html" <(fetch $URL/site/)
    serve_stop
}

# Requests as no decent client writes them; whatever the status, nothing outside of ROOT may come back.
test_no_way_out_of_root() {
    local path get
    serve_direct "$SMALL"
    for path in '/../outside-secret' '/dir/../../outside-secret' '/./../outside-secret' \
        '/%2e%2e/outside-secret' '/%2E%2E%2Foutside-secret' '/..%2foutside-secret' \
        '/dir/%2e%2e/%2e%2e/outside-secret' '//../outside-secret' '/%252e%252e/outside-secret' \
        '/..%00/outside-secret' '/..;/outside-secret' '/%c0%ae%c0%ae/outside-secret' \
        '/..\\\\outside-secret' '/link-outside' '/link-directory/passwd' '//etc/passwd' '/%2fetc/passwd'; do
        py raw $SERVER_IP "GET $path HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" 400 404 301
    done
    get='HTTP/1.1\r\nHost: x\r\n\r\n'
    py raw $SERVER_IP "GET ../outside-secret $get" 400 404
    py raw $SERVER_IP "GET http://x/../outside-secret $get" 400 404
    py raw $SERVER_IP "GET file:///etc/passwd $get" 400 404
    serve_stop
}

test_bad_requests() {
    serve_direct "$SMALL"
    py raw $SERVER_IP 'nonsense\r\n\r\n' 400
    py raw $SERVER_IP 'GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n' 400
    py raw $SERVER_IP 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n' 400 404
    py raw $SERVER_IP 'GET / HTTP/1.1\r\n\r\n' 400
    py raw $SERVER_IP 'GET / HTTP/3.7\r\nHost: x\r\n\r\n' 400 505
    py raw $SERVER_IP 'BREW /page.html HTTP/1.1\r\nHost: x\r\n\r\n' 400 405 501
    py raw $SERVER_IP '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' 400
    py raw $SERVER_IP 'GET /page.html HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n' 400
    # And it serves on.
    expect_file "$SMALL" page.html
    serve_stop
}
