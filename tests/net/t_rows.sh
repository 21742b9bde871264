# SPDX-License-Identifier: BSD-3-Clause
# The rows of requests and answers that the unit tests hold the core to, on real connections.

HTTP_ROWS=$(dirname "$BRIDGE")/http_rows

test_request_rows() {
    "$HTTP_ROWS" docroot "$T/site" || fail "docroot"
    serve_direct "$T/site"
    client "$HTTP_ROWS" run $SERVER_IP 80 || fail "answers are not as the rows say"
    serve_stop
}
