/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Hashes with OpenSSL. Digests are fetched once a process and contexts made once a thread: doing both at every call, as
 * the one-shot functions do, costs about a microsecond and several allocations. */
#include "transport/crypto/hash.h"

#include <pthread.h>

#include <openssl/evp.h>

#include "queues/base/memory.h"

/* One thread's contexts, made at their first use. */
struct thread_contexts {
    EVP_MD_CTX *contexts[HASH_ALGORITHM_COUNT];
};

static const char *const digest_names[HASH_ALGORITHM_COUNT] = {
    [HASH_SHA256] = "SHA256",
    [HASH_SHA512] = "SHA512",
    [HASH_SHA3_256] = "SHA3-256",
    [HASH_SHA3_384] = "SHA3-384",
};

static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static enum smq_result setup_result = SMQ_ERR_CRYPTO;
static pthread_key_t thread_key;
static EVP_MD *digests[HASH_ALGORITHM_COUNT];
static _Thread_local struct thread_contexts *thread_contexts;

static void thread_end(void *value) {
    struct thread_contexts *ending = value;
    for (size_t i = 0; i < HASH_ALGORITHM_COUNT; i++)
        EVP_MD_CTX_free(ending->contexts[i]);
    memory_free(ending);
    thread_contexts = NULL;
}

static void setup(void) {
    if (pthread_key_create(&thread_key, thread_end) != 0)
        return;
    for (size_t i = 0; i < HASH_ALGORITHM_COUNT; i++) {
        digests[i] = EVP_MD_fetch(NULL, digest_names[i], NULL);
        if (digests[i] == NULL)
            return;
    }
    setup_result = SMQ_OK;
}

enum smq_result hash_setup(void) {
    return pthread_once(&setup_once, setup) == 0 ? setup_result : SMQ_ERR_CRYPTO;
}

static enum smq_result context_of_thread(enum hash_algorithm algorithm, EVP_MD_CTX **context) {
    if (thread_contexts == NULL) {
        enum smq_result result = hash_setup();
        if (result != SMQ_OK)
            return result;
        struct thread_contexts *fresh = memory_zalloc(sizeof *fresh);
        if (fresh == NULL)
            return SMQ_ERR_NO_MEMORY;
        if (pthread_setspecific(thread_key, fresh) != 0) {
            memory_free(fresh);
            return SMQ_ERR_NO_MEMORY;
        }
        thread_contexts = fresh;
    }
    EVP_MD_CTX **slot = &thread_contexts->contexts[algorithm];
    if (*slot == NULL && (*slot = EVP_MD_CTX_new()) == NULL)
        return SMQ_ERR_NO_MEMORY;
    *context = *slot;
    return SMQ_OK;
}

enum smq_result hash_parts(enum hash_algorithm algorithm, const struct slice *parts, size_t count, uint8_t *digest) {
    EVP_MD_CTX *context;
    enum smq_result result = context_of_thread(algorithm, &context);
    if (result != SMQ_OK)
        return result;
    if (EVP_DigestInit_ex2(context, digests[algorithm], NULL) != 1)
        return SMQ_ERR_CRYPTO;
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestUpdate(context, parts[i].bytes, parts[i].length) != 1)
            return SMQ_ERR_CRYPTO;
    return EVP_DigestFinal_ex(context, digest, NULL) == 1 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result hash_slice(enum hash_algorithm algorithm, struct slice bytes, uint8_t *digest) {
    return hash_parts(algorithm, &bytes, 1, digest);
}

/* ---- streams: the context is the stream's own, since another may be open on the same thread */

struct hash_stream {
    enum hash_algorithm algorithm;
    EVP_MD_CTX *context;
};

static enum smq_result stream_begin(struct hash_stream *stream) {
    return EVP_DigestInit_ex2(stream->context, digests[stream->algorithm], NULL) == 1 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result hash_stream_open(enum hash_algorithm algorithm, struct hash_stream **stream) {
    enum smq_result result = hash_setup();
    if (result != SMQ_OK)
        return result;
    struct hash_stream *fresh = memory_zalloc(sizeof *fresh);
    if (fresh == NULL)
        return SMQ_ERR_NO_MEMORY;
    fresh->algorithm = algorithm;
    fresh->context = EVP_MD_CTX_new();
    result = fresh->context != NULL ? stream_begin(fresh) : SMQ_ERR_NO_MEMORY;
    if (result == SMQ_OK)
        *stream = fresh;
    else
        hash_stream_close(&fresh);
    return result;
}

enum smq_result hash_stream_add(struct hash_stream *stream, struct slice bytes) {
    return EVP_DigestUpdate(stream->context, bytes.bytes, bytes.length) == 1 ? SMQ_OK : SMQ_ERR_CRYPTO;
}

enum smq_result hash_stream_finish(struct hash_stream *stream, uint8_t *digest) {
    if (EVP_DigestFinal_ex(stream->context, digest, NULL) != 1)
        return SMQ_ERR_CRYPTO;
    return stream_begin(stream);
}

void hash_stream_close(struct hash_stream **stream) {
    if (*stream == NULL)
        return;
    EVP_MD_CTX_free((*stream)->context);
    memory_free(*stream);
    *stream = NULL;
}
