/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Words for the states of connections and queues, as stores, events and JSON have them (reference: Agent/Protocol.hs).
 * Pure: any thread. */
#pragma once

#include "queues/base/cursor.h"

enum ratchet_sync_state {
    RATCHET_SYNC_OK,
    RATCHET_SYNC_ALLOWED,
    RATCHET_SYNC_REQUIRED,
    RATCHET_SYNC_STARTED,
    RATCHET_SYNC_AGREED,
    RATCHET_SYNC_COUNT
};
enum queue_status {
    QUEUE_STATUS_NEW,
    QUEUE_STATUS_CONFIRMED,
    QUEUE_STATUS_SECURED,
    QUEUE_STATUS_ACTIVE,
    QUEUE_STATUS_DISABLED,
    QUEUE_STATUS_COUNT
};
/* How far the rotation of a queue is, at its recipient and at its sender. */
enum receive_switch {
    RECEIVE_SWITCH_STARTED,
    RECEIVE_SWITCH_SENDING_QADD,
    RECEIVE_SWITCH_SENDING_QUSE,
    RECEIVE_SWITCH_RECEIVED,
    RECEIVE_SWITCH_COUNT
};
enum send_switch { SEND_SWITCH_QKEY, SEND_SWITCH_QTEST, SEND_SWITCH_COUNT };
enum receipt_status { RECEIPT_OK, RECEIPT_BAD_HASH, RECEIPT_STATUS_COUNT };
enum notifications_mode { NOTIFICATIONS_PERIODIC, NOTIFICATIONS_INSTANT, NOTIFICATIONS_MODE_COUNT };

/* Which of them. */
enum agent_word {
    WORD_RATCHET_SYNC,
    WORD_QUEUE_STATUS,
    WORD_RECEIVE_SWITCH,
    WORD_SEND_SWITCH,
    WORD_RECEIPT,
    WORD_NOTIFICATIONS,
    AGENT_WORD_COUNT
};

/* The word of a value; NULL when the value is none of them. */
const char *agent_word_text(enum agent_word word, unsigned value);
/* The value of a word; SMQ_ERR_SYNTAX. */
enum smq_result agent_word_parse(enum agent_word word, struct slice text, unsigned *value);
