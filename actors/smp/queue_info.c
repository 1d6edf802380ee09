/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* QUE: what the router knows about a queue, as JSON (reference: Protocol.hs, QueueInfo). Ids are standard base64 here,
 * not base64url. */
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/smp/subscriber_lane.h"
#include "queues/base/memory.h"

enum { ID_TEXT_SIZE = sodium_base64_ENCODED_LEN(MESSAGE_ID_SIZE, sodium_base64_VARIANT_ORIGINAL) };

static json_t *id_text(const uint8_t id[MESSAGE_ID_SIZE]) {
    char text[ID_TEXT_SIZE];
    sodium_bin2base64(text, sizeof text, id, MESSAGE_ID_SIZE, sodium_base64_VARIANT_ORIGINAL);
    return json_string(text);
}

static json_t *time_text(int64_t seconds) {
    char text[sizeof "YYYYYY-MM-DDTHH:MM:SSZ"];
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return NULL;
    return json_string(text);
}

/* The asking connection's own subscription, or NULL. */
static json_t *subscription_json(const struct subscriber_lane *lane, const struct command_slot *slot) {
    struct client_session *session = slot_session(slot);
    const struct subscription *found = subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_PUSH, session);
    const char *thread = "noSub";
    if (found == NULL) {
        found = subscription_find(&lane->table, slot->queue.number, SUBSCRIPTION_GET, session);
        thread = "prohibitSub";
    }
    if (found == NULL)
        return NULL;
    json_t *json = json_object();
    json_object_set_new(json, "qSubThread", json_string(thread));
    if (found->in_flight)
        json_object_set_new(json, "qDelivered", id_text(found->delivered));
    return json;
}

static json_t *message_json(const struct msg_view *view) {
    json_t *json = json_object();
    json_object_set_new(json, "msgId", id_text(view->id.bytes));
    json_object_set_new(json, "msgTs", time_text(view->timestamp));
    json_object_set_new(json, "msgType", json_string(view->is_marker ? "quota" : "message"));
    return json;
}

static json_t *queue_json(const struct subscriber_lane *lane, const struct command_slot *slot, struct store_txn *txn) {
    struct msg_state state;
    struct msg_view head;
    if (msg_store_state(txn, slot->queue.number, &state) != SMQ_OK)
        return NULL;
    json_t *json = json_object();
    json_object_set_new(json, "qiSnd", json_boolean(slot->inform.secured));
    json_object_set_new(json, "qiNtf", json_boolean(slot->inform.has_notifier));
    json_t *subscription = subscription_json(lane, slot);
    if (subscription != NULL)
        json_object_set_new(json, "qiSub", subscription);
    json_object_set_new(json, "qiSize", json_integer((json_int_t)state.count));
    if (msg_store_head(txn, slot->queue.number, &head) == SMQ_OK && head.id.length == MESSAGE_ID_SIZE)
        json_object_set_new(json, "qiMsg", message_json(&head));
    return json;
}

void queue_inform(struct subscriber_lane *lane, struct command_slot *slot) {
    struct store_txn *txn;
    char *text = NULL;
    enum smq_result result = store_reader_begin(lane->reader, &txn);
    if (result == SMQ_OK) {
        json_t *json = queue_json(lane, slot, txn);
        store_reader_end(lane->reader);
        if (json == NULL)
            result = SMQ_ERR_STORE;
        if (json != NULL)
            text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
    }
    if (result == SMQ_OK && text == NULL)
        result = SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK) {
        struct smp_response response = {.tag = SMP_INFO};
        response.json = slice_of_text(text);
        slot_own(&slot->base, text, free); /* jansson allocates with malloc */
        slot_answer(slot, response);
    } else {
        slot_answer_result(slot, result);
    }
    slot_done(&slot->base);
}
