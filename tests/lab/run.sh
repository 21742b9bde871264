#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A real driver on an emulated NIC, vfio-pci and an IOMMU, in a guest:  tests/lab/run.sh [NIC...]
#
# NIC: e1000, e1000e (when none is given), igb, vmxnet3, virtio. For each the guest starts with the kernel's
# driver, gives the NIC to hugewire (drivers_cfg/bind.sh), serves, and gives it back, while the host, on the
# other end of the wire, pings and fetches. The wire is a TAP in a network namespace made for it. Needs no
# root. Lines are "ok NAME", "not ok NAME" and "skip NAME: WHY".
#
# HUGEWIRE  the program (build/app/hugewire)     LAB   where the guest is kept (build/lab)
# QEMU      the emulator; igb needs version 8    KEEP  not empty: keep the directories of logs
# WORKERS   how many (1); more need a NIC that spreads flows: igb
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
HUGEWIRE=$(realpath -m "${HUGEWIRE:-$TOP/build/app/hugewire}")
LAB=$(realpath -m "${LAB:-$TOP/build/lab}")
HOST=10.9.0.1 GUEST=10.9.0.2
# What one session may take; emulation is slow and the machine may be busy.
LIMIT=240
WORKERS=${WORKERS:-1}

if [ -z "${IN_NAMESPACE:-}" ]; then
    for program in "${QEMU:-qemu-system-x86_64}" busybox cpio depmod lspci dpdk-devbind.py; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null ||
            { echo "skip lab: $program is not installed"; exit 0; }
    done
    [ -x "$HUGEWIRE" ] || { echo "not ok lab: $HUGEWIRE is missing: ninja -C build"; exit 1; }
    output=$("$HERE/guest/build" "$LAB" "$HUGEWIRE" 2>&1)
    case $? in
    0) ;;
    77)
        echo "skip lab: ${output##*$'\n'}"
        exit 0
        ;;
    *)
        echo "not ok lab: the guest cannot be built"
        printf '%s\n' "$output" | sed 's/^/    /'
        exit 1
        ;;
    esac
    unshare -Urn true 2>/dev/null ||
        { echo "skip lab: this kernel gives no user and network namespace"; exit 0; }
    IN_NAMESPACE=1 exec unshare -Urn "$0" "$@"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/hugewire-lab.XXXXXX")
vm=''
finish() {
    [ -z "$vm" ] || kill -TERM "$vm" 2>/dev/null
    if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

failed=0
result() { # name command...
    local name=$1
    shift
    if "$@"; then
        echo "ok lab_${nic}_$name"
    else
        echo "not ok lab_${nic}_$name"
        failed=1
    fi
}

await() { # file of the guest's
    local waited
    for ((waited = 0; waited < LIMIT * 5; waited++)); do
        [ ! -e "$S/$1" ] || return 0
        kill -0 "$vm" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}
tell() { touch "$S/$1"; }
pings() { ping -c 3 -i 0.3 -W 5 $GUEST >"$S/ping.log" 2>&1; }
fetch() { # path: byte for byte
    curl -sS --max-time 60 -o "$S/got" "http://$GUEST/$1" && cmp -s "$S/got" "$S/docroot/$1"
}
fetch_times() { # count path
    local i
    for ((i = 0; i < $1; i++)); do fetch "$2" || return 1; done
}
range() {
    curl -sS --max-time 30 -r 1000000-2999999 -o "$S/got" "http://$GUEST/large.bin" &&
        cmp -s "$S/got" <(tail -c +1000001 "$S/docroot/large.bin" | head -c 2000000)
}
# VFIO counts as locked what a device may reach: the pool and the packet buffers, nothing else.
locked_is_mapped() {
    echo "VmLck $(cat "$S/locked_kb") kB, mapped $(cat "$S/mapped_kb") kB" >>"$S/host.log"
    [ "$(cat "$S/locked_kb")" -gt 32768 ] && [ "$(cat "$S/locked_kb")" = "$(cat "$S/mapped_kb")" ]
}

# Each connection stays with the worker that took it, and all workers have some.
flows_are_spread() {
    local worker requests strays seen=0
    while read -r worker requests strays; do
        echo "worker $worker: $requests requests, $strays segments of no connection" >>"$S/host.log"
        [ "$requests" -gt 0 ] && [ "$strays" = 0 ] || return 1
        seen=$((seen + 1))
    done <"$S/workers"
    [ $seen = "$WORKERS" ]
}
no_checksum_error() {
    awk '$1 == "Tcp:" && $15 ~ /^[0-9]+$/ { bad = $15 } END { exit bad != 0 }' /proc/net/snmp
}
# The link is lost for some seconds in the middle of a transfer.
link_flap() {
    local code
    curl -sS --max-time 60 --limit-rate 4M -o "$S/got" "http://$GUEST/large.bin" &
    sleep 2
    "$HERE/qmp" "$S/qmp" set_link name=nic0 up=false && sleep 3 && "$HERE/qmp" "$S/qmp" set_link name=nic0 up=true
    code=$?
    wait $! && [ $code = 0 ] && cmp -s "$S/got" "$S/docroot/large.bin"
}
link_is_followed() { grep -q ': link down' "$S/serve.log" && grep -q ': link up' "$S/serve.log"; }
fetch_at_once() { # count path
    local i pids=() bad=0
    for ((i = 0; i < $1; i++)); do
        curl -sS --max-time 60 "http://$GUEST/$2" | cmp -s - "$S/docroot/$2" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || bad=1; done
    return $bad
}

documents() {
    mkdir "$S/docroot"
    head -c 33554432 /dev/urandom >"$S/docroot/large.bin"
    head -c 100000 /dev/urandom >"$S/docroot/medium.bin"
    head -c 300 /dev/urandom >"$S/docroot/small.bin"
    : >"$S/docroot/empty"
}

host_side() {
    await kernel_up || return 1
    result kernel_driver_pings pings
    tell kernel_seen
    await serving || return 1
    result ping pings
    result small_file fetch small.bin
    result empty_file fetch empty
    result medium_file fetch medium.bin
    result large_file fetch large.bin
    result range range
    tell warm
    await counted || return 1
    result 100_mb fetch_times 3 large.bin
    result at_once fetch_at_once 32 medium.bin
    result link_flap link_flap
    result link_is_followed link_is_followed
    tell fetched
    result pinned_is_what_is_mapped locked_is_mapped
    result no_checksum_error no_checksum_error
    await restored || return 1
    [ "$WORKERS" = 1 ] || result flows_are_spread flows_are_spread
    result kernel_driver_pings_again pings
    case $nic in e1000 | vmxnet3) ;; *) tell removal ;; esac
    tell go_on
    [ -e "$S/removal" ] || return 0
    await serving_again || return 1
    result ping_once_more pings
    result removal "$HERE/qmp" "$S/qmp" device_del id=nic0
}

session() { # nic
    nic=$1 S=$work/$1
    mkdir "$S"
    echo $((160 + 160 * WORKERS)) >"$S/hugepages_mb"
    echo "--cores 0-$((WORKERS - 1))" >"$S/options"
    cp "$HERE/guest/flow" "$S/run"
    documents
    ip tuntap add tap0 mode tap
    ip addr add $HOST/24 dev tap0
    ip link set lo up
    ip link set tap0 up
    SMP=$((WORKERS > 1 ? WORKERS : 2)) LIMIT=$LIMIT "$HERE/vm" "$LAB" "$S" "$nic" >"$S/console.log" 2>&1 &
    vm=$!
    host_side || result goes_to_its_end false
    wait "$vm"
    result guest_ends [ $? = 0 ]
    vm=''
    ip link del tap0
    [ ! -e "$S/results" ] || sed "s/ok /&lab_${nic}_/" "$S/results"
    result no_iommu_fault [ ! -s "$S/iommu_faults" ]
    if [ $failed != 0 ] || grep -qs '^not ok' "$S/results"; then
        failed=1
        for log in console.log run.log serve.log host.log; do
            [ ! -s "$S/$log" ] || tail -n 30 "$S/$log" | sed "s/^/    $log: /"
        done
    fi
}

for name in "${@:-e1000e}"; do session "$name"; done
exit $failed
