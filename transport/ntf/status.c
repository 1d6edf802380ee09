/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* States of tokens and subscriptions. */
#include "transport/ntf/status.h"

#include "transport/wire/encoding.h"
#include "transport/wire/tag.h"

static const char *const token_tags[] = {
    [NTF_TOKEN_NEW] = "NEW",       [NTF_TOKEN_REGISTERED] = "REGISTERED", [NTF_TOKEN_INVALID] = "INVALID",
    [NTF_TOKEN_ACTIVE] = "ACTIVE", [NTF_TOKEN_CONFIRMED] = "CONFIRMED",   [NTF_TOKEN_EXPIRED] = "EXPIRED",
};

static const char *const reason_tags[] = {
    [NTF_INVALID_BAD] = "BAD",
    [NTF_INVALID_TOPIC] = "TOPIC",
    [NTF_INVALID_EXPIRED] = "EXPIRED",
    [NTF_INVALID_UNREGISTERED] = "UNREGISTERED",
};

static const char *const subscription_tags[] = {
    [NTF_SUBSCRIPTION_NEW] = "NEW",       [NTF_SUBSCRIPTION_PENDING] = "PENDING",
    [NTF_SUBSCRIPTION_ACTIVE] = "ACTIVE", [NTF_SUBSCRIPTION_INACTIVE] = "INACTIVE",
    [NTF_SUBSCRIPTION_END] = "END",       [NTF_SUBSCRIPTION_DELETED] = "DELETED",
    [NTF_SUBSCRIPTION_AUTH] = "AUTH",     [NTF_SUBSCRIPTION_SERVICE] = "SERVICE",
    [NTF_SUBSCRIPTION_ERROR] = "ERR",
};

void read_ntf_token_status(struct reader *reader, struct ntf_token_status *status) {
    struct reader word = reader_of(read_until(reader, ' '));
    struct reader state = reader_of(read_until(&word, ','));
    *status = (struct ntf_token_status){.state = (enum ntf_token_state)READ_TAG(&state, token_tags)};
    if (status->state == NTF_TOKEN_INVALID && read_if(&word, ","))
        status->reason = (enum ntf_invalid_reason)READ_TAG(&word, reason_tags);
    if (reader_finish(&state) != SMQ_OK || reader_finish(&word) != SMQ_OK)
        reader_fail(reader);
}

void write_ntf_token_status(struct writer *writer, struct ntf_token_status status) {
    WRITE_TAG(writer, token_tags, status.state);
    if (status.state == NTF_TOKEN_INVALID && status.reason != NTF_INVALID_UNKNOWN) {
        write_text(writer, ",");
        WRITE_TAG(writer, reason_tags, status.reason);
    }
}

bool ntf_token_may_verify(enum ntf_token_state state) {
    return state == NTF_TOKEN_REGISTERED || state == NTF_TOKEN_CONFIRMED || state == NTF_TOKEN_ACTIVE;
}

bool ntf_token_may_subscribe(enum ntf_token_state state) {
    return state == NTF_TOKEN_ACTIVE || state == NTF_TOKEN_INVALID || state == NTF_TOKEN_EXPIRED;
}

void read_ntf_subscription_status(struct reader *reader, struct ntf_subscription_status *status) {
    *status =
        (struct ntf_subscription_status){.state = (enum ntf_subscription_state)READ_TAG(reader, subscription_tags)};
    if (status->state == NTF_SUBSCRIPTION_ERROR) {
        read_space(reader);
        status->text = read_tail(reader);
    }
}

void write_ntf_subscription_status(struct writer *writer, const struct ntf_subscription_status *status) {
    WRITE_TAG(writer, subscription_tags, status->state);
    if (status->state == NTF_SUBSCRIPTION_ERROR) {
        write_space(writer);
        write_slice(writer, status->text);
    }
}

bool ntf_subscription_resumes(enum ntf_subscription_state state) {
    return state <= NTF_SUBSCRIPTION_INACTIVE;
}

bool ntf_subscription_alive(enum ntf_subscription_state state) {
    return ntf_subscription_resumes(state) || state == NTF_SUBSCRIPTION_SERVICE;
}
