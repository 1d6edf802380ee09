/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Two liburcu wait-free queues: senders append to the incoming one; the consumer splices all of it into its own and
 * takes messages from there one by one, so that senders and consumer meet once a batch.
 *
 * A sender appends in two steps: it exchanges the tail, then links its node to the former tail. A consumer that comes
 * between them finds WOULDBLOCK. In the incoming queue this means that the first sender of a batch is not done: it will
 * wake the consumer when it is. In the own queue it is a later sender, who will not: the consumer yields, and reports
 * that there is more.
 *
 * A sender checks `closed`, appends and wakes inside one read section. After `closed` is set and a grace period has
 * passed, no sender is left between the check and the wake. */
#include "queues/mailbox.h"

#include <sched.h>
#include <stdatomic.h>

#include "queues/base/magic.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "queues/base/rcu.h"
#include "queues/base/thread.h"

#define MAILBOX_MAGIC MAGIC('M', 'B', 'O', 'X')

enum { CACHE_LINE = 64, LINK_SPINS = 64 };
enum { OPEN, CLOSING, CLOSED };

struct mailbox {
    /* Read by all, written at the start and the end. */
    uint32_t magic;
    _Atomic uint32_t closed;
    struct waker *waker;
    /* Senders. */
    _Alignas(CACHE_LINE) struct cds_wfcq_tail incoming_tail;
    /* The consumer, and the sender whose message is the first of a batch. */
    _Alignas(CACHE_LINE) struct __cds_wfcq_head incoming_head;
    /* The consumer. */
    _Alignas(CACHE_LINE) struct __cds_wfcq_head own_head;
    struct cds_wfcq_tail own_tail;
};

enum smq_result mailbox_create(struct waker *waker, struct mailbox **mailbox) {
    struct mailbox *created = memory_zalloc_aligned(sizeof(*created));
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->waker = waker;
    __cds_wfcq_init(&created->incoming_head, &created->incoming_tail);
    __cds_wfcq_init(&created->own_head, &created->own_tail);
    MAGIC_SET(created, MAILBOX_MAGIC);
    *mailbox = created;
    return SMQ_OK;
}

void mailbox_destroy(struct mailbox **mailbox) {
    if (*mailbox == NULL)
        return;
    MAGIC_CHECK(*mailbox, MAILBOX_MAGIC);
    MAGIC_CLEAR(*mailbox);
    memory_free(*mailbox);
    *mailbox = NULL;
}

static void wake(void *waker) {
    waker_wake(waker);
}

enum smq_result mailbox_send(struct mailbox *mailbox, struct mailbox_node *node) {
    MAGIC_CHECK(mailbox, MAILBOX_MAGIC);
    CHECK(thread_is_attached());
    read_section_begin();
    if (atomic_load_explicit(&mailbox->closed, memory_order_acquire) != OPEN) {
        read_section_end();
        return SMQ_ERR_CLOSED;
    }
    SANITIZER_RELEASE(node);
    cds_wfcq_node_init(&node->link);
    bool was_filled = cds_wfcq_enqueue(&mailbox->incoming_head, &mailbox->incoming_tail, &node->link);
    if (was_filled)
        postponed_more();
    else
        postpone(wake, mailbox->waker);
    read_section_end();
    return SMQ_OK;
}

/* The oldest message of the own queue; NULL when it is empty, CDS_WFCQ_WOULDBLOCK when a sender has not linked it yet.
 */
static struct cds_wfcq_node *take_own(struct mailbox *mailbox) {
    struct cds_wfcq_node *link = NULL;
    for (int i = 0; i < LINK_SPINS; i++) {
        link = __cds_wfcq_dequeue_nonblocking(&mailbox->own_head, &mailbox->own_tail);
        if (link != CDS_WFCQ_WOULDBLOCK)
            return link;
        caa_cpu_relax();
    }
    sched_yield();
    return link;
}

/* Whether the own queue has got something from the incoming one. */
static bool splice_incoming(struct mailbox *mailbox) {
    enum cds_wfcq_ret spliced = __cds_wfcq_splice_nonblocking(&mailbox->own_head, &mailbox->own_tail,
                                                              &mailbox->incoming_head, &mailbox->incoming_tail);
    return spliced == CDS_WFCQ_RET_DEST_EMPTY || spliced == CDS_WFCQ_RET_DEST_NON_EMPTY;
}

bool mailbox_drain(struct mailbox *mailbox, void (*receive)(void *context, struct mailbox_node *node), void *context,
                   size_t budget) {
    MAGIC_CHECK(mailbox, MAILBOX_MAGIC);
    while (budget > 0) {
        struct cds_wfcq_node *link = take_own(mailbox);
        if (link == CDS_WFCQ_WOULDBLOCK)
            return true;
        if (link == NULL) {
            if (!splice_incoming(mailbox))
                return false;
            continue;
        }
        struct mailbox_node *node = caa_container_of(link, struct mailbox_node, link);
        SANITIZER_ACQUIRE(node);
        receive(context, node);
        budget--;
    }
    return !cds_wfcq_empty(&mailbox->own_head, &mailbox->own_tail) ||
           !cds_wfcq_empty(&mailbox->incoming_head, &mailbox->incoming_tail);
}

void mailbox_close(struct mailbox *mailbox) {
    MAGIC_CHECK(mailbox, MAILBOX_MAGIC);
    uint32_t expected = OPEN;
    if (!atomic_compare_exchange_strong(&mailbox->closed, &expected, CLOSING))
        return;
    grace_period_wait();
    atomic_store(&mailbox->closed, CLOSED);
    waker_wake(mailbox->waker);
}

bool mailbox_is_finished(struct mailbox *mailbox) {
    MAGIC_CHECK(mailbox, MAILBOX_MAGIC);
    return atomic_load(&mailbox->closed) == CLOSED && cds_wfcq_empty(&mailbox->own_head, &mailbox->own_tail) &&
           cds_wfcq_empty(&mailbox->incoming_head, &mailbox->incoming_tail);
}
