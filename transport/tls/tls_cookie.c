/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* HelloRetryRequests with a cookie. RFC 8446 allows one with nothing but a cookie, when the client has offered a share
 * of a group that the server takes; but some clients, those of the reference among them (Haskell's tls, and GnuTLS),
 * end the handshake unless they are also asked for a share of another group. So the first hello is looked at as if the
 * groups that it has shares of were not ours, as long as the client supports one that is left. */
#include <string.h>

#include <openssl/ssl.h>

#include "queues/base/cursor.h"
#include "queues/base/secret.h"
#include "transport/tls/tls_private.h"

enum { GROUP_X25519 = 29, GROUP_X448 = 30, GROUP_COUNT = 2 };

static const struct {
    uint16_t group;
    const char *others; /* of TLS_GROUPS */
} groups[GROUP_COUNT] = {{GROUP_X448, "X25519"}, {GROUP_X25519, "X448"}};

/* What OpenSSL puts its own authenticator around, and beside it what has to be known of the first hello. */
static int make_cookie(SSL *ssl, unsigned char *cookie, size_t *length) {
    const struct tls *tls = SSL_get_app_data(ssl);
    memcpy(cookie, tls->cookie, TLS_COOKIE_SIZE);
    *length = TLS_COOKIE_SIZE;
    return 1;
}

static int check_cookie(SSL *ssl, const unsigned char *cookie, size_t length) {
    const struct tls *tls = SSL_get_app_data(ssl);
    return length == TLS_COOKIE_SIZE && secret_equal(cookie, tls->cookie, TLS_COOKIE_SIZE);
}

/* The list in the hello's extension `type`, which is empty when there is none. */
static struct slice list_of(SSL *ssl, unsigned type) {
    const unsigned char *bytes = NULL;
    size_t length = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &length) != 1)
        return slice_of(NULL, 0);
    struct reader reader = reader_of(slice_of(bytes, length));
    return read_large(&reader);
}

/* Adds which of our groups are in the list, each of which `has_share` or has not. A list that is malformed is OpenSSL's
 * to refuse. */
static void find_groups(struct slice list, bool has_share, bool found[GROUP_COUNT]) {
    struct reader reader = reader_of(list);
    while (reader_left(&reader) > 0 && !reader.failed) {
        uint16_t group = read_u16(&reader);
        if (has_share)
            (void)read_large(&reader);
        for (size_t i = 0; i < GROUP_COUNT && !reader.failed; i++)
            found[i] = found[i] || group == groups[i].group;
    }
}

bool tls_cookie_look(SSL *ssl) {
    const struct tls *tls = SSL_get_app_data(ssl);
    bool supported[GROUP_COUNT] = {false}, shared[GROUP_COUNT] = {false};
    if (tls->cookie == NULL || list_of(ssl, TLSEXT_TYPE_cookie).length > 0)
        return true;
    find_groups(list_of(ssl, TLSEXT_TYPE_supported_groups), false, supported);
    find_groups(list_of(ssl, TLSEXT_TYPE_key_share), true, shared);
    for (size_t i = 0; i < GROUP_COUNT; i++)
        if (shared[i] && !shared[1 - i] && supported[1 - i])
            return SSL_set1_groups_list(ssl, groups[i].others) == 1;
    return true;
}

void tls_context_use_cookies(SSL_CTX *context) {
    SSL_CTX_set_stateless_cookie_generate_cb(context, make_cookie);
    SSL_CTX_set_stateless_cookie_verify_cb(context, check_cookie);
}
