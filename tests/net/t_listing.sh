# SPDX-License-Identifier: BSD-3-Clause
# Directories that are listed, and pages for errors.

make_listed() {
    mkdir -p "$T/root/html/sub/deep" "$T/root/html/indexed" "$T/root/json/inner" "$T/root/plain/dir"
    echo one >"$T/root/html/a.txt"
    head -c 3000 /dev/urandom >"$T/root/html/b.bin"
    echo odd >"$T/root/html/<b> & \"q\" 100% #1?.txt"
    echo colon >"$T/root/html/javascript:alert(1)"
    echo latin >"$T/root/html/gr"$'\xfc'"n"
    echo hidden >"$T/root/html/.hidden"
    echo index >"$T/root/html/indexed/index.html"
    echo other >"$T/root/html/indexed/other.txt"
    echo deep >"$T/root/html/sub/deep/x"
    cp "$T/root/html/a.txt" "$T/root/json/a\"b.txt"
    echo "<h1>not here</h1>" >"$T/root/html/404.html"
    head -c 100000 /dev/urandom >"$T/root/html/big-error.html"
    touch -d '2020-01-01 12:34:56 UTC' "$T/root/html/sub" "$T/root/html/b.bin" "$T/root/json/"*
    cat >"$T/config.yaml" <<YAML
server:
  root: $T/root
sites:
  - root: html
    autoindex: html
    error_pages:
      - {status: 404, page: /404.html}
      - {status: [405, 416], page: /big-error.html}
      - {status: 400, page: /missing.html}
  - host: json.example
    root: json
    autoindex: json
  - host: plain.example
    root: plain
  - host: closed.example
    root: html
    access: [{deny: all}]
    error_pages: [{status: 403, page: /404.html}]
YAML
}

serve_listed() {
    make_listed
    net_direct
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --config "$T/config.yaml" "$@" >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S server_ready || fail "server not ready in $READY_S s"
    kill -0 "$SERVER" 2>/dev/null || fail "server ended at once"
    net_direct_up
}

# Name, size and date of each row, and where its link leads, as a browser reads them.
listing() { # curl's arguments
    fetch "$@" | python3 -c '
import html.parser, sys, urllib.parse
class Rows(html.parser.HTMLParser):
    rows, cell = [], None
    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "tr": self.rows.append([])
        elif tag == "td": self.rows[-1].append(attributes.get("data-n", ""))
        elif tag == "a" and self.rows and self.rows[-1]: self.rows[-1][0] = urllib.parse.unquote(attributes["href"], "latin-1")
        self.cell = tag
    def handle_data(self, data):
        if self.rows and self.cell in ("a", "td") and data.strip(): self.rows[-1].append(data.strip())
parser = Rows()
parser.feed(sys.stdin.buffer.read().decode("latin-1"))
for row in parser.rows[1:]: print("|".join(row))'
}

listed() { # name
    listing $URL/ | grep -qF "|$1|"
}

test_listing_page() {
    local rows head tag
    serve_listed
    rows=$(listing $URL/)
    echo "$rows"
    expect_match "directory first" '^indexed/\|indexed/\|' "$rows"
    expect_match "file" $'\nb.bin\|b.bin\|3000\|2.9 KiB\||2020-01-01 12:34' "$rows"
    expect_match "directory's date" $'\nsub/\|sub/\|-1\|\|2020-01-01 12:34' "$rows"
    expect_match "escaped name" $'\n<b> & "q" 100% #1[?].txt[|]<b> & "q" 100% #1[?].txt[|]' "$rows"
    expect_match "no scheme" $'\njavascript:alert\(1\)' "$rows"
    expect_eq "colon in a link" 0 "$(fetch $URL/ | grep -c 'href="[^"]*:')"
    expect_eq "hidden" 0 "$(grep -c hidden <<<"$rows")"
    expect_eq "hidden is served" hidden "$(fetch $URL/.hidden)"
    expect_eq "no parent of the root" 0 "$(grep -c '^\.\./' <<<"$rows")"
    expect_match "parent" $'^\.\./\|\.\./' "$(listing $URL/sub/)"
    expect_eq "odd name" odd "$(fetch "$URL/$(fetch $URL/ | grep -o 'href="%3Cb[^"]*' | cut -c 7-)")"
    expect_eq "latin name" latin "$(fetch "$URL/$(fetch $URL/ | grep -o 'href="gr%[^"]*' | cut -c 7-)")"
    expect_eq "index file" index "$(fetch $URL/indexed/)"
    expect_eq "without slash" "301 $URL/sub/" "$(fetch -o /dev/null -w '%{http_code} %{redirect_url}' $URL/sub)"
    expect_eq "not by its inner name" 404 "$(status_of --path-as-is $URL/sub//0)"
    expect_eq "off elsewhere" 404 "$(status_of -H 'Host: plain.example' $URL/dir/)"
    head=$(fetch -I $URL/sub/)
    tag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' <<<"$head")
    expect_match type $'\nContent-Type: text/html; charset=utf-8\r' "$head"
    expect_eq "not modified" 304 "$(status_of -H "If-None-Match: $tag" $URL/sub/)"
    expect_eq "part" "<!DOCTYPE" "$(fetch -r 0-8 $URL/sub/)"
    expect_eq "OPTIONS" 204 "$(status_of -X OPTIONS $URL/sub/)"
    serve_stop
}

test_listing_follows_changes() {
    serve_listed
    echo new >"$T/root/html/new.txt"
    wait_for 10 listed new.txt || fail "a new file is not listed"
    mkdir "$T/root/html/newdir"
    wait_for 10 listed newdir/ || fail "a new directory is not listed"
    expect_match "the new directory's own" '^\.\./' "$(listing $URL/newdir/)"
    rm "$T/root/html/new.txt" "$T/root/html/b.bin"
    wait_for 10 eval '! listed new.txt && ! listed b.bin' || fail "removed files are listed"
    echo index >"$T/root/html/newdir/index.html"
    wait_for 10 eval '[ "$(fetch $URL/newdir/)" = index ]' || fail "the new index is not served"
    rm "$T/root/html/newdir/index.html"
    wait_for 10 eval 'listing $URL/newdir/ | grep -q "^../"' || fail "no listing without the index"
    rm -r "$T/root/html/newdir"
    wait_for 10 eval '! listed newdir/' || fail "a removed directory is listed"
    expect_eq "gone" 404 "$(status_of $URL/newdir/)"
    wait_for 10 eval '"$HUGEWIRE" pool --pid $SERVER | grep -q "^retired *0 files"' ||
        fail "old listings stay: $("$HUGEWIRE" pool --pid $SERVER)"
    serve_stop
}

test_listing_json() {
    serve_listed
    fetch -H 'Host: json.example' $URL/ >"$T/got.json"
    expect_eq "as JSON" '[{"name": "inner", "type": "directory", "mtime": "Wed, 01 Jan 2020 12:34:56 GMT"}, {"name": "a\"b.txt", "type": "file", "mtime": "Wed, 01 Jan 2020 12:34:56 GMT", "size": 4}]' \
        "$(python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)))' <"$T/got.json")"
    expect_match type $'\nContent-Type: application/json\r' "$(fetch -I -H 'Host: json.example' $URL/)"
    serve_stop
}

# 100,000 names: made off the dataplane, sent by reference, and not made anew for each change.
test_listing_of_100000_files() {
    local made
    make_listed
    mkdir "$T/root/html/many"
    (cd "$T/root/html/many" && seq -f 'file-%06.0f.txt' 100000 | xargs touch)
    net_direct
    ip netns exec "$SERVER_NS" "$HUGEWIRE" serve --config "$T/config.yaml" >"$T/server.log" 2>&1 &
    SERVER=$!
    wait_for $READY_S server_ready || fail "server not ready in $READY_S s"
    net_direct_up
    listing $URL/many/ >"$T/rows"
    expect_eq "rows" 100001 "$(wc -l <"$T/rows")"
    expect_eq "last" 'file-100000.txt|file-100000.txt|0|0 B' "$(tail -n 1 "$T/rows" | cut -d '|' -f 1-4)"
    fetch -o /dev/null -w '%{size_download} bytes\n' $URL/many/
    expect_zero_copy 15000000
    for made in 1 2 3 4 5 6 7 8; do
        echo "$made" >"$T/root/html/many/new-$made"
        wait_for 10 eval '[ "$(fetch $URL/many/new-'$made')" = '$made' ]' || fail "no new file"
    done
    wait_for 30 eval 'listing $URL/many/ | grep -q "^new-8|"' || fail "the last change is not listed"
    "$HUGEWIRE" pool --pid $SERVER | grep ^listings
    serve_stop
}

test_error_pages() {
    local head
    serve_listed
    expect_match "said at the start" 'sites\[0\].error_pages: there is no file "/missing.html"' "$(cat "$T/server.log")"
    expect_eq "404" "404 <h1>not here</h1>" "$(fetch -w '%{http_code} ' -o "$T/got" $URL/none)$(cat "$T/got")"
    head=$(fetch -I $URL/none)
    expect_match "HEAD" $'^HTTP/1.1 404 Not Found\r' "$head"
    expect_match "type" $'\nContent-Type: text/html\r' "$head"
    expect_match "length" $'\nContent-Length: 18\r' "$head"
    expect_eq "no tag" 0 "$(grep -ci '^etag\|^last-modified' <<<"$head")"
    expect_eq "405" 405 "$(fetch -X DELETE -o "$T/got" -D "$T/head" -w '%{http_code}' $URL/a.txt)"
    expect_same "$T/root/html/big-error.html" "$T/got"
    expect_match "Allow" $'\nAllow: GET, HEAD, OPTIONS\r' "$(cat "$T/head")"
    expect_eq "416" 416 "$(fetch -r 9999- -o "$T/got" -D "$T/head" -w '%{http_code}' $URL/b.bin)"
    expect_same "$T/root/html/big-error.html" "$T/got"
    expect_match "Content-Range" $'\nContent-Range: bytes \*/3000\r' "$(cat "$T/head")"
    expect_match "a page that is missing" '^400 Bad Request' "$(fetch --path-as-is $URL/../x)"
    expect_eq "403" "403 <h1>not here</h1>" \
        "$(fetch -w '%{http_code} ' -o "$T/got" -H 'Host: closed.example' $URL/)$(cat "$T/got")"
    rm "$T/root/html/404.html"
    wait_for 10 eval '[[ $(fetch $URL/none) =~ "There is no such file" ]]' || fail "the page is still sent"
    expect_eq "the page itself" 404 "$(status_of $URL/404.html)"
    "$HUGEWIRE" check -c "$T/config.yaml" >"$T/out" 2>"$T/err" || fail "check"
    expect_match "check" 'error_pages: warning: there is no file "/404.html"' "$(cat "$T/err")"
    serve_stop
}

nginx_listing_config() { # media-types
    cat <<EOF
user root;
pid $T/nginx.pid;
error_log $T/nginx-error.log;
events { worker_connections 256; }
http {
    access_log off;
    include $1;
    default_type application/octet-stream;
    server {
        listen $NGINX_IP:80;
        server_name json.test;
        root $T/site;
        location / { autoindex on; autoindex_format json; }
    }
    server {
        listen $NGINX_IP:80;
        server_name html.test;
        root $T/site;
        autoindex on;
        error_page 404 405 416 /page.html;
        location / { }
    }
}
EOF
}

test_listing_as_nginx() {
    need nginx
    cp -a "$FIXTURES/site" "$T/site"
    mkdir -p "$T/site/listed/sub/.hidden-directory" "$T/site/listed/empty"
    echo a >"$T/site/listed/a&<b>\"c'd;e.txt"
    echo b >"$T/site/listed/sub/B"
    echo b >"$T/site/listed/sub/a"
    echo h >"$T/site/listed/.hidden"
    printf x >"$T/site/listed/"$'line\nbreak\ttab'
    printf x >"$T/site/listed/gr"$'\xfc'"n"
    head -c 70000 /dev/urandom >"$T/site/listed/70k"
    ln -s /etc/hostname "$T/site/listed/outside"
    ln -s sub "$T/site/listed/inside"
    ln -s 70k "$T/site/listed/link"
    cat >"$T/config.yaml" <<YAML
server: {gateway: $CLIENT_IP}
sites:
  - {host: json.test, autoindex: json}
  - host: html.test
    autoindex: html
    error_pages: [{status: [404, 405, 416], page: /page.html}]
YAML
    serve_direct "$T/site" --config "$T/config.yaml"
    awk 'BEGIN { print "types {" } !/^#/ && NF > 1 { for (i = 2; i <= NF; i++) if (!seen[$i]++) print $1, $i ";" }
        END { print "}" }' /etc/mime.types >"$T/types"
    nginx_start nginx_listing_config "$T/types"
    client "$HERE/listings.py" $NGINX_IP $SERVER_IP || fail "not as nginx answers"
    serve_stop
}
