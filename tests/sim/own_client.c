/* SPDX-License-Identifier: BSD-3-Clause */
#include "own_client.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "network.h"
#include "stack/stack.h"

#define MTU      1500
#define BURST    16
#define RETRY_NS NS_PER_S

struct own_client {
    struct client *client;
    struct stack *stack;
    struct counters counters;
    struct tcp_conn *conn; /* NULL: none */
    uint8_t *tx;           /* all that was asked */
    size_t tx_len, tx_capacity;
    bool closing, aborted;
    uint8_t head[BURST][MTU + STACK_L2_BYTES];
};

/* ------------------------------------------------------------------------------ the application */

static void ask(struct own_client *own, struct tcp_conn *conn)
{
    struct dialogue *d = &own->client->dialogue;

    while (!own->closing && d->asked < d->plan->count &&
           d->asked - d->answered < own->client->config->pipeline) {
        size_t need = own->tx_len + dialogue_request_bytes(d);
        if (need > own->tx_capacity) {
            own->tx_capacity = 2 * need;
            own->tx = realloc(own->tx, own->tx_capacity);
            if (own->tx == NULL)
                abort();
        }
        dialogue_ask(d, own->tx + own->tx_len);
        own->tx_len = need;
        tcp_stream_extend(conn, own->tx_len);
    }
}

static void choose_end(struct own_client *own, struct tcp_conn *conn)
{
    const struct client_config *config = own->client->config;
    struct dialogue *d = &own->client->dialogue;
    bool complete = dialogue_complete(d);

    if (own->closing)
        return;
    switch (config->end) {
    case END_RST:
    case END_RST_LAST:
        own->aborted = complete || (config->end == END_RST && d->total >= config->end_at);
        own->closing = own->aborted;
        if (own->aborted)
            tcp_abort(conn);
        return;
    case END_HALF:
        own->closing = d->asked == d->plan->count;
        break;
    case END_SERVER:
        return; /* at its FIN */
    default:
        own->closing = complete;
        break;
    }
    if (own->closing)
        tcp_close(conn);
}

static bool app_open(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct own_client *own = ctx;

    if (conn != own->conn)
        sim_fail(own->client->node.sim, "open() for a connection that was not asked for");
    ask(own, conn);
    choose_end(own, conn);
    return true;
}

static size_t app_receive(void *ctx, struct tcp_conn *conn, const uint8_t *data, size_t len,
                          uint64_t now)
{
    struct own_client *own = ctx;
    struct client *client = own->client;

    if (client->first_byte_ns == 0)
        client->first_byte_ns = now;
    else if (now - client->last_byte_ns > client->longest_gap_ns)
        client->longest_gap_ns = now - client->last_byte_ns;
    client->last_byte_ns = now;
    client->heard += len;
    if (!dialogue_hear(&client->dialogue, data, len))
        sim_fail(client->node.sim, "client %u: %s", client->index, client->dialogue.why);
    ask(own, conn);
    choose_end(own, conn);
    return len;
}

static void app_receive_end(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct own_client *own = ctx;
    struct client *client = own->client;

    if (!dialogue_complete(&client->dialogue) && !client->config->refused_ok)
        sim_fail(client->node.sim, "client %u: FIN although only %u of %u answers are complete",
                 client->index, client->dialogue.answered, client->dialogue.plan->count);
    if (!own->closing)
        tcp_close(conn);
    own->closing = true;
}

static uint32_t app_resolve(void *ctx, struct tcp_conn *conn, uint64_t from, uint32_t len,
                            struct tx_fill *fill)
{
    static struct file_pin pin; /* packets are copied at once */
    struct own_client *own = ctx;
    uint32_t done = 0, room;

    if (from + len > own->tx_len)
        sim_fail(own->client->node.sim, "TCP asked for bytes that there are not");
    for (; done < len && (room = tx_fill_room(fill)) != 0; done += room) {
        const uint8_t *data = own->tx + from + done;
        room = len - done < room ? len - done : room;
        const struct tx_extent extent = {
            .data = data, .len = room, .sum = packet_fold(packet_sum(data, room, 0)), .pin = &pin
        };
        tx_fill_extent(fill, &extent);
    }
    return done;
}

static void app_acknowledged(void *ctx, struct tcp_conn *conn, uint64_t upto, uint64_t now)
{
}

static void app_deadline(void *ctx, struct tcp_conn *conn, uint64_t now)
{
}

static void app_drain(void *ctx, struct tcp_conn *conn, uint64_t now)
{
}

static void app_closed(void *ctx, struct tcp_conn *conn, enum tcp_close_reason reason)
{
    struct own_client *own = ctx;
    struct client *client = own->client;
    uint64_t now = client->node.sim->now;
    /* A server without room, and a line that loses much: as any client, it tries again. */
    bool retry = reason == TCP_CLOSE_NO_ANSWER || reason == TCP_CLOSE_UNREACHABLE ||
                 reason == TCP_CLOSE_TIMEOUT;
    bool done = dialogue_complete(&client->dialogue) && reason == TCP_CLOSE_ORDERLY;

    own->conn = NULL;
    if (!retry && !done && !own->aborted && !client->config->refused_ok)
        sim_fail(client->node.sim, "client %u: closed for reason %d, %u of %u answers complete",
                 client->index, (int)reason, client->dialogue.answered,
                 client->dialogue.plan->count);
    if (!retry)
        client->session++;
    client->phase = client->session < client->config->sessions ? CLIENT_WAITING : CLIENT_DONE;
    client->phase_at = client->phase == CLIENT_WAITING ? now + RETRY_NS : TIME_NEVER;
}

static const struct tcp_app own_app = { app_open,    app_receive,      app_receive_end,
                                        app_resolve, app_acknowledged, app_deadline,
                                        app_drain,   app_closed };

/* -------------------------------------------------------------------------------------- the node
 */

static void start_session(struct own_client *own, uint64_t now)
{
    struct client *client = own->client;
    struct tcp_peer remote = { ip_addr_from_v4(SERVER_IP), SERVER_PORT };
    struct tcp_peer local = { .port = client->config->own_port };

    own->tx_len = 0;
    own->closing = own->aborted = false;
    dialogue_init(&client->dialogue, &client->config->plan);
    enum stack_connect_result result = stack_connect(own->stack, &local, &remote, &own->conn, now);
    if (result != STACK_CONNECT_OK) {
        sim_fail(client->node.sim, "client %u: stack_connect says %d", client->index, (int)result);
        return;
    }
    client->phase = CLIENT_CONNECTED;
    client->phase_at = TIME_NEVER;
    client->port = tcp_conn_local(own->conn).port;
    client->watch[client->session].port = client->port;
}

static void send_slot(struct client *client, const struct tx_slot *slot)
{
    uint32_t len = slot->head_len, at = len;

    for (unsigned i = 0; i < slot->extent_count; i++)
        len += slot->extent[i].len;
    struct packet *packet = packet_new(len);
    memcpy(packet->data, slot->head, slot->head_len);
    for (unsigned i = 0; i < slot->extent_count; i++) {
        memcpy(packet->data + at, slot->extent[i].data, slot->extent[i].len);
        at += slot->extent[i].len;
    }
    network_from_client(client->network, packet, client->config->delay_ns);
}

static void own_input(struct sim_node *node, struct packet *packet)
{
    struct client *client = (struct client *)node;
    struct frame frame = { .data = packet->data, .len = packet->len };

    stack_input(client->own->stack, &frame, 1, node->sim->now);
    free(packet);
}

static uint64_t own_deadline(const struct sim_node *node)
{
    const struct client *client = (const struct client *)node;

    return time_min(client->phase_at, stack_deadline(client->own->stack));
}

static void own_run(struct sim_node *node)
{
    struct client *client = (struct client *)node;
    struct own_client *own = client->own;
    struct tx_slot slots[BURST];
    unsigned n;

    if (client->phase == CLIENT_WAITING && client->phase_at <= node->sim->now)
        start_session(own, node->sim->now);
    do {
        for (unsigned i = 0; i < BURST; i++)
            slots[i] =
                (struct tx_slot){ .head = own->head[i], .head_capacity = sizeof(own->head[i]) };
        n = stack_output(own->stack, slots, BURST, node->sim->now);
        for (unsigned i = 0; i < n; i++) {
            if (slots[i].packets > 1)
                tx_run_split(&slots[i]);
            send_slot(client, &slots[i]);
        }
    } while (n == BURST);
}

void own_client_init(struct client *client)
{
    struct own_client *own = calloc(1, sizeof(*own));
    struct stack_config s;

    if (own == NULL)
        abort();
    stack_config_defaults(&s);
    memcpy(s.mac.b, client->mac, 6);
    s.address[0] = (struct stack_address){ ip_addr_from_v4(client->ip), SERVER_PREFIX };
    s.address_count = 1;
    s.mtu = MTU;
    s.connections_max = 4;
    s.time_waits_max = SESSIONS_MAX;
    s.ranges_max = 1024;
    s.rx_buffers_max = 4;
    s.neighbours_max = 4;
    s.seed[0] = prng_next(&client->prng);
    s.seed[1] = prng_next(&client->prng);
    s.app = &own_app;
    s.app_ctx = own;
    s.counters = &own->counters;
    own->client = client;
    own->stack = stack_create(&s, client->node.sim->now);
    if (own->stack == NULL)
        abort();
    client->own = own;
    if (client->config->own_port != 0) /* the server may open first */
        client->watch[0] = (struct watch){ .port = client->config->own_port, .off = true };
    client->node.input = own_input;
    client->node.deadline = own_deadline;
    client->node.run = own_run;
}

void own_client_destroy(struct client *client)
{
    stack_destroy(client->own->stack);
    free(client->own->tx);
    free(client->own);
}
