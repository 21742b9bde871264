# SPDX-License-Identifier: BSD-3-Clause
# Several sites on one server: hosts and ports, what is sent elsewhere, refused, limited.

# One directory per site below a root of the test's own.
make_sites() {
    mkdir -p "$T/root/one/sub" "$T/root/two"
    echo "this is one" >"$T/root/one/index.html"
    echo "this is two" >"$T/root/two/start.htm"
    echo "console.log(1)" >"$T/root/one/sub/a.js"
    head -c 8000000 /dev/urandom >"$T/root/two/8m.bin"
    cat >"$T/config.yaml" <<YAML
server:
  root: $T/root
sites:
  - host: [one.example, "*.one.example"]
    port: [80, 8080]
    root: one
    types: {js: text/javascript; charset=utf-8}
    add_headers:
      - path: "*.js"
        headers: {Cache-Control: "max-age=60", Access-Control-Allow-Origin: "*"}
    redirects:
      - {from: /old, to: /sub/a.js}
      - {prefix: /docs/, to: "http://two.example/", status: 308}
  - root: two
    index: [start.htm]
  - host: slow.example
    root: two
    limits: {rate: 2MiB/s}
  - host: counted.example
    root: one
    limits: {requests: 30/min, burst: 5}
  - host: busy.example
    root: two
    limits: {rate: 1MiB/s, connections: 2}
  - host: closed.example
    root: one
    access:
      - deny: $CLIENT_IP
  - host: open.example
    root: one
    access:
      - allow: 10.71.0.0/24
      - deny: all
YAML
}

serve_sites() {
    make_sites
    net_direct
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --config "$T/config.yaml" >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S server_ready || fail "server not ready in $READY_S s"
    kill -0 "$SERVER" 2>/dev/null || fail "server ended at once"
    net_direct_up
}

at() { # host path curl's-arguments...
    local host=$1 path=$2
    shift 2
    fetch -H "Host: $host" "$@" "$URL$path"
}

test_sites_by_host_and_port() {
    serve_sites
    expect_eq "exact" "this is one" "$(at one.example /)"
    expect_eq "case and port of Host" "this is one" "$(at ONE.example:1234 /)"
    expect_eq "subdomain" "this is one" "$(at a.b.one.example /)"
    expect_eq "any other" "this is two" "$(at example.org /)"
    expect_eq "address" "this is two" "$(fetch $URL/)"
    expect_eq "second port" "this is one" "$(fetch -H "Host: one.example" $URL:8080/)"
    expect_eq "second port, its only site" "this is one" "$(fetch $URL:8080/)"
    expect_eq "third port" 7 "$(fetch -o /dev/null $URL:8081/ 2>/dev/null; echo $?)"
    expect_eq "the other site's files" 404 "$(at one.example /8m.bin -o /dev/null -w '%{http_code}')"
    expect_eq "out of the root" 400 "$(at one.example /../two/start.htm --path-as-is -o /dev/null -w '%{http_code}')"
    serve_stop
}

test_site_headers_types_redirects() {
    local head
    serve_sites
    head=$(at one.example /sub/a.js -I)
    expect_match "type" $'\nContent-Type: text/javascript; charset=utf-8\r' "$head"
    expect_match "caching" $'\nCache-Control: max-age=60\r' "$head"
    expect_match "CORS" $'\nAccess-Control-Allow-Origin: \*\r' "$head"
    expect_eq "fields elsewhere" 0 "$(at one.example / -I | grep -ci cache-control)"
    expect_eq "exact redirect" "301 $URL/sub/a.js" \
        "$(at one.example /old -o /dev/null -w '%{http_code} %{redirect_url}')"
    expect_eq "prefix redirect" "308 http://two.example/a%20b?c=d" \
        "$(at one.example "/docs/a%20b?c=d" -o /dev/null -w '%{http_code} %{redirect_url}')"
    expect_eq http_redirected 2 "$(counter http_redirected)"
    serve_stop
}

test_site_access_by_address() {
    serve_sites
    expect_eq "denied" 403 "$(at closed.example / -o /dev/null -w '%{http_code}')"
    expect_eq "allowed" 200 "$(at open.example / -o /dev/null -w '%{http_code}')"
    expect_eq http_denied 1 "$(counter http_denied)"
    serve_stop
}

# 8 MB at 2 MiB/s take 3.8 s: less would be too fast, much more too slow even here.
test_site_rate_of_a_connection() {
    local ms
    serve_sites
    ms=$(at slow.example /8m.bin -o "$T/got" -w '%{time_total}' | awk '{ print int($1 * 1000) }')
    expect_same "$T/root/two/8m.bin" "$T/got"
    echo "8 MB in $ms ms"
    [ "$ms" -gt 3500 ] && [ "$ms" -lt 12000 ] || fail "8 MB at 2 MiB/s took $ms ms"
    serve_stop
}

test_site_requests_of_an_address() {
    local statuses
    serve_sites
    statuses=$(for _ in $(seq 8); do at counted.example / -o /dev/null -w '%{http_code}\n'; done |
        sort | uniq -c | xargs)
    # One request more is due every 2 s; a slow machine may get one or two of them.
    expect_match "statuses of 8 requests, 5 at once allowed" '^[567] 200 [123] 429$' "$statuses"
    expect_match "when to come again" $'\nRetry-After: [12]\r' "$(for _ in 1 2 3 4 5 6; do
        at counted.example / -I; done)"
    expect_eq "other sites" 200 "$(at open.example / -o /dev/null -w '%{http_code}')"
    serve_stop
}

# Two transfers at a time; connections that are merely open do not count.
test_site_connections_of_an_address() {
    local first second
    serve_sites
    fetch_exec -o /dev/null -H 'Host: busy.example' $URL/8m.bin &
    first=$!
    fetch_exec -o /dev/null -H 'Host: busy.example' $URL/8m.bin &
    second=$!
    wait_for 10 eval '[ "$(counter tcp_established)" -ge 2 ]' || fail "two transfers"
    sleep 0.5
    expect_eq "a third" 429 "$(at busy.example /start.htm -o /dev/null -w '%{http_code}')"
    expect_eq "another site" 200 "$(at open.example / -o /dev/null -w '%{http_code}')"
    expect_eq http_busy 1 "$(counter http_busy)"
    kill $first
    wait_for 10 eval '[ "$(at busy.example /start.htm -o /dev/null -w "%{http_code}")" = 200 ]' ||
        fail "the place of the one that has gone is not free"
    kill $second
    serve_stop
}

test_site_without_its_directory_is_refused() {
    net_direct
    make_sites
    rm -r "$T/root/one"
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve -c "$T/config.yaml" >"$T/out" 2>&1
    expect_eq "exit code" 2 $?
    expect_match "message" 'sites\[0\].root: expected a directory below ROOT .*; found no "one"' "$(cat "$T/out")"
}

# A site whose files are not below ROOT, and what links may do in it.
test_site_root_elsewhere() {
    local symlinks wanted
    mkdir -p "$T/root" "$T/else/where/sub"
    echo main >"$T/root/index.html"
    echo elsewhere >"$T/else/where/index.html"
    echo deep >"$T/else/where/sub/x"
    echo secret >"$T/else/secret"
    ln -s ../where/sub/x "$T/else/where/inside"
    ln -s ../secret "$T/else/where/outside"
    ln -s "$T/else/where" "$T/root/into-the-other"
    for symlinks in within-root never follow; do
        case $symlinks in
        within-root) wanted="200 404 404" ;;
        never) wanted="404 404 404" ;;
        follow) wanted="200 200 200" ;;
        esac
        cat >"$T/config.yaml" <<YAML
pool: {symlinks: $symlinks}
sites:
  - {}
  - {host: else.example, root: $T/else/where/, autoindex: json}
YAML
        serve_direct "$T/root" --config "$T/config.yaml"
        expect_eq "$symlinks: main" main "$(fetch $URL/)"
        expect_eq "$symlinks: elsewhere" elsewhere "$(at else.example /)"
        expect_eq "$symlinks: listing" x "$(at else.example /sub/ | sed -n 's/.*"name":"\([^"]*\)".*/\1/p')"
        expect_eq "$symlinks: inside, outside, from ROOT" "$wanted" "$(
            at else.example /inside -o /dev/null -w '%{http_code} '
            at else.example /outside -o /dev/null -w '%{http_code} '
            fetch $URL/into-the-other/sub/x -o /dev/null -w '%{http_code}')"
        expect_eq "$symlinks: not by its path" 404 "$(fetch --path-as-is "$URL/$T/else/where/index.html" -o /dev/null -w '%{http_code}')"
        echo "changed $symlinks" >"$T/else/where/sub/x"
        wait_for 10 eval '[ "$(at else.example /sub/x)" = "changed '$symlinks'" ]' || fail "a change is not followed"
        "$HUGEWIRE" reload --pid $SERVER >"$T/out" || fail "reload"
        expect_eq "$symlinks: after a reload" elsewhere "$(at else.example /)"
        serve_stop
        ip netns del "$SERVER_NS"
    done
    rm -r "$T/else"
    net_direct
    timeout 30 ip netns exec "$SERVER_NS" "$HUGEWIRE" serve -c "$T/config.yaml" "$T/root" >"$T/out" 2>&1
    expect_eq "exit code without the root" 2 $?
    expect_match "message" 'sites\[1\].root: expected a directory; found no "/' "$(cat "$T/out")"
}
