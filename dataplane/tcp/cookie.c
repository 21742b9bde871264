/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/cookie.h"

#include <sodium/crypto_shorthash.h>
#include <string.h>

#include "tcp/conn.h"

enum {
    PERIOD_S = 64,
    HASH_BITS = 28,
    MSS_BITS = 3,
    TS_BITS = 5, /* SACK-permitted, then the window scale */
    TS_SACK = 16,
    TS_NO_SCALE = 15, /* no true scale is beyond 14 */
};

#define HASH_MASK ((UINT32_C(1) << HASH_BITS) - 1)
#define TS_MASK   ((UINT32_C(1) << TS_BITS) - 1)

/* What peers mostly offer: the default, IPv6's minimum, tunnels, PPPoE, timestamps taken off,
 * Ethernet, jumbo frames. The one below what was offered is used. */
static const uint16_t mss_table[1 << MSS_BITS] = { 64, 536, 1220, 1360, 1412, 1440, 1460, 8940 };

_Static_assert(crypto_shorthash_siphashx24_BYTES == 16, "a key comes out of it");

void cookies_init(struct cookies *cookies, const uint64_t seed[2])
{
    static const uint8_t purpose[] = "SYN cookies";

    memset(cookies, 0, sizeof(*cookies));
    crypto_shorthash_siphashx24(cookies->secret, purpose, sizeof(purpose), (const uint8_t *)seed);
}

static uint32_t period_now(const struct tcp_ctx *ctx)
{
    return (uint32_t)(ctx->now / (PERIOD_S * NS_PER_S)) + 2; /* the one before is not 0 either */
}

static const uint8_t *period_key(struct cookies *cookies, uint32_t period)
{
    uint8_t *key = cookies->key[period & 1];

    if (cookies->key_period[period & 1] != period) {
        crypto_shorthash_siphashx24(key, (const uint8_t *)&period, sizeof(period), cookies->secret);
        cookies->key_period[period & 1] = period;
    }
    return key;
}

static uint64_t hash(const struct tcp_key *key, uint32_t isn, uint32_t extra, const uint8_t *secret)
{
    uint8_t text[44], out[crypto_shorthash_BYTES];
    uint64_t value;

    memcpy(text, key->remote.b, 16);
    memcpy(text + 16, key->local.b, 16);
    memcpy(text + 32, &key->remote_port, 2);
    memcpy(text + 34, &key->local_port, 2);
    memcpy(text + 36, &isn, 4);
    memcpy(text + 40, &extra, 4);
    crypto_shorthash(out, text, sizeof(text), secret);
    memcpy(&value, out, sizeof(value));
    return value;
}

static uint32_t cookie_make(struct cookies *cookies, const struct tcp_key *key, uint32_t isn,
                            uint32_t period, uint32_t mss_index)
{
    uint64_t h = hash(key, isn, period << MSS_BITS | mss_index, period_key(cookies, period));

    return (period & 1) << 31 | mss_index << HASH_BITS | ((uint32_t)h & HASH_MASK);
}

/* Where our timestamps to this peer begin (RFC 7323 section 7.1): told from the key alone, for
 * nothing is kept; never 0. */
static uint32_t timestamp_offset(struct cookies *cookies, const struct tcp_key *key, uint32_t isn)
{
    return (uint32_t)hash(key, isn, UINT32_MAX, cookies->secret) | 1;
}

static uint32_t mss_index_of(const struct tcp_segment *syn)
{
    uint16_t fallback = ip_addr_is_v4(&syn->src) ? 536 : 1220; /* RFC 9293 MUST-15 */
    uint16_t mss = syn->has_mss && syn->mss != 0 ? syn->mss : fallback;
    uint32_t i = (1 << MSS_BITS) - 1;

    while (i > 0 && mss_table[i] > mss)
        i--;
    return i;
}

static uint32_t timestamp_with(uint32_t now, const struct tcp_segment *syn)
{
    uint32_t bits = TS_NO_SCALE;

    if (syn->has_window_scale)
        bits = syn->window_scale < 14 ? syn->window_scale : 14; /* RFC 7323 section 2.3 */
    if (syn->sack_permitted)
        bits |= TS_SACK;
    uint32_t value = (now & ~TS_MASK) | bits;
    return seq_diff(value, now) > 0 ? value - (TS_MASK + 1) : value; /* not of the future */
}

void cookie_syn_ack(struct tcp_ctx *ctx, const struct tcp_key *key, const struct tcp_segment *syn,
                    struct tcp_segment *syn_ack)
{
    struct cookies *cookies = &ctx->cookies;

    cookies->sent = true;
    cookies->sent_ns = ctx->now;
    *syn_ack = (struct tcp_segment){
        .seq = cookie_make(cookies, key, syn->seq, period_now(ctx), mss_index_of(syn)),
        .ack = syn->seq + 1,
        .flags = TCP_SYN | TCP_ACK,
        .window = RX_BUFFER_BYTES,
        .has_mss = true,
        .mss = ip_addr_is_v4(&syn->src) ? ctx->mss_max : ctx->mss_max_v6,
    };
    if (!syn->has_timestamps)
        return;
    syn_ack->has_timestamps = true;
    syn_ack->ts_value = timestamp_with(ctx->now_ms + timestamp_offset(cookies, key, syn->seq), syn);
    syn_ack->ts_echo = syn->ts_value;
    syn_ack->sack_permitted = syn->sack_permitted;
    syn_ack->has_window_scale = syn->has_window_scale;
}

bool cookies_expected(const struct tcp_ctx *ctx)
{
    return ctx->cookies.sent && ctx->now - ctx->cookies.sent_ns < 2 * PERIOD_S * NS_PER_S;
}

bool cookie_check(struct tcp_ctx *ctx, const struct tcp_key *key, const struct tcp_segment *seg,
                  struct tcp_segment *syn, uint32_t *ts_offset)
{
    struct cookies *cookies = &ctx->cookies;
    uint32_t cookie = seg->ack - 1, isn = seg->seq - 1;
    uint32_t mss_index = cookie >> HASH_BITS & ((1 << MSS_BITS) - 1);
    uint32_t period = period_now(ctx);

    if (cookie >> 31 != (period & 1))
        period--;
    if (cookie_make(cookies, key, isn, period, mss_index) != cookie)
        return false;
    *syn = (struct tcp_segment){
        .src = seg->src,
        .dst = seg->dst,
        .src_port = seg->src_port,
        .dst_port = seg->dst_port,
        .seq = isn,
        .flags = TCP_SYN,
        .has_mss = true,
        .mss = mss_table[mss_index],
        .has_timestamps = seg->has_timestamps,
        .ts_value = seg->ts_value,
    };
    *ts_offset = 0;
    if (seg->has_timestamps) {
        uint32_t scale = seg->ts_echo & (TS_SACK - 1);
        syn->sack_permitted = (seg->ts_echo & TS_SACK) != 0;
        syn->has_window_scale = scale != TS_NO_SCALE;
        syn->window_scale = (uint8_t)scale;
        *ts_offset = timestamp_offset(cookies, key, isn);
    }
    return true;
}
