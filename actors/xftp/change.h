/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A change of the store on its way to the writer; embedded in what asks for it. */
#pragma once

#include "actors/runtime/actor.h"
#include "stores/lmdb/batch.h"

struct change {
    struct message message;           /* first */
    struct store_operation operation; /* `completed` runs on the writer's thread, after the commit */
};

static inline struct change *change_of(struct store_operation *operation) {
    return (struct change *)(void *)((char *)operation - offsetof(struct change, operation));
}
