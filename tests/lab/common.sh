# SPDX-License-Identifier: BSD-3-Clause
# What the lab's commands have in common: a guest on one end of a wire, us on the other, in a network
# namespace made for it, and a directory S that both see, in which each tells the other by files. Sourced;
# the caller has set HERE to tests/lab. Its environment is described in run.sh.
# shellcheck shell=bash

TOP=$(cd "$HERE/../.." && pwd)
HUGEWIRE=$(realpath -m "${HUGEWIRE:-$TOP/build/app/hugewire}")
LAB=$(realpath -m "${LAB:-$TOP/build/lab}")
# As in docs/QUICKSTART-NIC.md, whose commands are typed as they stand. The host is 10.9.0.1.
GUEST=10.9.0.2
NIC_MAC=52:54:00:12:34:56
# Seconds that one session may take; emulation is slow and the machine may be busy.
LIMIT=${LIMIT:-300}
PATH=$PATH:/usr/sbin:/sbin

# Programs that this command needs besides, here and in the guest.
NEEDS=() GUEST_NEEDS=()

# Comes back in a namespace of its own, with a guest to boot; says "skip lab: WHY" where that cannot be.
enter_namespace() { # script arguments...
    local program output
    [ -z "${IN_NAMESPACE:-}" ] || return 0
    for program in "${QEMU:-qemu-system-x86_64}" busybox cpio depmod lspci dpdk-devbind.py "${NEEDS[@]}"; do
        command -v "$program" >/dev/null || { echo "skip lab: $program is not installed"; exit 0; }
    done
    for program in "$HUGEWIRE" "$HUGEWIRE-debug"; do
        [ -x "$program" ] || { echo "not ok lab: $program is missing: ninja -C build"; exit 1; }
    done
    output=$("$HERE/guest/build" "$LAB" "$HUGEWIRE" "${GUEST_NEEDS[@]}" 2>&1)
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
    IN_NAMESPACE=1 exec unshare -Urn "$@"
}

work='' vm='' wires=0 failed=0
finish() {
    [ -z "$vm" ] || kill -TERM "$vm" 2>/dev/null
    if [ -n "${KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
begin() {
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/hugewire-lab.XXXXXX")
    trap finish EXIT
    trap 'exit 130' INT TERM
}

label='' # of the session, in its lines
result() { # name command...
    local name=$1
    shift
    if "$@"; then
        echo "ok lab_${label}_$name"
    else
        echo "not ok lab_${label}_$name"
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
qmp() { "$HERE/qmp" "$S/qmp" "$@"; }

# --- what the host does ------------------------------------------------------------------------
pings() { ping -c 3 -i 0.3 -W 5 $GUEST >"$S/ping.log" 2>&1; }
fetch() { # path: byte for byte
    curl -sS --max-time 60 -o "$S/got" "http://$GUEST/$1" && cmp -s "$S/got" "$S/docroot/$1"
}
fetch_times() { # count path
    local i
    for ((i = 0; i < $1; i++)); do fetch "$2" || return 1; done
}
fetch_at_once() { # count path
    local i pids=() bad=0
    for ((i = 0; i < $1; i++)); do
        curl -sS --max-time 60 "http://$GUEST/$2" | cmp -s - "$S/docroot/$2" &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || bad=1; done
    return $bad
}
# The emulator writes what passes over the wire.
capture_start() { # name: S/name.pcap
    qmp object-add qom-type=filter-dump "id=$1" netdev=n0 "file=$S/$1.pcap" maxlen=65536
}
capture_stop() { qmp object-del "id=$1"; }
frames() { # name arguments...: what was captured is as it should be
    "$HERE/frames" "$S/$1.pcap" --from $NIC_MAC "${@:2}" >>"$S/host.log" 2>&1
}

# --- a session -----------------------------------------------------------------------------------
boot() { # script NIC...: S is there, the guest runs guest/SCRIPT
    local i
    wires=$(($# - 1))
    cp "$HERE/guest/$1" "$S/run"
    cp "$HERE/guest/common" "$S/common"
    ip link set lo up
    for ((i = 0; i < wires; i++)); do # a wire for each; the guest has 10.9.i.2
        ip tuntap add "tap$i" mode tap
        ip addr add "10.9.$i.1/24" dev "tap$i"
        ip link set "tap$i" up
    done
    LIMIT=$LIMIT "$HERE/vm" "$LAB" "$S" "${@:2}" >"$S/console.log" 2>&1 &
    vm=$!
}

# Waits for the guest's end and prints what it found, and logs if something failed.
conclude() {
    local log wire
    wait "$vm"
    result guest_ends [ $? = 0 ]
    vm=''
    for ((wire = 0; wire < wires; wire++)); do ip link del "tap$wire"; done
    [ ! -e "$S/results" ] || sed "s/ok /&lab_${label}_/" "$S/results"
    ! grep -qs '^not ok' "$S/results" || failed=1
    [ $failed != 0 ] || return 0
    for log in console.log run.log serve.log debug.log host.log; do
        [ ! -s "$S/$log" ] || grep -v ' 0$' "$S/$log" | tail -n 30 | sed "s/^/    $log: /"
    done
}
