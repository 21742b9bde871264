#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Takes a NIC from the kernel and gives it to hugewire, and back.
#
#   drivers_cfg/bind.sh [--force] [--unsafe-no-iommu] PCI|IF   bind it to vfio-pci
#   drivers_cfg/bind.sh --restore PCI                          bind it to the driver it had before
#   drivers_cfg/bind.sh --status                               what was taken, and from whom
#
# PCI is an address as lspci -D prints it (0000:03:00.0, or 03:00.0), IF an interface of the kernel's.
# An interface that carries the default route or this SSH session is refused unless --force is given.
# Exit codes: 0 done, 1 it could not be done (the line on stderr says why), 2 wrong use.
set -u
PATH=$PATH:/usr/sbin:/sbin
SYSFS=${SYSFS:-/sys}
STATE=${STATE:-/run/hugewire/bind} # a file per taken device: "driver interface"
VFIO=vfio-pci

fail() {
    printf 'bind.sh: %s\n' "$*" >&2
    exit 1
}
usage() {
    sed -n '3,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

driver_of() { # BDF: its driver's name, nothing if it has none
    local link
    link=$(readlink "$SYSFS/bus/pci/devices/$1/driver") && echo "${link##*/}"
}

interfaces_of() { # BDF: the kernel's interfaces on it; those of virtio hang one level deeper
    local path
    for path in "$SYSFS/bus/pci/devices/$1"/net/* "$SYSFS/bus/pci/devices/$1"/virtio*/net/*; do
        [ ! -e "$path" ] || echo "${path##*/}"
    done
}

# PCI address of a name: an address in one of its two forms, or an interface.
address_of() { # PCI|IF
    local path
    case $1 in
    ????:??:??.?) path=$SYSFS/bus/pci/devices/$1 ;;
    ??:??.?) path=$SYSFS/bus/pci/devices/0000:$1 ;;
    */* | '' | . | ..) fail "'$1' is neither a PCI address (0000:03:00.0) nor an interface" ;;
    *)
        [ -e "$SYSFS/class/net/$1" ] || fail "there is no interface '$1': see ip link, lspci -D"
        path=$(realpath "$SYSFS/class/net/$1/device" 2>/dev/null) && [ -e "$path" ] ||
            fail "interface '$1' is not a device of its own (a bridge, a tunnel?): see lspci -D"
        [[ ${path##*/} != virtio* ]] || path=${path%/*}
        ;;
    esac
    [ -e "$SYSFS/bus/pci/devices/${path##*/}" ] || fail "there is no PCI device '$1': see lspci -D"
    echo "${path##*/}"
}

# An interface and all that is built upon it: bonds, bridges, VLANs.
with_uppers() { # IF
    local upper
    echo "$1"
    for upper in "$SYSFS/class/net/$1"/upper_*; do
        [ ! -e "$upper" ] || with_uppers "${upper##*/upper_}"
    done
}

# Our address in the SSH session that we run in, if any. sudo takes the variable out of its
# environment, so that of our ancestors is asked.
ssh_address() {
    local pid=$$ connection=''
    while [ "${pid:-0}" -gt 1 ]; do
        connection=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
        [ -z "$connection" ] || break
        pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
    done
    echo "$connection" | cut -d ' ' -f 3
}

# Whether this machine would lose its way out, or its administrator.
refuse_needed() { # BDF
    local interface part ssh_address
    ssh_address=$(ssh_address)
    for interface in $(interfaces_of "$1"); do
        for part in $(with_uppers "$interface"); do
            if { ip -4 route show default; ip -6 route show default; } 2>/dev/null |
                grep -Eq " dev $part( |\$)"; then
                fail "$interface carries the default route (by $part): this machine would be cut off; --force does it all the same"
            fi
            if [ -n "$ssh_address" ] &&
                ip -o addr show dev "$part" 2>/dev/null | grep -Fq " $ssh_address/"; then
                fail "$interface carries this SSH session ($ssh_address): it would be cut off; --force does it all the same"
            fi
        done
    done
}

# vfio_iommu_type1 first: vfio-pci alone loads, and then refuses its groups a container.
load_vfio() {
    local module
    for module in vfio_iommu_type1 vfio-pci; do
        modprobe "$module" 2>/dev/null || [ -e "$SYSFS/module/${module//-/_}" ] ||
            fail "the kernel has no module $module: install the distribution's full kernel"
    done
    [ -e "$SYSFS/bus/pci/drivers/$VFIO" ] || fail "vfio-pci was loaded and is not there: see dmesg"
}

# The IOMMU confines what the device may read and write by DMA.
need_iommu() { # BDF unsafe
    local group other driver noiommu=$SYSFS/module/vfio/parameters/enable_unsafe_noiommu_mode
    group=$(realpath "$SYSFS/bus/pci/devices/$1/iommu_group" 2>/dev/null) && [ -e "$group" ] || {
        [ -n "$2" ] ||
            fail "no IOMMU guards $1: enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on iommu=pt; --unsafe-no-iommu goes without (the device can then write all of memory)"
        echo Y 2>/dev/null >"$noiommu" ||
            fail "this kernel has no unsafe no-IOMMU mode ($noiommu)"
        return
    }
    for other in "$group"/devices/*; do
        other=${other##*/}
        [ "$other" != "$1" ] || continue
        driver=$(driver_of "$other")
        case $driver in
        '' | vfio-pci | pci-stub | pcieport) ;;
        *) fail "$1 shares its IOMMU group with $other (driver $driver), which must be bound to vfio-pci, too, or plugged elsewhere" ;;
        esac
    done
}

# dpdk-devbind.py exits with 0 also when it failed: the driver's link tells.
bind_to() { # BDF driver
    local output
    command -v dpdk-devbind.py >/dev/null || fail "dpdk-devbind.py is missing: apt-get install dpdk"
    output=$(dpdk-devbind.py --force --bind="$2" "$1" 2>&1)
    [ "$(driver_of "$1")" = "$2" ] ||
        fail "$1 is bound to $(driver_of "$1" || echo nothing), not to $2: ${output:-dpdk-devbind.py says nothing; see dmesg}"
}

take() { # PCI|IF force unsafe
    local bdf driver interface interfaces
    bdf=$(address_of "$1") || exit
    driver=$(driver_of "$bdf")
    [ "$driver" != $VFIO ] || { echo "$bdf is bound to $VFIO already"; return; }
    [ -n "$2" ] || refuse_needed "$bdf"
    interfaces=$(interfaces_of "$bdf" | tr '\n' ' ')
    load_vfio
    need_iommu "$bdf" "$3"
    for interface in $interfaces; do
        ip link set "$interface" down || fail "interface $interface cannot be taken down"
    done
    mkdir -p "$STATE" && echo "${driver:--} $interfaces" >"$STATE/$bdf" ||
        fail "$STATE cannot be written: run as root"
    bind_to "$bdf" $VFIO
    echo "$bdf is bound to $VFIO (was: ${driver:-no driver}${interfaces:+, interface ${interfaces% }}); hugewire serve --device pci:$bdf"
}

restore() { # PCI
    local bdf driver interfaces waited
    bdf=$(address_of "$1") || exit
    [ -e "$STATE/$bdf" ] || fail "$bdf was not taken by this script: $STATE has no record of it"
    read -r driver interfaces <"$STATE/$bdf"
    if [ "$driver" != - ]; then
        bind_to "$bdf" "$driver"
    else
        dpdk-devbind.py --unbind "$bdf" >/dev/null 2>&1
    fi
    rm -f "$STATE/$bdf"
    for ((waited = 0; waited < 30; waited++)); do
        [ -n "$interfaces" ] && [ -z "$(interfaces_of "$bdf")" ] || break
        sleep 0.1
    done
    interfaces=$(interfaces_of "$bdf" | tr '\n' ' ')
    [ "$driver" != - ] || driver="no driver"
    echo "$bdf is bound to $driver again${interfaces:+, interface ${interfaces% } (its addresses are yours to set)}"
}

status() {
    local file driver interfaces
    for file in "$STATE"/*; do
        [ -e "$file" ] || { echo "no device is taken"; return; }
        read -r driver interfaces <"$file"
        echo "${file##*/}: driver $(driver_of "${file##*/}"), before: $driver ${interfaces:-}"
    done
}

force='' unsafe='' action=take
while [ $# -gt 0 ]; do
    case $1 in
    --force) force=yes ;;
    --unsafe-no-iommu) unsafe=yes ;;
    --restore) action=restore ;;
    --status) action=status ;;
    -h | --help) usage ;;
    -*) printf 'bind.sh: unknown option %s\n' "$1" >&2; usage ;;
    *) break ;;
    esac
    shift
done
case $action in
status) [ $# = 0 ] || usage; status ;;
restore) [ $# = 1 ] || usage; restore "$1" ;;
take) [ $# = 1 ] || usage; take "$1" "$force" "$unsafe" ;;
esac
