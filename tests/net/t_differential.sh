# SPDX-License-Identifier: BSD-3-Clause
# The same requests to nginx, of the same documents. docs/HTTP.md lists what may differ, and why.

SITE=$FIXTURES/site

# As Debian configures it, but for what would only show as noise: relative redirects, the same table of
# media types.
nginx_config() { # media-types
    cat <<EOF
user root;
pid $T/nginx.pid;
error_log $T/nginx-error.log;
events { worker_connections 256; }
http {
    access_log off;
    include $1;
    default_type application/octet-stream;
    absolute_redirect off;
    server {
        listen $NGINX_IP:80;
        root $SITE;
    }
}
EOF
}

# /etc/mime.types in nginx's form; an extension that is listed twice counts once.
nginx_types() {
    echo 'types {'
    awk '!/^#/ && NF > 1 { for (i = 2; i <= NF; i++) if (!seen[$i]++) print $1, $i ";" }' /etc/mime.types
    echo '}'
}

test_differential() {
    need nginx
    serve_direct "$SITE"
    nginx_types >"$T/types"
    nginx_start nginx_config "$T/types"
    client "$HERE/differential.py" $NGINX_IP $SERVER_IP "$TOP/docs/HTTP.md" ||
        fail "differences from nginx are not as docs/HTTP.md lists them"
    serve_stop
}
