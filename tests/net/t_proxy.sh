# SPDX-License-Identifier: BSD-3-Clause
# hugewire as the origin behind nginx: what CDNs and reverse proxies ask of one.

SITE=$FIXTURES/site
MEDIUM=$FIXTURES/medium
PROXY=http://$NGINX_IP

# Kept connections to the origin; /slice/ asks for it in pieces of 1 MiB, and both keep what they got.
proxy_config() {
    cat <<EOF
user root;
pid $T/nginx.pid;
error_log $T/nginx-error.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path $T/n-body;
    proxy_temp_path $T/n-proxy;
    fastcgi_temp_path $T/n-fastcgi;
    uwsgi_temp_path $T/n-uwsgi;
    scgi_temp_path $T/n-scgi;
    proxy_cache_path $T/cache keys_zone=cache:1m max_size=300m use_temp_path=off;
    upstream origin {
        server $SERVER_IP:80;
        keepalive 8;
    }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 10s;
    proxy_read_timeout 30s;
    server {
        listen $NGINX_IP:80;
        location / { proxy_pass http://origin; }
        location /unbuffered/ {
            proxy_buffering off;
            proxy_pass http://origin/;
        }
        location /cached/ {
            proxy_cache cache;
            proxy_cache_valid 200 1m;
            proxy_cache_revalidate on;
            add_header X-Cache \$upstream_cache_status;
            proxy_pass http://origin/;
        }
        location /brief/ {
            proxy_cache cache;
            proxy_cache_key brief\$uri;
            proxy_cache_valid 200 1s;
            proxy_cache_revalidate on;
            add_header X-Cache \$upstream_cache_status;
            proxy_pass http://origin/;
        }
        location /slice/ {
            slice 1m;
            proxy_cache cache;
            proxy_cache_key \$uri\$slice_range;
            proxy_set_header Connection "";
            proxy_set_header Range \$slice_range;
            proxy_cache_valid 200 206 1m;
            add_header X-Cache \$upstream_cache_status;
            proxy_pass http://origin/;
        }
    }
}
EOF
}

proxy_up() { # root
    need nginx
    serve_direct "$1" --gateway $CLIENT_IP
    nginx_start proxy_config
}

# What the proxy hands on is the file.
expect_proxied() { # root path prefix curl's-arguments...
    local root=$1 path=$2 prefix=$3
    shift 3
    fetch -o "$T/got" "$@" "$PROXY$prefix/$path" || fail "curl $prefix/$path: exit code $?"
    expect_same "$root/$path" "$T/got"
}

x_cache() { # url
    fetch -o "$T/got" -D - "$1" | sed -n 's/^X-Cache: \([A-Z]*\).*/\1/p'
}

test_behind_nginx() {
    local path prefix opened
    proxy_up "$SITE"
    for prefix in "" /unbuffered /cached /slice; do
        for path in index.html page.html one.txt empty.txt big.bin dir/inner.txt; do
            expect_proxied "$SITE" $path "$prefix"
        done
        expect_eq "status through $prefix" 404 "$(status_of "$PROXY$prefix/missing")"
    done
    expect_eq "HEAD" 200 "$(status_of -I $PROXY/big.bin)"
    expect_eq "range" 206 "$(status_of -r 0-9 $PROXY/big.bin)"
    expect_eq "revalidation" 304 "$(status_of -H 'If-None-Match: *' $PROXY/page.html)"
    # One connection carried many requests.
    opened=$(counter tcp_established)
    echo "$(counter http_requests) requests on $opened connections"
    [ "$opened" -le 4 ] || fail "keep-alive is not kept"
    # A thousand requests through fifty clients.
    if command -v ab >/dev/null; then
        client timeout 60 ab -q -k -c 50 -n 5000 $PROXY/page.html >"$T/ab" || fail "ab: exit code $?"
        grep -q '^Failed requests: *0$' "$T/ab" && ! grep -q Non-2xx "$T/ab" || fail "$(cat "$T/ab")"
    fi
    serve_stop
}

# The cache revalidates with what the origin said: 304, and the bytes are the cache's.
test_cached_by_nginx() {
    local before
    proxy_up "$SITE"
    expect_eq "first" MISS "$(x_cache $PROXY/brief/page.html)"
    sleep 2
    before=$(counter http_3xx)
    expect_eq "when stale" REVALIDATED "$(x_cache $PROXY/brief/page.html)"
    expect_same "$SITE/page.html" "$T/got"
    expect_eq "304 to the proxy" 1 $(($(counter http_3xx) - before))
    serve_stop
}

# nginx fetches slices by Range and joins them; each must say by ETag that it is of the same file.
test_sliced_by_nginx() {
    local before
    proxy_up "$MEDIUM"
    fetch -r 5000000-8999999 -o "$T/got" $PROXY/slice/20m.bin || fail "curl: exit code $?"
    tail -c +5000001 "$MEDIUM/20m.bin" | head -c 4000000 >"$T/want"
    expect_same "$T/want" "$T/got"
    expect_proxied "$MEDIUM" 20m.bin /slice
    expect_eq "requests to the origin, one for each MiB" 20 "$(counter http_requests)"
    before=$(counter http_requests)
    expect_proxied "$MEDIUM" 20m.bin /slice
    expect_eq "requests when all is cached" "$before" "$(counter http_requests)"
    expect_proxied "$MEDIUM" 100m.bin ""
    expect_proxied "$MEDIUM" 100m.bin /unbuffered
    ! grep -E 'crit|alert|\[error\]' "$T/nginx-error.log" || fail "nginx complains of its origin"
    serve_stop
}
