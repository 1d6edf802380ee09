/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What follows the tag of each SMP command. */
#include "transport/smp/command_parameters.h"

#include "transport/smp/link_blobs.h"
#include "transport/wire/address.h"
#include "transport/wire/encoding.h"

/* ---- NEW ---- */

/* Versions 6-8 mark a password with 'A' and the lack of one with nothing. */
static void read_new_password(uint16_t version, struct reader *reader, struct smp_new *new) {
    if (version >= SMP_VERSION_SENDER_KEY) {
        new->has_password = read_maybe(reader);
    } else {
        new->has_password = reader_peek(reader) == 'A';
        if (new->has_password)
            read_literal(reader, "A");
    }
    if (new->has_password)
        new->password = read_password(reader);
}

static void read_subscription_mode(struct reader *reader, struct smp_new *new) {
    uint8_t mode = read_u8(reader);
    if (mode != 'S' && mode != 'C')
        reader_fail(reader);
    new->subscribe = mode == 'S';
}

static void read_queue_request(struct reader *reader, struct smp_new *new) {
    if (!read_maybe(reader))
        return;
    uint8_t mode = read_u8(reader);
    if (mode != SMP_MODE_MESSAGING && mode != SMP_MODE_CONTACT) {
        reader_fail(reader);
        return;
    }
    new->mode = (enum smp_queue_mode)mode;
    new->has_link = read_maybe(reader);
    if (!new->has_link)
        return;
    if (new->mode == SMP_MODE_CONTACT)
        new->link_id = read_short(reader);
    new->sender_id = read_short(reader);
    smp_link_data_read(reader, &new->link);
}

void smp_read_new(uint16_t version, struct reader *reader, struct smp_command *command) {
    struct smp_new *new = &command->create;
    read_space(reader);
    authorization_key_read(reader, &new->recipient_key);
    read_public_key_of(reader, KEY_X25519, &new->recipient_dh_key);
    read_new_password(version, reader, new);
    read_subscription_mode(reader, new);
    if (version >= SMP_VERSION_SHORT_LINKS)
        read_queue_request(reader, new);
    else if (version >= SMP_VERSION_SENDER_KEY)
        new->mode = read_bool(reader) ? SMP_MODE_MESSAGING : SMP_MODE_CONTACT;
    if (version >= SMP_VERSION_NEW_NOTIFIER && read_maybe(reader)) {
        new->has_notifier = true;
        authorization_key_read(reader, &new->notifier_key);
        read_public_key_of(reader, KEY_X25519, &new->notifier_dh_key);
    }
}

static void write_new_password(uint16_t version, struct writer *writer, const struct smp_new *new) {
    if (version >= SMP_VERSION_SENDER_KEY)
        write_maybe(writer, new->has_password);
    else if (new->has_password)
        write_u8(writer, 'A');
    if (new->has_password)
        write_short(writer, new->password);
}

static void write_queue_request(struct writer *writer, const struct smp_new *new) {
    write_maybe(writer, new->mode != SMP_MODE_UNKNOWN);
    if (new->mode == SMP_MODE_UNKNOWN)
        return;
    write_u8(writer, (uint8_t) new->mode);
    write_maybe(writer, new->has_link);
    if (!new->has_link)
        return;
    if (new->mode == SMP_MODE_CONTACT)
        write_short(writer, new->link_id);
    write_short(writer, new->sender_id);
    smp_link_data_write(writer, &new->link);
}

void smp_write_new(uint16_t version, struct writer *writer, const struct smp_command *command) {
    const struct smp_new *new = &command->create;
    write_space(writer);
    write_public_key(writer, &new->recipient_key);
    write_public_key(writer, &new->recipient_dh_key);
    write_new_password(version, writer, new);
    write_u8(writer, new->subscribe ? 'S' : 'C');
    if (version >= SMP_VERSION_SHORT_LINKS)
        write_queue_request(writer, new);
    else if (version >= SMP_VERSION_SENDER_KEY)
        write_bool(writer, new->mode == SMP_MODE_MESSAGING);
    if (version < SMP_VERSION_NEW_NOTIFIER)
        return;
    write_maybe(writer, new->has_notifier);
    if (new->has_notifier) {
        write_public_key(writer, &new->notifier_key);
        write_public_key(writer, &new->notifier_dh_key);
    }
}

/* ---- recipient and sender commands ---- */

void smp_read_sender_key(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    authorization_key_read(reader, &command->key);
}

void smp_write_sender_key(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_public_key(writer, &command->key);
}

void smp_read_key_list(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    key_list_read(reader, &command->key_list);
}

void smp_write_key_list(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    key_list_write(writer, &command->key_list);
}

void smp_read_link_set(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    command->link_set.link_id = read_short(reader);
    smp_link_data_read(reader, &command->link_set.link);
}

void smp_write_link_set(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_short(writer, command->link_set.link_id);
    smp_link_data_write(writer, &command->link_set.link);
}

void smp_read_notifier(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    authorization_key_read(reader, &command->notifier.key);
    read_public_key_of(reader, KEY_X25519, &command->notifier.dh_key);
}

void smp_write_notifier(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_public_key(writer, &command->notifier.key);
    write_public_key(writer, &command->notifier.dh_key);
}

void smp_read_message_id(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    command->message_id = read_short(reader);
}

void smp_write_message_id(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_short(writer, command->message_id);
}

/* Flags are one byte today; later ones may add bytes up to the next space. */
void smp_read_send(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    command->send.notification = read_bool(reader);
    (void)read_until(reader, ' ');
    read_space(reader);
    command->send.body = read_tail(reader);
}

void smp_write_send(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_bool(writer, command->send.notification);
    write_space(writer);
    write_slice(writer, command->send.body);
}

/* ---- proxy commands ---- */

void smp_read_proxy(uint16_t version, struct reader *reader, struct smp_command *command) {
    struct server_address address;
    (void)version;
    read_space(reader);
    const uint8_t *first = reader->position;
    read_server_address(reader, ADDRESS_SMP, &address);
    command->proxy.server = slice_of(first, (size_t)(reader->position - first));
    if (!reader->failed && !address.has_key_hash)
        reader_fail(reader);
    command->proxy.has_password = read_maybe(reader);
    if (command->proxy.has_password)
        command->proxy.password = read_password(reader);
}

void smp_write_proxy(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_slice(writer, command->proxy.server);
    write_maybe_short(writer, command->proxy.has_password ? &command->proxy.password : NULL);
}

void smp_read_forward(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    command->forward.version = read_u16(reader);
    read_public_key_of(reader, KEY_X25519, &command->forward.key);
    command->forward.payload = read_tail(reader);
}

void smp_write_forward(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_u16(writer, command->forward.version);
    write_public_key(writer, &command->forward.key);
    write_slice(writer, command->forward.payload);
}

void smp_read_payload(uint16_t version, struct reader *reader, struct smp_command *command) {
    (void)version;
    read_space(reader);
    command->payload = read_tail(reader);
}

void smp_write_payload(uint16_t version, struct writer *writer, const struct smp_command *command) {
    (void)version;
    write_space(writer);
    write_slice(writer, command->payload);
}
