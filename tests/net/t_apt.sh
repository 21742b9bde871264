# SPDX-License-Identifier: BSD-3-Clause
# A mirror of Debian packages, a small one, and Debian's own apt as its client.

# Ten packages of 1 KiB to 5 MiB with their index, as a mirror has them: repository DIRECTORY
repository() {
    local number size
    mkdir -p "$1/pool"
    for number in 0 1 2 3 4 5 6 7 8 9; do
        size=$((1024 + number * number * 65537))
        rm -rf "$T/package"
        mkdir -p "$T/package/DEBIAN" "$T/package/usr/share/hw-test-$number"
        head -c $size "$FIXTURES/medium/20m.bin" >"$T/package/usr/share/hw-test-$number/data"
        printf '%s\n' "Package: hw-test-$number" "Version: 1.$number" "Architecture: all" \
            "Maintainer: Nobody <nobody@example.org>" "Description: package of $size bytes" \
            >"$T/package/DEBIAN/control"
        dpkg-deb -Zgzip -z1 --root-owner-group --build "$T/package" "$1/pool" >/dev/null ||
            fail "dpkg-deb"
    done
    (cd "$1" && apt-ftparchive packages pool >Packages && gzip -9k Packages && xz -k Packages &&
        apt-ftparchive release . >"$T/Release" && mv "$T/Release" .) || fail "apt-ftparchive"
    rm -rf "$T/package"
}

# apt with a state of its own, in the client's namespace.
apt_here() { # apt-get's arguments
    client timeout 60 apt-get -q -o Dir="$T/apt" -o Dir::Etc=etc -o Dir::State=state \
        -o Dir::State::status="$T/apt/status" -o Dir::Cache=cache -o Dir::Log=log \
        -o APT::Sandbox::User=root -o APT::Architecture=amd64 -o APT::Architectures=amd64 \
        -o Acquire::http::Proxy=DIRECT -o Acquire::Retries=0 -o Acquire::Languages=none -o Acquire::GzipIndexes=false \
        -o Debug::Acquire::http=true "$@" >"$T/apt.log" 2>&1 || fail "apt-get $*: $(tail -n 20 "$T/apt.log")"
}

expect_packages() { # repository
    local path
    for path in "$1"/pool/*.deb; do
        expect_same "$path" "$T/apt/cache/archives/$(basename "$path")"
    done
}

test_apt() {
    local path partial
    need apt-get apt-ftparchive dpkg-deb xz
    repository "$T/repository"
    serve_direct "$T/repository"
    mkdir -p "$T/apt/etc/sources.list.d" "$T/apt/etc/apt.conf.d" "$T/apt/etc/preferences.d" \
        "$T/apt/state/lists/partial" "$T/apt/cache/archives/partial"
    : >"$T/apt/status"
    echo "deb [trusted=yes] $URL/ ./" >"$T/apt/etc/sources.list"

    apt_here update
    expect_eq "packages in the index" 10 "$(grep -c '^Package:' "$T"/apt/state/lists/*Packages)"
    # Nothing is new: the mirror says 304.
    apt_here update
    grep -q '^HTTP/1.1 304' "$T/apt.log" || fail "no 304 at the second update"

    apt_here install -y --download-only $(seq -f 'hw-test-%.0f' 0 9)
    expect_packages "$T/repository"

    # A download that broke off: apt asks for the rest, if the file is still the same.
    path=$T/repository/pool/hw-test-9_1.9_all.deb
    partial=$T/apt/cache/archives/partial/$(basename "$path")
    rm "$T"/apt/cache/archives/*.deb
    head -c 1000000 "$path" >"$partial"
    touch -r "$path" "$partial"
    apt_here install -y --download-only $(seq -f 'hw-test-%.0f' 0 9)
    grep -q '^HTTP/1.1 206' "$T/apt.log" || fail "no 206 for the rest of a package"
    expect_packages "$T/repository"
    serve_stop
}
