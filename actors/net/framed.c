/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A framed connection's state, and what is sent of it: replies of the framing, and blocks behind its headers. */
#include "actors/net/framed.h"

#include <string.h>

#include "queues/base/memory.h"

enum smq_result framed_create(const struct framing *framing, struct framed **framed) {
    struct framed *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    enum smq_result result = framing->create(&created->state);
    if (result != SMQ_OK) {
        memory_free(created);
        return result;
    }
    created->framing = framing;
    created->replies_end = &created->replies;
    *framed = created;
    return SMQ_OK;
}

void framed_destroy(struct framed **framed) {
    struct framed *destroyed = *framed;
    *framed = NULL;
    if (destroyed == NULL)
        return;
    while (destroyed->replies != NULL) {
        struct framed_reply *reply = destroyed->replies;
        destroyed->replies = reply->next;
        memory_free(reply);
    }
    destroyed->framing->destroy(&destroyed->state);
    memory_free(destroyed);
}

void framed_add_reply(struct framed *framed, struct framed_reply *added) {
    added->next = NULL;
    *framed->replies_end = added;
    framed->replies_end = &added->next;
}

bool framed_has_replies(const struct framed *framed) {
    return framed->replies != NULL;
}

bool framed_take_reply(struct framed *framed) {
    struct framed_reply *taken = framed->replies;
    if (taken == NULL)
        return false;
    framed->replies = taken->next;
    if (framed->replies == NULL)
        framed->replies_end = &framed->replies;
    CHECK(taken->length <= sizeof framed->bytes);
    memcpy(framed->bytes, taken->bytes, taken->length);
    framed->length = taken->length;
    framed->sent = 0;
    framed->is_block = false;
    atomic_fetch_sub(&framed->unsent_replies, 1);
    memory_free(taken);
    return true;
}

void framed_take_block(struct framed *framed, const uint8_t *block, size_t size) {
    size_t header = framed->framing->header(size, framed->bytes);
    memcpy(framed->bytes + header, block, size);
    framed->length = header + size;
    framed->sent = 0;
    framed->is_block = true;
}

enum smq_result framed_write(struct framed *framed, struct tls *tls, bool more, enum tls_want *want) {
    enum smq_result result = SMQ_OK;
    while (result == SMQ_OK && framed->sent < framed->length) {
        size_t left = framed->length - framed->sent;
        size_t part = left < TLS_RECORD_MAX ? left : TLS_RECORD_MAX;
        result = tls_write(tls, framed->bytes + framed->sent, part, more || part < left, want);
        if (result == SMQ_OK)
            framed->sent += part;
    }
    return result;
}
