/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP responses and events: parsing and writing for every version.
 * Pure and re-entrant: any thread. Slices inside a parsed response point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/block/certificate_chain.h"
#include "transport/crypto/keys.h"
#include "transport/smp/command.h"
#include "transport/smp/error.h"
#include "transport/smp/limits.h"
#include "transport/wire/version.h"

enum smp_response_tag {
    SMP_IDS,
    SMP_LNK,
    SMP_SOK,
    SMP_SOKS,
    SMP_MSG,
    SMP_NID,
    SMP_NMSG,
    SMP_PKEY,
    SMP_RRES,
    SMP_PRES,
    SMP_END,
    SMP_ENDS,
    SMP_DELD,
    SMP_INFO,
    SMP_OK,
    SMP_ERR,
    SMP_PONG,
    SMP_RESPONSE_COUNT
};

/* What a response's entity id must be, checked by clients. */
enum smp_entity_rule { SMP_ENTITY_ANY, SMP_ENTITY_EMPTY, SMP_ENTITY_REQUIRED };

struct smp_queue_ids {
    struct slice recipient_id;
    struct slice sender_id;
    struct public_key dh_key; /* X25519, the router's for this queue */
    enum smp_queue_mode mode;
    bool has_link_id;
    bool has_service_id;
    bool has_notifier;
    struct slice link_id;
    struct slice service_id;
    struct slice notifier_id;
    struct public_key notifier_dh_key;
};

struct smp_response {
    enum smp_response_tag tag;
    union {
        struct smp_queue_ids ids; /* IDS */
        struct {
            struct slice sender_id;
            struct smp_link_data data;
        } link; /* LNK */
        struct {
            bool present;
            struct slice id;
        } service;     /* SOK */
        int64_t count; /* SOKS, ENDS */
        struct {
            struct slice id;
            struct slice
                body; /* SMP_MESSAGE_BODY_SIZE bytes from any router that keeps to the protocol; not checked here */
        } message;    /* MSG */
        struct {
            struct slice id;
            struct public_key dh_key;
        } notifier; /* NID */
        struct {
            struct slice nonce; /* SMP_NOTIFICATION_NONCE_SIZE bytes */
            struct slice metadata;
        } notification; /* NMSG */
        struct {
            struct slice session_id;
            struct version_range versions;
            struct chain_key chain_key;
        } proxy_key;            /* PKEY */
        struct slice payload;   /* RRES, PRES */
        struct slice json;      /* INFO, UTF-8 */
        struct smp_error error; /* ERR */
    };
};

const char *smp_response_tag_text(enum smp_response_tag tag);

/* Parses the response part of a transmission. SMQ_ERR_SYNTAX with `error` set to CMD UNKNOWN or CMD SYNTAX, as for
 * commands. SOK below version 16 and DELD below version 10 are understood when they come. */
enum smq_result smp_response_parse(uint16_t version, struct slice bytes, struct smp_response *response,
                                   struct smp_error *error);

/* Writes a response for a session of `version`: SOK becomes OK below 16, DELD becomes END below 10, errors are adapted
 * by smp_error_for_version, fields of IDS that the version lacks are left out. */
void smp_response_write(uint16_t version, const struct smp_response *response, struct writer *writer);

/* Exact size of what smp_response_write writes, or SIZE_MAX when it cannot be written or exceeds a block. */
size_t smp_response_size(uint16_t version, const struct smp_response *response);

/* SMQ_ERR_PROTOCOL with `error` set to CMD HAS_AUTH (an entity where none may be) or CMD NO_ENTITY. */
enum smq_result smp_entity_rule_check(enum smp_entity_rule rule, bool has_entity, struct smp_error *error);
/* Client side: the same by the response's rule. */
enum smq_result smp_response_check_entity(const struct smp_response *response, bool has_entity,
                                          struct smp_error *error);

/* Writes `MSG `, the message id, and reserves SMP_MESSAGE_BODY_SIZE bytes for the encrypted body, to be filled in
 * place by the caller. NULL, with the writer failed, when it does not fit or the id exceeds 255 bytes. */
uint8_t *smp_message_reserve(struct writer *writer, struct slice message_id);
/* Writes `RRES ` or `PRES ` (`tag`) and reserves `length` bytes for its payload, likewise. */
uint8_t *smp_payload_reserve(struct writer *writer, enum smp_response_tag tag, size_t length);
/* Size of a whole MSG response for an id of that length. */
size_t smp_message_size(size_t message_id_length);

/* Shorthands. */
struct smp_response smp_response_ok(void);
struct smp_response smp_response_error(struct smp_error error);
