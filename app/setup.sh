# SPDX-License-Identifier: BSD-3-Clause
# What app/demo.sh and tests/run.sh do before they begin: packages, hugepages, builds. Sourced.
# shellcheck shell=bash

# Debian's own tools first: meson must meet the python3 it was packaged for.
PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY

BUILD_PACKAGES=(gcc meson ninja-build pkg-config libdpdk-dev dpdk libnuma-dev check liburing-dev
    libcyaml-dev libyaml-dev libjansson-dev libsodium-dev libxxhash-dev libseccomp-dev
    libcap-ng-dev node-llhttp media-types iproute2 curl strace)
TEST_PACKAGES=(wrk nginx-light iputils-ping ethtool procps clang clang-format libclang-rt-14-dev
    python3 tcpdump qemu-system-x86 busybox-static cpio kmod pciutils util-linux
    valgrind wget aria2 apache2-utils apt-utils xz-utils slowhttptest)

HUGEPAGES=/sys/kernel/mm/hugepages/hugepages-2048kB

say() { printf '%s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 2
}

need_root() { # how the program is called
    [ "$(id -u)" = 0 ] ||
        die "needs root, for hugepages, a TAP device and network namespaces: sudo $1"
}

package_is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# Installs those of the packages that are missing; asks the archive for news only if it must. No
# service starts: packages ask policy-rc.d first, and nginx is not left enabled for the next boot.
install_packages() { # log package...
    local log=$1 package policy=/usr/sbin/policy-rc.d made_policy='' failed=''
    local -a missing=()
    shift
    for package; do
        package_is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null ||
        die "these Debian packages are missing, and there is no apt-get: ${missing[*]}"
    say "installing ${missing[*]}"
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod 755 $policy
        made_policy=yes
    fi
    apt_install "${missing[@]}" >"$log" 2>&1 ||
        { apt-get update -q && apt_install "${missing[@]}"; } >"$log" 2>&1 || failed=yes
    [ -z "$made_policy" ] || rm -f $policy
    if [[ " ${missing[*]} " == *" nginx-light "* ]] && command -v systemctl >/dev/null; then
        systemctl disable -q nginx >/dev/null 2>&1 || true
    fi
    if [ -n "$failed" ]; then
        tail -n 20 "$log" >&2
        die "apt-get could not install ${missing[*]}"
    fi
}

# Pages that we added; hugepages_restore takes away as many, whatever others did in the meantime.
hugepages_added=0

hugepages_reserve() { # how many must be free
    local before free
    [ -w $HUGEPAGES/nr_hugepages ] ||
        die "this kernel has no 2 MiB hugepages ($HUGEPAGES is missing or not writable)"
    before=$(cat $HUGEPAGES/nr_hugepages)
    free=$(cat $HUGEPAGES/free_hugepages)
    [ "$free" -lt "$1" ] || return 0
    echo $((before + $1 - free)) >$HUGEPAGES/nr_hugepages
    hugepages_added=$(($(cat $HUGEPAGES/nr_hugepages) - before))
    free=$(cat $HUGEPAGES/free_hugepages)
    [ "$free" -ge "$1" ]
}

hugepages_restore() {
    [ "$hugepages_added" -gt 0 ] || return 0
    echo $(($(cat $HUGEPAGES/nr_hugepages) - hugepages_added)) >$HUGEPAGES/nr_hugepages
    hugepages_added=0
}

# Sets a build directory up if it is not, and builds targets (all if none is named).
build() { # log directory "meson options" target...
    local log=$1 directory=$2 options=$3
    shift 3
    # shellcheck disable=SC2086 # options are words
    { [ -e "$directory/build.ninja" ] || meson setup "$directory" "$TOP" $options; } >"$log" 2>&1 &&
        ninja -C "$directory" "$@" >>"$log" 2>&1 && return
    grep -E 'ERROR|error:|FAILED' -A 5 "$log" | head -n 40 >&2
    return 1
}

# What root built belongs to who called sudo.
give_back() { # directory...
    [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$@"
}
