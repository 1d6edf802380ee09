/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The messages of the XFTP router. */
#include "actors/xftp/post.h"

#include <string.h>

#include "actors/xftp/disk.h"
#include "actors/xftp/request.h"

static enum smq_result post(struct actor *role, unsigned kind, struct message *message) {
    message->kind = kind;
    return actor_send(role, message);
}

/* Sender ids are random, those of this router. */
unsigned disk_lane_of(const struct xftp_router *router, struct slice sender_id) {
    uint32_t start = 0;
    memcpy(&start, sender_id.bytes, sender_id.length < sizeof start ? sender_id.length : sizeof start);
    return start % router->disk_count;
}

static struct actor *disk_of(const struct xftp_router *router, struct slice sender_id) {
    return router->addresses.disks[disk_lane_of(router, sender_id)];
}

enum smq_result post_request(struct request *request) {
    const struct xftp_session *session = request->session;
    return post(session->router->addresses.process[session->process_lane], PROCESS_REQUEST, &request->message);
}

enum smq_result post_disk_request(struct request *request, enum disk_message kind) {
    return post(disk_of(request->session->router, file_id_slice(&request->file)), kind, &request->message);
}

enum smq_result post_disk_piece(struct piece *piece, enum disk_message kind) {
    return post(disk_of(piece->request->session->router, file_id_slice(&piece->request->file)), kind, &piece->message);
}

enum smq_result post_unlink(struct xftp_router *router, struct removal *removal) {
    return post(disk_of(router, file_id_slice(&removal->file)), DISK_UNLINK, &removal->message);
}

enum smq_result post_change(struct xftp_router *router, struct change *change) {
    return post(router->addresses.writer, 0, &change->message);
}

enum smq_result post_round(struct xftp_router *router, struct change *change) {
    return post(router->addresses.expirer, EXPIRER_ROUND, &change->message);
}
