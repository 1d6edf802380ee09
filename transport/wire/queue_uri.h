/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Queue addresses that users hand to each other out of band: URI and binary forms (reference: Agent/Protocol.hs,
 * SMPQueueUri and SMPQueueInfo). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/crypto/keys.h"
#include "transport/wire/address.h"
#include "transport/wire/version.h"

enum {
    QUEUE_ID_MAX = 255,
    QUEUE_URI_TEXT_MAX = 4096, /* room for any queue URI that queue_uri_write produces */
};

enum queue_mode {
    QUEUE_MODE_NONE,      /* not said */
    QUEUE_MODE_MESSAGING, /* 'M': the sender may secure the queue */
    QUEUE_MODE_CONTACT,   /* 'C' */
};

struct queue_uri {
    struct version_range versions; /* of the SMP client protocol */
    struct server_address server;
    uint8_t sender_id_length;
    uint8_t sender_id[QUEUE_ID_MAX];
    struct public_key dh_key; /* X25519 */
    enum queue_mode mode;
};

/* Reads every form that the reference reads: current, with the key in the fragment, with legacy hosts in `srv`, and the
 * oldest one without a version. SMQ_ERR_SYNTAX. */
enum smq_result queue_uri_parse(struct slice text, struct queue_uri *uri);
/* Writes the current form; for ranges that start below version 2 the further hosts go to `srv`. */
void write_queue_uri_text(struct writer *writer, const struct queue_uri *uri);

/* Binary form with a version range. It ends with an optional mode byte, so it is only self-delimiting when something of
 * another first byte follows. */
void read_queue_uri(struct reader *reader, struct queue_uri *uri);
void write_queue_uri(struct writer *writer, const struct queue_uri *uri);

/* Binary form with one version (`versions.min` equals `versions.max`). */
void read_queue_info(struct reader *reader, struct queue_uri *uri);
void write_queue_info(struct writer *writer, const struct queue_uri *uri);

/* Same hosts, port and sender id. */
bool queue_uri_same_queue(const struct queue_uri *a, const struct queue_uri *b);
