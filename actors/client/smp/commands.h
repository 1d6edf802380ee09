/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the public command functions share: building a request and running it in one of the two forms. */
#pragma once

#include "actors/client/smp/smp_request.h"

static inline struct call call_blocking(uint32_t timeout_ms, struct smq_error *error) {
    return (struct call){.timeout_ms = timeout_ms, .error = error};
}

static inline struct call call_asynchronous(uint32_t timeout_ms, uint64_t tag) {
    return (struct call){.asynchronous = true, .timeout_ms = timeout_ms, .tag = tag};
}

/* Fails a call whose request was not made: SMQ_ERR_INVALID when the client, or the queue or notifier that it is
 * about, is none, else SMQ_ERR_NO_MEMORY. */
enum smq_result call_unmade(const struct call *call, const struct smq_client *client, bool handle_is_valid);
/* Whether a caller's bytes are there. */
static inline bool bytes_are_valid(struct smq_bytes bytes) {
    return bytes.length == 0 || bytes.bytes != NULL;
}

/* Fails a call before anything was submitted: fills call->error. Returns `result`. */
enum smq_result call_fail(const struct call *call, enum smq_result result);

/* The request that subscribes as the session's service; in a session that is ready. NULL, with the reason in `result`:
 * SMQ_ERR_NOT_FOUND, SMQ_ERR_NO_MEMORY. */
struct request *service_request(struct smq_client *client, enum smq_result *result);
/* A request of a notifier, authorized by its key. NULL when out of memory, or when one of the two is
 * none. */
struct request *notifier_request(struct smq_client *client, struct smq_notifier *notifier, enum smq_command command);
/* Requests of senders: SEND, SKEY (the handle has a key), LKEY, LGET. NULL: out of memory; those of links: also
 * SMQ_ERR_INVALID, SMQ_ERR_SYNTAX, SMQ_ERR_CRYPTO. */
struct request *send_request(struct smq_client *client, struct smq_send_queue *queue, bool notify,
                             struct smq_bytes body);
struct request *secure_request(struct smq_client *client, struct smq_send_queue *queue);
enum smq_result link_secure_request(struct smq_client *client, struct smq_bytes link_id, struct smq_bytes private_key,
                                    struct request **request);
enum smq_result link_get_request(struct smq_client *client, struct smq_bytes link_id, struct request **request);
/* A request of the queue's recipient (`body` still lacks its parameters), authorized by its key. NULL when out of
 * memory, or when one of the two is none. */
struct request *recipient_request(struct smq_client *client, struct smq_receive_queue *queue, enum smq_command command,
                                  size_t data_size);
