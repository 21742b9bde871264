# SPDX-License-Identifier: BSD-3-Clause
# A real browser. Chromium and ffmpeg are large, so app/setup.sh does not install them: where they are
# missing, these tests are left out. KEEP=1 keeps the screenshots.

need_browser() {
    need chromium ffmpeg # apt-get install chromium ffmpeg
}

# A minute of noise, 12 MB: at the rate below, far more than a browser has read when the script seeks.
make_video() { # file
    ffmpeg -v error -f lavfi -i 'testsrc2=size=160x90:rate=10:duration=60,noise=alls=100:allf=t' \
        -c:v libvpx -b:v 20M -minrate 20M -maxrate 20M -bufsize 4M -qmin 0 -qmax 4 -g 20 \
        -deadline realtime -cpu-used 8 -y "$1" || fail "ffmpeg"
}

browser() { # browser.py's command and arguments
    mkdir -p "$T/browser"
    client timeout 120 "$HERE/browser.py" "$T/browser" "$@" ||
        fail "browser.py $1: $(tail -n 5 "$T/browser/chromium.log")"
}

test_browser_page() {
    local before parts
    need_browser
    cp -r "$HERE/page" "$T/root"
    cp "$FIXTURES/site/image.png" "$T/root/pixel.png"
    cp "$FIXTURES/site/data.json" "$FIXTURES/site/page.html" "$T/root"
    make_video "$T/root/video.webm"
    printf 'sites:\n  - limits:\n      rate: 400KiB/s\n' >"$T/config.yaml"
    serve_direct "$T/root" --config "$T/config.yaml" --access-log "$T/access.log"
    before=$(counter http_3xx)
    browser page $URL/
    [ "$(counter http_3xx)" -gt "$before" ] || fail "nothing was revalidated at the reload"
    expect_eq "malformed or refused" 0 "$(counter http_5xx)"
    serve_stop
    # Each seek is a request for a part; the browser breaks off what it no longer needs.
    parts=$(grep -c 'GET /video.webm HTTP/1.1" 206 ' "$T/access.log")
    echo "video in $parts parts"
    [ "$parts" -ge 3 ] || fail "the browser did not seek by Range"
}

test_browser_listing() {
    need_browser
    mkdir -p "$T/root/files/images" "$T/root/files/src"
    echo "# read me" >"$T/root/files/README.md"
    head -c 300 /dev/zero >"$T/root/files/file-10.txt"
    head -c 200 /dev/zero >"$T/root/files/file-2.txt"
    head -c 7340032 /dev/zero >"$T/root/files/large.iso"
    head -c 20000 /dev/zero >"$T/root/files/zoo<b>&.html"
    touch -d '2026-03-14 15:09 UTC' "$T/root/files/"*
    touch -d '2020-01-01 12:34 UTC' "$T/root/files/file-2.txt"
    printf 'sites:\n  - autoindex: html\n' >"$T/config.yaml"
    serve_direct "$T/root" --config "$T/config.yaml"
    browser listing $URL/files/
    serve_stop
}
