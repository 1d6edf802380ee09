/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Process lanes: what a request is by the state of its session, and what becomes of it. */
#include "actors/xftp/post.h"
#include "actors/xftp/process_lane.h"
#include "queues/base/memory.h"

static void process_request(struct xftp_process_lane *lane, struct request *request) {
    struct xftp_session *session = request->session;
    request->version = session->version;
    enum xftp_request_kind kind =
        session->is_legacy ? XFTP_REQUEST_COMMAND : xftp_request_kind(session->handshake, request->marks);
    switch (kind) {
    case XFTP_REQUEST_NO_SESSION:
        request_set_raw_error(request, XFTP_ERROR_SESSION);
        request_return(request);
        break;
    case XFTP_REQUEST_HELLO:
        process_hello(request);
        request_return(request);
        break;
    case XFTP_REQUEST_CLIENT_HANDSHAKE:
        process_client_handshake(request);
        request_return(request);
        break;
    case XFTP_REQUEST_COMMAND:
        process_command(lane, request);
        break;
    }
}

static void process_receive(void *state, struct message *message) {
    process_request(state, (struct request *)(void *)message);
}

static const struct actor_ops process_ops = {.role = "process", .receive = process_receive, .batch_limit = 32};

enum smq_result xftp_process_lane_create(struct xftp_router *router, unsigned index, struct xftp_process_lane **out) {
    struct xftp_process_lane *lane = memory_zalloc(sizeof *lane);
    if (lane == NULL)
        return SMQ_ERR_NO_MEMORY;
    lane->router = router;
    enum smq_result result = store_reader_create(router->store, &lane->reader);
    if (result == SMQ_OK)
        result = actor_create(&process_ops, lane, (int)index, &lane->actor);
    if (result != SMQ_OK) {
        xftp_process_lane_destroy(&lane);
        return result;
    }
    *out = lane;
    router->addresses.process[index] = lane->actor;
    return supervisor_start_actor(router->supervisor, lane->actor);
}

void xftp_process_lane_destroy(struct xftp_process_lane **lane) {
    if (*lane == NULL)
        return;
    store_reader_destroy(&(*lane)->reader);
    memory_free(*lane);
    *lane = NULL;
}
