/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* TLS steps of one connection: the only place that calls SSL_* on a connection, under its lock and with an empty error
 * queue. */
#include "transport/tls/tls.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "queues/base/check.h"
#include "queues/base/memory.h"
#include "queues/base/postpone.h"
#include "transport/tls/socket_bio.h"
#include "transport/tls/tls_private.h"

/* Records that bring no data, such as KeyUpdate, alerts, empty ones and attempts to renegotiate, cost the peer little
 * and us a derivation of keys or an answer. Each record takes one from an allowance, and data gives back more than it
 * takes: whoever sends data may change its keys as often as it likes. */
enum {
    HANDSHAKE_ALLOWANCE = 64, /* records of a whole handshake; an honest one has ten */
    ALLOWANCE_MAX = 32,
    ALLOWANCE_PRICE = 1024, /* bytes of data for one record more */
};

void tls_record_arrives(struct tls *tls) {
    if (tls->allowance > 0) {
        tls->allowance--;
        return;
    }
    tls->is_excessive = true;
    /* OpenSSL looks at this before it handles the record. */
    SSL_set_shutdown(tls->ssl, SSL_get_shutdown(tls->ssl) | SSL_RECEIVED_SHUTDOWN);
}

static void data_arrived(struct tls *tls, size_t length) {
    tls->paid += (uint32_t)length;
    tls->allowance += 1 + tls->paid / ALLOWANCE_PRICE;
    tls->paid %= ALLOWANCE_PRICE;
    if (tls->allowance > ALLOWANCE_MAX)
        tls->allowance = ALLOWANCE_MAX;
}

static void begin_step(struct tls *tls) {
    section_check();
    pthread_mutex_lock(&tls->lock);
    ERR_clear_error();
}

static void end_step(struct tls *tls) {
    pthread_mutex_unlock(&tls->lock);
}

static enum smq_result create(const struct tls_context *context, int descriptor, struct tls **tls) {
    struct tls *created = memory_zalloc(sizeof *created);
    if (created == NULL)
        return SMQ_ERR_NO_MEMORY;
    created->context = context;
    created->is_server = context->is_server;
    created->allowance = HANDSHAKE_ALLOWANCE;
    created->ssl = SSL_new(context->ssl_context);
    BIO *bio = created->ssl == NULL ? NULL : socket_bio_create(descriptor, &created->more_follows);
    if (bio == NULL || SSL_set_app_data(created->ssl, created) != 1) {
        BIO_free(bio);
        SSL_free(created->ssl);
        memory_free(created);
        return SMQ_ERR_NO_MEMORY;
    }
    SSL_set_bio(created->ssl, bio, bio);
    pthread_mutex_init(&created->lock, NULL);
    *tls = created;
    return SMQ_OK;
}

enum smq_result tls_create_server(const struct tls_context *context, int descriptor, struct tls **tls) {
    CHECK(context->is_server);
    enum smq_result result = create(context, descriptor, tls);
    if (result == SMQ_OK) {
        SSL_set_accept_state((*tls)->ssl);
        SSL_set_read_ahead((*tls)->ssl, 0); /* what is beyond a message stays in the socket, and costs no buffer */
    }
    return result;
}

static bool offer_alpn(struct tls *tls, const char *alpn) {
    uint8_t offer[256];
    struct writer writer = writer_of(offer, sizeof offer);
    if (alpn == NULL)
        return true;
    write_short(&writer, slice_of_text(alpn));
    return writer_finish(&writer) == SMQ_OK &&
           SSL_set_alpn_protos(tls->ssl, offer, (unsigned)writer_length(&writer)) == 0;
}

enum smq_result tls_create_client(const struct tls_context *context, int descriptor, const char *alpn,
                                  const uint8_t key_hash[FINGERPRINT_SIZE], struct tls **tls) {
    CHECK(!context->is_server && !context->is_web_client);
    struct tls *created = NULL;
    enum smq_result result = create(context, descriptor, &created);
    if (result != SMQ_OK)
        return result;
    memcpy(created->key_hash, key_hash, FINGERPRINT_SIZE);
    SSL_set_connect_state(created->ssl);
    if (!offer_alpn(created, alpn)) {
        tls_destroy(&created);
        return SMQ_ERR_NO_MEMORY;
    }
    *tls = created;
    return SMQ_OK;
}

enum smq_result tls_create_web_client(const struct tls_context *context, int descriptor, const char *alpn,
                                      const char *name, struct tls **tls) {
    CHECK(context->is_web_client);
    struct tls *created = NULL;
    enum smq_result result = create(context, descriptor, &created);
    if (result != SMQ_OK)
        return result;
    SSL_set_connect_state(created->ssl);
    if (!offer_alpn(created, alpn) || !tls_web_expect(created->ssl, name)) {
        tls_destroy(&created);
        return SMQ_ERR_NO_MEMORY;
    }
    *tls = created;
    return SMQ_OK;
}

void tls_destroy(struct tls **tls) {
    struct tls *destroyed = *tls;
    *tls = NULL;
    if (destroyed == NULL)
        return;
    SSL_free(destroyed->ssl);
    pthread_mutex_destroy(&destroyed->lock);
    memory_free(destroyed->peer_chain);
    memory_free(destroyed);
}

/* What a step that did not succeed means. Called under the lock, right after the step. */
static enum smq_result judge(struct tls *tls, int returned, enum tls_want *want) {
    if (tls->is_excessive) {
        tls->is_broken = true;
        tls->failure = "too many records without data";
        return SMQ_ERR_TLS;
    }
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        *want = TLS_WANT_READ;
        return SMQ_ERR_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *want = TLS_WANT_WRITE;
        return SMQ_ERR_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return SMQ_ERR_CLOSED;
    case SSL_ERROR_SYSCALL:
        tls->is_broken = true;
        tls->failure = "the connection failed or ended";
        return SMQ_ERR_NETWORK;
    default:
        tls->is_broken = true;
        tls->failure = ERR_reason_error_string(ERR_peek_error());
        if ((tls->fault != CERTIFICATE_FAULT_NONE && !tls->is_server) ||
            (tls->context->is_web_client && SSL_get_verify_result(tls->ssl) != X509_V_OK))
            return SMQ_ERR_IDENTITY;
        return SMQ_ERR_TLS;
    }
}

/* Takes the ClientHello as a server does that might take early data, of which there is none here: only so does OpenSSL
 * give back what its answer took, which is 30 KB, before it waits for the client. */
static enum smq_result answer_hello(struct tls *tls, enum tls_want *want) {
    size_t length = 0;
    if (SSL_read_early_data(tls->ssl, NULL, 0, &length) == SSL_READ_EARLY_DATA_ERROR)
        return judge(tls, -1, want);
    tls->has_answered = true;
    *want = TLS_WANT_READ;
    return SSL_is_init_finished(tls->ssl) ? SMQ_OK : SMQ_ERR_AGAIN;
}

static enum smq_result shake_hands(struct tls *tls, enum tls_want *want) {
    int returned = SSL_do_handshake(tls->ssl);
    return returned == 1 ? SMQ_OK : judge(tls, returned, want);
}

enum smq_result tls_handshake_with_cookie(struct tls *tls, const uint8_t cookie[TLS_COOKIE_SIZE]) {
    CHECK(tls->is_server && !tls->has_answered);
    waiting_begins();
    begin_step(tls);
    tls->cookie = cookie;
    int returned = SSL_set_min_proto_version(tls->ssl, TLS1_3_VERSION) == 1 ? SSL_stateless(tls->ssl) : -1;
    tls->cookie = NULL;
    tls->has_answered = true;
    enum tls_want want;
    enum smq_result result = returned == 1 ? SMQ_OK : returned == 0 ? SMQ_ERR_EMPTY : judge(tls, returned, &want);
    if (result == SMQ_ERR_AGAIN || result == SMQ_ERR_CLOSED) {
        tls->is_broken = true;
        tls->failure = "no whole ClientHello";
        result = SMQ_ERR_TLS;
    }
    end_step(tls);
    return result;
}

enum smq_result tls_handshake(struct tls *tls, enum tls_want *want) {
    waiting_begins();
    begin_step(tls);
    enum smq_result result = tls->is_server && !tls->has_answered ? answer_hello(tls, want) : shake_hands(tls, want);
    if (result == SMQ_OK) {
        tls->allowance = ALLOWANCE_MAX;
        SSL_set_read_ahead(tls->ssl, 1);
    }
    if (result == SMQ_ERR_CLOSED) {
        tls->failure = "the peer closed during the handshake";
        result = SMQ_ERR_TLS;
    }
    end_step(tls);
    return result;
}

enum smq_result tls_read(struct tls *tls, uint8_t *bytes, size_t size, size_t *length, bool *more,
                         enum tls_want *want) {
    begin_step(tls);
    int returned = SSL_read_ex(tls->ssl, bytes, size, length);
    enum smq_result result = returned == 1 ? SMQ_OK : judge(tls, returned, want);
    if (result == SMQ_OK)
        data_arrived(tls, *length);
    *more = SSL_has_pending(tls->ssl) == 1;
    end_step(tls);
    return result;
}

enum smq_result tls_write(struct tls *tls, const uint8_t *bytes, size_t length, bool more, enum tls_want *want) {
    begin_step(tls);
    enum smq_result result = SMQ_ERR_TLS;
    if (!tls->is_broken) {
        size_t written = 0;
        tls->more_follows = more;
        int returned = SSL_write_ex(tls->ssl, bytes, length, &written);
        tls->more_follows = false;
        result = returned == 1 ? SMQ_OK : judge(tls, returned, want);
        tls->write_is_pending = result == SMQ_ERR_AGAIN;
    }
    end_step(tls);
    return result;
}

void tls_shutdown(struct tls *tls) {
    begin_step(tls);
    if (!tls->is_broken && !tls->write_is_pending && SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
    end_step(tls);
}

enum smq_result tls_take_facts(struct tls *tls, struct tls_facts *facts) {
    begin_step(tls);
    size_t length = tls->is_server ? SSL_get_peer_finished(tls->ssl, facts->session_id, sizeof facts->session_id)
                                   : SSL_get_finished(tls->ssl, facts->session_id, sizeof facts->session_id);
    enum smq_result result = length > 0 && length <= sizeof facts->session_id ? SMQ_OK : SMQ_ERR_TLS;
    if (result == SMQ_OK) {
        const unsigned char *alpn = NULL;
        unsigned int alpn_length = 0;
        SSL_get0_alpn_selected(tls->ssl, &alpn, &alpn_length);
        facts->session_id_length = (uint8_t)length;
        facts->has_alpn = alpn_length > 0;
        facts->shows_web_certificate = tls->shows_web_certificate;
        /* Longer names are not among those that we know. */
        for (size_t i = 0; i < sizeof facts->alpn; i++)
            facts->alpn[i] = i < alpn_length && alpn_length < sizeof facts->alpn ? (char)alpn[i] : '\0';
        facts->client_certificate_requested = tls->certificate_requested;
        facts->peer_chain_count = tls->peer_chain_count;
        facts->peer_chain = tls->peer_chain;
        tls->peer_chain_count = 0;
        tls->peer_chain = NULL;
    }
    end_step(tls);
    return result;
}

const char *tls_failure_text(const struct tls *tls) {
    return tls->failure == NULL ? "TLS failed" : tls->failure;
}
