# SPDX-License-Identifier: BSD-3-Clause
# A pool that outlives its server: pool.persist.

# A root of the test's own and a hugetlbfs for the pool.
warm_world() { # files bytes-of-each
    need python3
    ROOT=$T/root HUGE=$T/huge
    mkdir -p "$HUGE" "$ROOT/d/e"
    mount -t hugetlbfs -o pagesize=2M none "$HUGE" 2>/dev/null || skip "no hugetlbfs can be mounted"
    trap 'end_children; umount -l "$HUGE"' EXIT
    python3 -c '
import os, sys
root, files, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for i in range(files):
    folder = f"{root}/{i // 1000}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{i}", "wb") as file:
        file.write(os.urandom(i * 7919 % (2 * size)))' "$ROOT" "$1" "$2"
    echo first >"$ROOT/d/a"
    head -c 3000000 /dev/urandom >"$ROOT/d/large"
    : >"$ROOT/d/e/empty"
    FILES=$(($1 + 3))
    sleep 2.2 # what changed just before it is read is read again
    net_direct
}

serve_warm() { # options...
    serve_on tap:hw0 "$ROOT" --persist "$HUGE/pool" "$@"
    net_direct_up
}

# Without a chance to write anything down.
kill_server() {
    kill -KILL "$SERVER"
    wait "$SERVER" 2>/dev/null
    SERVER=
}

said() { # regex
    grep -qE "$1" "$T/server.log"
}

expect_said() { # regex
    said "$1" || fail "not in the log: $1"
}

# How many files the server found in the pool.
found() {
    sed -n 's/.*pool.persist: \([0-9]*\) of [0-9]* files .* were in .*/\1/p' "$T/server.log"
}

# All files below ROOT, by one connection, are what they are on disk.
expect_all() {
    local path
    rm -rf "$T/fetched"
    (cd "$ROOT" && find . -type f -printf '%P\n') | while read -r path; do
        printf 'url = "%s/%s"\noutput = "%s"\n' "$URL" "$path" "$T/fetched/$path"
    done >"$T/urls"
    fetch --create-dirs -K "$T/urls" || fail "curl: $?"
    diff -r "$ROOT" "$T/fetched" || fail "what is served is not what is on disk"
}

seconds_of() { # command...
    local start
    start=$(date +%s%N)
    "$@"
    SECONDS_TAKEN=$(awk -v ns=$(($(date +%s%N) - start)) 'BEGIN { printf "%.2f", ns / 1e9 }')
}

test_warm_start_after_a_kill() {
    warm_world 5000 20000
    seconds_of serve_warm
    echo "cold: $SECONDS_TAKEN s"
    expect_said 'cold start: .*/pool: it is new'
    expect_all
    kill_server
    seconds_of serve_warm
    echo "warm: $SECONDS_TAKEN s; $(grep 'were in' "$T/server.log")"
    expect_eq "files found in the pool" $FILES "$(found)"
    ! said 'cold start' || fail "a cold start"
    expect_all
    expect_eq "all of it stays read-only" 0 "$(rw_pool_mappings)"
    serve_stop
    serve_warm # after an orderly end as well
    expect_eq "files found in the pool" $FILES "$(found)"
    serve_stop
}

# Writable mappings of the pool, index (one page here) and sums (one page) aside.
rw_pool_mappings() {
    awk -v pool="$HUGE/pool" '$2 ~ /w/ && $6 == pool' "/proc/$SERVER/maps" | tail -n +3 | wc -l
}

test_warm_start_reads_what_changed() {
    warm_world 300 20000
    serve_warm
    expect_all
    kill_server
    echo other >"$ROOT/d/a"
    head -c 2000000 /dev/urandom >"$ROOT/d/new"
    rm "$ROOT/0/17"
    mv "$ROOT/0/18" "$ROOT/d/moved"
    cp -p "$ROOT/0/20" "$T/same-times"
    head -c "$(stat -c %s "$ROOT/0/20")" /dev/zero >"$ROOT/0/20"
    touch -r "$T/same-times" "$ROOT/0/20" # the change time alone tells
    serve_warm
    # Not found: a, 17, 20, and the one that moved, whose change time is new.
    expect_eq "files found in the pool" $((FILES - 4)) "$(found)"
    expect_all
    expect_eq "a removed file" 404 "$(status_of $URL/0/17)"
    serve_stop
}

test_warm_start_after_kills_amid_changes() {
    local round
    warm_world 200 30000
    for round in 1 2 3 4 5 6; do
        serve_warm
        [ $round = 1 ] || [ "$(found)" -ge 150 ] || fail "only $(found) files were found"
        expect_all
        python3 -c '
import os, random, sys, time
root, end = sys.argv[1], time.time() + 2
while time.time() < end: # half of them in place, half by rename
    name = f"{root}/0/{random.randrange(40)}"
    to = name if random.random() < .5 else f"{root}/.new"
    with open(to, "wb") as file:
        file.write(os.urandom(random.randrange(60000)))
    os.rename(to, name)' "$ROOT" &
        sleep "1.$((RANDOM % 900 + 100))"
        kill_server
        wait $!
    done
    serve_warm
    expect_all
    serve_stop
}

# Reads are under way, and files are half in.
test_warm_start_after_kills_while_it_loads() {
    local round
    warm_world 2000 30000
    for round in 1 2 3 4 5 6; do
        ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --device tap:hw0 --persist "$HUGE/pool" "$ROOT" \
            >"$T/server.log" 2>&1 &
        SERVER=$!
        wait_for 20 said 'pool.persist: .* were in' || fail "round $round: it does not start"
        sleep "0.0$((RANDOM % 9))"
        kill_server
        find "$ROOT" -name "*$round" -exec touch {} + # a tenth is to be read again
    done
    serve_warm
    expect_all
    serve_stop
}

test_half_written_index_is_a_cold_start() {
    warm_world 50 20000
    serve_warm
    kill_server
    "$HERE/poke.py" "$HUGE/pool" at 100
    serve_warm
    expect_said 'cold start: .*/pool: its index is damaged or half-written'
    expect_all
    serve_stop
    truncate -s 2M "$HUGE/pool"
    serve_warm
    expect_said 'cold start: .*/pool: it has 2097152 bytes, its index speaks of'
    expect_all
    serve_stop
}

test_another_shape_is_a_cold_start() {
    warm_world 50 20000
    serve_warm --pool 32M
    serve_stop
    serve_warm --pool 32M
    expect_eq "files found in the pool" $FILES "$(found)"
    serve_stop
    serve_warm --pool 34M
    expect_said 'cold start: .*/pool: it has room for 32.0 MiB, pool.size is 34.0 MiB'
    serve_stop
    mv "$ROOT" "$ROOT.moved"
    ROOT=$ROOT.moved
    serve_warm --pool 34M
    expect_said 'cold start: .*/pool: it is for ROOT '
    expect_all
    serve_stop
}

test_two_servers_do_not_share_a_pool() {
    local code
    warm_world 5 20000
    serve_warm
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --device tap:hw1 --persist "$HUGE/pool" "$ROOT" \
        >"$T/second.log" 2>&1
    code=$?
    expect_eq "exit code" 2 $code
    grep "another server uses $HUGE/pool" "$T/second.log" || fail "$(cat "$T/second.log")"
    expect_all
    serve_stop
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --persist "$T/no-hugetlbfs" "$ROOT" \
        >"$T/second.log" 2>&1
    expect_eq "exit code" 2 $?
    grep "is not on a hugetlbfs: mount -t hugetlbfs" "$T/second.log" || fail "$(cat "$T/second.log")"
}

test_damage_is_found_at_the_start() {
    warm_world 20 20000
    serve_warm
    serve_stop
    "$HERE/poke.py" "$HUGE/pool" content "$ROOT/d/a" 2
    serve_warm
    expect_said '1 files in .*/pool were damaged: they are read again'
    expect_all
    serve_stop
}

verify() { # options...: its exit code in CODE, its words in $T/verified
    "$HUGEWIRE" verify --pid "$SERVER" "$@" >"$T/verified" 2>&1
    CODE=$?
    cat "$T/verified"
}

verified() { # name: a number of verify --json
    sed -n "s/^ *\"$1\": \([0-9]*\),*\$/\1/p" "$T/verified"
}

body_is() { # text path
    [ "$(fetch "$URL/$2")" = "$1" ]
}

test_verify_finds_a_damaged_page_and_mends_it() {
    warm_world 200 20000
    serve_warm
    verify
    expect_eq "exit code of verify" 0 $CODE
    verify --disk --json
    expect_eq "exit code of verify --disk" 0 $CODE
    expect_eq "files verified" $FILES "$(verified files)"
    expect_eq "of them compared with the disk" $FILES "$(verified disk_files)"
    expect_eq "their bytes" "$(find "$ROOT" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" \
        "$(verified disk_bytes)"

    # Nothing else tells the server that its memory has changed.
    "$HERE/poke.py" "$HUGE/pool" content "$ROOT/d/a" 2
    "$HERE/poke.py" "$HUGE/pool" content "$ROOT/d/large" 2345678
    ! body_is first d/a || fail "the damage did not reach what is served"
    verify 'nothing*'
    expect_eq "exit code where no file fits" 2 $CODE
    verify 0
    expect_eq "exit code where all is well" 0 $CODE
    verify --json
    expect_eq "exit code of verify" 1 $CODE
    expect_eq "damaged files" 2 "$(verified damaged)"
    grep -q '"damaged d/a"' "$T/verified" && grep -q '"damaged d/large"' "$T/verified" ||
        fail "they are not named"
    expect_said 'hugewire: verify: d/large is damaged in the pool, in 1 blocks of 128 bytes, the first at byte 2345600'
    wait_for 10 body_is first d/a || fail "a damaged file is still served"
    expect_all
    verify --disk
    expect_eq "exit code after it was mended" 0 $CODE

    kill_server # and the next one does not find the damaged bytes
    serve_warm
    expect_all
    verify --disk
    expect_eq "exit code after a restart" 0 $CODE
    local gone=$SERVER
    serve_stop
    "$HUGEWIRE" verify --pid "$gone"
    expect_eq "exit code without a server" 2 $?
}
