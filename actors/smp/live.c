/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Settings that may change while the router runs. */
#include "actors/smp/live.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/rcu.h"
#include "queues/base/secret.h"

/* Immutable; freed a grace period after it was replaced. */
struct live_password {
    size_t length;
    uint8_t bytes[];
};

static void free_password(struct live_password *password) {
    if (password == NULL)
        return;
    secret_wipe(password, sizeof *password + password->length);
    memory_free(password);
}

static enum smq_result copy_password(const char *text, struct live_password **password) {
    *password = NULL;
    if (text == NULL)
        return SMQ_OK;
    size_t length = strlen(text);
    struct live_password *copy = memory_alloc(sizeof *copy + length);
    if (copy == NULL)
        return SMQ_ERR_NO_MEMORY;
    copy->length = length;
    memcpy(copy->bytes, text, length);
    *password = copy;
    return SMQ_OK;
}

#define SET(field_, value_) atomic_store_explicit(&live->field_, (value_), memory_order_relaxed)

enum smq_result live_apply(struct live_settings *live, const struct smp_router_config *config) {
    struct live_password *password;
    enum smq_result result = copy_password(config->create_password, &password);
    if (result != SMQ_OK)
        return result;
    SET(versions, (uint32_t)config->version_min << 16 | config->version_max);
    SET(new_queues, config->new_queues);
    SET(new_queues_per_address, config->new_queues_per_address);
    SET(new_queues_per_password, config->new_queues_per_password);
    SET(unused_queues, config->unused_queues);
    SET(queue_quota, config->queue_quota);
    SET(message_ttl_s, config->message_ttl_s);
    SET(message_expiry_interval_s, config->message_expiry_interval_s);
    SET(expire_messages_on_send, config->expire_messages_on_send);
    SET(notification_ttl_s, config->notification_ttl_s);
    SET(notification_expiry_interval_s, config->notification_expiry_interval_s);
    SET(notification_delivery_interval_ms, config->notification_delivery_interval_ms);
    SET(client_concurrency, config->proxy.client_concurrency);
    SET(forward_bytes, config->proxy.forward_bytes);
    SET(forward_timeout_ms, config->proxy.forward_timeout_ms);
    SET(relay_connect_timeout_ms, config->proxy.connect_timeout_ms);
    SET(disconnect_inactive, config->disconnect_inactive);
    SET(inactive_ttl_s, config->inactive_ttl_s);
    SET(inactive_check_interval_s, config->inactive_check_interval_s);
    struct live_password *before = atomic_exchange(&live->create_password, password);
    if (before != NULL)
        grace_period_wait();
    free_password(before);
    return SMQ_OK;
}

void live_destroy(struct live_settings *live) {
    free_password(atomic_exchange(&live->create_password, NULL));
}

bool live_password_is_needed(const struct live_settings *live) {
    return atomic_load_explicit(&live->create_password, memory_order_relaxed) != NULL;
}

bool live_password_matches(const struct live_settings *live, bool has_password, struct slice password) {
    read_section_begin();
    const struct live_password *needed = atomic_load_explicit(&live->create_password, memory_order_acquire);
    bool matches = needed == NULL || (has_password && password.length == needed->length &&
                                      secret_equal(password.bytes, needed->bytes, needed->length));
    read_section_end();
    return matches;
}
