/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions: which chunks make a file, where they are and what opens them. Whoever has a description has the
 * file. In text they are YAML of exactly one layout (reference: FileTransfer/Description.hs); any YAML of that content
 * is read. Re-entrant: any thread, one at a time a description. Memory is bounded by the limits below, whatever is
 * read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queues/base/cursor.h"
#include "smq/result.h"
#include "transport/crypto/box.h"
#include "transport/crypto/keys.h"
#include "transport/wire/address.h"
#include "transport/xftp/file_cipher.h"
#include "transport/xftp/limits.h"

enum {
    XFTP_DESCRIPTION_TEXT_MAX = 4 * 1024 * 1024, /* bytes of YAML that are read */
    XFTP_DESCRIPTION_CHUNKS_MAX = 16384,         /* 64 GiB in the largest chunks; replicas, of all chunks, as many */
    XFTP_DESCRIPTION_SERVERS_MAX = 256,
    XFTP_REPLICA_ID_MAX = 64,
};

enum xftp_file_party {
    XFTP_FILE_RECIPIENT, /* replicas have recipient ids and keys: FGET, FACK */
    XFTP_FILE_SENDER,    /* sender ids and keys: FDEL */
};

/* A chunk at one server. */
struct xftp_replica {
    uint16_t server; /* index into `servers` */
    uint8_t id_length;
    uint8_t id[XFTP_REPLICA_ID_MAX];
    struct private_key key; /* Ed25519, Ed448 or X25519 */
};

struct xftp_chunk {
    uint32_t size;
    uint8_t digest[XFTP_CHUNK_DIGEST_SIZE];
    uint32_t first_replica; /* index into `replicas` */
    uint32_t replica_count; /* at least 1 */
};

/* A description as xftp_description_parse, or create and the add functions, make it. Fields may be read, and those
 * before `chunk_count` set. It holds secrets, which xftp_description_destroy wipes. */
struct xftp_description {
    enum xftp_file_party party;
    int64_t size;                          /* of the encrypted file: the sum of the chunks */
    uint8_t digest[XFTP_FILE_DIGEST_SIZE]; /* SHA-512 of the encrypted file, tag included */
    uint8_t key[XFTP_FILE_KEY_SIZE];
    uint8_t nonce[BOX_NONCE_SIZE];
    uint32_t chunk_size; /* of chunks whose size is not written: that of the first one */
    bool has_redirect;   /* the file is itself a description, of a file of this size and digest */
    int64_t redirect_size;
    uint8_t redirect_digest[XFTP_FILE_DIGEST_SIZE];

    size_t chunk_count, chunk_capacity;
    struct xftp_chunk *chunks; /* number 1 first */
    size_t replica_count, replica_capacity;
    struct xftp_replica *replicas; /* those of a chunk are neighbours, in the order of the text */
    size_t server_count, server_capacity;
    struct server_address *servers; /* each once */
};

/* An empty description with room for so many; capacities beyond the limits above are SMQ_ERR_TOO_LARGE;
 * SMQ_ERR_NO_MEMORY. */
enum smq_result xftp_description_create(size_t chunks, size_t replicas, size_t servers,
                                        struct xftp_description **description);
/* Wipes and frees; sets `*description` to NULL, which it may be already. */
void xftp_description_destroy(struct xftp_description **description);

/* Adding: servers in any order, chunks in theirs, each followed by its replicas. SMQ_ERR_TOO_LARGE when there is no
 * room; SMQ_ERR_INVALID for a size of 0, an id of a length that is not 1 to XFTP_REPLICA_ID_MAX, a key that authorizes
 * nothing, a server or chunk that is not there. A server that is there already keeps its index. */
enum smq_result xftp_description_add_server(struct xftp_description *description, const struct server_address *server,
                                            uint16_t *index);
enum smq_result xftp_description_add_chunk(struct xftp_description *description, uint32_t size,
                                           const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE]);
enum smq_result xftp_description_add_replica(struct xftp_description *description, uint16_t server, struct slice id,
                                             const struct private_key *key);

/* Whether chunks and sizes agree: NULL, or what is wrong, in the words of the reference. */
const char *xftp_description_problem(const struct xftp_description *description);

/* Reads a description from YAML. SMQ_ERR_SYNTAX, with `*problem` (may be NULL) a static text that says more where more
 * is known; SMQ_ERR_TOO_LARGE beyond the limits; SMQ_ERR_NO_MEMORY. Whose description it is, the caller checks. */
enum smq_result xftp_description_parse(struct slice text, struct xftp_description **description, const char **problem);

/* Bytes that suffice for the text of this description. */
size_t xftp_description_text_size(const struct xftp_description *description);
/* Writes the YAML, ending with a line end. Replicas are grouped by server, servers in the reference's order: that of a
 * chunk's replicas at different servers is not kept. The writer fails on a description that has a problem. Holds
 * secrets: the caller wipes. */
void write_xftp_description(struct writer *writer, const struct xftp_description *description);
