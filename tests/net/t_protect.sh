# SPDX-License-Identifier: BSD-3-Clause
# What the server has given up once it serves, and that it serves all the same.

SMALL=$FIXTURES/small
NOBODY=$(id -u nobody)

# A field of a thread's status.
thread_field() { # task field
    awk -v f="$2:" '$1 == f { print $2 }' "$1/status"
}

# The server's own threads. The kernel's for io_uring run no code of ours; a telemetry client's is there
# as long as the client, and has its name from the thread that started it.
threads() {
    local task name seen=' '
    for task in /proc/"$SERVER"/task/*; do
        name=$(cat "$task/comm" 2>/dev/null) || continue
        [[ $name = telemetry-v2 && $seen = *' telemetry-v2 '* ]] && continue
        seen="$seen$name "
        [[ $name = iou-* ]] || echo "$task"
    done
}

# Every thread is this user without capabilities but these (in hexadecimal), and has this many filters.
expect_confined() { # uid capabilities
    local task
    for task in $(threads); do
        echo "$(cat "$task/comm"): Uid $(thread_field "$task" Uid), CapEff $(thread_field "$task" CapEff)," \
            "Seccomp_filters $(thread_field "$task" Seccomp_filters)"
        expect_eq "Uid of $task" "$1" "$(thread_field "$task" Uid)"
        expect_eq "Groups of $task" "$(id -G nobody | wc -w)" \
            "$(awk '$1 == "Groups:" { print NF - 1 }' "$task/status")"
        expect_match "CapEff of $task" "^($2)$" "$(thread_field "$task" CapEff)"
        expect_match "CapPrm of $task" "^($2)$" "$(thread_field "$task" CapPrm)"
        expect_eq "CapBnd of $task" 0000000000000000 "$(thread_field "$task" CapBnd)"
        expect_eq "CapAmb of $task" 0000000000000000 "$(thread_field "$task" CapAmb)"
        expect_eq "NoNewPrivs of $task" 1 "$(thread_field "$task" NoNewPrivs)"
        expect_eq "Seccomp of $task" 2 "$(thread_field "$task" Seccomp)"
        # A worker has one of its own on top.
        if grep -q '^hw-worker' "$task/comm"; then
            expect_eq "filters of $task" 2 "$(thread_field "$task" Seccomp_filters)"
        fi
    done
}

# A root that all may read, at a path that all may take.
open_root() {
    chmod 711 "$T/.." "$T"
    mkdir -m 755 "$T/root"
    cp "$SMALL/size-65537" "$SMALL/size-1048576" "$T/root"
}

served_is() { # path text
    [ "$(fetch "$URL/$1")" = "$2" ]
}

test_protect_every_thread_is_nobody() {
    remember_world
    open_root
    serve_direct "$T/root" --access-log "$T/log" --pool 8M
    expect_confined "$NOBODY" 0000000000000000
    [ "$(threads | wc -l)" -ge 5 ] || fail "few threads: $(threads)"
    expect_file "$T/root" size-1048576
    # Files that change are followed by who may read them; commands reach the server.
    echo first >"$T/root/new" && wait_for 5 served_is new first || fail "a new file is not served"
    "$HUGEWIRE" status --json --pid "$SERVER" | grep -q http_2xx || fail "status"
    "$HUGEWIRE" pool --pid "$SERVER" || fail "pool"
    mkdir "$T/root/sub" && echo second >"$T/root/sub/new"
    wait_for 5 served_is sub/new second || fail "a new directory is not served"
    kill -HUP "$SERVER"
    "$HUGEWIRE" reload --pid "$SERVER" || fail "reload"
    expect_confined "$NOBODY" 0000000000000000
    serve_stop
    expect_world_as_before
}

test_protect_root_that_nobody_may_read() {
    open_root
    chmod 700 "$T/root"
    serve_direct "$T/root"
    grep -q "user nobody cannot read '$T/root': the threads that read files keep CAP_DAC_READ_SEARCH" \
        "$T/server.log" || fail "not said: $(cat "$T/server.log")"
    # Bit 2. The threads of the pool have it, no other one has.
    expect_confined "$NOBODY" "000000000000000[04]"
    for task in $(threads); do
        expect_eq "CapEff of $(cat "$task/comm")" \
            "$(grep -q '^hw-pool' "$task/comm" && echo 0000000000000004 || echo 0000000000000000)" \
            "$(thread_field "$task" CapEff)"
    done
    echo first >"$T/root/new" && chmod 600 "$T/root/new"
    wait_for 5 served_is new first || fail "a new file is not served"
    serve_stop
}

test_protect_other_user_and_root() {
    open_root
    serve_direct "$T/root" --user daemon
    for task in $(threads); do
        expect_eq "Uid of $task" "$(id -u daemon)" "$(thread_field "$task" Uid)"
    done
    serve_stop
    serve_on tap:hw0 "$T/root" --user root --sandbox off
    for task in $(threads); do
        expect_eq "Uid of $task" 0 "$(thread_field "$task" Uid)"
        expect_eq "Seccomp of $task" 0 "$(thread_field "$task" Seccomp)"
        expect_eq "CapBnd of $task" 0000000000000000 "$(thread_field "$task" CapBnd)"
    done
    grep -q "goes on as root" "$T/server.log" || fail "not said"
    serve_stop
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --user nobody-of-that-name "$T/root" >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" "there is no user 'nobody-of-that-name'" "$(cat "$T/out")"
}

# The kinds of port on which workers make different calls, with more than one worker.
test_protect_on_af_packet() {
    open_root
    net_veth
    serve_on af_packet:sv "$T/root" --cores 0,1
    expect_confined "$NOBODY" 0000000000000000
    expect_file "$T/root" size-1048576
    py numbered $SERVER_IP size-65537 0 200 8
    serve_stop
}

test_protect_on_af_xdp() {
    open_root
    net_veth
    serve_on af_xdp:sv "$T/root"
    # Bit 12, CAP_NET_ADMIN, for the end; the pool's threads are started with it.
    expect_confined "$NOBODY" "000000000000[01]000"
    for task in $(threads); do
        [ "${task##*/}" = "$SERVER" ] || grep -q '^hw-pool' "$task/comm" ||
            expect_eq "CapEff of $(cat "$task/comm")" 0000000000000000 "$(thread_field "$task" CapEff)"
    done
    expect_file "$T/root" size-1048576
    serve_stop
    ! ip -n "$SERVER_NS" -d link show sv | grep -q xdp || fail "the XDP program is still there"
}

# Killed, it leaves nothing behind either.
test_protect_killed_server_leaves_no_files() {
    open_root
    remember_world
    serve_direct "$T/root"
    kill -KILL "$SERVER"
    wait "$SERVER" 2>/dev/null
    SERVER=
    wait_for 5 eval '[ "$(runtime_files)" = "$FILES_BEFORE" ]' || fail "left behind: $(runtime_files)"
}

# The directory of the log is the user's, or a rotation makes the new file for that user.
test_protect_log_is_opened_again() {
    open_root
    mkdir -m 755 "$T/logs" && chown nobody "$T/logs"
    serve_direct "$T/root" --access-log "$T/logs/log"
    ! grep -q "may not make files" "$T/server.log" || fail "warned for no reason"
    fetch -o /dev/null $URL/size-65537
    mv "$T/logs/log" "$T/logs/log.1"
    kill -USR2 "$SERVER"
    wait_for 5 test -e "$T/logs/log" || fail "no new file"
    serve_stop
    mkdir -m 755 "$T/roots"
    serve_on tap:hw0 "$T/root" --access-log "$T/roots/log"
    net_direct_up
    grep -q "access log $T/roots/log: user $NOBODY may not make files in its directory" "$T/server.log" ||
        fail "not said: $(cat "$T/server.log")"
    mv "$T/roots/log" "$T/roots/log.1"
    install -m 644 -o nobody /dev/null "$T/roots/log" # as logrotate's create does
    kill -USR2 "$SERVER"
    wait_for 5 grep -q ": opened again" "$T/server.log" || fail "not opened again"
    fetch -o /dev/null $URL/size-65537
    wait_for 5 test -s "$T/roots/log" || fail "nothing is written to the new file"
    serve_stop
}
