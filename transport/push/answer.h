/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a push service's answer means for the push and for its token. Pure: any thread. */
#pragma once

#include "queues/base/cursor.h"
#include "transport/ntf/status.h"

enum push_outcome {
    PUSH_DELIVERED,
    PUSH_TOKEN_INVALID, /* the token's state becomes INVALID, for `reason` */
    PUSH_RETRY_LATER,   /* the service is busy or down */
    PUSH_REFUSED,       /* no retry can help: the router's own credentials, or a push that is too large */
    PUSH_ODD,           /* any other answer; no retry */
};

enum { PUSH_ANSWER_BODY_MAX = 16384 }; /* what is read of one; a longer one counts as none */

struct push_answer {
    enum push_outcome outcome;
    enum ntf_invalid_reason reason;
};

/* Apple's: by HTTP status and the member `reason` of the JSON body, where the body is JSON. Beyond the reference, 429
 * and every 5xx are to be tried again. Allocates for a moment. */
struct push_answer push_apns_answer(unsigned status, struct slice body);
/* WebPush's: by HTTP status alone. */
struct push_answer push_web_answer(unsigned status);
