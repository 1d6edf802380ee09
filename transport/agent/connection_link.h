/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Connection links: invitations for one, and addresses for many, as text and in binary (reference: Agent/Protocol.hs,
 * ConnectionRequestUri). Links come from strangers. Pure: no allocation, any thread; a struct is some kilobytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/ratchet/e2e_parameters.h"
#include "transport/wire/queue_uri.h"
#include "transport/wire/service_link.h"
#include "transport/wire/version.h"

enum connection_mode { CONNECTION_INVITATION, CONNECTION_CONTACT };

enum {
    CONNECTION_QUEUES_MAX = 4, /* only the first is ever used, and links are written with one; more are refused */
};

struct connection_request {
    enum connection_mode mode;
    struct version_range agent_versions;
    uint8_t queue_count; /* at least 1 after reading */
    struct queue_uri queues[CONNECTION_QUEUES_MAX];
    bool has_client_data;
    struct slice client_data;  /* the application's; borrowed */
    struct e2e_parameters e2e; /* of invitations; without KEM_ACCEPTED */
};

/* `<scheme>/invitation#/?v=…&smp=…&e2e=…` or `<scheme>/contact#/?v=…&smp=…`, each with `&data=…` at will. The scheme
 * is not kept. The versions of a contact link are widened upwards to those of this agent's range, so that old
 * published addresses go on working. `client_data` points into `scratch`, which has to have `text.length` bytes; it is
 * also used for what is unescaped on the way. SMQ_ERR_SYNTAX, SMQ_ERR_TOO_LARGE when `scratch` is smaller. */
enum smq_result connection_request_parse(struct slice text, uint8_t *scratch, size_t capacity,
                                         struct connection_request *request);
/* `scheme` NULL: `simplex:`. */
void write_connection_request_text(struct writer *writer, const struct service_scheme *scheme,
                                   const struct connection_request *request);

/* Binary, as it stands in the fixed data of short links. Reading makes a queue without a mode one of contact mode.
 * `client_data` is borrowed from the input. */
void read_connection_request(struct reader *reader, struct connection_request *request);
void write_connection_request(struct writer *writer, const struct connection_request *request);

/* Whether two addresses are the same: as many queues, and in pairs the same servers and sender ids. */
bool connection_request_same_contact(const struct connection_request *a, const struct connection_request *b);

/* Either kind of link. */
struct connection_link {
    bool is_short;
    union {
        struct connection_request full;
        struct short_link short_link;
    };
};
/* Whichever of the two `text` is; `scratch` as above. */
enum smq_result connection_link_parse(struct slice text, uint8_t *scratch, size_t capacity,
                                      struct connection_link *link);

/* What users are shown of short links: a server that is one of `presets` is reduced to its first host, and got back
 * from it. */
void short_link_shorten(struct short_link *link, const struct server_address *presets, size_t count);
void short_link_restore(struct short_link *link, const struct server_address *presets, size_t count);
/* Whether two short links are the same address: type, hosts, port and key. An invitation is the same as none. */
bool short_link_same_contact(const struct short_link *a, const struct short_link *b);
