#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A real driver on an emulated NIC, vfio-pci and an IOMMU, in a guest:  tests/lab/run.sh [NIC...]
#
# NIC: e1000, e1000e, igb, vmxnet3, virtio; when none is given, e1000e, and docs/QUICKSTART-NIC.md
# (tests/lab/quickstart). For each the guest starts with the kernel's driver, gives the NIC to hugewire
# (drivers_cfg/bind.sh), serves, and gives it back, while the host, on the other end of the wire, pings and
# fetches. The wire is a TAP in a network namespace made for it. Needs no root. Lines are "ok NAME",
# "not ok NAME" and "skip NAME: WHY".
#
# HUGEWIRE  the program (build/app/hugewire); beside it lies hugewire-debug
# LAB       where the guest is kept (build/lab)
# QEMU      the emulator; igb needs version 8
# WORKERS   how many (1); more need a NIC that spreads flows: igb
# NODES     NUMA nodes of the guest (1)
# LIMIT     seconds that one session may take (300)
# KEEP      not empty: keep the directories of logs
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/common.sh
. "$HERE/common.sh"
WORKERS=${WORKERS:-1}
enter_namespace "$0" "$@"
begin

range() {
    curl -sS --max-time 30 -r 1000000-2999999 -o "$S/got" "http://$GUEST/large.bin" &&
        cmp -s "$S/got" <(tail -c +1000001 "$S/docroot/large.bin" | head -c 2000000)
}
# VFIO counts as locked what a device may reach: the pool and the packet buffers, nothing else.
locked_is_mapped() {
    echo "VmLck $(cat "$S/locked_kb") kB, mapped $(cat "$S/mapped_kb") kB" >>"$S/host.log"
    [ "$(cat "$S/locked_kb")" -gt 32768 ] && [ "$(cat "$S/locked_kb")" = "$(cat "$S/mapped_kb")" ]
}
# Workers that may sleep ask the kernel for that and for the rx interrupt, and for nothing else.
only_sleeps() {
    sed 's/^/100 MB, a worker that may sleep: /' "$S/calls_idle_auto" >>"$S/host.log"
    ! grep -vE '^(sys_epoll_wait|sys_clock_nanosleep|sys_read|sys_ioctl) ' "$S/calls_idle_auto"
}
# Each connection stays with the worker that took it, and all workers have some.
flows_are_spread() {
    local worker requests lost strays seen=0
    while read -r worker requests lost strays; do
        echo "worker $worker: $requests requests; segments of no connection: $lost, of another's: $strays" \
            >>"$S/host.log"
        [ "$requests" -gt 0 ] && [ "$lost $strays" = '0 0' ] || return 1
        seen=$((seen + 1))
    done <"$S/workers"
    [ $seen = "$WORKERS" ]
}
# The NIC cuts what we hand it: far fewer packets than the frames of 180 MB.
segments_are_cut_by_the_nic() {
    grep -q 'offloads .*tso' "$S/serve.log" && [ "$(sed -n 's/^tx_packets //p' "$S/serve.log")" -lt 40000 ]
}
no_checksum_error() {
    awk '$1 == "Tcp:" && $15 ~ /^[0-9]+$/ { bad = $15 } END { exit bad != 0 }' /proc/net/snmp
}
# The link is lost for some seconds in the middle of a transfer.
link_flap() {
    local code
    curl -sS --max-time 60 --limit-rate 4M -o "$S/got" "http://$GUEST/large.bin" &
    sleep 2
    qmp set_link name=nic0 up=false && sleep 3 && qmp set_link name=nic0 up=true
    code=$?
    wait $! && [ $code = 0 ] && cmp -s "$S/got" "$S/docroot/large.bin"
}
# The server looks once in a second.
link_is_followed() {
    local waited
    for ((waited = 0; waited < 30; waited++)); do
        grep -q ': link down' "$S/serve.log" && grep -q ': link up' "$S/serve.log" && return
        sleep 0.2
    done
    return 1
}

documents() {
    mkdir "$S/docroot"
    head -c 33554432 /dev/urandom >"$S/docroot/large.bin"
    head -c 100000 /dev/urandom >"$S/docroot/medium.bin"
    head -c 300 /dev/urandom >"$S/docroot/small.bin"
    yes "$PHRASE" | head -c 2000 >"$S/docroot/phrase.txt"
    : >"$S/docroot/empty"
}
# What a frame by the pool brings to the wire, and what one from elsewhere must not (app/wild.h).
PHRASE='these bytes are in the pool'
WILD_PHRASE="these bytes are none of the pool's"

serves_files() {
    result ping pings
    result small_file fetch small.bin
    result empty_file fetch empty
    result medium_file fetch medium.bin
    result range range
    # In the capture: the large file is at least 32 MiB / 1448 bytes, and what is in the pool shows.
    capture_start wire
    result large_file fetch large.bin
    result at_once fetch_at_once 32 medium.bin
    result phrase fetch phrase.txt
    capture_stop wire
    result frames_fit_and_checksums_are_right frames wire --data-segments 23172 --with "$PHRASE"
    rm -f "$S/wire.pcap"
}

# As the guest's script says it.
host_side() {
    await kernel_up || return 1
    result kernel_driver_pings pings
    tell kernel_seen
    await serving || return 1
    serves_files
    tell warm
    await counted || return 1
    result 100_mb fetch_times 3 large.bin
    tell fetched_100_mb
    result link_flap link_flap
    result link_is_followed link_is_followed
    tell fetched
    result pinned_is_what_is_mapped locked_is_mapped
    result no_checksum_error no_checksum_error
    await restored || return 1
    result workers_only_sleep only_sleeps
    [ "$WORKERS" = 1 ] || result flows_are_spread flows_are_spread
    [ "$nic" != igb ] || result segments_are_cut_by_the_nic segments_are_cut_by_the_nic
    result no_iommu_fault [ ! -s "$S/iommu_faults" ]
    result kernel_driver_pings_again pings
    case $nic in
    virtio) echo "skip lab_${label}_wild: QEMU's virtio stops for good when it meets an unmapped address" ;;
    *) tell wild ;;
    esac
    tell go_on
    await serving_again || return 1
    result ping_once_more pings
    result 100_mb_again fetch_times 3 large.bin
    capture_start wild
    tell fetched_again
    await was_wild || return 1
    sleep 0.5
    result serves_after_the_wild_frame fetch phrase.txt
    result 100_kb_after_the_wild_frame fetch medium.bin
    capture_stop wild
    result wild_leaks_nothing frames wild --with "$PHRASE" --without "$WILD_PHRASE"
    case $nic in e1000 | vmxnet3) ;; *) tell removal ;; esac
    tell end_it
    [ ! -e "$S/removal" ] || result removal qmp device_del id=nic0
}

session() { # nic
    nic=$1 S=$work/$1 label=$1
    [ "$WORKERS" = 1 ] || label=${1}_${WORKERS}_workers
    mkdir "$S"
    echo $((160 + 160 * WORKERS)) >"$S/hugepages_mb"
    echo "--cores 0-$((WORKERS - 1))" >"$S/options"
    documents
    export SMP=$((WORKERS > 1 ? WORKERS : 2))
    boot flow "$nic"
    host_side || result goes_to_its_end false
    conclude
}

for name in "${@:-e1000e}"; do session "$name"; done
[ $# -gt 0 ] || "$HERE/quickstart" || failed=1
exit $failed
