/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Ring: an intrusive doubly linked list; adding, removing and taking the first cost O(1). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "queues/base/check.h"

/* A head, or a node embedded in a member. All zero, a head is empty and a node is in no ring. One thread at a time; a
 * head or a member must not move while it is linked. */
struct ring {
    struct ring *next;
    struct ring *previous;
};

static inline bool ring_is_empty(const struct ring *head) {
    return head->next == NULL || head->next == head;
}

/* Whether `node` is in a ring. Not for heads. */
static inline bool ring_is_member(const struct ring *node) {
    return node->next != NULL;
}

/* The first node, or NULL. */
static inline struct ring *ring_first(const struct ring *head) {
    return ring_is_empty(head) ? NULL : head->next;
}

/* The last node, or NULL. */
static inline struct ring *ring_last(const struct ring *head) {
    return ring_is_empty(head) ? NULL : head->previous;
}

/* What follows `node`, or NULL after the last. */
static inline struct ring *ring_next(const struct ring *head, const struct ring *node) {
    return node->next == head ? NULL : node->next;
}

/* Adds at the end. The node must be in no ring. */
static inline void ring_append(struct ring *head, struct ring *node) {
    if (head->next == NULL)
        head->next = head->previous = head;
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

/* Takes `node`, which is in a ring, out of it. */
static inline void ring_remove(struct ring *node) {
    CHECK(node->previous != NULL);
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = node->previous = NULL;
}
