/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Monitor of clients: pings silent connections, and drops those that stay silent (reference: Client.hs, monitor).
 *
 * Every interval: if something came within it, sleep for the rest, unless that is a second or less. Else ping, if
 * something was subscribed to; give the answer its time; then drop the connection when enough commands in a row have
 * timed out and nothing had come for long enough before the ping. */
#include "actors/client/client.h"
#include "actors/client/request.h"

enum { SIGNIFICANT_MS = 1000 };

static bool is_lost(const struct smq_client *client) {
    const struct smq_client_options *options = &client->options;
    return options->ping_count > 0 &&
           atomic_load_explicit(&client->timeouts, memory_order_relaxed) >= options->ping_count &&
           client->silent_ms >= options->ping_window_ms;
}

/* The rest of the interval that began with the ping, or what would have been one. */
static uint32_t decide(struct connection *connection, struct smq_client *client, uint64_t now_ms) {
    client->ping_sent = false;
    if (is_lost(client)) {
        connection_close(connection, SMQ_ERR_TIMEOUT, false);
        return 0;
    }
    uint64_t past = now_ms - client->ping_sent_ms;
    uint64_t interval = client->options.ping_interval_ms;
    return (uint32_t)(past < interval ? interval - past : interval);
}

uint32_t client_monitor(struct connection *connection, void *state, uint64_t now_ms) {
    struct smq_client *client = state;
    uint64_t interval = client->options.ping_interval_ms;
    if (interval == 0)
        return 0;
    if (client->ping_sent)
        return decide(connection, client, now_ms);
    uint64_t last = connection_last_received_ms(connection);
    last = last > client->created_ms ? last : client->created_ms;
    uint64_t silent = now_ms > last ? now_ms - last : 0;
    if (silent + SIGNIFICANT_MS < interval)
        return (uint32_t)(interval - silent);
    client->silent_ms = silent;
    client->ping_sent_ms = now_ms;
    if (!atomic_load_explicit(&client->ping_enabled, memory_order_relaxed))
        return decide(connection, client, now_ms);
    client->ping_sent = true;
    request_ping(client);
    return client->options.background_timeout_ms + SIGNIFICANT_MS;
}
