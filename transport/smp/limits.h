/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP's sizes in bytes, which the codecs and those who use them share (reference: Protocol.hs, Transport.hs). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "transport/wire/version.h"

enum {
    SMP_BLOCK_SIZE = 16384,
    SMP_BATCH_BYTES_MAX = 16365,  /* transmissions of one block, each with its 2-byte length */
    SMP_CORRELATION_ID_SIZE = 24, /* what our clients send; any length up to 255 is accepted and echoed */
    SMP_ENTITY_ID_SIZE = 24,      /* what our routers generate; any length up to 255 is accepted */
    SMP_AUTHENTICATOR_SIZE = 80,
    SMP_ED25519_SIGNATURE_SIZE = 64,
    SMP_ED448_SIGNATURE_SIZE = 114,
    SMP_FINGERPRINT_SIZE = 32,     /* SHA-256 of a certificate */
    SMP_MESSAGE_BODY_SIZE = 16122, /* encrypted body of MSG, in every version */
    SMP_NOTIFICATION_NONCE_SIZE = 24,
};

/* The most that PKEY announces: one below the current version, so that relays cannot tell new clients from old ones. */
enum { SMP_PROXIED_VERSION_MAX = 17 };

/* The largest body of a SEND that a router accepts in a session of `version`. */
static inline size_t smp_message_limit(uint16_t version) {
    if (version >= SMP_VERSION_BLOCK_ENCRYPTION)
        return 16048;
    return version >= SMP_VERSION_PROXY ? 16064 : 16088;
}
