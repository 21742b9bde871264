# SPDX-License-Identifier: BSD-3-Clause
# hugewire-ladder: each of its steps delivers the file, over both kinds of link, and fills its row.

LADDER=${HUGEWIRE%/*}/hugewire-ladder

# A size that is no multiple of a page, a buffer or a segment.
ladder() { # steps json
    "$LADDER" --size 3000001 --rounds 1 --clients 2 --directory "$T" --hugewire "$HUGEWIRE" --steps "$1" \
        --json "$2" >"$T/table" 2>"$T/ladder.log" || fail "$1: $(tail -n 3 "$T/ladder.log")"
}

# The program itself compares a hash of what came with that of the file, and fails on a difference.
ladder_step() { # step
    local why
    need strace ethtool nsenter
    [ -x "$LADDER" ] || fail "$LADDER is missing: ninja -C build"
    ladder "$1" "$T/ladder.json"
    why=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["steps"][0].get("skipped", ""))' \
        "$T/ladder.json") || fail "no JSON"
    [ -z "$why" ] || skip "$why"
    python3 - "$T/ladder.json" <<'PROGRAM' || fail "$1: its row is not as it should be"
import json, sys
step = json.load(open(sys.argv[1]))["steps"][0]
print(json.dumps(step))
links = [step[name] for name in ("offloads", "packets") if step[name]]
assert links
for link in links:
    assert len(link["gigabits_per_s"]) == 1 and link["gigabits_per_s"][0] > 0
    assert link["sender_cpu_s_per_gb"][0] > 0 and link["receiver_cpu_s_per_gb"][0] > 0
assert step["system_calls_per_mb"] > 0
before, after = step["page_cache_before"], step["page_cache_after"]
assert after == before if step["step"] in ("direct", "hugewire") else after > 0.9
reads = step["fan_out"]["disk_reads_of_the_file"] # for two clients
if step["step"] == "direct":
    assert reads >= 2
elif step["step"] == "hugewire":
    assert reads >= 1 # its programs and libraries may come from disk, too
else:
    assert reads < 1.5 # less than 1 where the kernel still held pages of an earlier transfer
if step["step"] == "hugewire":
    assert step["payload_bytes_copied"] == 0
    assert step["payload_bytes_referenced"] >= 3000001
PROGRAM
    [ -z "$(ls "$T" | grep '^hugewire-ladder')" ] || fail "it left its directory behind"
}

test_ladder_read_write() { ladder_step read-write; }
test_ladder_mmap_write() { ladder_step mmap-write; }
test_ladder_sendfile() { ladder_step sendfile; }
test_ladder_splice() { ladder_step splice; }
test_ladder_vmsplice() { ladder_step vmsplice; }
test_ladder_msg_zerocopy() { ladder_step msg-zerocopy; }
test_ladder_io_uring() { ladder_step io-uring; }
test_ladder_io_uring_zc() { ladder_step io-uring-zc; }
test_ladder_direct() { ladder_step direct; }
test_ladder_java_map() { ladder_step java-map; }
test_ladder_java_transfer() { ladder_step java-transfer; }
test_ladder_hugewire() { ladder_step hugewire; }
