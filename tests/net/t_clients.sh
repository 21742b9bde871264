# SPDX-License-Identifier: BSD-3-Clause
# Programs that people fetch files with, each as it comes from Debian, and every byte compared.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium
LARGE=$FIXTURES/large
SITE=$FIXTURES/site
WGET="wget -q --no-proxy --timeout=30 --tries=1"

bounded() { # command...: in the client's namespace, for two minutes at most
    client timeout 120 "$@"
}

# --- curl ------------------------------------------------------------------------------------------

test_curl_in_every_manner() {
    local path i urls=()
    serve_direct "$MEDIUM"
    for path in 1k.bin 20m.bin; do
        expect_file "$MEDIUM" $path --http1.0
        expect_file "$MEDIUM" $path --http1.1 --compressed
        expect_file "$MEDIUM" $path --tr-encoding
        expect_file "$MEDIUM" $path -H 'Connection: close'
        expect_file "$MEDIUM" $path --limit-rate 50M
        expect_file "$MEDIUM" $path --tcp-fastopen
        expect_file "$MEDIUM" $path --request-target "http://elsewhere/$path"
    done
    # Eight transfers at once, then the same files once more on kept connections.
    for i in 1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8; do urls+=(-o "$T/got$i" "$URL/20m.bin?$i"); done
    fetch -Z --parallel-max 8 "${urls[@]}" || fail "curl -Z"
    for i in 1 2 3 4 5 6 7 8; do expect_same "$MEDIUM/20m.bin" "$T/got$i"; done
    expect_eq "aborted connections" 0 "$(counter tcp_close_aborted)"
    serve_stop
}

# Cut off at every kind of place, taken up again, to the last byte and when there is nothing left.
test_curl_resumes() {
    local size
    serve_direct "$MEDIUM"
    for size in 0 1 1448 65536 20971519 20971520; do
        head -c $size "$MEDIUM/20m.bin" >"$T/got"
        fetch -C - -o "$T/got" $URL/20m.bin || fail "curl -C - at $size: exit code $?"
        expect_same "$MEDIUM/20m.bin" "$T/got"
    done
    serve_stop
}

# A sibling made beforehand is what travels; what the client keeps is the file.
test_curl_compressed() {
    mkdir "$T/root"
    seq 200000 >"$T/root/numbers.txt"
    gzip -9k "$T/root/numbers.txt"
    serve_direct "$T/root"
    expect_file "$T/root" numbers.txt
    expect_eq "bytes without --compressed" "$(stat -c %s "$T/root/numbers.txt")" \
        "$(fetch -o "$T/got" -w '%{size_download}' $URL/numbers.txt)"
    expect_file "$T/root" numbers.txt --compressed
    expect_eq "bytes with --compressed" "$(stat -c %s "$T/root/numbers.txt.gz")" \
        "$(fetch --compressed -o "$T/got" -w '%{size_download}' $URL/numbers.txt)"
    # A range is of the form that travels.
    fetch -H 'Accept-Encoding: gzip' -r 0-99999 -o "$T/got" $URL/numbers.txt || fail "curl"
    fetch -H 'Accept-Encoding: gzip' -C - -o "$T/got" $URL/numbers.txt || fail "curl -C -"
    expect_same "$T/root/numbers.txt.gz" "$T/got"
    serve_stop
}

# --- wget ------------------------------------------------------------------------------------------

test_wget() {
    need wget
    serve_direct "$MEDIUM"
    bounded $WGET -O "$T/got" $URL/100m.bin || fail "wget: exit code $?"
    expect_same "$MEDIUM/100m.bin" "$T/got"
    mkdir "$T/w"
    head -c 12345678 "$MEDIUM/20m.bin" >"$T/w/20m.bin"
    bounded $WGET -c -P "$T/w" $URL/20m.bin || fail "wget -c: exit code $?"
    expect_same "$MEDIUM/20m.bin" "$T/w/20m.bin"
    # Complete already: the server says 416, and wget is content.
    bounded $WGET -c -P "$T/w" $URL/20m.bin || fail "wget -c of a complete file: exit code $?"
    expect_same "$MEDIUM/20m.bin" "$T/w/20m.bin"
    # By date: wget takes over the server's, so nothing is new.
    expect_eq "date of the copy" "$(stat -c %Y "$MEDIUM/20m.bin")" "$(stat -c %Y "$T/w/20m.bin")"
    bounded wget --no-proxy -S -N -P "$T/w" $URL/20m.bin 2>"$T/log" || fail "wget -N"
    grep -q '304 Not Modified' "$T/log" || fail "wget -N: no 304 in: $(cat "$T/log")"
    serve_stop
}

# --- aria2 -----------------------------------------------------------------------------------------

aria2() { # file options...: to $T/a
    local file=$1
    shift
    bounded aria2c -q --no-conf --all-proxy= --file-allocation=none --timeout=30 --max-tries=1 \
        --dir "$T/a" --out "$file" "$@" "$URL/$file" || fail "aria2c $*: exit code $?"
}

test_aria2_fetches_ranges_in_parallel() {
    local before
    need aria2c
    serve_direct "$LARGE"
    before=$(counter http_2xx)
    aria2 200m.bin -x8 -s8 -k1M
    [ $(($(counter http_2xx) - before)) -ge 8 ] || fail "aria2 did not fetch eight parts"
    expect_same "$LARGE/200m.bin" "$T/a/200m.bin"
    # The checksum is the client's own.
    rm "$T/a/200m.bin"
    aria2 200m.bin -x16 -s16 -k1M --checksum=sha-256="$(sha256sum <"$LARGE/200m.bin" | cut -d' ' -f1)"
    rm -r "$T/a"
    expect_zero_copy $((400 << 20))
    serve_stop
}

# Killed in the middle; its control file says which parts are there.
test_aria2_resumes() {
    local pid
    need aria2c
    serve_direct "$LARGE"
    ip netns exec "$CLIENT_NS" timeout 60 aria2c -q --no-conf --all-proxy= --file-allocation=none \
        --max-overall-download-limit=40M -x4 -s4 -k1M --dir "$T/a" --out 200m.bin $URL/200m.bin &
    pid=$!
    wait_for 20 eval '[ "$(du -k "$T/a" | cut -f1)" -gt 20000 ]' || fail "aria2 does not begin"
    kill -TERM $pid
    wait $pid && fail "aria2 was through too soon to prove anything"
    [ -e "$T/a/200m.bin.aria2" ] || fail "no control file"
    aria2 200m.bin -c -x4 -s4 -k1M
    expect_same "$LARGE/200m.bin" "$T/a/200m.bin"
    rm -r "$T/a"
    serve_stop
}

# --- ab --------------------------------------------------------------------------------------------

test_ab() {
    local options
    need ab
    serve_direct "$SMALL"
    for options in "-k -c 50 -n 20000" "-c 50 -n 5000" "-k -c 50 -n 20000 -i"; do
        bounded ab -q $options $URL/size-4096 >"$T/ab" || fail "ab $options: exit code $?"
        grep -E 'Complete requests|Failed|Non-2xx|Requests per second' "$T/ab"
        grep -q '^Failed requests: *0$' "$T/ab" || fail "ab $options: failed requests"
        ! grep -q 'Non-2xx' "$T/ab" || fail "ab $options: not all is 200"
    done
    serve_stop
}

# --- peculiar readers ------------------------------------------------------------------------------

test_slow_reader_and_others() {
    local slow
    serve_direct "$MEDIUM"
    ip netns exec "$CLIENT_NS" "$HERE/client.py" sip $SERVER_IP "$MEDIUM" 20m.bin 8 >"$T/slow" 2>&1 &
    slow=$!
    while kill -0 $slow 2>/dev/null; do expect_file "$MEDIUM" 20m.bin; done
    wait $slow || fail "slow reader: $(cat "$T/slow")"
    cat "$T/slow"
    serve_stop
}

test_half_close_before_the_answer() {
    serve_direct "$MEDIUM"
    py half_close $SERVER_IP "$MEDIUM" 100m.bin 1k.bin 20m.bin
    serve_stop
}

test_1000_keep_alive_connections() {
    serve_direct "$SMALL"
    py crowd $SERVER_IP "$SMALL" size-1448 1000
    py crowd $SERVER_IP "$SMALL" size-65537 1000
    serve_stop
}

test_thousands_of_pipelined_requests() {
    serve_direct "$SITE"
    py pipeline $SERVER_IP "$SITE" 5000 one.txt empty.txt page.html style.css
    serve_stop
}
