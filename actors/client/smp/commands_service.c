/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Public command of a service: subscribing to all that is associated with it. */
#include "actors/client/smp/commands.h"
#include "actors/client/smp/service.h"

struct request *service_request(struct smq_client *client, enum smq_result *result) {
    if (!client_is_valid(client)) {
        *result = SMQ_ERR_INVALID;
        return NULL;
    }
    bool ready = atomic_load_explicit(&client->is_ready, memory_order_acquire);
    const struct smq_service *service = client->options.service;
    if (!ready || smp_client(client)->service_id_length == 0 || service->role == SMP_ROLE_PROXY) {
        *result = SMQ_ERR_NOT_FOUND;
        return NULL;
    }
    struct request *request = request_create(client, SMQ_COMMAND_SUBSCRIBE_SERVICE, 0);
    *result = request == NULL ? SMQ_ERR_NO_MEMORY : SMQ_OK;
    if (request != NULL) {
        smp_request(request)->body.tag = service->role == SMP_ROLE_NOTIFIER ? SMP_NSUBS : SMP_SUBS;
        request->entity = slice_of(smp_client(client)->service_id, smp_client(client)->service_id_length);
    }
    return request;
}

static enum smq_result subscribe_service(struct smq_client *client, const struct call *call) {
    enum smq_result result;
    struct request *request = service_request(client, &result);
    return request == NULL ? call_fail(call, result) : request_run(request, call);
}

enum smq_result smq_subscribe_service(struct smq_client *client, uint32_t timeout_ms, int64_t *count,
                                      struct smq_error *error) {
    struct smq_batch *answer = NULL;
    struct call call = call_blocking(timeout_ms, error);
    call.answer = &answer;
    enum smq_result result = subscribe_service(client, &call);
    if (result == SMQ_OK && count != NULL)
        *count = smq_batch_event(answer, 0)->service_count;
    smq_batch_release(&answer);
    return result;
}

enum smq_result smq_subscribe_service_async(struct smq_client *client, uint32_t timeout_ms, uint64_t tag) {
    struct call call = call_asynchronous(timeout_ms, tag);
    return subscribe_service(client, &call);
}
