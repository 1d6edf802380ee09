/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whether a command must, may or must not have an authorization and an entity id. */
#include "transport/block/credentials.h"

static bool broken(enum command_error *error, enum command_error as) {
    *error = as;
    return false;
}

bool credentials_hold(enum credential_rule rule, bool has_authorization, bool has_entity, enum command_error *error) {
    bool needs_entity = rule == CREDENTIALS_ENTITY || rule == CREDENTIALS_ENTITY_ONLY;
    if (needs_entity && !has_entity)
        return broken(error, COMMAND_NO_ENTITY);
    switch (rule) {
    case CREDENTIALS_CREATE:
        if (!has_authorization)
            return broken(error, COMMAND_NO_AUTH);
        return has_entity ? broken(error, COMMAND_HAS_AUTH) : true;
    case CREDENTIALS_ENTITY_ONLY:
        return has_authorization ? broken(error, COMMAND_HAS_AUTH) : true;
    case CREDENTIALS_NONE:
        return has_authorization || has_entity ? broken(error, COMMAND_HAS_AUTH) : true;
    case CREDENTIALS_BOTH:
        return has_authorization && has_entity ? true : broken(error, COMMAND_NO_AUTH);
    case CREDENTIALS_ENTITY:
        break;
    }
    return true;
}
