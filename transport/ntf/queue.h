/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The SMP queue that a subscription of an NTF router is for: a router's address and a notifier id. Pure and
 * re-entrant: any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/wire/address.h"

enum { NTF_NOTIFIER_ID_MAX = 255, NTF_QUEUE_TEXT_MAX = ADDRESS_TEXT_MAX + 1 + 340 };

/* Plain data, copied by assignment. Its identity is the host list, port, key hash and notifier id. */
struct ntf_queue {
    struct server_address server;
    uint8_t notifier_id_length;
    uint8_t notifier_id[NTF_NOTIFIER_ID_MAX];
};

/* Readers of both forms give a server with one historic host its onion host (server_address_add_known_onion), so that
 * one queue has one identity. Binary: address, short notifier id. */
void read_ntf_queue(struct reader *reader, struct ntf_queue *queue);
void write_ntf_queue(struct writer *writer, const struct ntf_queue *queue);
/* Text: `<address>/<base64url notifier id>`; the reader leaves what follows the id. */
void read_ntf_queue_text(struct reader *reader, struct ntf_queue *queue);
void write_ntf_queue_text(struct writer *writer, const struct ntf_queue *queue);

struct slice ntf_queue_notifier_id(const struct ntf_queue *queue); /* borrowed */
bool ntf_queue_equal(const struct ntf_queue *a, const struct ntf_queue *b);
