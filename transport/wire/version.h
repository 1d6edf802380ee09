/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Protocol versions and version ranges, in binary and in text (reference: Version.hs, Protocol.hs, Agent/Protocol.hs).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"

/* SMP protocol versions, named by what they brought. */
enum smp_version {
    SMP_VERSION_MIN = 6,               /* the oldest one supported; subscription mode in NEW */
    SMP_VERSION_AUTH = 7,              /* authenticators, session id implied, ALPN */
    SMP_VERSION_PROXY = 8,             /* PRXY PKEY PFWD PRES RFWD RRES */
    SMP_VERSION_SENDER_KEY = 9,        /* SKEY */
    SMP_VERSION_DELETED_EVENT = 10,    /* DELD; also the most a proxy agrees with a relay older than 14 */
    SMP_VERSION_BLOCK_ENCRYPTION = 11, /* transport blocks are encrypted inside TLS */
    SMP_VERSION_BLOCKED = 12,          /* ERR BLOCKED */
    SMP_VERSION_PROXY_FLAG = 14,       /* the client hello says whether the client is a proxy */
    SMP_VERSION_SHORT_LINKS = 15,      /* link data, queue modes, several recipient keys */
    SMP_VERSION_SERVICE = 16,          /* service certificates */
    SMP_VERSION_NEW_NOTIFIER =
        17, /* notifier credentials in NEW; also the highest version offered to proxied clients */
    SMP_VERSION_CLIENT_NOTICE = 18, /* notice in BLOCKED */
    SMP_VERSION_MAX = 18,
};

/* SMP client versions: what queue addresses and message envelopes carry. */
enum smp_client_version {
    SMP_CLIENT_VERSION_MIN = 1,
    SMP_CLIENT_VERSION_HOSTS = 2,       /* several hosts in an address */
    SMP_CLIENT_VERSION_SENDER_KEY = 3,  /* the sender can secure the queue */
    SMP_CLIENT_VERSION_SHORT_LINKS = 4, /* queue mode in addresses */
    SMP_CLIENT_VERSION_MAX = 4,
};

/* Both ends included; min <= max in every range that these functions return. */
struct version_range {
    uint16_t min;
    uint16_t max;
};

bool version_range_contains(struct version_range range, uint16_t version);
/* The versions in both; SMQ_ERR_VERSION when there are none. The version to use is the result's max. */
enum smq_result version_range_intersect(struct version_range a, struct version_range b, struct version_range *common);

/* Two u16; fails when min > max. */
struct version_range read_version_range(struct reader *reader);
void write_version_range(struct writer *writer, struct version_range range);

/* "N" when both ends are equal, else "N-M". */
struct version_range read_version_range_text(struct reader *reader);
void write_version_range_text(struct writer *writer, struct version_range range);
