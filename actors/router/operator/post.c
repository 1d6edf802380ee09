/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/router/operator/post.h"

#include "actors/router/operator/operator_private.h"

enum smq_result post_statistics_save(struct operator* operator, struct control_request * request) {
    if (operator->statistics_actor == NULL)
        return SMQ_ERR_CLOSED;
    request->message.kind = STATISTICS_SAVE;
    return actor_send(operator->statistics_actor, &request->message);
}
