/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/choose.h"

#include "base/time.h"
#include "http/path.h"

static const struct http_site *choose_site(struct http_server *server, const struct http_conn *conn,
                                           const struct request *request)
{
    struct target target;
    struct text host;

    if (server->config.sites == NULL)
        return &site_plain;
    /* The host of a target counts, not the field's (RFC 9112 section 3.2.2). */
    (void)request_field_single(request, FIELD_HOST, &host);
    if (request->target.at[0] != '/' && target_parse(request->target, &target))
        host = target.authority;
    return sites_find_again(server->config.sites, &server->site_memo, host,
                            tcp_conn_local(conn->tcp).port);
}

/* Whether the client has too many connections that are being answered. Counts this one, until all
 * that it asked for is acknowledged. */
static bool is_too_busy(struct http_server *server, struct http_conn *conn,
                        const struct http_site *site, const struct ip_addr *client)
{
    if (LIKELY(site->connections_max == 0) || conn->busy != BUSY_NONE ||
        server->busy.entries == NULL)
        return false;
    uint32_t entry = busy_enter(&server->busy, site, client, server->config.counters);
    if (entry == BUSY_FULL)
        return true;
    conn->busy = entry;
    return false;
}

/* What the site says to this client before it looks at the request: 0, or the status that refuses
 * it. */
static unsigned refuse_client(struct http_server *server, struct http_conn *conn,
                              const struct http_site *site, uint64_t now, struct answer *answer)
{
    struct counters *counters = server->config.counters;
    struct ip_addr client = tcp_conn_peer(conn->tcp).ip;
    uint64_t wait_ns = 0;

    if (!site_admits(site, &client)) {
        COUNT(counters, http_denied);
        return 403;
    }
    if (is_too_busy(server, conn, site, &client)) {
        COUNT(counters, http_busy);
        answer->retry_after_s = 1;
        return 429;
    }
    if (site->request_gap_ns != 0 && server->rates.entries != NULL)
        wait_ns = rate_request(&server->rates, site, &client, counters, now);
    if (wait_ns != 0) {
        COUNT(counters, http_limited);
        answer->retry_after_s = (wait_ns + NS_PER_S - 1) / NS_PER_S;
        return 429;
    }
    return 0;
}

void choose_answer(struct http_server *server, struct http_conn *conn,
                   const struct request *request, uint64_t now, struct answer *answer)
{
    const struct http_site *site = choose_site(server, conn, request);

    *answer = (struct answer){ .head_only = request->method == METHOD_HEAD, .site = site };
    tcp_rate_limit(conn->tcp, site->rate_bytes_per_s);
    if (site_minds_clients(site)) {
        answer->status = refuse_client(server, conn, site, now, answer);
        if (answer->status != 0)
            return;
    }
    answer_request(request, site, server->config.catalogue, server->config.precompressed,
                   &server->scratch, server_unix_time(server, now), answer);
    if (answer->redirect != NULL)
        COUNT(server->config.counters, http_redirected);
}
