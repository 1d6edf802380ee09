/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* An order of the operator about one file, which is named by the id of one of its recipients: to delete or to block
 * it. */
#pragma once

#include "actors/xftp/roles.h"

struct order {
    struct xftp_router *router;
    struct slice recipient_id; /* copied, as the next */
    bool is_block;
    struct slice info; /* block: why */
    /* Writer's thread, or the caller's when the writer has stopped: SMQ_OK, SMQ_ERR_NOT_FOUND, SMQ_ERR_NO_CREDIT (as
     * many were blocked today as the operator allows), SMQ_ERR_STORE, SMQ_ERR_CLOSED, SMQ_ERR_NO_MEMORY. */
    void (*done)(void *context, enum smq_result result);
    void *context;
};

/* Has it carried out. Any attached thread; never blocks. */
void order_give(const struct order *order);
