/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Sending a file. Chunks are made in their order, one thread at a time; each thread then brings its chunk to a router,
 * while others make and bring the next ones. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "actors/client/xftp/file_split.h"
#include "actors/client/xftp/transfer_pool.h"
#include "queues/base/random.h"
#include "queues/base/secret.h"

enum { ID_MAX = XFTP_REPLICA_ID_MAX };

struct sending {
    const struct transfer_server *servers;
    size_t server_count;
    struct send_state *state;
    struct file_split *split;
    pthread_mutex_t split_lock; /* of `split` */
};

/* A chunk on its way; its thread's own. */
struct bringing {
    struct sending *sending;
    struct transfer_worker *worker;
    struct split_chunk chunk;
    struct sent_chunk sent; /* as the state has it */
    const struct transfer_server *server;
    struct key_pair sender;
    size_t recipients_wanted;
};

static enum smq_result read_descriptor(void *context, uint8_t *room, size_t size, size_t *length) {
    int file = *(const int *)context;
    ssize_t count;
    do
        count = read(file, room, size);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return SMQ_ERR_SYSTEM;
    *length = (size_t)count;
    return count == 0 ? SMQ_ERR_EMPTY : SMQ_OK;
}

/* ---- recipients ---- */

static enum smq_result set_credential(struct sent_credential *credential, const struct xftp_id *id,
                                      const struct key_pair *pair) {
    if (id->length > ID_MAX)
        return SMQ_ERR_PROTOCOL;
    credential->id_length = id->length;
    memcpy(credential->id, id->bytes, id->length);
    credential->key = pair->private_key;
    return SMQ_OK;
}

/* As many as a request takes, of those that are missing. */
struct batch {
    size_t count;
    struct key_pair pairs[XFTP_RECIPIENTS_MAX];
    struct public_key keys[XFTP_RECIPIENTS_MAX];
    struct xftp_id ids[XFTP_RECIPIENTS_MAX];
};

static enum smq_result make_batch(struct bringing *bringing, struct batch *batch) {
    size_t missing = bringing->recipients_wanted - bringing->sent.recipient_count;
    batch->count = missing < XFTP_RECIPIENTS_MAX ? missing : XFTP_RECIPIENTS_MAX;
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < batch->count && result == SMQ_OK; i++) {
        result = key_pair_generate(KEY_ED25519, &batch->pairs[i]);
        batch->keys[i] = batch->pairs[i].public_key;
    }
    return result;
}

/* With the pool's lock. */
static enum smq_result note_batch(struct bringing *bringing, const struct batch *batch) {
    struct sent_credential credential = {0};
    enum smq_result result = SMQ_OK;
    for (size_t i = 0; i < batch->count && result == SMQ_OK; i++) {
        result = set_credential(&credential, &batch->ids[i], &batch->pairs[i]);
        if (result == SMQ_OK)
            result = send_state_note_recipient(bringing->sending->state, (uint32_t)bringing->chunk.index, &credential);
    }
    secret_wipe(&credential, sizeof credential);
    return result;
}

/* ---- FNEW, FADD ---- */

static enum smq_result note_created(struct bringing *bringing, const struct xftp_id *id, const struct batch *batch) {
    struct transfer_pool *pool = bringing->worker->pool;
    struct sent_chunk *sent = &bringing->sent;
    *sent = (struct sent_chunk){.size = bringing->chunk.size, .server = bringing->server->address};
    memcpy(sent->digest, bringing->chunk.digest, sizeof sent->digest);
    enum smq_result result = set_credential(&sent->sender, id, &bringing->sender);
    if (result != SMQ_OK)
        return result;
    (void)pthread_mutex_lock(&pool->lock);
    result = send_state_note_created(bringing->sending->state, (uint32_t)bringing->chunk.index, sent);
    if (result == SMQ_OK)
        result = note_batch(bringing, batch);
    (void)pthread_mutex_unlock(&pool->lock);
    sent->recipient_count = (uint32_t)batch->count;
    return result;
}

static enum smq_result create(struct xftp_connection *connection, void *context, struct xftp_error *error) {
    struct bringing *bringing = context;
    struct batch batch;
    struct xftp_id id;
    char password[PASSWORD_MAX + 1];
    const struct password *known = &bringing->server->password;
    memcpy(password, known->bytes, known->length);
    password[known->length] = '\0';
    enum smq_result result = key_pair_generate(KEY_ED25519, &bringing->sender);
    if (result == SMQ_OK)
        result = make_batch(bringing, &batch);
    if (result == SMQ_OK)
        result = xftp_create(connection, &bringing->sender, bringing->chunk.size, bringing->chunk.digest, batch.keys,
                             batch.count, known->length > 0 ? password : NULL, &id, batch.ids, error);
    if (result == SMQ_OK)
        result = note_created(bringing, &id, &batch);
    secret_wipe(password, sizeof password);
    secret_wipe(&batch, sizeof batch);
    return result;
}

static struct slice sender_id(const struct bringing *bringing) {
    return slice_of(bringing->sent.sender.id, bringing->sent.sender.id_length);
}

static enum smq_result add_recipients(struct xftp_connection *connection, void *context, struct xftp_error *error) {
    struct bringing *bringing = context;
    struct transfer_pool *pool = bringing->worker->pool;
    struct batch batch;
    enum smq_result result = make_batch(bringing, &batch);
    if (result == SMQ_OK)
        result = xftp_add_recipients(connection, &bringing->sender, sender_id(bringing), batch.keys, batch.count,
                                     batch.ids, error);
    if (result == SMQ_OK) {
        (void)pthread_mutex_lock(&pool->lock);
        result = note_batch(bringing, &batch);
        (void)pthread_mutex_unlock(&pool->lock);
        bringing->sent.recipient_count += (uint32_t)batch.count;
    }
    secret_wipe(&batch, sizeof batch);
    return result;
}

/* ---- FPUT ---- */

static enum smq_result put(struct xftp_connection *connection, void *context, struct xftp_error *error) {
    struct bringing *bringing = context;
    return xftp_upload(connection, &bringing->sender, sender_id(bringing),
                       slice_of(bringing->worker->room, bringing->chunk.size), error);
}

static const struct transfer_server *choose_server(const struct sending *sending) {
    return &sending->servers[random_below((uint32_t)sending->server_count)];
}

/* What an interrupted sending left is taken up; `sent` is a copy. */
static enum smq_result take_up(struct bringing *bringing) {
    struct transfer_pool *pool = bringing->worker->pool;
    uint32_t index = (uint32_t)bringing->chunk.index;
    (void)pthread_mutex_lock(&pool->lock);
    bringing->sent = *send_state_chunk(bringing->sending->state, index);
    (void)pthread_mutex_unlock(&pool->lock);
    if (bringing->sent.size == 0)
        return SMQ_OK;
    bool is_same = bringing->sent.size == bringing->chunk.size &&
                   memcmp(bringing->sent.digest, bringing->chunk.digest, sizeof bringing->sent.digest) == 0;
    if (!is_same)
        return SMQ_ERR_INVALID; /* the source is another file than it was */
    return key_pair_of_private(&bringing->sent.sender.key, &bringing->sender);
}

static enum smq_result bring(struct bringing *bringing, struct xftp_error *error) {
    struct transfer_worker *worker = bringing->worker;
    enum smq_result result = SMQ_OK;
    if (bringing->sent.size == 0)
        result = transfer_try(worker, &bringing->server->address, create, bringing, error);
    while (result == SMQ_OK && bringing->sent.recipient_count < bringing->recipients_wanted)
        result = transfer_try(worker, &bringing->sent.server, add_recipients, bringing, error);
    if (result == SMQ_OK && !bringing->sent.is_uploaded)
        result = transfer_try(worker, &bringing->sent.server, put, bringing, error);
    return result;
}

static enum smq_result note(struct bringing *bringing, enum smq_result (*mark)(struct send_state *, uint32_t)) {
    struct transfer_pool *pool = bringing->worker->pool;
    (void)pthread_mutex_lock(&pool->lock);
    enum smq_result result = mark(bringing->sending->state, (uint32_t)bringing->chunk.index);
    (void)pthread_mutex_unlock(&pool->lock);
    return result;
}

/* A chunk that expired at its router since it was created is created anew, once. */
static enum smq_result bring_or_begin_anew(struct bringing *bringing) {
    struct xftp_error error = xftp_error_of(XFTP_ERROR_NONE);
    bool was_there = bringing->sent.size > 0;
    bool was_uploaded = bringing->sent.is_uploaded;
    enum smq_result result = bring(bringing, &error);
    if (result == SMQ_ERR_PROTOCOL && error.code == XFTP_ERROR_AUTH && was_there && !was_uploaded) {
        result = note(bringing, send_state_note_lost);
        bringing->sent = (struct sent_chunk){0};
        if (result == SMQ_OK)
            result = bring(bringing, &error);
    }
    if (result != SMQ_OK)
        return transfer_fail(bringing->worker, result, error);
    return was_uploaded ? SMQ_OK : note(bringing, send_state_note_uploaded);
}

static enum smq_result make_chunk(struct bringing *bringing) {
    struct sending *sending = bringing->sending;
    struct transfer_pool *pool = bringing->worker->pool;
    (void)pthread_mutex_lock(&sending->split_lock);
    enum smq_result result = file_split_next(sending->split, bringing->worker->room, pool->room_size, &bringing->chunk);
    (void)pthread_mutex_unlock(&sending->split_lock);
    return result;
}

/* Which chunk it is, the order of making decides, not that of taking. */
static enum smq_result send_one(struct transfer_worker *worker, size_t index) {
    (void)index;
    struct sending *sending = worker->pool->context;
    struct bringing bringing = {.sending = sending,
                                .worker = worker,
                                .recipients_wanted = send_state_head(sending->state)->recipient_count,
                                .server = choose_server(sending)};
    enum smq_result result = make_chunk(&bringing);
    if (result == SMQ_OK)
        result = take_up(&bringing);
    if (result == SMQ_OK)
        result = bring_or_begin_anew(&bringing);
    if (result == SMQ_OK) {
        (void)pthread_mutex_lock(&worker->pool->lock);
        transfer_pool_count(worker->pool, bringing.chunk.size);
        (void)pthread_mutex_unlock(&worker->pool->lock);
    }
    key_pair_wipe(&bringing.sender);
    secret_wipe(&bringing.sent, sizeof bringing.sent);
    return result;
}

static enum smq_result open_split(const struct send_head *head, int *source, struct file_split **split) {
    struct file_split_options options = {.name = slice_of(head->name, head->name_length),
                                         .size = head->size,
                                         .source = {.read = read_descriptor, .context = source}};
    memcpy(options.key, head->key, sizeof options.key);
    memcpy(options.nonce, head->nonce, sizeof options.nonce);
    enum smq_result result = file_split_create(&options, split);
    secret_wipe(options.key, sizeof options.key);
    return result;
}

enum smq_result transfer_send(const struct transfer_options *options, const struct transfer_server *servers,
                              size_t server_count, int source, struct send_state *state,
                              uint8_t digest[XFTP_FILE_DIGEST_SIZE], struct transfer_failure *failure) {
    struct sending sending = {.servers = servers, .server_count = server_count, .state = state};
    enum smq_result result =
        server_count > 0 ? open_split(send_state_head(state), &source, &sending.split) : SMQ_ERR_INVALID;
    if (result == SMQ_OK && file_split_count(sending.split) != send_state_head(state)->chunk_count)
        result = SMQ_ERR_INVALID;
    if (result != SMQ_OK) {
        *failure = (struct transfer_failure){.result = result};
        file_split_destroy(&sending.split);
        return result;
    }
    struct transfer_pool pool = {.options = options,
                                 .count = (size_t)file_split_count(sending.split),
                                 .all = file_split_encrypted_size(sending.split),
                                 .room_size = file_split_size(sending.split, 0),
                                 .work = send_one,
                                 .context = &sending};
    (void)pthread_mutex_init(&sending.split_lock, NULL);
    result = transfer_pool_run(&pool, failure);
    (void)pthread_mutex_destroy(&sending.split_lock);
    if (result == SMQ_OK)
        result = failure->result = file_split_digest(sending.split, digest);
    file_split_destroy(&sending.split);
    return result;
}
