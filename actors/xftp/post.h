/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The post of the XFTP router: every message between its roles. All are sent here, and only here, so this is the map of
 * its traffic. Roles include this header, and never what is inside another role.
 *
 * To a process lane, that of the session:
 *
 * | message  | from         | carries                                             | afterwards owned by |
 * |----------|--------------|-----------------------------------------------------|---------------------|
 * | REQUEST  | receive lane | a request whose head block has come                 | the lane            |
 *
 * To a disk lane, that of the chunk:
 *
 * | message  | from         | carries                                             | afterwards owned by |
 * |----------|--------------|-----------------------------------------------------|---------------------|
 * | WRITE    | receive lane | a piece: bytes of an upload                         | the lane            |
 * | COMMIT   | receive lane | a request: all of its upload has come               | the lane            |
 * | ABANDON  | receive lane | a request: its upload is given up                   | the lane            |
 * | OPEN     | process lane | a request: FGET                                     | the lane            |
 * | READ     | receive lane | a piece: to be filled with bytes of a download      | the lane            |
 * | CLOSE    | receive lane | a request: its download is given up                 | the lane            |
 * | REMOVE   | writer       | a request: FDEL, or an upload that came too late    | the lane            |
 * | UNLINK   | expirer,     | a removal: its chunk file is of no use any more     | the lane            |
 * |          | operator     |                                                     |                     |
 *
 * To the writer and the expirer:
 *
 * | message  | from         | carries                                             | afterwards owned by |
 * |----------|--------------|-----------------------------------------------------|---------------------|
 * | CHANGE   | any role     | a change of the store                               | the writer          |
 * | ROUND    | writer       | the expirer's change, committed                     | the expirer         |
 *
 * To the receive lane of a connection go requests (request_return) and pieces (piece_return), by connection_run. Each
 * of these, and each message about a request or a piece, holds the request (xftp_request_hold).
 *
 * Functions return what actor_send does: SMQ_ERR_CLOSED, the role has stopped, and the sender keeps what was to be
 * carried. Any attached thread; none blocks. */
#pragma once

#include "queues/base/cursor.h"
#include "smq/result.h"

struct change;
struct piece;
struct removal;
struct request;
struct xftp_router;

enum process_message { PROCESS_REQUEST };
enum disk_message { DISK_WRITE, DISK_COMMIT, DISK_ABANDON, DISK_OPEN, DISK_READ, DISK_CLOSE, DISK_REMOVE, DISK_UNLINK };
enum expirer_message { EXPIRER_ROUND };

enum smq_result post_request(struct request *request);
enum smq_result post_disk_request(struct request *request, enum disk_message kind);
enum smq_result post_disk_piece(struct piece *piece, enum disk_message kind);
enum smq_result post_unlink(struct xftp_router *router, struct removal *removal);
enum smq_result post_change(struct xftp_router *router, struct change *change);
enum smq_result post_round(struct xftp_router *router, struct change *change);

/* The disk lane of a chunk: all that is done with its file is done there, in order. */
unsigned disk_lane_of(const struct xftp_router *router, struct slice sender_id);
