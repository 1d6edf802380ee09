/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Receiving a file, and deleting one. */
#include "actors/client/xftp/file_join.h"
#include "actors/client/xftp/transfer_pool.h"

struct receiving {
    const struct xftp_description *description;
    struct file_join *join;
    bool is_joining; /* a thread decrypts what has come in order */
};

/* A chunk on its way. */
struct fetching {
    struct receiving *receiving;
    struct transfer_worker *worker;
    size_t index;
    uint32_t offset;
    struct key_pair key;
};

static const struct xftp_replica *replica_of(const struct xftp_description *description, size_t index) {
    return &description->replicas[description->chunks[index].first_replica];
}

static const struct server_address *server_of(const struct xftp_description *description, size_t index) {
    return &description->servers[replica_of(description, index)->server];
}

static struct slice id_of(const struct xftp_description *description, size_t index) {
    const struct xftp_replica *replica = replica_of(description, index);
    return slice_of(replica->id, replica->id_length);
}

/* ---- fetching ---- */

static enum smq_result take_bytes(void *context, struct slice bytes) {
    struct fetching *fetching = context;
    enum smq_result result = file_join_write(fetching->receiving->join, fetching->index, fetching->offset, bytes);
    fetching->offset += (uint32_t)bytes.length;
    return result;
}

static enum smq_result fetch(struct xftp_connection *connection, void *context, struct xftp_error *error) {
    struct fetching *fetching = context;
    const struct xftp_description *description = fetching->receiving->description;
    const struct xftp_chunk *chunk = &description->chunks[fetching->index];
    const struct xftp_sink sink = {.take = take_bytes, .context = fetching};
    fetching->offset = 0;
    return xftp_download(connection, &fetching->key, id_of(description, fetching->index), chunk->size, chunk->digest,
                         &sink, error);
}

/* Decrypts what has come in order; one thread at a time, the others go on fetching. With the lock. */
static enum smq_result join_some(struct transfer_pool *pool, struct receiving *receiving) {
    enum smq_result result = SMQ_OK;
    if (receiving->is_joining)
        return SMQ_OK;
    receiving->is_joining = true;
    while (result == SMQ_OK) {
        (void)pthread_mutex_unlock(&pool->lock);
        result = file_join_step(receiving->join);
        (void)pthread_mutex_lock(&pool->lock);
    }
    receiving->is_joining = false;
    return result == SMQ_ERR_AGAIN || result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

static enum smq_result note_fetched(struct fetching *fetching) {
    struct transfer_pool *pool = fetching->worker->pool;
    struct receiving *receiving = fetching->receiving;
    (void)pthread_mutex_lock(&pool->lock);
    enum smq_result result = file_join_chunk_done(receiving->join, fetching->index);
    if (result == SMQ_OK)
        transfer_pool_count(pool, receiving->description->chunks[fetching->index].size);
    if (result == SMQ_OK)
        result = join_some(pool, receiving);
    (void)pthread_mutex_unlock(&pool->lock);
    return result;
}

static enum smq_result receive_one(struct transfer_worker *worker, size_t index) {
    struct receiving *receiving = worker->pool->context;
    struct fetching fetching = {.receiving = receiving, .worker = worker, .index = index};
    struct xftp_error error = xftp_error_of(XFTP_ERROR_NONE);
    if (file_join_has(receiving->join, index))
        return SMQ_OK;
    enum smq_result result = key_pair_of_private(&replica_of(receiving->description, index)->key, &fetching.key);
    if (result == SMQ_OK)
        result = transfer_try(worker, server_of(receiving->description, index), fetch, &fetching, &error);
    key_pair_wipe(&fetching.key);
    if (result != SMQ_OK)
        return transfer_fail(worker, result, error);
    return note_fetched(&fetching);
}

/* ---- FACK and FDEL, one a chunk ---- */

struct telling {
    const struct xftp_description *description;
    enum smq_result (*command)(struct xftp_connection *connection, const struct key_pair *key, struct slice id,
                               struct xftp_error *error);
};

struct told {
    const struct telling *telling;
    size_t index;
    struct key_pair key;
};

static enum smq_result tell(struct xftp_connection *connection, void *context, struct xftp_error *error) {
    struct told *told = context;
    return told->telling->command(connection, &told->key, id_of(told->telling->description, told->index), error);
}

static enum smq_result tell_one(struct transfer_worker *worker, size_t index) {
    struct told told = {.telling = worker->pool->context, .index = index};
    const struct xftp_description *description = told.telling->description;
    struct xftp_error error = xftp_error_of(XFTP_ERROR_NONE);
    enum smq_result result = key_pair_of_private(&replica_of(description, index)->key, &told.key);
    if (result == SMQ_OK)
        result = transfer_try(worker, server_of(description, index), tell, &told, &error);
    key_pair_wipe(&told.key);
    return result == SMQ_OK ? SMQ_OK : transfer_fail(worker, result, error);
}

static enum smq_result tell_all(const struct transfer_options *options, struct telling *telling,
                                struct transfer_failure *failure) {
    struct transfer_options quiet = *options;
    quiet.progress = NULL;
    struct transfer_pool pool = {
        .options = &quiet, .count = telling->description->chunk_count, .work = tell_one, .context = telling};
    return transfer_pool_run(&pool, failure);
}

enum smq_result transfer_delete(const struct transfer_options *options, const struct xftp_description *description,
                                struct transfer_failure *failure) {
    struct telling telling = {.description = description, .command = xftp_delete};
    return tell_all(options, &telling, failure);
}

/* ---- the whole ---- */

static enum smq_result fetch_all(const struct transfer_options *options, struct receiving *receiving,
                                 struct transfer_failure *failure) {
    struct transfer_pool pool = {.options = options,
                                 .count = receiving->description->chunk_count,
                                 .all = (uint64_t)receiving->description->size,
                                 .done = file_join_bytes(receiving->join),
                                 .work = receive_one,
                                 .context = receiving};
    enum smq_result result = transfer_pool_run(&pool, failure);
    while (result == SMQ_OK)
        result = file_join_step(receiving->join);
    return result == SMQ_ERR_EMPTY ? SMQ_OK : result;
}

/* What is not the file of the description will never be: nothing of it is kept. */
static bool is_wrong(enum smq_result result) {
    return result == SMQ_ERR_CRYPTO || result == SMQ_ERR_SYNTAX;
}

enum smq_result transfer_receive(const struct transfer_options *options, const struct xftp_description *description,
                                 const struct transfer_target *target, char name[OUTPUT_NAME_SIZE],
                                 struct transfer_failure *failure) {
    const struct file_join_options join_options = {.description = description,
                                                   .work_folder = target->work_folder,
                                                   .target_folder = target->target_folder,
                                                   .target_name = target->target_name};
    struct receiving receiving = {.description = description};
    *failure = (struct transfer_failure){.result = SMQ_OK};
    enum smq_result result = file_join_open(&join_options, &receiving.join);
    if (result == SMQ_OK)
        result = fetch_all(options, &receiving, failure);
    if (result == SMQ_OK)
        result = file_join_finish(receiving.join, name);
    if (is_wrong(result) && failure->result == SMQ_OK)
        file_join_discard(&receiving.join);
    else
        file_join_close(&receiving.join);
    if (failure->result == SMQ_OK)
        failure->result = result;
    if (result == SMQ_OK && target->acknowledge) {
        struct telling telling = {.description = description, .command = xftp_acknowledge};
        struct transfer_failure ignored; /* the file is there, and expires at the routers */
        (void)tell_all(options, &telling, &ignored);
    }
    return result;
}
