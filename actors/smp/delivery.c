/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Filling blocks. Each kind of item has a function that writes as much of it as fits; an item that is not through stays
 * first in the queue for the next block. Bodies are read from the store's map, and padded, encrypted and sealed in the
 * block itself. */
#include "actors/smp/delivery.h"

#include <string.h>

#include "actors/router/identity.h"
#include "actors/smp/event.h"
#include "actors/smp/post.h"
#include "queues/base/fault.h"
#include "queues/base/log.h"
#include "queues/base/memory.h"
#include "transport/block/transmission.h"
#include "transport/crypto/message_body.h"
#include "transport/crypto/proxy_layer.h"
#include "transport/crypto/signed_key.h"
#include "transport/smp/handshake.h"
#include "transport/smp/session.h"

/* A block being filled. */
struct filling {
    struct client_session *session;
    struct smp_outgoing_block block;
    struct transmission_form form;
    struct store_reader *reader; /* the send lane's */
    struct store_txn *txn;       /* NULL until something is read */
};

/* What became of an item, or of one transmission. */
enum filled { FILLED, FILLED_NO_ROOM, FILLED_MISSING };

enum smq_result delivery_send(struct client_session *session, const struct message_reference *reference) {
    struct delivery *delivery = memory_zalloc(sizeof *delivery);
    if (delivery == NULL)
        return SMQ_ERR_NO_MEMORY;
    delivery->outgoing.kind = OUTGOING_DELIVERY;
    delivery->outgoing.bytes = sizeof *delivery;
    delivery->session = session;
    delivery->reference = *reference;
    enum smq_result result = connection_send(session->connection, &delivery->outgoing);
    if (result != SMQ_OK)
        memory_free(delivery);
    return result;
}

void delivery_release(struct delivery **delivery) {
    connection_release((*delivery)->session->connection);
    memory_free(*delivery);
    *delivery = NULL;
}

/* A snapshot that is later than every item in the queue, since each was queued after its commit. */
static bool begin_reading(struct filling *filling) {
    if (filling->txn == NULL && store_reader_begin(filling->reader, &filling->txn) != SMQ_OK)
        filling->txn = NULL;
    return filling->txn != NULL;
}

/* Ends the draft; a transmission that does not fit leaves no trace. */
static enum filled end_transmission(struct filling *filling, const struct transmission_draft *draft) {
    if (filling->block.count == BLOCK_TRANSMISSIONS_MAX)
        writer_fail(&filling->block.writer);
    if (transmission_end(&filling->form, &filling->block.writer, draft, slice_of(NULL, 0), NULL) != SMQ_OK)
        return FILLED_NO_ROOM;
    smp_outgoing_block_added(&filling->block);
    return FILLED;
}

static void begin_transmission(struct filling *filling, struct slice correlation_id, struct slice entity_id,
                               struct transmission_draft *draft) {
    transmission_begin(&filling->form, &filling->block.writer, 0, false, correlation_id, entity_id, draft);
}

static enum filled write_response(struct filling *filling, struct slice correlation_id, struct slice entity_id,
                                  const struct smp_response *response) {
    struct transmission_draft draft;
    begin_transmission(filling, correlation_id, entity_id, &draft);
    smp_response_write(filling->form.version, response, &filling->block.writer);
    return end_transmission(filling, &draft);
}

/* The body from the store, or from a copy that was kept. */
static enum smq_result write_body(struct filling *filling, const struct msg_view *view, const struct kept_answer *kept,
                                  struct writer *body) {
    if (kept == NULL)
        return msg_store_body(filling->txn, view, body);
    write_slice(body, kept->body);
    return writer_finish(body);
}

/* A MSG, encrypted for the recipient. */
static enum filled write_message_of(struct filling *filling, struct slice correlation_id, struct slice entity_id,
                                    const struct msg_view *view, const struct kept_answer *kept,
                                    const uint8_t recipient_dh_secret[QUEUE_SECRET_SIZE]) {
    struct transmission_draft draft;
    begin_transmission(filling, correlation_id, entity_id, &draft);
    uint8_t *body = smp_message_reserve(&filling->block.writer, view->id);
    if (body != NULL) {
        struct box_key key;
        box_key_of_secret(recipient_dh_secret, &key);
        struct writer plain = message_body_begin(view->timestamp, view->notify, body);
        if (view->is_marker)
            message_body_seal_quota(&key, view->id.bytes, view->timestamp, body);
        else if (write_body(filling, view, kept, &plain) != SMQ_OK ||
                 message_body_finish(&key, view->id.bytes, &plain, body) != SMQ_OK)
            writer_fail(&filling->block.writer);
        box_key_wipe(&key);
    }
    return end_transmission(filling, &draft);
}

/* The same from the store. `entity_id` NULL: an event, whose entity is the recipient id of the record. */
static enum filled write_message(struct filling *filling, struct slice correlation_id, const struct slice *entity_id,
                                 const struct message_reference *reference) {
    struct queue_record record;
    struct msg_view view;
    if (!begin_reading(filling) || queue_store_get(filling->txn, reference->queue, &record) != SMQ_OK ||
        msg_store_get(filling->txn, reference->queue, reference->sequence, &view) != SMQ_OK ||
        view.id.length != MESSAGE_ID_SIZE)
        return FILLED_MISSING;
    return write_message_of(filling, correlation_id, entity_id != NULL ? *entity_id : record.recipient_id, &view, NULL,
                            record.recipient_dh_secret);
}

static enum filled write_message_answer(struct filling *filling, const struct command_slot *slot) {
    if (slot->kept == NULL)
        return write_message(filling, slot->correlation_id, &slot->entity_id, &slot->message_reference);
    return write_message_of(filling, slot->correlation_id, slot->entity_id, &slot->kept->message, slot->kept,
                            slot->kept->recipient_dh_secret);
}

static enum filled write_link(struct filling *filling, const struct command_slot *slot) {
    struct queue_record record;
    struct queue_link_data link;
    struct smp_response response = {.tag = SMP_LNK};
    uint64_t queue = slot->message_reference.queue;
    if (slot->kept != NULL) {
        response.link.sender_id = slot->kept->sender_id;
        link = slot->kept->link;
    } else {
        if (!begin_reading(filling) || queue_store_get(filling->txn, queue, &record) != SMQ_OK ||
            queue_store_link_get(filling->txn, queue, &link) != SMQ_OK)
            return FILLED_MISSING;
        response.link.sender_id = record.sender_id;
    }
    response.link.data = (struct smp_link_data){link.fixed, link.user};
    return write_response(filling, slot->correlation_id, slot->entity_id, &response);
}

/* Has the subscriber lane look for what to send instead of a message that is gone. */
static void report_lost(struct filling *filling, const struct message_reference *reference) {
    struct delivery *delivery = memory_zalloc(sizeof *delivery);
    if (delivery == NULL)
        return;
    delivery->session = filling->session;
    delivery->reference = *reference;
    connection_reference(filling->session->connection);
    if (post_subscriber_lost_delivery(delivery) != SMQ_OK)
        delivery_release(&delivery);
}

static enum filled write_stored_answer(struct filling *filling, struct command_slot *slot) {
    bool is_message = slot->stored == STORED_MESSAGE;
    struct smp_response gone = is_message ? smp_response_ok() : smp_response_error(smp_error_of(SMP_ERROR_AUTH));
    enum filled filled = is_message ? write_message_answer(filling, slot) : write_link(filling, slot);
    if (filled != FILLED_MISSING)
        return filled;
    filled = write_response(filling, slot->correlation_id, slot->entity_id, &gone);
    if (filled == FILLED && is_message)
        report_lost(filling, &slot->message_reference);
    return filled;
}

static enum filled write_own_answer(struct filling *filling, struct command_slot *slot) {
    switch (slot->answer) {
    case ANSWER_FROM_STORE:
        return write_stored_answer(filling, slot);
    case ANSWER_ELSEWHERE:
        return FILLED;
    case ANSWER_READY:
        break;
    }
    return write_response(filling, slot->correlation_id, slot->entity_id, &slot->response);
}

/* The answer as it would be sent to a client, in the place that it has in a RRES, and in both layers. */
static enum filled write_inner_answer(struct filling *filling, struct command_slot *slot, uint8_t *sealed) {
    size_t room;
    uint8_t *place = forwarded_answer_place(sealed, &room);
    struct filling inner = *filling;
    inner.form = slot_form(slot);
    inner.block.writer = writer_of(place, room);
    enum filled filled = write_own_answer(&inner, slot);
    filling->txn = inner.txn;
    if (filled == FILLED &&
        forwarded_answer_seal(slot->forwarded, filling->session, sealed, writer_length(&inner.block.writer)) != SMQ_OK)
        filled = FILLED_NO_ROOM;
    return filled;
}

/* RRES; ERR BLOCK when the answer does not fit into one (reference: Server.hs, processForwardedCommand). */
static enum filled write_forwarded_answer(struct filling *filling, struct command_slot *slot) {
    struct slice proxy_id = slice_of(slot->forwarded->proxy_id, slot->forwarded->proxy_id_length);
    struct smp_response too_large = smp_response_error(smp_error_of(SMP_ERROR_BLOCK));
    struct writer before = filling->block.writer;
    struct transmission_draft draft;
    begin_transmission(filling, proxy_id, slice_of(NULL, 0), &draft);
    uint8_t *sealed = smp_payload_reserve(&filling->block.writer, SMP_RRES, PROXY_RESPONSE_MAX);
    if (sealed == NULL || write_inner_answer(filling, slot, sealed) == FILLED)
        return end_transmission(filling, &draft);
    filling->block.writer = before;
    return write_response(filling, proxy_id, slice_of(NULL, 0), &too_large);
}

static enum filled write_answer(struct filling *filling, struct command_slot *slot) {
    return slot->forwarded != NULL ? write_forwarded_answer(filling, slot) : write_own_answer(filling, slot);
}

/* Whether a transmission that does not fit may wait for the next block; in an empty one it never will fit. */
static bool waits(const struct filling *filling, enum filled filled) {
    if (filled != FILLED_NO_ROOM)
        return false;
    if (filling->block.count > 0)
        return true;
    log_error("a transmission exceeds a block and was left out");
    return false;
}

static struct command_slot *slot_at(struct command_batch *batch, uint16_t index) {
    return owner_of(batch_slot(batch, index), struct command_slot, base);
}

static bool fill_answers(struct filling *filling, struct outgoing *item) {
    struct command_batch *batch = owner_of(item, struct command_batch, outgoing);
    for (; batch->written < batch->count; batch->written++)
        if (waits(filling, write_answer(filling, slot_at(batch, batch->written))))
            return false;
    for (; batch->pushed < batch->count; batch->pushed++) {
        struct command_slot *slot = slot_at(batch, batch->pushed);
        if (!slot->push)
            continue;
        enum filled filled = write_message(filling, slice_of(NULL, 0), NULL, &slot->message_reference);
        if (waits(filling, filled))
            return false;
        if (filled == FILLED_MISSING)
            report_lost(filling, &slot->message_reference);
    }
    return true;
}

static bool fill_delivery(struct filling *filling, struct outgoing *item) {
    struct delivery *delivery = owner_of(item, struct delivery, outgoing);
    enum filled filled = write_message(filling, slice_of(NULL, 0), NULL, &delivery->reference);
    if (waits(filling, filled))
        return false;
    if (filled == FILLED_MISSING)
        report_lost(filling, &delivery->reference);
    return true;
}

static bool fill_proxied(struct filling *filling, struct outgoing *item) {
    const struct proxied_command *command = owner_of(item, struct proxied_command, outgoing);
    struct transmission_draft draft;
    begin_transmission(filling, proxied_correlation_id(command), proxied_entity_id(command), &draft);
    write_slice(&filling->block.writer, command->response);
    return !waits(filling, end_transmission(filling, &draft));
}

static bool fill_event(struct filling *filling, struct outgoing *item) {
    const struct event *event = owner_of(item, struct event, outgoing);
    struct smp_response response;
    event_response(event, &response);
    return !waits(filling,
                  write_response(filling, slice_of(NULL, 0), slice_of(event->bytes, event->entity_length), &response));
}

static enum smq_result write_hello(struct client_session *session, uint8_t *bytes) {
    size_t count;
    uint8_t chain[SMP_BLOCK_SIZE];
    uint8_t signed_key[SIGNED_KEY_MAX];
    const struct connection_tls *tls = connection_tls(session->connection);
    const struct credentials *credentials = session->identity->credentials;
    const struct slice *certificates = credentials_chain(credentials, &count);
    struct writer chain_writer = writer_of(chain, sizeof chain);
    struct writer key_writer = writer_of(signed_key, sizeof signed_key);
    chain_encode(&chain_writer, certificates, count);
    enum smq_result result =
        write_signed_key(&key_writer, credentials_key(credentials), &session->handshake_key.public_key);
    if (result == SMQ_OK)
        result = writer_finish(&chain_writer);
    if (result != SMQ_OK)
        return result;
    struct smp_server_hello hello = {
        .versions = session->announced,
        .session_id = slice_of(tls->session_id, tls->session_id_length),
        .has_key = true,
        .chain_key = {(uint8_t)count, slice_of(chain, writer_length(&chain_writer)),
                      slice_of(signed_key, writer_length(&key_writer))},
    };
    return smp_server_hello_write(&hello, bytes);
}

static enum smq_result write_service_response(const struct client_session *session, uint8_t *bytes) {
    struct smp_service_response response = {
        .accepted = session->service_error.code == SMP_TRANSPORT_NONE,
        .service_id = slice_of(session->service.id, SMP_ENTITY_ID_SIZE),
        .error = session->service_error,
    };
    return smp_service_response_write(&response, bytes);
}

static void release_item(struct client_session *session, struct outgoing *item) {
    struct command_batch *batch;
    struct proxied_command *proxied;
    switch (item->kind) {
    case OUTGOING_ANSWERS:
        batch = owner_of(item, struct command_batch, outgoing);
        command_batch_finish(&batch);
        break;
    case OUTGOING_PROXIED:
        proxied = owner_of(item, struct proxied_command, outgoing);
        proxied_destroy(&proxied);
        break;
    case OUTGOING_DELIVERY:
        memory_free(item);
        break;
    case OUTGOING_EVENT:
        event_release(session, owner_of(item, struct event, outgoing));
        break;
    default:
        break;
    }
}

void delivery_discard(struct connection *connection, void *state, struct outgoing *item) {
    (void)connection;
    release_item(state, item);
}

static bool (*const fillers[OUTGOING_KIND_COUNT])(struct filling *,
                                                  struct outgoing *) = {[OUTGOING_ANSWERS] = fill_answers,
                                                                        [OUTGOING_DELIVERY] = fill_delivery,
                                                                        [OUTGOING_EVENT] = fill_event,
                                                                        [OUTGOING_PROXIED] = fill_proxied};

enum smq_result delivery_fill(struct connection *connection, void *state, struct outgoing_queue *queue,
                              void *lane_state, uint8_t *bytes) {
    (void)connection;
    struct client_session *session = state;
    struct outgoing *item = outgoing_first(queue);
    if (item == NULL)
        return SMQ_ERR_EMPTY;
    if (item->kind == OUTGOING_HELLO || item->kind == OUTGOING_SERVICE_RESPONSE) {
        (void)outgoing_take(queue);
        return item->kind == OUTGOING_HELLO ? write_hello(session, bytes) : write_service_response(session, bytes);
    }
    FAULT_DELAY(answer_slow);
    struct filling filling = {.session = session, .reader = lane_state};
    filling.form = smp_session_form(&session->smp);
    smp_session_begin_block(&session->smp, bytes, &filling.block);
    while ((item = outgoing_first(queue)) != NULL && fillers[item->kind] != NULL &&
           filling.block.count < BLOCK_TRANSMISSIONS_MAX) {
        if (!fillers[item->kind](&filling, item))
            break;
        (void)outgoing_take(queue);
        release_item(session, item);
    }
    if (filling.txn != NULL)
        store_reader_end(filling.reader);
    if (filling.block.count == 0)
        return SMQ_ERR_EMPTY;
    return smp_session_seal_block(&session->smp, &filling.block);
}
