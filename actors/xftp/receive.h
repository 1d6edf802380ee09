/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests on receive lanes: their head block, their answer, and the parts of HTTP that are no requests of the
 * protocol. What is special to bodies of uploads and of downloads: receive_upload.c, receive_download.c. */
#pragma once

#include "actors/net/http_connection.h"
#include "actors/xftp/request.h"

/* How the router speaks HTTP. `context` is the router. */
extern const struct http_hooks xftp_http_hooks;

/* Answers with what is in the request's block, unless the exchange is over. */
void receive_answer(struct request *request, bool has_more);
/* Answers with an error. */
void receive_answer_error(struct request *request, struct xftp_error error);

/* ---- receive_upload.c ---- */

/* Bytes behind the block, whatever becomes of them. */
void receive_upload_body(struct request *request, struct slice bytes);
/* Nothing more comes. */
void receive_upload_body_end(struct request *request);
/* The process lane has decided: to take the chunk, to throw it away, or not to want it. */
void receive_upload_begin(struct request *request);
void receive_upload_drain(struct request *request);
void receive_upload_drop(struct request *request);
/* Gives the upload up, as far as it has begun. It is answered when the disk lane has done that. */
void receive_upload_abandon(struct request *request, struct xftp_error error);

/* ---- receive_download.c ---- */

void receive_download_begin(struct request *request);
enum smq_result receive_download_fill(struct request *request, uint8_t *room, size_t size, size_t *length, bool *last);
/* Gives it up. */
void receive_download_end(struct request *request);
