/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a push service's answer means. */
#include "transport/push/answer.h"

#include <jansson.h>
#include <string.h>

/* Rows for an exact reason come before those for any, which have none. */
static const struct apns_row {
    unsigned status;
    const char *reason;
    struct push_answer answer;
} apns_rows[] = {
    {200, NULL, {PUSH_DELIVERED, NTF_INVALID_UNKNOWN}},
    {400, "BadDeviceToken", {PUSH_TOKEN_INVALID, NTF_INVALID_BAD}},
    {400, "DeviceTokenNotForTopic", {PUSH_TOKEN_INVALID, NTF_INVALID_TOPIC}},
    {400, "TopicDisallowed", {PUSH_REFUSED, NTF_INVALID_UNKNOWN}},
    {403, "ExpiredProviderToken", {PUSH_REFUSED, NTF_INVALID_UNKNOWN}},
    {403, "InvalidProviderToken", {PUSH_REFUSED, NTF_INVALID_UNKNOWN}},
    {410, "ExpiredToken", {PUSH_TOKEN_INVALID, NTF_INVALID_EXPIRED}},
    {410, "Unregistered", {PUSH_TOKEN_INVALID, NTF_INVALID_UNREGISTERED}},
    {410, NULL, {PUSH_RETRY_LATER, NTF_INVALID_UNKNOWN}},
};

static bool is_busy(unsigned status) {
    return status == 429 || (status >= 500 && status <= 599);
}

static struct push_answer apns_answer_of(unsigned status, const char *reason) {
    for (size_t i = 0; i < sizeof apns_rows / sizeof apns_rows[0]; i++) {
        const struct apns_row *row = &apns_rows[i];
        if (row->status == status && (row->reason == NULL || strcmp(row->reason, reason) == 0))
            return row->answer;
    }
    return (struct push_answer){.outcome = is_busy(status) ? PUSH_RETRY_LATER : PUSH_ODD};
}

struct push_answer push_apns_answer(unsigned status, struct slice body) {
    json_t *json = NULL;
    const char *reason = NULL;
    if (body.length > 0 && body.length <= PUSH_ANSWER_BODY_MAX)
        json = json_loadb((const char *)body.bytes, body.length, 0, NULL);
    reason = json_string_value(json_object_get(json, "reason"));
    struct push_answer answer = apns_answer_of(status, reason != NULL ? reason : "");
    json_decref(json);
    return answer;
}

struct push_answer push_web_answer(unsigned status) {
    if (status >= 200 && status <= 299)
        return (struct push_answer){.outcome = PUSH_DELIVERED};
    if (status == 404 || status == 410)
        return (struct push_answer){.outcome = PUSH_TOKEN_INVALID, .reason = NTF_INVALID_UNREGISTERED};
    if (is_busy(status))
        return (struct push_answer){.outcome = PUSH_RETRY_LATER};
    return (struct push_answer){.outcome = status == 413 ? PUSH_REFUSED : PUSH_ODD};
}
