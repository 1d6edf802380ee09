/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Envelopes between agents. */
#include "transport/agent/envelope.h"

#include <string.h>

enum smq_result agent_envelope_parse(struct slice bytes, struct agent_envelope *envelope) {
    struct reader reader = reader_of(bytes);
    memset(envelope, 0, sizeof *envelope);
    envelope->version = read_u16(&reader);
    uint8_t tag = read_u8(&reader);
    switch (tag) {
    case AGENT_CONFIRMATION:
        envelope->has_e2e = read_maybe(&reader);
        break;
    case AGENT_RATCHET_KEY:
        envelope->has_e2e = true;
        break;
    case AGENT_INVITATION:
        envelope->link = read_large(&reader);
        break;
    case AGENT_MESSAGE:
        break;
    default:
        reader_fail(&reader);
    }
    envelope->tag = (enum agent_envelope_tag)tag;
    if (envelope->has_e2e)
        read_e2e_parameters(&reader, &envelope->e2e);
    if (tag == AGENT_RATCHET_KEY && envelope->e2e.kem.offer == KEM_ACCEPTED)
        reader_fail(&reader);
    envelope->content = read_tail(&reader);
    return reader_finish(&reader);
}

void write_agent_envelope(struct writer *writer, const struct agent_envelope *envelope) {
    write_u16(writer, envelope->version);
    write_u8(writer, (uint8_t)envelope->tag);
    if (envelope->tag == AGENT_CONFIRMATION)
        write_maybe(writer, envelope->has_e2e);
    if (envelope->tag == AGENT_RATCHET_KEY || (envelope->tag == AGENT_CONFIRMATION && envelope->has_e2e))
        write_e2e_parameters(writer, &envelope->e2e);
    if (envelope->tag == AGENT_INVITATION)
        write_large(writer, envelope->link);
    write_slice(writer, envelope->content);
}

static enum agent_envelope_use prohibit(const char *why, const char **prohibited) {
    *prohibited = why;
    return AGENT_USE_NONE;
}

/* The first envelope of a queue: a key for the agreement came with it, and no secret is known. */
static enum agent_envelope_use first_use(struct agent_envelope_place place, enum agent_envelope_tag tag,
                                         const char **prohibited) {
    if (tag == AGENT_CONFIRMATION && (place.has_auth_key || place.messaging))
        return AGENT_USE_CONFIRMATION;
    if (tag == AGENT_CONFIRMATION)
        return prohibit("handshake: missing sender key", prohibited);
    if (tag == AGENT_INVITATION && !place.has_auth_key)
        return AGENT_USE_INVITATION;
    return prohibit("handshake: incorrect state", prohibited);
}

enum agent_envelope_use agent_envelope_use(struct agent_envelope_place place, enum agent_envelope_tag tag,
                                           const char **prohibited) {
    const char *ignored = NULL;
    const char **why = prohibited != NULL ? prohibited : &ignored;
    *why = NULL;
    if (!place.secret_known)
        return place.has_sender_key ? first_use(place, tag, why) : prohibit("msg: no keys", why);
    if (place.has_sender_key)
        return tag == AGENT_CONFIRMATION ? AGENT_USE_REPEATED_CONFIRMATION : prohibit("msg: public header", why);
    if (!place.has_auth_key && tag == AGENT_RATCHET_KEY)
        return AGENT_USE_RATCHET_KEY;
    if (!place.has_auth_key && tag == AGENT_MESSAGE)
        return AGENT_USE_MESSAGE;
    return prohibit("msg: bad client msg", why);
}
