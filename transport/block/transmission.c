/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Transmissions: parsing, the bytes that are authorized, and writing in place. */
#include "transport/block/transmission.h"

#include <string.h>

#include "transport/crypto/authenticator.h"
#include "transport/crypto/signature.h"
#include "transport/wire/version.h"

static bool session_id_is_sent(const struct transmission_form *form) {
    return form->version < SMP_VERSION_AUTH;
}

static bool has_service_slot(uint16_t version, size_t authorization_length) {
    return version >= SMP_VERSION_SERVICE && authorization_length > 0;
}

/* False when no key makes an authorization of that length. */
static bool authorization_kind_of(size_t length, enum authorization_kind *kind) {
    switch (length) {
    case 0:
        *kind = AUTHORIZATION_NONE;
        return true;
    case SIGNATURE_ED25519_SIZE:
        *kind = AUTHORIZATION_ED25519;
        return true;
    case SIGNATURE_ED448_SIZE:
        *kind = AUTHORIZATION_ED448;
        return true;
    case AUTHENTICATOR_SIZE:
        *kind = AUTHORIZATION_AUTHENTICATOR;
        return true;
    default:
        return false;
    }
}

enum smq_result transmission_parse(const struct transmission_form *form, struct slice bytes,
                                   struct transmission *transmission, enum transmission_fault *fault) {
    struct transmission parsed = {0};
    struct slice session_id = form->session_id;
    struct reader reader = reader_of(bytes);

    memset(transmission, 0, sizeof *transmission);
    *fault = TRANSMISSION_MALFORMED;

    parsed.authorization = read_short(&reader);
    if (has_service_slot(form->version, parsed.authorization.length) && read_maybe(&reader)) {
        parsed.has_service_signature = true;
        parsed.service_signature = read_short(&reader);
        if (parsed.service_signature.length != SIGNATURE_ED25519_SIZE)
            reader_fail(&reader);
    }
    parsed.authorized = slice_of(reader.position, reader_left(&reader));
    if (session_id_is_sent(form))
        session_id = read_short(&reader);
    parsed.correlation_id = read_short(&reader);
    parsed.entity_id = read_short(&reader);
    parsed.command = read_tail(&reader);
    if (reader_finish(&reader) != SMQ_OK)
        return SMQ_ERR_SYNTAX;

    transmission->correlation_id = parsed.correlation_id;
    if (!slice_equal(session_id, form->session_id)) {
        *fault = TRANSMISSION_OTHER_SESSION;
        return SMQ_ERR_SYNTAX;
    }
    if (!authorization_kind_of(parsed.authorization.length, &parsed.authorization_kind))
        return SMQ_ERR_SYNTAX;
    *transmission = parsed;
    *fault = TRANSMISSION_GOOD;
    return SMQ_OK;
}

/* ---- authorized bytes ---- */

/* One byte each, so that a slice can point at any length byte. */
#define BYTES_4(n)  (n), (n) + 1, (n) + 2, (n) + 3
#define BYTES_16(n) BYTES_4(n), BYTES_4((n) + 4), BYTES_4((n) + 8), BYTES_4((n) + 12)
#define BYTES_64(n) BYTES_16(n), BYTES_16((n) + 16), BYTES_16((n) + 32), BYTES_16((n) + 48)
static const uint8_t length_bytes[256] = {BYTES_64(0), BYTES_64(64), BYTES_64(128), BYTES_64(192)};

static void set_authorized(const struct transmission_form *form, struct slice fingerprint, struct slice authorized,
                           struct authorized *parts) {
    *parts = (struct authorized){.parts = {[0] = fingerprint, [3] = authorized}};
    if (!session_id_is_sent(form)) {
        parts->parts[1] = slice_of(&length_bytes[(uint8_t)form->session_id.length], 1);
        parts->parts[2] = form->session_id;
    }
}

void authorized_parts(const struct transmission_form *form, struct slice fingerprint,
                      const struct transmission *transmission, struct authorized *parts) {
    set_authorized(form, fingerprint, transmission->authorized, parts);
}

size_t authorized_size(const struct authorized *parts) {
    size_t size = 0;
    for (size_t i = 0; i < AUTHORIZED_PARTS; i++)
        size += parts->parts[i].length;
    return size;
}

struct slice authorized_contiguous(const struct authorized *parts, uint8_t *scratch, size_t capacity) {
    size_t size = authorized_size(parts);
    if (size == parts->parts[AUTHORIZED_PARTS - 1].length)
        return parts->parts[AUTHORIZED_PARTS - 1];

    struct writer writer = writer_of(scratch, capacity);
    for (size_t i = 0; i < AUTHORIZED_PARTS; i++)
        write_slice(&writer, parts->parts[i]);
    return writer_finish(&writer) == SMQ_OK ? slice_of(scratch, size) : (struct slice){0};
}

/* ---- writing ---- */

void transmission_begin(const struct transmission_form *form, struct writer *writer, size_t authorization_length,
                        bool service_signature, struct slice correlation_id, struct slice entity_id,
                        struct transmission_draft *draft) {
    *draft = (struct transmission_draft){.start = writer->position};
    if (authorization_length > UINT8_MAX)
        writer_fail(writer);
    write_u16(writer, 0);
    write_u8(writer, (uint8_t)authorization_length);
    if (authorization_length > 0)
        draft->authorization = write_reserve(writer, authorization_length);
    if (has_service_slot(form->version, authorization_length)) {
        write_maybe(writer, service_signature);
        if (service_signature) {
            write_u8(writer, SIGNATURE_ED25519_SIZE);
            draft->service_signature = write_reserve(writer, SIGNATURE_ED25519_SIZE);
        }
    }
    draft->authorized = writer->position;
    if (session_id_is_sent(form))
        write_short(writer, form->session_id);
    write_short(writer, correlation_id);
    write_short(writer, entity_id);
}

enum smq_result transmission_end(const struct transmission_form *form, struct writer *writer,
                                 const struct transmission_draft *draft, struct slice fingerprint,
                                 struct authorized *authorized) {
    size_t length = (size_t)(writer->position - draft->start);
    if (writer_finish(writer) != SMQ_OK || length - 2 > UINT16_MAX) {
        writer->position = draft->start;
        writer->failed = false;
        return SMQ_ERR_TOO_LARGE;
    }
    struct writer prefix = writer_of(draft->start, 2);
    write_u16(&prefix, (uint16_t)(length - 2));
    if (authorized != NULL) {
        struct slice covered = slice_of(draft->authorized, (size_t)(writer->position - draft->authorized));
        set_authorized(form, fingerprint, covered, authorized);
    }
    return SMQ_OK;
}

size_t transmission_size(const struct transmission_form *form, size_t authorization_length, bool service_signature,
                         size_t correlation_id_length, size_t entity_id_length, size_t command_length) {
    size_t size = 2 + 1 + authorization_length + 1 + correlation_id_length + 1 + entity_id_length + command_length;
    if (has_service_slot(form->version, authorization_length))
        size += service_signature ? 1 + 1 + SIGNATURE_ED25519_SIZE : 1;
    if (session_id_is_sent(form))
        size += 1 + form->session_id.length;
    return size;
}
