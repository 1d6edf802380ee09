/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An agent with an events queue, and a ledger of what it says. */
#include "test/support/client_agent_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/client/smp/queues.h"
#include "queues/base/clock.h"
#include "queues/base/memory.h"
#include "queues/base/random.h"
#include "test/support/client_fixture.h"
#include "test/support/require.h"

enum { WAIT_MS = 10000, CREATE_TIMEOUT_MS = 60000, CREATE_IN_FLIGHT = 2000 };

void client_agent_fixture_options(struct smq_client_agent_options *options) {
    smq_client_agent_options_init(options);
    options->reconnect_first_ms = 20;
    options->reconnect_grow_after_ms = 200;
    options->reconnect_max_ms = 200;
    options->error_persistence_ms = 200;
}

void client_agent_fixture_start(struct client_agent_fixture *fixture, struct smq_context *context,
                                const struct smq_client_agent_options *options,
                                const struct smq_events_options *event_options) {
    *fixture = (struct client_agent_fixture){.context = context};
    struct smq_client_agent_options chosen;
    client_agent_fixture_options(&chosen);
    chosen = options == NULL ? chosen : *options;
    require(smq_events_create(event_options, &fixture->events) == SMQ_OK);
    chosen.events = fixture->events;
    require(smq_client_agent_create(context, &chosen, &fixture->agent) == SMQ_OK);
}

static int compare(const void *a, const void *b) {
    const struct ledger_entry *left = a, *right = b;
    return left->handle < right->handle ? -1 : left->handle > right->handle;
}

void client_agent_fixture_ledger(struct client_agent_fixture *fixture, void *const *handles, size_t count) {
    fixture->ledger = memory_zalloc_array(count, sizeof(struct ledger_entry));
    require(fixture->ledger != NULL);
    for (size_t i = 0; i < count; i++)
        fixture->ledger[i].handle = handles[i];
    fixture->ledger_count = count;
    qsort(fixture->ledger, count, sizeof(struct ledger_entry), compare);
}

static struct ledger_entry *entry_of(const struct client_agent_fixture *fixture,
                                     const struct smq_client_agent_item *item) {
    struct ledger_entry key = {.handle = item->receive_queue != NULL ? (void *)item->receive_queue : item->notifier};
    require(key.handle != NULL);
    return fixture->ledger_count == 0 ? NULL
                                      : bsearch(&key, fixture->ledger, fixture->ledger_count, sizeof(key), compare);
}

static void look_at_items(struct client_agent_fixture *fixture, const struct smq_client_agent_event *event) {
    for (size_t i = 0; i < event->item_count; i++) {
        struct ledger_entry *entry = entry_of(fixture, &event->items[i]);
        if (entry == NULL)
            continue;
        if (event->kind == SMQ_CLIENT_AGENT_SUBSCRIBED) {
            require(event->items[i].result == SMQ_OK && !entry->active);
            entry->active = true;
            fixture->active++;
        } else if (event->kind == SMQ_CLIENT_AGENT_DISCONNECTED) {
            require(entry->active);
            entry->active = false;
            fixture->active--;
        } else {
            require(event->kind == SMQ_CLIENT_AGENT_SUBSCRIBE_FAILED && event->items[i].result != SMQ_OK);
            require(!entry->active && !entry->failed);
            entry->failed = true;
            fixture->failed++;
        }
    }
}

static void look_at(struct client_agent_fixture *fixture, const struct smq_event *event) {
    fixture->messages += event->kind == SMQ_EVENT_MESSAGE;
    fixture->notifications += event->kind == SMQ_EVENT_NOTIFICATION;
    fixture->service_ends += event->kind == SMQ_EVENT_SERVICE_ENDED;
    const struct smq_client_agent_event *client_agent_event = event->agent;
    require((event->kind == SMQ_EVENT_CLIENT_AGENT) == (client_agent_event != NULL));
    if (client_agent_event == NULL)
        return;
    fixture->seen[client_agent_event->kind]++;
    fixture->last[client_agent_event->kind] = event->result;
    if (client_agent_event->service_id.length > 0) {
        fixture->expected = client_agent_event->expected;
        fixture->actual = client_agent_event->actual;
    }
    if (client_agent_event->kind == SMQ_CLIENT_AGENT_CONNECTION) {
        fixture->last_tag = event->tag;
        smq_client_agent_client_release(&fixture->last_client);
        fixture->last_client = event->client == NULL ? NULL : smq_client_agent_client_reference(event->client);
    }
    look_at_items(fixture, client_agent_event);
}

bool client_agent_fixture_take(struct client_agent_fixture *fixture, int timeout_ms) {
    struct smq_batch *batch;
    if (smq_events_take(fixture->events, timeout_ms, &batch) != SMQ_OK)
        return false;
    for (size_t i = 0; i < smq_batch_count(batch); i++)
        look_at(fixture, smq_batch_event(batch, i));
    smq_batch_release(&batch);
    return true;
}

void client_agent_fixture_await(struct client_agent_fixture *fixture, enum smq_client_agent_event_kind kind,
                                uint32_t count) {
    uint64_t deadline = clock_monotonic_ms() + WAIT_MS;
    while (fixture->seen[kind] < count) {
        (void)client_agent_fixture_take(fixture, 100);
        if (clock_monotonic_ms() >= deadline) {
            (void)fprintf(stderr, "%u events of kind %d instead of %u\n", fixture->seen[kind], (int)kind, count);
            require(false);
        }
    }
}

void client_agent_fixture_await_active(struct client_agent_fixture *fixture, size_t count, int timeout_ms) {
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;
    while (fixture->active != count) {
        (void)client_agent_fixture_take(fixture, 100);
        if (clock_monotonic_ms() >= deadline) {
            (void)fprintf(stderr, "%zu active instead of %zu, %zu failed\n", fixture->active, count, fixture->failed);
            require(false);
        }
    }
}

struct smq_client_agent_info client_agent_fixture_info(const struct client_agent_fixture *fixture) {
    struct smq_client_agent_info info;
    smq_client_agent_info(fixture->agent, &info);
    return info;
}

void client_agent_fixture_finish(struct client_agent_fixture *fixture) {
    smq_client_agent_close(&fixture->agent);
    while (client_agent_fixture_take(fixture, 0)) {
    }
    smq_client_agent_client_release(&fixture->last_client);
    smq_events_destroy(&fixture->events);
    memory_free(fixture->ledger);
    fixture->ledger = NULL;
}

/* ---- queues ---- */

static void take_created(struct client_fixture *client, struct smq_receive_queue **queues, size_t *done) {
    struct smq_batch *batch;
    require(smq_events_take(client->events, CREATE_TIMEOUT_MS, &batch) == SMQ_OK);
    for (size_t i = 0; i < smq_batch_count(batch); i++) {
        const struct smq_event *event = smq_batch_event(batch, i);
        require(event->kind == SMQ_EVENT_COMPLETED && event->result == SMQ_OK);
        queues[event->tag] = smq_receive_queue_reference(event->receive_queue);
        ++*done;
    }
    smq_batch_release(&batch);
}

void client_agent_fixture_create_queues(struct smq_context *context, const char *address, size_t count,
                                        struct smq_receive_queue **queues) {
    struct client_fixture client;
    client_fixture_connect(&client, context, address, NULL);
    struct smq_create_options options;
    smq_create_options_init(&options);
    options.subscribe = false;
    size_t submitted = 0, done = 0;
    while (done < count) {
        for (; submitted < count && submitted - done < CREATE_IN_FLIGHT; submitted++)
            require(smq_create_queue_async(client.client, &options, CREATE_TIMEOUT_MS, submitted) == SMQ_OK);
        take_created(&client, queues, &done);
    }
    client_fixture_close(&client);
}

void client_agent_fixture_invent_queues(const char *address, size_t count, struct smq_receive_queue **queues) {
    struct server_address server;
    require(server_address_parse(slice_of_text(address), ADDRESS_SMP, &server) == SMQ_OK);
    struct router_address *router = router_address_create(&server);
    require(router != NULL);
    for (size_t i = 0; i < count; i++) {
        uint8_t ids[2][24];
        struct key_pair pair;
        struct box_key message_key = {{0}};
        random_bytes(ids, sizeof(ids));
        require(key_pair_generate(KEY_ED25519, &pair) == SMQ_OK);
        struct receive_queue_parts parts = {.router = router,
                                            .key = &pair.private_key,
                                            .message_key = &message_key,
                                            .mode = QUEUE_MODE_MESSAGING,
                                            .recipient_id = slice_of(ids[0], sizeof(ids[0])),
                                            .sender_id = slice_of(ids[1], sizeof(ids[1]))};
        require(receive_queue_create(&parts, &queues[i]) == SMQ_OK);
        key_pair_wipe(&pair);
    }
    router_address_release(router);
}

void client_agent_fixture_release_queues(struct smq_receive_queue **queues, size_t count) {
    for (size_t i = 0; i < count; i++)
        smq_receive_queue_release(&queues[i]);
}
