/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One sample of every SMP command, for tests. */
#pragma once

#include "test/unit/transport/smp_samples.h"
#include "transport/smp/command.h"

/* Two hosts, port 5223, a key hash. */
static inline struct slice sample_server(void) {
    static uint8_t bytes[128];
    struct writer writer = writer_of(bytes, sizeof bytes);
    write_u8(&writer, 2);
    write_short(&writer, slice_of_text("smp1.example.org"));
    write_short(&writer, slice_of_text("abcdefghijklmnop.onion"));
    write_short(&writer, slice_of_text("5223"));
    write_short(&writer, sample(32, 9));
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}

/* One key of each algorithm that may authorize. */
static inline struct key_list sample_key_list(void) {
    static uint8_t bytes[256];
    static const enum key_algorithm algorithms[] = {KEY_ED25519, KEY_ED448, KEY_X25519};
    struct writer writer = writer_of(bytes, sizeof bytes);
    for (size_t i = 0; i < 3; i++) {
        struct public_key key = sample_key(algorithms[i], i);
        write_public_key(&writer, &key);
    }
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return (struct key_list){.count = 3, .encoded = slice_of(bytes, writer_length(&writer))};
}

static inline struct smp_command sample_new(void) {
    struct smp_command command;
    memset(&command, 0, sizeof command);
    command.tag = SMP_NEW;
    command.create.recipient_key = sample_key(KEY_ED25519, 1);
    command.create.recipient_dh_key = sample_key(KEY_X25519, 2);
    command.create.subscribe = true;
    command.create.mode = SMP_MODE_MESSAGING;
    return command;
}

/* Everything that a NEW can carry. */
static inline struct smp_command sample_full_new(void) {
    struct smp_command command = sample_new();
    command.create.subscribe = false;
    command.create.mode = SMP_MODE_CONTACT;
    command.create.has_password = true;
    command.create.password = slice_of_text("secret");
    command.create.has_link = true;
    command.create.link_id = sample(24, 3);
    command.create.sender_id = sample(24, 4);
    command.create.link.fixed_data = sample(2048, 5);
    command.create.link.user_data = sample(13824, 6);
    command.create.has_notifier = true;
    command.create.notifier_key = sample_key(KEY_ED448, 7);
    command.create.notifier_dh_key = sample_key(KEY_X25519, 8);
    return command;
}

static inline struct smp_command sample_command(enum smp_command_tag tag) {
    struct smp_command command;
    memset(&command, 0, sizeof command);
    command.tag = tag;
    switch (tag) {
    case SMP_NEW:
        return sample_new();
    case SMP_KEY:
    case SMP_SKEY:
    case SMP_LKEY:
        command.key = sample_key(KEY_X25519, 1);
        break;
    case SMP_RKEY:
        command.key_list = sample_key_list();
        break;
    case SMP_LSET:
        command.link_set.link_id = sample(24, 1);
        command.link_set.link.fixed_data = sample(20, 2);
        command.link_set.link.user_data = sample(300, 3);
        break;
    case SMP_NKEY:
        command.notifier.key = sample_key(KEY_ED25519, 1);
        command.notifier.dh_key = sample_key(KEY_X25519, 2);
        break;
    case SMP_ACK:
        command.message_id = sample(24, 1);
        break;
    case SMP_SEND:
        command.send.notification = true;
        command.send.body = sample(100, 1);
        break;
    case SMP_PRXY:
        command.proxy.server = sample_server();
        command.proxy.has_password = true;
        command.proxy.password = slice_of_text("secret");
        break;
    case SMP_PFWD:
        command.forward.version = 17;
        command.forward.key = sample_key(KEY_X25519, 1);
        command.forward.payload = sample(200, 2);
        break;
    case SMP_RFWD:
        command.payload = sample(200, 1);
        break;
    default:
        break;
    }
    return command;
}

/* Whether the command ends with bytes without a length: longer and, down to a point, shorter forms are
 * commands too. */
static inline bool command_has_tail(enum smp_command_tag tag) {
    return tag == SMP_SEND || tag == SMP_PFWD || tag == SMP_RFWD;
}

/* The command's bytes, in a buffer that the next call overwrites. */
static inline struct slice written_command(uint16_t version, const struct smp_command *command) {
    static uint8_t bytes[20000];
    struct writer writer = writer_of(bytes, sizeof bytes);
    smp_command_write(version, command, &writer);
    assert_int_equal(writer_finish(&writer), SMQ_OK);
    return slice_of(bytes, writer_length(&writer));
}
