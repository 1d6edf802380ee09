/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Errors of routers as the library's users see them. */
#include "actors/client/smp/smp_client.h"

static const enum smq_protocol_error command_errors[] = {
    [COMMAND_UNKNOWN] = SMQ_PROTOCOL_COMMAND_UNKNOWN,       [COMMAND_SYNTAX] = SMQ_PROTOCOL_COMMAND_SYNTAX,
    [COMMAND_PROHIBITED] = SMQ_PROTOCOL_COMMAND_PROHIBITED, [COMMAND_NO_AUTH] = SMQ_PROTOCOL_COMMAND_NO_AUTH,
    [COMMAND_HAS_AUTH] = SMQ_PROTOCOL_COMMAND_HAS_AUTH,     [COMMAND_NO_ENTITY] = SMQ_PROTOCOL_COMMAND_NO_ENTITY,
};

static const enum smq_protocol_error errors[] = {
    [SMP_ERROR_BLOCK] = SMQ_PROTOCOL_BLOCK,
    [SMP_ERROR_SESSION] = SMQ_PROTOCOL_SESSION,
    [SMP_ERROR_PROXY] = SMQ_PROTOCOL_PROXY,
    [SMP_ERROR_AUTH] = SMQ_PROTOCOL_AUTH,
    [SMP_ERROR_BLOCKED] = SMQ_PROTOCOL_BLOCKED,
    [SMP_ERROR_SERVICE] = SMQ_PROTOCOL_SERVICE,
    [SMP_ERROR_CRYPTO] = SMQ_PROTOCOL_CRYPTO,
    [SMP_ERROR_QUOTA] = SMQ_PROTOCOL_QUOTA,
    [SMP_ERROR_STORE] = SMQ_PROTOCOL_STORE,
    [SMP_ERROR_NO_MESSAGE] = SMQ_PROTOCOL_NO_MESSAGE,
    [SMP_ERROR_LARGE_MESSAGE] = SMQ_PROTOCOL_LARGE_MESSAGE,
    [SMP_ERROR_EXPIRED] = SMQ_PROTOCOL_EXPIRED,
    [SMP_ERROR_INTERNAL] = SMQ_PROTOCOL_INTERNAL,
    [SMP_ERROR_DUPLICATE] = SMQ_PROTOCOL_DUPLICATE,
};

enum smq_protocol_error protocol_error_of(const struct smp_error *error) {
    if (error->wrappers > 0)
        return SMQ_PROTOCOL_PROXY;
    return error->code == SMP_ERROR_COMMAND ? command_errors[error->command] : errors[error->code];
}

const char *lane_error_text(struct process_lane *lane, const struct smp_error *error) {
    char *room = lane_text_room(lane);
    if (room == NULL)
        return "";
    (void)smp_error_text(error, room, SMQ_ERROR_TEXT_SIZE);
    return lane_text_written(lane);
}
