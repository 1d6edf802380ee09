/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors of blocks and handshakes: told in the service response, and by proxies about relays. Pure and re-entrant: any
 * thread. */
#pragma once

#include <stdbool.h>

#include "queues/base/cursor.h"

enum smp_transport_code {
    SMP_TRANSPORT_NONE, /* never on the wire: writing it fails */
    SMP_TRANSPORT_BLOCK,
    SMP_TRANSPORT_VERSION,
    SMP_TRANSPORT_LARGE_MESSAGE,
    SMP_TRANSPORT_SESSION,
    SMP_TRANSPORT_NO_AUTH,   /* no server key for an X25519 command, or no session secret for proxying */
    SMP_TRANSPORT_HANDSHAKE, /* `handshake` says which */
};

enum smp_handshake_error {
    SMP_HANDSHAKE_PARSE,
    SMP_HANDSHAKE_IDENTITY,
    SMP_HANDSHAKE_BAD_AUTH,
    SMP_HANDSHAKE_BAD_SERVICE,
};

struct smp_transport_error {
    enum smp_transport_code code;
    enum smp_handshake_error handshake; /* for SMP_TRANSPORT_HANDSHAKE */
};

struct smp_transport_error smp_transport_error_of(enum smp_transport_code code); /* not for HANDSHAKE */
struct smp_transport_error smp_handshake_error_of(enum smp_handshake_error handshake);
bool smp_transport_error_equal(struct smp_transport_error a, struct smp_transport_error b);

/* One form for the wire and for logs: `VERSION`, `HANDSHAKE BAD_AUTH`. The reader fails on anything else. */
void smp_transport_error_read(struct reader *reader, struct smp_transport_error *error);
void smp_transport_error_write(struct writer *writer, struct smp_transport_error error);
