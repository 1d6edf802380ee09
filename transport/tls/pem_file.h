/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Files of certificates and keys: read whole, replaced whole; private to transport/tls. All block. */
#pragma once

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "smq/result.h"

/* Reads a regular file of at most 1 MiB into memory that the caller wipes and frees, with a zero behind. SMQ_ERR_SYSTEM
 * (errno), SMQ_ERR_INVALID: it is no file, SMQ_ERR_TOO_LARGE, SMQ_ERR_NO_MEMORY. */
enum smq_result pem_file_read(const char *path, uint8_t **bytes, size_t *length);

/* What is to stand in a file. A file that is there keeps its owner, group and mode, a link keeps leading to it. */
struct pem_file {
    const char *path;
    mode_t mode; /* of a file that was not there */
    const void *bytes;
    size_t length;
};

/* A reader sees the old file or the new one, also after a crash. SMQ_ERR_SYSTEM (errno). */
enum smq_result pem_file_replace(const struct pem_file *file);

/* Replaces both or none, at whatever step the machine stops: the new ones lie ready beside the old ones before the
 * certificate takes its place; from then on the key that lies ready counts (pem_file_ready), until it takes its place,
 * too. Files that are mounted are written over; when the machine stops meanwhile, both that lie ready count.
 * SMQ_ERR_SYSTEM (errno): none is replaced. One at a time. */
enum smq_result pem_file_replace_pair(const struct pem_file *certificate, const struct pem_file *key);

/* The name under which a new file lies ready to take the place of `path`. SMQ_ERR_SYSTEM: it is too long. */
enum smq_result pem_file_ready(const char *path, char ready[PATH_MAX]);
