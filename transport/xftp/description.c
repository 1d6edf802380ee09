/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* File descriptions: the object. Reading and writing are in description_read.c and description_write.c. */
#include "transport/xftp/description.h"

#include <string.h>

#include "queues/base/memory.h"
#include "queues/base/secret.h"

enum smq_result xftp_description_create(size_t chunks, size_t replicas, size_t servers,
                                        struct xftp_description **description) {
    if (chunks > XFTP_DESCRIPTION_CHUNKS_MAX || replicas > XFTP_DESCRIPTION_CHUNKS_MAX ||
        servers > XFTP_DESCRIPTION_SERVERS_MAX)
        return SMQ_ERR_TOO_LARGE;
    struct xftp_description *fresh = memory_zalloc(sizeof *fresh);
    if (fresh == NULL)
        return SMQ_ERR_NO_MEMORY;
    fresh->chunk_capacity = chunks;
    fresh->replica_capacity = replicas;
    fresh->server_capacity = servers;
    fresh->chunks = memory_zalloc_array(chunks, sizeof *fresh->chunks);
    fresh->replicas = memory_zalloc_array(replicas, sizeof *fresh->replicas);
    fresh->servers = memory_zalloc_array(servers, sizeof *fresh->servers);
    if (fresh->chunks == NULL || fresh->replicas == NULL || fresh->servers == NULL) {
        xftp_description_destroy(&fresh);
        return SMQ_ERR_NO_MEMORY;
    }
    *description = fresh;
    return SMQ_OK;
}

void xftp_description_destroy(struct xftp_description **description) {
    struct xftp_description *ended = *description;
    if (ended == NULL)
        return;
    *description = NULL;
    if (ended->replicas != NULL)
        secret_wipe(ended->replicas, ended->replica_capacity * sizeof *ended->replicas);
    memory_free(ended->chunks);
    memory_free(ended->replicas);
    memory_free(ended->servers);
    secret_wipe(ended, sizeof *ended);
    memory_free(ended);
}

enum smq_result xftp_description_add_server(struct xftp_description *description, const struct server_address *server,
                                            uint16_t *index) {
    for (size_t i = 0; i < description->server_count; i++) {
        if (server_address_equal(&description->servers[i], server)) {
            *index = (uint16_t)i;
            return SMQ_OK;
        }
    }
    if (description->server_count == description->server_capacity)
        return SMQ_ERR_TOO_LARGE;
    *index = (uint16_t)description->server_count;
    description->servers[description->server_count++] = *server;
    return SMQ_OK;
}

enum smq_result xftp_description_add_chunk(struct xftp_description *description, uint32_t size,
                                           const uint8_t digest[XFTP_CHUNK_DIGEST_SIZE]) {
    if (size == 0)
        return SMQ_ERR_INVALID;
    if (description->chunk_count == description->chunk_capacity)
        return SMQ_ERR_TOO_LARGE;
    struct xftp_chunk *chunk = &description->chunks[description->chunk_count++];
    *chunk = (struct xftp_chunk){.size = size, .first_replica = (uint32_t)description->replica_count};
    memcpy(chunk->digest, digest, sizeof chunk->digest);
    return SMQ_OK;
}

enum smq_result xftp_description_add_replica(struct xftp_description *description, uint16_t server, struct slice id,
                                             const struct private_key *key) {
    if (description->chunk_count == 0 || server >= description->server_count || id.length == 0 ||
        id.length > XFTP_REPLICA_ID_MAX || !key_authorizes_queues(key->algorithm))
        return SMQ_ERR_INVALID;
    if (description->replica_count == description->replica_capacity)
        return SMQ_ERR_TOO_LARGE;
    struct xftp_replica *replica = &description->replicas[description->replica_count++];
    *replica = (struct xftp_replica){.server = server, .id_length = (uint8_t)id.length, .key = *key};
    memcpy(replica->id, id.bytes, id.length);
    description->chunks[description->chunk_count - 1].replica_count++;
    return SMQ_OK;
}

const char *xftp_description_problem(const struct xftp_description *description) {
    int64_t sum = 0; /* of at most 16,384 sizes of 32 bits */
    for (size_t i = 0; i < description->chunk_count; i++) {
        sum += description->chunks[i].size;
        if (description->chunks[i].replica_count == 0)
            return "chunk numbers are not sequential";
    }
    return sum == description->size ? NULL : "chunks total size is different than file size";
}
