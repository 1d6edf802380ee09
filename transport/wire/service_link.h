/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The authority part of connection links, and short links in text and in binary (reference: Agent/Protocol.hs,
 * ServiceScheme and ConnShortLink). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/wire/address.h"

enum {
    SHORT_LINK_KEY_SIZE = 32,
    SHORT_LINK_ID_MAX = 255,
    SHORT_LINK_TEXT_MAX = 4096, /* room for any short link in text */
};

/* "simplex:" when `host` is empty, else "https://<host>[:<port>]". */
struct service_scheme {
    uint8_t host_length;
    char host[HOST_TEXT_MAX + 1]; /* zero-terminated */
    uint16_t port;                /* 0: not written */
};

void read_service_scheme_text(struct reader *reader, struct service_scheme *scheme);
void write_service_scheme_text(struct writer *writer, const struct service_scheme *scheme);
/* https://simplex.chat */
void service_scheme_default(struct service_scheme *scheme);

enum short_link_type {
    SHORT_LINK_INVITATION, /* i: has a link id */
    SHORT_LINK_CONTACT,    /* a */
    SHORT_LINK_CHANNEL,    /* c */
    SHORT_LINK_GROUP,      /* g */
    SHORT_LINK_RELAY,      /* r */
};

struct short_link {
    enum short_link_type type;
    bool simplex_scheme;          /* "simplex:/..." with all hosts in `h`; else "https://<first host>/..." */
    struct server_address server; /* key hash and port may be absent */
    uint8_t link_id_length;       /* 0 unless an invitation */
    uint8_t link_id[SHORT_LINK_ID_MAX];
    uint8_t link_key[SHORT_LINK_KEY_SIZE];
};

enum smq_result short_link_parse(struct slice text, struct short_link *link);
void write_short_link_text(struct writer *writer, const struct short_link *link);

/* Binary form, as it stands in link data. Reading gives the https form, as the reference does. */
void read_short_link(struct reader *reader, struct short_link *link);
void write_short_link(struct writer *writer, const struct short_link *link);
