# SPDX-License-Identifier: BSD-3-Clause
# What is legal and seldom: very many files, every cut of head and body, HEAD on everything, long lines.

test_100000_files_in_one_directory() {
    mkdir "$T/root" "$T/got"
    (cd "$T/root" && seq -w 100000 | split -l 1 -a 5 -d - f) || fail "split"
    serve_direct "$T/root"
    grep -o '[0-9,]* files, [^;]*' "$T/server.log"
    # Every 97th, on one connection.
    fetch -o "$T/got/f#1" "$URL/f[00000-99999:97]" || fail "curl: exit code $?"
    for path in "$T"/got/f*; do expect_same "$T/root/${path##*/}" "$path"; done
    expect_eq "files fetched" 1031 "$(ls "$T/got" | wc -l)"
    expect_eq "one too many" 404 "$(status_of $URL/f100000)"
    rm -r "$T/got"
    serve_stop
}

test_every_cut_of_head_and_body() {
    serve_direct "$FIXTURES/small"
    py sweep $SERVER_IP "$FIXTURES/small" size-65537 3200
    serve_stop
}

test_head_of_everything() {
    serve_direct "$FIXTURES/small"
    # The symlinks that lead elsewhere are not served.
    mkdir "$T/root"
    cp "$FIXTURES"/small/size-* "$T/root"
    py heads $SERVER_IP "$T/root"
    serve_stop
}

# Up to the limits of docs/CONFIGURATION.md, and one byte or field beyond.
test_limits_to_the_byte() {
    serve_direct "$FIXTURES/site"
    py limits $SERVER_IP page.html $((8 << 10)) $((32 << 10)) 100
    serve_stop
}
