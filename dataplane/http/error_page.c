/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/error_page.h"

#include "http/stream.h"

const struct http_site *error_page_site(const struct http_server *server,
                                        const struct http_conn *conn)
{
    if (server->config.sites == NULL)
        return &site_plain;
    return sites_find(server->config.sites, TEXT(""), tcp_conn_local(conn->tcp).port);
}

void error_page_choose(struct http_server *server, const struct http_site *site,
                       struct answer *answer)
{
    answer->page = NULL;
    if (LIKELY(answer->status < 400) || site == NULL)
        return;
    for (uint32_t i = 0; i < site->error_page_count; i++) {
        const struct site_error_page *page = &site->error_pages[i];

        if (page->status != answer->status)
            continue;
        struct catalogue_entry entry =
            catalogue_find(server->config.catalogue, page->path.at, page->path.len);
        if (entry.kind == CATALOGUE_FILE && stream_to_be_had(server, entry.file))
            answer->page = entry.file;
        return;
    }
}
