/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Words for states. */
#include "transport/agent/status.h"

#include "transport/wire/tag.h"

static const char *const ratchet_sync[] = {[RATCHET_SYNC_OK] = "ok",
                                           [RATCHET_SYNC_ALLOWED] = "allowed",
                                           [RATCHET_SYNC_REQUIRED] = "required",
                                           [RATCHET_SYNC_STARTED] = "started",
                                           [RATCHET_SYNC_AGREED] = "agreed"};
static const char *const queue_status[] = {[QUEUE_STATUS_NEW] = "new",
                                           [QUEUE_STATUS_CONFIRMED] = "confirmed",
                                           [QUEUE_STATUS_SECURED] = "secured",
                                           [QUEUE_STATUS_ACTIVE] = "active",
                                           [QUEUE_STATUS_DISABLED] = "disabled"};
static const char *const receive_switch[] = {[RECEIVE_SWITCH_STARTED] = "switch_started",
                                             [RECEIVE_SWITCH_SENDING_QADD] = "sending_qadd",
                                             [RECEIVE_SWITCH_SENDING_QUSE] = "sending_quse",
                                             [RECEIVE_SWITCH_RECEIVED] = "received_message"};
static const char *const send_switch[] = {[SEND_SWITCH_QKEY] = "sending_qkey", [SEND_SWITCH_QTEST] = "sending_qtest"};
static const char *const receipt[] = {[RECEIPT_OK] = "ok", [RECEIPT_BAD_HASH] = "badMsgHash"};
static const char *const notifications[] = {[NOTIFICATIONS_PERIODIC] = "PERIODIC", [NOTIFICATIONS_INSTANT] = "INSTANT"};

static const struct {
    const char *const *texts;
    size_t count;
} words[AGENT_WORD_COUNT] = {
    [WORD_RATCHET_SYNC] = {ratchet_sync, TAG_COUNT(ratchet_sync)},
    [WORD_QUEUE_STATUS] = {queue_status, TAG_COUNT(queue_status)},
    [WORD_RECEIVE_SWITCH] = {receive_switch, TAG_COUNT(receive_switch)},
    [WORD_SEND_SWITCH] = {send_switch, TAG_COUNT(send_switch)},
    [WORD_RECEIPT] = {receipt, TAG_COUNT(receipt)},
    [WORD_NOTIFICATIONS] = {notifications, TAG_COUNT(notifications)},
};

const char *agent_word_text(enum agent_word word, unsigned value) {
    return value < words[word].count ? words[word].texts[value] : NULL;
}

enum smq_result agent_word_parse(enum agent_word word, struct slice text, unsigned *value) {
    struct reader reader = reader_of(text);
    size_t found = tag_read(&reader, words[word].texts, words[word].count);
    enum smq_result result = reader_finish(&reader);
    if (result == SMQ_OK)
        *value = (unsigned)found;
    return result;
}
