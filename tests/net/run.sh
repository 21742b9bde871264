#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the tests in t_*.sh whose name matches a pattern (all: none given), each in network namespaces of
# its own:  tests/net/run.sh [-l] [REGEX]     -l lists them
#
# HUGEWIRE  the program under test (build/app/hugewire); the sanitizers' build does as well
# BRIDGE    the lossy bridge (build/tests/net/bridge)
# PINNED    looks at a pool's pages (build/tests/net/pinned)
# EXCEPT    leaves out the tests whose name matches it
# SEED      of the lossy bridge, N or N,N (1,2)
# KEEP      not empty: keep the directory of logs and documents
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
HUGEWIRE=$(realpath -m "${HUGEWIRE:-$TOP/build/app/hugewire}")
BRIDGE=$(realpath -m "${BRIDGE:-$TOP/build/tests/net/bridge}")
PINNED=$(realpath -m "${PINNED:-$TOP/build/tests/net/pinned}")
PYTHONDONTWRITEBYTECODE=1
export HERE TOP HUGEWIRE BRIDGE PINNED PYTHONDONTWRITEBYTECODE
# shellcheck source=../../app/setup.sh
. "$TOP/app/setup.sh"

TEST_LIMIT_S=300
# 1.2 GiB of documents, an eighth of it for changes, the table of sums, some MiB for packets.
HUGEPAGES_WANTED=900

names_of() { # file: its tests, in their order
    sed -n 's/^\(test_[a-z0-9_]*\)() {.*/\1/p' "$1"
}

if [ "${1:-}" = -l ]; then
    for file in "$HERE"/t_*.sh; do names_of "$file"; done
    exit 0
fi
pattern=${1:-.}

not_here() { # why no test can run
    echo "skip tests/net: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}
[ "$(id -u)" = 0 ] || not_here "needs root for network namespaces; use sudo"
ip netns list >/dev/null 2>&1 || not_here "no network namespaces here"
for program in "$HUGEWIRE" "$BRIDGE"; do
    [ -x "$program" ] || { echo "$program is missing: meson setup build && ninja -C build"; exit 2; }
done

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hugewire-net.XXXXXX")
export FIXTURES=$work/fixtures
mkdir "$FIXTURES"
prefix=hwt$$
passed=0 failed=0 skipped=0

# Ends whatever still lives in the namespaces of a test, then removes them.
clean_up_namespaces() {
    local ns pid
    for ns in $(ip netns list 2>/dev/null | awk -v p="^$prefix-" '$1 ~ p { print $1 }'); do
        for pid in $(ip netns pids "$ns"); do kill -KILL "$pid" 2>/dev/null; done
        ip netns del "$ns"
    done
}

finish() {
    clean_up_namespaces
    hugepages_restore
    if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

# What one test runs in. The servers and bridges it started end with it.
run_body='
    set -u
    . "$HERE/lib.sh"
    . "$1"
    end_children() { for pid in $SERVER $BRIDGE_PID $NGINX_PID; do kill -KILL "$pid" 2>/dev/null; done; }
    trap end_children EXIT
    "$2"'

run_test() { # file name
    local log=$work/$2.log T=$work/$2 started=$SECONDS code
    mkdir "$T"
    NS=$prefix-$((passed + failed + skipped)) T=$T \
        timeout --kill-after=10 $TEST_LIMIT_S bash -c "$run_body" test "$1" "$2" >"$log" 2>&1
    code=$?
    clean_up_namespaces
    case $code in
    0)
        echo "ok $2 ($((SECONDS - started)) s)"
        passed=$((passed + 1))
        ;;
    77)
        echo "skip $2: $(cat "$T/skipped")"
        skipped=$((skipped + 1))
        ;;
    *)
        [ $code != 124 ] || echo "no end after $TEST_LIMIT_S s" >>"$log"
        echo "not ok $2 (exit code $code)"
        tail -n 30 "$log" | sed 's/^/    /'
        [ ! -s "$T/server.log" ] || tail -n 25 "$T/server.log" | sed 's/^/    server: /'
        failed=$((failed + 1))
        ;;
    esac
    rm -f "$T"/got*
}

for kind in small medium large odd site; do
    "$HERE/fixtures.py" $kind "$FIXTURES/$kind" || exit 2
done
hugepages_reserve $HUGEPAGES_WANTED ||
    echo "warning: not all of $HUGEPAGES_WANTED hugepages of 2 MiB could be reserved"
for file in "$HERE"/t_*.sh; do
    for name in $(names_of "$file"); do
        [[ $name =~ $pattern ]] || continue
        [[ -n ${EXCEPT:-} && $name =~ $EXCEPT ]] || run_test "$file" "$name"
    done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
