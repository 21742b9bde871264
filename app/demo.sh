#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shows hugewire at work on this machine, and leaves it as it was:
#   sudo app/demo.sh           fetch files, compare them, print a table
#   sudo app/demo.sh --stay    go on serving until ctrl-C
set -u
TOP=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=app/setup.sh
. "$TOP/app/setup.sh"

SERVER_IP=10.71.0.2
CLIENT_IP=10.71.0.1
URL=http://$SERVER_IP
HUGEWIRE=$TOP/build/app/hugewire
# The files (1126 MiB), their checksum table, packet buffers and connections.
HUGEPAGES_WANTED=800
DISK_WANTED_MIB=1300
READY_S=120

stay=''
case "${1:-}" in
'') ;;
--stay) stay=yes ;;
*)
    say "usage: sudo app/demo.sh [--stay]"
    [ "$1" = --help ] || [ "$1" = -h ] || exit 2
    exit 0
    ;;
esac
need_root "app/demo.sh${1:+ $1}"

work='' namespace=hwdemo$$ namespace_made='' server='' tracer=''

# --- taking it all down again, whatever happened --------------------------------------------------

end_process() { # pid seconds
    local end=$((SECONDS + $2))
    kill -TERM "$1" 2>/dev/null || return 0
    while kill -0 "$1" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

clean_up() {
    trap - EXIT INT TERM
    [ -z "$tracer" ] || end_process "$tracer" 5
    [ -z "$server" ] || end_process "$server" 10
    [ -z "$namespace_made" ] || ip netns del "$namespace"
    [ -z "$work" ] || rm -rf "$work"
    hugepages_restore
}
trap clean_up EXIT
trap 'say; say "stopped"; exit 130' INT TERM

fail() {
    printf '\ndemo.sh: %s\n' "$*" >&2
    [ -z "$work" ] || [ ! -s "$work/server.log" ] || tail -n 15 "$work/server.log" >&2
    exit 1
}

# --- steps -----------------------------------------------------------------------------------------

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n%s\n' "$*"; }

build_release() {
    build "$work/build.log" "$TOP/build" --buildtype=release app/hugewire || {
        cp "$work/build.log" /tmp/hugewire-build.log
        fail "the build failed: /tmp/hugewire-build.log"
    }
    give_back "$TOP/build"
}

make_files() { # directory
    local free_mib i
    free_mib=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
    [ "$free_mib" -ge $DISK_WANTED_MIB ] ||
        fail "$1 has $free_mib MiB free: the files to be served need $DISK_WANTED_MIB (TMPDIR= moves them)"
    mkdir -p "$1/root/small" && chmod -R a+rX "$1/root"
    echo '<!DOCTYPE html><title>hugewire</title><h1>Served from pinned hugepages</h1>' \
        >"$1/root/index.html"
    head -c 1M /dev/urandom >"$1/root/1MiB.bin"
    head -c 100M /dev/urandom >"$1/root/100MiB.bin"
    head -c 1G /dev/urandom >"$1/root/1GiB.bin"
    for ((i = 0; i < 2000; i++)); do echo "file number $i" >"$1/root/small/$i.txt"; done
}

start_server() {
    ip netns add "$namespace" || fail "cannot make the network namespace $namespace"
    namespace_made=yes
    : >"$work/server.log"
    ip netns exec "$namespace" "$HUGEWIRE" serve --device tap:hw0 --address $SERVER_IP/24 \
        "$work/root" >"$work/server.log" 2>&1 &
    server=$!
    local end=$((SECONDS + READY_S))
    until grep -q "$URL" "$work/server.log"; do
        kill -0 "$server" 2>/dev/null || fail "hugewire ended before it was ready:"
        [ $SECONDS -lt $end ] || fail "hugewire was not ready after $READY_S s:"
        sleep 0.05
    done
    { ip -n "$namespace" addr add $CLIENT_IP/24 dev hw0 && ip -n "$namespace" link set hw0 up; } ||
        fail "the TAP device hw0 is not there"
    grep "$URL" "$work/server.log"
}

client() { ip netns exec "$namespace" "$@"; }

fetch() { # path curl-options...
    local path=$1
    shift
    client curl -sS --fail --noproxy '*' --connect-timeout 10 --max-time 300 "$@" "$URL/$path"
}

# Asks for the counters and waits for the last of them; they are lines "NAME VALUE".
read_counters() {
    local from end=$((SECONDS + 10))
    from=$(($(wc -l <"$work/server.log") + 1))
    kill -USR1 "$server" || fail "hugewire has ended:"
    until tail -n +"$from" "$work/server.log" | grep -q '^loop_idle_waits [0-9]*$'; do
        [ $SECONDS -lt $end ] || fail "no counters after SIGUSR1:"
        sleep 0.02
    done
    tail -n +"$from" "$work/server.log" >"$work/counters"
}

counter() { awk -v name="$1" '$1 == name { print $2 }' "$work/counters"; }

# The threads that serve carry this name; there is one.
worker_thread() {
    local task
    for task in /proc/"$server"/task/*; do
        case $(cat "$task/comm") in hw-worker*) echo "${task##*/}" ;; esac
    done
}

# One more transfer, with the worker's system calls counted. Sets calls; adds what strace saw to
# $work/calls.
count_calls() { # path curl-options...
    local path=$1 thread end=$((SECONDS + 5))
    shift
    thread=$(worker_thread)
    strace -qq -c -U calls,name -o "$work/strace" -p "$thread" 2>"$work/strace.err" &
    tracer=$!
    until grep -q "^TracerPid:[[:space:]]*$tracer\$" "/proc/$thread/status"; do
        { kill -0 "$tracer" 2>/dev/null && [ $SECONDS -lt $end ]; } ||
            fail "strace could not attach to the worker: $(cat "$work/strace.err")"
        sleep 0.02
    done
    fetch "$path" -o /dev/null "$@" || fail "curl could not fetch $path:"
    kill -INT "$tracer"
    wait "$tracer" 2>/dev/null
    tracer=''
    calls=$(awk -v calls="$work/calls" '
        $1 ~ /^[0-9]+$/ && $2 != "total" { n += $1; print >>calls }
        END { print n + 0 }' "$work/strace")
}

gigabits_per_second() { # bytes seconds
    awk -v b="$1" -v s="$2" 'BEGIN { printf("%.2f", (s > 0) ? b * 8 / s / 1e9 : 0) }'
}

# A MB is a million bytes; for less than one there is nothing to say.
per_megabyte() { # bytes calls
    if [ "$1" -lt 1000000 ]; then echo -; else echo $((($2 * 1000000 + $1 / 2) / $1)); fi
}

row() { printf '%-22s %11s %9s %6s %7s %11s %8s %6s  %s\n' "$@"; }

# Fetches a file, or bytes of it, once for the clock, once for the sum, once for the system calls, and
# prints a row of the table.
show() { # name [from length]
    local name=$1 from=${2:-0} length seconds copied referenced
    local -a range=()
    length=${3:-$(stat -c %s "$work/root/$name")}
    [ $# = 1 ] || range=(-r "$from-$((from + length - 1))")

    read_counters
    copied=$(counter payload_bytes_copied) referenced=$(counter payload_bytes_referenced)
    seconds=$(fetch "$name" -o /dev/null -w '%{time_total} %{size_download}' "${range[@]}") ||
        fail "curl could not fetch $name:"
    read_counters
    copied=$(($(counter payload_bytes_copied) - copied))
    referenced=$(($(counter payload_bytes_referenced) - referenced))
    [ "${seconds#* }" = "$length" ] || fail "$name: $length bytes wanted, ${seconds#* } came"
    seconds=${seconds% *}

    [ "$(tail -c +$((from + 1)) "$work/root/$name" | head -c "$length" | sha256sum)" = \
        "$(fetch "$name" "${range[@]}" | sha256sum)" ] ||
        fail "$name: what came is not what is on disk"
    count_calls "$name" "${range[@]}"
    row "/$name${3:+, a Range}" "$length" "$seconds" "$(gigabits_per_second "$length" "$seconds")" \
        "$copied" "$referenced" "$calls" "$(per_megabyte "$length" "$calls")" same
}

small_files() { # how many
    local i
    for ((i = 0; i < $1; i++)); do echo "url = $URL/small/$i.txt"; done >"$work/urls"
    client curl -sS --fail --noproxy '*' --max-time 60 -K "$work/urls" >"$work/small.got" ||
        fail "curl could not fetch the small files:"
    for ((i = 0; i < $1; i++)); do cat "$work/root/small/$i.txt"; done |
        cmp -s - "$work/small.got" || fail "the small files differ from those on disk"
}

# What strace saw, summed by call.
calls_seen() {
    awk '{ n[$2] += $1 } END { for (name in n) printf "%d %s\n", n[name], name }' "$work/calls" |
        sort -rn | awk '{ printf "%s%s (%d)", (NR > 1 ? ", " : ""), $2, $1 }'
}

# --- the demonstration -----------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hugewire-demo.XXXXXX") || die "no temporary directory"
chmod 755 "$work"

step "1. Packages and build"
install_packages "$work/apt.log" "${BUILD_PACKAGES[@]}"
build_release
say "$("$HUGEWIRE" --version) is at $HUGEWIRE"

step "2. Files: 2004, of 16 bytes to 1 GiB, pseudo-random"
make_files "$work"
du -sh --apparent-size "$work/root" | cut -f 1

step "3. Hugepages, network namespace, server"
hugepages_reserve $HUGEPAGES_WANTED ||
    fail "only $(cat $HUGEPAGES/free_hugepages) of $HUGEPAGES_WANTED hugepages of 2 MiB could be had: free some memory"
start_server

if [ -n "$stay" ]; then
    step "Serving $work/root. In another terminal:"
    say "    sudo ip netns exec $namespace curl $URL/"
    say "    sudo ip netns exec $namespace curl -o /dev/null $URL/1GiB.bin"
    say "    sudo kill -USR1 $server        the counters, in $work/server.log"
    say "Ctrl-C ends the server and removes all of it."
    wait "$server"
    code=$?
    server=''
    fail "hugewire ended by itself (exit code $code):"
fi

step "4. Kernel's curl against it, through the kernel's side of the TAP device"
say "Each file three times: for the clock, for its SHA-256, and with strace on the worker (slow)."
say "copied, referenced: bytes of files, by hugewire's counters. calls: the worker's system calls."
row file bytes seconds Gb/s copied referenced calls per-MB SHA-256
show index.html
show 1MiB.bin
show 100MiB.bin
show 100MiB.bin 1234567 50000000
show 1GiB.bin
small_files 500
say "/small/: 500 files in one connection, all the same as on disk"

step "5. What happened"
read_counters
say "The worker's system calls during the traced transfers: $(calls_seen)."
say "Of the files' bytes $(counter payload_bytes_referenced) went out by reference; the CPU copied $(counter payload_bytes_copied),"
say "all of them in bodies of at most 512 bytes, which travel beside their response's head. Each packet was"
say "one write to the TAP device, which stands where a NIC would fetch the same pinned pages by DMA. To"
say "serve them no file was opened, read, mapped or sent through a socket."
