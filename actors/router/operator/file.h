/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files that are written whole or not at all. All block for the disk; errno says why on SMQ_ERR_SYSTEM. */
#pragma once

#include "actors/router/operator/text_buffer.h"
#include "queues/base/cursor.h"
#include "smq/result.h"

enum file_durability {
    FILE_DURABLE, /* on the disk when the call returns */
    FILE_LOOSE    /* a power failure may lose it */
};

/* Reads the whole file, at most 1 GB. SMQ_ERR_NOT_FOUND, SMQ_ERR_SYSTEM, SMQ_ERR_TOO_LARGE, SMQ_ERR_NO_MEMORY. */
enum smq_result file_read(const char *path, struct text_buffer *text);
/* Replaces the file by one with these bytes: who opens it meanwhile reads the old one or the new one, whole. Mode 0644
 * when it is new, less the umask, as it was otherwise. After an error the old one is there, and nothing else. SMQ_ERR_SYSTEM,
 * SMQ_ERR_TOO_LARGE (the path). */
enum smq_result file_replace(const char *path, struct slice bytes, enum file_durability durability);
/* Adds the bytes to the end of the file, durably, and makes it when it is missing, with the same mode. After an error it is as
 * before. SMQ_ERR_SYSTEM. */
enum smq_result file_append(const char *path, struct slice bytes);
