/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Whether a command must, may or must not have an authorization and an entity id. */
#include "transport/smp/credentials.h"

static bool broken(enum smp_command_error *error, enum smp_command_error as) {
    *error = as;
    return false;
}

bool smp_credentials_hold(enum smp_credential_rule rule, bool has_authorization, bool has_entity,
                          enum smp_command_error *error) {
    bool needs_entity = rule == SMP_CREDENTIALS_ENTITY || rule == SMP_CREDENTIALS_ENTITY_ONLY;
    if (needs_entity && !has_entity)
        return broken(error, SMP_COMMAND_NO_ENTITY);
    switch (rule) {
    case SMP_CREDENTIALS_CREATE:
        if (!has_authorization)
            return broken(error, SMP_COMMAND_NO_AUTH);
        return has_entity ? broken(error, SMP_COMMAND_HAS_AUTH) : true;
    case SMP_CREDENTIALS_ENTITY_ONLY:
        return has_authorization ? broken(error, SMP_COMMAND_HAS_AUTH) : true;
    case SMP_CREDENTIALS_NONE:
        return has_authorization || has_entity ? broken(error, SMP_COMMAND_HAS_AUTH) : true;
    case SMP_CREDENTIALS_BOTH:
        return has_authorization && has_entity ? true : broken(error, SMP_COMMAND_NO_AUTH);
    case SMP_CREDENTIALS_ENTITY:
        break;
    }
    return true;
}
