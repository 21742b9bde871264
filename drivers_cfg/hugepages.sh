#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Reserves hugepages for hugewire.
#
#   drivers_cfg/hugepages.sh [--size 2M|1G] [--node N] [--persist] BYTES   as many as BYTES need
#   drivers_cfg/hugepages.sh --status                                      what is reserved and free
#
# BYTES with K, M, G or T (powers of 1024) is how much shall be reserved in all on the node (0 gives
# everything back); without --node the kernel spreads it over all nodes. --persist keeps the number over
# the next boot: 2 MiB pages by /etc/sysctl.d/80-hugewire.conf, 1 GiB pages by what it prints for the
# kernel's command line, for only a fresh boot has such pages for sure.
# Exit codes: 0 done, 1 it could not be done (the line on stderr says why), 2 wrong use.
set -u
SYSFS=${SYSFS:-/sys}
SYSCTL_FILE=${SYSCTL_FILE:-/etc/sysctl.d/80-hugewire.conf}

fail() {
    printf 'hugepages.sh: %s\n' "$*" >&2
    exit 1
}
usage() {
    sed -n '3,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

bytes_of() { # "4G"
    [[ $1 =~ ^([0-9]{1,9})([KMGT]?)$ ]] || return 1
    case ${BASH_REMATCH[2]} in
    '') echo $((BASH_REMATCH[1])) ;;
    K) echo $((BASH_REMATCH[1] << 10)) ;;
    M) echo $((BASH_REMATCH[1] << 20)) ;;
    G) echo $((BASH_REMATCH[1] << 30)) ;;
    T) echo $((BASH_REMATCH[1] << 40)) ;;
    esac
}

status() {
    local path kb
    for path in "$SYSFS"/devices/system/node/node*/hugepages/hugepages-*kB; do
        [ -e "$path" ] || fail "this kernel has no hugepages ($SYSFS/devices/system/node)"
        kb=${path##*hugepages-}
        kb=${kb%kB}
        node=${path%/hugepages/*}
        echo "${node##*/}: $(cat "$path/nr_hugepages") pages of $((kb >> 10)) MiB, $(cat "$path/free_hugepages") free"
    done
}

reserve() { # size node persist bytes
    local kb path pages got before
    case $1 in
    2M) kb=2048 ;;
    1G) kb=1048576 ;;
    *) fail "no page size '$1': 2M or 1G" ;;
    esac
    pages=$((($4 + (kb << 10) - 1) / (kb << 10)))
    path=$SYSFS/kernel/mm/hugepages/hugepages-${kb}kB
    [ -z "$2" ] || {
        [ -e "$SYSFS/devices/system/node/node$2" ] || fail "there is no NUMA node $2: see --status"
        path=$SYSFS/devices/system/node/node$2/hugepages/hugepages-${kb}kB
    }
    [ -e "$path" ] || fail "this machine has no pages of $1${2:+ on node $2}: see --status"
    before=$(cat "$path/nr_hugepages")
    # Free memory is in pieces: compaction puts it together, where it can.
    [ ! -w /proc/sys/vm/compact_memory ] || [ "$pages" -le "$before" ] || echo 1 >/proc/sys/vm/compact_memory
    echo "$pages" 2>/dev/null >"$path/nr_hugepages" || fail "$path/nr_hugepages cannot be written: run as root"
    got=$(cat "$path/nr_hugepages")
    if [ "$got" -gt "$pages" ]; then
        echo "$got pages of $1 are reserved: $((got - pages)) more than asked for are in use"
    elif [ "$got" -lt "$pages" ]; then
        echo "$before" >"$path/nr_hugepages"
        fail "only $got of $pages pages of $1 could be had, memory is short or in pieces (there are $before as before): stop other programs, or reserve at boot: $(boot_words "$1" "$pages")"
    else
        echo "$got pages of $1 are reserved${2:+ on node $2}"
    fi
    [ -z "$3" ] || persist "$1" "$2" "$pages"
}

boot_words() { # size pages
    if [ "$1" = 1G ]; then
        echo "hugepagesz=1G hugepages=$2"
    else
        echo "hugepages=$2"
    fi
}

persist() { # size node pages
    if [ "$1" = 1G ] || [ -n "$2" ]; then
        echo "for the next boot, add to the kernel's command line (GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub):"
        if [ -n "$2" ]; then
            echo "    hugepagesz=$1 hugepages=$2:$3"
        else
            echo "    $(boot_words "$1" "$3")"
        fi
        return
    fi
    printf '# written by hugewire, drivers_cfg/hugepages.sh --persist\nvm.nr_hugepages = %s\n' "$3" >"$SYSCTL_FILE" ||
        fail "$SYSCTL_FILE cannot be written: run as root"
    echo "kept over the next boot by $SYSCTL_FILE"
}

size=2M node='' keep=''
while [ $# -gt 0 ]; do
    case $1 in
    --size) size=${2:-}; shift ;;
    --node) node=${2:-}; shift ;;
    --persist) keep=yes ;;
    --status) [ $# = 1 ] || usage; status; exit ;;
    -h | --help) usage ;;
    -*) printf 'hugepages.sh: unknown option %s\n' "$1" >&2; usage ;;
    *) break ;;
    esac
    shift || usage
done
[ $# = 1 ] || usage
bytes=$(bytes_of "$1") || fail "'$1' is no number of bytes: 4096M, 8G"
[[ $node =~ ^[0-9]*$ ]] || fail "'$node' is no node's number: see --status"
reserve "$size" "$node" "$keep" "$bytes"
