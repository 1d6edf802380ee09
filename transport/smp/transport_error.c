/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors of blocks and handshakes. */
#include "transport/smp/transport_error.h"

#include "transport/wire/tag.h"

static const char *const transport_tags[] = {
    [SMP_TRANSPORT_BLOCK] = "BLOCK",
    [SMP_TRANSPORT_VERSION] = "VERSION",
    [SMP_TRANSPORT_LARGE_MESSAGE] = "LARGE_MSG",
    [SMP_TRANSPORT_SESSION] = "SESSION",
    [SMP_TRANSPORT_NO_AUTH] = "NO_AUTH",
    [SMP_TRANSPORT_HANDSHAKE] = "HANDSHAKE",
};

static const char *const handshake_tags[] = {
    [SMP_HANDSHAKE_PARSE] = "PARSE",
    [SMP_HANDSHAKE_IDENTITY] = "IDENTITY",
    [SMP_HANDSHAKE_BAD_AUTH] = "BAD_AUTH",
    [SMP_HANDSHAKE_BAD_SERVICE] = "BAD_SERVICE",
};

struct smp_transport_error smp_transport_error_of(enum smp_transport_code code) {
    return (struct smp_transport_error){.code = code};
}

struct smp_transport_error smp_handshake_error_of(enum smp_handshake_error handshake) {
    return (struct smp_transport_error){.code = SMP_TRANSPORT_HANDSHAKE, .handshake = handshake};
}

bool smp_transport_error_equal(struct smp_transport_error a, struct smp_transport_error b) {
    return a.code == b.code && (a.code != SMP_TRANSPORT_HANDSHAKE || a.handshake == b.handshake);
}

void smp_transport_error_read(struct reader *reader, struct smp_transport_error *error) {
    *error = smp_transport_error_of((enum smp_transport_code)READ_TAG(reader, transport_tags));
    if (error->code == SMP_TRANSPORT_HANDSHAKE) {
        read_literal(reader, " ");
        error->handshake = (enum smp_handshake_error)READ_TAG(reader, handshake_tags);
    }
}

void smp_transport_error_write(struct writer *writer, struct smp_transport_error error) {
    WRITE_TAG(writer, transport_tags, error.code);
    if (error.code == SMP_TRANSPORT_HANDSHAKE) {
        write_u8(writer, ' ');
        WRITE_TAG(writer, handshake_tags, error.handshake);
    }
}
