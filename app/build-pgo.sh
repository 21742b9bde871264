#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A profile-guided build of the server:  app/build-pgo.sh [DIRECTORY]
#
# Builds an instrumented server into DIRECTORY (build-pgo), has it serve on the benches' wire in virtual
# time, and builds it again by what was counted: DIRECTORY/app/hugewire. No network, no hugepages, no root.
# The wire sends large and small files by IPv4, with and without TSO, with software checksums and with
# loss; what the training does not reach is compiled as in any other build.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd)
DIRECTORY=${1:-$TOP/build-pgo}
SECONDS_SERVED=0.05 # of virtual time, for each kind of load

say() { printf '%s\n' "$*"; }

step() { # what command...
    say "$1"
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        say "failed: $*" >&2
        exit 1
    }
}

log=$(mktemp "${TMPDIR:-/var/tmp}/hugewire-pgo.XXXXXX")
trap 'rm -f "$log"' EXIT

# A directory of an earlier time keeps neither its objects nor what they counted.
if [ -e "$DIRECTORY" ]; then
    [ -e "$DIRECTORY/build.ninja" ] || { say "$DIRECTORY is there, and no build directory" >&2; exit 2; }
    wipe=--wipe
fi
step "instrumented build in $DIRECTORY" meson setup "$DIRECTORY" "$TOP" ${wipe:-} -Db_pgo=generate
step "..." ninja -C "$DIRECTORY" tests/bench/bench_instructions
step "training" "$DIRECTORY/tests/bench/bench_instructions" --virtual-time --small-pages \
    --seconds $SECONDS_SERVED
# Without counts the second build would be one like any other, and say nothing of it.
for part in dataplane/libhwcore dataplane/io/libhwio; do
    [ -n "$(find "$DIRECTORY/$part.a.p" -name '*.gcda' -print -quit)" ] || {
        say "failed: the training left no counts in $DIRECTORY/$part.a.p" >&2
        exit 1
    }
done
step "build by its profile" meson configure "$DIRECTORY" -Db_pgo=use
step "..." ninja -C "$DIRECTORY" app/hugewire
say "$("$DIRECTORY/app/hugewire" --version) is at $DIRECTORY/app/hugewire"
