/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP queue that a subscription is for. */
#include "transport/ntf/queue.h"

#include <string.h>

#include "transport/wire/text.h"

struct slice ntf_queue_notifier_id(const struct ntf_queue *queue) {
    return slice_of(queue->notifier_id, queue->notifier_id_length);
}

void read_ntf_queue(struct reader *reader, struct ntf_queue *queue) {
    memset(queue, 0, sizeof *queue);
    read_server_address(reader, ADDRESS_SMP, &queue->server);
    struct slice id = read_short(reader);
    if (!queue->server.has_key_hash)
        reader_fail(reader);
    if (reader->failed)
        return;
    server_address_add_known_onion(&queue->server);
    queue->notifier_id_length = (uint8_t)id.length;
    if (id.length > 0)
        memcpy(queue->notifier_id, id.bytes, id.length);
}

void write_ntf_queue(struct writer *writer, const struct ntf_queue *queue) {
    write_server_address(writer, &queue->server);
    write_short(writer, ntf_queue_notifier_id(queue));
}

void read_ntf_queue_text(struct reader *reader, struct ntf_queue *queue) {
    memset(queue, 0, sizeof *queue);
    read_server_address_text(reader, ADDRESS_SMP, &queue->server);
    read_literal(reader, "/");
    queue->notifier_id_length = (uint8_t)read_base64url(reader, queue->notifier_id, sizeof queue->notifier_id);
    if (!reader->failed)
        server_address_add_known_onion(&queue->server);
}

void write_ntf_queue_text(struct writer *writer, const struct ntf_queue *queue) {
    write_server_address_text(writer, &queue->server, NULL, 0);
    write_text(writer, "/");
    write_base64(writer, ntf_queue_notifier_id(queue), BASE64_URL);
}

bool ntf_queue_equal(const struct ntf_queue *a, const struct ntf_queue *b) {
    return server_address_equal(&a->server, &b->server) &&
           slice_equal(ntf_queue_notifier_id(a), ntf_queue_notifier_id(b));
}
