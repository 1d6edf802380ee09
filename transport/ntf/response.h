/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* NTF responses: parsing and writing for every version. A router sends nothing else; there are no events. Pure and
 * re-entrant: any thread. Slices inside a parsed response point into the parsed input. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/keys.h"
#include "transport/ntf/limits.h"
#include "transport/ntf/status.h"
#include "transport/smp/error.h"

enum ntf_response_tag {
    NTF_IDTKN, /* TNEW */
    NTF_IDSUB, /* SNEW */
    NTF_OK,
    NTF_ERR,
    NTF_TKN,  /* TCHK */
    NTF_SUB,  /* SCHK */
    NTF_PONG, /* PING */
    NTF_RESPONSE_COUNT
};

struct ntf_response {
    enum ntf_response_tag tag;
    union {
        struct {
            struct slice id;
            struct public_key dh_key;                       /* X25519, the router's for this token */
        } token;                                            /* IDTKN */
        struct slice subscription_id;                       /* IDSUB */
        struct smp_error error;                             /* ERR */
        struct ntf_token_status token_status;               /* TKN */
        struct ntf_subscription_status subscription_status; /* SUB */
    };
};

const char *ntf_response_tag_text(enum ntf_response_tag tag);

/* Parses the response part of a transmission; the same in every version. SMQ_ERR_SYNTAX with `error` set to CMD
 * UNKNOWN or CMD SYNTAX. */
enum smq_result ntf_response_parse(struct slice bytes, struct ntf_response *response, struct smp_error *error);
/* Writes a response for a session of `version`: below NTF_VERSION_INVALID_REASON, INVALID goes without its reason.
 * What does not fit a block is never sent: free texts are the caller's to cut (NTF_ERROR_TEXT_MAX). */
void ntf_response_write(uint16_t version, const struct ntf_response *response, struct writer *writer);

/* Client side: SMQ_ERR_PROTOCOL with `error` set to CMD HAS_AUTH (an entity where none may be) or CMD NO_ENTITY. */
enum smq_result ntf_response_check_entity(const struct ntf_response *response, bool has_entity,
                                          struct smp_error *error);
