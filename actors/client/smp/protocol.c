/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP as a protocol of the client: its table, and the small calls of it. */
#include <string.h>

#include "actors/client/smp/forward_private.h"
#include "actors/client/smp/queues.h"
#include "actors/client/smp/service.h"
#include "actors/client/smp/smp_request.h"
#include "actors/client/smp/through_proxy.h"
#include "queues/base/memory.h"
#include "queues/base/secret.h"

static const struct command_rule *rule(enum smq_command command) {
    return &smp_rule(command)->life;
}

/* ---- requests ---- */

static void request_begun(struct request *request) {
    smp_request(request)->body.tag = smp_rule(request->command)->tag;
}

static void request_released(struct request *request) {
    struct smp_request *part = smp_request(request);
    if (part->secrets != NULL) {
        queue_key_destroy(&part->secrets->key);
        secret_wipe(part->secrets, sizeof(*part->secrets));
        memory_free(part->secrets);
    }
    request_proxied_destroy(&part->proxied);
    smq_receive_queue_release(&part->receive_queue);
    smq_send_queue_release(&part->send_queue);
    smq_notifier_release(&part->notifier);
}

static void add_origin(const struct request *request, struct smq_event *event) {
    const struct smp_request *part = smp_request(request);
    if (part->receive_queue != NULL)
        event->receive_queue = smq_receive_queue_reference(part->receive_queue);
    if (part->send_queue != NULL)
        event->send_queue = smq_send_queue_reference(part->send_queue);
    if (part->notifier != NULL)
        event->notifier = smq_notifier_reference(part->notifier);
}

static bool diverts(struct process_lane *lane, struct request *request) {
    if (smp_request(request)->proxied == NULL)
        return false;
    through_proxy_submit(lane, request);
    return true;
}

/* What arrives for a queue must be opened even when it comes before the response. */
static enum smq_result register_handles(struct process_lane *lane, const struct request *request) {
    bool queue = request->command == SMQ_COMMAND_SUBSCRIBE || request->command == SMQ_COMMAND_GET_MESSAGE;
    if (queue)
        return registry_add(lane_registry(lane), request->client, smp_request(request)->receive_queue, NULL);
    return request->command == SMQ_COMMAND_SUBSCRIBE_NOTIFICATIONS
               ? registry_add(lane_registry(lane), request->client, NULL, smp_request(request)->notifier)
               : SMQ_OK;
}

/* What the session's version has no room for would be left out silently. */
static bool version_carries(const struct request *request) {
    uint16_t version = smp_client(request->client)->session.version;
    const struct smp_new *create = &smp_request(request)->body.create;
    return request->command != SMQ_COMMAND_CREATE || ((!create->has_link || version >= SMP_VERSION_SHORT_LINKS) &&
                                                      (!create->has_notifier || version >= SMP_VERSION_NEW_NOTIFIER));
}

static enum smq_result enter(struct process_lane *lane, const struct request *request) {
    return version_carries(request) ? register_handles(lane, request) : SMQ_ERR_VERSION;
}

/* ---- clients ---- */

static bool options_are_valid(const struct smq_client_options *options) {
    return options->service == NULL || service_is_valid(options->service);
}

static void wipe(struct smq_client *client) {
    smp_session_wipe(&smp_client(client)->session);
    key_pair_wipe(&smp_client(client)->service_key);
    client_relay_destroy(&smp_client(client)->relay);
}

static struct tls_context *tls(const struct smq_client *client) {
    return client->options.service == NULL ? NULL : client->options.service->tls;
}

static bool is_answered(const struct smq_client *client) {
    return smp_client(client)->is_service;
}

static void commands_ended(struct process_lane *lane, struct smq_client *client, enum smq_result result) {
    through_proxy_end(lane, client, result);
    registry_remove_client(lane_registry(lane), client);
}

static void info(const struct smq_client *client, struct smq_client_info *told) {
    told->encrypted = smp_client(client)->session.encrypted;
    told->version = smp_client(client)->session.version;
    told->session_id_length = smp_client(client)->session.session_id_length;
    memcpy(told->session_id, smp_client(client)->session.session_id, smp_client(client)->session.session_id_length);
    told->service_id_length = smp_client(client)->service_id_length;
    memcpy(told->service_id, smp_client(client)->service_id, smp_client(client)->service_id_length);
    told->body_max = smp_message_limit(told->version);
}

/* ---- lanes ---- */

static enum smq_result lane_init(void *state) {
    return registry_init(&((struct smp_lane *)state)->registry);
}

static void lane_destroy(void *state) {
    registry_destroy(&((struct smp_lane *)state)->registry);
}

static void receive_message(struct process_lane *lane, struct message *message) {
    (void)lane;
    forward_list_received(message); /* LANE_FORWARDS, the only one */
}

const struct client_protocol smp_client_protocol = {
    .connection = {CLIENT_CONNECTION("smp-client", SMP_BLOCK_SIZE), .fill_own = forward_fill_own},
    .scheme = ADDRESS_SMP,
    .version_min = SMQ_VERSION_MIN,
    .version_max = SMQ_VERSION_MAX,
    .client_size = sizeof(struct smp_client),
    .request_size = sizeof(struct smp_request),
    .lane_size = sizeof(struct smp_lane),
    .lane_init = lane_init,
    .lane_destroy = lane_destroy,
    .options_are_valid = options_are_valid,
    .wipe = wipe,
    .tls = tls,
    .hello = smp_hello,
    .is_answered = is_answered,
    .hello_answer = smp_hello_answer,
    .opened = client_relay_opened,
    .commands_ended = commands_ended,
    .ended = client_relay_ended,
    .info = info,
    .rule = rule,
    .ping = SMQ_COMMAND_PING,
    .request_begin = request_begun,
    .request_release = request_released,
    .add_origin = add_origin,
    .diverts = diverts,
    .enter = enter,
    .split = smp_split,
    .write_hello = smp_write_hello,
    .begin_block = smp_begin_block,
    .write = smp_write,
    .seal_block = smp_seal_block,
    .write_own = forward_fill,
    .discard_own = forward_discard,
    .received_early = forward_received,
    .received = smp_received,
    .message = receive_message,
};
