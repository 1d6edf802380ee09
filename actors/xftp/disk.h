/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Disk lanes: the only threads that touch chunk files while the router runs. All that is done with one chunk is done on
 * one lane, in order. */
#pragma once

#include "actors/xftp/request.h"
#include "actors/xftp/roles.h"

/* A chunk file that is of no use any more; whoever makes it gives it away. */
struct removal {
    struct message message; /* first */
    struct file_id file;
};

/* NULL: out of memory; then the store's list still has it. */
struct removal *removal_create(const struct file_id *file);

/* ---- disk_upload.c, disk_download.c: what a lane does about a request ---- */

void disk_write(struct piece *piece);
void disk_commit(struct xftp_router *router, struct request *request);
void disk_abandon(struct xftp_router *router, struct request *request);
void disk_open(struct xftp_router *router, struct request *request);
void disk_read(struct piece *piece);
void disk_close(struct request *request);
