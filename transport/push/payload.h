/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Bodies of pushes, compact JSON, in Apple's form and in WebPush's (reference: Notifications/Server/Push/APNS.hs).
 * What they carry is sealed before (transport/ntf/message.h). Pure: any thread. */
#pragma once

#include <stdint.h>

#include "queues/base/cursor.h"
#include "transport/ntf/message.h"

enum push_kind {
    PUSH_VERIFICATION,   /* the registration code, sealed */
    PUSH_MESSAGE,        /* where there are messages, sealed; Apple shows an alert */
    PUSH_CHECK_MESSAGES, /* periodic: nothing inside */
};

enum { PUSH_BODY_MAX = 2 * NTF_SEALED_MAX };

/* `nonce` and `sealed` are not looked at for PUSH_CHECK_MESSAGES. */
void push_apns_body_write(struct writer *writer, enum push_kind kind, const uint8_t nonce[BOX_NONCE_SIZE],
                          struct slice sealed);
void push_web_body_write(struct writer *writer, enum push_kind kind, const uint8_t nonce[BOX_NONCE_SIZE],
                         struct slice sealed);
/* The value of apns-push-type: `alert` for messages, else `background`; only the latter have apns-priority 5. */
const char *push_apns_type(enum push_kind kind);
