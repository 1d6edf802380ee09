/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* ntf-server-store.log: device tokens, subscriptions and services. (reference: Notifications/Server/StoreLog.hs) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "stores/logs/log_record.h"

enum ntf_log_kind {
    NTF_LOG_TOKEN_CREATE,
    NTF_LOG_TOKEN_STATUS,
    NTF_LOG_TOKEN_UPDATE,
    NTF_LOG_TOKEN_CRON,
    NTF_LOG_TOKEN_DELETE,
    NTF_LOG_TOKEN_TIME,
    NTF_LOG_SUBSCRIPTION_CREATE,
    NTF_LOG_SUBSCRIPTION_STATUS,
    NTF_LOG_SUBSCRIPTION_DELETE,
    NTF_LOG_SERVICE,
    NTF_LOG_KIND_COUNT
};

enum { NTF_LOG_SECRET_SIZE = 32 };

/* What a line says; what the kind does not have is empty. Texts are as they stand in the line, for the protocol's
 * codecs (transport/ntf, transport/wire) to read: they have forms of their own. */
struct ntf_log_record {
    struct slice id;           /* of the token; of SCREATE, SSTATUS and SDELETE: the subscription */
    struct slice device_token; /* text: provider and token */
    struct slice status; /* text. One that tells an error goes to the end of the line, as the reference reads it */
    struct slice verify_key, dh_public_key, dh_private_key; /* DER */
    const uint8_t *dh_secret;                               /* NTF_LOG_SECRET_SIZE bytes */
    struct slice code;                                      /* of the registration */
    uint16_t cron;                                          /* minutes */
    bool has_updated_day;
    uint32_t updated_day;      /* days since 1970-01-01 */
    struct slice queue;        /* text: router and notifier id */
    struct slice notifier_key; /* DER, private */
    struct slice token_id;
    bool by_service;         /* the subscription is the service's */
    struct slice server;     /* SERVICE: text */
    struct slice service_id; /* empty: off */
};

/* Kinds are enum ntf_log_kind, records struct ntf_log_record. */
extern const struct log_record_table ntf_store_log;

enum { NTF_STORE_LINE_MAX = 1 << 16 };
