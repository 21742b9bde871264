# SPDX-License-Identifier: BSD-3-Clause
# Files that do not fit into the pool: more than a gigabyte of documents, a pool of 128 MiB.

SMALL=$FIXTURES/small
MEDIUM=$FIXTURES/medium
LARGE=$FIXTURES/large
STREAM_POOL="--pool 128M"

# Large and small files under one root: links to the fixtures.
stream_root() {
    mkdir -p "$T/root/small"
    ln "$LARGE/1g.bin" "$MEDIUM/100m.bin" "$MEDIUM/20m.bin" "$T/root/" || fail "ln"
    ln "$SMALL"/size-* "$T/root/small/" || fail "ln"
}

# Pages of the files that the page cache holds.
cached_pages() { # file...
    fincore -n -o PAGES "$@" | awk '{ n += $1 } END { print n + 0 }'
}

uncache() { # file...
    local file
    sync "$@"
    for file; do dd if="$file" iflag=nocache count=0 status=none; done
}

stream_serve() { # options...
    stream_root
    serve_direct "$T/root" $STREAM_POOL "$@"
    grep -Eq ' are streamed through [0-9.]+ MiB of it' "$T/server.log" || fail "nothing is streamed"
}

# --- bytes -----------------------------------------------------------------------------------------

test_streamed_files_are_exact_and_leave_no_trace_in_the_page_cache() {
    local file before
    need fincore
    stream_root
    uncache "$T"/root/*.bin
    before=$(cached_pages "$T"/root/*.bin)
    serve_direct "$T/root" $STREAM_POOL
    fetch $URL/100m.bin | sha256sum >"$T/sum.100m.bin" || fail "curl 100m.bin"
    fetch -r 0-268435455 $URL/1g.bin | sha256sum >"$T/sum.1g.bin" || fail "curl 1g.bin"
    [ "$(cached_pages "$T"/root/*.bin)" -le "$before" ] ||
        fail "the page cache grew from $before to $(cached_pages "$T"/root/*.bin) pages"
    for file in 1g.bin 100m.bin; do
        expect_eq "SHA-256 of $file" "$(head -c 268435456 "$T/root/$file" | sha256sum)" \
            "$(cat "$T/sum.$file")"
    done
    expect_zero_copy $(((256 << 20) + (100 << 20)))
    [ "$(counter stream_evicted)" -gt 500 ] || fail "no chunk was evicted: the cache is too large"
    serve_stop
}

test_ranges_of_streamed_files() {
    local range first last
    stream_serve
    # Chunks are of 256 KiB.
    for range in 0-0 262143-262144 262144-262144 1000000-2999999 104857599-104857599 0-99 \
        52428800-78643199; do
        first=${range%-*} last=${range#*-}
        expect_eq "status of range $range" 206 \
            "$(fetch -r $range -o "$T/got" -w '%{http_code}' $URL/100m.bin)"
        tail -c +$((first + 1)) "$T/root/100m.bin" | head -c $((last - first + 1)) >"$T/want"
        expect_same "$T/want" "$T/got"
    done
    head -c 12345678 "$T/root/20m.bin" >"$T/got"
    fetch -C - -o "$T/got" $URL/20m.bin || fail "curl -C -"
    expect_same "$T/root/20m.bin" "$T/got"
    serve_stop
}

# A multipart body of these ranges (RFC 9110 section 14.6), with the boundary of the head in $T/head.
multipart_of() { # file range...
    local file=$1 range size boundary
    shift
    size=$(stat -c %s "$file")
    boundary=$(sed -n 's/\r$//; s/^Content-Type: multipart\/byteranges; boundary=//p' "$T/head")
    [ -n "$boundary" ] || fail "no boundary"
    for range; do
        printf '\r\n--%s\r\nContent-Type: application/octet-stream\r\n' "$boundary"
        printf 'Content-Range: bytes %s/%s\r\n\r\n' "$range" "$size"
        tail -c +$((${range%-*} + 1)) "$file" | head -c $((${range#*-} - ${range%-*} + 1))
    done
    printf '\r\n--%s--\r\n' "$boundary"
}

test_several_ranges_of_streamed_files() {
    local bytes=104857600 etag range
    stream_serve
    for range in 0-9,300000-300009 52428800-78643199,262143-262144,5-262140 \
        10000000-19999999,0-0,20000001-40000000,104857599-104857599; do
        expect_eq "status of ranges $range" 206 \
            "$(fetch -r $range -D "$T/head" -o "$T/got" -w '%{http_code}' $URL/100m.bin)"
        multipart_of "$T/root/100m.bin" ${range//,/ } >"$T/want"
        expect_same "$T/want" "$T/got"
    done
    # From the end, and to it.
    expect_eq "status" 206 \
        "$(fetch -r -5,104857590-104857592,90000000-100000000 -D "$T/head" -o "$T/got" \
            -w '%{http_code}' $URL/100m.bin)"
    multipart_of "$T/root/100m.bin" $((bytes - 5))-$((bytes - 1)) 104857590-104857592 \
        90000000-100000000 >"$T/want"
    expect_same "$T/want" "$T/got"
    etag=$(sed -n 's/\r$//; s/^ETag: //p' "$T/head")
    expect_eq "If-Range, the same version" 206 "$(status_of -r 0-9,20-29 -H "If-Range: $etag" $URL/100m.bin)"
    expect_eq "If-Range, another version" 200 "$(status_of -r 0-9,20-29 -H 'If-Range: "x"' $URL/100m.bin)"
    expect_zero_copy $((26 << 20))
    serve_stop
}

# 32 clients at different places of the large file, so that what one needs pushes out what another
# will; between them resident files, none of which may wait for a disk.
test_32_clients_thrash_the_cache() {
    local i pids=() pid
    stream_serve
    for i in $(seq 32); do
        fetch_exec -r $(((i - 1) << 25))-$(((i << 25) - 1)) -o "$T/got.$i" $URL/1g.bin &
        pids+=($!)
    done
    for i in 1 2 3 4 5; do
        expect_file "$T/root" small/size-65536 --max-time 20
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "a client: exit code $?"; done
    for i in $(seq 32); do
        tail -c +$((((i - 1) << 25) + 1)) "$T/root/1g.bin" | cmp -n $((1 << 25)) - "$T/got.$i" ||
            fail "client $i got wrong bytes"
        expect_eq "bytes of client $i" $((1 << 25)) "$(stat -c %s "$T/got.$i")"
    done
    expect_zero_copy $((1 << 30))
    serve_stop
}

test_streamed_files_through_a_lossy_network() {
    stream_root
    net_bridged
    printf 'pool:\n  size: 64M\n  stream_cache: 60M\n' >"$T/config.yaml"
    serve_on $TAP_PACKETS "$T/root" --config "$T/config.yaml"
    net_bridged_up --loss 1 --delay 2
    expect_file "$T/root" 20m.bin
    [ "$(counter tcp_retransmit)" -gt 0 ] || fail "nothing was lost"
    [ "$(counter stream_miss)" -gt 0 ] || fail "nothing was streamed"
    serve_stop
    bridge_stop
}

# How often the streamer's thread went to sleep by itself, ever.
streamer_sleeps() {
    local task
    for task in /proc/"$SERVER"/task/*; do
        [ "$(cat "$task/comm")" != hw-streamer ] ||
            awk '$1 == "voluntary_ctxt_switches:" { print $2 }' "$task/status"
    done
}

test_the_streamer_sleeps_while_nobody_asks() {
    local before after
    stream_serve
    expect_file "$T/root" 20m.bin
    sleep 0.5
    before=$(streamer_sleeps)
    sleep 2
    after=$(streamer_sleeps)
    [ -n "$before" ] || fail "there is no streamer's thread"
    [ $((after - before)) -le 2 ] || fail "it woke up $((after - before)) times in 2 seconds"
    fetch -r 1000000-30000000 -o "$T/got" $URL/100m.bin || fail "nobody wakes it"
    tail -c +1000001 "$T/root/100m.bin" | cmp -n 29000001 - "$T/got" || fail "wrong bytes"
    serve_stop
}

# --- which files -----------------------------------------------------------------------------------

test_pinned_files_lie_in_the_pool() {
    stream_root
    cat >"$T/config.yaml" <<END
pool:
  size: 128M
  stream_cache: 16M
  pinned: [nothing, "100m.*"]
END
    serve_direct "$T/root" --config "$T/config.yaml"
    expect_file "$T/root" 100m.bin
    expect_eq "chunks read" 0 "$(counter stream_miss)"
    expect_file "$T/root" 20m.bin # would lie in the pool if the other did not have to
    expect_eq "chunks read" 80 "$(counter stream_miss)"
    serve_stop
    sed -i 's/100m/1g/' "$T/config.yaml"
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --config "$T/config.yaml" "$T/root" >"$T/log" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "error" 'pool.pinned need .* raise --pool' "$(cat "$T/log")"
}

# --- errors ----------------------------------------------------------------------------------------

test_a_streamed_file_that_changes_is_never_mixed() {
    stream_root
    cp "$MEDIUM/100m.bin" "$T/root/changing.bin"
    serve_direct "$T/root" $STREAM_POOL
    fetch --limit-rate 20M -o "$T/got" $URL/changing.bin 2>"$T/curl.log" &
    wait_for 20 test -s "$T/got" || fail "nothing arrives"
    head -c 100000000 /dev/zero | dd of="$T/root/changing.bin" bs=1M conv=notrunc status=none
    wait $! && fail "the whole file was sent though it had changed"
    [ -s "$T/got" ] || fail "nothing was sent"
    cmp -n "$(stat -c %s "$T/got")" "$MEDIUM/100m.bin" "$T/got" || fail "two versions were mixed"
    grep -q 'no longer served: changing.bin: it has changed' "$T/server.log" || fail "nothing was logged"
    # The new state has its own number once the change was followed.
    wait_for 30 eval '[ "$(status_of $URL/changing.bin)" = 200 ]' || fail "the new state is not served"
    expect_file "$T/root" changing.bin
    expect_file "$T/root" 20m.bin
    serve_stop
}

# A disk that reads half of a file and then fails: an image behind a loop device, cut short.
failing_disk() {
    local first
    need mkfs.ext4 filefrag losetup
    truncate -s 128M "$T/image"
    mkfs.ext4 -q -F -b 4096 -m 0 "$T/image" || fail "mkfs.ext4"
    mkdir "$T/disk"
    mount -o loop "$T/image" "$T/disk" || skip "no loop device can be mounted"
    trap 'umount -l "$T/disk" 2>/dev/null; end_children' EXIT
    cp "$MEDIUM/20m.bin" "$T/disk/good.bin"
    head -c 20000000 "$MEDIUM/100m.bin" >"$T/disk/bad.bin"
    cp "$SMALL/size-65536" "$T/disk/small"
    sync -f "$T/disk"
    first=$(filefrag -v "$T/disk/bad.bin" | awk '$1 == "0:" { print $4 + 0 }')
    [ "${first:-0}" -gt "$(filefrag -v "$T/disk/good.bin" | awk '$1 == "0:" { print $4 + 0 }')" ] ||
        skip "the file that is to fail does not lie behind the other"
    uncache "$T/disk/"*
    DISK_CUT=$(((first << 12) + (8 << 20)))
}

test_a_disk_that_fails() {
    local got
    failing_disk
    printf 'pool:\n  size: 24M\n  stream_cache: 16M\n' >"$T/config.yaml"
    serve_direct "$T/disk" --config "$T/config.yaml"
    truncate -s $DISK_CUT "$T/image"
    fetch -o "$T/got.bad" $URL/bad.bin 2>"$T/curl.log" && fail "all of bad.bin was sent"
    got=$(stat -c %s "$T/got.bad")
    [ "$got" -gt 1000000 ] || fail "only $got bytes came before the error"
    cmp -n "$got" "$MEDIUM/100m.bin" "$T/got.bad" || fail "wrong bytes"
    grep -q 'no longer served: bad.bin: Input/output error' "$T/server.log" || fail "no line in the log"
    expect_eq "the failed file's status" 503 "$(status_of $URL/bad.bin)"
    [ "$(counter stream_read_failed)" -gt 0 ] || fail "no read failed"
    fetch -o "$T/got" $URL/good.bin || fail "good.bin is not served any more"
    expect_same "$MEDIUM/20m.bin" "$T/got"
    fetch -o "$T/got" $URL/small || fail "a resident file is not served any more"
    expect_same "$SMALL/size-65536" "$T/got"
    serve_stop
    umount "$T/disk" || fail "umount"
}
