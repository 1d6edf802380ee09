/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "actors/smp/queue_notice.h"

#include "actors/smp/post.h"

void queue_notice_send(struct smp_router *router, struct queue_notice *notice) {
    if (post_subscriber_notice(router, notice) != SMQ_OK)
        notice->done(notice);
}
