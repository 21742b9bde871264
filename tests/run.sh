#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every test, on a machine where only git was installed before:  sudo tests/run.sh
#
# Installs what is missing, builds with ASan and UBSan (build-asan/) and in release (build/), checks the
# house rules, runs unit tests and simulator in both builds, what has threads under ThreadSanitizer
# (build-tsan/), counts the instructions of common paths, runs the tests against kernel clients in network namespaces and those on an emulated NIC with
# the release build, and fuzzes. The last line is "N passed, N failed, N skipped"; every skip says why.
# Exits with 1 if anything failed, with 2 if the tests could not be run.
set -u
TOP=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=app/setup.sh
. "$TOP/app/setup.sh"

# What the network tests serve, and what the sanitizers' build adds.
HUGEPAGES_WANTED=1100
# Sanitizers on two cores: several times as long as meson expects.
TIMEOUT_FACTOR=3
FUZZ_SECONDS=${FUZZ_SECONDS:-20} # each; 0 replays the kept inputs only

# Network tests that wait for most of their time, and the browser's, which is long: they run beside the others.
WAITING='^test_(slow_(bodies|headers|readers|reader_and_others)|client_that_stops_reading'
WAITING+='|two_workers_keep_(tagged_)?flows|top_shows_rates|browser_page|stopped_server_holds_up_no_other)$'

need_root tests/run.sh

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hugewire-tests.XXXXXX") || die "no temporary directory"
chmod 755 "$work" # the servers of the tests become nobody
child='' behind=''

# A process and all that descend from it.
family() { # pid
    local pid
    for pid in $(pgrep -P "$1"); do family "$pid"; done
    echo "$1"
}

# Whoever is ended takes its own namespaces and processes down.
clean_up() {
    trap - EXIT INT TERM
    if [ -n "$child" ]; then
        # shellcheck disable=SC2046 # process numbers
        kill -TERM $(family "$child") 2>/dev/null
        wait "$child" 2>/dev/null
    fi
    # shellcheck disable=SC2046
    [ -z "$behind" ] || kill -TERM $(family "$behind") 2>/dev/null
    hugepages_restore
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

passed=0 failed=0 skipped=0

add() { # passed failed skipped
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# Counts the lines "ok NAME", "not ok NAME" and "skip NAME: WHY" of a file.
add_lines() { # file
    add "$(grep -c '^ok ' "$1")" "$(grep -c '^not ok ' "$1")" "$(grep -c '^skip ' "$1")"
}

# One that failed and does not say where has failed all the same.
count() { # log exit-code name
    add_lines "$1"
    if [ "$2" != 0 ] && ! grep -q '^not ok ' "$1"; then
        say "not ok $3 (exit code $2)"
        add 0 1 0
    fi
}

# Runs a command whose output are such lines. In the background: a signal is heard at once.
run_lines() { # log command...
    local log=$1 tee code
    shift
    exec 3> >(exec tee "$log")
    tee=$!
    "$@" >&3 2>&1 3>&- &
    child=$!
    exec 3>&-
    wait "$child"
    code=$?
    child=''
    wait "$tee"
    count "$log" $code "${1##*/}"
}

# The same in two steps: begins it beside what comes next, and takes what it said.
run_behind() { # log command...
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    behind=$!
}

collect() { # log name
    local code
    wait "$behind"
    code=$?
    behind=''
    cat "$1"
    count "$1" $code "$2"
}

build_all() { # directory label options
    local started=$SECONDS
    if ! build "$work/$2.log" "$TOP/$1" "$3"; then
        cp "$work/$2.log" "/tmp/hugewire-$2.log"
        say "not ok build ($2): all of it is in /tmp/hugewire-$2.log"
        say "$passed passed, $((failed + 1)) failed, $skipped skipped"
        exit 1
    fi
    give_back "$TOP/$1"
    say "built $1 in $((SECONDS - started)) s"
}

meson_tests() { # directory label
    local log=$TOP/$1/meson-logs/testlog.json code before=$failed
    rm -f "$log"
    meson test -C "$TOP/$1" --no-rebuild --timeout-multiplier $TIMEOUT_FACTOR \
        >"$work/meson-$2.log" 2>&1 &
    child=$!
    wait "$child"
    code=$?
    child=''
    if [ ! -s "$log" ]; then
        tail -n 20 "$work/meson-$2.log"
        say "not ok $2: meson ran no test"
        add 0 1 0
        return
    fi
    if ! "$TOP/tests/summary.py" "$2" "$log" >"$work/summary"; then
        cat "$work/summary"
        say "not ok $2: no summary"
        add 0 1 0
        return
    fi
    head -n -1 "$work/summary"
    # shellcheck disable=SC2046 # three numbers
    add $(tail -n 1 "$work/summary")
    # It ended before all tests had run: the log has those that did.
    if [ $code != 0 ] && [ $failed = "$before" ]; then
        tail -n 20 "$work/meson-$2.log"
        say "not ok $2: meson (exit code $code)"
        add 0 1 0
    fi
}

started=$SECONDS
install_packages "$work/apt.log" "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
say "== builds"
build_all build-asan asan \
    '--buildtype=debug -Doptimization=1 -Db_sanitize=address,undefined -Db_lto=false'
build_all build release '--buildtype=release -Ddebug=true'

hugepages_reserve $HUGEPAGES_WANTED ||
    say "warning: only $(cat $HUGEPAGES/free_hugepages) of $HUGEPAGES_WANTED hugepages of 2 MiB are free"

export TMPDIR=$work
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
say "== house rules"
run_lines "$work/tidy" "$TOP/tests/tidy"
say "== unit tests and simulator, ASan and UBSan"
meson_tests build-asan asan
say "== unit tests and simulator, release"
meson_tests build release
say "== threads, ThreadSanitizer"
run_lines "$work/tsan" "$TOP/tests/tsan"
say "== instructions of the common paths, release"
run_lines "$work/instructions" "$TOP/tests/bench/instructions"
say "== kernel clients in network namespaces, release"
run_behind "$work/waiting" "$TOP/tests/net/run.sh" "$WAITING"
EXCEPT=$WAITING run_lines "$work/net" "$TOP/tests/net/run.sh"
collect "$work/waiting" "tests/net/run.sh $WAITING"
say "== real drivers on emulated NICs behind an IOMMU, release"
run_behind "$work/lab" "$TOP/tests/lab/run.sh"
say "== fuzzers, meanwhile"
run_lines "$work/fuzz" "$TOP/tests/fuzz/run" $FUZZ_SECONDS
collect "$work/lab" tests/lab/run.sh

say
say "took $((SECONDS - started)) s"
say "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
