/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Items of the lists in agent messages. */
#include <string.h>

#include "transport/agent/message.h"
#include "transport/block/key_list.h"

void read_queue_address(struct reader *reader, struct queue_address *address) {
    memset(address, 0, sizeof *address);
    read_server_address(reader, ADDRESS_SMP, &address->server);
    struct slice id = read_short(reader);
    address->sender_id_length = (uint8_t)id.length;
    if (id.length > 0)
        memcpy(address->sender_id, id.bytes, id.length);
}

void write_queue_address(struct writer *writer, const struct queue_address *address) {
    write_server_address(writer, &address->server);
    write_short(writer, slice_of(address->sender_id, address->sender_id_length));
}

void read_agent_receipt(struct reader *reader, struct agent_receipt *receipt) {
    receipt->message_id = read_i64(reader);
    receipt->hash = read_short(reader);
    receipt->info = read_large(reader);
}

void write_agent_receipt(struct writer *writer, const struct agent_receipt *receipt) {
    write_i64(writer, receipt->message_id);
    write_short(writer, receipt->hash);
    write_large(writer, receipt->info);
}

void read_agent_queue_add(struct reader *reader, struct agent_queue_add *add) {
    memset(add, 0, sizeof *add);
    read_queue_uri(reader, &add->queue);
    add->has_replaced = read_maybe(reader);
    if (add->has_replaced)
        read_queue_address(reader, &add->replaced);
}

void write_agent_queue_add(struct writer *writer, const struct agent_queue_add *add) {
    write_queue_uri(writer, &add->queue);
    write_maybe(writer, add->has_replaced);
    if (add->has_replaced)
        write_queue_address(writer, &add->replaced);
}

void read_agent_queue_key(struct reader *reader, struct agent_queue_key *key) {
    read_queue_info(reader, &key->queue);
    authorization_key_read(reader, &key->sender_key);
}

void write_agent_queue_key(struct writer *writer, const struct agent_queue_key *key) {
    write_queue_info(writer, &key->queue);
    write_public_key(writer, &key->sender_key);
}

void read_agent_queue_use(struct reader *reader, struct agent_queue_use *use) {
    read_queue_address(reader, &use->address);
    use->primary = read_bool(reader);
}

void write_agent_queue_use(struct writer *writer, const struct agent_queue_use *use) {
    write_queue_address(writer, &use->address);
    write_bool(writer, use->primary);
}
