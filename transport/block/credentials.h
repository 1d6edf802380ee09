/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whether a command must, may or must not have an authorization and an entity id. Pure and re-entrant: any thread. */
#pragma once

#include <stdbool.h>

#include "transport/block/command_error.h"

/* The presence rules, each with its own order of errors. */
enum credential_rule {
    CREDENTIALS_CREATE,      /* no authorization: NO_AUTH; entity: HAS_AUTH */
    CREDENTIALS_ENTITY,      /* no entity: NO_ENTITY; authorization may be there or not */
    CREDENTIALS_ENTITY_ONLY, /* no entity: NO_ENTITY; authorization: HAS_AUTH */
    CREDENTIALS_NONE,        /* authorization or entity: HAS_AUTH */
    CREDENTIALS_BOTH,        /* authorization or entity missing: NO_AUTH */
};

/* False, with `*error` set, when the rule is broken. */
bool credentials_hold(enum credential_rule rule, bool has_authorization, bool has_entity, enum command_error *error);
