/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* SMP's part of a request: the command, who authorizes it, and the handles that it is about. */
#pragma once

#include "actors/client/smp/queues.h"
#include "actors/client/smp/smp_client.h"
#include "actors/client/smp/smp_request.h"
#include "transport/smp/command.h"
#include "transport/smp/response.h"

struct request_proxied;

/* Secrets of handles that come into being with the response. */
struct request_secrets {
    struct queue_key key;           /* NEW: recipient's; NKEY: notifier's; LKEY: sender's */
    struct private_key dh;          /* X25519 */
    struct private_key notifier;    /* NEW with a notifier */
    struct private_key notifier_dh; /* X25519 */
};

struct smp_request {
    struct request request; /* first */

    /* constant once submitted */
    struct request_proxied
        *proxied; /* goes through a proxy: see through_proxy.h; NULL: to the client's router itself */
    struct smq_receive_queue *receive_queue; /* referenced, as the next two; may be NULL */
    struct smq_send_queue *send_queue;
    struct smq_notifier *notifier;
    struct queue_key *key;           /* authorizes; NULL: nothing does */
    struct request_secrets *secrets; /* owned; may be NULL */
    struct smp_command body;

    /* process lane, while the outcome is told: what the router answered, or why that does not parse; NULL: it did not,
     * or it does */
    const struct smp_response *response;
    const struct smp_error *syntax_error;
};

static inline struct smp_request *smp_request(const struct request *request) {
    return (struct smp_request *)(uintptr_t)request;
}

/* What differs between commands; rules.c. */
struct smp_rule {
    enum smp_command_tag tag;
    struct command_rule life;
    uint32_t answers; /* bit set of the response tags that are a success */
};
const struct smp_rule *smp_rule(enum smq_command command);

/* write.c */
/* Bytes of the authorization that it is sent with: by its key, or by the service's for commands of services. */
size_t request_authorization_length(const struct request *request);
enum smq_result smp_write(struct smq_client *client, struct request *request, uint8_t *scratch, struct writer *writer);
enum smq_result smp_split(const struct request *first, size_t count, uint32_t *counts);
void smp_begin_block(struct smq_client *client, uint8_t *bytes, struct request_block *block);
enum smq_result smp_seal_block(struct smq_client *client, struct request_block *block);

/* outcome.c: what a response means for the command. Fills in result, error, data and handles of `outcome`, which may
 * point into `block`. */
void request_outcome(struct process_lane *lane, struct request *request, const struct smp_response *response,
                     struct block *block, struct smq_event *outcome);
/* Fills in the message of a MSG; `queue` may be NULL: its body stays encrypted. Opens the body in `block`. */
void message_outcome(const struct smq_client *client, struct smq_receive_queue *queue,
                     const struct smp_response *response, struct block *block, struct smq_event *outcome);
/* The same for an NMSG. */
void notification_outcome(struct smq_notifier *notifier, const struct smp_response *response, struct block *block,
                          struct smq_event *outcome);
